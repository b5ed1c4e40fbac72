"""The page for people as headless Chromium shows it."""

import os
import subprocess

import pytest
from PIL import Image, ImageStat

from support import chromium
from support.popinjay import TOP

SAMPLE = os.path.join(TOP, "build", "tests", "pages", "status_sample")


def picture(path):
    with Image.open(path) as opened:
        return opened.convert("RGB")


def brightness(image):
    return ImageStat.Stat(image.convert("L")).mean[0]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The URL of a page that shows trouble after a busy hour."""
    path = tmp_path_factory.mktemp("page") / "trouble.html"
    with open(path, "wb") as f:
        subprocess.run([SAMPLE, "trouble"], stdout=f, check=True, timeout=20)
    return f"file://{path}"


def test_live(proxy, server, user, tmp_path):
    """The page of a running server, its policy enforced: what the style gives
    is there, and the browser finds what a person looks for."""
    with proxy.login(user, server.password(user)) as c:
        url = f"http://localhost:{proxy.port_status}/"
        dom = chromium.document(url)
        c.quit()
    assert "<title>popinjay: serving</title>" in dom
    assert 'role="img"' in dom and "Sessions of the last hour" in dom
    path = str(tmp_path / "live.png")
    chromium.screenshot(url, path, 900, 700, chromium.LIGHT)
    colours = picture(path).getcolors(900 * 700)
    # The page's ground, the cards', and the green of the state: without the
    # style there is neither.
    assert {(0xf3, 0xf5, 0xf8), (0xff, 0xff, 0xff), (0xdf, 0xf3, 0xe8)} <= \
        {colour for _, colour in colours}


def test_light_and_dark(sample, tmp_path):
    light, dark = str(tmp_path / "light.png"), str(tmp_path / "dark.png")
    chromium.screenshot(sample, light, 1000, 800, chromium.LIGHT)
    chromium.screenshot(sample, dark, 1000, 800, chromium.DARK)
    assert brightness(picture(light)) > 200
    assert brightness(picture(dark)) < 60


def test_phone(sample, tmp_path):
    """Nothing is wider than a phone: the margin is empty all the way down."""
    path = str(tmp_path / "phone.png")
    width, height = 360, 2600
    chromium.screenshot(sample, path, width, height, chromium.LIGHT)
    image = picture(path)
    assert image.size == (width, height)
    for edge in ((0, 0, 10, height), (width - 10, 0, width, height)):
        assert len(image.crop(edge).getcolors()) == 1
    assert len(image.getcolors(width * height)) > 50
