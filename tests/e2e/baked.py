"""The baked Ubuntu guest, made once per bake program, guest and bundle: the main job's test leaves it for others."""
import os

from e2e import BINARY, SOURCE, sha256, standin

DIRECTORY = SOURCE / "build/e2e/baked"
IMAGE = DIRECTORY / "ubuntu-20.04.vhd"


def _key():
    """A digest of everything that the image is made of; the scripts of the stand-ins keep a separate one."""
    guest, bundle = standin("deb-guest.sh"), standin("bundle.sh", "5.5-1.0.3.2-ubuntu20.04")
    return " ".join([sha256(BINARY), *((file.parent / f"{file.name}.key").read_text().strip() for file in (guest, bundle))])


def keep(output):
    """Links a fresh image and the manifest next to it to the place where ubuntu() looks."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    key_file = IMAGE.with_name(f"{IMAGE.name}.key")
    key_file.unlink(missing_ok=True)
    for suffix in ("", ".manifest.json"):
        target = IMAGE.with_name(IMAGE.name + suffix)
        target.unlink(missing_ok=True)
        os.link(output.with_name(output.name + suffix), target)
    key_file.write_text(_key())


def ubuntu():
    """Path of the image; bakes it when the image there was made of something else."""
    key_file = IMAGE.with_name(f"{IMAGE.name}.key")
    if not key_file.exists() or key_file.read_text() != _key():
        import deb_test  # here, because it imports this module
        deb_test.UbuntuGuest.setUpClass()  # calls keep()
        deb_test.UbuntuGuest.tearDownClass()
    return IMAGE
