#!/usr/bin/env bash
# ./dev fmt
#
# Formats what git knows of (and new files that it does not ignore): C and C++ with clang-format, Go with gofmt, protos with buf.

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need all
list '*.c' '*.h' '*.cc' | xargs -0r "$(clang_format)" -i
list '*.go' | xargs -0r gofmt -w
buf format -w --path proto/marketing
