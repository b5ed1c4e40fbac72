#!/bin/sh
# make-deb.sh FOLDER [VERSION] - builds the Debian package popinjay, with the
# tools of Debian, and leaves it in FOLDER.
#
# The sources are copied, since the tools want debian/ at the top and leave
# files there. VERSION replaces the one of deploy/debian/changelog.
set -eu
into=$1
version=${2:-}
cd "$(dirname "$0")/.."

mkdir -p "$into"
into=$(cd "$into" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

tree=$work/popinjay
mkdir "$tree"
cp -R LICENSE Makefile README.md SECURITY.md deploy include proxy \
    proxy.conf.sample "$tree"
cp -R deploy/debian "$tree/debian"
if [ -n "$version" ]; then
    sed -i "1s/(.*)/($version)/" "$tree/debian/changelog"
fi

if ! (cd "$tree" && dpkg-buildpackage -b -us -uc) >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi
rm -f "$into"/popinjay*.deb
for package in "$work"/*.deb; do
    case $package in *-dbgsym_*) continue ;; esac
    cp "$package" "$into"
    echo "$into/${package##*/}"
done
