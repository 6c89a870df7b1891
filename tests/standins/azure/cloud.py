"""A stand-in for the part of Azure that packer/publish uses: disks and a compute gallery, kept in a JSON file. It refuses
what Azure refuses, so that a wrong order of steps shows; where Azure's own answer is not documented it is stricter.

Environment: AZURE_STANDIN_STATE, the file; AZURE_STANDIN_LOG, one JSON list of arguments for each call;
AZURE_STANDIN_FAULT, KIND:N, which strikes at the Nth change: fail-before and fail-after make the command fail before or
after it acted, rival lets another publisher make a version of the staging disk after it, rival-first
the same before it, which fails, robbed
makes the staging disk another publisher's after it, int, term, hup and kill send that signal to the whole process group after it acted.
"""
import base64
import fcntl
import hashlib
import json
import os
import signal
import sys

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
SIGNALS = {"int": signal.SIGINT, "term": signal.SIGTERM, "hup": signal.SIGHUP, "kill": signal.SIGKILL}


class Refused(Exception):
    """What az prints on standard error before it exits with 1 (3 for a resource that is not there)."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


class Cloud:
    """Use as a context: holds the file's lock, writes the state back at the end."""

    def __enter__(self):
        self.path = os.environ["AZURE_STANDIN_STATE"]
        self.file = open(self.path, "a+", encoding="utf-8")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.file.seek(0)
        text = self.file.read()
        self.state = json.loads(text) if text else {"galleries": {}, "disks": {}, "changes": 0, "creating_looks": 2}
        return self

    def __exit__(self, kind, error, trace):
        self.save()
        self.file.close()

    def save(self):
        self.file.seek(0)
        self.file.truncate()
        json.dump(self.state, self.file, indent=1)
        self.file.flush()

    def change(self, act):
        """Runs act, a change, with the fault that is due."""
        self.state["changes"] += 1
        kind, _, number = os.environ.get("AZURE_STANDIN_FAULT", "").partition(":")
        due = number == str(self.state["changes"])
        if due and kind == "rival-first":
            self.publish_as_another()
        if due and kind in ("fail-before", "rival-first"):
            raise Refused("(InternalServerError) stand-in fault before the change")
        result = act()
        if due and kind == "fail-after":
            raise Refused("(InternalServerError) stand-in fault after the change")
        if due and kind == "rival":
            self.publish_as_another()
        if due and kind == "robbed":
            disk, = self.state["disks"].values()
            disk["tags"]["bake_run"] = "another"
        if due and kind in SIGNALS:
            self.save()
            os.killpg(os.getpgrp(), SIGNALS[kind])
        return result

    def az_version(self):
        return self.state.get("az", "2.45.0")

    def makes_trusted_launch_by_default(self):
        """az sig image-definition create since 2.61.0 (its HISTORY.rst)."""
        return [int(part) for part in self.az_version().split(".")] >= [2, 61, 0]

    def publish_as_another(self):
        """What a publisher of the same image on another machine does in the meantime."""
        disk, = self.state["disks"].values()
        (gallery, definitions), = self.state["galleries"].items()
        definition, = definitions
        self.create_version(gallery, definition, {"name": "1.0.0", "source": disk["id"], "tags": disk["tags"]})

    # Disks

    def disk(self, name):
        if name not in self.state["disks"]:
            raise Refused(f"(ResourceNotFound) The Resource 'Microsoft.Compute/disks/{name}' was not found.", 3)
        return self.state["disks"][name]

    def create_disk(self, name, group, size, generation, tags):
        if name in self.state["disks"]:
            raise Refused(f"(PropertyChangeNotAllowed) disk '{name}' exists with another creation option")
        if size % (1 << 20) != 512:
            raise Refused(f"(InvalidParameter) upload size {size} is not whole MiB and a footer of 512 bytes")
        disk = {"name": name, "id": f"{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{name}",
                "diskState": "ReadyToUpload", "hyperVGeneration": generation, "uploadSizeBytes": size, "written": 0,
                "tags": tags}
        self.state["disks"][name] = disk
        return disk

    def grant(self, name):
        disk = self.disk(name)
        if disk["diskState"] not in ("ReadyToUpload", "ActiveUpload"):
            raise Refused(f"(OperationNotAllowed) disk '{name}' is not open for upload")
        disk["diskState"] = "ActiveUpload"
        return {"accessSas": f"https://standin.invalid/{name}?sig=secret", "securityDataAccessSas": None}

    def revoke(self, name):
        disk = self.disk(name)
        if disk["diskState"] != "ActiveUpload":
            raise Refused(f"(OperationNotAllowed) disk '{name}' has no active SAS")
        disk["diskState"] = "Unattached"

    def delete_disk(self, name):
        if self.disk(name)["diskState"] == "ActiveUpload":
            raise Refused(f"(OperationNotAllowed) disk '{name}' has an active SAS: revoke it first")
        for gallery in self.state["galleries"].values():
            for definition in gallery.values():
                for version in definition["versions"].values():
                    if version["provisioningState"] == "Creating" and version["source"] == self.disk(name)["id"]:
                        version["provisioningState"] = "Failed"  # its source is gone
        del self.state["disks"][name]

    def receive(self, sas, path):
        """An upload by azcopy."""
        for disk in self.state["disks"].values():
            if sas == f"https://standin.invalid/{disk['name']}?sig=secret" and disk["diskState"] == "ActiveUpload":
                with open(path, "rb") as file:
                    file.seek(-512, os.SEEK_END)
                    if file.read(8) != b"conectix":
                        raise Refused("InvalidVhd: the footer has no cookie value conectix")
                    if file.tell() + 504 != disk["uploadSizeBytes"]:
                        raise Refused("InvalidPageRange: the file is not as large as the disk")
                disk["written"] = disk["uploadSizeBytes"]
                with open(path, "rb") as file:
                    disk["content"] = hashlib.sha256(file.read()).hexdigest()
                return
        raise Refused("AuthenticationFailed: the SAS gives no access")

    # The gallery

    def gallery(self, name):
        if name not in self.state["galleries"]:
            raise Refused(f"(ResourceNotFound) The Resource 'Microsoft.Compute/galleries/{name}' was not found.", 3)
        return self.state["galleries"][name]

    def definition(self, gallery, name):
        if name not in self.gallery(gallery):
            raise Refused(f"(ResourceNotFound) The Resource '.../images/{name}' was not found.", 3)
        return self.gallery(gallery)[name]

    def create_definition(self, gallery, definition):
        self.gallery(gallery)[definition["name"]] = dict(definition, versions={})

    def create_version(self, gallery, definition, version):
        holder = self.definition(gallery, definition)
        name = version["name"]
        if name in holder["versions"]:
            raise Refused("(PropertyChangeNotAllowed) Changing property 'galleryImageVersion.properties.storageProfile' "
                          "is not allowed.")
        source = [disk for disk in self.state["disks"].values() if disk["id"] == version["source"]]
        if not source:
            raise Refused(f"(ResourceNotFound) The Resource '{version['source']}' was not found.", 3)
        if source[0]["diskState"] != "Unattached" or source[0]["written"] != source[0]["uploadSizeBytes"]:
            raise Refused("(OperationNotAllowed) the source disk holds no complete upload")
        if source[0]["hyperVGeneration"] != holder["hyperVGeneration"]:
            raise Refused("(InvalidParameter) the source's Hyper-V generation differs from the definition's")
        identity = f"{SUBSCRIPTION}/…/galleries/{gallery}/images/{definition}/versions/{name}"
        holder["versions"][name] = dict(version, id=identity, provisioningState="Creating", content=source[0]["content"],
                                        looks=self.state["creating_looks"])

    def put_version(self, gallery, definition, name, document):
        """A version by the documented interface, with keys for the firmware."""
        properties = document["properties"]
        features = {f["name"]: f["value"] for f in self.definition(gallery, definition)["features"] or []}
        if features.get("SecurityType") not in ("TrustedLaunchSupported", "TrustedLaunchAndConfidentialVmSupported"):
            raise Refused("(InvalidParameter) uefiSettings need a definition that supports Trusted Launch")
        regions = [region["name"] + (f"={region['regionalReplicaCount']}" if "regionalReplicaCount" in region else "")
                   for region in properties["publishingProfile"]["targetRegions"]]
        if document["location"] not in [region.split("=")[0] for region in regions]:
            raise Refused("(InvalidParameter) the target regions must hold the location")
        keys = properties["securityProfile"]["uefiSettings"]
        for key in keys["additionalSignatures"]["db"]:
            for value in key["value"]:
                if key["type"] != "x509" or base64.b64decode(value, validate=True)[:1] != b"\x30":
                    raise Refused("(InvalidParameter) a key of db is not an X.509 certificate in base64")
        self.create_version(gallery, definition, {
            "name": name, "source": properties["storageProfile"]["osDiskImage"]["source"]["id"], "tags": document["tags"],
            "regions": regions, "uefiSettings": keys})

    def version_document(self, gallery, definition, name):
        version = self.definition(gallery, definition)["versions"].get(name)
        if version is None:
            raise Refused(f"(ResourceNotFound) The Resource '.../versions/{name}' was not found.", 3)
        properties = {"provisioningState": version["provisioningState"]}
        if not self.state.get("hides_keys"):
            properties["securityProfile"] = {"uefiSettings": self.state.get("keeps_keys", version.get("uefiSettings"))}
        return {"id": version["id"], "name": name, "tags": version["tags"], "properties": properties}

    def version(self, gallery, definition, name):
        versions = self.definition(gallery, definition)["versions"]
        if name not in versions:
            raise Refused(f"(ResourceNotFound) The Resource '.../versions/{name}' was not found.", 3)
        version = versions[name]
        if version["provisioningState"] == "Creating":
            version["looks"] -= 1
            if version["looks"] < 0:
                version["provisioningState"] = self.state.get("ends_as", "Succeeded")
        return version

    def delete_version(self, gallery, definition, name):
        self.version(gallery, definition, name)
        del self.definition(gallery, definition)["versions"][name]


def log(program, arguments):
    if "AZURE_STANDIN_LOG" in os.environ:
        with open(os.environ["AZURE_STANDIN_LOG"], "a", encoding="utf-8") as file:
            file.write(json.dumps([program] + arguments) + "\n")


def run(program, main):
    """Runs main(cloud, arguments) and exits as the program would."""
    log(program, sys.argv[1:])
    try:
        with Cloud() as cloud:
            main(cloud, sys.argv[1:])
    except Refused as refused:
        print(f"ERROR: {refused}", file=sys.stderr)
        sys.exit(refused.status)
