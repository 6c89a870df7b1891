#!/usr/bin/python3
"""The pages of `bake report` and `bake diff` in a real browser, from manifests of baked stand-ins: what a reader sees, that the
pages need no script and no other file, and that a phone does not scroll sideways. No appliance."""
import json
import re
import unittest

from browser import chromium, phone_screenshot, refers_to_nothing, screenshot, too_wide
from e2e import SOURCE, BakeCase

FIXTURES = SOURCE / "tests/unit/fixtures/report"


def descriptor(name, sha256):
    return {"name": name, "digest": {"sha256": sha256}}


class Pages(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ubuntu, cls.centos = cls.image("ubuntu"), cls.image("centos")
        cls.diff_page = cls.scratch / "diff.html"
        cls.bake("diff", cls.ubuntu, cls.centos, "--html", cls.diff_page)
        cls.report_page = cls.report(cls.ubuntu)
        recipe = cls.scratch / "image.yaml"
        (cls.scratch / "base.raw").write_bytes(bytes(510) + b"\x55\xaa" + bytes(2 << 20))
        recipe.write_text("schema: bake/v1\nbase: base.raw\nos: ubuntu 20.04\nvm_sizes: [Standard_HB120rs_v2]\nofed: inbox\n")
        fleet = cls.scratch / "fleet.yaml"
        fleet.write_text("schema: bake/fleet/v1\nimages:\n" + "".join(
            f"  - {{recipe: image.yaml, output: {name}.vhd}}\n" for name in ("ubuntu", "centos", "not-made-yet")))
        cls.fleet_page = cls.report(fleet)
        cls.pages = {"report": cls.report_page, "diff": cls.diff_page, "fleet": cls.fleet_page}

    @classmethod
    def image(cls, name):
        """A small VHD with the manifest, the SBOM and the provenance of a baked stand-in next to it."""
        raw, vhd = cls.scratch / f"{name}.raw", cls.scratch / f"{name}.vhd"
        raw.write_bytes(bytes(510) + b"\x55\xaa" + bytes((2 << 20) - 512))
        cls.bake("vhd", "wrap", raw, "-o", vhd)
        manifest = json.loads((FIXTURES / f"{name}.vhd.manifest.json").read_text())
        manifest["product"]["uuid"] = json.loads(cls.bake("--json", "vhd", "info", vhd).stdout)["footer"]["uuid"]
        digest = manifest["product"]["sha256"]
        cls.scratch.joinpath(f"{name}.vhd.manifest.json").write_text(json.dumps(manifest))
        cls.scratch.joinpath(f"{name}.vhd.sbom.spdx.json").write_text(json.dumps(
            {"spdxVersion": "SPDX-2.3", "packages": [
                {"SPDXID": "SPDXRef-Image", "checksums": [{"algorithm": "SHA256", "checksumValue": digest}]}]}))
        cls.scratch.joinpath(f"{name}.vhd.provenance.json").write_text(json.dumps(
            {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
             "subject": [descriptor(vhd.name, digest)], "predicate": {"runDetails": {"byproducts": []}}}))
        return vhd

    @classmethod
    def report(cls, subject):
        """The page that `bake report` writes next to `subject`."""
        page = cls.bake("report", subject).stdout.strip()
        if page != f"{subject}.report.html":
            raise AssertionError(page)
        return cls.scratch / page

    def text_of(self, page, selector):
        """The texts of the visible elements, as the browser shows them."""
        probe = ("<script>const found = [...document.querySelectorAll(SELECTOR)].filter(e => e.offsetParent)"
                 ".map(e => e.innerText.replace(/\\s+/g, ' ').trim());"
                 "const result = document.createElement('script'); result.type = 'application/json'; result.id = 'result';"
                 "result.textContent = JSON.stringify(found); document.body.append(result);</script>")
        copy = self.scratch / "probe.html"
        copy.write_text(page.read_text().replace("</body>", probe.replace("SELECTOR", json.dumps(selector)) + "</body>"))
        dom = chromium("--dump-dom", copy.as_uri()).stdout
        return json.loads(re.search(r'<script type="application/json" id="result">(.*?)</script>', dom, re.S).group(1))

    def test_the_pages_refer_to_nothing_elsewhere(self):
        for page in self.pages.values():
            refers_to_nothing(self, page.read_text())

    def test_a_phone_does_not_scroll_sideways(self):
        for name, page in self.pages.items():
            opened = self.scratch / f"{name}-opened.html"
            opened.write_text(page.read_text().replace("<details>", "<details open>"))
            for form in (page, opened):
                self.assertEqual(too_wide(form, self.scratch), (390, []), form.name)

    def test_a_report_shows_the_decision_and_the_checks(self):
        self.assertEqual(self.text_of(self.report_page, "h1"), ["ubuntu.vhd"])
        self.assertEqual(self.text_of(self.report_page, "header .tag"), ["32 passed", "7 advice", "16 skipped"])
        facts = self.text_of(self.report_page, ".facts dd")
        self.assertEqual(facts[:4], ["ubuntu 20.04 x86_64", "Standard_HB120rs_v2", "5.5-1.0.3.2 profile ib-minimal",
                                     "6.1.0-57-cloud-amd64 built for this kernel"])
        self.assertEqual(self.text_of(self.report_page, ".notices.bad li"), [])
        rows = self.text_of(self.report_page, "#packages tbody tr")
        self.assertEqual(len(rows), 14)
        self.assertIn("rdma-core upgrade 28.0-1ubuntu1 → 55mlnx37-1.55103 bundle wanted", rows)
        self.assertEqual(len(self.text_of(self.report_page, ".steps li")), 17)

    def test_a_comparison_shows_what_differs(self):
        parts = self.text_of(self.diff_page, "#parts tbody tr")
        self.assertEqual([part.split(" ")[0] for part in parts], ["Image", "Base", "Recipe", "System", "Kernel", "Driver", "Packages",
                                                                  "Settings", "Files", "Checks"])
        self.assertIn("release changed 6.1.0-57-cloud-amd64 3.10.0-1062.el7.x86_64", self.text_of(self.diff_page, "#kernel tbody tr"))

    def test_a_fleet_shows_every_image(self):
        self.assertEqual(self.text_of(self.fleet_page, "#images tbody th"), ["ubuntu.vhd", "centos.vhd", "not-made-yet.vhd"])
        self.assertIn("not baked yet", self.text_of(self.fleet_page, "#images tbody tr")[2])
        self.assertEqual(self.text_of(self.fleet_page, "article > h2"), ["ubuntu.vhd", "centos.vhd"])

    def test_screenshots(self):
        for name, page in self.pages.items():
            screenshot(self, page, f"{name}.png", "1280,2400")
            phone_screenshot(self, page, f"{name}-narrow.png", self.scratch)
        screenshot(self, self.dark(self.report_page), "report-dark.png", "1280,1600")

    def dark(self, page):
        """A copy of the page as a reader who prefers dark colours sees it."""
        copy = self.scratch / "dark.html"
        html = page.read_text()
        self.assertEqual(html.count("@media (prefers-color-scheme: dark)"), 1)
        copy.write_text(html.replace("@media (prefers-color-scheme: dark)", "@media screen"))
        return copy


if __name__ == "__main__":
    unittest.main()
