#!/usr/bin/python3
"""The real Azure Linux agent reads the status files of ib-firstboot and runs it as a VM extension handler."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from azure_agent import Agent

SOURCE = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("IB_FIRSTBOOT", SOURCE / "build/dev/firstboot/ib-firstboot"))
MANIFEST = SOURCE / "firstboot/handler/HandlerManifest.json"

MEANINGS = {
    0: "Operation successful: InfiniBand is ready",
    1: "Incorrect usage of extension: ",
    10: "Linux Integration Services for Hyper-V and Azure not available or installed: ",
    11: "Mellanox InfiniBand not found on this VM size: ",
    12: "Operating system release not supported: ",
    13: "VM size not supported: ",
    14: "Operation unsuccessful: ",
}


def fake_vm(root, code):
    """Makes the smallest file tree that gives exit code `code`; the size comes from cloud-init's copy of IMDS."""
    def write(name, text):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def link(name, target):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    write("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n" if code != 10 else "QEMU\n")
    write("sys/class/dmi/id/product_name", "Virtual Machine\n")
    write("sys/bus/vmbus/devices/net/class_id", "{f8615163-df3e-46c5-913f-f2d2f965ed0e}\n")
    write("sys/bus/vmbus/drivers/hv_pci/uevent", "")
    write("etc/os-release", f'ID=ubuntu\nVERSION_ID="{"20.04" if code != 12 else "99.04"}"\n')
    size = "Standard_HB120rs_v3" if code != 13 else "Standard_D2s_v3"
    compute = {"vmSize": size, "vmId": "8d4c1f2e-7a35-4b11-9c0d-2f6e5a7b9c10"}
    write("run/cloud-init/instance-data.json", json.dumps({"ds": {"meta_data": {"imds": {"compute": compute}}}}))
    if code in (0, 14):
        function = "sys/bus/pci/devices/0101:00:00.0"
        write(f"{function}/vendor", "0x15b3\n")
        write(f"{function}/device", "0x101c\n")
        write(f"{function}/class", "0x020700\n")
        link(f"{function}/driver", "../../drivers/mlx5_core")
        link("sys/class/infiniband/mlx5_ib0/device", "../../../bus/pci/devices/0101:00:00.0")
        write("sys/class/infiniband/mlx5_ib0/ports/1/link_layer", "InfiniBand\n")
        write("sys/class/infiniband/mlx5_ib0/ports/1/state", "4: ACTIVE\n" if code == 0 else "1: DOWN\n")
        write("sys/class/infiniband/mlx5_ib0/ports/1/rate", "200 Gb/sec (4X HDR)\n")
        write("sys/class/infiniband_verbs/uverbs0/ibdev", "mlx5_ib0\n")
    return root


class AgentCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)

    def assert_reported(self, agent, code):
        reported = agent.reported()
        self.assertEqual(reported["status"], "success" if code == 0 else "error")
        self.assertEqual(reported["code"], code)
        self.assertEqual(reported["formattedMessage"]["lang"], "en-US")
        message = reported["formattedMessage"]["message"]
        self.assertTrue(message.startswith(MEANINGS[code]), message)
        self.assertEqual(agent.settled(), (True, reported["status"]))
        print(f"| {type(self).__name__:<10} | {reported['status']:<7} | {reported['code']:>2} | {message}")
        return reported


class StatusFile(AgentCase):
    """The agent reads the status file of the unit as if a handler had written it."""

    def verdict(self, code):
        root = fake_vm(self.scratch / "vm", code)
        result = subprocess.run([PROGRAM, "--root", root, "--imds", "none", "--wait", "0"], capture_output=True)
        self.assertEqual(result.returncode, code, result.stderr)
        agent = Agent(self.scratch / "agent")
        shutil.copy(root / "var/lib/ib-firstboot/status/0.status", agent.base / "status")
        return self.assert_reported(agent, code)

    def test_exit_0(self):
        names = [item["name"] for item in self.verdict(0)["substatus"]]
        self.assertEqual(names, ["hyper-v", "os-release", "vm-size", "pci-function", "driver", "hca-count", "infiniband",
                                 "uverbs", "port", "link-rate", "module-version"])

    def test_exit_10(self):
        self.assertEqual([item["status"] for item in self.verdict(10)["substatus"]], ["error"])

    def test_exit_11(self):
        self.verdict(11)

    def test_exit_12(self):
        self.verdict(12)

    def test_exit_13(self):
        self.assertEqual([item["code"] for item in self.verdict(13)["substatus"]], [0, 0, 13])

    def test_exit_14(self):
        self.verdict(14)


