#!/usr/bin/python3
"""The page of `bake matrix html` in a real browser (Debian's Chromium, headless): the answers for a release and a VM size, and
that the page needs no network and no script. The page itself has no script. The tests add one to a copy, which chooses options
and records the visible texts."""
import json
import re
import unittest

from browser import chromium, phone_screenshot, refers_to_nothing, screenshot, too_wide
from e2e import BakeCase

# Chooses options and adds the visible texts as JSON to the document that --dump-dom prints.
PROBE = """<script>
const choose = CHOICES, seen = [];
const visible = element => element.offsetParent !== null && element.getBoundingClientRect().height > 0;
const text = element => element.innerText.replace(/\\s+/g, " ").trim();
for (const [release, size] of choose) {
  document.querySelector("#release").value = release;
  document.querySelector("#size").value = size;
  seen.push({
    ask: visible(document.querySelector("#ask")),
    notices: [...document.querySelectorAll(".notice")].filter(visible).map(text),
    rows: [...document.querySelectorAll("#answers tbody tr[data-family]")].filter(visible)
      .map(row => [row.parentElement.id, ...[...row.children].map(text)]),
  });
}
const result = document.createElement("script");
result.type = "application/json"; result.id = "result"; result.textContent = JSON.stringify(seen);
document.body.append(result);
</script>"""


class MatrixPage(BakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = cls.scratch / "matrix.html"
        cls.bake("matrix", "html", "-o", cls.page)
        cls.html = cls.page.read_text()

    def look(self, *choices):
        """Returns the visible texts after each choice of (release, size)."""
        copy = self.scratch / "probe.html"
        copy.write_text(self.html.replace("</body>", PROBE.replace("CHOICES", json.dumps(choices)) + "</body>"))
        dom = chromium("--dump-dom", copy.as_uri()).stdout
        return json.loads(re.search(r'<script type="application/json" id="result">(.*?)</script>', dom, re.S).group(1))

    def chosen(self, *values):
        """A copy of the page in which these options are chosen."""
        html = self.html
        for value in values:
            self.assertEqual(html.count(f'<option value="{value}"'), 1)
            html = html.replace(f'<option value="{value}"', f'<option selected value="{value}"')
        copy = self.scratch / f"{'-'.join(values)}.html"
        copy.write_text(html)
        return copy

    def test_the_page_refers_to_nothing_elsewhere(self):
        refers_to_nothing(self, self.html)

    def test_a_release_and_a_size_give_one_answer(self):
        one, extension, refused, none, nothing = self.look(
            ["centos-7-7", "standard-hb120rs-v2"], ["centos-7-4", "standard-hb120rs-v2"],
            ["centos-7-6", "standard-hb176rs-v4"], ["ubuntu-20-04", "standard-nd128isr-gb300-v6"], ["", ""])
        self.assertIn("5.5-1.0.3.2 extension ? unverified", extension["rows"][0][2])
        self.assertIn("the VM extension installs it for CX6 on CentOS 7.4", extension["rows"][0][3])
        self.assertEqual([row[:2] for row in one["rows"]],
                         [["centos-7-7", "HBv2 CX6 HB120rs_v2, HB120-96rs_v2, HB120-64rs_v2, HB120-32rs_v2, HB120-16rs_v2"]])
        self.assertIn("5.4-1.0.3.0 LTS", one["rows"][0][2])
        self.assertNotIn("unverified", one["rows"][0][2])
        self.assertIn("MLNX_OFED_LINUX-5.4-1.0.3.0-rhel7.7-x86_64.tgz", one["rows"][0][2])
        self.assertIn("the SHA-256 of its archive is public", one["rows"][0][3])
        self.assertIn("Also works: 5.5-1.0.3.2", one["rows"][0][3])
        self.assertEqual((one["ask"], one["notices"]), (False, []))
        self.assertEqual(len(refused["rows"]), 1)
        self.assertEqual(refused["rows"][0][2], "none")
        self.assertIn("needs MLNX_OFED >= 5.6-1.0.3.3, which has no bundle for CentOS 7.6", refused["rows"][0][3])
        self.assertEqual(refused["rows"][0][4], "use AlmaLinux 8.6 with MLNX_OFED 5.8-1.0.1.1; or CentOS 7.9 with MLNX_OFED 23.10-2.1.3.1, which is unverified "
                         "Standard_HB176rs_v4: starts from generation 2 (UEFI) images only")
        self.assertEqual(none["rows"], [])
        self.assertEqual(len(none["notices"]), 1)
        self.assertIn("Standard_ND128isr_GB300_v6 is an arm64 size", none["notices"][0])
        self.assertEqual((nothing["rows"], nothing["notices"], nothing["ask"]), ([], [], True))

    def test_either_alone_lists_all_its_answers(self):
        release, size = self.look(["rhel-8-2", ""], ["", "standard-hb60-30rs"])
        families = {row[1].split(" ")[0] for row in release["rows"]}
        self.assertEqual({row[0] for row in release["rows"]}, {"rhel-8-2"})
        self.assertEqual(len(families), len(release["rows"]))
        self.assertLessEqual({"NCv3", "HB", "HC", "HBv2", "HBv3", "HBv4", "HX", "HBv5", "NDH100v5"}, families)
        releases = json.loads(self.bake("matrix", "list", "os", "--json").stdout)["os"]
        self.assertEqual(len(size["rows"]), len(releases))
        self.assertEqual({row[1].split(" ")[0] for row in size["rows"]}, {"HB"})

    def test_the_answers_are_those_of_the_command_resolve(self):
        sizes = {"nc24rs-v3": "NC24rs_v3", "hb60rs": "HB60rs", "hb120rs-v2": "HB120rs_v2", "hb176rs-v4": "HB176rs_v4"}
        releases = ["ubuntu-16-04", "centos-7-4", "rhel-7-6", "centos-8-1", "rhel-8-2", "ubuntu-22-04"]
        choices = [(release, size) for release in releases for size in sizes]
        seen = self.look(*[[release, f"standard-{size}"] for release, size in choices])
        for (release, size), page in zip(choices, seen):
            name, major, minor = release.split("-")
            asked = self.bake("--json", "matrix", "resolve", f"{name}{major}.{minor}", sizes[size], check=False)
            answer = json.loads(asked.stdout)
            best = answer["choices"][0] if answer["choices"] else None
            expected = "none" if best is None else "rdma-core" if best["driver"] == "inbox" else best["ofed"]
            self.assertEqual([row[2].split(" ")[0] for row in page["rows"]], [expected], (release, size))

    def test_a_phone_does_not_scroll_sideways(self):
        for page in (self.page, self.chosen("rhel-8-2"), self.chosen("centos-7-7", "standard-hb120rs-v2"),
                     self.chosen("standard-nd128isr-gb300-v6")):
            self.assertEqual(too_wide(page, self.scratch), (390, []), page.name)

    def test_screenshots(self):
        for page, name, size in ((self.page, "matrix.png", "1280,1600"),
                                 (self.chosen("centos-7-7", "standard-hb120rs-v2"), "matrix-one-answer.png", "1280,900"),
                                 (self.chosen("rhel-8-2"), "matrix-release.png", "1280,1800")):
            screenshot(self, page, name, size)
        phone_screenshot(self, self.chosen("ubuntu-20-04", "standard-hb120rs-v2"), "matrix-narrow.png", self.scratch)


if __name__ == "__main__":
    unittest.main()
