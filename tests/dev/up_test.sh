#!/usr/bin/env bash
# ./dev up, twice at the same moment: one starts the system, the other finds it up. Needs what ./dev build makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder=$(mktemp -d)
trap './dev down --state "$folder/state"; rm -rf "$folder"' EXIT
fail() {
    echo "up_test: $*" >&2
    tail -n 20 "$folder"/[12] >&2
    exit 1
}

both=()
for i in 1 2; do
    ./dev up --no-build --state "$folder/state" --http 15100 --grpc 15151 --server 15152 --mail 15125 >"$folder/$i" 2>&1 &
    both+=($!)
done
for pid in "${both[@]}"; do
    wait "$pid" || fail 'one of two fails'
done
cmp "$folder/1" "$folder/2" || fail 'they say different things'
(($(grep -c event=serving "$folder/state/server.log") == 1)) || fail 'two servers were started'
echo 'up_test: ok'