class Lifecycle(AgentCase):
    """The agent runs the handler package."""

    def package(self, options):
        """Copies the manifest and the program and adds `options` to the command lines."""
        package = self.scratch / "package"
        package.mkdir()
        shutil.copy(PROGRAM, package / "ib-firstboot")
        os.chmod(package / "ib-firstboot", 0o644)  # a zip may lose the mode, and the agent sets it
        commands = MANIFEST.read_text().replace("ib-firstboot handler", f"ib-firstboot {options} handler")
        (package / "HandlerManifest.json").write_text(commands)
        return package

    def agent_for(self, code, sequence=0):
        root = fake_vm(self.scratch / "vm", code)
        agent = Agent(self.scratch / "agent", sequence)
        agent.unpack(self.package(f"--root {root} --imds none --wait 0"))
        return agent

    def test_manifest_has_every_command(self):
        (manifest,) = json.loads(MANIFEST.read_text())
        self.assertEqual({key: value for key, value in manifest["handlerManifest"].items() if "Command" in key},
                         {f"{name}Command": f"ib-firstboot handler {name}"
                          for name in ("install", "enable", "update", "disable", "uninstall")})

    def test_good_vm(self):
        agent = self.agent_for(0, sequence=3)
        self.assertIsNone(agent.step("install"))
        self.assertEqual(agent.state, "Installed")
        for _ in range(2):  # the agent runs enable at every start
            self.assertIsNone(agent.step("enable"))
            self.assertEqual(agent.state, "Enabled")
            self.assert_reported(agent, 0)
        self.assertEqual([path.name for path in (agent.base / "status").iterdir()], ["3.status"])
        self.assertIsNone(agent.step("disable"))
        self.assertEqual(agent.state, "Installed")
        self.assertIsNone(agent.step("uninstall"))
        agent.instance.remove_ext_handler()
        self.assertFalse(agent.base.exists())

    def bad_vm(self, code):
        agent = self.agent_for(code)
        self.assertIsNone(agent.step("install"))
        error = agent.step("enable")
        self.assertEqual((error.code, error.exit_code), (1009, code))
        self.assertIn(f"ib-firstboot: exit {code}: {MEANINGS[code]}", str(error))
        self.assert_reported(agent, code)
        self.assertIsNone(agent.step("disable"))
        self.assertIsNone(agent.step("uninstall"))

    def test_exit_10(self):
        self.bad_vm(10)

    def test_exit_11(self):
        self.bad_vm(11)

    def test_exit_12(self):
        self.bad_vm(12)

    def test_exit_13(self):
        self.bad_vm(13)

    def test_exit_14(self):
        self.bad_vm(14)

    def test_incorrect_usage_gives_exit_1(self):
        agent = Agent(self.scratch / "agent")
        agent.unpack(self.package("handler --bogus"))
        error = agent.step("enable")
        self.assertEqual((error.code, error.exit_code), (1009, 1))
        self.assert_reported(agent, 1)

    def test_update(self):
        agent = self.agent_for(0)
        self.assertIsNone(agent.step("update"))
        self.assertIsNone(agent.step("enable"))

    def test_repaired_vm_gives_exit_0(self):
        agent = self.agent_for(14)
        self.assertEqual(agent.step("enable").exit_code, 14)
        (self.scratch / "vm/sys/class/infiniband/mlx5_ib0/ports/1/state").write_text("4: ACTIVE\n")
        self.assertIsNone(agent.step("enable"))
        self.assert_reported(agent, 0)


if __name__ == "__main__":
    unittest.main()
