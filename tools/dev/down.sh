#!/usr/bin/env bash
# ./dev down [--state DIR]
#
# Stops what ./dev up started with the same --state: the gateway first, then the server, then the mailbox. They are asked to finish the calls they
# have (TERM) and are ended after 20 s. Data stays. Fine where nothing runs.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tools/dev/process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

dir=$state/up
case ${1:-} in
'') ;;
--state) dir=${2:?down: --state wants a directory} ;;
*) die "down: unknown argument $1" ;;
esac

stop "$dir/gateway.pid"
stop "$dir/server.pid"
stop "$dir/mailbox.pid"
rm -f "$dir/addresses"
