#!/usr/bin/python3
"""The JSON Schemas that `bake schema` prints: a second validator accepts every recipe, fleet and row of this repository, and
refuses what bake refuses. What only bake can refuse is listed here."""
import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

from e2e import BINARY, SOURCE, run, skip

try:
    import jsonschema
except ImportError:
    skip("python3-jsonschema is not installed")
if not hasattr(jsonschema, "Draft202012Validator"):
    skip("python3-jsonschema is older than 4.0 and does not know the draft 2020-12")


class CoreLoader(yaml.SafeLoader):
    """Scalars as YAML 1.2 and editors read them: a date is text, and only true and false are flags."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (("null", r"~|null|", ["~", "n", ""]), ("bool", "true|false", list("tf")),
                            ("int", "[-+]?[0-9]+", list("-+0123456789")),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789"))):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)
CoreLoader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))  # 0644 is not octal

HEAD = "schema: bake/v1\nbase: b.vhd\nos: ubuntu 20.04\nvm_sizes: [a]\n"

GOOD = [
    "",
    "name: hpc-1.2_x\nkernel: default\nofed: auto\n",
    "kernel: {release: 5.15.0-1089-azure}\nofed: {version: doca-3.2.3-019000, profile: hpc}\n",
    "ofed: {version: inbox, packages: [rdma-core]}\ngeneralize: true\nconfigure:\nfirstboot:\ngallery:\ncustomize:\n",
    "ofed: {libs: mlnx-libs, sha256: " + "Ab" * 32 + "}\nfirstboot: {install: false, late: false}\n",
    "configure: {profile: azhpc, load_modules: ib_umad, rdma_names: kernel}\nfirstboot: {wait: 240, late: true}\n",
    "gallery: {resource_group: a, name: b, definition: c, sku: 7.7, features: [\"A=B,1\"], target_regions: [west=2]}\n",
    "customize: {packages: [a=1:2~3-4, b], remove: c, sysctl: {vm.nr_hugepages: 1, a: \"b c\"}, run: [a.sh], first_boot: b.sh}\n",
    "customize: {files: [{source: a, path: /etc/a b, mode: 0644, owner: root}, {source: b, path: /b, owner: \"1:2\"}]}\n",
    "customize: {lines: [{path: /etc/fstab, line: tmpfs /scratch tmpfs}], services: {enable: a@b, mask: [c.timer]}}\n",
    "customize: {users: [{name: _a-1, groups: [sudo], shell: /bin/sh, authorized_keys: [a.pub]}]}\n",
]

BAD = [
    "colour: red\n", "name: .x\n", "name: a/b\n", "kernel: {}\n", "kernel: {release: ../x}\n", "kernel: {release: a, x: b}\n",
    "ofed: newest\n", "ofed: doca-3.2.3-0.1\n", "ofed: {version: 5}\n", "ofed: {sha256: 12}\n", "ofed: {libs: x}\n",
    "ofed: {profile: huge}\n", "ofed: {profil: hpc}\n", "ofed: {profile: hpc, packages: [a]}\n", "configure: yes\n",
    "configure: {enable_rdma: maybe}\n", "configure: {profile: x}\n", "configure: {rdma_names: x}\n",
    "configure: {load_modules: [a b]}\n", "firstboot: {wait: 241}\n", "firstboot: {wait: -1}\n", "firstboot: {wait: soon}\n",
    "firstboot: {install: false, late: true}\n", "firstboot: {install: false, strict_rate: true}\n", "generalize: perhaps\n",
    "gallery: {}\n", "gallery: {resource_group: a, name: b}\n",
    *(f"gallery: {{resource_group: a, name: b, definition: c, {more}}}\n" for more in (
        "hyper_v_generation: V3", "features: [A]", "features: [A=b c]", "features: [A1=b]", "regions: [a]")),
    *(f"customize: {{{more}}}\n" for more in (
        "packages: [a b]", "packages: [-a]", "remove: [a=1]", "files: {source: a, path: /b}", "files: [{path: /b}]",
        "files: [{source: a, path: etc/motd}]", "files: [{source: a, path: /etc/../x}]", "files: [{source: a, path: /proc/x}]",
        "files: [{source: a, path: /a//b}]", "files: [{source: a, path: /a/}]", "files: [{source: a, path: /b, mode: 4755}]",
        "files: [{source: a, path: /b, mode: rw}]", "files: [{source: a, path: /b, owner: hpc}]", "lines: [{path: /a}]",
        "lines: [{path: /a, line: \" b\"}]", "lines: [{path: /a, line: \"b\\nc\"}]", "sysctl: {a b: 1}", "sysctl: {a: [1]}",
        "services: {start: [a]}", "services: {enable: [a b]}", "services: {enable: [-a]}", "services: {mask: [.timer]}", "users: [{name: root}]",
        "users: [{name: \"a;b\"}]", "users: [{name: 1a}]", "users: [{name: a, password: x}]", "users: [{name: a, shell: sh}]",
        "users: [{name: a, groups: [\"a b\"]}]", "users: [{groups: [a]}]", "volumes: [a]")),
]

BAD_WHOLE = [
    "", "- a\n", "schema: bake/v1\n", HEAD.replace("bake/v1", "bake/v2"), HEAD.replace("schema: bake/v1\n", ""),
    HEAD.replace("base: b.vhd\n", ""), HEAD.replace("b.vhd", ""), HEAD.replace("b.vhd", "{sha256: " + "a" * 64 + "}"),
    HEAD.replace("b.vhd", "{path: a, sha256: xyz}"), HEAD.replace("os: ubuntu 20.04\n", ""), HEAD.replace("ubuntu 20.04", "ubuntu"),
    HEAD.replace("vm_sizes: [a]\n", ""), HEAD.replace("[a]", "[]"),
    HEAD.replace("[a]", "[a, a]"), HEAD.replace("[a]", "[[a]]"),
]

# The schema accepts these; only bake refuses them, because a JSON Schema cannot compare two values.
BEYOND = {
    "customize: {services: {enable: [a], disable: [a.service]}}\n": "a unit is named twice",
    "customize: {users: [{name: a}, {name: a, shell: /bin/sh}]}\n": "an account is named twice",
    "gallery: {resource_group: a, name: b, definition: c, features: [A=b, A=c]}\n": "a feature has two values",
}

# bake accepts these; the schema refuses them, because an editor helps more if there is one spelling.
STRICTER = ["ofed: 5.5\n", "ofed: MLNX_OFED 5.5\n", "generalize: yes\n", "generalize: \"true\"\n", "firstboot: {wait: \"60\"}\n"]


def document(kind):
    return json.loads(run(BINARY, "schema", kind).stdout)


def load(text):
    return yaml.load(text, Loader=CoreLoader)


class Schemas(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.validators = {kind: jsonschema.Draft202012Validator(document(kind)) for kind in ("recipe", "fleet", "matrix")}

    def problems(self, kind, text):
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
                for error in self.validators[kind].iter_errors(load(text))]

    def bake_refuses(self, text):
        """Whether bake finds a problem in the recipe itself."""
        with tempfile.TemporaryDirectory() as directory:
            recipe = Path(directory) / "r.yaml"
            recipe.write_text(text)
            result = run(BINARY, "--store", directory, "plan", recipe, check=False)
            self.assertNotEqual(result.returncode, 0, "the base does not exist")
            return result.returncode == 5 and "reading recipe" in result.stderr

    def test_they_are_valid_and_name_the_draft(self):
        for kind, validator in self.validators.items():
            jsonschema.Draft202012Validator.check_schema(validator.schema)
            self.assertEqual(validator.schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
            self.assertEqual(validator.schema["$id"], f"urn:bake:schema:{kind}:v1")

    def test_they_accept_the_recipes_and_the_fleet(self):
        recipes = sorted((SOURCE / "images/recipes").glob("*.yaml"))
        self.assertGreaterEqual(len(recipes), 61)
        for recipe in recipes:
            self.assertEqual(self.problems("recipe", recipe.read_text()), [], recipe.name)
        self.assertEqual(self.problems("fleet", (SOURCE / "images/fleet.yaml").read_text()), [])

    def test_they_accept_the_examples_of_the_pages(self):
        found = {"recipe": 0, "fleet": 0}
        for page in sorted((SOURCE / "docs").glob("*.md")):
            for example in re.findall(r"```yaml\n(schema: bake/.*?)```", page.read_text(), re.DOTALL):
                kind = "fleet" if example.startswith("schema: bake/fleet/v1") else "recipe"
                found[kind] += 1
                self.assertEqual(self.problems(kind, example.replace("sha256: …", "sha256: " + "a" * 64)), [], page.name)
        self.assertEqual(found, {"recipe": 1, "fleet": 1})

    def test_they_accept_every_row_of_the_matrix(self):
        files = sorted((SOURCE / "matrix").glob("*.yaml"))
        self.assertGreaterEqual(len(files), 16)
        for file in files:
            self.assertEqual(self.problems("matrix", file.read_text()), [], file.name)

    def test_schema_and_bake_accept_the_same_recipes(self):
        for more in GOOD:
            self.assertEqual((self.problems("recipe", HEAD + more), self.bake_refuses(HEAD + more)), ([], False), more)

    def test_schema_and_bake_refuse_the_same_recipes(self):
        for text in [HEAD + more for more in BAD] + BAD_WHOLE:
            self.assertTrue(self.bake_refuses(text), text)
            self.assertNotEqual(self.problems("recipe", text), [], text)

    def test_what_only_bake_refuses_is_listed(self):
        for more, reason in BEYOND.items():
            self.assertTrue(self.bake_refuses(HEAD + more), reason)
            self.assertEqual(self.problems("recipe", HEAD + more), [], reason)

    def test_where_the_schema_is_stricter_is_listed(self):
        for more in STRICTER:
            self.assertFalse(self.bake_refuses(HEAD + more), more)
            self.assertNotEqual(self.problems("recipe", HEAD + more), [], more)

    def test_a_bad_fleet_is_refused(self):
        for text in ("schema: bake/fleet/v1\n", "schema: bake/v1\nimages: [a]\n", "schema: bake/fleet/v1\nimages: [{output: a}]\n",
                     "schema: bake/fleet/v1\nimages: [{recipe: a, outptu: b}]\n", "schema: bake/fleet/v1\nimages: a\n",
                     "schema: bake/fleet/v1\nimages: [a]\ndefaults: {dir: x}\n", "schema: bake/fleet/v1\nimages: [a]\ninclude: {a: b}\n"):
            self.assertNotEqual(self.problems("fleet", text), [], text)

    def test_a_bad_row_is_refused(self):
        row = {"name": "Standard_HB9rs", "family": "HB", "transport": "sriov", "generation": "CX6", "hcas": 1, "source": "x"}
        changes = ({}, {"source": None}, {"colour": "red"}, {"transport": "ethernet"}, {"generation": "CX9"}, {"hcas": 17}, {"hcas": 0},
                   {"hcas": None}, {"transport": "none"}, {"vm_generations": [3]}, {"retires": "soon"}, {"name": "HB9rs"},
                   {"confidence": "high"})
        verdicts = []
        for change in changes:
            changed = {key: value for key, value in {**row, **change}.items() if value is not None}
            verdicts.append(self.validators["matrix"].is_valid({"vm_sizes": [changed]}))
        self.assertEqual(verdicts, [True] + [False] * (len(changes) - 1))
        self.assertFalse(self.validators["matrix"].is_valid({"vm_size": []}))
        release = {"version": "24.10-3.2.5.0", "line": "24.10", "generations": ["CX6"], "source": "x"}
        self.assertTrue(self.validators["matrix"].is_valid({"ofed_releases": [release]}))
        self.assertFalse(self.validators["matrix"].is_valid({"ofed_releases": [{**release, "max_kernel": "6.11"}]}))
        self.assertFalse(self.validators["matrix"].is_valid({"ofed_releases": [{**release, "version": 24.1}]}))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
