#!/usr/bin/env bash
# ./dev up, twice at the same moment: one starts the system, the other finds it up. Needs what ./dev build makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/dev/process.sh
source tools/dev/process.sh

folder=$(mktemp -d)
trap './dev down --state "$folder/state"; rm -rf "$folder"' EXIT
fail() {
    echo "up_test: $*" >&2
    tail -n 20 "$folder"/[12] >&2
    exit 1
}

served() { grep -c event=serving "$folder/state/server.log"; }
serves() { (($(served) > 0)); }

both=()
port=$(free_ports 5)
for i in 1 2; do
    ./dev up --no-build --state "$folder/state" --http "$port" --grpc $((port + 1)) --server $((port + 2)) --mail $((port + 3)) >"$folder/$i" 2>&1 &
    both+=($!)
done
for pid in "${both[@]}"; do
    wait "$pid" || fail 'one of two fails'
done
cmp "$folder/1" "$folder/2" || fail 'they say different things'
wait_until 60 serves || fail 'no server was started'
(($(served) == 1)) || fail 'two servers were started'
echo 'up_test: ok'
