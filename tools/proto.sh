#!/bin/sh
# Regenerates what is made from proto/: clients/go (messages, gRPC stubs, REST handlers) and docs/api (OpenAPI, reference).
# With --check it changes nothing and fails when the committed files are stale.
# Needs Debian's protoc (protobuf-compiler, libprotobuf-dev) and Go; the plugins' versions are pinned in go.mod.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
'' | --check) ;;
*) echo "usage: tools/proto.sh [--check]" >&2; exit 2 ;;
esac

module=github.com/marketing-agents/marketing
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/openapi" "$work/out/gateway/internal/gw"
GOBIN="$work/bin" go install tool
PATH="$work/bin:$PATH"

roots="-I proto -I third_party/googleapis -I /usr/include"
ours=$(cd proto && ls marketing/v1/*.proto)
openapi=allow_merge=true,merge_file_name=openapi,json_names_for_fields=false,openapi_naming_strategy=simple
openapi=$openapi,simple_operation_ids=true,expand_slashed_path_patterns=true,disable_default_errors=true
openapi=$openapi,allow_patch_feature=false,use_allof_for_refs=true,omit_array_item_type_when_ref_sibling=true

# shellcheck disable=SC2086 # both are lists of words
protoc $roots \
	--go_out="$work/out" --go_opt=module=$module \
	--go-grpc_out="$work/out" --go-grpc_opt=module=$module \
	--grpc-gateway_out="$work/out/gateway/internal/gw" --grpc-gateway_opt=standalone=true,omit_package_doc=true,paths=source_relative \
	--openapiv2_out="$work/openapi" --openapiv2_opt=$openapi \
	--include_imports --include_source_info --descriptor_set_out="$work/marketing.binpb" \
	$ours
mkdir -p "$work/out/docs/api"
go run ./gateway/apidoc -descriptors "$work/marketing.binpb" -openapi "$work/openapi/openapi.swagger.json" -out "$work/out/docs/api"

# Every generated file, relative to the root. Files that others wrote stand in the same folders and stay.
generated() { (cd "$1" && find clients/go docs/api gateway/internal/gw -type f \( -name '*.pb.go' -o -name '*.pb.gw.go' -o -name 'openapi.json' -o -name 'reference.md' \) | sort); }

if [ "${1-}" = --check ]; then
	stale=0
	[ "$(generated .)" = "$(generated "$work/out")" ] || { echo "generated files were added or are missing" >&2; stale=1; }
	for f in $(generated "$work/out"); do
		cmp -s "$f" "$work/out/$f" || { echo "stale: $f" >&2; stale=1; }
	done
	[ $stale = 0 ] || echo "run ./dev proto and commit the result" >&2
	exit $stale
fi
for f in $(generated .); do
	[ -f "$work/out/$f" ] || rm -f "$f"
done
for f in $(generated "$work/out"); do
	cmp -s "$f" "$work/out/$f" || { mkdir -p "$(dirname "$f")"; cp "$work/out/$f" "$f"; }
done
