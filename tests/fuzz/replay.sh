#!/bin/sh
# replay.sh BUILD NAME... - replays the corpora of the named fuzz targets with
# the programs of BUILD; ends with one line of counts.
set -eu
cd "$(dirname "$0")/../.."
build=$1
shift

inputs=0
failed=0
for name; do
    said=$("$build/tests/fuzz/fuzz_$name" 2>&1) || {
        failed=$((failed + 1))
        printf '%s\n' "$said"
    }
    n=$(printf '%s\n' "$said" |
        sed -n "s/.*ok 1 - $name: \([0-9]*\) inputs.*/\1/p")
    inputs=$((inputs + ${n:-0}))
done
echo "fuzz-replay: $# targets, $inputs inputs, $failed targets failed"
[ "$failed" -eq 0 ]
