#!/bin/sh
# coverage.sh [BUILD] - which lines and branches of the pure layers the tests
# reach: unit tests, whole sessions and the corpora of the fuzz targets, built
# into build/coverage. Prints a line a file, and the total at the end.
#
# Needs gcovr. Assertions are left out of the branches: that one fails is not
# to be reached.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/coverage}

command -v gcovr >/dev/null || {
    echo "coverage: gcovr is missing; install it with: apt-get install gcovr" >&2
    exit 1
}

mkdir -p "$build"
find "$build" -name '*.gcda' -delete 2>/dev/null || :
# No optimisation, so that a line is a line; -O0 comes last and counts.
make --no-print-directory -j2 BUILD="$build" CC=gcc \
    CFLAGS='--coverage -O0 -U_FORTIFY_SOURCE' pure-tests >"$build.log" 2>&1 || {
    tail -n 30 "$build.log" >&2
    echo "coverage: the build failed" >&2
    exit 1
}

failed=0
for program in $(find "$build/tests" -type f -perm -u+x ! -name '*.*' | sort)
do
    timeout 600 "$program" >"$build.log" 2>&1 && continue
    echo "coverage: $program failed" >&2
    failed=1
done

report() { # OPTION...
    gcovr --root . --object-directory "$build" --gcov-ignore-parse-errors \
        --exclude-throw-branches \
        --exclude-branches-by-pattern '.*assert\(.*' \
        --filter 'proxy/(base|pop3|imap|session)/' "$@" "$build"
}

echo "lines of the pure layers"
report --txt -
echo
echo "branches of the pure layers"
report --txt - --branches
report --txt /dev/null --print-summary
exit $failed
