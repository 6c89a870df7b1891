#!/usr/bin/python3
"""packer/deploy: the templates follow ARM's rules and have no extension; the scripts report errors; verdict ends with the exit
code of the VM."""
import itertools
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

SOURCE = Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / "packer/deploy"
FUNCTIONS = {"parameters", "variables", "concat", "resourceGroup", "resourceId", "if", "equals", "json"}


def strings(value):
    """Every string in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def resources(value):
    """Every resource, nested ones too."""
    if isinstance(value, dict):
        if "type" in value and "apiVersion" in value:
            yield value
        for item in value.values():
            yield from resources(item)
    elif isinstance(value, list):
        for item in value:
            yield from resources(item)


class Templates(unittest.TestCase):
    def setUp(self):
        self.templates = {name: json.loads((DEPLOY / f"{name}.json").read_text()) for name in ("vm", "vmss")}

    def test_frame(self):
        for name, template in self.templates.items():
            with self.subTest(name):
                self.assertEqual(list(template), ["$schema", "contentVersion", "parameters", "variables", "resources",
                                                  "outputs"])
                self.assertEqual(template["$schema"],
                                 "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#")
                self.assertRegex(template["contentVersion"], r"^\d+\.\d+\.\d+\.\d+$")
                for parameter in template["parameters"].values():
                    self.assertIn(parameter["type"], ("string", "int", "bool"))
                    self.assertTrue(parameter["metadata"]["description"].endswith("."))
                    self.assertLessEqual(set(parameter), {"type", "metadata", "defaultValue", "allowedValues", "minValue",
                                                          "maxValue", "maxLength"})
                for resource in template["resources"]:
                    self.assertRegex(resource["type"], r"^Microsoft\.(Compute|Network)/[A-Za-z]+$")
                    self.assertRegex(resource["apiVersion"], r"^\d{4}-\d{2}-\d{2}$")
                    self.assertIn("name", resource)
                    self.assertEqual(resource["location"], "[parameters('location')]")

    def test_expressions(self):
        """Parentheses close, only known functions are called, every parameter and variable exists and is used."""
        for name, template in self.templates.items():
            with self.subTest(name):
                used = {"parameters": set(), "variables": set()}
                for text in strings(template):
                    if not text.startswith("["):
                        continue
                    self.assertTrue(text.endswith("]"), text)
                    code = re.sub(r"'[^']*'", "''", text)
                    self.assertEqual(code.count("("), code.count(")"), text)
                    self.assertLessEqual(set(re.findall(r"([A-Za-z]+)\(", code)), FUNCTIONS, text)
                    for kind, key in re.findall(r"(parameters|variables)\('([^']*)'\)", text):
                        used[kind].add(key)
                self.assertEqual(used["parameters"], set(template["parameters"]))
                self.assertEqual(used["variables"], set(template["variables"]))

    def test_dependencies_are_resources_of_the_template(self):
        for name, template in self.templates.items():
            made = {(resource["type"], resource["name"].strip("[]")) for resource in template["resources"]}
            for resource in template["resources"]:
                for dependency in resource.get("dependsOn", []):
                    match = re.fullmatch(r"\[resourceId\('([^']+)', (.+)\)\]", dependency)
                    self.assertIn(match.groups(), made, name)

    def test_no_extension_no_public_address_and_no_internet(self):
        for name, template in self.templates.items():
            for resource in resources(template):
                self.assertNotIn("extension", resource["type"].lower(), name)
                self.assertNotIn("publicIPAddresses", resource["type"], name)
            for text in strings(template):
                self.assertNotIn("extension", text.lower(), name)
                self.assertNotIn("InfiniBandDriver", text, name)
                self.assertNotIn("customData", text, name)
                self.assertTrue(text == template["$schema"] or "://" not in text, text)

    def test_vm(self):
        machine = self.templates["vm"]["resources"][-1]
        self.assertEqual(machine["type"], "Microsoft.Compute/virtualMachines")
        properties = machine["properties"]
        self.assertEqual(properties["storageProfile"]["imageReference"], {"id": "[parameters('imageId')]"})
        self.assertIn("availabilitySet", properties)
        self.assertEqual(properties["diagnosticsProfile"], {"bootDiagnostics": {"enabled": True}})
        self.assertEqual(self.templates["vm"]["resources"][0]["sku"], {"name": "Aligned"})

    def test_vms_share_one_availability_set_by_default(self):
        """In every kind of deployment, because VMs of two sets cannot reach each other by InfiniBand."""
        self.assertEqual(self.templates["vm"]["parameters"]["availabilitySetName"]["defaultValue"], "ib-set")
        self.assertIn("[string]$AvailabilitySetName = 'ib-set'", (DEPLOY / "deploy.ps1").read_text())

    def test_an_existing_set_can_stay_unchanged(self):
        """Another number of fault domains would be a conflict."""
        availability_set, _, machine = self.templates["vm"]["resources"]
        self.assertEqual(availability_set["condition"], "[parameters('makeAvailabilitySet')]")
        self.assertIs(self.templates["vm"]["parameters"]["makeAvailabilitySet"]["defaultValue"], True)
        self.assertEqual(machine["properties"]["availabilitySet"], {
            "id": "[resourceId('Microsoft.Compute/availabilitySets', parameters('availabilitySetName'))]"})
        self.assertIn("$values.makeAvailabilitySet = -not (Get-AzAvailabilitySet ", (DEPLOY / "deploy.ps1").read_text())

    def test_scale_set_is_one_infiniband_network(self):
        scale_set, = self.templates["vmss"]["resources"]
        self.assertEqual(scale_set["type"], "Microsoft.Compute/virtualMachineScaleSets")
        self.assertIs(scale_set["properties"]["singlePlacementGroup"], True)
        self.assertIs(scale_set["properties"]["overprovision"], False)
        self.assertEqual(scale_set["properties"]["orchestrationMode"], "Uniform")
        self.assertEqual(self.templates["vmss"]["parameters"]["instanceCount"]["maxValue"], 100)
        profile = scale_set["properties"]["virtualMachineProfile"]
        self.assertEqual(profile["storageProfile"]["imageReference"], {"id": "[parameters('imageId')]"})

    def test_specialized_images_get_no_os_profile(self):
        wanted = "[if(equals(parameters('osState'), 'Generalized'), variables('osProfile'), json('null'))]"
        self.assertEqual(self.templates["vm"]["resources"][-1]["properties"]["osProfile"], wanted)
        self.assertEqual(self.templates["vmss"]["resources"][0]["properties"]["virtualMachineProfile"]["osProfile"],
                         wanted)

    def test_powershell_gives_the_templates_their_parameters(self):
        text = (DEPLOY / "deploy.ps1").read_text()
        self.assertNotIn("Extension", text)
        given = set(re.findall(r"^    (\w+) +=", text, re.MULTILINE)) | set(re.findall(r"\$values\.(\w+)", text))
        known = set(self.templates["vm"]["parameters"]) | set(self.templates["vmss"]["parameters"])
        self.assertLessEqual(given, known)
        for template in self.templates.values():
            needed = {name for name, parameter in template["parameters"].items() if "defaultValue" not in parameter}
            self.assertLessEqual(needed, given)
        for opening, closing in ("()", "{}", "[]"):
            self.assertEqual(text.count(opening), text.count(closing))


class Scripts(unittest.TestCase):
    IMAGE = ["--resource-group", "r", "--name", "n", "--image", "/i", "--size", "s", "--subnet", "/n"]

    # get-boot-log prints a Python bytes literal on one line (az 2.45, managed boot diagnostics, tsv), so the log is fetched.
    AZ_WITH_CONSOLE = """#!/bin/sh
