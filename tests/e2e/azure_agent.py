"""Runs the extension code of the real Azure Linux agent (Debian package waagent) on a directory, without network and root.

The agent has no command for this, so this module calls its classes as the goal state processing does
(azurelinuxagent/ga/exthandlers.py). It turns off telemetry and the pauses between reads of a bad status file.
"""
import shutil
from pathlib import Path
from unittest.mock import MagicMock

import azurelinuxagent.ga.exthandlers as exthandlers
from azurelinuxagent.common import conf
from azurelinuxagent.common.protocol.restapi import Extension, ExtensionSettings, ExtHandlerStatus
from azurelinuxagent.common.protocol.wire import ext_handler_status_to_v1

NAME = "Microsoft.HpcCompute.InfiniBandDriverLinux"
VERSION = "1.2.0.0"

exthandlers._STATUS_FILE_RETRY_DELAY = 0
exthandlers.add_event = exthandlers.add_periodic = lambda *args, **kwargs: None


class Agent:
    """One extension on one VM. /var/lib/waagent and /var/log/azure are below `root`."""

    def __init__(self, root, sequence=0):
        root = Path(root)
        self.base = root / "lib" / f"{NAME}-{VERSION}"
        for directory in (self.base / "status", self.base / "config", root / "log"):
            directory.mkdir(parents=True)
        (root / "waagent.conf").write_text(f"Lib.Dir={root}/lib\nExtension.LogDir={root}/log\n")
        conf.load_conf_from_file(str(root / "waagent.conf"))
        handler = Extension(name=NAME)
        handler.version, handler.state = VERSION, "enabled"
        self.extension = ExtensionSettings(name=NAME, sequenceNumber=sequence, publicSettings={})
        handler.settings.append(self.extension)
        protocol = MagicMock()
        protocol.get_endpoint.return_value = "168.63.129.16"
        self.instance = exthandlers.ExtHandlerInstance(handler, protocol, extension=self.extension)

    def unpack(self, package):
        """Installs the unpacked files of a package, as the agent does after a download."""
        shutil.copytree(package, self.base, dirs_exist_ok=True)
        self.instance.initialize()
        self.instance.update_settings(self.extension)

    def step(self, name):
        """Runs install, enable, update, disable or uninstall. Returns None or the agent's error with .code and .exit_code."""
        arguments = {"extension": self.extension} if name in ("install", "enable", "update") else {}
        if name == "update":
            arguments.update(handler_version=VERSION, disable_exit_codes={self.extension.name: 0},
                             updating_from_version="1.1.0.0")
        try:
            if arguments:
                getattr(self.instance, name)(**arguments)
            else:
                getattr(self.instance, name)(self.extension)
        except exthandlers.ExtensionError as error:
            return error
        return None

    @property
    def state(self):
        return str(self.instance.get_handler_state())

    def settled(self):
        return self.instance.is_ext_handling_complete(self.extension)

    def reported(self):
        """Returns the extension's status as the agent reports it to Azure."""
        status = ExtHandlerStatus(name=NAME, version=VERSION, status="Ready", code=0, message="Plugin enabled")
        status.extension_status = self.instance.collect_ext_status(self.extension)
        return ext_handler_status_to_v1(status)["runtimeSettingsStatus"]["settingsStatus"]["status"]
