/* entry.h: an entry of the log as the chain sees it: a row of the event log with all of its columns. */
#ifndef AGENTS_AUDIT_ENTRY_H
#define AGENTS_AUDIT_ENTRY_H

#include "base/ids.h"
#include "store/db.h"

C_BEGIN

#define ENTRY_COLUMNS                                                                                        \
    "seq, workspace, create_time, agent_type, agent_id, action, subject, conversation, decision_id, "        \
    "payload, principal, method, request_id, trace_id"
#define ENTRY_LETTERS "itiitttttbtttb"

enum entry_column {
    ENTRY_SEQ,
    ENTRY_WORKSPACE,
    ENTRY_CREATE_TIME,
    ENTRY_AGENT_TYPE,
    ENTRY_AGENT_ID,
    ENTRY_ACTION,
    ENTRY_SUBJECT,
    ENTRY_CONVERSATION,
    ENTRY_DECISION_ID,
    ENTRY_PAYLOAD,
    ENTRY_PRINCIPAL,
    ENTRY_METHOD,
    ENTRY_REQUEST_ID,
    ENTRY_TRACE_ID,
    ENTRY_COLUMN_COUNT
};

/* The entry as its hash covers it, in the arena: the columns in the order above, a number as 8 bytes,
 * big-endian; a text or bytes as its length in 4 bytes, big-endian, and itself. p is NULL when the arena is
 * full. */
struct str entry_text(struct arena *a, const struct value *row);

/* The hash of an entry: SHA-256 over the hash before it (32 zero bytes before the first), a byte 1 for this
 * form, and the entry's text. False when the arena is full; what it took of the arena is free again. */
MUSTCHECK bool entry_hash(struct arena *a, const unsigned char before[SHA256_BYTES], const struct value *row,
                          unsigned char ret[SHA256_BYTES]);

/* A stretch of the chain is stored as one text: for each entry its seq (8 bytes, big-endian) and its hash. */
#define LINK_BYTES (8 + SHA256_BYTES)

void link_put(unsigned char at[LINK_BYTES], int64_t seq, const unsigned char hash[SHA256_BYTES]);
int64_t link_seq(const unsigned char at[LINK_BYTES]);
static inline const unsigned char *link_hash(const unsigned char at[LINK_BYTES])
{
    return at + 8;
}

C_END
#endif
