#!/usr/bin/env bash
# ./dev proto
#
# Makes the generated Go code and the OpenAPI file again from proto/ (tools/proto.sh). Commit what changes.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need all
exec bash tools/proto.sh "$@"
