"""The Debian package: it is built, lintian finds nothing wrong with it, and
it holds what `make install` installs."""

import glob
import os
import subprocess

import pytest

from support.popinjay import TOP

FILES = """\
/etc/popinjay/proxy.conf
/lib/systemd/system/popinjay.service
/lib/systemd/system/popinjay.socket
/usr/lib/sysusers.d/popinjay.conf
/usr/sbin/popinjay
/usr/share/man/man5/popinjay.conf.5.gz
/usr/share/man/man8/popinjay.8.gz
""".split()
DOCUMENTS = "/usr/share/doc/popinjay/"


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    run(f"{TOP}/deploy/make-deb.sh", str(folder))
    (path,) = glob.glob(f"{folder}/*.deb")
    return path


def test_lintian_finds_nothing(package):
    """Hints for those who pack are shown, errors and warnings fail."""
    run("lintian", "--allow-root", "--fail-on", "error,warning", package)


def test_it_holds_what_it_should(package):
    listed = [line.split()[-1].lstrip(".") for line in
              run("dpkg-deb", "--contents", package).splitlines()]
    files = {n for n in listed if not n.endswith("/")}
    assert {n for n in files if not n.startswith(DOCUMENTS)} == set(FILES)
    for name in ("README.md.gz", "docs/logs.md.gz", "changelog.gz",
                 "copyright", "proxy.conf.sample.gz",
                 "examples/fail2ban/filter.d/popinjay.conf"):
        assert DOCUMENTS + name in files


def test_its_configuration_is_the_operators(package, tmp_path):
    """dpkg asks before it replaces what was edited; it begins as the sample."""
    run("dpkg-deb", "-R", package, str(tmp_path))
    with open(tmp_path / "DEBIAN/conffiles", encoding="ascii") as f:
        assert f.read() == "/etc/popinjay/proxy.conf\n"
    with open(tmp_path / "etc/popinjay/proxy.conf", encoding="utf-8") as f, \
            open(f"{TOP}/proxy.conf.sample", encoding="utf-8") as sample:
        assert f.read() == sample.read()


def test_its_version_is_the_programs(package, tmp_path):
    version = run("dpkg-deb", "--field", package, "Version").strip()
    run("dpkg-deb", "-x", package, str(tmp_path))
    said = run(os.path.join(tmp_path, "usr/sbin/popinjay"), "--version")
    assert said == f"popinjay {version}\n"
