"""Expectations files: what is true of a disk image and what bake must do with it (docs/acceptance.md)."""
import re
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


# Lists of words: YAML reads 5.4 as a number.
WORD_LISTS = ("kernels", "vm_sizes")


class WrongFile(Exception):
    """Every problem of an expectations file, one a line."""


def check_keys(name, mapping, keys, problems):
    for key, value in mapping.items():
        if key not in keys:
            problems.append(f"{name}: unknown key '{key}' (known: {', '.join(keys)})")
        elif not isinstance(value, keys[key]) or (isinstance(value, bool) and keys[key] is not bool):
            quote = " (put it in quotes)" if isinstance(value, float) else ""
            problems.append(f"{name}: '{key}' has the wrong type: {value!r}{quote}")


def load(file):
    """The expectations of one file, with the defaults filled in. Raises WrongFile."""
    try:
        content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise WrongFile(f"{file}: not YAML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongFile(f"{file}: cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise WrongFile(f"{file}: not a mapping of keys to values")
    problems = []
    check_keys(file, content, KEYS, problems)
    for key, keys in (("layout", LAYOUT_KEYS), ("plan", PLAN_KEYS)):
        if isinstance(content.get(key, {}), dict):
            check_keys(f"{file}: {key}", content.get(key, {}), keys, problems)
    if not content.get("os"):
        problems.append(f"{file}: 'os' is missing, like 'os: rhel 8.6'")
    elif not re.fullmatch(r"[a-z]+ \d+(\.\d+)?", str(content["os"])):
        problems.append(f"{file}: 'os' is not a name and a version, like 'os: rhel 8.6': '{content['os']}'")
    for key in WORD_LISTS:
        if isinstance(content.get(key), list) and not all(isinstance(word, str) for word in content[key]):
            problems.append(f"{file}: '{key}' is not a list of words (put numbers in quotes): {content[key]}")
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


def without_file(directory):
    """The disk images of the directory that have no expectations file, and that the test therefore leaves out."""
    return sorted(image.name for image in Path(directory).iterdir()
                  if image.suffix in IMAGE_SUFFIXES and not image.with_suffix(".yaml").exists())


def find(directory, names):
    """(name, image, expectations) for every expectations file, or for those with the given names."""
    if not Path(directory).is_dir():
        raise WrongFile(f"{directory}: is not a directory")
    files = sorted(Path(directory).glob("*.yaml"))
    unknown = set(names) - {file.stem for file in files}
    if unknown:
        raise WrongFile("\n".join(f"{directory}: has no {name}.yaml" for name in sorted(unknown)))
    chosen = [file for file in files if not names or file.stem in names]
    if not chosen:
        images = without_file(directory)
        raise WrongFile(f"{directory}: has no expectations file (NAME.yaml next to NAME.vhd); "
                        + (f"write one for each image: {', '.join(images)}" if images else "it has no disk image either"))
    problems, cases = [], []
    for file in chosen:
        try:
            cases.append((file.stem, image_of(file), load(file)))
        except WrongFile as wrong:
            problems.append(str(wrong))
    if problems:
        raise WrongFile("\n".join(problems))
    return cases
