#!/usr/bin/env bash
# ./dev build [programs]
#
# Builds all C with Bazel (`--config=opt`, warnings are errors) and all Go, tests included, and puts the programs into .state/bin: server,
# marketingctl, gateway, mailbox, and for tests server-faults (base/fault.h) and gate-decide (tests/sendgate). Installs what building
# needs first. BAZEL_OUTPUT_BASE=DIR builds in an output base of its own.
#   programs  only the first four

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-all} in
all)
    need all
    # By name: //... would also follow the link into another output base that another `bazel` left here.
    targets=(//agents/... //base/... //ml/... //proto/... //server/... //store/... //tests/... //tools/...)
    ;;
programs)
    need run
    targets=(//server:server //tools/marketingctl:marketingctl)
    ;;
*) die "build: unknown argument $1" ;;
esac

say 'Building C'
bzl build --config=opt "${targets[@]}"
made=$(bzl info --config=opt bazel-bin 2>/dev/null)
# `install` removes a file before it writes it: a program that runs keeps its old one.
install --compare "$made/server/server" "$bin/server"
install --compare "$made/tools/marketingctl/marketingctl" "$bin/marketingctl"
if [[ ${1:-all} == all ]]; then
    install --compare "$made/tests/sendgate/decide/decide" "$bin/gate-decide"
    bzl build --config=opt --config=faults //server:server
    made=$(bzl info --config=opt --config=faults bazel-bin 2>/dev/null)
    install --compare "$made/server/server" "$bin/server-faults"
fi

say 'Building Go'
[[ ${1:-all} == programs ]] || go build ./...
go build -o "$bin/gateway" ./gateway
go build -o "$bin/mailbox" ./tools/mailbox
