#!/usr/bin/env bash
# ./dev bench chooser
#
# What the chooser (ml/bandit.h) loses while it learns, in an environment whose truth is known, and what a choice costs.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:bandit_bench >&2
printf 'command: ./dev bench chooser\n'
"$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/bandit_bench"
