#!/usr/bin/python3
"""Peak memory of bake stays under 150 MiB, also for large and hostile bundles. No appliance."""
import hashlib
import struct
import subprocess
import sys
import tarfile
import unittest

from e2e import BINARY, BakeCase, run

MEBIBYTE = 1 << 20
LIMIT = 150 * MEBIBYTE
TOP = "MLNX_OFED_LINUX-5.5-1.0.3.2-ubuntu20.04-x86_64"
IDENTITY = {".mlnx": b"5.5-1.0.3.2\n", ".arch": b"x86_64\n", "distro": b"ubuntu20.04\n"}


def tar_header(path, size):
    info = tarfile.TarInfo(path)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size):
    return bytes(-size % 512)


def tar(files):
    return b"".join(tar_header(path, len(data)) + data + padding(len(data)) for path, data in files.items()) + bytes(1024)


def ar_header(name, size):
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n".encode()


def deb_front(name, payload_size):
    control = tar({"./control": f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n".encode()})
    return (b"!<arch>\n" + ar_header("debian-binary", 4) + b"2.0\n" + ar_header("control.tar", len(control)) + control +
            ar_header("data.tar", payload_size))


def paragraph(name, size, sha256):
    return (f"Package: {name}\nVersion: 1\nArchitecture: amd64\nFilename: ./{name}.deb\nSize: {size}\n"
            f"SHA256: {sha256}\n\n").encode()


def module(symbols):
    """A kernel module that imports `symbols` symbols, each with a CRC."""
    names = b"\0.shstrtab\0.modinfo\0__versions\0"
    versions = b"".join(struct.pack("<Q56s", i, b"a_symbol_with_a_long_name_%d" % i) for i in range(symbols))
    contents = [(b".shstrtab\0", 3, names), (b".modinfo\0", 1, b"name=m\0vermagic=5.4.0 SMP mod_unload modversions \0"),
                (b"__versions\0", 1, versions)]
    body, sections = b"", [bytes(64)]
    for name, kind, data in contents:
        sections.append(struct.pack("<IIQQQQIIQQ", names.index(name), kind, 0, 0, 64 + len(body), len(data), 0, 0, 1, 0))
        body += data
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return (ident + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, len(sections), 1) +
            body + b"".join(sections))


# A small program measures bake, because the kernel's counter of a child starts with the size of the forking program, and
# this test keeps large archives in memory.
MEASURE = """import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, ended, usage = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(ended), usage.ru_maxrss)"""


class Memory(BakeCase):
    def peak(self, status, message, *arguments):
        """Runs bake, which must end with `status` and print `message`; returns its peak memory in bytes."""
        result = run(sys.executable, "-c", MEASURE, BINARY, "--store", self.store, "--progress", "none", *arguments)
        ended, kibibytes = map(int, result.stdout.split())
        print(f"{' '.join(str(a) for a in arguments[:2])} {arguments[2].name}: {kibibytes / 1024:.1f} MiB", flush=True)
        self.assertEqual(ended, status, result.stderr)
        self.assertIn(message, result.stderr)
        return kibibytes * 1024

    def archive(self, name, files, compress=None):
        path = self.scratch / name
        data = tar({f"{TOP}/{inner}": content for inner, content in {**IDENTITY, **files}.items()})
        path.write_bytes(subprocess.run(compress, input=data, stdout=subprocess.PIPE, check=True).stdout if compress else data)
        return path

    def test_a_bundle_of_more_than_two_gibibytes(self):
        # A plain tar archive with one large package of zeros: sparse on disk, but bake reads all of it, because the package has
        # the name of a kernel package.
        inner = 2200 * MEBIBYTE
        payload = tar_header("./usr/share/large", inner)
        front = deb_front("large-kernel", len(payload) + inner + 1024) + payload
        size = len(front) + inner + 1024
        digest = hashlib.sha256(front)
        block = bytes(MEBIBYTE)
        for _ in range(inner // MEBIBYTE):
            digest.update(block)
        digest.update(bytes(1024))
        index = paragraph("large-kernel", size, digest.hexdigest())
        path = self.scratch / f"{TOP}.tar"
        with open(path, "wb") as file:
            for inner_path, data in {**IDENTITY, "DEBS/Packages": index}.items():
                file.write(tar_header(f"{TOP}/{inner_path}", len(data)) + data + padding(len(data)))
            file.write(tar_header(f"{TOP}/DEBS/large-kernel.deb", size) + front)
            file.truncate(file.tell() + size - len(front) + len(padding(size)) + 1024)
        self.assertGreater(path.stat().st_size, 2 << 30)
        self.assertLess(self.peak(0, "", "bundle", "verify", path, "--insecure-no-pin"), LIMIT)
        self.assertLess(self.peak(0, "", "bundle", "add", path, "--insecure-no-pin"), LIMIT)
        path.unlink()
        self.bake("bundle", "remove", TOP)

    def test_a_decompression_bomb(self):
        bomb = self.archive("bomb.tar.xz", {"DEBS/zeros.deb": bytes(256 * MEBIBYTE)}, ["xz", "-1", "-c"])
        self.assertLess(self.peak(4, "unpack to more than 200 times", "bundle", "add", bomb, "--insecure-no-pin"), LIMIT)

    def test_an_index_of_half_a_million_lines(self):
        packages = b"".join(paragraph(f"p{i}", 1, "a" * 64) for i in range(80000))
        path = self.archive("index.tar", {"DEBS/x.deb": b"x", "DEBS/Packages": packages})
        self.assertLess(self.peak(4, "more than 10000 packages", "bundle", "add", path, "--insecure-no-pin"), LIMIT)

    def test_modules_with_half_a_million_symbols(self):
        payload = tar({"./lib/modules/5.4.0/m.ko": module(500000)})
        package = deb_front("m-modules", len(payload)) + payload
        files = {"DEBS/m-modules.deb": package,
                 "DEBS/Packages": paragraph("m-modules", len(package), hashlib.sha256(package).hexdigest())}
        path = self.archive("symbols.tar", files)
        self.assertLess(self.peak(4, "more than 20000 symbols", "bundle", "add", path, "--insecure-no-pin"), LIMIT)


if __name__ == "__main__":
    unittest.main()
