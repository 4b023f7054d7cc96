/* Who delivers: one thread claims what is due, others attempt it and hand the outcome to the committer. */
#include "agents/engage/delivery/batch.h"
#include "agents/record/moved.h"
#include "agents/record/task.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/committer.h"

#define OUTCOME_TRIES 10
#define AGAIN_US (US_PER_SECOND / 5)

struct delivery {
    struct app *app;
    struct delivery_options options;
    struct hands hands;
    struct batch batch;
    pthread_t claimer, *senders;
    unsigned n_senders;
    bool claims;
};

void in_hand_log(const struct in_hand *h, const char *what, struct status s)
{
    struct log_line l;
    log_begin(&l, LEVEL_WARN, what);
    log_text(&l, "workspace", h->workspace);
    log_text(&l, "message", h->id);
    log_text(&l, "reason", reason_name((enum reason)s.reason));
    log_end(&l);
}

/* ---- Telling ---- */

/* The outcome is worth some patience: without it a mail ends as UNKNOWN. Where it comes too late somebody
 * knew better: a delivery event told before the provider answered, or another process took the message over.
 */
static void told(struct in_hand *h, struct status s)
{
    struct hands *t = h->hands;
    bool again = s.code == CODE_UNAVAILABLE || s.code == CODE_RESOURCE_EXHAUSTED;
    if (again && h->told < OUTCOME_TRIES) {
        h->again_us = clock_mono_us() + AGAIN_US;
        hands_set(t, h, IN_HAND_UNTOLD);
        return;
    }
    if (!is_ok(s) && s.reason != REASON_CONFLICT)
        in_hand_log(h, "delivery_outcome_lost", s);
    hands_set(t, h, IN_HAND_FREE);
}

static void stored(struct unit *u, void *arg)
{
    (void)FAULT(delivery_after_outcome);
    told(arg, u->outcome);
}

static void tell(struct in_hand *h)
{
    h->told++;
    committer_submit_chain(h->app->committer, hands_tell(h->hands, h));
}

/* Leaves it to the committer; nobody waits for it. */
static void conclude(struct in_hand *h, struct status (*what)(struct ctx *c, void *h))
{
    struct ctx c;
    h->row.version = h->row.next; /* by the claim */
    h->row.next++;
    task_ctx(&c, h->app, DELIVERY_TASK, h->workspace, &h->arena, &h->unit);
    h->unit.done = stored;
    h->unit.arg = h;
    struct status s = what(&c, h);
    if (is_ok(s))
        tell(h);
    else
        told(h, s);
}

static void tell_again(struct delivery *d)
{
    int64_t now = clock_mono_us();
    for (struct in_hand *h; (h = hands_find(&d->hands, IN_HAND_UNTOLD, IN_HAND_TELLING, now));)
        tell(h);
    committer_submit_chain(d->app->committer, hands_telling(&d->hands));
}

/* ---- The threads ---- */

/* Who had messages on their way at that time will not tell what became of them. */
static void take_over(struct delivery *d, int64_t gone_us)
{
    batch_take_over(&d->batch, gone_us + lease_us(d->app, &d->options));
}

/* While nothing may leave. */
static void hold(struct delivery *d, int64_t since_us)
{
    take_over(d, since_us);
    d->batch.more = false;
}

static void *claim_on(void *arg)
{
    struct delivery *d = arg;
    unsigned want;
    pthread_setname_np(pthread_self(), "delivery-claim");
    while (hands_wait(&d->hands, d->batch.more, &want)) {
        tell_again(d);
        batch_give_up(&d->batch);
        int64_t hold_us = moved_hold_us(d->app->moved);
        if (hold_us)
            hold(d, hold_us);
        else if (want)
            batch_claim(&d->batch, want);
    }
    return NULL;
}

