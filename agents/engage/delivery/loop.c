/* Who delivers: one thread looks for what is due, others take it in hand, of each lead one message at a time.
 */
#include "agents/engage/delivery/delivery_private.h"
#include "agents/engage/delivery/delivery_sql.h"
#include "agents/record/moved.h"
#include "agents/record/task.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>

#define SLOTS 256
#define ID_BYTES 64
#define LOOK_US (US_PER_SECOND / 10)
#define TASK "delivery"
#define OUTCOME_TRIES 10

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_TAKEN };

/* A message in hand. `order`: by chance, so that replicas that see the same messages seldom want the same
 * one. */
struct slot {
    enum slot_state state;
    uint64_t order;
    char workspace[ID_BYTES], id[ID_BYTES], lead[ID_BYTES];
};

struct delivery {
    struct app *app;
    struct delivery_options options;
    struct pace *pace;
    pthread_t looker, *workers;
    unsigned n_workers;
    bool looks;
    pthread_mutex_t lock;
    pthread_cond_t look, work;
    bool stopping, woken;
    unsigned ready;
    struct slot slots[SLOTS];
};

/* ---- Looking ---- */

static struct status due(struct ctx *c, void *arg)
{
    struct rows *rows = arg;
    db_reach_all(c);
    return DB_QUERY(c, &delivery_sql[DELIVERY_DUE], rows, v_int(c->now_us), v_int(2 * SLOTS));
}

/* A free slot; NULL where there is none, or a message of the lead is in hand. */
static struct slot *place_for(struct delivery *d, const struct value *v)
{
    struct slot *open = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &d->slots[i];
        if (s->state == SLOT_FREE)
            open = s;
        else if (strcmp(s->lead, v[2].s.p) == 0 && strcmp(s->workspace, v[0].s.p) == 0)
            return NULL;
    }
    return open;
}

static void put(struct delivery *d, const struct value *v)
{
    struct slot *s = place_for(d, v);
    if (!s || v[0].s.n >= ID_BYTES || v[1].s.n >= ID_BYTES || v[2].s.n >= ID_BYTES)
        return;
    s->state = SLOT_READY;
    memcpy(s->workspace, v[0].s.p, v[0].s.n + 1);
    memcpy(s->id, v[1].s.p, v[1].s.n + 1);
    memcpy(s->lead, v[2].s.p, v[2].s.n + 1);
    random_bytes(&s->order, sizeof s->order);
    d->ready++;
}

static void look(struct delivery *d, struct arena *a)
{
    struct rows rows;
    memset(&rows, 0, sizeof rows);
    struct status s = ok();
    if (!moved_hold_us(d->app->moved))
        s = task_run_in(d->app, TASK, "", a, due, &rows);
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; is_ok(s) && i < rows.n; i++)
        put(d, row_at(&rows, i));
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    arena_reset(a);
}

/* Until the time to look again, or something is due, and half of the slots are free. */
static bool wait_to_look(struct delivery *d)
{
    int64_t until = clock_mono_us() + LOOK_US;
    struct timespec t = { until / US_PER_SECOND, (until % US_PER_SECOND) * 1000 };
    pthread_mutex_lock(&d->lock);
    while (!d->stopping && ((!d->woken && clock_mono_us() < until) || d->ready > SLOTS / 2))
        if (d->ready > SLOTS / 2)
            pthread_cond_wait(&d->look, &d->lock);
        else
            pthread_cond_timedwait(&d->look, &d->lock, &t);
    d->woken = false;
    bool goes_on = !d->stopping;
    pthread_mutex_unlock(&d->lock);
    return goes_on;
}

static void *look_on(void *arg)
{
    struct delivery *d = arg;
    struct arena a;
    arena_init(&a, 8u << 20);
    while (wait_to_look(d))
        look(d, &a);
    arena_done(&a);
    return NULL;
}

/* ---- Delivering ---- */

static bool is_passing(struct status s)
{
    return s.code == CODE_UNAVAILABLE || s.code == CODE_RESOURCE_EXHAUSTED || s.code == CODE_ABORTED ||
           s.code == CODE_DEADLINE_EXCEEDED;
}

static void tell(const struct slot *slot, const char *what, struct status s)
{
    struct log_line l;
    log_begin(&l, LEVEL_WARN, what);
    log_text(&l, "workspace", slot->workspace);
    log_text(&l, "message", slot->id);
    log_text(&l, "reason", reason_name((enum reason)s.reason));
    log_end(&l);
}

/* The outcome is worth some patience: without it a mail ends as UNKNOWN. Where it comes too late somebody
 * knew better: a delivery event told before the provider answered, or another process took the message over.
 */
