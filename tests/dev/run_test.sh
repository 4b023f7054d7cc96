#!/usr/bin/env bash
# ./dev run: stays until it is asked to end, by TERM or by Ctrl-C; then everything that it started has ended. Needs what ./dev build makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/dev/process.sh
source tools/dev/process.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    echo "run_test: $*" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}

says() { grep -q "$1" "$folder/log"; }
# runs PID: an ended process that nobody has waited for does not count.
runs() { ps -o stat= -p "$1" | grep -qv '^Z'; }
ended() { ! runs "$run"; }

# A signal to a shell's background job: INT is ignored there, so python puts it back first, as a terminal has it.
restored='import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])'

port=$(free_ports 5)
for signal in INT TERM; do
    : >"$folder/log"
    python3 -c "$restored" ./dev run --no-build --state "$folder/state" --http "$port" --grpc $((port + 1)) --server $((port + 2)) --mail $((port + 3)) >"$folder/log" 2>&1 &
    run=$!
    wait_until 900 says 'Ctrl-C stops' || fail 'it did not come up'
    read -r server _ <"$folder/state/server.pid"
    read -r gateway _ <"$folder/state/gateway.pid"
    read -r mailbox _ <"$folder/state/mailbox.pid"
    kill -"$signal" "$run"
    wait_until 180 ended || fail "$signal does not end it"
    status=0
    wait "$run" || status=$?
    ((status == 128 + $(kill -l "$signal"))) || fail "after $signal its status is $status"
    for pid in "$server" "$gateway" "$mailbox"; do
        ! runs "$pid" || fail "a process goes on after $signal"
    done
done
echo 'run_test: ok'
