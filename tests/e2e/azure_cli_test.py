#!/usr/bin/python3
"""The real az (Debian's azure-cli) parses every az command of packer/, without a network: the commands of publish as the
stand-in recorded them, the commands of packer/deploy as its scripts print them."""
import base64
import hashlib
import io
import json
import os
import shlex
import subprocess
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path

# Set before azure.cli is imported, so that the test does not change the user's configuration or send telemetry.
CONFIGURATION = tempfile.TemporaryDirectory()
os.environ.update(AZURE_CONFIG_DIR=CONFIGURATION.name, AZURE_CORE_COLLECT_TELEMETRY="0",
                  AZURE_CORE_SURVEY_MESSAGE="0")

from azure.cli.core import get_default_cli  # noqa: E402
from knack.events import EVENT_INVOKER_POST_PARSE_ARGS  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
STANDINS = SOURCE / "tests/standins"


class Parsed(Exception):
    """Raised after az has parsed its arguments, so that it executes nothing."""


class RealParser:
    def __init__(self):
        self.cli = get_default_cli()
        self.cli.register_event(EVENT_INVOKER_POST_PARSE_ARGS, self.stop)

    @staticmethod
    def stop(_cli, command, **_arguments):
        raise Parsed(command)

    def parse(self, arguments):
        """The name of the parsed command; raises SystemExit if az reports wrong usage."""
        cli = self.cli
        cli.invocation = cli.invocation_cls(cli_ctx=cli, parser_cls=cli.parser_cls, help_cls=cli.help_cls,
                                            commands_loader_cls=cli.commands_loader_cls)
        try:
            cli.invocation.execute(arguments)
        except Parsed as parsed:
            return str(parsed)
        raise AssertionError(f"az did not parse {arguments}")


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

    def test_the_parser_refuses_unknown_arguments(self):
        for line in ("sig image-version create -g r -r g -i d -e 1.0.0 --os-disk x", "disk create -g r",
                     "disk create -g r -n d --upload-type Uplaod"):
            with self.subTest(line), self.assertRaises(SystemExit), redirect_stderr(io.StringIO()):
                self.parser.parse(line.split())

    def test_commands_of_publish(self):
        """All commands, also those of the cleanup after a failure."""
        with tempfile.TemporaryDirectory() as scratch:
            commands = {tuple(call[1:]) for call in self.recorded(Path(scratch)) if call[0] == "az"}
        verbs = set()
        for command in sorted(commands):
            with self.subTest(shlex.join(command[:3])):
                verbs.add(self.accept(command))
        self.assertEqual(verbs, {
            "disk create", "disk list", "disk show", "disk grant-access", "disk revoke-access", "disk update",
            "disk delete", "sig image-definition list", "sig image-definition create", "sig image-version list",
            "sig image-version show", "sig image-version create", "sig image-version delete", "version"})

    def test_commands_of_publish_with_keys(self):
        with tempfile.TemporaryDirectory() as scratch:
            commands = [call[1:] for call in self.recorded_with_keys(Path(scratch)) if call[1] == "rest"]
        self.assertEqual([command[2] for command in commands], ["put", "get"])
        self.assertEqual([self.accept(command) for command in commands], ["rest", "rest"])

    @staticmethod
    def image(scratch, **azure):
        """An image, its recipe and the environment of an empty gallery."""
        (scratch / "image.yaml").write_text(
            "schema: bake/v1\nos: centos 7.7\nvm_sizes: [Standard_HB120rs_v2]\ngallery: {resource_group: images, "
            "name: g, definition: d, publisher: p, offer: o, sku: s, location: westeurope, "
            "target_regions: [westeurope, northeurope=2]}\n")
        subprocess.run([STANDINS / "pipeline/bake", "--progress", "plain", "image", scratch / "image.yaml", "-o",
                        scratch / "image.vhd", "--force"], check=True, capture_output=True)
        state = {"galleries": {"g": {}}, "disks": {}, "changes": 0, "creating_looks": 1}
        (scratch / "state").write_text(json.dumps(dict(state, **azure)))
        environment = dict(os.environ, PATH=f"{STANDINS}/azure:{os.environ['PATH']}",
                           AZURE_STANDIN_STATE=str(scratch / "state"), AZURE_STANDIN_LOG=str(scratch / "log"))
        return scratch / "image.vhd", scratch / "image.yaml", environment

    def recorded_with_keys(self, scratch):
        """The calls of publish for an image with signed modules."""
        vhd, recipe, environment = self.image(scratch)
        der = scratch / "site.der"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-outform", "DER",
                        "-out", der, "-subj", "/CN=site"], check=True, capture_output=True)
        manifest = Path(f"{vhd}.manifest.json")
        document = json.loads(manifest.read_text())
        document["secure_boot"] = {"certificates": [{
            "subject": "CN=site", "sha256": hashlib.sha256(der.read_bytes()).hexdigest(),
            "base64": base64.b64encode(der.read_bytes()).decode()}]}
        manifest.write_text(json.dumps(document))
        subprocess.run([SOURCE / "packer/publish", "--recipe", recipe, "--vhd", vhd, "--poll", "0", "--subscription", "s"],
                       env=environment, check=True, capture_output=True)
        return [json.loads(line) for line in (scratch / "log").read_text().splitlines()]

    def recorded(self, scratch):
        vhd, recipe, environment = self.image(scratch, ends_as="Failed")
        publish = [SOURCE / "packer/publish", "--recipe", recipe, "--vhd", vhd,
                   "--poll", "0", "--subscription", "s", "--feature", "DiskControllerTypes=SCSI,NVMe", "--feature",
                   "IsAcceleratedNetworkSupported=True"]
        self.assertEqual(subprocess.run(publish, env=environment, capture_output=True).returncode, 1)
        self.assertEqual(subprocess.run(publish, env=dict(environment, AZURE_STANDIN_FAULT="fail-after:13"),
                                        capture_output=True).returncode, 1)
        return [json.loads(line) for line in (scratch / "log").read_text().splitlines()]

    def test_commands_of_deploy_and_verdict(self):
        deploy, verdict = SOURCE / "packer/deploy/deploy", SOURCE / "packer/deploy/verdict"
        machine = ["--resource-group", "r", "--name", "n", "--image", "/i", "--size", "Standard_HB120rs_v2", "--subnet",
                   "/s", "--ssh-key", "/dev/null", "--dry-run", "--subscription", "s"]
        verbs = set()
        for script in ([deploy, "vm", *machine], [deploy, "vmss", *machine],
                       [deploy, "vm", *machine, "--specialized"],
                       [deploy, "vmss", *machine, "--specialized", "--count", "100"],
                       [verdict, "--resource-group", "r", "--vm", "n", "--dry-run"],
                       [verdict, "--resource-group", "r", "--vm", "n", "--serial", "--dry-run"],
                       [verdict, "--resource-group", "r", "--vmss", "n", "--instance", "3", "--dry-run"]):
            shown = subprocess.run(script, check=True, capture_output=True, text=True).stdout.splitlines()
            self.assertGreater(len(shown), 0)
            for line in shown:
                with self.subTest(line):
                    program, *arguments = shlex.split(line)
                    if program == "curl":
                        continue
                    self.assertEqual(program, "az")
                    verbs.add(self.accept(arguments))
        self.assertEqual(verbs, {"deployment group create", "vm availability-set list",
                                 "vm run-command invoke", "vm boot-diagnostics get-boot-log-uris",
                                 "vmss run-command invoke"})

    def test_commands_in_the_documentation(self):
        commands = []
        for page in sorted((SOURCE / "docs").glob("*.md")):
            for line in page.read_text().replace("\\\n", " ").splitlines():
                if line.strip().startswith("az "):
                    commands.append((page.name, shlex.split(line.strip())[1:]))
        self.assertGreater(len(commands), 5)
        for page, command in commands:
            with self.subTest(page=page, command=shlex.join(command)):
                self.accept(command)


if __name__ == "__main__":
    unittest.main()