static void conclude(struct in_hand *h, const struct slot *slot, struct arena *a)
{
    struct status s = ok();
    h->row.version++; /* by the claim */
    for (int i = 0; i < OUTCOME_TRIES; i++) {
        struct arena_mark m = arena_mark(a);
        const Message before = *h->row.message;
        s = task_run_in(h->app, TASK, slot->workspace, a, outcome, h);
        if (is_ok(s) || s.code != CODE_UNAVAILABLE)
            break;
        *h->row.message = before;
        arena_rewind(a, m);
        struct timespec pause = { 0, 200 * 1000 * 1000 };
        nanosleep(&pause, NULL);
    }
    if (!is_ok(s) && s.reason != REASON_CONFLICT)
        tell(slot, "delivery_outcome_lost", s);
}

static void deliver(struct delivery *d, const struct slot *slot, struct transfer *t, struct arena *a)
{
    struct in_hand h;
    memset(&h, 0, sizeof h);
    h.app = d->app;
    h.options = &d->options;
    h.pace = d->pace;
    h.transfer = t;
    h.id = slot->id;
    struct status s = task_run_in(d->app, TASK, slot->workspace, a, claim, &h);
    if (!is_ok(s)) {
        if (is_passing(s))
            return;
        tell(slot, "delivery_parked", s);
        metric_add(METRIC_delivery_parked, 0, 1);
        snprintf(h.sent.detail, sizeof h.sent.detail, "%s", s.message);
        s = task_run_in(d->app, TASK, slot->workspace, a, park, &h);
        if (!is_ok(s) && !is_passing(s))
            tell(slot, "delivery_park_failed", s);
        return;
    }
    if (!h.sending)
        return;
    attempt(&h, clock_wall_us());
    conclude(&h, slot, a);
    metric_add(METRIC_delivery_attempts, 0, 1);
}

static struct slot *take(struct delivery *d)
{
    struct slot *best = NULL;
    pthread_mutex_lock(&d->lock);
    while (!d->stopping && d->ready == 0)
        pthread_cond_wait(&d->work, &d->lock);
    for (size_t i = 0; i < SLOTS && !d->stopping; i++)
        if (d->slots[i].state == SLOT_READY && (!best || d->slots[i].order < best->order))
            best = &d->slots[i];
    if (best) {
        best->state = SLOT_TAKEN;
        d->ready--;
        if (d->ready == SLOTS / 2)
            pthread_cond_signal(&d->look);
    }
    pthread_mutex_unlock(&d->lock);
    return best;
}

static void give_back(struct delivery *d, struct slot *s)
{
    pthread_mutex_lock(&d->lock);
    s->state = SLOT_FREE;
    if (d->ready == 0) {
        d->woken = true;
        pthread_cond_signal(&d->look);
    }
    pthread_mutex_unlock(&d->lock);
}

static void *work_on(void *arg)
{
    struct delivery *d = arg;
    struct arena life, a;
    struct transfer *t = NULL;
    struct slot *s;
    arena_init(&life, 65536);
    arena_init(&a, 16u << 20);
    if (is_ok(transfer_open(&life, &t)))
        while ((s = take(d))) {
            deliver(d, s, t, &a);
            arena_reset(&a);
            give_back(d, s);
        }
    transfer_close(t);
    arena_done(&a);
    arena_done(&life);
    return NULL;
}

/* ---- Starting and stopping ---- */

static void open_locks(struct delivery *d)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->look, &attr);
    pthread_cond_init(&d->work, &attr);
    pthread_condattr_destroy(&attr);
}

struct status delivery_start(struct app *app, const struct delivery_options *o, struct arena *a,
                             struct delivery **ret)
{
    struct delivery *d = *ret = ARENA_NEW(a, struct delivery);
    if (!d || !(d->workers = ARENA_ARRAY(a, o->threads, pthread_t)))
        return fail_memory();
    d->app = app;
    d->options = *o;
    open_locks(d);
    TRY(pace_open(a, &d->pace));
    while (d->n_workers < o->threads && pthread_create(&d->workers[d->n_workers], NULL, work_on, d) == 0)
        d->n_workers++;
    d->looks = d->n_workers == o->threads && pthread_create(&d->looker, NULL, look_on, d) == 0;
    return d->looks ? ok() : fail(a, REASON_OVERLOADED, "no threads for the delivery");
}

void delivery_stop(struct delivery *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_broadcast(&d->look);
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    if (d->looks)
        pthread_join(d->looker, NULL);
    for (unsigned i = 0; i < d->n_workers; i++)
        pthread_join(d->workers[i], NULL);
    pthread_cond_destroy(&d->look);
    pthread_cond_destroy(&d->work);
    pthread_mutex_destroy(&d->lock);
}

void delivery_wake(struct delivery *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->woken = true;
    pthread_cond_signal(&d->look);
    pthread_mutex_unlock(&d->lock);
}
