#!/usr/bin/env bash
# ./dev bench template
#
# What the words of a mail cost: CPU time of compiling a template and of rendering it for a lead.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:template_bench >&2
printf 'command: ./dev bench template\n'
"$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/template_bench"
