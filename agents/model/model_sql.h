/* model_sql.h: the statements over the tables model_version and model_file, and those that read what leads
 * did and what became of them, to learn from it. */
#ifndef AGENTS_MODEL_MODEL_SQL_H
#define AGENTS_MODEL_MODEL_SQL_H

#include "store/db.h"

C_BEGIN

enum model_stmt {
    MODEL_GET,
    MODEL_LIST,
    MODEL_INSERT,
    MODEL_FILE_INSERT,
    MODEL_MOVE,
    OUTCOMES_NEWEST,
    EVENTS_BEFORE,
    MODEL_STMTS
};

extern const struct stmt model_sql[MODEL_STMTS];

C_END
#endif
