#!/usr/bin/env bash
# Sourced by the scripts of tools/dev: where things are, and the few functions they share.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
state=$root/.state # everything that is made and may be thrown away
bin=$state/bin
mkdir -p "$bin"

# Our own tools come first, then a Go that the machine may have outside of PATH.
export PATH="$bin:$state/go/bin:$state/npm/node_modules/.bin:$PATH:/usr/local/go/bin:/usr/lib/postgresql/15/bin"
# The toolchain that setup found or fetched is the one that is used; a build never downloads another.
export GOTOOLCHAIN=local
# A checkout by another user, or none at all (an archive), builds the same.
export GOFLAGS="${GOFLAGS:--buildvcs=false}"

say() { printf '\033[1m%s\033[0m\n' "$*"; }
note() { printf '%s\n' "$*" >&2; }
die() {
    note "dev: $*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Without a terminal there is nobody to see colours.
[[ -t 1 ]] || say() { printf '== %s\n' "$*"; }

# fetch COMMAND...: what comes over the network may fail for a moment, so it is tried five times.
fetch() {
    local wait
    for wait in 5 15 30 60; do
        "$@" && return 0
        note "dev: once more in $wait s: $*"
        sleep "$wait"
    done
    "$@"
}

# Bazel with this checkout's settings. BAZEL_OUTPUT_BASE lets two people build the same checkout at once.
bzl() { bazel ${BAZEL_OUTPUT_BASE:+"--output_base=$BAZEL_OUTPUT_BASE"} "$@"; }

# need GROUP: the tools of that group (run or all), installed if they are not.
need() { bash "$root/tools/dev/setup.sh" "$1" --quiet; }

# The smallest Go version that go.mod accepts, e.g. 1.25.0.
go_wanted() {
    local v=1.25
    [[ ! -f go.mod ]] || v=$(sed -n 's/^go \([0-9.]*\)$/\1/p' go.mod)
    echo "$v"
}

# version_at_least HAVE WANTED
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }

# True where the `go` in PATH is new enough.
go_ok() {
    local v
    have go || return 1
    v=$(go env GOVERSION 2>/dev/null) || return 1
    version_at_least "${v#go}" "$(go_wanted)"
}

# Debian's clang-format, by the name that says its version where there is one: another version would format otherwise.
clang_format() { if have clang-format-14; then echo clang-format-14; else echo clang-format; fi; }

# list PATTERN...: the files of the tree by that pattern (what git knows of, and new files that it does not ignore), NUL-separated.
list() { git ls-files -co --exclude-standard --deduplicate -- "$@" | while read -r f; do [[ ! -f $f ]] || printf '%s\0' "$f"; done; }
