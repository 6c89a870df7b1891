"""Archives, keys, packages and carried archives that must not be trusted. No appliance."""
import atexit
import io
import json
import shutil
import subprocess
import tarfile

from hostile import MEBIBYTE, Group, expect
from materials import TOP, Bundle, Keys, RpmBundle, packet, packets, rpm, sha256

tries = Group("trust")
keys = Keys()
atexit.register(keys.close)


def vendor():
    return keys.get("vendor")


def stranger():
    return keys.get("stranger")


def add(place, bundle, *options, key=None, archive=None):
    """The arguments that add a bundle; the store trusts `key`, by default the vendor's."""
    ring = place.write("vendor.asc", key if key is not None else vendor().public())
    name = bundle.top if bundle else TOP
    path = place.write(f"{name}.tgz", archive if archive is not None else bundle.archive())
    return ["bundle", "add", path, "--keyring", ring, *options]


@tries.bake("the right bundle is accepted", 0)
def right(place):
    return add(place, Bundle(vendor()))


@tries.bake("signed by a foreign key", 4, "which is not in your key ring")
def foreign_key(place):
    return add(place, Bundle(stranger()))


@tries.bake("the key that signed is only in the bundle", 4, "which is not in your key ring")
def own_key(place):
    bundle = Bundle(stranger())
    bundle.files["RPM-GPG-KEY-Mellanox"] = stranger().public()
    return add(place, bundle)


@tries.bake("a subkey that the vendor did not bind", 4, "which is not in your key ring")
def unbound_subkey(place):
    # The attacker adds the primary key of a separate pair to the vendor's file, as a subkey without any binding.
    body = packets(stranger().public(armour=False))[0][1]
    return add(place, Bundle(stranger()), key=vendor().public(armour=False) + packet(14, body))


@tries.bake("a subkey behind the signature of another one", 4, "which is not in your key ring")
def borrowed_binding(place):
    body = packets(stranger().public(armour=False))[0][1]
    own = packets(vendor().public(armour=False))
    binding = next(content for tag, content in own if tag == 2)
    return add(place, Bundle(stranger()), key=vendor().public(armour=False) + packet(14, body) + packet(2, binding))


@tries.bake("a key that expired before it signed", 4, "expired")
def expired_key(place):
    # The signature is from 2022; the owner set the end to 2021 before.
    key = keys.get("expired-vendor", when="20200101T000000")
    bundle = Bundle(vendor())
    bundle.sign(key, when="20220101T000000")
    key("--quick-set-expire", key.fingerprint, "20210101T000000", when="20200601T000000")
    return add(place, bundle, key=key.public())


@tries.bake("a revoked key", 4, "revoked")
def revoked_key(place):
    key = keys.get("revoked-vendor")
    bundle = Bundle(key)
    key.revoke()
    return add(place, bundle, key=key.public())


@tries.bake("a signature from the future", 4, "future")
def future_signature(place):
    bundle = Bundle(vendor())
    bundle.sign(vendor(), when="20990101T000000")
    return add(place, bundle)


@tries.custom("an old file of a key that was revoked")
def undone_revocation(place):
    key = keys.get("later-revoked-vendor")
    old = place.write("old.asc", key.public())
    key.revoke()
    place.bake("bundle", "trust", place.write("revoked.asc", key.public()))
    place.keep(place.store / "keyring")
    outcome = place.measure("bundle", "trust", old)
    expect(outcome, 4, "is revoked in")
    return f"exit {outcome.status}"


@tries.bake("a secret key in the place of a public one", 5, "it holds a secret key")
def secret_key(place):
    return ["bundle", "trust", place.write("vendor.asc", stranger().secret())]


@tries.bake("a key file of another kind", 5, "it holds no OpenPGP public key")
def no_key(place):
    return ["bundle", "trust", place.write("vendor.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n")]


@tries.bake("not signed", 4, "DEBS/Release: not signed")
def unsigned(place):
    bundle = Bundle(vendor())
    del bundle.files["DEBS/Release.gpg"]
    return add(place, bundle)


