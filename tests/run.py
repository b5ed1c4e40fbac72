#!/usr/bin/python3
"""Runs every check and test and ends with one line: N passed, N failed.

    tests/run.py [PART...]

A part is one of those in PARTS below; without any, all run in their order, but
for those that are only run when they are named (NAMED). A part that fails does
not stop the others, and a part in which no test ran has failed. Programs run
two at a time, files of pytest's tests three; what they say is shown when they
fail.

A file of tests that has to be root (ROOT) runs under sudo for others.
"""

import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
PLAIN = "build"
ASAN = "build/asan"
TSAN = "build/tsan"
# Of each build: what make is told, and what its programs are.
SANITIZE = {PLAIN: "", ASAN: "address,undefined", TSAN: "thread"}
ENVIRONMENT = {
    PLAIN: {},
    ASAN: {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    },
    TSAN: {
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    },
}
TEST_SECONDS = 300       # for one C program
FILE_SECONDS = 600       # for one run of pytest's, or one check
TIDY_SECONDS = 30        # to stop servers, for one that is told to end
JOBS = 2
WAITING_JOBS = 3         # of pytest: its tests mostly wait for somebody

# Most of pytest's files run on both builds. These do not:
#   the scripted and the authorization server's own tests: there is no proxy in
#   them;
#   the browser's and promtool's: pages are the same on both;
#   the search of the process's memory: a sanitizer's is too large to read;
#   what is installed and packed, which is never a sanitizer's build.
PLAIN_ONLY = {"upstream/test_server.py", "integration/test_oauth_server.py",
              "integration/test_secrets.py",
              "integration/test_page.py", "integration/test_watching.py",
              "deploy/test_install.py", "deploy/test_package.py",
              "deploy/test_container.py", "deploy/test_kubernetes.py",
              "deploy/test_documents.py"}
#   other people's servers and clients: their turns take most of the time, and
#   the sanitizers find in them all that the plain build would, and more.
ASAN_ONLY = {"integration/test_servers.py", "integration/test_clients.py"}
# The tests that ask for nothing but some IMAP server, and who else is one.
SERVED = ("test_life.py", "test_login.py", "test_delete.py", "test_commands.py",
          "test_retrieve.py", "test_readahead.py", "test_tls.py",
          "test_half_close.py", "test_reuse.py", "test_parked.py",
          "test_mailboxes.py")
OTHER_SERVERS = ("cyrus", "courier", "mailutils")
# Roots are made and entered, the memory of a process is read, and a journal of
# its own is mounted, by root.
ROOT = {"integration/test_servers.py", "integration/test_secrets.py",
        "integration/test_unique_ids.py", "integration/test_scram_cyrus.py",
        "integration/test_journal.py", "deploy/fresh_root.py"}
# What workers share: locks, lists of messages, connections, tickets, tokens,
# figures; and what they are handed.
THREADS = ("test_life.py", "test_login.py", "test_reload.py", "test_handover.py",
           "test_reuse.py", "test_sessions.py", "test_status.py",
           "test_tls_resumption.py", "test_oauth_tokens.py")
# Started first, so that none of them is what all the others wait for.
LONGEST = ("test_servers.py", "test_scenarios.py", "test_hostile.py",
           "test_clients.py")


class Tally:
    """What ran: counts, and the output of what failed."""

    def __init__(self, passed=0, failed=0, output=""):
        self.passed = passed
        self.failed = failed
        self.output = output

    def __add__(self, other):
        return Tally(self.passed + other.passed, self.failed + other.failed,
                     self.output + other.output)


