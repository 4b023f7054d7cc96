/* Soft bounces: SOFT_LIMIT of one medium in a row, within SOFT_US, count as a hard one. Whatever shows that
 * the address takes messages (delivered, opened, clicked, replied) ends the row. */
#include "agents/engage/feedback/feedback_private.h"
#include "agents/engage/feedback/feedback_sql.h"
#include "agents/record/decoded.h"
#include "agents/record/times.h"
#include "base/clock.h"

#include <stdlib.h>

#define SOFT_LIMIT 5
#define SOFT_US (30 * US_PER_DAY)
#define READ_MAX 100 /* the newest stored events, of all media */

/* What an event says of an address. */
struct sign {
    int64_t time_us;
    bool soft;
};

struct signs {
    struct sign *all;
    size_t n;
};

static const char *attribute(const LeadEvent *e, const char *key)
{
    for (size_t i = 0; i < e->n_attributes; i++)
        if (strcmp(e->attributes[i]->key, key) == 0)
            return e->attributes[i]->value;
    return "";
}

static struct status add_stored(struct ctx *c, const struct value *v, const char *medium, struct signs *to)
{
    LeadEvent *e = PB_UNPACK(c->arena, LeadEvent, v[2].s);
    TRY(decoded(c, e, "an event"));
    const char *bounce = attribute(e, ATTRIBUTE_BOUNCE);
    if (strcmp(attribute(e, ATTRIBUTE_MEDIUM), medium) == 0)
        to->all[to->n++] = (struct sign){ v[0].i, strcmp(bounce, "soft") == 0 };
    return ok();
}

/* Of the stored events and those of the unit. */
static struct status gather(struct ctx *c, const struct happening *all, size_t n, const struct subject *of,
                            struct signs *ret)
{
    struct rows rows;
    Medium medium = of->row.message->medium;
    TRY(DB_QUERY(c, &feedback_sql[EVENTS_OF_MESSAGES], &rows, v_text(c->workspace), v_text(of->lead->id),
                 v_int(c->now_us - SOFT_US), v_int(READ_MAX)));
    ret->n = 0;
    ret->all = ARENA_ARRAY(c->arena, rows.n + n, struct sign);
    const char *name = medium_name(c, medium);
    if (!ret->all || !name)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++)
        TRY(add_stored(c, row_at(&rows, i), name, ret));
    for (size_t i = 0; i < n; i++)
        if (all[i].of->lead == of->lead && all[i].of->row.message->medium == medium &&
            all[i].event->type != DELIVERY_EVENT__TYPE_COMPLAINED)
            ret->all[ret->n++] = (struct sign){ all[i].time_us, all[i].bounce == MESSAGE__BOUNCE_SOFT };
    return ok();
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = ((const struct sign *)a)->time_us, y = ((const struct sign *)b)->time_us;
    return (x < y) - (x > y);
}

static size_t in_a_row(struct signs *s)
{
    size_t n = 0;
    qsort(s->all, s->n, sizeof *s->all, newest_first);
    while (n < s->n && s->all[n].soft)
        n++;
    return n;
}

struct status soft_bounces_count(struct ctx *c, const struct happening *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct signs signs;
        struct subject *of = all[i].of;
        if (all[i].bounce != MESSAGE__BOUNCE_SOFT || !of->lead || of->suppressed)
            continue;
        TRY(gather(c, all, n, of, &signs));
        if (in_a_row(&signs) >= SOFT_LIMIT)
            TRY(subject_suppress(c, of, SUPPRESSION__CAUSE_HARD_BOUNCE));
    }
    return ok();
}