@tries.bake("a signature that cannot be read", 4, "cannot be read")
def broken_signature(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/Release.gpg"] = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    return add(place, bundle)


@tries.bake("Release changed after signing", 4, "DEBS/Release: bad signature")
def changed_release(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/Release"] += b"Codename: x\n"
    return add(place, bundle)


@tries.bake("a forged index under the signed Release", 4, "DEBS/Packages: is not what Release says")
def forged_index(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/Packages"] += b"\n"
    return add(place, bundle)


@tries.bake("a package changed after indexing", 4, "DEBS/mlnx-tools.deb: differs from the index")
def changed_package(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/mlnx-tools.deb"] = bundle.files["DEBS/mlnx-tools.deb"][:-1] + b"\x01"
    return add(place, bundle)


@tries.bake("a dropped package", 4, "DEBS/mlnx-tools.deb: the index lists it, but the bundle does not contain it")
def dropped_package(place):
    bundle = Bundle(vendor())
    del bundle.files["DEBS/mlnx-tools.deb"]
    return add(place, bundle)


@tries.bake("an additional package is never installed", 0, "bake will not install them")
def additional_package(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/extra.deb"] = bundle.files["DEBS/mlnx-tools.deb"]
    return add(place, bundle)


@tries.bake("an index that names a file outside", 4, "it names a file './../../x.deb'")
def climbing_index(place):
    bundle = Bundle(vendor())
    bundle.files["DEBS/Packages"] += (b"Package: x\nVersion: 1\nArchitecture: all\nFilename: ./../../x.deb\nSize: 1\nSHA256: " +
                                      b"a" * 64 + b"\n")
    bundle.sign(vendor())
    return add(place, bundle)


@tries.bake("weak digests with --refuse-weak", 4, "weak")
def weak_digests(place):
    bundle = Bundle(vendor())
    bundle.sign(vendor(), digests=("MD5Sum",))
    return add(place, bundle, "--refuse-weak")


@tries.bake("a weak signature with --refuse-weak", 4, "weak")
def weak_signature(place):
    key = keys.get("weak-vendor", algorithm="dsa1024")
    bundle = Bundle(vendor())
    bundle.sign(key, "--digest-algo", "SHA1")
    return add(place, bundle, "--refuse-weak", key=key.public())


@tries.bake("another pin on the command line", 4, "the command line pins aaaa")
def wrong_pin(place):
    return add(place, Bundle(vendor()), "--sha256", "a" * 64)


@tries.bake("neither a pin nor a key", 4, "no pinned sha256 and no signature by a trusted key")
def no_pin(place):
    return ["bundle", "add", place.write(f"{TOP}.tgz", Bundle(vendor()).archive())]


@tries.bake("the right bundle of rpms is accepted", 0)
def right_rpms(place):
    return add(place, RpmBundle(vendor()))


@tries.bake("an obsolete that only the unsigned primary.xml has", 4, "only the index says that it obsoletes 'rdma-core < 99'")
def forged_obsoletes(place):
    entry = '<rpm:entry name="rdma-core" flags="LT" epoch="0" ver="99"/>'
    return add(place, RpmBundle(vendor(), f"<rpm:obsoletes>{entry}</rpm:obsoletes>"))


@tries.bake("a signature over the header alone of an rpm", 4, "the signature covers only the header")
def header_only(place):
    place.write("rpms/tcl-1-1.x86_64.rpm", rpm("tcl", vendor()))
    return ["bundle", "add", "--extra", place.path / "rpms", "--keyring", place.write("vendor.asc", vendor().public())]


@tries.bake("an unsigned rpm among extra packages", 4, "not signed")
def unsigned_rpm(place):
    place.write("rpms/tcl-1-1.x86_64.rpm", rpm("tcl"))
    return ["bundle", "add", "--extra", place.path / "rpms", "--keyring", place.write("vendor.asc", vendor().public())]


def entry(name, words, path, kind=tarfile.REGTYPE, target="", mode=0o644):
    """A try with one more entry in the archive; nothing may appear outside the store."""
    @tries.bake(name, 4, words)
    def function(place):
        return add(place, Bundle(vendor()).member(path, kind, target, mode=mode))
    return function


entry("an absolute name", "has an absolute path", "/etc/cron.d/bake-hostile")
entry("a name with '..'", "has '..' in its path", f"{TOP}/../../etc/passwd")
entry("a link to an absolute path", "is a link to the absolute path '/etc/passwd'", f"{TOP}/x", tarfile.SYMTYPE, "/etc/passwd")
entry("a link that leaves", "is a link that leaves the top directory", f"{TOP}/DEBS/x.deb", tarfile.SYMTYPE, "../../x.deb")
entry("a hard link to another top", "is outside the top directory", f"{TOP}/x", tarfile.LNKTYPE, "other/x")
entry("a block device", "is a block device", f"{TOP}/sda", tarfile.BLKTYPE)
entry("a pipe", "is a fifo", f"{TOP}/pipe", tarfile.FIFOTYPE)
entry("a set-user-ID file", "is set-user-ID or set-group-ID", f"{TOP}/su", mode=0o4755)
entry("a name with a terminal's control characters", "has control characters in its name", f"{TOP}/a\x1b[2Jb")
entry("a file twice", "occurs twice in the archive", f"{TOP}/distro")


@tries.bake("a truncated archive", 4, "damaged or truncated")
def truncated(place):
    data = Bundle(vendor()).archive()
    return add(place, None, archive=data[:len(data) // 2])


@tries.bake("a decompression bomb", 4, "unpack to more than 200 times", limit=120)
def bomb(place):
    zeros = Bundle(vendor()).member(f"{TOP}/zeros", content=bytes(256 << 20))
    data = subprocess.run(["xz", "-1", "-c"], input=zeros.tar(), stdout=subprocess.PIPE, check=True).stdout
    return add(place, None, archive=data)


@tries.bake("a file that claims 60 TiB", 4, "more than 40 GiB of data")
def claims(place):
    info = tarfile.TarInfo(f"{TOP}/huge")
    info.size = 60 << 40
    return add(place, None, archive=front_of(Bundle(vendor())) + info.tobuf(tarfile.GNU_FORMAT))


def front_of(bundle):
    """The archive without the two empty blocks at its end."""
    data = io.BytesIO(bundle.tar())
    with tarfile.open(fileobj=data) as archive:
        last = archive.getmembers()[-1]
    return data.getvalue()[:last.offset_data + (last.size + 511) // 512 * 512]


@tries.bake("100000 entries", 4, "more than 50000 entries", limit=120)
def many_entries(place):
    bundle = Bundle(vendor())
    for number in range(100000):
        bundle.member(f"{TOP}/{number}")
    return add(place, bundle)


@tries.bake("an xz stream that needs 1 GiB of memory", 4, "unpacking it needs 1 GiB of memory")
def large_window(place):
    data = bytearray(subprocess.run(["xz", "-1", "-c"], input=Bundle(vendor()).tar(), stdout=subprocess.PIPE, check=True).stdout)
    data[data.index(b"\x21\x01") + 2] = 36  # the filter LZMA2, the size of its properties; then the dictionary size
    return add(place, None, archive=bytes(data))


# ---- the store

def filled(place):
    """Puts the right bundle into the store and returns the directory of it."""
    place.bake(*add(place, Bundle(vendor())))
    place.bake("bundle", "trust", place.path / "vendor.asc")
    return next((place.store / "bundles").iterdir())


@tries.custom("a payload that changed in the store")
def changed_payload(place):
    payload = next(path for path in filled(place).iterdir() if path.suffix == ".iso")
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 1
    payload.write_bytes(data)
    outcome = place.measure("bundle", "verify", TOP)
    expect(outcome, 4, "its digest differs from the one that was stored")
    return f"exit {outcome.status}"


@tries.custom("bundle.json that names another payload")
def changed_json(place):
    file = filled(place) / "bundle.json"
    text = json.loads(file.read_text())
    text["payload"]["sha256"] = "a" * 64
    file.write_text(json.dumps(text))
    outcome = place.measure("bundle", "verify", TOP)
    expect(outcome, 4, "its digest differs from the one that was stored")
    return f"exit {outcome.status}"


@tries.custom("bundle.json and the index changed together")
def forged_description(place):
    stored = filled(place)
    packages = stored / "index/flat/packages"
    packages.write_bytes(packages.read_bytes().replace(b"Version: 1\n", b"Version: 2\n"))
    file = stored / "bundle.json"
    text = json.loads(file.read_text())
    for package in text["repositories"][0]["packages"]:
        package["version"] = "2"
    filelists = (stored / "index/flat/filelists").read_bytes()
    text["repositories"][0]["index_sha256"] = sha256((sha256(packages.read_bytes()) + sha256(filelists)).encode())
    file.write_text(json.dumps(text))
    place.bake("bundle", "show", TOP)
    outcome = place.measure("bundle", "verify", TOP)
    expect(outcome, 4, "differs from the payload in 'version'", "differs from what the payload says")
    return f"exit {outcome.status}"


@tries.custom("bundle.json that switches checks off")
def forged_overrides(place):
    file = filled(place) / "bundle.json"
    text = json.loads(file.read_text())
    text["trust"].update(signer="", pin="", overridden=["--insecure-no-pin", "--insecure-no-signature"])
    file.write_text(json.dumps(text))
    shutil.rmtree(place.store / "keyring")
    outcome = place.measure("bundle", "verify", TOP)
    expect(outcome, 4, "no pinned sha256 and no signature by a trusted key",
           "records that the bundle was added with --insecure-no-signature")
    return f"exit {outcome.status}"


@tries.custom("bundle.json that is nested without end")
def nested_json(place):
    (filled(place) / "bundle.json").write_text("[" * 200000)
    outcome = place.measure("bundle", "show", TOP)
    expect(outcome, 1, "bundle.json")
    next((place.store / "bundles").iterdir()).rename(place.path / "aside")  # the next run needs a store
    return f"exit {outcome.status}"


@tries.custom("a key ring that cannot be read")
def broken_ring(place):
    filled(place)
    for ring in (place.store / "keyring").iterdir():
        ring.write_bytes(b"\x99\xff garbage")
    outcome = place.measure("bundle", "add", place.path / f"{TOP}.tgz")
    expect(outcome, 5, "it holds no OpenPGP public key")
    return f"exit {outcome.status}"


# ---- carried archives

def carried(place):
    """An archive of bake export, signed with site.key; the arguments of its import into another store."""
    filled(place)
    with open(place.path / "base.raw", "wb") as disk:
        disk.truncate(32 << 20)
        disk.seek(510)
        disk.write(b"\x55\xaa")
    place.bake("key", "new", "--out", place.path / "site")
    recipe = place.write("image.yaml", "schema: bake/v1\nname: image\nbase: base.raw\nos: ubuntu 20.04\n"
                                       "vm_sizes: [Standard_HB120rs_v2]\nofed: 5.5-1.0.3.2\n")
    archive = place.path / "carry.tar.zst"
    place.bake("export", "--recipe", recipe, "--out", archive, "--key", place.path / "site.key")
    place.store = place.path / "other"
    return archive, ["import", archive, "--trust", place.path / "site.pub", "--to", place.path / "out-carried"]


@tries.custom("a carried archive is imported")
def good_carry(place):
    _, arguments = carried(place)
    expect(place.measure(*arguments), 0)
    (place.path / "out-carried").rename(place.path / "carried")
    return "exit 0"


def spoilt_carry(name, words, change):
    @tries.bake(name, 4, *words)
    def function(place):
        archive, arguments = carried(place)
        change(place, archive)
        return arguments
    return function


def flip(place, archive):
    data = bytearray(archive.read_bytes())
    data[len(data) * 2 // 3] ^= 0x10
    archive.write_bytes(data)


def shorten(place, archive):
    archive.write_bytes(archive.read_bytes()[:-1])


def other_key(place, archive):
    place.bake("key", "new", "--out", place.path / "another")
    (place.path / "another.pub").replace(place.path / "site.pub")


def members_of(archive):
    data = subprocess.run(["zstd", "-dc", archive], stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(info, tar.extractfile(info).read() if info.isreg() else b"") for info in tar.getmembers()]


def rewrite(archive, members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    archive.write_bytes(subprocess.run(["zstd", "-qc"], input=data.getvalue(), stdout=subprocess.PIPE, check=True).stdout)


def add_key(place, archive):
    info = tarfile.TarInfo("store/keyring/mine.gpg")
    rewrite(archive, [*members_of(archive), (info, stranger().public(armour=False))])


def forge_index(place, archive):
    members = members_of(archive)
    members[0] = (members[0][0], members[0][1] + b" ")
    rewrite(archive, members)


def climb(place, archive):
    members = members_of(archive)
    members[1][0].name = "../" + members[1][0].name
    rewrite(archive, members)


def bomb_index(place, archive):
    count = 16 * MEBIBYTE // 3 - 1
    rewrite(archive, [(tarfile.TarInfo("carry.json"), b"[" + b"{}," * count + b"{}]")])


spoilt_carry("a carried archive with an index of 5 million values", ("not a signed document",), bomb_index)
spoilt_carry("a carried archive with one bit changed", (), flip)
spoilt_carry("a carried archive that lost its last byte", ("damaged or truncated",), shorten)
spoilt_carry("a carried archive of another key", ("not by the trusted key",), other_key)
spoilt_carry("a carried archive with an additional key", ("is not in the index",), add_key)
spoilt_carry("a carried archive with a forged index", ("its index was changed after signing",), forge_index)
spoilt_carry("a carried archive with a climbing name", ("is in the place of",), climb)


@tries.custom("a link under the name of the unfinished import")
def prepared_import(place):
    _, arguments = carried(place)
    mine = place.keep(place.write("mine/file", "x").parent)
    link = place.path / "out-carried.partial"
    link.symlink_to(mine)
    outcome = place.measure(*arguments)
    expect(outcome, 2, "an earlier import of this user did not make it")
    link.unlink()
    return f"exit {outcome.status}"
