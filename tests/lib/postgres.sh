#!/bin/bash
# postgres.sh: a private PostgreSQL for tests and for `./dev`.
#
#   postgres.sh start FOLDER   makes a cluster there at the first time, starts it, prints its url
#   postgres.sh url FOLDER     prints the url of a started one
#   postgres.sh pid FOLDER     prints the process id of the postmaster
#   postgres.sh stop FOLDER    stops it; the data stays
#   postgres.sh crash FOLDER   stops it as a crash does
#   postgres.sh remove FOLDER  stops it and removes the data
#
# It listens on 127.0.0.1 (a free port, the same at each later start) and on a unix socket, and trusts whoever can
# connect: for this machine's tests only. PostgreSQL refuses to run as root, so root lends it the user `postgres`; where
# that user cannot enter FOLDER, the data lies under /tmp and FOLDER says where.
set -euo pipefail

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

[ $# = 2 ] || fail "usage: postgres.sh start|url|pid|stop|crash|remove FOLDER"
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || fail "PostgreSQL is not installed (Debian: apt-get install postgresql)"

as_owner() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

place_data() {
    home=$folder/cluster
    mkdir -p "$home"
    if [ "$(id -u)" = 0 ]; then
        id postgres >/dev/null 2>&1 || fail "there is no user named postgres to run it as"
        chown postgres: "$home"
    fi
    # A unix socket's path holds 107 bytes.
    if [ ${#home} -gt 80 ] || ! as_owner test -w "$home"; then
        home=$(TMPDIR="" mktemp -d -t postgres.XXXXXX)
        [ "$(id -u)" != 0 ] || chown postgres: "$home"
    fi
    echo "$home" >"$folder/home"
}

# Out of a range that no other test takes ports from (redis.sh, tests/e2e/house).
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((25000 + RANDOM % 5000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail "no free port"
}

create() {
    place_data
    as_owner "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-instructions >"$folder/initdb.log" 2>&1 ||
        fail "initdb failed, see $folder/initdb.log"
    for _ in $(seq 5); do
        port=$(free_port)
        echo "$port" >"$folder/port"
        ! listen || return 0 # else somebody was faster to take the port
    done
    fail "it does not start, see $home/log"
}

running() { as_owner "$bin/pg_ctl" -D "$home/data" status >/dev/null 2>&1; }

listen() {
    as_owner "$bin/pg_ctl" -D "$home/data" -w -t 300 -l "$home/log" \
        -o "-p $port -h 127.0.0.1 -k $home -c shared_buffers=64MB -c max_connections=300" start >/dev/null
}

halt() { ! running || as_owner "$bin/pg_ctl" -D "$home/data" -w -t 300 -m "$1" stop >/dev/null; }

[ -f "$folder/port" ] || [ "$action" != start ] || create
[ -f "$folder/port" ] || fail "no cluster in $folder"
home=$(cat "$folder/home")
port=$(cat "$folder/port")

case $action in
start)
    running || listen || fail "it does not start, see $home/log"
    echo "postgresql://postgres@127.0.0.1:$port/postgres"
    ;;
url)
    echo "postgresql://postgres@127.0.0.1:$port/postgres"
    ;;
pid)
    head -1 "$home/data/postmaster.pid"
    ;;
stop) halt fast ;;
crash) halt immediate ;;
remove)
    halt fast
    rm -rf "${home:?}" "${folder:?}/home" "$folder/port" "$folder/initdb.log"
    ;;
*)
    fail "unknown action $action"
    ;;
esac
