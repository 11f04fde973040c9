#!/usr/bin/env bash
# tests/fuzz.sh FUZZER CORPUS: one libFuzzer target for AV_FUZZ_SECONDS (10); findings are kept in build/fuzz/findings.
set -euo pipefail
fuzzer=$1 corpus=$2
if [ ! -x "$fuzzer" ]; then
    echo "SKIP: $fuzzer is not built (cmake --build --preset fuzz --target fuzzers)"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
[ ! -d "$corpus" ] || cp "$corpus"/* "$work/corpus/" 2>/dev/null || true
findings=$(dirname "$fuzzer")/../findings
mkdir -p "$findings"
"$fuzzer" -max_total_time="${AV_FUZZ_SECONDS:-10}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -seed="${ARCHIVOLT_SEED:-0}" -print_final_stats=1 -artifact_prefix="$findings/" "$work/corpus" 2>&1 | tail -25
