/* idem.h: a mutation with a request_id happens once, however often it is sent.
 *
 * Optimistic: nothing is looked up before the handler. The stored reply is one more row of the handler's
 * unit, so it becomes durable with the effects or not at all, and of duplicates that run at once one wins the
 * row and the others conflict. A call that changes nothing stores its reply all the same: repeated after
 * others' changes it would answer otherwise. One that only asks (validate_only) has no key. Only a call that
 * fails or conflicts looks whether its key was there first. Knows no agent and no handler. */
#ifndef SERVER_RPC_IDEM_H
#define SERVER_RPC_IDEM_H

#include "base/ids.h"
#include "store/db.h"

C_BEGIN

#define REQUEST_ID_MIN 8
#define REQUEST_ID_MAX 128

struct idem_key {
    const char *request_id;                  /* "": the call has none */
    unsigned char fingerprint[SHA256_BYTES]; /* of the canonical request's bytes */
};

/* Refuses a request id that is not 8 to 128 printable ASCII characters. "" passes: the call goes without.
 * Fails: FIELD_INVALID. */
MUSTCHECK struct status idem_check(struct arena *a, const char *request_id);

/* Adds the row {workspace, request id, fingerprint, time, response} to the ctx's unit; the unit fails with
 * CONFLICT where the key exists. The key and the response must live as long as the unit. */
void idem_seal(struct ctx *c, const struct idem_key *k, struct str response);

/* Looks the key up in a snapshot of its own. *ret_found with the stored reply (in c's arena), or not found
 * and ok. Fails: REQUEST_ID_REUSED where another request used the key; STORE_UNAVAILABLE, DEADLINE_PASSED. */
MUSTCHECK struct status idem_find(struct ctx *c, const struct idem_key *k, bool *ret_found,
                                  struct str *ret_response);

/* For a job: adds to the unit the removal of at most some thousand rows made before `before_us`, of all
 * workspaces. */
MUSTCHECK struct status idem_purge(struct ctx *c, int64_t before_us);

extern const struct stmt_table idem_statements;

C_END
#endif
