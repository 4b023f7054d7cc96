#!/usr/bin/env bash
# ./dev help [NAME]
#
# Without a name: the list of all subcommands, made from the table at the top of ./dev. With one: the comment that opens
# tools/dev/NAME.sh, which is that subcommand's manual.
exec "$(dirname "${BASH_SOURCE[0]}")/../../dev" help "$@"
