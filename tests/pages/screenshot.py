#!/usr/bin/python3
"""screenshot.py SAMPLE FOLDER - FOLDER/status.png, the status page of a busy
day as SAMPLE writes it (tests/pages/status_sample.c)."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from PIL import Image  # noqa: E402

from support import chromium  # noqa: E402

WIDTH, HEIGHT = 1040, 960
COLOURS = 128  # a page has few: the file is a third of its size


def main():
    sample, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "status.png")
    with tempfile.NamedTemporaryFile(suffix=".html") as page:
        subprocess.run([sample, "busy"], stdout=page, check=True)
        chromium.screenshot(f"file://{page.name}", path, WIDTH, HEIGHT,
                            chromium.LIGHT)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {os.path.getsize(path)} octets")


if __name__ == "__main__":
    main()
