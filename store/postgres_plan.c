#include "store/postgres.h"

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

bool pg_plan_make(struct pg_plan *p, struct unit *const *units, size_t n, struct arena *a)
{
    memset(p, 0, sizeof *p);
    for (size_t u = 0; u < n; u++) {
        size_t at = 0;
        for (size_t i = 0; i < units[u]->n; i++) {
            struct write *w = &units[u]->writes[i];
            struct pg_step *step = step_for(p, at, w->stmt, a);
            if (!step || !step_add(step, w, a))
                return false;
            at = (size_t)(step - p->steps);
        }
    }
    for (size_t i = 0; i < p->n; i++)
        p->steps[i].text = bulk_fits(&p->steps[i]) ? PG_BULK : PG_ROW;
    return true;
}
