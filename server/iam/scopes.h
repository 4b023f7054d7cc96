/* scopes.h: what a caller may do: a set of scopes, given by roles (the rows: scopes.def, roles.def). */
#ifndef SERVER_IAM_SCOPES_H
#define SERVER_IAM_SCOPES_H

#include "base/base.h"

C_BEGIN

#define FIRST_WORKSPACE "default" /* from which the others are managed */

enum scope_flags {
    SCOPE_PLATFORM = 1, /* held in FIRST_WORKSPACE only */
    SCOPE_EVERYBODY = 2 /* held by whoever has a credential */
};

enum scope {
#define SCOPE(id, name, flags, help) SCOPE_##id,
#include "server/iam/scopes.def"
#undef SCOPE
    SCOPE_COUNT
};

struct scope_set {
    uint64_t bits[2];
};

static inline void scope_add(struct scope_set *s, enum scope x)
{
    s->bits[x >> 6] |= UINT64_C(1) << (x & 63);
}

static inline bool scope_in(const struct scope_set *s, enum scope x)
{
    return s->bits[x >> 6] >> (x & 63) & 1;
}

static inline void scope_join(struct scope_set *s, const struct scope_set *more)
{
    s->bits[0] |= more->bits[0];
    s->bits[1] |= more->bits[1];
}

/* Whether all of `part` is in `whole`. */
static inline bool scope_covers(const struct scope_set *whole, const struct scope_set *part)
{
    return !(part->bits[0] & ~whole->bits[0]) && !(part->bits[1] & ~whole->bits[1]);
}

const char *scope_name(enum scope x);
/* SCOPE_COUNT where there is none of this name. */
enum scope scope_find(const char *name);
struct scope_set scope_everything(void);
/* What everybody has; the rest of the set without what the workspace's principals cannot hold. */
struct scope_set scope_within(struct scope_set s, const char *workspace);

struct role {
    const char *id, *help;
    struct scope_set scopes;
};

#define ROLES_BUILT_IN 5

/* The built-in roles, by their place in roles.def. */
const struct role *role_built_in(size_t place);
/* NULL where none of the built-in roles has this id. */
const struct role *role_find(const char *id);

C_END
#endif
