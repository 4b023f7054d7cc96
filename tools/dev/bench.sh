#!/usr/bin/env bash
# ./dev bench NAME [ARG...]
#
# Runs the bench tests/bench/NAME.sh; without a NAME it lists them. Each prints the machine, the command and what it measured.
# What they said on which machine stands in docs/benchmarks.md.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

name=${1:-}
[[ -n $name && -f tests/bench/$name.sh ]] ||
    die "bench: name one of: $(for f in tests/bench/*.sh; do basename "$f" .sh; done | xargs)"
shift
need all
bash tools/dev/build.sh >&2
exec bash "tests/bench/$name.sh" "$@"
