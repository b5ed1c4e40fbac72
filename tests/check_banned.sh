#!/bin/sh
# check_banned.sh - functions that the house does not use: no bound on what
# they write, no way to tell an error, or the locale decides the answer.
set -eu
cd "$(dirname "$0")/.."

banned='strcpy|stpcpy|strcat|sprintf|vsprintf|strtok|strtok_r|gets|alloca'
banned="$banned|atoi|atol|atoll|atof|sscanf|fscanf|scanf|strncpy|strncat"
banned="$banned|is(alpha|digit|alnum|space|upper|lower|punct|print|graph"
banned="$banned|cntrl|xdigit|blank)|toupper|tolower"

search() { # FILE...
    grep -nHE "(^|[^A-Za-z0-9_])($banned)[[:space:]]*\(" "$@"
}

# Shows that it would notice, and that longer names are left alone.
echo '    if (isalpha(c)) strcpy(a, b);' | search - >/dev/null ||
    { echo "banned: the check is blind"; exit 1; }
if echo '    fgets(a); my_strcpy(b); span_atoi(c);' | search - >/dev/null; then
    echo "banned: the check takes a longer name for a banned one"
    exit 1
fi

if search $(find proxy include -name '*.[ch]') /dev/null; then
    echo "banned: functions above are not used here (tests/check_banned.sh)"
    exit 1
fi
echo "banned: none used"
