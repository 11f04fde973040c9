#!/usr/bin/env bash
# tests/tsan.sh PROGRAM: a test built with ThreadSanitizer (preset tsan).
set -euo pipefail
if [ ! -x "$1" ]; then
    echo "SKIP: $1 is not built (cmake --build --preset tsan --target tests_with_threads)"
    exit 77
fi
TSAN_OPTIONS="halt_on_error=1 suppressions=$(dirname "$0")/tsan.supp" exec "$1"