class Commands:
    """The programs that run now; when this one is told to end, so are they."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self.ended_by = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number, _frame):
        self.ended_by = number
        signal.signal(number, signal.SIG_IGN)
        # Not in the handler: what it interrupted may hold the lock.
        threading.Thread(target=self._end_all).start()

    def _end_all(self):
        with self._lock:
            running = list(self._running)
        for process in running:
            end(process)

    def start(self, command, env):
        with self._lock:
            if self.ended_by:
                raise OSError("told to end")
            # A session of its own: Ctrl-C comes to it by way of _end_all().
            process = subprocess.Popen(
                command, cwd=TOP, env={**os.environ, **env},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True)
            self._running.add(process)
        return process

    def done(self, process):
        with self._lock:
            self._running.discard(process)


def end(process):
    """Lets it stop the servers that it started, if it does so in time."""
    for number, seconds in ((signal.SIGTERM, TIDY_SECONDS),
                            (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:         # it runs under sudo
            subprocess.run(["sudo", "-n", "kill", f"-{number}", "--",
                            f"-{process.pid}"], check=False)
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            pass


def run(command, env=None, seconds=FILE_SECONDS):
    """(exit code, output of both streams); as in a shell, 124 is a time-out
    and 127 a program that cannot be run."""
    try:
        process = COMMANDS.start(command, env or {})
    except OSError as error:
        return 127, f"{command[0]}: {error}\n"
    late = ""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        end(process)
        said, _ = process.communicate()
        late = f"\n{command[0]}: over {seconds} s\n"
    finally:
        COMMANDS.done(process)
    return 124 if late else process.returncode, \
        said.decode(errors="replace") + late


def one_check(command, env=None):
    """A command that is one test: it passes when it exits with 0."""
    code, output = run(command, env)
    return Tally(1) if code == 0 else Tally(
        0, 1, f"--- {' '.join(command)}: exit {code}\n{output}")


def make(build, *targets):
    command = ["make", "--no-print-directory", "-k", f"-j{JOBS}",
               f"BUILD={build}", f"SANITIZE={SANITIZE[build]}"]
    done = one_check(command + list(targets), ENVIRONMENT[build])
    # What went well is of no interest next to what did not.
    done.output = re.sub(r"(?m)^  (CC|AR|LD) .*\n", "", done.output)
    return done


def checks():
    """tests/check_*.sh BUILD: layers, banned functions, format, ...; and that
    each row of the conformance checklist has a test."""
    scripts = sorted(glob.glob(os.path.join(TOP, "tests", "check_*.sh")))
    return in_parallel([(one_check, [script, PLAIN]) for script in scripts]
                       + [(make, PLAIN, "rows")])


def cmocka(program, env):
    """One test program; cmocka's TAP output is counted line by line."""
    code, output = run([program], {**env, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                       TEST_SECONDS)
    passed = len(re.findall(r"^ok \d", output, re.M))
    failed = len(re.findall(r"^not ok ", output, re.M))
    planned = sum(int(n) for n in re.findall(r"^1\.\.(\d+)$", output, re.M))
    # A crash leaves its group without results, a leak shows in the exit code.
    failed += max(planned - passed - failed, 0)
    if failed == 0 and (code != 0 or passed == 0):
        failed = 1
    if failed:
        output = f"--- {os.path.relpath(program, TOP)}: exit {code}\n{output}"
    return Tally(passed, failed, output if failed else "")


def programs(build):
    """Every C test program of |build|, built from a test_*.c; and the inputs
    in tests/fuzz/corpus, each fuzz target being a test of its own."""
    sources = [s for pattern in ("unit/**/test_*.c", "session/**/test_*.c",
                                 "fuzz/fuzz_*.c")
               for s in glob.glob(os.path.join(TOP, "tests", pattern),
                                  recursive=True)]
    return in_parallel([
        (cmocka, os.path.join(TOP, build, os.path.relpath(s, TOP))[:-2],
         ENVIRONMENT[build])
        for s in sorted(sources)])


def sim(build, seed):
    """Simulated sessions; those of |seed| and the ones after it."""
    return make(build, "sim-short", f"SIM_SEED={seed}")


def pytest_file(path, env):
    """One file of pytest's tests, with servers of its own."""
    return pytest_run(short_name(path), [path], env,
                      as_root=short_name(path) in ROOT)


def pytest_run(name, arguments, env, as_root):
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pjtest.") as folder:
        report = os.path.join(folder, "report.xml")
        command = [PYTHON, "-m", "pytest", "-q", "-c", "tests/pytest.ini",
                   *arguments, f"--basetemp={folder}/tmp",
                   f"--junitxml={report}"]
        if as_root and os.geteuid() != 0:
            code, output = run_as_root(command, env, f"{folder}/tmp")
        else:
            code, output = run(command, env)
        try:
            suite = xml.etree.ElementTree.parse(report).find("testsuite")
            total, failures, errors, skipped = (
                int(suite.get(a))
                for a in ("tests", "failures", "errors", "skipped"))
        except (OSError, xml.etree.ElementTree.ParseError):
            total, failures, errors, skipped = 0, 1, 0, 0
    failed = failures + errors
    passed = max(total - failed - skipped, 0)
    if failed == 0 and (code != 0 or passed == 0):
        failed = 1
    if failed:
        output = f"--- {name}: exit {code}\n{output}"
    print(f"  {name}: {passed} ok"
          + (f", {failed} not ok" if failed else "")
          + (f", {skipped} skipped" if skipped else "")
          + f" ({time.monotonic() - start:.1f} s)", flush=True)
    return Tally(passed, failed, output if failed else "")


def run_as_root(command, env, scratch):
    """|scratch| then holds files of root's, which only root can remove."""
    settings = [f"{key}={value}" for key, value in env.items()]
    try:
        return run(["sudo", "-n", "env", *settings, *command])
    finally:
        run(["sudo", "-n", "rm", "-rf", scratch])


def short_name(path):
    return os.path.relpath(path, os.path.join(TOP, "tests"))


def pytest(build):
    """pytest's files, on the proxy of |build|."""
    paths = glob.glob(os.path.join(TOP, "tests", "*", "test_*.py"))
    left_out = ASAN_ONLY if build == PLAIN else PLAIN_ONLY
    return in_parallel([(pytest_file, path, environment(build))
                        for path in sorted(paths, key=turn)
                        if short_name(path) not in left_out], WAITING_JOBS)


def threads():
    """Some of them, where a race between workers would show."""
    return in_parallel([
        (pytest_file, os.path.join(TOP, "tests", "integration", name),
         environment(TSAN))
        for name in THREADS], WAITING_JOBS)


def deb():
    """The Debian package, installed and purged in a root made for it."""
    return pytest_file(os.path.join(TOP, "tests", "deploy", "fresh_root.py"),
                       environment(PLAIN))


def environment(build):
    return {"POPINJAY": os.path.join(TOP, build, "popinjay"),
            "PYTHONDONTWRITEBYTECODE": "1", **ENVIRONMENT[build]}


def pytest_before_others(build, *options):
    """What is said of Dovecot, said of the other servers: all of them at a time,
    since the tests mostly wait for them, and each started but once."""
    paths = [os.path.join(TOP, "tests", "integration", name) for name in SERVED]
    return in_parallel([
        (pytest_run, f"before {server}",
         [*paths, f"--server={server}", *options], environment(build), True)
        for server in OTHER_SERVERS], len(OTHER_SERVERS))


def turn(path):
    name = os.path.basename(path)
    return LONGEST.index(name) if name in LONGEST else len(LONGEST), path


def in_parallel(jobs, at_a_time=JOBS):
    """Runs (function, argument...) tuples, and adds up what they return."""
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        pending = [pool.submit(attempt, *job) for job in jobs]
        return sum((p.result() for p in pending), Tally())


def attempt(function, *arguments):
    return Tally() if COMMANDS.ended_by else function(*arguments)


PARTS = {
    "build": lambda: make(PLAIN, "all", "tests"),
    "checks": checks,
    "programs": lambda: programs(PLAIN),
    "sim": lambda: sim(PLAIN, 1),
    "pytest": lambda: pytest(PLAIN),
    "pytest-servers": lambda: pytest_before_others(PLAIN, "-m",
                                                   "not proxys_own"),
    "pytest-servers-all": lambda: pytest_before_others(PLAIN),
    "build-asan": lambda: make(ASAN, "all", "tests"),
    "programs-asan": lambda: programs(ASAN),
    "sim-asan": lambda: sim(ASAN, 1_000_000),
    "pytest-asan": lambda: pytest(ASAN),
    "build-tsan": lambda: make(TSAN, "all", "tests"),
    "threads": threads,
    "programs-tsan": lambda: programs(TSAN),
    "pytest-tsan": lambda: pytest(TSAN),
    "deb": deb,
}
NAMED = ("pytest-servers-all", "programs-tsan", "pytest-tsan", "deb")
GROUPS = {
    "servers": ["build", "pytest-servers-all"],
    "asan": ["build-asan", "programs-asan", "sim-asan", "pytest-asan"],
    "tsan": ["build-tsan", "programs-tsan", "pytest-tsan"],
}


def main(names):
    names = names or [p for p in PARTS if p not in NAMED]
    wanted = [p for n in names for p in GROUPS.get(n, [n])]
    unknown = [p for p in wanted if p not in PARTS]
    if unknown:
        sys.exit(f"no such part: {unknown[0]}; there are: "
                 + " ".join([*PARTS, *GROUPS]))
    total = Tally()
    for name in wanted:
        start = time.monotonic()
        part = PARTS[name]()
        if COMMANDS.ended_by:
            sys.exit(f"ended by signal {COMMANDS.ended_by}")
        if part.passed + part.failed == 0:
            part = Tally(0, 1, f"{name}: no test ran\n")
        if part.output:
            print(part.output, end="" if part.output.endswith("\n") else "\n")
        print(f"{name}: {part.passed} ok, {part.failed} not ok "
              f"({time.monotonic() - start:.1f} s)", flush=True)
        total += part
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    COMMANDS = Commands()
    sys.exit(main(sys.argv[1:]))
