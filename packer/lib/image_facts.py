#!/usr/bin/python3
"""Prints the facts that publishing a baked image needs, as key=value lines. Reads the recipe's gallery block, the image's
manifest and the image. Needs Python 3.6 and python3-yaml.

usage: image_facts.py RECIPE VHD MANIFEST

Reports all problems at once. The exit codes are the same as in bake: 2 usage, 3 the image does not fit the recipe, 4 the
image does not match its manifest, 5 wrong recipe or manifest, 6 python3-yaml is missing.
"""
import hashlib
import json
import os
import re
import struct
import sys

import gallery_version

MIB = 1 << 20
FOOTER = 512
EFI_SYSTEM_PARTITION = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")  # C12A7328-F81F-11D2-BA4B-00A0C93EC93B
MAX_TAG_LENGTH = 256  # characters in the value of a tag in Azure

# Names that Azure accepts; the name of a gallery must not contain a hyphen
# (learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, Microsoft.Compute).
PATTERNS = {
    "resource_group": r"[\w().-]{0,89}[\w()-]",
    "name": r"[A-Za-z0-9]([A-Za-z0-9._]{0,78}[A-Za-z0-9])?",
    "definition": r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9])?",
    "publisher": r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}",
    "offer": r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "sku": r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "location": r"[a-z0-9]+",
}


class Refusal(Exception):
    def __init__(self, status, problems):
        super().__init__()
        self.status = status
        self.problems = problems


def features_of(gallery):
    """The features in the block; a single text counts as a list of one, as in bake."""
    features = gallery.get("features") or []
    return features if isinstance(features, list) else [features]


def read_gallery(path):
    """The recipe's gallery block, checked."""
    try:
        import yaml
    except ImportError:
        raise Refusal(6, ["reading recipes needs PyYAML for /usr/bin/python3: install python3-yaml"])
    try:
        with open(path, encoding="utf-8") as file:
            recipe = yaml.load(file, Loader=yaml.BaseLoader)  # keeps every scalar as text
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refusal(5, ["reading recipe '%s': %s" % (path, " ".join(str(error).split()))])
    gallery = recipe.get("gallery") if isinstance(recipe, dict) else None
    if not isinstance(gallery, dict):
        raise Refusal(5, ["reading recipe '%s': it has no 'gallery' block; add one to say where to publish" % path])
    problems = []
    for key, pattern in PATTERNS.items():
        value = gallery.get(key, "")
        if value == "":
            problems.append("gallery has no '%s'" % key)
        elif not isinstance(value, str) or not re.fullmatch(pattern, value):
            problems.append("gallery: '%s' is not a valid '%s' in Azure" % (value, key))
    if gallery.get("hyper_v_generation", "") not in ("", "V1", "V2"):
        problems.append("gallery: 'hyper_v_generation' must be V1 or V2")
    regions = gallery.get("target_regions", [])
    if not isinstance(regions, list) or not all(re.fullmatch(r"[a-z0-9]+(=[0-9]+)?", str(r)) for r in regions):
        problems.append("gallery: 'target_regions' must be a list of regions, for example [westeurope, northeurope=2]")
    if not all(re.fullmatch(r"[A-Za-z]+=[A-Za-z0-9,]+", str(feature)) for feature in features_of(gallery)):
        problems.append("gallery: 'features' must be a list of KEY=VALUE, for example [IsAcceleratedNetworkSupported=True]")
    if problems:
        raise Refusal(5, ["reading recipe '%s': %s" % (path, problem) for problem in problems])
    return gallery


