#!/usr/bin/env bash
# ./dev bench gate [REQUESTS] [SEED]
#
# The send gate against its oracle (tests/sendgate): so many random requests, 1,000,000 unless told otherwise, over every time zone of the
# machine, caps, consents, journeys and changes of the clock; others each time where no SEED is given. Ends with what was compared, or with the first request that came out otherwise.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

export MARKETING_GATE=$bin/gate-decide
printf 'command: ./dev bench gate %s\n' "$*"
exec go test ./tests/sendgate -count=1 -v -timeout 2h -run TestGateAgainstOracle -requests "${1:-1000000}" -seed "${2:-$((RANDOM * 32768 + RANDOM))}"
