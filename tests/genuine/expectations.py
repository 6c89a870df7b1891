"""Expectations files: what is true of a disk image and what bake must do with it (docs/acceptance.md)."""
from pathlib import Path

import yaml

IMAGE_SUFFIXES = (".vhd", ".vhdx", ".qcow2", ".raw", ".img")
# key: type; a list of types where several are allowed. Every key but "os" may be absent; what is absent is not compared.
KEYS = {"os": str, "kernels": list, "default_kernel": str, "layout": dict, "agent": (str, type(None)), "selinux": str,
        "vm_sizes": list, "ofed": str, "kernel_fit": str, "recipe": dict, "plan": dict, "bake": (str, int)}
LAYOUT_KEYS = {"partition_table": str, "lvm": bool, "efi": bool, "mounts": dict}
PLAN_KEYS = {"exit": int, "says": list, "never_says": list}
DEFAULT_SIZE = "Standard_HB120rs_v2"
BAKE_WORDS = ("succeeds", "refused")


class WrongFile(Exception):
    """Every problem of an expectations file, one a line."""


def check_keys(name, mapping, keys, problems):
    for key, value in mapping.items():
        if key not in keys:
            problems.append(f"{name}: unknown key '{key}' (known: {', '.join(keys)})")
        elif not isinstance(value, keys[key]) or (isinstance(value, bool) and keys[key] is not bool):
            problems.append(f"{name}: '{key}' has the wrong type: {value!r}")


def load(file):
    """The expectations of one file, with the defaults filled in. Raises WrongFile."""
    try:
        content = yaml.safe_load(Path(file).read_text())
    except yaml.YAMLError as error:
        raise WrongFile(f"{file}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise WrongFile(f"{file}: not a mapping of keys to values")
    problems = []
    check_keys(file, content, KEYS, problems)
    for key, keys in (("layout", LAYOUT_KEYS), ("plan", PLAN_KEYS)):
        if isinstance(content.get(key, {}), dict):
            check_keys(f"{file}: {key}", content.get(key, {}), keys, problems)
    if not content.get("os"):
        problems.append(f"{file}: 'os' is missing, like 'os: rhel 8.6'")
    bake = content.get("bake", "succeeds")
    if isinstance(bake, str) and bake not in BAKE_WORDS:
        problems.append(f"{file}: 'bake' must be succeeds, refused or an exit code, not '{bake}'")
    if problems:
        raise WrongFile("\n".join(problems))
    content.setdefault("vm_sizes", [DEFAULT_SIZE])
    content["bake"] = {"succeeds": 0, "refused": 3}.get(bake, bake)
    content.setdefault("plan", {})
    content["plan"].setdefault("exit", content["bake"] if content["bake"] in (3, 5) else 0)
    return content


def image_of(file):
    """The disk image next to an expectations file. Raises WrongFile when there is not exactly one."""
    found = [image for suffix in IMAGE_SUFFIXES if (image := Path(file).with_suffix(suffix)).exists()]
    if len(found) != 1:
        raise WrongFile(f"{file}: {len(found)} disk images have this name (looked for {', '.join(IMAGE_SUFFIXES)})")
    return found[0]


def find(directory, names):
    """(name, image, expectations) for every expectations file, or for those with the given names."""
    files = sorted(Path(directory).glob("*.yaml"))
    unknown = set(names) - {file.stem for file in files}
    if unknown:
        raise WrongFile("\n".join(f"{directory}: has no {name}.yaml" for name in sorted(unknown)))
    chosen = [file for file in files if not names or file.stem in names]
    if not chosen:
        raise WrongFile(f"{directory}: has no expectations file (NAME.yaml next to NAME.vhd)")
    problems, cases = [], []
    for file in chosen:
        try:
            cases.append((file.stem, image_of(file), load(file)))
        except WrongFile as wrong:
            problems.append(str(wrong))
    if problems:
        raise WrongFile("\n".join(problems))
    return cases
