#!/usr/bin/env bash
# ./dev lint [CHECK...]
#
# Runs every check, or only the named ones; prints what they find and ends with status 1 where one finds anything:
#   format    clang-format and gofmt change nothing (./dev fmt mends)
#   govet     go vet
#   shell     shellcheck over all shell scripts
#   workflow  actionlint over .github/workflows
#   proto     buf lint
#   docs      the pages that tools/docs.py makes are current
#   headers   every header compiles alone, as C11 and as C++17
#   selftest  every check below finds what it is for, in a small tree of mistakes
#   rooms vendors banned sizes words links proofs ways_out commands reasons unused
#             tests/lint/NAME.py says what each holds up

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

checks=(format govet shell workflow proto docs headers selftest rooms vendors banned sizes words links proofs ways_out commands reasons unused)

check_format() {
    local changed
    changed=$(
        list '*.c' '*.h' '*.cc' | xargs -0r "$(clang_format)" --dry-run 2>&1 | sed -n 's/^\([^: ]*\):[0-9].*clang-format-violations.$/\1/p' | sort -u
        list '*.go' | xargs -0r gofmt -l
    )
    [[ -z $changed ]] || {
        printf '%s\n' "$changed" | sed 's/$/: .\/dev fmt would change it/'
        return 1
    }
}

check_govet() { go vet ./...; }

check_shell() {
    { list '*.sh' dev && git grep -lz --untracked '^#!.*\bbash$' -- ':!*.sh' ':!dev' ':!*.md'; } | xargs -0r shellcheck -x
}

check_workflow() { list '.github/workflows/*' | xargs -0r actionlint; }

check_proto() { buf lint; }

check_docs() { python3 -B tools/docs.py --check; }

check_headers() { bash tests/headers/check.sh; }

check_selftest() { python3 -B tests/lint/selftest.py; }

# run NAME: prints one line, and what the check said where it found something.
run() {
    local name=$1 status said began=${EPOCHREALTIME/./}
    set +e
    if declare -F "check_$name" >/dev/null; then
        said=$(set -eo pipefail && "check_$name" 2>&1)
    else
        said=$(python3 -B tests/lint/check.py "$name" 2>&1)
    fi
    status=$?
    set -e
    local verdict=passed ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    ((status == 0)) || verdict=failed
    printf '%-9s %6d ms  %s\n' "$name" "$ms" "$verdict"
    [[ -z ${LINT_RESULTS:-} ]] || echo "$verdict lint $name" >>"$LINT_RESULTS"
    ((status == 0)) || printf '%s\n' "$said" | sed 's/^/    /'
    return "$status"
}

chosen=("$@")
(($#)) || chosen=("${checks[@]}")
for name in "${chosen[@]}"; do
    [[ " ${checks[*]} " == *" $name "* ]] || die "lint: no check '$name'; the checks are: ${checks[*]}"
done

need all
failed=0
for name in "${chosen[@]}"; do
    run "$name" || failed=1
done
((failed == 0))
