#!/usr/bin/env bash
# ./dev bench import [--rows N] [--rounds N] [--postgres=false]
#
# A CSV file of 1,000,000 leads through ImportLeads, stored only and scored, routed and stored, against sqlite3's own .import of the same
# file in the same run. Prints rows per second and CPU per row.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

go build -o "$bin/importbench" ./tests/load/importbench
printf 'command: ./dev bench import %s\n' "$*"
exec "$bin/importbench" "$@"
