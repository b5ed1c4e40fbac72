"""Pages as a browser shows them: headless Chromium."""

import os
import subprocess
import tempfile

LIGHT = ["--blink-settings=preferredColorScheme=1"]
DARK = ["--blink-settings=preferredColorScheme=0"]


def _run(*arguments):
    with tempfile.TemporaryDirectory(prefix="chromium.") as profile:
        done = subprocess.run(
            # Without a sandbox, since root has none, and with a profile of its
            # own, so that two may run at a time.
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking",
             f"--user-data-dir={profile}", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


def screenshot(url, path, width, height, scheme=()):
    """A PNG of what stands in a window of that size."""
    _run(f"--window-size={width},{height}", f"--screenshot={path}", *scheme,
         url)
    assert os.path.getsize(path) > 0


def document(url):
    """The document as the browser has understood it."""
    return _run("--dump-dom", url)
