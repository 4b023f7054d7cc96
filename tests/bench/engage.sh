#!/usr/bin/env bash
# ./dev bench engage [--threads N] [--messages N]
#
# Messages a second through gate, frozen bytes and both commits to a mail server on this machine, on SQLite, against the drivers alone in a bare
# loop; and CPU time a message.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:engage_bench >&2
printf 'command: ./dev bench engage %s\n' "$*"
"$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/engage_bench" "$@" | grep -v '^\['
