#!/usr/bin/env bash
# ./dev fuzz TARGET [SECONDS]
#
# Runs the libFuzzer target of that name (tests/fuzz) with AddressSanitizer and UndefinedBehaviorSanitizer for so many seconds of CPU
# time, 600 unless told otherwise. Without a target: lists the targets. Findings are kept in .state/fuzz/TARGET.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# == 0)); then
    exec bash tests/fuzz/run.sh --list
fi
need all
exec bash tests/fuzz/run.sh "$1" "${2:-600}"
