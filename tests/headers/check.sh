#!/usr/bin/env bash
# Every header compiles alone, as C11 and as C++17, without a warning (those of tests/ as C++17 only). Generated headers are made by Bazel first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bazel=(bazel ${BAZEL_OUTPUT_BASE:+"--output_base=$BAZEL_OUTPUT_BASE"})
"${bazel[@]}" build --config=opt //proto:all //tests/unit/server:test_pb_c >/dev/null 2>&1 || {
    "${bazel[@]}" build --config=opt //proto:all //tests/unit/server:test_pb_c
    exit 1
}
made=$("${bazel[@]}" info --config=opt bazel-bin 2>/dev/null)
common=(-fsyntax-only -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function -D_GNU_SOURCE -I. "-I$made" "-I$made/proto" -I/usr/include/postgresql)
export common_flags="${common[*]}"

# compile HEADER: through a file that includes nothing else, so that an unused static inline function is no matter.
compile() {
    # shellcheck disable=SC2086 # the flags are words
    [[ $1 == tests/* ]] || printf '#include "%s"\n' "$1" | gcc -x c -std=c11 $common_flags - || { echo "$1: does not compile alone as C11"; return 1; }
    # shellcheck disable=SC2086
    printf '#include "%s"\n' "$1" | g++ -x c++ -std=c++17 $common_flags - || { echo "$1: does not compile alone as C++17"; return 1; }
}
export -f compile

git ls-files -co --exclude-standard --deduplicate '*.h' | while read -r header; do [[ ! -f $header ]] || echo "$header"; done |
    xargs -P "$(nproc)" -I{} bash -c 'compile {}'
