#!/usr/bin/env bash
# tools/bench/bus.sh [BUILD]: what the broker adds, against direct libzmq with CURVE in the same run. Builds release first.
# BUILD is a build folder of the release preset; build/release by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
if [ ! -f "$build/build.ninja" ]; then
    cmake --preset release -B "$build" >/dev/null
fi
ninja -C "$build" bench-bus archivolt-broker >/dev/null
printf '%s cores, %s, load %s\n\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(cut -d ' ' -f 1 /proc/loadavg)"
exec "$build/bin/bench-bus" "$build/bin/archivolt-broker"
