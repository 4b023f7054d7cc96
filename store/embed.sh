#!/bin/sh
# embed.sh: prints the C table of the migrations given as arguments, in their order.
set -eu
echo '#include "store/migrate.h"'
echo 'const struct migration store_migrations[] = {'
for file in "$@"; do
    name=$(basename "$file" .sql)
    number=$(echo "${name%%_*}" | sed 's/^0*//')
    echo "{ $number, \"$name\","
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$file"
    echo '},'
done
echo '{ 0, 0, 0 } };'
