#!/bin/sh
# check_format.sh - the C sources are laid out as .clang-format says.
set -eu
cd "$(dirname "$0")/.."

if printf 'int  main( void ){return 0;}\n' |
    clang-format --style=file:.clang-format --dry-run -Werror 2>/dev/null; then
    echo "format: the check is blind"
    exit 1
fi
find proxy include tests -name '*.[ch]' | sort | {
    status=0
    while IFS= read -r file; do
        clang-format --dry-run -Werror "$file" 2>/dev/null && continue
        echo "format: $file"
        status=1
    done
    exit $status
} || {
    echo "format: the files above differ from .clang-format; run 'make format'"
    exit 1
}
echo "format: as .clang-format says"
