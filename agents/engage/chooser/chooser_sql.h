/* chooser_sql.h: the statements over the tables chooser_level and choice. */
#ifndef AGENTS_ENGAGE_CHOOSER_CHOOSER_SQL_H
#define AGENTS_ENGAGE_CHOOSER_CHOOSER_SQL_H

#include "store/db.h"

C_BEGIN

/* Of choice.state. */
enum { CHOICE_WAITS = 1, CHOICE_COUNTED = 2, CHOICE_DROPPED = 3 };

enum chooser_stmt {
    LEVEL_GET,    /* workspace, factor, level -> version, data */
    LEVELS_SMALL, /* workspace -> factor, level, version, data: of all factors but TEMPLATE */
    LEVELS_LIST,  /* workspace, after factor, after level, limit -> factor, level, version, data */
    LEVEL_INSERT,
    LEVEL_UPDATE, /* data, workspace, factor, level, version */

    CHOICE_INSERT,
    CHOICES_CONVERT,  /* outcome time, workspace, lead id: all that wait for the lead, its merged
                         duplicates' too */
    CHOICE_WORKSPACE, /* now, after workspace -> the next workspace in which some are due */
    CHOICES_DUE,      /* workspace, now, limit -> message id, convert time */
    CHOICE_WAIT,      /* due, workspace, message id, convert time as read */
    CHOICE_END,       /* state, workspace, message id, convert time as read */
    CHOOSER_STMTS
};

extern const struct stmt chooser_sql[CHOOSER_STMTS];

C_END
#endif
