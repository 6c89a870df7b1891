"""Bundles, packages and keys for the tries: small, right at first, and ready to be changed."""
import gzip
import hashlib
import io
import shutil
import struct
import subprocess
import tarfile
import tempfile

from memory_test import deb_front, paragraph, tar

TOP = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"
RPM_TOP = "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel8.2-x86_64"
IDENTITY = {".mlnx": b"5.5-1.0.3.2\n", ".arch": b"x86_64\n", "distro": b"ubuntu20.04\n"}


class Gpg:
    """A key of OpenPGP in a separate home. `when` sets gpg's clock: "20200101T000000"."""

    def __init__(self, user, algorithm="ed25519", when=None, expires="never"):
        self.home = tempfile.mkdtemp(prefix="gpg", dir="/tmp")  # short: the agent's socket must fit in 108 characters
        self("--quick-gen-key", f"{user} <{user}@example.org>", algorithm, "sign", expires, when=when)
        listed = self("--list-keys", "--with-colons").decode()
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def __call__(self, *arguments, when=None, data=b""):
        clock = ["--faked-system-time", when] if when else []
        result = subprocess.run(["gpg", "--homedir", self.home, "--batch", "--quiet", "--yes", "--no-auto-check-trustdb",
                                 "--pinentry-mode", "loopback", "--passphrase", "", *clock, *arguments], input=data,
                                capture_output=True, check=False)
        if result.returncode:
            raise AssertionError(f"gpg {arguments}: {result.stderr.decode()}")
        return result.stdout

    def public(self, armour=True):
        return self("--export", *(["--armor"] if armour else []))

    def secret(self):
        return self("--export-secret-keys", "--armor")

    def sign(self, data, *options, when=None, armour=True):
        return self("--detach-sign", *(["--armor"] if armour else []), *options, when=when, data=data)

    def revoke(self):
        with open(f"{self.home}/openpgp-revocs.d/{self.fingerprint}.rev") as file:
            certificate = file.read().replace(":-----BEGIN", "-----BEGIN")
        self("--import", data=certificate.encode())

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


class Keys:
    """The keys of the tries, each made when it is first needed."""

    def __init__(self):
        self.made = {}

    def get(self, name, **options):
        if name not in self.made:
            self.made[name] = Gpg(name, **options)
        return self.made[name]

    def close(self):
        for key in self.made.values():
            key.close()


