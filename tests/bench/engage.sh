#!/usr/bin/env bash
# ./dev bench engage [--threads N] [--messages N] [--rounds N]
#
# EngageLead's rate; then messages a second through gate, frozen bytes and both commits to a mail server on this machine, on SQLite, against the
# drivers alone in a bare loop with as many connections, in turn; and CPU time a message, ours and the mail server's. Medians of the rounds.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:engage_bench >&2
printf 'command: ./dev bench engage %s\n' "$*"
"$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/engage_bench" "$@" | grep -v '^\['
