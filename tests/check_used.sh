#!/bin/sh
# check_used.sh BUILD - functions that nothing but tests calls: what they test is
# not what the program does.
#
# Looks for symbols that one object of BUILD defines and no other one wants, and
# then for a second place in the sources where the name stands. Shows first that
# it would notice.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}

# Bounds on memory, which nobody can see from outside.
excused=' connection_unsent lock_table_size '

unused() { # TREE OBJECTS
    objects=$(cd "$1" && ls proxy/*.c proxy/*/*.c 2>/dev/null |
              sed "s|^|$2/|; s|\.c\$|.o|")
    found=$(mktemp)
    nm -u -P $objects | awk '{ print $1 }' | sort -u >"$found"
    nm --defined-only --extern-only -P $objects |
        awk 'NF > 1 && $1 != "main" { print $1 }' | sort -u |
        comm -23 - "$found" |
    while IFS= read -r name; do
        case $excused in *" $name "*) continue ;; esac
        # Sanitizers have symbols of their own, which stand nowhere.
        places=$(cat "$1"/proxy/*.c "$1"/proxy/*/*.c | grep -cw "$name" || true)
        [ "$places" -ne 1 ] || echo "$name"
    done
    rm -f "$found"
}

self_check() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/proxy/base"
    echo 'int b(void) { return 1; }
          int a(void) { return b(); }' >"$scratch/proxy/base/x.c"
    echo 'int a(void); int main(void) { return a(); }' >"$scratch/proxy/main.c"
    echo 'int lonely(void) { return 1; }' >"$scratch/proxy/base/y.c"
    for file in base/x base/y main; do
        ${CC:-gcc} -w -c -o "$scratch/proxy/$file.o" "$scratch/proxy/$file.c"
    done
    [ "$(unused "$scratch" "$scratch")" = lonely ] && return
    echo "used: the check is blind"
    exit 1
}

self_check
names=$(unused . "$build")
[ -z "$names" ] || { echo "used: only tests call:" $names; exit 1; }
echo "used: everything is of use to the program"