case $* in
  "vm boot-diagnostics get-boot-log-uris "*"--query serialConsoleLogBlobUri "*) echo 'https://standin.invalid/log?sig=secret' ;;
  *) exit 1 ;;
esac
"""
    CURL = """#!/bin/sh
case "$*" in *sig=*) echo "the signature is on the command line: $*"; exit 3 ;; esac
[ "$(cat)" = 'url = "https://standin.invalid/log?sig=secret"' ] && cat '{console}'
"""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.key = Path(directory.name) / "id.pub"
        self.key.write_text("ssh-rsa AAAA me@here\n")
        self.MACHINE = [*self.IMAGE, "--ssh-key", self.key]

    def parameters(self, *arguments):
        """The template that `deploy … --dry-run` uses, and its parameters."""
        line = self.run_script("deploy", *arguments, "--dry-run").stdout.splitlines()[-1]
        words = shlex.split(line)
        self.assertEqual(words[:4], ["az", "deployment", "group", "create"])
        at = words.index("--parameters")
        values = itertools.takewhile(lambda word: not word.startswith("--"), words[at + 1:])
        return Path(words[words.index("--template-file") + 1]).name, dict(value.split("=", 1) for value in values)

    def run_script(self, script, *arguments, status=0, answer=None, az=None, curl=None, console=None):
        """Runs a script. `answer` is the output of az; without it az fails. `az` and `curl` replace the programs. `console` is the
        content of a VM's serial console."""
        with tempfile.TemporaryDirectory() as directory:
            if console is not None:
                (Path(directory) / "console").write_bytes(console)
                az, curl = self.AZ_WITH_CONSOLE, self.CURL.format(console=f"{directory}/console")
            (Path(directory) / "curl").write_text(curl or "#!/bin/sh\nexit 2\n")
            (Path(directory) / "curl").chmod(0o755)
            program = Path(directory) / "az"
            program.write_text(az or ("#!/bin/sh\nexit 1\n" if answer is None else f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n"))
            program.chmod(0o755)
            result = subprocess.run([DEPLOY / script, *arguments], capture_output=True, text=True, errors="replace", check=False,
                                    env=dict(os.environ, PATH=f"{directory}:{os.environ['PATH']}"))
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def test_shellcheck(self):
        scripts = [SOURCE / "packer/publish", *(SOURCE / "packer/lib").glob("*.sh"), DEPLOY / "deploy", DEPLOY / "verdict"]
        result = subprocess.run(["shellcheck", "-x", *scripts], capture_output=True, text=True, cwd=SOURCE, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_deploy_usage(self):
        self.assertIn("give 'deploy vm' or 'deploy vmss'", self.run_script("deploy", status=2).stderr)
        self.assertIn("--image is missing", self.run_script(
            "deploy", "vm", "--resource-group", "r", "--name", "n", status=2).stderr)
        for count in ("0", "101", "x"):
            self.assertIn("--count takes 1 to 100", self.run_script(
                "deploy", "vmss", *self.MACHINE, "--count", count, status=2).stderr)
        self.assertIn("--ssh-key is missing", self.run_script("deploy", "vm", *self.IMAGE, status=2).stderr)
        self.assertIn("reading the public key '/no/key'", self.run_script(
            "deploy", "vm", *self.IMAGE, "--ssh-key", "/no/key", status=2).stderr)
        self.assertIn("make scale set n: az failed", self.run_script("deploy", "vmss", *self.MACHINE, status=1).stderr)

    def test_deploy_uses_the_templates(self):
        """So boot diagnostics are on from the first boot, when ib-firstboot prints its verdict."""
        template, values = self.parameters("vm", *self.MACHINE)
        self.assertEqual(template, "vm.json")
        self.assertLessEqual({"imageId": "/i", "vmSize": "s", "subnetId": "/n", "vmName": "n",
                              "sshPublicKey": "ssh-rsa AAAA me@here"}.items(), values.items())
        template, values = self.parameters("vmss", *self.MACHINE, "--count", "7")
        self.assertEqual((template, values), ("vmss.json", {
            "imageId": "/i", "vmSize": "s", "subnetId": "/n", "vmssName": "n", "instanceCount": "7",
            "sshPublicKey": "ssh-rsa AAAA me@here"}))

    def test_vms_share_one_availability_set(self):
        for arguments, wanted in (([], "ib-set"), (["--availability-set", "rack"], "rack")):
            for name in ("node0", "node1"):
                _, values = self.parameters("vm", *self.MACHINE[:3], name, *self.MACHINE[4:], *arguments)
                self.assertEqual((values["vmName"], values["availabilitySetName"]), (name, wanted))
                self.assertEqual(values["makeAvailabilitySet"], "true")

    def test_an_existing_availability_set_is_used(self):
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "log"
            answers = f"""#!/bin/sh
echo "$*" >>{log}
case $* in *"availability-set list"*) echo ib-set ;; esac
"""
            self.run_script("deploy", "vm", *self.MACHINE, az=answers)
            calls = log.read_text().splitlines()
        self.assertEqual([call.split(" --")[0] for call in calls], ["vm availability-set list", "deployment group create"])
        self.assertIn(" makeAvailabilitySet=false ", calls[1])

    def test_a_specialized_image_needs_no_key(self):
        for kind in ("vm", "vmss"):
            _, values = self.parameters(kind, *self.IMAGE, "--specialized")
            self.assertEqual(values["osState"], "Specialized")
            self.assertNotIn("sshPublicKey", values)

    def test_deploy_uses_no_extension(self):
        for kind in ("vm", "vmss"):
            self.assertNotIn("extension", self.run_script("deploy", kind, *self.MACHINE, "--dry-run").stdout)

    def test_verdict(self):
        log = ("Enable succeeded: \n[stdout]\n2026-01-01T00:00:00Z verdict fail exit 11: not found\n"
               "2026-01-02T00:00:00Z verdict {} exit {}: text\n\n[stderr]\n")
        for code in (0, 1, 10, 11, 12, 13, 14):
            result = self.run_script("verdict", "--resource-group", "r", "--vm", "n", status=code,
                                     answer=log.format("pass" if code == 0 else "fail", code))
            self.assertIn(f"exit {code}: text", result.stdout)

    def test_verdict_of_the_serial_console(self):
        """Reads a console with zero bytes; the last boot counts."""
        console = (b"[  1.0] systemd[1]: Started exit 3: no\r\n\0\xff[  9.1] ib-firstboot: exit 0: fine\r\n"
                   b"[  9.1] ib-firstboot: exit 13: VM size not supported\r\nexit 5: no\r\nlogin:")
        result = self.run_script("verdict", "--resource-group", "r", "--vm", "n", "--serial", status=13, console=console)
        self.assertEqual(result.stdout.splitlines()[-1], "[  9.1] ib-firstboot: exit 13: VM size not supported")
        self.assertEqual(len(result.stdout.splitlines()), 2)

    def test_the_signature_of_the_console_is_on_no_command_line(self):
        result = self.run_script("verdict", "--resource-group", "r", "--vm", "n", "--serial", status=6, console=b"")
        self.assertNotIn("sig=secret", result.stdout + result.stderr)

    def test_a_console_that_cannot_be_fetched(self):
        result = self.run_script("verdict", "--resource-group", "r", "--vm", "n", "--serial", status=6,
                                 az=self.AZ_WITH_CONSOLE, curl="#!/bin/sh\nexit 22\n")
        self.assertIn("reading the serial console: curl failed", result.stderr)

    def test_no_verdict(self):
        for options, said in (([], {"answer": "booting"}), (["--serial"], {"console": b"booting, exit 3: no"})):
            result = self.run_script("verdict", "--resource-group", "r", "--vm", "n", *options, status=6, **said)
            self.assertIn("reading the verdict: there is none", result.stderr)
        self.run_script("verdict", "--resource-group", "r", "--vm", "n", status=6)
        self.run_script("verdict", "--resource-group", "r", "--vmss", "n", status=2)


def sections(text):
    """The fragments that GitHub makes of the headings of a Markdown page."""
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


class Documentation(unittest.TestCase):
    PAGES = [SOURCE / "docs" / name for name in ("extension-map.md", "packer.md", "ci-github-actions.md",
                                                 "ci-azure-pipelines.md")]

    def test_links_and_paths_exist(self):
        for page in self.PAGES:
            text = page.read_text()
            for link in re.findall(r"\]\(([^):]+)\)", text):
                target, _, section = link.partition("#")
                linked = page.parent / target if target else page
                self.assertTrue(linked.exists(), f"{page.name}: {link}")
                if section:
                    self.assertIn(section, sections(linked.read_text()), f"{page.name}: {link}")
            for path in re.findall(r"\b((?:packer|images|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9])", text):
                made = path.startswith(("images/base", "images/versions", "docs.")) or "NAME" in path
                self.assertTrue(made or (SOURCE / path).exists(), f"{page.name}: {path}")

    def test_pipelines_are_yaml(self):
        wanted = {"ci-github-actions.md": {"name", "jobs", "concurrency"}, "ci-azure-pipelines.md": {"pool", "jobs"}}
        for name, keys in wanted.items():
            blocks = re.findall(r"```yaml\n(.*?)```", (SOURCE / "docs" / name).read_text(), re.DOTALL)
            documents = [yaml.load(block, Loader=yaml.BaseLoader) for block in blocks]
            self.assertEqual(len(documents), 2)
            self.assertLessEqual(keys, set(documents[0]))

    def workflow(self, name):
        text = (SOURCE / "docs" / name).read_text()
        return yaml.load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1], Loader=yaml.BaseLoader)

    def test_github_reviewers_are_asked_for_publishing_only(self):
        jobs = self.workflow("ci-github-actions.md")["jobs"]
        self.assertEqual(sorted(jobs), ["bake", "publish"])
        self.assertNotIn("environment", jobs["bake"])
        self.assertEqual(jobs["publish"]["environment"], "gallery")
        self.assertEqual(jobs["publish"]["needs"], "bake")
        self.assertEqual(jobs["publish"]["if"], "inputs.publish == 'yes'")
        logins = [name for name, job in jobs.items() for step in job["steps"] if "az login" in step.get("run", "")]
        self.assertEqual(logins, ["publish"])

    def test_images_outlive_the_workspace(self):
        """actions/checkout and Azure Pipelines clear the workspace, and would delete the images of a cancelled job."""
        for name in ("ci-github-actions.md", "ci-azure-pipelines.md"):
            block = re.search(r"```yaml\n(.*?)```", (SOURCE / "docs" / name).read_text(), re.DOTALL)[1]
            builds = re.findall(r"packer build .*?packer/hcl", block, re.DOTALL)
            self.assertEqual(len(builds), 2, name)
            for build in builds:
                self.assertIn("-var output_dir=/srv/bake/images", build)
            self.assertNotIn("build/images", block)
            self.assertNotIn("ArtifactStagingDirectory", block)

    def test_enterprise_server_has_the_artifact_actions_of_version_3(self):
        self.assertIn("`actions/upload-artifact@v3`", (SOURCE / "docs/ci-github-actions.md").read_text())

    def test_the_map_has_every_section_and_every_exit_code(self):
        text = self.PAGES[0].read_text()
        for section in ("operating system", "internet connectivity", "Extension schema", "properties", "Deployment",
                        "Troubleshoot", "Exit codes", "Support", "Next steps"):
            self.assertRegex(text, rf"(?m)^## .*{section}")
        self.assertEqual(re.findall(r"(?m)^\| (\d+) \|", text), ["0", "1", "10", "11", "12", "13", "14"])


if __name__ == "__main__":
    unittest.main()