def read_manifest(path):
    """The manifest, and the sha256 of its file."""
    try:
        with open(path, "rb") as file:
            text = file.read()
        manifest = json.loads(text.decode("utf-8"))
        if manifest["schema"] != "bake-manifest/v1":
            raise ValueError("its schema is %r" % manifest["schema"])
        if not re.fullmatch(r"[0-9a-f]{64}", manifest["key"]):
            raise ValueError("'key' is not a digest")
        for keys in (("product", "sha256"), ("driver", "ofed"), ("kernel", "release"), ("os", "id"), ("os", "version")):
            if not isinstance(manifest[keys[0]][keys[1]], str):
                raise ValueError("'%s.%s' is not text" % keys)
        if not isinstance(manifest["product"]["virtual_size"], int):
            raise ValueError("'product.virtual_size' is not a number")
        if not isinstance(manifest["configure"]["generalize"], bool):
            raise ValueError("'configure.generalize' is not true or false")
        if not all(isinstance(size, str) for size in manifest["vm_sizes"]):
            raise ValueError("'vm_sizes' is not a list of names")
        gallery_version.certificates_of(manifest)
    except OSError as error:
        raise Refusal(5, ["reading manifest '%s': %s; bake writes it next to the image" % (path, error.strerror)])
    except KeyError as error:
        raise Refusal(5, ["reading manifest '%s': it has no %s, so it is not the manifest of an image" % (path, error)])
    except (ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise Refusal(5, ["reading manifest '%s': %s" % (path, error)])
    return manifest, hashlib.sha256(text).hexdigest()


def check_recipe(path, manifest):
    """Refuses a recipe of another image: its gallery definition would get this one."""
    import yaml  # read_gallery has read the file with it
    with open(path, encoding="utf-8") as file:
        recipe = yaml.load(file, Loader=yaml.BaseLoader)
    wanted = str(recipe.get("os", "")).lower()
    found = "%s %s" % (manifest["os"]["id"], manifest["os"]["version"])
    if wanted and wanted.replace(" ", "") != found.replace(" ", ""):
        raise Refusal(3, ["checking recipe '%s': it is for %s, but the image is %s; give the recipe of this image"
                          % (path, wanted, found)])
    if str(recipe.get("generalize", "")).lower() in ("true", "yes", "on") and not manifest["configure"]["generalize"]:
        raise Refusal(3, ["checking recipe '%s': it says generalize: true, but the image is not generalized; bake it again"
                          % path])


def check_image(path, product):
    """Compares the file with its manifest: an interrupted bake may have left an older image next to a newer manifest."""
    try:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != product["virtual_size"] + FOOTER or product["virtual_size"] % MIB:
                raise Refusal(4, ["checking image '%s': it has %d bytes, but the manifest says %d and a footer of %d; it is "
                                  "not the image of this manifest" % (path, size, product["virtual_size"], FOOTER)])
            for block in iter(lambda: file.read(4 * MIB), b""):
                digest.update(block)
    except OSError as error:
        raise Refusal(5, ["reading image '%s': %s" % (path, error.strerror)])
    if digest.hexdigest() != product["sha256"]:
        raise Refusal(4, ["checking image '%s': its sha256 is %s, but the manifest says %s; it is not the image of "
                          "this manifest"
                          % (path, digest.hexdigest(), product["sha256"])])
    return size


def has_efi_partition(path):
    """Whether the disk has an EFI system partition, in a GPT or an MBR. Generation 2 firmware boots from it."""
    with open(path, "rb") as file:
        mbr = file.read(512)
        header = file.read(92)
        if header[:8] == b"EFI PART":
            first, count, size = struct.unpack_from("<QII", header, 72)
            if not 128 <= size <= 4096 or count > 1024:
                return False
            file.seek(first * 512)
            table = file.read(count * size)
            return any(table[at:at + 16] == EFI_SYSTEM_PARTITION for at in range(0, len(table), size))
    return any(mbr[446 + 16 * entry + 4] == 0xEF for entry in range(4))


def choose_generation(path, wanted):
    efi = has_efi_partition(path)
    if wanted == "V2" and not efi:
        raise Refusal(3, ["checking image '%s': the recipe says hyper_v_generation V2, but the disk has no EFI system "
                          "partition, so generation 2 VMs would not boot it" % path])
    return wanted or ("V2" if efi else "V1")


def joined(values):
    """The values, comma separated; leaves out the values that do not fit into a tag."""
    text = ""
    for value in values:
        longer = text + "," + value if text else value
        if len(longer) > MAX_TAG_LENGTH:
            break
        text = longer
    return text


TRUSTED_LAUNCH = ("SecurityType=TrustedLaunchSupported", "SecurityType=TrustedLaunchAndConfidentialVmSupported")


def key_of(manifest):
    """The content address of the image. Another program changed an image that `bake resign` described again, so its
    bytes decide too."""
    if "resigned" not in manifest:
        return manifest["key"]
    return hashlib.sha256((manifest["key"] + " " + manifest["product"]["sha256"]).encode()).hexdigest()


def check_secure_boot(path, gallery, generation):
    """Refuses a gallery block that contradicts an image with signed modules."""
    problems = []
    if generation != "V2":
        problems.append("the image has modules that are signed for Secure Boot, which needs generation V2")
    for feature in features_of(gallery):
        if feature.startswith("SecurityType=") and feature not in TRUSTED_LAUNCH:
            problems.append("feature '%s' does not allow Trusted Launch, for which the modules are signed" % feature)
    if problems:
        raise Refusal(3, ["checking recipe '%s': %s" % (path, problem) for problem in problems])


def facts_of(recipe_path, vhd, manifest_path):
    gallery = read_gallery(recipe_path)
    manifest, manifest_sha256 = read_manifest(manifest_path)
    check_recipe(recipe_path, manifest)
    product = manifest["product"]
    size = check_image(vhd, product)
    regions = list(gallery.get("target_regions", []))
    if gallery["location"] not in [region.split("=")[0] for region in regions]:
        regions.insert(0, gallery["location"])  # Azure requires the region of the version among its targets
    facts = {key: gallery[key] for key in PATTERNS}
    generation = choose_generation(vhd, gallery.get("hyper_v_generation", ""))
    keys = len(gallery_version.certificates_of(manifest))
    if keys:
        check_secure_boot(recipe_path, gallery, generation)
    facts.update(
        uefi_keys=str(keys),
        target_regions=" ".join(regions),
        features=" ".join(features_of(gallery)),
        hyper_v_generation=generation,
        os_state="Generalized" if manifest["configure"]["generalize"] else "Specialized",
        upload_bytes=str(size),
        disk="bake-" + key_of(manifest)[:32],
        tag_bake_key=key_of(manifest),
        tag_bake_manifest_sha256=manifest_sha256,
        tag_bake_image_sha256=product["sha256"],
        tag_bake_version=str(manifest.get("bake", "")),
        tag_bake_os="%s %s" % (manifest["os"]["id"], manifest["os"]["version"]),
        tag_bake_ofed=manifest["driver"]["ofed"],
        tag_bake_kernel=manifest["kernel"]["release"],
        tag_bake_vm_sizes=joined(manifest["vm_sizes"]),
        tag_bake_disk_bytes=str(product["virtual_size"]),
    )
    for key, value in facts.items():
        if "\n" in value or (key.startswith("tag_") and len(value) > MAX_TAG_LENGTH):
            raise Refusal(5, ["reading manifest '%s': the value of '%s' cannot be a tag" % (manifest_path, key)])
    return facts


def main(arguments):
    if len(arguments) != 3:
        print("usage: image_facts.py RECIPE VHD MANIFEST", file=sys.stderr)
        return 2
    try:
        facts = facts_of(*arguments)
    except Refusal as refusal:
        for problem in refusal.problems:
            print("publish: error: %s" % problem, file=sys.stderr)
        return refusal.status
    for key, value in facts.items():
        print("%s=%s" % (key, value))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
