"""The Debian package in the life of a machine: installed in a fresh root, run,
upgraded, and purged. Root's test, and a matter of a minute: `make deb-test`.

The root is made by mmdebstrap, with the sources, keys and proxies of this
machine, and kept in $POPINJAY_CACHE; each run takes a copy. apt installs the
package there with all that it depends on. There is no service manager in the
root: the program is started by hand, as the unit would.
"""

import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess

import pytest

from support.certificates import Authority
from support.dovecot import Dovecot
from support.pop3client import Pop3Client
from support.popinjay import TOP, write_config
from support.ports import LOOPBACK, answers, free_port, wait_until
from support.roots import cache_folder

RELEASE = "bookworm"
CONFIG = "/etc/popinjay/proxy.conf"
OLD_VERSION = "0.0.1"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C",
               "DEBIAN_FRONTEND": "noninteractive"}


def run(*command, code=0, **kw):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=500, check=False, **kw)
    assert done.returncode == code, f"{command}:\n{done.stdout}"
    return done.stdout


def base_root():
    """A Debian with apt and nothing else; made once."""
    path = os.path.join(cache_folder(), f"debian-{RELEASE}")
    if not os.path.isdir(path):
        os.makedirs(cache_folder(), exist_ok=True)
        shutil.rmtree(path + ".new", ignore_errors=True)
        run("mmdebstrap", "--variant=apt", RELEASE, path + ".new")
        os.rename(path + ".new", path)
    return path


class Root:
    """A copy of the base, and the proxy in it."""

    def __init__(self, folder):
        self.folder = str(folder)
        run("cp", "-a", base_root(), self.folder)
        shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        with open(self.path("/etc/hosts"), "w", encoding="ascii") as f:
            f.write(f"{LOOPBACK} localhost\n")
        self._environment = {
            **ENVIRONMENT, **{k: v for k, v in os.environ.items()
                              if k.lower().endswith("_proxy")}}
        self.run("apt-get", "-q", "update")

    def path(self, name):
        return os.path.join(self.folder, name.lstrip("/"))

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def run(self, *command, code=0):
        return run("chroot", self.folder, *command, code=code,
                   env=self._environment)

    def install(self, package, *options):
        shutil.copy(package, self.path("/tmp/popinjay.deb"))
        return self.run("apt-get", "-q", "-y", "--no-install-recommends",
                        *options, "install", "/tmp/popinjay.deb")

    @contextlib.contextmanager
    def serving(self, port):
        """The process, as the unit starts it but for the rights: it gives
        them up itself."""
        with open(self.path("/tmp/log"), "ab") as log:
            process = subprocess.Popen(
                ["chroot", self.folder, "/usr/sbin/popinjay", "-c", CONFIG],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment, start_new_session=True)
        try:
            wait_until(lambda: process.poll() is not None or answers(port),
                       20, "popinjay")
            assert process.poll() is None, self.read("/tmp/log")
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0, self.read("/tmp/log")
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    run(f"{TOP}/deploy/make-deb.sh", str(folder))
    (path,) = glob.glob(f"{folder}/*.deb")
    return path


@pytest.fixture(scope="module")
def older(package, tmp_path_factory):
    """The same package of a lower version, with another sample."""
    folder = tmp_path_factory.mktemp("older")
    tree = folder / "tree"
    run("dpkg-deb", "-R", package, str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {OLD_VERSION}",
                              control.read_text("utf-8")), "utf-8")
    with open(tree / CONFIG[1:], "a", encoding="utf-8") as f:
        f.write("; an older sample\n")
    path = folder / "older.deb"
    run("dpkg-deb", "-b", str(tree), str(path))
    return str(path)


@pytest.fixture(scope="module")
def server():
    with Dovecot() as running:
        yield running


def configure(root, folder, server):
    """What an operator does after the installation: certificates that the
    user may read, and a configuration. Returns the port and the authority."""
    authority = Authority(folder / "authority")
    user = next(line.split(":") for line in
                root.read("/etc/passwd").splitlines()
                if line.startswith("popinjay:"))
    os.mkdir(root.path("/etc/popinjay/tls"))
    names = []
    for source in authority.pair("proxy"):
        name = f"/etc/popinjay/tls/{os.path.basename(source)}"
        shutil.copy(source, root.path(name))
        os.chown(root.path(name), 0, int(user[3]))
        os.chmod(root.path(name), 0o640)
        names.append(name)
    upstream = server.upstream_config()
    shutil.copy(upstream["ca_file"], root.path("/etc/popinjay/tls/ca.pem"))
    port = free_port()
    write_config(root.path(CONFIG), {
        "server": {"user": "popinjay"},
        "listen pop3s": {"address": f"{LOOPBACK}:{port}", "tls": "implicit",
                         "certificate": names[0], "private_key": names[1]},
        "upstream": {**upstream, "ca_file": "/etc/popinjay/tls/ca.pem"}})
    return port, authority


def check_serving(root, port, authority, server):
    """It serves mail, as its own user."""
    user = server.new_user("secret")
    with root.serving(port) as process:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
            uid = re.search(r"^Uid:\s+(\d+)", f.read(), re.M)[1]
        assert f"popinjay:x:{uid}:" in root.read("/etc/passwd")
        with Pop3Client(port, authority.ca_file, tls=True) as c:
            c.login(user, "secret")
            assert c.ok("STAT") == b"+OK 0 0\r\n"
            c.quit()


def test_life_of_the_package(tmp_path, package, older, server):
    """Installed, nothing runs and nothing is enabled; configured, it serves;
    upgraded, the edited configuration stands beside the new sample; removed,
    the configuration stays; purged, nothing is left but the user, to whom
    files may belong, and what the operator put there."""
    root = Root(tmp_path / "root")
    root.install(older)
    assert root.run("popinjay", "--version").startswith("popinjay ")
    assert not glob.glob(root.path("/etc/systemd/system/*/popinjay*"))
    said = root.run("popinjay", "-c", CONFIG, "--check", code=2)
    assert "certificate" in said

    port, authority = configure(root, tmp_path, server)
    assert "no mistakes" in root.run("popinjay", "-c", CONFIG, "--check")
    check_serving(root, port, authority, server)

    edited = root.read(CONFIG)
    said = root.install(package, "-o", "Dpkg::Options::=--force-confold")
    assert f"({OLD_VERSION})" in said
    assert root.read(CONFIG) == edited
    with open(f"{TOP}/proxy.conf.sample", encoding="utf-8") as f:
        assert root.read(CONFIG + ".dpkg-dist") == f.read()
    check_serving(root, port, authority, server)

    files = root.run("dpkg", "-L", "popinjay").split()
    root.run("dpkg", "--remove", "popinjay")
    assert root.read(CONFIG) == edited
    assert not root.exists("/usr/sbin/popinjay")
    shutil.rmtree(root.path("/etc/popinjay/tls"))
    root.run("dpkg", "--purge", "popinjay")
    assert not [name for name in files if "popinjay" in name
                and root.exists(name)]
    assert not [name for name in glob.glob(root.path("/var/lib/systemd/**"),
                                           recursive=True)
                if "popinjay" in name]
    assert "popinjay:" in root.read("/etc/passwd")
    assert not root.exists("/etc/popinjay")
