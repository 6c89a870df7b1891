#!/usr/bin/python3
"""The documents next to an image: the same for the same inputs, valid, signed later, and made again after a change.

BAKE_SPDX_SCHEMA and BAKE_CYCLONEDX_SCHEMA name the published JSON schemas (schemas/spdx-schema.json of spdx-spec 2.3;
schema/bom-1.5.schema.json of CycloneDX/specification, with spdx.schema.json and jsf-0.82.schema.json next to it). They are in no
Debian package, so the test with them is skipped if the variables are not set."""
import json
import os
import unittest
from pathlib import Path

from e2e import UbuntuCase, run, sha256

DOCUMENTS = (".manifest.json", ".sbom.spdx.json", ".sbom.cdx.json", ".provenance.json", ".SHA256SUMS")
EPOCH = "1700000000"


class Evidence(UbuntuCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        recipe = cls.write_recipe()
        cls.outputs = []
        for name in ("first", "second"):
            (cls.scratch / name).mkdir()
            output = cls.scratch / name / "out.vhd"
            cls.bake("image", recipe, "-o", output, prefix=("env", f"SOURCE_DATE_EPOCH={EPOCH}"))
            cls.outputs.append(output)
        cls.bake("key", "new", "--out", cls.scratch / "site")

    @staticmethod
    def document(output, suffix):
        return Path(f"{output}{suffix}").read_text()

    def manifest(self, output):
        return json.loads(self.document(output, ".manifest.json"))

    def failing(self, *arguments):
        result = self.bake("verify", *arguments, "--json", check=False)
        return [c["check"] for c in json.loads(result.stdout)["checks"] if c["status"] == "failed" and c["level"] == "required"]

    def test_1_the_same_inputs_give_the_same_files(self):
        first, second = (self.manifest(output)["files"] for output in self.outputs)
        self.assertEqual(first, second)
        contents = []
        for output in self.outputs:
            sums = Path(f"{output}.sums")
            run("guestfish", "--ro", "--format=raw", "-a", output, "-i", "checksums-out", "sha256", "/", sums)
            contents.append({line[66:]: line[:64] for line in sums.read_text(errors="surrogateescape").splitlines()})
            sums.unlink()
        differing = sorted(path for path in contents[0].keys() | contents[1].keys()
                           if contents[0].get(path) != contents[1].get(path))
        self.assertEqual(differing, KNOWN_TO_DIFFER)

    def test_1_the_same_inputs_give_the_same_documents(self):
        """Apart from the digests of the image and of the documents that contain it."""
        texts = []
        for output in self.outputs:
            digests = {sha256(f"{output}{suffix}"): f"digest of {suffix}" for suffix in ("", *DOCUMENTS)}
            documents = {}
            for suffix in DOCUMENTS:
                text = self.document(output, suffix)
                for digest, name in digests.items():
                    text = text.replace(digest, name)
                documents[suffix] = text
            for suffix, key in ((".sbom.spdx.json", "documentNamespace"), (".sbom.cdx.json", "serialNumber")):
                documents[suffix] = documents[suffix].replace(json.loads(documents[suffix])[key], key)  # of the digest
            texts.append(documents)
        for suffix in DOCUMENTS:
            self.assertEqual(texts[0][suffix].splitlines(), texts[1][suffix].splitlines(), suffix)

    def test_1_the_documents_follow_the_published_schemas(self):
        schemas = {suffix: os.environ.get(variable) for suffix, variable in
                   ((".sbom.spdx.json", "BAKE_SPDX_SCHEMA"), (".sbom.cdx.json", "BAKE_CYCLONEDX_SCHEMA"))}
        if not all(schemas.values()):
            self.skipTest("BAKE_SPDX_SCHEMA and BAKE_CYCLONEDX_SCHEMA do not name the schemas")
        import jsonschema
        for suffix, file in schemas.items():
            schema = json.loads(Path(file).read_text())
            others = {}
            for other in Path(file).parent.glob("*.schema.json"):
                document = json.loads(other.read_text())
                others[document.get("$id", other.name)] = document
            resolver = jsonschema.RefResolver.from_schema(schema, store=others)
            validator = jsonschema.Draft7Validator(schema, resolver=resolver)
            errors = [error.message for error in validator.iter_errors(json.loads(self.document(self.outputs[0], suffix)))]
            self.assertEqual(errors, [], suffix)

    def test_2_sha256sum_accepts_the_checksums(self):
        said = run("sha256sum", "--strict", "-c", "out.vhd.SHA256SUMS", cwd=self.outputs[0].parent).stdout
        self.assertEqual(said.count(": OK\n"), 5, said)

    def test_3_an_image_that_another_program_changed_is_described_again(self):
        output = self.outputs[1]
        old = self.manifest(output)
        run("guestfish", "--format=raw", "-a", output, "-i", "write", "/etc/motd", "changed by guestfish\n")
        changed = sha256(output)
        failing = self.failing(output)
        for check in ("digest", "files", "sbom", "provenance", "checksums"):
            self.assertIn(check, failing)
        self.bake_fails(4, "the manifest says", "sign", output, "--sign-key", self.scratch / "site.key")

        new = json.loads(self.bake("resign", output, "--json").stdout)
        self.assertEqual(sha256(output), changed)
        self.assertEqual(new["resigned"]["of"]["sha256"], old["product"]["sha256"])
        files = new["resigned"]["changes"]["files"]
        touched = files["added"]["list"] + files["changed"]["list"]
        self.assertIn("/etc/motd", touched)
        self.assertEqual(new["resigned"]["changes"]["packages"], {how: {"count": 0, "list": []} for how in ("added", "removed", "changed")})
        self.assertEqual(new["packages"], old["packages"])
        verified = json.loads(self.bake("verify", output, "--json").stdout)
        self.assertIn("resigned", [check["check"] for check in verified["checks"] if check["status"] == "passed"])
        run("sha256sum", "--strict", "-c", "out.vhd.SHA256SUMS", cwd=output.parent)

        self.bake("sign", output, "--sign-key", self.scratch / "site.key")
        self.bake("verify", output, "--key", self.scratch / "site.pub")
        run("sha256sum", "--strict", "-c", "out.vhd.SHA256SUMS", cwd=output.parent)

    def test_4_an_image_with_a_new_administrator_is_not_described_again(self):
        output = self.outputs[1]
        before = {suffix: self.document(output, suffix) for suffix in DOCUMENTS}
        run("guestfish", "--format=raw", "-a", output, "-i", "write-append", "/etc/passwd", "toor::0:0::/root:/bin/sh\n")
        self.bake_fails(7, "accounts: ", "resign", output)
        self.assertEqual({suffix: self.document(output, suffix) for suffix in DOCUMENTS}, before)


# docs/verify.md, "The same inputs again": inode numbers and times of libraries; times of the installation
KNOWN_TO_DIFFER = ["./var/cache/ldconfig/aux-cache", "./var/log/dpkg.log"]


if __name__ == "__main__":
    unittest.main()
