#include "agents/engage/delivery/batch.h"

#include "agents/engage/delivery/delivery_sql.h"
#include "agents/record/task.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "store/committer.h"
#include "store/memo.h"

#include <stdio.h>

#define REACH_MAX 4096
#define BATCH_US (US_PER_SECOND / 20) /* for the decisions of one batch */
#define BATCH_BYTES (64u << 20)
#define SHARES 8

void batch_open(struct batch *b, struct app *app, struct hands *hands)
{
    memset(b, 0, sizeof *b);
    b->app = app;
    b->hands = hands;
    b->more = true; /* what became due while nobody looked */
    arena_init(&b->memory, BATCH_BYTES);
}

void batch_close(struct batch *b)
{
    arena_done(&b->memory);
}

/* ---- What is due ---- */

/* What was found lasts as long as the batch is decided on. */
static struct in_hand *take_one(struct batch *b, const struct value *found, int64_t now_us)
{
    struct in_hand *h =
        hands_claim(b->hands, found[DUE_WORKSPACE].s.p, found[DUE_ID].s.p, found[DUE_LEAD].s.p);
    if (!h)
        return NULL;
    h->row.version = found[DUE_VERSION].i;
    h->row.next = h->row.version + 1;
    h->first = found[DUE_FROZEN].i == 0;
    h->planned_us = found[DUE_PLANNED].i;
    h->found_us = now_us;
    h->stored = found[DUE_DATA].s;
    return h;
}

/* Where another replica claims too, each takes the leads of a share that it draws anew each time: two that
 * want the same message hold up all of both batches. */
static void take(struct batch *b, const struct rows *due, int64_t now_us, unsigned want, unsigned shares)
{
    uint64_t chance;
    random_bytes(&chance, sizeof chance);
    for (size_t i = 0; i < due->n && b->n < want; i++) {
        const struct value *found = row_at(due, i);
        if (hash64(found[DUE_LEAD].s, 0) % shares != chance % shares)
            continue;
        struct in_hand *h = take_one(b, found, now_us);
        if (h)
            b->taken[b->n++] = h;
    }
}

void batch_take_over(struct batch *b, int64_t leases_until_us)
{
    b->left_us = leases_until_us;
}

void batch_give_back(struct batch *b, struct mark *marks, size_t n)
{
    b->marks = marks;
    b->n_marks = n;
}

/* What was claimed and not attempted comes before all else, until the row of each has moved: only then may
 * other claims set their marks in the places of these. */
static struct status look_marked(struct batch *b, struct ctx *c, unsigned want)
{
    struct status s = ok();
    size_t kept = 0;
    for (size_t i = 0; i < b->n_marks; i++) {
        struct mark m = b->marks[i];
        struct rows found = { 0 };
        if (is_ok(s) && b->n < want) {
            s = DB_QUERY(c, &delivery_sql[DELIVERY_MARKED], &found, v_text(m.workspace), v_text(m.id),
                         v_int(m.version));
            if (is_ok(s) && found.n == 0)
                continue;
        }
        struct in_hand *h = found.n ? take_one(b, row_at(&found, 0), c->now_us) : NULL;
        if (h) {
            h->unbegun = true;
            b->taken[b->n++] = h;
        }
        b->marks[kept++] = m;
    }
    b->n_marks = kept;
    b->more = true;
    return b->n ? ok() : s;
}

/* What others left on its way comes first, until there is none. */
static struct status look_left(struct batch *b, struct ctx *c, unsigned want, unsigned shares, unsigned reach)
{
    struct rows left;
    TRY(DB_QUERY(c, &delivery_sql[DELIVERY_LEFT], &left, v_int(c->now_us), v_int(b->left_us), v_int(reach)));
    if (left.n == 0)
        b->left_us = 0;
    take(b, &left, c->now_us, want, left.n == reach ? shares : 1);
    b->more = true;
    return ok();
}

/* Looks beyond those whose claims are on their way, and further, for as long as that is so, where much of
 * what is due waits for its leads' messages in hand. */
static struct status look_due(struct batch *b, struct ctx *c, unsigned want, unsigned shares, unsigned reach)
{
    struct rows due;
    TRY(DB_QUERY(c, &delivery_sql[DELIVERY_DUE], &due, v_int(c->now_us), v_int(reach)));
    bool full = due.n == reach;
    take(b, &due, c->now_us, want, full ? shares : 1);
    b->more = full && (b->n > 0 || reach < REACH_MAX);
    b->reach = b->n == want ? 0 : full ? MIN(2 * reach, REACH_MAX) : reach;
    return ok();
}

