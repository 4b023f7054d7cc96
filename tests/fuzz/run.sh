#!/usr/bin/env bash
# run.sh --list             the fuzz targets: each tests/fuzz/NAME_fuzz.c with its cc_binary in BUILD.bazel
# run.sh TARGET SECONDS [SEED]  fuzzes that one with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer; the same seed goes the
#                           same way from the same corpus, without one every run goes another
# run.sh --merge TARGET     adds to the seeds the few learnt inputs that reach code which no seed reaches
#
# SECONDS are of the target's own CPU time: on a busy machine those of the clock say little. Seeds are the files of
# tests/fuzz/seeds/TARGET, where there are any. What the fuzzer learns goes on from run to run in .state/fuzz/TARGET/corpus; an input that
# breaks the target is kept beside it and fails the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ ${1:-} == --list ]]; then
    for file in tests/fuzz/*_fuzz.c; do basename "$file" _fuzz.c; done
    exit
fi
merge=
[[ ${1:-} != --merge ]] || { merge=1 && shift; }
target=${1:?run.sh: name a target; run.sh --list lists them}
[[ $merge ]] || seconds=${2:?run.sh: how many seconds?}
[[ -f tests/fuzz/${target}_fuzz.c ]] || {
    echo "run.sh: no target '$target'" >&2
    exit 2
}

bazel=(bazel ${BAZEL_OUTPUT_BASE:+"--output_base=$BAZEL_OUTPUT_BASE"})
options=(--config=fuzz "//tests/fuzz:${target}_fuzz")
"${bazel[@]}" build "${options[@]}"
made=$("${bazel[@]}" info --config=fuzz bazel-bin 2>/dev/null)/tests/fuzz/${target}_fuzz

folder=$PWD/.state/fuzz/$target
seeds=tests/fuzz/seeds/$target
mkdir -p "$folder/corpus"
# The limit on memory is on what the target itself holds at once: a parser has no business with more.
limits=(-rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=60 "-artifact_prefix=$folder/")

if [[ $merge ]]; then
    mkdir -p "$seeds"
    # How often an edge is taken does not count: the seeds stay few, and the corpus is grown from them soon.
    exec "$made" "${limits[@]}" -set_cover_merge=1 -use_counters=0 "$seeds" "$folder/corpus"
fi

# What the process has used of the CPU, in whole seconds.
cpu_seconds() {
    local fields
    read -r -a fields <"/proc/$1/stat" || return
    echo $(((fields[13] + fields[14]) / $(getconf CLK_TCK)))
}

corpora=("$folder/corpus")
[[ ! -d $seeds ]] || corpora+=("$seeds")
"$made" "${limits[@]}" -seed="${3:-0}" -print_final_stats=1 "${corpora[@]}" &
fuzzer=$!
trap 'kill "$fuzzer" 2>/dev/null || true' EXIT
used=0
while now=$(cpu_seconds "$fuzzer" 2>/dev/null) && used=$now && ((used < seconds)); do sleep 0.5; done
kill -USR1 "$fuzzer" 2>/dev/null || true # libFuzzer ends, with its statistics; or it has ended by itself
status=0
wait "$fuzzer" || status=$?
echo "cpu_seconds: $used"
exit "$status"
