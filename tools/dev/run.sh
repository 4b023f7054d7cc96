#!/usr/bin/env bash
# ./dev run [--exit] [OPTION of ./dev up...]
#
# One command from a fresh machine to a first scored lead: installs what is missing, builds, starts server and gateway on an embedded
# database in .state/run, trains a model on the sample data (at the first run only), imports the sample leads, shows one lead's
# score, reasons and route, puts the journeys of share/ into service, has a qualified lead get its welcome mail (in a mailbox of the
# machine's own: nothing leaves it), and prints the lines to repeat it. Then it stays until Ctrl-C, which stops everything; data stays.
#   --exit   stops after the demonstration
# The options of ./dev up (--http, --grpc, --server, --mail, --db, --state) hold here too.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tools/dev/process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

dir=$state/run
stay=1
options=()
while (($#)); do
    case $1 in
    --exit) stay= ;;
    --state) [[ -n ${2:-} ]] || die 'run: --state wants a value' && dir=$2 && shift ;;
    *) options+=("$1") ;;
    esac
    shift
done

# The processes are in sessions of their own: Ctrl-C reaches this script only, which stops them in order.
watcher=
leave() {
    say Stopping
    [[ -z $watcher ]] || kill "$watcher" 2>/dev/null || true
    bash tools/dev/down.sh --state "$dir"
}
trap 'exit 130' INT
trap 'exit 143' TERM
trap leave EXIT

bash tools/dev/up.sh --state "$dir" "${options[@]}"
bash tools/dev/demo.sh --state "$dir"
[[ -n $stay ]] || exit 0

say "Running. Logs and data: ${dir#"$root/"}. Ctrl-C stops."
watch() {
    while alive "$dir/server.pid" && alive "$dir/gateway.pid" && alive "$dir/mailbox.pid"; do
        sleep 1
    done
}
# In the background, since a signal is best met in `wait`.
watch &
watcher=$!
wait "$watcher"
tail -n 20 "$dir/server.log" "$dir/gateway.log" "$dir/mailbox.log" >&2
die 'run: a process ended by itself; see the end of its log above'
