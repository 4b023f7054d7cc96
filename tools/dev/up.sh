#!/usr/bin/env bash
# ./dev up [--state DIR] [--http PORT] [--grpc PORT] [--server PORT] [--mail PORT] [--db URL] [--no-build]
#
# Starts the server, the gateway and a mailbox in the background, waits until they are healthy, logs in and prints where they listen.
#   --state DIR    database, keys, logs, pid files, the file `addresses`, and `token`: the credential that calls carry (default
#                  .state/up, whose token is in .state/token too)
#   --http PORT    REST (default 5000)
#   --grpc PORT    gRPC at the edge (default 50051)
#   --server PORT  gRPC of the C server, loopback only (default 50052)
#   --mail PORT    the mailbox's page (default 8025); it takes mail at the port above. A channel may lead to loopback, so to it
#   --db URL       postgresql://... (default: SQLite, DIR/marketing.db)
#   --no-build     starts what is in .state/bin, as it is
# Does nothing where the same state is up already, or about to be. Stop it with ./dev down.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tools/dev/process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"
# shellcheck source=tools/dev/login.sh
source "$(dirname "${BASH_SOURCE[0]}")/login.sh"

dir=$state/up
http=5000
grpc=50051
server=50052
mail=8025
db=
build=1
given=("$@")
while (($#)); do
    case $1 in
    --no-build) build= && shift && continue ;;
    --state | --http | --grpc | --server | --mail | --db) [[ -n ${2:-} ]] || die "up: $1 wants a value" ;;
    *) die "up: unknown argument $1; see ./dev help up" ;;
    esac
    case $1 in
    --state) dir=$2 ;;
    --http) http=$2 ;;
    --grpc) grpc=$2 ;;
    --server) server=$2 ;;
    --mail) mail=$2 ;;
    --db) db=$2 ;;
    esac
    shift 2
done
[[ $dir == /* ]] || dir=$PWD/$dir
mkdir -p "$dir"
# Of two for the same state one waits, and finds it up. What they start does not hold the lock.
[[ ${UP_LOCKED:-} == "$dir" ]] || UP_LOCKED=$dir exec flock -o "$dir/up.lock" bash tools/dev/up.sh ${given[@]+"${given[@]}"}
[[ -n $db ]] || db=sqlite:///$dir/marketing.db

if alive "$dir/server.pid" && alive "$dir/gateway.pid" && alive "$dir/mailbox.pid"; then
    cat "$dir/addresses"
    exit 0
fi
bash tools/dev/down.sh --state "$dir" >/dev/null

[[ -z $build ]] || bash tools/dev/build.sh programs >&2
smtp=$((mail + 1))
for port in "$http" "$grpc" "$server" "$mail" "$smtp"; do
    ! port_open "$port" || die "up: port $port is taken; choose another (./dev help up)"
done

server_healthy() { grpcurl -plaintext -max-time 10 "127.0.0.1:$server" grpc.health.v1.Health/Check 2>/dev/null | grep -q '"SERVING"'; }
gateway_healthy() { curl -fsS -m 10 -o "$dir/health.json" "http://127.0.0.1:$http/health" 2>/dev/null; }

mailbox_healthy() { curl -fsS -m 10 -o "$dir/mails.json" "http://127.0.0.1:$mail/mails.json" 2>/dev/null; }

# await NAME: waits until NAME is healthy; where it ends before that, or takes over three minutes, shows the end of its log and gives up.
healthy_or_gone() { gone "$dir/$1.pid" || "$1_healthy"; }
await() {
    wait_until 180 healthy_or_gone "$1" && alive "$dir/$1.pid" && return
    note "dev: up: the $1 did not become healthy; the end of $dir/$1.log:"
    tail -n 20 "$dir/$1.log" >&2
    bash tools/dev/down.sh --state "$dir" >/dev/null
    exit 1
}

# The key that signs this system's own models, and whose signature the server asks for.
[[ -f $dir/model.key ]] || "$bin/marketingctl" keys new --out "$dir/model.key" >/dev/null

# What links in messages, page tokens and sealed secrets rest on: the same after a restart.
[[ -s $dir/secret ]] || (umask 077 && head -c 32 /dev/urandom | xxd -p -c 64 >"$dir/secret")

start "$dir" mailbox "$bin/mailbox" --smtp "127.0.0.1:$smtp" --http "127.0.0.1:$mail"
await mailbox
DATABASE_URL=$db SECRET_KEY=$(<"$dir/secret") PUBLIC_URL=http://127.0.0.1:$http CHANNEL_HOSTS=127.0.0.1 start "$dir" server "$bin/server" \
    --listen "127.0.0.1:$server" --model-keys "$dir/model.key.pub" --drain-seconds 15 --admin-password-file "$dir/admin.password"
await server
login "$dir" "$server"
start "$dir" gateway "$bin/gateway" --http "127.0.0.1:$http" --grpc "127.0.0.1:$grpc" --upstream "127.0.0.1:$server" --drain-delay 0 --drain-timeout 15
await gateway

{
    printf '%s=127.0.0.1:%s\n' HTTP "$http" GRPC "$grpc" SERVER "$server" MAIL "$mail" SMTP "$smtp"
    printf 'TOKEN=%s\n' "$dir/token"
} >"$dir/addresses"
cat "$dir/addresses"
