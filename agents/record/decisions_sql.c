#include "agents/record/decisions_sql.h"

#include "agents/record/decisions.h"

#define COLUMNS "workspace, id, lead_id, create_time, kind, route, data, sealed"

/* A decision with the key of its person: an ended lead's where that is what it was sealed under (an id may
 * have been given again since), else the living lead's. */
#define ROW                                                                                                  \
    "SELECT d.id, d.data, d.sealed, COALESCE((SELECT e.subject_key FROM lead_ended AS e"                     \
    " WHERE e.workspace = d.workspace AND e.lead_id = d.lead_id"                                             \
    " AND substr(e.subject_key, 1, 8) = substr(d.sealed, 1, 8) LIMIT 1),"                                    \
    " (SELECT o.subject_key FROM lead AS o WHERE o.workspace = d.workspace AND o.id = d.lead_id))"
#define ROW_LETTERS "tbbb"

/* $2 may be a merged lead; the survivor's decisions and those of all leads merged into it are one list.
 * Without statistics SQLite takes one workspace to hold few rows and would read all of its decisions, so
 * there the index is named. */
#define OF_LEAD(hint)                                                                                        \
    "WITH root (id) AS (SELECT COALESCE((SELECT lead_id FROM lead_alias WHERE workspace = $1 AND alias_id "  \
    "= $2), $2))"                                                                                            \
    " " ROW " FROM (SELECT id FROM root UNION ALL SELECT alias_id FROM lead_alias"                           \
    " WHERE workspace = $1 AND lead_id = (SELECT id FROM root)) AS l CROSS JOIN decision AS d" hint          \
    " WHERE d.workspace = $1 AND d.lead_id = l.id AND d.id > $3 ORDER BY d.id LIMIT $4"

const struct stmt decision_sql[DECISION_STMTS] = {
    [DECISION_GET] = { "decision_get", "tt", ROW_LETTERS,
                       ROW " FROM decision AS d WHERE d.workspace = $1 AND d.id = $2", NULL, NULL },
    [DECISION_INSERT] = { "decision_insert", "tttiiibb", "",
                          "INSERT INTO decision (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                          "INSERT INTO decision (" COLUMNS
                          ") SELECT * FROM unnest($1::text[], $2::text[], $3::text[],"
                          " $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[])",
                          NULL },
    [DECISIONS_ALL] = { "decisions_all", "tti", ROW_LETTERS,
                        ROW " FROM decision AS d WHERE d.workspace = $1 AND d.id > $2 ORDER BY d.id LIMIT $3",
                        NULL, NULL },
    [DECISIONS_OF_LEAD] = { "decisions_of_lead", "ttti", ROW_LETTERS, OF_LEAD(" INDEXED BY decision_by_lead"),
                            NULL, OF_LEAD("") },
    [DECISIONS_NEWEST] = { "decisions_newest", "ttii", ROW_LETTERS,
                           ROW " FROM decision AS d WHERE d.workspace = $1 AND d.id < $2 AND d.kind = $3"
                               " ORDER BY d.id DESC LIMIT $4",
                           NULL, NULL },
};

const struct stmt_table decisions_statements = { decision_sql, DECISION_STMTS };
