"""Shared by the tests of pages: a real browser (Debian's Chromium, headless), without a network."""
import json
import re
import shutil
import zlib

from e2e import SOURCE, run

SCREENSHOTS = SOURCE / "build/screenshots"
PHONE = 390

# A window of the browser is at least 500 pixels wide, so the page is in a frame of a phone's width. It reports its width and
# the elements that are wider than the page or scroll sideways.
FRAME = """<!doctype html><body style="margin:0"><iframe style="border:0" width="WIDTH" height="HEIGHT" src="framed.html"></iframe>
<script>addEventListener("message", event => { document.title = event.data; });</script></body>"""
MEASURE = """<script>
const wide = [...document.querySelectorAll("body *")].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 1 && (box.right > innerWidth + 1 || (getComputedStyle(element).overflowX === "auto" &&
    element.scrollWidth > element.clientWidth + 1));
}).map(element => element.tagName + "." + element.className + ": " + element.textContent.slice(0, 60));
parent.postMessage(JSON.stringify([document.documentElement.scrollWidth, wide]), "*");
</script>"""


def chromium(*arguments):
    """Runs the browser once, without a network."""
    return run("unshare", "-n", shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--disable-dev-shm-usage", "--virtual-time-budget=2000", *arguments, timeout=300)


def pixels(png):
    """Returns width, height and the number of distinct rows of pixels of an 8-bit PNG; a blank page has one row."""
    data, at, packed, size = png.read_bytes(), 8, b"", None
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            size = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        if kind == b"IDAT":
            packed += body
        at += length + 12
    rows = zlib.decompress(packed)
    stride = len(rows) // size[1]
    return *size, len({rows[i * stride:(i + 1) * stride] for i in range(size[1])})


def refers_to_nothing(case, html):
    """The page must need no script and no other file."""
    case.assertEqual(re.findall(r"""(?:src|href|action|data)\s*=\s*["'](?!#)[^"']*""", html), [])
    case.assertNotRegex(html, r"<(script|link|iframe|object|embed|img)|@import|url\(")


def in_frame(page, scratch, height=800):
    """A copy of the page in a frame of a phone's width."""
    (scratch / "framed.html").write_text(page.read_text().replace("</body>", MEASURE + "</body>"))
    frame = scratch / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(PHONE)).replace("HEIGHT", str(height)))
    return frame.as_uri()


def too_wide(page, scratch):
    """The width of the page's content on a phone, and the elements that are wider than the page or scroll sideways."""
    dom = chromium("--dump-dom", in_frame(page, scratch)).stdout
    width, elements = json.loads(re.search(r"<title>(.*?)</title>", dom, re.S).group(1).replace("&amp;", "&"))
    return width, elements


def take(case, uri, name, size, at_least=100):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    file = SCREENSHOTS / name
    file.unlink(missing_ok=True)
    chromium(f"--window-size={size}", f"--screenshot={file}", uri)
    width, height, rows = pixels(file)
    case.assertEqual(f"{width},{height}", size)
    case.assertGreater(rows, at_least, f"{name} is blank")


def screenshot(case, page, name, size):
    """Writes build/screenshots/NAME and checks that it has that size and is not blank."""
    take(case, page.as_uri(), name, size)


def phone_screenshot(case, page, name, scratch, height=1800):
    """The same on a phone; the rest of the window is white."""
    take(case, in_frame(page, scratch, height), name, f"{max(PHONE, 500)},{height}")
