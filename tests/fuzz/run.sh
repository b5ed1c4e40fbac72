#!/bin/sh
# run.sh BUILD JOBS NAME:WORDS... - runs fuzz targets for FUZZ_SECONDS each,
# JOBS at a time. WORDS are dictionaries of tests/fuzz, split by colons.
#
# New inputs go to BUILD/corpus/NAME, those that fail to BUILD/failed/NAME-...,
# what libFuzzer says to BUILD/NAME.log. To take what was found into the tree:
#     BUILD/tests/fuzz/fuzz_NAME -merge=1 tests/fuzz/corpus/NAME BUILD/corpus/NAME
set -eu
cd "$(dirname "$0")/../.."

run_one() { # BUILD NAME:WORDS
    build=$1
    name=${2%%:*}
    words=${2#*:}
    mkdir -p "$build/corpus/$name" "$build/failed"
    dictionary=
    : >"$build/$name.dict"
    [ -z "$words" ] || dictionary=-dict=$build/$name.dict
    while [ -n "$words" ]; do
        cat "tests/fuzz/${words%%:*}.dict" >>"$build/$name.dict"
        case $words in *:*) words=${words#*:} ;; *) words= ;; esac
    done
    if "$build/tests/fuzz/fuzz_$name" $dictionary \
        -max_total_time="$FUZZ_SECONDS" -timeout=25 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$build/failed/$name-" \
        "$build/corpus/$name" "tests/fuzz/corpus/$name" \
        >"$build/$name.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$build/$name.log")
        echo "fuzz $name: ok, $runs inputs in $FUZZ_SECONDS s"
    else
        echo "fuzz $name: FAILED, see $build/$name.log"
        tail -n 30 "$build/$name.log"
        return 1
    fi
}

if [ "$1" = --one ]; then
    run_one "$2" "$3"
    exit
fi

: "${FUZZ_SECONDS:=60}"
export FUZZ_SECONDS
build=$1
jobs=$2
shift 2
printf '%s\n' "$@" | xargs -n 1 -P "$jobs" "$0" --one "$build"
