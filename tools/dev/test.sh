#!/usr/bin/env bash
# ./dev test [STEP...]
#
# Runs every test there is, or only the named steps, in this order:
#   lint      everything ./dev lint checks, and the checks' own test
#   build     all C (warnings are errors) and all Go
#   tools     tests of ./dev itself
#   unit      unit tests of the C rooms
#   contract  the store's contract over SQLite and a real PostgreSQL server
#   asan      the unit tests again with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer
#   tsan      the tests of server and store again with ThreadSanitizer
#   go        gateway and clients
#   stories   whole-system tests over the running programs: end to end, kill, exactly once, bad input
#   demo      ./dev up, what ./dev run shows and each line that it prints, twice, ./dev down
#   fuzz      each fuzz target for a few seconds, by the same way each time
#   proto     buf breaking against proto/baseline.binpb; the generated code is current
# All steps run even where one failed. Logs and results are in .state/test/STEP.log and .results; the last line is `N passed, N failed`
# (`, N skipped` where any were), counted in test cases over all runners. Ends with status 1 where anything failed.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tools/dev/process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

steps=(lint build tools unit contract asan tsan go stories demo fuzz proto)
out=$state/test

record() { printf '%s %s\n' "$1" "$2" >>"$out/$step.results"; }

# check NAME COMMAND...: one case, passed where the command succeeds.
check() {
    local name=$1
    shift
    if "$@"; then record passed "$name"; else record failed "$name"; fi
}

# bazel_tests ARGUMENT...: runs tests with Bazel and records each case.
bazel_tests() {
    local events=$out/$step.events status=0
    bzl test --keep_going --test_output=errors --build_event_json_file="$events" "$@" || status=$?
    python3 tools/dev/results.py bazel "$events" >>"$out/$step.results"
    return "$status"
}

# go_tests PACKAGE...: the same with Go.
go_tests() {
    local events=$out/$step.events status=0
    (($#)) || die 'test: no Go packages'
    go test -json -timeout 2h "$@" >"$events" || status=$?
    python3 tools/dev/results.py go "$events" >>"$out/$step.results"
    ((status == 0)) || python3 tools/dev/results.py go-output "$events"
    return "$status"
}

# Starts the one PostgreSQL server of this run, where it is not up yet, and says where it is. It is removed at the end.
with_postgres() {
    TEST_POSTGRES_URL=$(bash tests/lib/postgres.sh start "$state/postgres")
    export TEST_POSTGRES_URL
}

# The packages of the repository's module under or outside of tests/.
go_packages() { go list ./... | grep -v /node_modules/ | grep "$@" '^[^/]*\(/[^/]*\)*/tests/'; }

step_lint() {
    LINT_RESULTS=$out/$step.results bash tools/dev/lint.sh
}

step_tools() {
    local file
    for file in tests/dev/*_test.*; do
        case $file in
        *.py) check "$file" python3 -B "$file" ;;
        *.sh) check "$file" bash "$file" ;;
        esac
    done
}

step_build() {
    check 'build C and Go' bash tools/dev/build.sh
}

step_unit() { bazel_tests --config=opt //tests/unit/...; }

step_contract() {
    with_postgres
    bazel_tests --config=opt --test_env=TEST_POSTGRES_URL //tests/contract/...
    bazel_tests --config=opt --config=faults --test_env=TEST_POSTGRES_URL //tests/contract:fault_points_test //tests/unit/agents/engage:delivery_kill_test
    bazel_tests --config=opt --config=faults //tests/unit/agents/engage:delivery_kill_test
}

step_asan() { bazel_tests --config=asan //tests/unit/...; }

step_tsan() {
    bazel_tests --config=tsan "--test_env=TSAN_OPTIONS=suppressions=$root/tests/tsan.supp" //tests/unit/server/... //tests/unit/store/...
}

step_go() {
    local -a packages
    mapfile -t packages < <(go_packages -v)
    go_tests "${packages[@]}"
}

step_stories() {
    local -a packages
    mapfile -t packages < <(go_packages -e)
    with_postgres
    go_tests -p 1 -parallel 2 "${packages[@]}" # two systems at a time, on any number of cores
}

step_demo() {
    local dir=$out/demo.state port
    rm -rf "$dir"
    port=$(free_ports 5) # the mailbox takes two
    check 'up' bash tools/dev/up.sh --no-build --state "$dir" --http "$port" --grpc $((port + 1)) --server $((port + 2)) --mail $((port + 3))
    check 'demo: trains, imports, shows, and its lines work' bash tools/dev/demo.sh --state "$dir" --check
    check 'demo again: does not train' untrained bash tools/dev/demo.sh --state "$dir" --check
    check 'down' bash tools/dev/down.sh --state "$dir"
    check 'down again' bash tools/dev/down.sh --state "$dir"
}

# untrained COMMAND...: succeeds where the command does and says nothing of training.
untrained() {
    local said
    said=$("$@") || return
    printf '%s\n' "$said"
    [[ $said != *Training* && $said == *'400 known'* ]]
}

step_fuzz() {
    local target
    for target in $(bash tests/fuzz/run.sh --list); do
        check "fuzz $target" bash tests/fuzz/run.sh "$target" "${FUZZ_SECONDS:-5}" 1
    done
}

step_proto() {
    check 'buf breaking' buf breaking --against proto/baseline.binpb
    check 'generated code is current' sh tools/proto.sh --check
}

# run_step: one step, its output in its log (and on the screen where it failed). A step that fails without having recorded a failed
# case, or that recorded nothing at all, is a failed case itself.
run_step() {
    local began=$SECONDS status
    : >"$out/$step.results"
    set +e
    (set -e && "step_$step") >"$out/$step.log" 2>&1
    status=$?
    set -e
    if ! [[ -s $out/$step.results ]] || { ((status)) && ! grep -q '^failed' "$out/$step.results"; }; then
        record failed "step $step (status $status)"
    fi
    printf '%-9s %4d s  %s\n' "$step" $((SECONDS - began)) "$(python3 tools/dev/results.py sum "$out/$step.results" || true)"
    ! grep -q '^failed' "$out/$step.results" || show_failure
}

show_failure() {
    tail -n 200 "$out/$step.log" | sed 's/^/    /'
    grep '^failed' "$out/$step.results" | sed 's/^/  /'
}

chosen=("$@")
(($#)) || chosen=("${steps[@]}")
for step in "${chosen[@]}"; do
    declare -F "step_$step" >/dev/null || die "test: no step '$step'; the steps are: ${steps[*]}"
done

need all
mkdir -p "$out"
rm -rf "${out:?}"/*
# What the stories start.
export MARKETING_SERVER=$bin/server MARKETING_SERVER_FAULTS=$bin/server-faults MARKETING_GATEWAY=$bin/gateway MARKETINGCTL=$bin/marketingctl MARKETING_GATE=$bin/gate-decide

leave() {
    [[ ! -f $state/postgres/port ]] || bash tests/lib/postgres.sh remove "$state/postgres" || true
    # Where nobody sits before a terminal, Bazel's server would be left behind. It goes at once; its client waits for a container's
    # first process to notice, which may never happen.
    [[ -t 1 ]] || timeout 10 bazel ${BAZEL_OUTPUT_BASE:+"--output_base=$BAZEL_OUTPUT_BASE"} shutdown >/dev/null 2>&1 || true
}
trap leave EXIT
for step in "${chosen[@]}"; do
    run_step
done

grep -h '^skipped' "$out"/*.results | sort -u || true
python3 tools/dev/results.py sum "$out"/*.results
