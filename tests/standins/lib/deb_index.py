#!/usr/bin/python3
"""deb_index.py DIRECTORY VERSION: writes Packages, Packages.bz2 and Release for the .deb files of DIRECTORY in the form of
the vendor's bundles: a flat repository, no InRelease, no Packages.gz, and a Release that lists its own half-written self."""
import bz2
import email.utils
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ORDER = ["Package", "Architecture", "Version", "Multi-Arch", "Priority", "Section", "Source", "Maintainer", "Installed-Size",
         "Provides", "Pre-Depends", "Depends", "Recommends", "Suggests", "Breaks", "Conflicts", "Replaces", "Filename", "Size",
         "MD5sum", "SHA1", "SHA256", "SHA512", "Homepage", "Description"]
DIGESTS = [("MD5Sum", hashlib.md5), ("SHA1", hashlib.sha1), ("SHA256", hashlib.sha256), ("SHA512", hashlib.sha512)]


def stanza(path):
    """One package's stanza, fields in the vendor's order; a symbolic link is indexed like the file it leads to."""
    fields, name = {}, None
    for line in subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True).stdout.splitlines():
        if line[0] in " \t":
            fields[name] += f"\n{line}"
        else:
            name, _, value = line.partition(": ")
            fields[name] = value
    data = path.read_bytes()
    fields |= {"Filename": f"./{path.name}", "Size": str(len(data))}
    fields |= {"MD5sum" if title == "MD5Sum" else title: digest(data).hexdigest() for title, digest in DIGESTS}
    return "".join(f"{field}: {fields[field]}\n" for field in ORDER if field in fields)


def main():
    directory, version = Path(sys.argv[1]), sys.argv[2]
    packages = "\n".join(stanza(path) for path in sorted(directory.glob("*.deb"))).encode() + b"\n"
    release = (f"Origin: MLNX_OFED\nLabel: MLNX_OFED_LINUX\nSuite: {version}\nCodename: {version.split('-')[0]}\n"
               f"Description: MLNX_OFED_LINUX {version}\n"
               f"Date: {email.utils.formatdate(int(os.environ['SOURCE_DATE_EPOCH'])).replace('-0000', '+0000')}\n")
    files = {"Packages": packages, "Packages.bz2": bz2.compress(packages), "Release": release.encode()}
    for title, digest in DIGESTS:
        release += f"{title}:\n" + "".join(f" {digest(data).hexdigest()} {len(data):16} {name}\n" for name, data in files.items())
    (directory / "Packages").write_bytes(packages)
    (directory / "Packages.bz2").write_bytes(files["Packages.bz2"])
    (directory / "Release").write_text(release)


if __name__ == "__main__":
    main()
