#!/usr/bin/env bash
# run.sh --list            the fuzz targets: each tests/fuzz/NAME_fuzz.c with its cc_binary in BUILD.bazel
# run.sh TARGET SECONDS    fuzzes that one with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer
#
# Seeds are the files of tests/fuzz/seeds/TARGET, where there are any. What the fuzzer learns goes on from run to run in
# .state/fuzz/TARGET/corpus; an input that breaks the target is kept beside it and fails the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ ${1:-} == --list ]]; then
    for file in tests/fuzz/*_fuzz.c; do basename "$file" _fuzz.c; done
    exit
fi
target=${1:?run.sh: name a target; run.sh --list lists them}
seconds=${2:?run.sh: how many seconds?}
[[ -f tests/fuzz/${target}_fuzz.c ]] || {
    echo "run.sh: no target '$target'" >&2
    exit 2
}

bazel=(bazel ${BAZEL_OUTPUT_BASE:+"--output_base=$BAZEL_OUTPUT_BASE"})
options=(--config=fuzz "//tests/fuzz:${target}_fuzz")
"${bazel[@]}" build "${options[@]}"
made=$("${bazel[@]}" info --config=fuzz bazel-bin 2>/dev/null)/tests/fuzz/${target}_fuzz

folder=$PWD/.state/fuzz/$target
mkdir -p "$folder/corpus"
corpora=("$folder/corpus")
[[ ! -d tests/fuzz/seeds/$target ]] || corpora+=("tests/fuzz/seeds/$target")
# The limit on memory is on what the target itself holds at once: a parser has no business with more.
exec "$made" -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$folder/" "${corpora[@]}"
