#!/usr/bin/env bash
# ./dev bench auth [--rounds N] [--seconds S]
#
# One cheap call that reads nothing, without authentication, with an access token and with an API key, interleaved in one run: what a
# credential that was checked before costs a call. Prints CPU per request of the server and the differences (medians of the rounds').
# Then logins that fail for one reason or another, interleaved as well: whether their time tells which.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

go build -o "$bin/authbench" ./tests/load/authbench
printf 'command: ./dev bench auth %s\n' "$*"
exec "$bin/authbench" "$@"
