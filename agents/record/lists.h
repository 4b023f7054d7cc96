/* lists.h: statements that look for LIST_MAX texts at once, padded with the last one where there are fewer.
 */
#ifndef AGENTS_RECORD_LISTS_H
#define AGENTS_RECORD_LISTS_H

#define LIST_MAX 24
#define LIST_LETTERS "tttttttttttttttttttttttt"
/* The list as SQL, from parameter $2 or $3 on. */
#define LIST_FROM_2                                                                                          \
    "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, " \
    "$24, $25"
#define LIST_FROM_3                                                                                          \
    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "     \
    "$24, $25, $26"

/* PostgreSQL's text, where each is looked up by itself: without statistics it takes one workspace to hold few
 * rows, and would read all of them for a list. */
#define LIST_EACH(columns, list, table, where)                                                               \
    "SELECT " columns " FROM (SELECT DISTINCT unnest(ARRAY[" list "]) AS text) AS w CROSS JOIN LATERAL"      \
    " (SELECT * FROM " table " WHERE workspace = $1 AND " where " = w.text LIMIT 1) AS t"

/* The ids of lead $2 of workspace $1 and of those merged into it. In one list: of `lead_id = $2 OR lead_id IN
 * (...)` SQLite makes a walk through the workspace. */
#define LEAD_AND_MERGED                                                                                      \
    "(SELECT $2 UNION ALL SELECT alias_id FROM lead_alias WHERE workspace = $1 AND lead_id = $2)"

#endif
