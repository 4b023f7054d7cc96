#!/usr/bin/env bash
# Sourced by up, down and run: programs in the background, known by pid file. A pid file holds the pid and the process's start
# time, so that a number that the system has given to another process since is never taken for ours.

started_at() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

# start DIR NAME COMMAND...: in a session of its own, with output appended to DIR/NAME.log.
start() {
    local dir=$1 name=$2
    shift 2
    setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null &
    printf '%s %s\n' "$!" "$(started_at "$!")" >"$dir/$name.pid"
}

# alive PIDFILE
alive() {
    local pid since
    [[ -f $1 ]] || return 1
    read -r pid since <"$1"
    [[ -n $since && $(started_at "$pid") == "$since" && ! $(ps -o stat= -p "$pid") == Z* ]]
}

STOP_SECONDS=20

# stop PIDFILE: asks it to drain (TERM) and gives it STOP_SECONDS, then ends it. Fine where it has ended already.
stop() {
    local pid
    if alive "$1"; then
        read -r pid _ <"$1"
        kill -TERM "$pid" 2>/dev/null || true
        wait_until "$STOP_SECONDS" gone "$1" || kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$1"
}

gone() { ! alive "$1"; }

# wait_until SECONDS COMMAND...
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# free_ports COUNT: the first of so many ports in a row at which nobody listens.
free_ports() {
    local first port
    for first in $(shuf -i 700-989 -n 100); do
        first=$((first * 10))
        for ((port = first; port < first + $1; port++)); do
            ! port_open "$port" || continue 2
        done
        echo "$first"
        return
    done
    return 1
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
