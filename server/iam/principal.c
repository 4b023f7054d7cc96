#include "server/iam/principal.h"

#include <stdlib.h>

/* Copies a text to *at and moves *at behind it. */
static const char *put(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    const char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

struct principal *principal_copy(const struct principal *p)
{
    size_t n = sizeof *p + p->n_roles * sizeof *p->roles + strlen(p->name) + strlen(p->workspace) +
               strlen(p->session) + 3;
    for (size_t i = 0; i < p->n_roles; i++)
        n += strlen(p->roles[i]) + 1;
    struct principal *copy = malloc(n);
    if (!copy)
        return NULL;
    const char **roles = (const char **)(copy + 1);
    char *at = (char *)(roles + p->n_roles);
    *copy = *p;
    copy->refs = 1;
    copy->name = put(&at, p->name);
    copy->workspace = put(&at, p->workspace);
    copy->session = put(&at, p->session);
    for (size_t i = 0; i < p->n_roles; i++)
        roles[i] = put(&at, p->roles[i]);
    copy->roles = roles;
    return copy;
}

void principal_ref(struct principal *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
}

void principal_unref(void *p)
{
    struct principal *who = p;
    if (who && __atomic_sub_fetch(&who->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(who);
}
