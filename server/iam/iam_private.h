/* iam_private.h: what the files of this room share. */
#ifndef SERVER_IAM_IAM_PRIVATE_H
#define SERVER_IAM_IAM_PRIVATE_H

#include "server/iam/cache.h"
#include "server/iam/iam.h"
#include "server/iam/iam_sql.h"
#include "server/iam/keys.h"
#include "server/iam/limit.h"
#include "server/iam/resources.h"

C_BEGIN

#define ADMIN_ID "admin"
#define TEXT_MAX 256 /* bytes of a display name */
#define ROLES_MAX 16 /* of an account */

struct iam {
    struct keys *keys;
    struct cache *cache;
    struct limits *limits;
    int64_t revision;   /* that keys and cache know; the job's own */
    int64_t checked_us; /* atomic: monotonic time at which it was read */
    int64_t swept_us;   /* monotonic time of the last upkeep; the job's own */
};

/* Adds to the unit that every replica forgets what it knows of anybody's rights; this one does when the unit
 * is committed. */
void rights_changed(struct ctx *c);

/* roles.c: the scopes that a list of role names or ids gives. Where ret_unknown is NULL roles that do not
 * exist give nothing, else the place of the first such role, or n, is told. */
MUSTCHECK struct status roles_scopes(struct ctx *c, const char *const *ids, size_t n, struct scope_set *ret,
                                     size_t *ret_unknown);
/* The ids in role names, in the arena. A name of another form becomes an id that no role has. */
MUSTCHECK struct status role_ids(struct ctx *c, char *const *names, size_t n, const char *const **ret);
/* Fails with PERMISSION_MISSING where the set holds what the caller does not. */
MUSTCHECK struct status not_above_caller(struct ctx *c, const struct scope_set *s);

/* accounts.c: fails where an account may do what the caller may not. */
MUSTCHECK struct status account_below_caller(struct ctx *c, const struct account *a);
/* Adds to the unit a user with a password. */
MUSTCHECK struct status user_add(struct ctx *c, const char *id, const char *id_field, User *user,
                                 const char *password);

/* workspaces.c: adds to the unit the first user of a workspace, of whom `field` of the request speaks. */
MUSTCHECK struct status admin_add(struct ctx *c, const char *workspace, const char *field,
                                  const char *password);

/* certificates.c: adds to the unit that another certificate, or none (""), stands for the service account.
 * Fails: PERMISSION_MISSING without system.admin; FIELD_INVALID, FIELD_TOO_LONG. The unit fails with
 * ACCOUNT_ALREADY_EXISTS where the name is another account's. */
MUSTCHECK struct status certificate_change(struct ctx *c, const char *account_id, const char *before,
                                           const char *after);
void certificate_remove(struct ctx *c, const char *account_id); /* adds to the unit: none any more */

/* self.c: the names of a set's scopes, in the arena. */
MUSTCHECK struct status scope_names(struct ctx *c, const struct scope_set *s, char ***ret, size_t *ret_n);

/* api_keys.c: the id in the text of a key; false where it has another form. */
MUSTCHECK bool api_key_split(struct arena *a, struct str text, const char **ret_id);
MUSTCHECK bool is_api_key(struct str text);

/* text.c: fails where a display name is too long, and where a request comes without its message. */
MUSTCHECK struct status text_check(struct ctx *c, const char *text, const char *field);
MUSTCHECK struct status required(struct ctx *c, const void *message, const char *field);

/* Fails with the reason, one of those for which calls are denied, and notes it for the audit log. */
MUSTCHECK struct status denied(struct ctx *c, enum reason reason, const char *message);

/* n random characters of [0-9A-Za-z], and a NUL. */
void random_text(char *text, size_t n);
/* SHA-256 of a text, in the arena; p is NULL over the budget. */
struct str digest_of(struct arena *a, struct str text);

C_END
#endif
