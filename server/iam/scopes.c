#include "server/iam/scopes.h"

#include <pthread.h>

static const struct scope_row {
    const char *name;
    int flags;
} scopes[] = {
#define SCOPE(id, name, flags, help) { name, flags },
#include "server/iam/scopes.def"
#undef SCOPE
};

#define S(id) SCOPE_##id
#define ROLE(id, help, ...) static const enum scope scopes_of_##id[] = { __VA_ARGS__ };
#define ROLE_ALL(id, help)
#include "server/iam/roles.def"
#undef ROLE
#undef ROLE_ALL
#undef S

static const struct role_row {
    const char *id, *help;
    const enum scope *scopes; /* NULL: all */
    size_t n;
} rows[] = {
#define ROLE(id, help, ...) { #id, help, scopes_of_##id, COUNT(scopes_of_##id) },
#define ROLE_ALL(id, help) { #id, help, NULL, 0 },
#include "server/iam/roles.def"
#undef ROLE
#undef ROLE_ALL
};

_Static_assert(COUNT(scopes) <= 128, "struct scope_set holds 128 scopes");
_Static_assert(COUNT(rows) == ROLES_BUILT_IN, "ROLES_BUILT_IN counts the rows of roles.def");

const char *scope_name(enum scope x)
{
    return scopes[x].name;
}

enum scope scope_find(const char *name)
{
    size_t i = 0;
    while (i < SCOPE_COUNT && strcmp(scopes[i].name, name))
        i++;
    return (enum scope)i;
}

struct scope_set scope_everything(void)
{
    struct scope_set s = { { 0, 0 } };
    for (int i = 0; i < SCOPE_COUNT; i++)
        scope_add(&s, (enum scope)i);
    return s;
}

struct scope_set scope_within(struct scope_set s, const char *workspace)
{
    bool platform = strcmp(workspace, FIRST_WORKSPACE) == 0;
    struct scope_set within = { { 0, 0 } };
    for (int i = 0; i < SCOPE_COUNT; i++) {
        bool held = scope_in(&s, (enum scope)i) && (platform || !(scopes[i].flags & SCOPE_PLATFORM));
        if (held || scopes[i].flags & SCOPE_EVERYBODY)
            scope_add(&within, (enum scope)i);
    }
    return within;
}

static struct role built_in[COUNT(rows)];

static void make_roles(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        built_in[i].id = rows[i].id;
        built_in[i].help = rows[i].help;
        if (!rows[i].scopes)
            built_in[i].scopes = scope_everything();
        for (size_t k = 0; k < rows[i].n; k++)
            scope_add(&built_in[i].scopes, rows[i].scopes[k]);
    }
}

const struct role *role_built_in(size_t place)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_roles);
    return &built_in[place];
}

const struct role *role_find(const char *id)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].id, id) == 0)
            return role_built_in(i);
    return NULL;
}
