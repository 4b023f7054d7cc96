#include "agents/record/denied.h"

#include "agents/record/events.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/pb.h"
#include "store/db.h"

#include <pthread.h>

#define WAITING_MAX 256
#define TEXT_BYTES 96 /* a longer text is cut */

struct denial {
    char workspace[TEXT_BYTES], principal[TEXT_BYTES], peer[TEXT_BYTES], trace_id[33];
    const char *method; /* lives as long as the server */
    int64_t time_us;
    uint8_t code;
    uint16_t reason;
};

struct denied {
    pthread_mutex_t lock;
    struct denial waiting[WAITING_MAX];
    size_t n;
    int64_t dropped;
    /* Of these the job's unit speaks; they go when it is durable. */
    size_t writing;
    int64_t writing_dropped;
};

struct status denied_open(struct arena *a, struct denied **ret)
{
    *ret = ARENA_NEW(a, struct denied);
    if (!*ret)
        return fail_memory();
    pthread_mutex_init(&(*ret)->lock, NULL);
    return ok();
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strnlen(from, size - 1);
    memcpy(to, from, n);
    to[n] = 0;
}

static void fill(struct denial *d, const struct ctx *c, const char *peer, struct status why)
{
    copy_text(d->workspace, sizeof d->workspace, *c->workspace ? c->workspace : "default");
    copy_text(d->principal, sizeof d->principal, c->principal);
    copy_text(d->peer, sizeof d->peer, peer ? peer : "");
    copy_text(d->trace_id, sizeof d->trace_id, c->trace_id);
    d->method = c->method;
    d->time_us = clock_wall_us();
    d->code = why.code;
    d->reason = why.reason;
}

void denied_note(struct denied *d, const struct ctx *c, const char *peer, struct status why)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    bool room = d->n < WAITING_MAX;
    if (room)
        fill(&d->waiting[d->n++], c, peer, why);
    else
        d->dropped++;
    pthread_mutex_unlock(&d->lock);
    metric_add(METRIC_calls_denied, 0, 1);
    if (!room)
        metric_add(METRIC_denials_dropped, 0, 1);
}

/* ---- The job ---- */

static struct status add(struct ctx *c, const char *action, const AuditDenial *what)
{
    struct event e = { AGENT_TYPE_UNSPECIFIED, "gate", action, "", "", "", pb_pack(c->arena, what) };
    if (!e.payload.p)
        return fail_memory();
    event_add(c, &e);
    return ok();
}

/* As the denied call would have left it. */
static struct status add_denial(struct ctx *c, const struct denial *d)
{
    struct ctx as = *c;
    AuditDenial what = AUDIT_DENIAL_INIT;
    as.workspace = arena_dup(c->arena, str_of(d->workspace));
    as.principal = arena_dup(c->arena, str_of(d->principal));
    as.trace_id = d->trace_id;
    as.method = d->method;
    as.now_us = d->time_us;
    what.code = d->code;
    what.reason = (char *)reason_name((enum reason)d->reason);
    what.peer = (char *)d->peer;
    return as.workspace && as.principal ? add(&as, "call.denied", &what) : fail_memory();
}

static struct status add_dropped(struct ctx *c, int64_t n)
{
    struct ctx as = *c;
    AuditDenial what = AUDIT_DENIAL_INIT;
    as.workspace = "default";
    what.dropped = n;
    return n ? add(&as, "call.denials_dropped", &what) : ok();
}

static void written(struct ctx *c)
{
    struct denied *d = c->app->denied;
    pthread_mutex_lock(&d->lock);
    memmove(d->waiting, d->waiting + d->writing, (d->n - d->writing) * sizeof d->waiting[0]);
    d->n -= d->writing;
    d->dropped -= d->writing_dropped;
    pthread_mutex_unlock(&d->lock);
}

struct status denied_write(struct ctx *c)
{
    struct denied *d = c->app->denied;
    db_reach_all(c);
    pthread_mutex_lock(&d->lock);
    d->writing = d->n;
    d->writing_dropped = d->dropped;
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < d->writing; i++) /* nobody else moves those */
        TRY(add_denial(c, &d->waiting[i]));
    TRY(add_dropped(c, d->writing_dropped));
    c->after_commit = written;
    return ok();
}
