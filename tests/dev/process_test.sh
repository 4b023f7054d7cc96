#!/usr/bin/env bash
# tools/dev/process.sh: a program is started, known, and stopped; one that will not end is ended; a stranger is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/dev/process.sh
source tools/dev/process.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# ended PID: an ended process that nobody has waited for counts.
ended() { ! ps -o stat= -p "$1" | grep -qv '^Z'; }
fail() {
    echo "process_test: $*" >&2
    exit 1
}

start "$folder" polite sleep 1000
alive "$folder/polite.pid" || fail 'a started program is not alive'
read -r pid _ <"$folder/polite.pid"
stop "$folder/polite.pid"
ended "$pid" || fail 'a stopped program goes on'
[[ ! -f $folder/polite.pid ]] || fail 'the pid file of a stopped program stays'
stop "$folder/polite.pid" || fail 'stopping what has stopped fails'

STOP_SECONDS=1
start "$folder" stubborn bash -c 'trap "" TERM; while :; do sleep 0.1; done'
sleep 0.5
read -r pid _ <"$folder/stubborn.pid"
stop "$folder/stubborn.pid"
wait_until 60 ended "$pid" || fail 'a program that ignores TERM goes on'

# A number that was ours once and is another's now: same pid, other start time.
sleep 1000 &
stranger=$!
echo "$stranger 1" >"$folder/old.pid"
! alive "$folder/old.pid" || fail 'a stranger with an old pid is taken for ours'
stop "$folder/old.pid"
kill -0 "$stranger" || fail 'a stranger was ended'
kill "$stranger"
echo 'process_test: ok'
