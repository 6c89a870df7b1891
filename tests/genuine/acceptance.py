#!/usr/bin/python3
"""acceptance.py DIR [NAME…]: see run.sh. One case is one image: it is inspected, planned, baked and verified, and the same facts
are read by other programs. Each comparison is a row of the table."""
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import yaml

import expectations
import image as others
from image import run

SOURCE = Path(__file__).resolve().parents[2]
BAKE = Path(os.environ.get("BAKE_BINARY", SOURCE / "build/dev/bin/bake"))
WORK = Path(os.environ.get("GENUINE_WORK", SOURCE / "build/genuine"))
STANDIN_OUTPUT = SOURCE / "build/standins"
BUNDLE_NAME = re.compile(r"MLNX_OFED_LINUX-([\d.]+-[\d.]+)-((?:rhel|ubuntu)\d+\.\d+)-x86_64\.tgz")
PROGRAMS = ("virt-inspector", "guestfish", "modinfo", "modprobe")
FIT = "built for this kernel"
ABSENT = "-"


class Case:
    """One image with its expectations; `rows` are (fact, expected, bake, other program, ok)."""

    def __init__(self, name, image, expected):
        self.name, self.image, self.expected, self.rows = name, image.resolve(), expected, []
        self.scratch = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=WORK))
        self.store = self.scratch / "store"

    def bake(self, *arguments):
        return run(BAKE, "--store", self.store, "--progress", "none", *arguments, check=False)

    def bake_json(self, *arguments):
        """The document that bake prints. Raises RuntimeError with bake's message when it prints an error instead."""
        result = self.bake(*arguments, "--json")
        document = json.loads(result.stdout) if result.stdout.strip() else {"error": {"message": result.stderr}}
        if "error" in document:
            raise RuntimeError(f"bake {' '.join(map(str, arguments))}: exit {result.returncode}: {document['error']['message']}")
        return document

    def row(self, fact, expected, bake, other=ABSENT):
        """Compares the values that are known; ABSENT marks the others."""
        said = [value for value in (expected, bake, other) if value is not ABSENT]
        self.rows.append((fact, expected, bake, other, all(value == said[0] for value in said)))

    def compare_facts(self):
        """What bake and virt-inspector read of the base."""
        seen, facts = others.base_facts(self.image), self.bake_json("inspect", self.image)
        want = self.expected
        self.facts, self.package_format = facts, seen["package_format"]
        # An image whose default kernel is not known is refused, but it needs a bundle and a plan that says so.
        self.kernel = want.get("default_kernel") or facts["default_kernel"] or next(iter(reversed(seen["kernels"])), None)
        self.row("os", want["os"], f"{facts['os']['id']} {facts['os']['version']}", seen["os"])
        self.row("kernels", sorted(want["kernels"]) if "kernels" in want else ABSENT,
                 sorted(kernel["release"] for kernel in facts["kernels"]), seen["kernels"])
        self.row("default kernel", want.get("default_kernel", ABSENT), facts["default_kernel"])
        agent = facts["waagent"]["version"] if facts["waagent"] else None
        # virt-inspector knows packages only: not an agent that was installed with pip or from its source.
        self.row("agent", want.get("agent", ABSENT), agent, ABSENT if agent and not seen["agent"] else seen["agent"])
        # The kernel's command line overrides /etc/selinux/config, which the other program reads.
        overridden = {"selinux=0", "enforcing=0"} & set(facts["default_kernel_options"].split())
        self.row("SELinux", want.get("selinux", ABSENT), facts["selinux"]["mode"], ABSENT if overridden else seen["selinux"])
        # rpm counts the keys that it trusts as packages
        self.row("number of packages", ABSENT, sum(p["name"] != "gpg-pubkey" for p in facts["packages"]["installed"]),
                 seen["package_count"])
        layout = want.get("layout", {})
        mounts = {mount["mount_point"]: mount["type"] for mount in facts["layout"]["mounts"]}
        for key in ("partition_table", "lvm", "efi"):
            self.row(key.replace("_", " "), layout.get(key, ABSENT), facts["layout"][key], seen["layout"][key])
        self.row("mounts", layout.get("mounts", ABSENT), mounts, seen["layout"]["mounts"])

    def driver(self):
        """(version, distro) of the bundle that is made for this image: the wanted one, or the matrix's first for its kernel."""
        result = self.bake("matrix", "resolve", self.expected["os"].replace(" ", ""), *self.expected["vm_sizes"], "--kernel",
                           self.kernel, "--all", "--json")
        document = json.loads(result.stdout)
        for choice in document.get("choices", []):
            match = BUNDLE_NAME.fullmatch(choice.get("file", ""))
            if match and self.expected.get("ofed", match.group(1)) == match.group(1):
                return match.groups()
        distro, version = self.expected["os"].split(" ")
        return self.expected.get("ofed", "5.5-1.0.3.2"), f"{'ubuntu' if distro == 'ubuntu' else 'rhel'}{version}"

    def write_recipe(self, ofed):
        self.recipe = self.scratch / f"{self.name}.yaml"
        content = {"schema": "bake/v1", "base": str(self.image), "os": self.expected["os"],
                   "vm_sizes": self.expected["vm_sizes"], "ofed": ofed} | self.expected.get("recipe", {})
        self.recipe.write_text(yaml.safe_dump(content, sort_keys=False))

    def prepare(self):
        """A bundle for this image in a separate store, and a recipe. No bundle can be made for an image without a kernel."""
        if not self.kernel:
            self.write_recipe("inbox")
            return
        version, distro = self.driver()
        facts = self.scratch / "facts"
        others.write_bundle_facts(self.image, self.kernel, self.package_format, facts)
        archive = run(SOURCE / "tests/standins/bundle.sh", f"{version}-{distro}", STANDIN_OUTPUT, self.kernel,
                      env=os.environ | {"STANDIN_IMAGE_FACTS": str(facts)}).stdout.strip().splitlines()[-1]
        self.must("bundle", "trust", STANDIN_OUTPUT / "keys/trusted.gpg")
        self.must("bundle", "add", archive, "--sha256", Path(f"{archive}.sha256").read_text().split()[0])
        self.write_recipe(version)

    def must(self, *arguments):
        result = self.bake(*arguments)
        if result.returncode != 0:
            raise RuntimeError(f"bake {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stderr}")

    def compare_plan(self):
        want, result = self.expected["plan"], self.bake("plan", self.recipe)
        self.row("plan: exit code", want["exit"], result.returncode)
        text = result.stdout + result.stderr
        (self.scratch / "plan.txt").write_text(text)
        for words in want.get("says", []):
            self.row(f"plan says '{words}'", True, words in text)
        for words in want.get("never_says", []):
            self.row(f"plan says '{words}'", False, words in text)

    def compare_bake(self):
        output, base = self.scratch / "out.vhd", others.run("sha256sum", self.image).stdout.split()[0]
        began = time.monotonic()
        result = self.bake("image", self.recipe, "-o", output, "--json")
        self.row("bake: exit code", self.expected["bake"], result.returncode)
        self.seconds = time.monotonic() - began
        (self.scratch / "image.txt").write_text(result.stdout + result.stderr)
        self.row("base untouched", base, others.run("sha256sum", self.image).stdout.split()[0])
        self.row("an image was written", self.expected["bake"] == 0, output.exists())
        if result.returncode != 0:
            return
        manifest = json.loads(result.stdout)
        self.row("fit of the driver", self.expected.get("kernel_fit", FIT), manifest["fit"]["verdict"])
        self.row("kernel of the driver", self.kernel, manifest["kernel"]["release"])
        verified = self.bake("verify", output, "--json")
        self.row("verify: exit code", 0, verified.returncode)
        document = json.loads(verified.stdout)
        failed = sorted(f"{check['check']}: {check['evidence']}" for check in document.get("checks", []) if has_failed(check))
        self.row("verify: failed checks", [], failed)
        self.compare_output(output, manifest)

    def compare_output(self, output, manifest):
        """The baked image as others see it."""
        selinux = self.facts["selinux"]["mode"]
        module = manifest["expectations"]["module"]
        seen = others.baked_facts(output, manifest, module, selinux)
        missing = sorted(package["name"] for package in manifest["expectations"]["packages"]
                         if package["version"].split(":")[-1] not in seen["packages"].get(package["name"], ()))
        self.row("driver packages that are missing", [], ABSENT, missing)
        places = [module.split("/")[0] for module in seen["modules"]]
        self.row(f"one {module}, outside kernel/", True, ABSENT,
                 len(places) == 1 and places[0] in ("extra", "updates", "weak-updates"))
        self.row("OS.EnableRDMA=y", manifest["expectations"]["enable_rdma"], ABSENT, seen["enable_rdma"])
        self.row("ib-firstboot is there", True, ABSENT, seen["firstboot"])
        self.row("manifest in the image", True, ABSENT, seen["recorded"] == manifest["changes"])
        if selinux in ("enforcing", "permissive") and self.facts["selinux"]["has_setfiles"]:
            self.row("label of the module", "modules_object_t", ABSENT, (seen["label"].split(":") + [""] * 3)[2])

    def run(self):
        self.seconds = 0.0
        try:
            for step in (self.compare_facts, self.prepare, self.compare_plan, self.compare_bake):
                print(f"{self.name}: {step.__name__.replace('_', ' ')}", file=sys.stderr, flush=True)
                step()
        except Exception as error:  # one image that cannot be read must not stop the others
            self.rows.append((step.__name__.replace("_", " "), "no error", f"{type(error).__name__}: {error}", ABSENT, False))
        if all(row[-1] for row in self.rows) and not os.environ.get("GENUINE_KEEP"):
            shutil.rmtree(self.scratch)

    def ok(self):
        return all(row[-1] for row in self.rows)