def deb(name, files=None):
    payload = tar({f".{path}": content for path, content in (files or {"/usr/share/doc/x": b"x"}).items()})
    return deb_front(name, len(payload)) + payload


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Bundle:
    """A bundle of two .debs with a signed index. `files` and `members` may be changed before archive()."""

    top = TOP

    def __init__(self, signer):
        self.files = dict(IDENTITY)
        self.members = []  # more entries of the archive: (TarInfo, content)
        for name in ("ofed-scripts", "mlnx-tools"):
            self.files[f"DEBS/{name}.deb"] = deb(name)
        self.index(signer)

    def index(self, signer):
        """Writes Packages, Release and its signature from the packages."""
        self.files["DEBS/Packages"] = b"".join(
            paragraph(path[len("DEBS/"):-len(".deb")], len(data), sha256(data))
            for path, data in sorted(self.files.items()) if path.endswith(".deb"))
        self.sign(signer)

    def sign(self, signer, *options, when=None, digests=("SHA256",)):
        packages = self.files["DEBS/Packages"]
        release = "Suite: 5.5-1.0.3.2\n"
        for kind in digests:
            digest = hashlib.new(kind.lower().removesuffix("sum"), packages).hexdigest()
            release += f"{kind}:\n {digest} {len(packages)} Packages\n"
        self.files["DEBS/Release"] = release.encode()
        self.files["DEBS/Release.gpg"] = signer.sign(self.files["DEBS/Release"], *options, when=when)

    def tar(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, content in self.files.items():
                info = tarfile.TarInfo(f"{self.top}/{path}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            for info, content in self.members:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return data.getvalue()

    def archive(self):
        return gzip.compress(self.tar(), 1)

    def member(self, name, kind=tarfile.REGTYPE, target="", content=b"", mode=0o644):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = kind, target, mode
        self.members.append((info, content))
        return self


def packets(data):
    """The packets of a binary key file as (tag, body). gpg writes them with headers of the old format (RFC 4880, 4.2.1)."""
    found, at = [], 0
    while at < len(data):
        head = data[at]
        assert head & 0xC0 == 0x80, "not a header of the old format"
        width = (1, 2, 4)[head & 3]
        size = int.from_bytes(data[at + 1:at + 1 + width], "big")
        found.append((head >> 2 & 15, data[at + 1 + width:at + 1 + width + size]))
        at += 1 + width + size
    return found


def packet(tag, body):
    return bytes([0x81 | tag << 2]) + len(body).to_bytes(2, "big") + body


def header(entries):
    """An rpm header (rpm, docs/manual/format.md). Entries are (tag, type, count, data)."""
    index, data = b"", b""
    for tag, kind, count, value in entries:
        data += bytes(-len(data) % (4 if kind == 4 else 1))
        index += struct.pack(">IIII", tag, kind, len(data), count)
        data += value
    return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(entries), len(data)) + index + data


def rpm(name, signer=None, payload_digest=False):
    """A package whose signature covers the header, which has a digest of the payload only with `payload_digest`."""
    payload = gzip.compress(b"070701" + b"0" * 88 + b"0000000b" + b"0" * 8 + b"TRAILER!!!\0\0\0\0")  # an empty cpio archive

    def text(tag, value):
        return tag, 6, 1, value.encode() + b"\0"
    digest = [(5092, 8, 1, sha256(payload).encode() + b"\0"), (5093, 4, 1, struct.pack(">I", 8))] if payload_digest else []
    front = header([text(1000, name), text(1001, "1"), text(1002, "1"), (1009, 4, 1, struct.pack(">I", 0)), text(1022, "x86_64"),
                    (1047, 8, 1, name.encode() + b"\0"), (1112, 4, 1, struct.pack(">I", 8)), (1113, 8, 1, b"1-1\0"), *digest])
    signatures = [(1000, 4, 1, struct.pack(">I", len(front) + len(payload)))]
    if signer:
        packed = signer.sign(front, armour=False)
        signatures.insert(0, (268, 7, len(packed), packed))
    signature = header(signatures)
    return b"\xed\xab\xee\xdb\x03".ljust(96, b"\0") + signature + bytes(-len(signature) % 8) + front + payload


class RpmBundle(Bundle):
    """A bundle of one signed .rpm. Its index is not signed, and says more than the package's header: `relations`."""

    top = RPM_TOP

    def __init__(self, signer, relations=""):
        package = rpm("mlnx-tools", signer, payload_digest=True)
        primary = ('<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" '
                   'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1"><package type="rpm"><name>mlnx-tools</name>'
                   '<arch>x86_64</arch><version epoch="0" ver="1" rel="1"/>'
                   f'<checksum type="sha256" pkgid="YES">{sha256(package)}</checksum>'
                   f'<size package="{len(package)}" installed="0" archive="0"/>'
                   f'<location href="mlnx-tools-1-1.x86_64.rpm"/><format>{relations}</format></package></metadata>').encode()
        packed = gzip.compress(primary)
        repomd = ('<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>'
                  f'<data type="primary"><checksum type="sha256">{sha256(packed)}</checksum>'
                  f'<open-checksum type="sha256">{sha256(primary)}</open-checksum><location href="repodata/primary.xml.gz"/>'
                  f'<timestamp>1</timestamp><size>{len(packed)}</size><open-size>{len(primary)}</open-size></data></repomd>')
        self.files = {".mlnx": b"5.5-1.0.3.2\n", ".arch": b"x86_64\n", "distro": b"rhel8.2\n",
                      "RPMS/mlnx-tools-1-1.x86_64.rpm": package, "RPMS/repodata/primary.xml.gz": packed,
                      "RPMS/repodata/repomd.xml": repomd.encode()}
        self.members = []
