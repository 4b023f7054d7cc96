/* audit_private.h: what the files of this room share. */
#ifndef AGENTS_AUDIT_AUDIT_PRIVATE_H
#define AGENTS_AUDIT_AUDIT_PRIVATE_H

#include "agents/record/event_log.h"
#include "base/ids.h"

C_BEGIN

struct audit {
    struct event_log log; /* the sealing job's own */
};

/* Everything up to this seq is in a chain. */
MUSTCHECK struct status chain_cursor(struct ctx *c, int64_t *ret_seq);
/* The end of a workspace's chain: 0 and 32 zero bytes where it is empty. */
MUSTCHECK struct status chain_head(struct ctx *c, const char *workspace, int64_t *ret_position,
                                   unsigned char ret_head[SHA256_BYTES]);

enum checkpoint_signer { SIGNER_NONE, SIGNER_US, SIGNER_ANOTHER };
/* Whose signature it bears; SIGNER_NONE where it does not fit, or a part is missing. */
enum checkpoint_signer checkpoint_signer(struct ctx *c, const char *workspace, const AuditCheckpoint *p);
/* The next stored checkpoint at `position` or behind; NULL where there is none. */
MUSTCHECK struct status checkpoint_next(struct ctx *c, int64_t position, AuditCheckpoint **ret);

C_END
#endif
