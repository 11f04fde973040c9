#!/usr/bin/env bash
# tests/storage/endurance.sh BENCH_STORE: a message of 200 MB, one of 1,000 parts, AV_ROUNDS tiny ones (3,000), and all of
# it checked (tools/bench/store/endure.c). AV_LIMIT_MB: memory the process may have; not with AddressSanitizer.
set -euo pipefail
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/archivolt-endurance.XXXXXX")
trap 'rm -rf "$dir"' EXIT
rounds=${AV_ROUNDS:-3000} seed=${ARCHIVOLT_SEED:-1}
echo "$rounds messages, seed $seed, limit ${AV_LIMIT_MB:-0} MB"
"$1" endure "$dir/archive" "$seed" "$rounds" "${AV_LIMIT_MB:-0}"
