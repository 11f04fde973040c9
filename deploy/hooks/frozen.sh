#!/bin/sh
# frozen.sh - freezing and thawing, for the other scripts of this folder, which read it with `.`
#
# Not to be run by itself. What it offers:
#   freeze_all INSTANCE...   freezes each; without a name every instance that runs
#   thaw_all                 thaws what freeze_all froze; fails when one had thawed by itself meanwhile
# From freeze_all on, thawing happens however the script ends: at its end, at an error, at Ctrl-C, SIGTERM and SIGHUP.
# Should the script be killed (SIGKILL) or the machine hang, instances thaw by themselves after
# ARCHIVOLT_FREEZE_SECONDS.
#
# Environment: ARCHIVOLT (the program, default archivolt), ARCHIVOLT_DATA (data folder),
#   ARCHIVOLT_FREEZE_SECONDS (60).

ARCHIVOLT=${ARCHIVOLT:-archivolt}
FROZEN=''

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

running_instances() {
    "$ARCHIVOLT" instance list .running | awk 'NR > 1 { print $1 }'
}

# Status 1 when one of them had thawed by itself: what was snapshot is no consistent state.
thaw_all() {
    thaw_status=0
    for instance in $FROZEN; do
        "$ARCHIVOLT" thaw "$instance" >/dev/null || {
            say "instance $instance was not frozen to the end: the snapshot is no consistent state"
            thaw_status=1
        }
    done
    FROZEN=''
    return "$thaw_status"
}

at_end() {
    end_status=$?
    trap - EXIT HUP INT TERM
    thaw_all || [ "$end_status" -ne 0 ] || end_status=1
    exit "$end_status"
}

at_signal() {
    trap - HUP INT TERM
    exit 130 # by at_end
}

freeze_all() {
    [ $# -gt 0 ] || {
        # shellcheck disable=SC2046 # ids hold no spaces
        set -- $(running_instances)
    }
    trap at_end EXIT
    trap at_signal HUP INT TERM
    for instance in "$@"; do
        # Before it: a freeze whose answer got lost is thawed, too.
        FROZEN="$FROZEN $instance"
        "$ARCHIVOLT" freeze "$instance" --seconds "${ARCHIVOLT_FREEZE_SECONDS:-60}" >/dev/null
    done
}
