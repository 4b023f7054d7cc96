#!/usr/bin/env bash
# ./dev bench triage [--rounds N] [--seconds S] [--rate R]
#
# TriageLead against a bare C echo of the same messages, interleaved in one run: with nothing stored, durable on SQLite and on PostgreSQL,
# with explanation. Prints req/s, latency, CPU per request of the server's processes (PostgreSQL with its backends) and ratios to the echo
# (medians of the rounds' ratios), then latency at a fixed rate, start-up time, also after a kill, and idle memory.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:echo_server >&2
echo_server=$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/echo_server
go build -o "$bin/triagebench" ./tests/load/triagebench
printf 'command: ./dev bench triage %s\n' "$*"
exec "$bin/triagebench" --echo "$echo_server" "$@"