static struct status look_in_order(struct batch *b, struct ctx *c, unsigned want, unsigned shares,
                                   unsigned reach)
{
    if (b->n_marks)
        TRY(look_marked(b, c, want));
    if (b->n || b->n_marks)
        return ok();
    if (b->left_us)
        TRY(look_left(b, c, want, shares, reach));
    return b->n ? ok() : look_due(b, c, want, shares, reach);
}

static struct status look(struct batch *b, struct ctx *c, unsigned want)
{
    unsigned shares = hands_look(b->hands) ? SHARES : 1;
    unsigned reach = MAX(b->reach, want * shares + hands_claimed(b->hands));
    db_reach_all(c);
    TRY(look_in_order(b, c, want, shares, reach));
    db_reach_own(c);
    return ok();
}

/* ---- Claiming ---- */

static bool is_passing(struct status s)
{
    return s.code == CODE_UNAVAILABLE || s.code == CODE_RESOURCE_EXHAUSTED || s.code == CODE_ABORTED ||
           s.code == CODE_DEADLINE_EXCEEDED;
}

static void end(struct in_hand *h, struct status s)
{
    struct hands *t = h->hands;
    h->failed = s;
    if (!is_ok(s)) {
        hands_failed(t, s.code == CODE_ABORTED);
        hands_set(t, h, is_passing(s) ? IN_HAND_FREE : IN_HAND_FAILED);
    } else if (h->sending) {
        h->claimed_mono_us = clock_mono_us();
        hands_ready(t, h);
    } else
        hands_set(t, h, IN_HAND_FREE);
}

static void claimed(struct unit *u, void *h)
{
    (void)FAULT(delivery_after_claim);
    end(h, u->outcome);
}

/* Work on one of them through the one snapshot. */
static struct status with(struct ctx *look, struct in_hand *h, struct status (*work)(struct ctx *, void *))
{
    struct ctx c;
    task_ctx(&c, look->app, look->method, h->workspace, &h->arena, &h->unit);
    c.read = look->read;
    c.memo = look->memo;
    struct status s = work(&c, h);
    look->read = c.read;
    return s;
}

/* Where each read is a wait, that of all is one: what the claims are going to ask is told before. */
static void expect_all(struct batch *b, struct ctx *look)
{
    static struct status (*const steps[])(struct ctx *, void *) = { claim_expect, claim_expect_more };
    for (size_t k = 0; db_expects(look) && k < COUNT(steps); k++)
        for (size_t i = 0; i < b->n; i++)
            (void)with(look, b->taken[i], steps[k]);
}

/* Decides on those taken, through the one snapshot, and keeps those of which a unit says something. Those
 * that there is no time for are let go. */
static void decide_all(struct batch *b, struct ctx *look)
{
    int64_t until = clock_mono_us() + BATCH_US;
    size_t n = b->n;
    b->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct in_hand *h = b->taken[i];
        bool late = i && clock_mono_us() > until;
        struct status s = late ? ok() : with(look, h, claim);
        if (is_ok(s) && !late && h->unit.n)
            b->taken[b->n++] = h;
        else
            end(h, s);
    }
}

/* From the moment it is with the committer a hand is not ours. */
static void submit(struct batch *b)
{
    struct unit *chain = NULL;
    if (b->n)
        (void)FAULT(delivery_before_claim);
    for (size_t i = 0; i < b->n; i++) {
        struct in_hand *h = b->taken[i];
        if (h->sending)
            hands_mark(b->hands, h);
        h->unit.done = claimed;
        h->unit.arg = h;
        h->unit.next = chain;
        chain = &h->unit;
    }
    committer_submit_chain(b->app->committer, chain);
}

void batch_claim(struct batch *b, unsigned want)
{
    struct unit none;
    struct ctx c;
    task_ctx(&c, b->app, DELIVERY_TASK, "", &b->memory, &none);
    b->n = 0;
    b->more = false;
    struct status s = memo_open(&b->memory, &c.memo);
    if (is_ok(s))
        s = look(b, &c, want);
    if (is_ok(s)) {
        expect_all(b, &c);
        decide_all(b, &c);
    }
    db_read_done(&c);
    submit(b);
    arena_reset(&b->memory);
}

/* What nothing can be done with must hold nothing else up. */
void batch_give_up(struct batch *b)
{
    for (struct in_hand *h; (h = hands_find(b->hands, IN_HAND_FAILED, IN_HAND_CLAIMED, INT64_MAX));) {
        in_hand_log(h, "delivery_parked", h->failed);
        metric_add(METRIC_delivery_parked, 0, 1);
        snprintf(h->sent.detail, sizeof h->sent.detail, "%s", h->failed.message);
        struct status s = task_run_in(b->app, DELIVERY_TASK, h->workspace, &h->arena, park, h);
        if (!is_ok(s) && !is_passing(s))
            in_hand_log(h, "delivery_park_failed", s);
        hands_set(b->hands, h, IN_HAND_FREE);
    }
}
