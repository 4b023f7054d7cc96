/* schema.h: what the columns of a data set are.
 *
 *   { "id": "row_id", "target": "y", "columns": { "age": "numeric", "job": "categorical", ... } }
 *
 * id and target name columns that are not features ("id" may be absent). A column is numeric, categorical,
 * date, text or ignore. Columns of a file that the schema does not name are ignored. Unknown members of the
 * object are ignored. */
#ifndef ML_SCHEMA_H
#define ML_SCHEMA_H

#include "base/arena.h"
#include "base/status.h"
#include "ml/model.h"

C_BEGIN

#define SCHEMA_BYTES_MAX (1024u * 1024)

struct schema_column {
    struct str name;
    enum column_kind kind;
};

struct schema {
    struct str id, target;         /* empty where not given */
    struct schema_column *columns; /* features only, in the order of the file */
    size_t n;
};

/* Everything returned lives in the arena. Fails: SCHEMA_INVALID with line and column of a syntax error or the
 * member's name. */
MUSTCHECK struct status schema_parse(struct str json, struct arena *a, struct schema *ret);

C_END
#endif
