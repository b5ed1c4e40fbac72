"""What `make install` puts where: that the unit is a safe one, and that the
manual pages can be read and name every key."""

import os
import re
import shutil
import subprocess

import pytest

from support.popinjay import TOP

EXPOSURE_MOST = 2.0
KEY = re.compile(r"\{\s*CONFIG_([A-Z_]+),\s*\"([a-z0-9_]+)\",\s*CONFIG_[A-Z_]+,"
                 r"\s*IN_[A-Z]+\(([a-z0-9_.]+)\)")


def run(*command, **kw):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False, **kw)
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder below which it was installed, with Debian's paths."""
    folder = tmp_path_factory.mktemp("installed")
    run("make", "-C", TOP, "install", f"DESTDIR={folder}", "PREFIX=/usr",
        "UNITS=/lib/systemd/system")
    return folder


@pytest.fixture(scope="module")
def unit(installed):
    return installed / "lib/systemd/system/popinjay.service"


def keys():
    """(section, key, field) of each in the table of config_keys.c."""
    with open(f"{TOP}/proxy/config_keys.c", encoding="utf-8") as f:
        text = f.read()
    found = KEY.findall(text)
    assert len(found) == len(re.findall(r"^    \{ CONFIG_", text, re.M)) > 30
    return [(section.lower().removesuffix("_of_all"), key, field)
            for section, key, field in found]


# --- Files --------------------------------------------------------------------

def test_every_file_has_its_place(installed):
    for name in ("usr/sbin/popinjay",
                 "usr/share/doc/popinjay/proxy.conf.sample",
                 "usr/share/man/man8/popinjay.8",
                 "usr/share/man/man5/popinjay.conf.5",
                 "usr/lib/sysusers.d/popinjay.conf",
                 "lib/systemd/system/popinjay.service",
                 "lib/systemd/system/popinjay.socket"):
        assert (installed / name).is_file(), name
    assert os.access(installed / "usr/sbin/popinjay", os.X_OK)


def test_the_unit_runs_what_was_installed(tmp_path):
    """With another PREFIX, that one's program."""
    run("make", "-C", TOP, "install", f"DESTDIR={tmp_path}",
        "PREFIX=/opt/popinjay")
    with open(tmp_path / "opt/popinjay/lib/systemd/system/popinjay.service",
              encoding="utf-8") as f:
        assert "\nExecStart=/opt/popinjay/sbin/popinjay -c " in f.read()


# --- The unit -----------------------------------------------------------------

def test_the_unit_exposes_little(unit):
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager",
               str(unit))
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)",
                               told)[1])
    assert exposure <= EXPOSURE_MOST, told


def test_the_units_are_understood(unit, installed, tmp_path):
    """systemd knows each word of it; the program is where it says, in a root
    of its own."""
    root = tmp_path / "root"
    shutil.copytree(installed, root)
    for name in ("sysinit", "basic", "shutdown", "network-online",
                 "nss-lookup", "multi-user", "sockets"):
        (root / f"lib/systemd/system/{name}.target").write_text(
            "[Unit]\nDescription=x\n", encoding="ascii")
    (root / "bin").mkdir()
    shutil.copy("/bin/true", root / "bin/kill")
    said = run("systemd-analyze", "verify", f"--root={root}", "--man=no",
               "popinjay.service", "popinjay.socket")
    assert said == ""


def system_calls(unit_text):
    """Those that SystemCallFilter= of a unit lets through."""
    groups, group = {}, None
    for line in run("systemd-analyze", "--no-pager",
                    "syscall-filter").splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), [])
        elif line.strip() and not line.strip().startswith("#"):
            group.append(line.strip())

    def flat(name):
        return set().union(*(flat(n) for n in groups[name])) \
            if name.startswith("@") else {name}

    allowed = flat("@default")
    for value in re.findall(r"^SystemCallFilter=(.*)$", unit_text, re.M):
        for word in value.removeprefix("~").split():
            if value.startswith("~"):
                allowed -= flat(word)
            else:
                allowed |= flat(word)
    return allowed


def test_the_unit_lets_through_what_our_filter_does(unit):
    """systemd's stands before ours, which needs two calls to be put up."""
    with open(f"{TOP}/proxy/containment_calls.c", encoding="utf-8") as f:
        ours = set(re.findall(r"SCMP_SYS\((\w+)\)", f.read()))
    assert len(ours) > 80
    allowed = system_calls(unit.read_text("utf-8"))
    assert ours | {"prctl", "seccomp", "landlock_restrict_self"} <= allowed
    assert not allowed & {"ptrace", "mount", "reboot", "init_module"}


def test_the_user_is_understood(installed):
    said = run("systemd-sysusers", "--dry-run",
               str(installed / "usr/lib/sysusers.d/popinjay.conf"))
    assert "popinjay" in said or said == ""


# --- Manual pages and keys ----------------------------------------------------

@pytest.mark.parametrize("page", ["man8/popinjay.8", "man5/popinjay.conf.5"])
def test_a_manual_page_is_laid_out(installed, page):
    path = installed / "usr/share/man" / page
    said = run("groff", "-man", "-ww", "-z", "-Tutf8", str(path))
    assert said == ""


def test_the_manual_has_every_option(installed):
    """And every command that --help tells of."""
    with open(installed / "usr/share/man/man8/popinjay.8",
              encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    told = run(str(installed / "usr/sbin/popinjay"), "--help")
    words = re.findall(r"--[a-z]+|\bSIG[A-Z0-9]+", told)
    words += re.findall(r"^ +popinjay ([a-z]+)", told, re.M)
    assert {"--check", "SIGHUP", "status"} <= set(words)
    for word in words:
        assert word in page, word


def manual_keys(installed):
    """{(section, key)} that popinjay.conf(5) describes."""
    found, section = set(), None
    with open(installed / "usr/share/man/man5/popinjay.conf.5",
              encoding="utf-8") as f:
        for line in f:
            if head := re.match(r"\.SH \[([a-z_]+)", line):
                section = head[1]
            elif named := re.match(r"\.(?:BR?) ([a-z0-9_]+)(?: \" = .*)?$",
                                   line):
                if section and before.startswith((".TP", ".TQ")):
                    found.add((section, named[1]))
            before = line
    return found


def test_the_manual_has_every_key_and_no_other(installed):
    """What a choice means is laid out as keys are, hence the second half."""
    described = manual_keys(installed)
    known = {(section, key) for section, key, _ in keys()}
    assert known <= described, known - described
    with open(f"{TOP}/proxy/config_keys.c", encoding="utf-8") as f:
        words = set(re.findall(r'"([a-z0-9._]+)"', f.read()))
    assert {key for _, key in described - known} <= words


def test_no_key_is_dead():
    """Each is looked at by something other than what reads and judges it: the
    code that serves, or the policy of a listener that is made for it."""
    code = ""
    for folder, _, names in os.walk(f"{TOP}/proxy"):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = f.read()
            if not name.startswith("config"):
                code += text
            else:
                code += "".join(re.findall(
                    r"^struct \w+ config_\w*policy\(.*?^}", text, re.M | re.S))
    for section, key, field in keys():
        last = field.rpartition(".")[2]
        named = last.removesuffix("_name")  # what a name was resolved to
        assert re.search(rf"(->|\.)({last}|{named})\b", code), \
            f"[{section}] {key}"
