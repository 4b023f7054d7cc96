#!/usr/bin/env bash
# ./dev bench idle [--connections N] [--hold DURATION] [--port TEXT]
#
# Opens 10,000 connections to each port of server and gateway, and 2,500 with TLS, that stay alive and do nothing. Prints what one costs in
# resident memory, and how honest calls fare meanwhile, over old connections and new ones.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

go build -o "$bin/idlebench" ./tests/load/idlebench
printf 'command: ./dev bench idle %s\n' "$*"
exec "$bin/idlebench" "$@"
