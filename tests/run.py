#!/usr/bin/python3
"""Runs every check and test and ends with one line: N passed, N failed.

    tests/run.py [PART...]

A part is one of those in PARTS below; without any, all run in their order. A
part that fails does not stop the others, and a part in which no test ran has
failed. Programs and files of tests run two at a time; what they say is shown when they fail.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLAIN = "build"
ASAN = "build/asan"
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
TEST_SECONDS = 300       # for one C program
FILE_SECONDS = 900       # for one file of pytest's, or one check
JOBS = 2


class Tally:
    """What ran: counts, and the output of what failed."""

    def __init__(self, passed=0, failed=0, output=""):
        self.passed = passed
        self.failed = failed
        self.output = output

    def __add__(self, other):
        return Tally(self.passed + other.passed, self.failed + other.failed,
                     self.output + other.output)


def run(command, env=None, seconds=FILE_SECONDS):
    """(exit code, output of both streams); as in a shell, 124 is a time-out
    and 127 a program that cannot be run."""
    try:
        done = subprocess.run(
            command, cwd=TOP, env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=seconds, check=False)
    except OSError as error:
        return 127, f"{error}\n"
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"").decode(errors="replace")
        return 124, f"{said}\n{command[0]}: over {seconds} s\n"
    return done.returncode, done.stdout.decode(errors="replace")


def one_check(command, env=None):
    """A command that is one test: it passes when it exits with 0."""
    code, output = run(command, env)
    return Tally(1) if code == 0 else Tally(0, 1, output)


def make(build, *targets):
    command = ["make", "--no-print-directory", "-k", f"-j{JOBS}",
               f"BUILD={build}"]
    if build == ASAN:
        command.append("SANITIZE=address,undefined")
    done = one_check(command + list(targets))
    # What went well is of no interest next to what did not.
    done.output = re.sub(r"(?m)^  (CC|AR|LD) .*\n", "", done.output)
    return done


def checks():
    """tests/check_*.sh BUILD: layers, banned functions, format, ..."""
    return in_parallel([(one_check, [script, PLAIN]) for script in
                        sorted(glob.glob(os.path.join(TOP, "tests",
                                                      "check_*.sh")))])


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
    """Every C test program of |build|, built from a test_*.c."""
    sources = [s for kind in ("unit", "session")
               for s in glob.glob(os.path.join(TOP, "tests", kind, "**",
                                               "test_*.c"), recursive=True)]
    env = SANITIZERS if build == ASAN else {}
    return in_parallel([
        (cmocka, os.path.join(TOP, build, os.path.relpath(s, TOP))[:-2], env)
        for s in sorted(sources)])


def pytest_file(path, env):
    """One file of integration tests, with servers of its own."""
    with tempfile.TemporaryDirectory(prefix="pjtest.") as folder:
        report = os.path.join(folder, "report.xml")
        code, output = run(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-c",
             "tests/pytest.ini", path, f"--basetemp={folder}/tmp",
             f"--junitxml={report}"], env)
        try:
            suite = xml.etree.ElementTree.parse(report).find("testsuite")
            total, failures, errors, skipped = (
                int(suite.get(a))
                for a in ("tests", "failures", "errors", "skipped"))
        except (OSError, xml.etree.ElementTree.ParseError):
            total, failures, errors, skipped = 0, 1, 0, 0
    if skipped:
        print(f"  {os.path.basename(path)}: {skipped} skipped", flush=True)
    failed = failures + errors
    passed = max(total - failed - skipped, 0)
    if code != 0 and failed == 0:
        failed = 1
    return Tally(passed, failed, output if failed else "")


def pytest(build):
    """The integration tests, on the proxy of |build|."""
    env = {"POPINJAY": os.path.join(TOP, build, "popinjay"),
           "PYTHONDONTWRITEBYTECODE": "1"}
    if build == ASAN:
        env.update(SANITIZERS)
    return in_parallel([(pytest_file, path, env) for path in sorted(glob.glob(
        os.path.join(TOP, "tests", "integration", "test_*.py")))])


def in_parallel(jobs):
    """Runs (function, argument...) tuples JOBS at a time; adds them up."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        pending = [pool.submit(job[0], *job[1:]) for job in jobs]
        return sum((p.result() for p in pending), Tally())


PARTS = {
    "build": lambda: make(PLAIN, "all", "tests"),
    "checks": checks,
    "programs": lambda: programs(PLAIN),
    "pytest": lambda: pytest(PLAIN),
    "build-asan": lambda: make(ASAN, "all", "tests"),
    "programs-asan": lambda: programs(ASAN),
    "pytest-asan": lambda: pytest(ASAN),
}
GROUPS = {"asan": ["build-asan", "programs-asan", "pytest-asan"]}


def main(names):
    wanted = [p for n in names or PARTS for p in GROUPS.get(n, [n])]
    unknown = [p for p in wanted if p not in PARTS]
    if unknown:
        sys.exit(f"no such part: {unknown[0]}; there are: "
                 + " ".join([*PARTS, *GROUPS]))
    total = Tally()
    for name in wanted:
        start = time.monotonic()
        part = PARTS[name]()
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
    sys.exit(main(sys.argv[1:]))
