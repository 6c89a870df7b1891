#!/usr/bin/python3
"""The part of a gallery version that 'az sig image-version create' cannot write: the certificates that the firmware of its VMs
gets. Needs Python 3.6.

usage: gallery_version.py body MANIFEST LOCATION REGIONS DISK_ID [TAG=VALUE…]   prints the document of the version
       gallery_version.py compare MANIFEST                                      compares Azure's answer on standard input
       gallery_version.py regions REGIONS                                       prints those without custom keys

The document has the form of api-version 2024-03-03 (MicrosoftDocs/azure-compute-docs@8b66877,
articles/virtual-machines/trusted-launch-secure-boot-custom-uefi.md). `compare` ends with 1 if the keys differ, and with 2 if
the answer has none.
"""
import base64
import hashlib
import json
import sys

# The keys of Microsoft stay: shim and the boot loader are signed with them. Another template would need keys of the site for
# the whole chain.
TEMPLATE = "MicrosoftUefiCertificateAuthorityTemplate"

# Azure ignores keys there, or refuses them (the page above, of 2025-02); the list gets shorter over time.
REGIONS_WITHOUT_KEYS = set("""
    austriaeast belgiumcentral chilecentral indonesiacentral israelnorthwest jioindiacentral jioindiawest malaysiasouth
    malaysiawest mexicocentral qatarcentral southcentralus2 southeastus southeastus3 switzerlandwest taiwannorth
    taiwannorthwest ukwest westindia""".split())
CLOUDS_WITHOUT_KEYS = ("usgov", "usdod", "china")


def certificates_of(manifest):
    """The certificates in base64 on one line each, as Azure takes them: with a line break, VMs do not start and nothing says
    why (github.com/gardenlinux/gardenlinux/issues/2287). Raises ValueError for a certificate that is none."""
    found = []
    for certificate in (manifest.get("secure_boot") or {}).get("certificates", []):
        text = certificate["base64"]
        der = base64.b64decode(text.encode("ascii"), validate=True)
        if base64.b64encode(der).decode() != text:
            raise ValueError("a certificate is not base64 on one line")
        if not der.startswith(b"\x30\x82") or hashlib.sha256(der).hexdigest() != certificate["sha256"]:
            raise ValueError("certificate '%s' does not have the sha256 that the manifest says" % certificate["subject"])
        found.append(text)
    return found


def target_region(text):
    name, _, replicas = text.partition("=")
    region = {"name": name}
    if replicas:
        region["regionalReplicaCount"] = int(replicas)
    return region


def body(manifest, location, regions, disk, tags):
    return {
        "location": location,
        "tags": dict(tag.split("=", 1) for tag in tags),
        "properties": {
            "publishingProfile": {"targetRegions": [target_region(region) for region in regions.split()]},
            "storageProfile": {"osDiskImage": {"source": {"id": disk}}},
            "securityProfile": {"uefiSettings": {
                "signatureTemplateNames": [TEMPLATE],
                "additionalSignatures": {
                    "db": [{"type": "x509", "value": [text]} for text in certificates_of(manifest)]}}},
        },
    }


def differences(manifest, answer):
    """What is wrong with the keys in Azure's answer; None if it does not show keys."""
    profile = (answer.get("properties") or {}).get("securityProfile") or {}
    settings = profile.get("uefiSettings")
    if not settings:
        return None
    wrong = []
    if settings.get("signatureTemplateNames") != [TEMPLATE]:
        wrong.append("the template is %s, not %s" % (settings.get("signatureTemplateNames"), TEMPLATE))
    added = settings.get("additionalSignatures") or {}
    found = [value for key in added.get("db") or [] for value in key.get("value") or []]
    if sorted(found) != sorted(certificates_of(manifest)):
        wrong.append("db has %d keys, and they are not those of the manifest" % len(found))
    for name in ("pk", "kek", "dbx"):
        if added.get(name):
            wrong.append("it also sets %s" % name)
    return wrong


def main(arguments):
    verb = arguments[0] if arguments else ""
    if verb == "regions" and len(arguments) == 2:
        for region in (text.partition("=")[0] for text in arguments[1].split()):
            if region in REGIONS_WITHOUT_KEYS or region.startswith(CLOUDS_WITHOUT_KEYS):
                print(region)
        return 0
    if (verb, len(arguments)) != ("compare", 2) and not (verb == "body" and len(arguments) >= 5):
        print(__doc__, file=sys.stderr)
        return 64
    with open(arguments[1], encoding="utf-8") as file:
        manifest = json.load(file)
    if verb == "body":
        print(json.dumps(body(manifest, arguments[2], arguments[3], arguments[4], arguments[5:])))
        return 0
    wrong = differences(manifest, json.load(sys.stdin))
    if wrong is None:
        return 2
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