static void deliver(struct delivery *d, struct in_hand *h, struct transfer *t)
{
    h->transfer = t;
    if (!may_go(h)) {
        conclude(h, hand_back);
        return;
    }
    int64_t start = clock_mono_us();
    (void)FAULT(delivery_before_attempt);
    hands_begin(&d->hands, h);
    attempt(h);
    (void)FAULT(delivery_after_answer);
    hands_attempted(&d->hands, clock_mono_us() - start);
    metric_add(METRIC_delivery_attempts, 0, 1);
    conclude(h, outcome);
}

static void *send_on(void *arg)
{
    struct delivery *d = arg;
    struct arena life;
    struct transfer *t = NULL;
    struct in_hand *h;
    pthread_setname_np(pthread_self(), "delivery-send");
    arena_init(&life, 65536);
    if (is_ok(transfer_open(&life, &t)))
        while ((h = hands_next(&d->hands)))
            deliver(d, h, t);
    transfer_close(t);
    arena_done(&life);
    return NULL;
}

/* ---- Starting and stopping ---- */

static void open_hands(struct delivery *d, const struct delivery_options *o, struct pace *pace)
{
    hands_open(&d->hands, o->threads);
    for (size_t i = 0; i < HANDS; i++) {
        d->hands.all[i].app = d->app;
        d->hands.all[i].options = &d->options;
        d->hands.all[i].pace = pace;
    }
}

static void tell_marks(const struct delivery *d, size_t left)
{
    struct log_line l;
    log_begin(&l, LEVEL_INFO, "delivery_marks");
    log_text(&l, "kept", d->hands.marks ? "yes" : "no");
    log_int(&l, "left", (int64_t)left);
    log_end(&l);
}

/* Finds what a process of before left. Marks of a database that was put back say nothing of what left since,
 * and must not be found again once the hold is over. */
static struct status open_marks(struct delivery *d, struct arena *a)
{
    const char *place;
    size_t n = 0;
    struct mark *left = ARENA_ARRAY(a, HANDS, struct mark);
    if (!left)
        return fail_memory();
    if (is_ok(d->app->db->ops->place(d->app->db, a, &place)))
        d->hands.marks = marks_open(place, HANDS, a, left, &n);
    if (!moved_hold_us(d->app->moved))
        batch_give_back(&d->batch, left, n);
    else
        for (size_t i = 0; i < HANDS; i++)
            marks_take_away(d->hands.marks, i);
    tell_marks(d, n);
    return ok();
}

struct status delivery_start(struct app *app, const struct delivery_options *o, struct arena *a,
                             struct delivery **ret)
{
    struct pace *pace;
    struct delivery *d = *ret = ARENA_NEW(a, struct delivery);
    if (!d || !(d->senders = ARENA_ARRAY(a, o->threads, pthread_t)))
        return fail_memory();
    d->app = app;
    d->options = *o;
    TRY(pace_open(a, &pace));
    open_hands(d, o, pace);
    batch_open(&d->batch, app, &d->hands);
    TRY(open_marks(d, a));
    if (app->db->ops->alone)
        take_over(d, clock_wall_us());
    while (d->n_senders < o->threads && pthread_create(&d->senders[d->n_senders], NULL, send_on, d) == 0)
        d->n_senders++;
    d->claims = d->n_senders == o->threads && pthread_create(&d->claimer, NULL, claim_on, d) == 0;
    return d->claims ? ok() : fail(a, REASON_OVERLOADED, "no threads for the delivery");
}

void delivery_stop(struct delivery *d)
{
    if (!d)
        return;
    hands_stop(&d->hands);
    if (d->claims)
        pthread_join(d->claimer, NULL);
    hands_end(&d->hands);
    for (unsigned i = 0; i < d->n_senders; i++)
        pthread_join(d->senders[i], NULL);
    do {
        tell_again(d);
        batch_give_up(&d->batch);
    } while (!hands_empty(&d->hands, AGAIN_US));
    batch_close(&d->batch);
    marks_close(d->hands.marks);
    hands_close(&d->hands);
}