def has_failed(check):
    """A check that was skipped has not failed, and advice is about the base."""
    return check["status"] == "failed" and check["level"] == "required"


def shown(value):
    """A value on one line."""
    if isinstance(value, dict):
        value = " ".join(f"{key}={value[key]}" for key in sorted(value))
    elif isinstance(value, list):
        value = " ".join(map(str, value)) or "none"
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    return "none" if value is None else " ".join(str(value).split())


def print_table(cases):
    """One line for each comparison; where values differ, each of them on a separate line below."""
    width = max(len(row[0]) for case in cases for row in case.rows)
    for case in cases:
        print(f"{case.name} ({case.image.name}, baked in {case.seconds:.0f} s)")
        for fact, expected, bake, other, ok in case.rows:
            if ok:
                value = next(value for value in (expected, bake, other) if value is not ABSENT)
                print(f"  ok    {fact:{width}}  {shown(value)}")
                continue
            print(f"  DIFF  {fact}")
            for who, value in (("expected", expected), ("bake", bake), ("other program", other)):
                if value is not ABSENT:
                    print(f"          {who:13}  {shown(value)}")
    good = sum(case.ok() for case in cases)
    print(f"{good} of {len(cases)} images as expected, "
          f"{sum(not row[-1] for case in cases for row in case.rows)} of {sum(len(case.rows) for case in cases)} comparisons differ")


def missing_programs():
    """One sentence for each program that the test calls and that is not there."""
    lines = [f"{program}: not found; install libguestfs-tools and kmod" for program in PROGRAMS if not shutil.which(program)]
    if not os.access(BAKE, os.X_OK):
        lines.append(f"{BAKE}: not found; build bake, or set BAKE_BINARY to the program to test")
    return lines


def main(directory, names):
    try:
        found = expectations.find(directory, names)
    except expectations.WrongFile as wrong:
        print(wrong, file=sys.stderr)
        return 2
    if lines := missing_programs():
        print("\n".join(lines), file=sys.stderr)
        return 2
    for image in expectations.without_file(directory) if not names else ():
        print(f"{image}: left out, it has no expectations file", file=sys.stderr)
    WORK.mkdir(parents=True, exist_ok=True)
    cases = [Case(*case) for case in found]
    for case in cases:
        case.run()
    print_table(cases)
    for case in cases:
        if case.scratch.exists():
            print(f"{case.name}: what bake printed is in {case.scratch}", file=sys.stderr)
    return 0 if all(case.ok() for case in cases) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
