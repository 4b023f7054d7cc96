#!/usr/bin/env bash
# ./dev build
#
# Builds all C with Bazel (`--config=opt`) and all Go, and puts the programs into .state/bin: server, marketingctl, gateway.
# Installs what building needs first. BAZEL_OUTPUT_BASE=DIR builds in an output base of its own.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need run
say 'Building C'
bzl build --config=opt //...
made=$(bzl info --config=opt bazel-bin 2>/dev/null)
# Removed first: a program that runs keeps its old file.
install --compare "$made/server/server" "$bin/server"
install --compare "$made/tools/marketingctl/marketingctl" "$bin/marketingctl"
say 'Building Go'
go build -o "$bin/gateway" ./gateway
