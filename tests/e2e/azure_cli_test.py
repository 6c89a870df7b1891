#!/usr/bin/python3
"""Every az command of packer/ is parsed by the real az (Debian's azure-cli), without a network: publish's as the stand-in
recorded them, those of packer/deploy as its scripts show them."""
import io
import json
import os
import shlex
import subprocess
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path

# Before azure.cli is imported: nothing of this test goes into the user's configuration or to Microsoft.
CONFIGURATION = tempfile.TemporaryDirectory()
os.environ.update(AZURE_CONFIG_DIR=CONFIGURATION.name, AZURE_CORE_COLLECT_TELEMETRY="0",
                  AZURE_CORE_SURVEY_MESSAGE="0")

from azure.cli.core import get_default_cli  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
STANDINS = SOURCE / "tests/standins"


class RealParser:
    """The command table and the argument parser of az, stopped before anything is executed."""

    def __init__(self):
        self.cli = get_default_cli()

    def parse(self, arguments):
        """The parsed namespace; SystemExit where az would end with its usage error."""
        cli = self.cli
        invocation = cli.invocation_cls(cli_ctx=cli, parser_cls=cli.parser_cls, help_cls=cli.help_cls,
                                        commands_loader_cls=cli.commands_loader_cls)
        cli.invocation = invocation
        invocation.commands_loader.load_command_table(arguments)
        command = invocation._rudimentary_get_command(arguments)
        invocation.data["command_string"] = command
        invocation.commands_loader.load_arguments(command)
        invocation.parser.load_command_table(invocation.commands_loader)
        return invocation.parser.parse_args(arguments)


class AzureCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.parser = RealParser()

    def accept(self, arguments):
        errors = io.StringIO()
        try:
            with redirect_stderr(errors):
                return self.parser.parse(list(arguments))
        except SystemExit:
            self.fail(f"az refuses {shlex.join(arguments)}: {errors.getvalue()}")

    def test_the_parser_refuses_what_az_does_not_have(self):
        for line in ("sig image-version create -g r -r g -i d -e 1.0.0 --os-disk x", "disk create -g r",
                     "disk create -g r -n d --upload-type Uplaod", "vm conjure -g r"):
            with self.subTest(line), self.assertRaises(SystemExit), redirect_stderr(io.StringIO()):
                self.parser.parse(line.split())

    def test_what_publish_runs(self):
        """All commands, with the failures that need cleaning up."""
        with tempfile.TemporaryDirectory() as scratch:
            commands = {tuple(call[1:]) for call in self.recorded(Path(scratch)) if call[0] == "az"}
        verbs = set()
        for command in sorted(commands):
            with self.subTest(shlex.join(command[:3])):
                parsed = self.accept(command)
                verbs.add(parsed.command)
        self.assertEqual(verbs, {
            "disk create", "disk list", "disk show", "disk grant-access", "disk revoke-access", "disk update",
            "disk delete", "sig image-definition list", "sig image-definition create", "sig image-version list",
            "sig image-version show", "sig image-version create", "sig image-version delete"})

    def recorded(self, scratch):
        (scratch / "image.yaml").write_text(
            "schema: bake/v1\nos: centos 7.7\nvm_sizes: [Standard_HB120rs_v2]\ngallery: {resource_group: images, "
            "name: g, definition: d, publisher: p, offer: o, sku: s, location: westeurope, "
            "target_regions: [westeurope, northeurope=2]}\n")
        subprocess.run([STANDINS / "pipeline/bake", "--progress", "plain", "image", scratch / "image.yaml", "-o",
                        scratch / "image.vhd", "--force"], check=True, capture_output=True)
        state = {"galleries": {"g": {}}, "disks": {}, "changes": 0, "creating_looks": 1}
        (scratch / "state").write_text(json.dumps(dict(state, ends_as="Failed")))
        environment = dict(os.environ, PATH=f"{STANDINS}/azure:{os.environ['PATH']}",
                           AZURE_STANDIN_STATE=str(scratch / "state"), AZURE_STANDIN_LOG=str(scratch / "log"))
        publish = [SOURCE / "packer/publish", "--recipe", scratch / "image.yaml", "--vhd", scratch / "image.vhd",
                   "--poll", "0", "--subscription", "s", "--feature", "DiskControllerTypes=SCSI,NVMe", "--feature",
                   "IsAcceleratedNetworkSupported=True"]
        self.assertEqual(subprocess.run(publish, env=environment, capture_output=True).returncode, 1)
        self.assertEqual(subprocess.run(publish, env=dict(environment, AZURE_STANDIN_FAULT="fail-after:13"),
                                        capture_output=True).returncode, 1)
        return [json.loads(line) for line in (scratch / "log").read_text().splitlines()]


if __name__ == "__main__":
    unittest.main()
