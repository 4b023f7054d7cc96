#include "store/postgres.h"

#include <stdlib.h>

#define FIRST_STEPS 16
#define FIRST_WRITES 16

static bool grow(void **p, size_t *cap, size_t n, size_t size, size_t first, struct arena *a)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : first;
    void *q = arena_array(a, more, size);
    if (!q)
        return false;
    if (n)
        memcpy(q, *p, n * size);
    *p = q;
    *cap = more;
    return true;
}

static bool step_add(struct pg_step *s, struct write *w, struct arena *a)
{
    if (!grow((void **)&s->writes, &s->cap, s->n, sizeof *s->writes, FIRST_WRITES, a))
        return false;
    s->writes[s->n++] = w;
    return true;
}

/* The first step of the statement at or behind `from`; a new one at the end where there is none. */
static struct pg_step *step_for(struct pg_plan *p, size_t from, const struct stmt *s, struct arena *a)
{
    for (size_t i = from; i < p->n; i++)
        if (p->steps[i].stmt == s)
            return &p->steps[i];
    if (!grow((void **)&p->steps, &p->cap, p->n, sizeof *p->steps, FIRST_STEPS, a))
        return NULL;
    struct pg_step *step = &p->steps[p->n++];
    step->stmt = s;
    return step;
}

static bool is_update(const struct stmt *s)
{
    return str_starts(str_trim(str_of(s->pg_bulk)), STR("UPDATE"));
}

/* Only a sum of changed rows comes back, so it must be plain what each row owes to it; see "Groups" in db.h.
 */
static bool bulk_fits(const struct pg_step *s)
{
    if (!s->stmt->pg_bulk || s->n < 2)
        return false;
    int expect = s->writes[0]->expect;
    for (size_t i = 1; i < s->n; i++)
        if (s->writes[i]->expect != expect)
            return false;
    return expect == 1 || (expect == -1 && !is_update(s->stmt));
}

static bool same_workspace(const struct unit *a, const struct unit *b)
{
    return a->workspace == b->workspace || strcmp(a->workspace, b->workspace) == 0;
}

static int workspace_order(const void *a, const void *b)
{
    return strcmp((*(struct unit *const *)a)->workspace, (*(struct unit *const *)b)->workspace);
}

/* Most groups are of one workspace and stay as they are. NULL when the arena is full. */
static struct unit *const *by_workspace(struct unit *const *units, size_t n, struct arena *a)
{
    size_t same = 1;
    while (same < n && same_workspace(units[same], units[0]))
        same++;
    if (same >= n)
        return units;
    struct unit **sorted = ARENA_ARRAY(a, n, struct unit *);
    if (!sorted)
        return NULL;
    memcpy(sorted, units, n * sizeof(struct unit *));
    qsort(sorted, n, sizeof(struct unit *), workspace_order);
    return sorted;
}

/* The workspace's steps begin at `first`. */
static bool unit_plan(struct pg_plan *p, const struct unit *u, size_t first, struct arena *a)
{
    size_t at = first;
    for (size_t i = 0; i < u->n; i++) {
        struct pg_step *step = step_for(p, at, u->writes[i].stmt, a);
        if (!step || !step_add(step, &u->writes[i], a))
            return false;
        step->workspace = u->workspace;
        at = (size_t)(step - p->steps);
    }
    if (p->n > first)
        p->steps[first].enters = true;
    return true;
}

bool pg_plan_make(struct pg_plan *p, struct unit *const *units, size_t n, struct arena *a)
{
    size_t first = 0;
    memset(p, 0, sizeof *p);
    units = by_workspace(units, n, a);
    if (!units)
        return false;
    for (size_t u = 0; u < n; u++) {
        if (u && !same_workspace(units[u], units[u - 1]))
            first = p->n;
        if (!unit_plan(p, units[u], first, a))
            return false;
    }
    for (size_t i = 0; i < p->n; i++)
        p->steps[i].text = bulk_fits(&p->steps[i]) ? PG_BULK : PG_ROW;
    return true;
}
