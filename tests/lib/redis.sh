#!/bin/bash
# redis.sh: a private Redis for tests.
#
#   redis.sh start FOLDER [tls]  starts it, empty, and prints its url
#   redis.sh kill FOLDER         ends it by SIGKILL
#   redis.sh freeze FOLDER       holds it: it takes connections and does not answer
#   redis.sh thaw FOLDER         lets it go on
#   redis.sh remove FOLDER       ends it and removes what it left
#
# It listens on 127.0.0.1, on a free port that stays the same at each later start, and wants a password. With tls it speaks nothing
# else, with a certificate for localhost signed by FOLDER/ca.pem.
set -euo pipefail

fail() {
    echo "redis.sh: $*" >&2
    exit 1
}

[ $# -ge 2 ] || fail "usage: redis.sh start|kill|freeze|thaw|remove FOLDER [tls]"
action=$1 mode=${3:-plain}
mkdir -p "$2"
folder=$(cd "$2" && pwd)
password=redis-password-canary
command -v redis-server >/dev/null || fail "Redis is not installed (Debian: apt-get install redis-server)"

# Out of a range that no other test takes ports from (postgres.sh, tests/e2e/house).
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 5000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail "no free port"
}

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
        -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>"$folder/openssl.log"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=redis \
        -keyout "$folder/redis.key" -out "$folder/redis.csr" 2>>"$folder/openssl.log"
    openssl x509 -req -in "$folder/redis.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo subjectAltName=DNS:localhost) -out "$folder/redis.pem" 2>>"$folder/openssl.log"
}

pid() { cat "$folder/redis.pid" 2>/dev/null || fail "no Redis was started in $folder"; }

# An ended process that nobody waits for does not count: it is a child of the machine's first process, which may never do so.
alive() { [ -f "$folder/redis.pid" ] && ps -o stat= -p "$(cat "$folder/redis.pid")" 2>/dev/null | grep -qv '^Z'; }

end() {
    alive || return 0
    kill -KILL "$(pid)"
    while alive; do sleep 0.01; done
    rm -f "$folder/redis.pid"
}

# launch PORT: false where somebody else has the port.
launch() {
    local -a listen
    listen=(--port "$1")
    if [ "$mode" = tls ]; then
        [ -f "$folder/ca.pem" ] || certificates
        listen=(--port 0 --tls-port "$1" --tls-cert-file "$folder/redis.pem" --tls-key-file "$folder/redis.key"
            --tls-ca-cert-file "$folder/ca.pem" --tls-auth-clients no)
    fi
    rm -f "$folder/redis.log"
    redis-server "${listen[@]}" --bind 127.0.0.1 --requirepass "$password" --save "" --appendonly no --dir "$folder" \
        --daemonize yes --pidfile "$folder/redis.pid" --logfile "$folder/redis.log" >/dev/null
    for _ in $(seq 6000); do
        ! alive || ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
        ! grep -qs 'Failed listening' "$folder/redis.log" || return 1
        sleep 0.01
    done
    return 1
}

# At the first time on whatever port is free, later on the same one.
start() {
    local port
    if alive; then
        port=$(cat "$folder/port")
    elif [ -f "$folder/port" ]; then
        port=$(cat "$folder/port")
        launch "$port" || fail "it does not start, see $folder/redis.log"
    else
        for _ in $(seq 5); do
            port=$(free_port)
            ! launch "$port" || break
        done
        alive || fail "it does not start, see $folder/redis.log"
        echo "$port" >"$folder/port"
    fi
    [ "$mode" = tls ] && echo "rediss://:$password@localhost:$port" || echo "redis://:$password@127.0.0.1:$port"
}

case $action in
start) start ;;
kill) end ;;
freeze) kill -STOP "$(pid)" ;;
thaw) kill -CONT "$(pid)" ;;
remove)
    end
    rm -rf "${folder:?}"
    ;;
*) fail "unknown action $action" ;;
esac
