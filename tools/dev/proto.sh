#!/usr/bin/env bash
# ./dev proto [--check | --baseline]
#
# Makes the generated Go code and the API reference again from proto/ (tools/proto.sh). Commit what changes.
#   --check     changes nothing, and fails where what is committed is stale
#   --baseline  writes proto/baseline.binpb, the released API that later changes are held against: at a release only

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need all
if [[ ${1:-} == --baseline ]]; then
    exec buf build --exclude-source-info --path proto/marketing -o proto/baseline.binpb
fi
exec sh tools/proto.sh "$@"
