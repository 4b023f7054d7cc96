#!/usr/bin/env bash
# ./dev bench quota
#
# What the check of a call against its limits costs: CPU time of the calling thread, alone and while the limits are shared through a Redis
# of the bench's own.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dev/lib.sh"

bzl build --config=opt //tests/bench:quota_bench >&2
bench=$(bzl info --config=opt bazel-bin 2>/dev/null)/tests/bench/quota_bench
folder=$(mktemp -d)
trap 'bash tests/lib/redis.sh remove "$folder"' EXIT
url=$(bash tests/lib/redis.sh start "$folder")
printf 'command: ./dev bench quota\n'
"$bench"
"$bench" "$url"
