#include "server/rpc/runtime.h"

#include "base/clock.h"

/* Client streams that go ahead (RPC_AHEAD). The item whose unit the committer has is in flight: its memory
 * and its unit are set aside, and the slot goes on with the next message. Before that one's step is settled
 * the flight is down; whoever comes second, the step's thread or the committer's, goes on. A flight that
 * failed takes the slot back and runs again as any item does, while what the slot was at is parked; then that
 * runs again too, since it was decided on what did not come about. */

#define KEPT 4 /* of the memory of a message, what is not given back between two: one in so many parts */

enum flight_state { ON_GROUND, IN_FLIGHT, LANDED, FAILED };
enum parked { NOTHING, A_READ, AN_ITEM, THE_FINISH };

/* One message's work. */
struct item {
    struct arena arena;
    struct arena_mark decoded;
    ProtobufCMessage *req;
    struct unit unit;
};

struct flight {
    struct slot *slot;
    pthread_mutex_t lock;
    enum flight_state state; /* under lock */
    bool awaited;            /* under lock: the slot rests until the flight is down */
    struct status status;    /* then its step is settled with this, */
    bool run;                /* or run (again) */
    struct item aside;       /* the one in flight; while that runs again, the one parked */
    enum parked parked;
};

static void release(void *p)
{
    struct flight *f = p;
    arena_done(&f->aside.arena);
    arena_keep(&f->slot->arena, 0);
    pthread_mutex_destroy(&f->lock);
    f->slot->flight = NULL;
}

struct status ahead_make(struct slot *s)
{
    struct flight *f = ARENA_NEW(&s->stream_arena, struct flight);
    if (!f || !arena_on_reset(&s->stream_arena, release, f))
        return fail_memory();
    pthread_mutex_init(&f->lock, NULL);
    arena_init(&f->aside.arena, s->arena.budget);
    arena_keep(&f->aside.arena, s->arena.budget / KEPT);
    arena_keep(&s->arena, s->arena.budget / KEPT);
    f->slot = s;
    s->flight = f;
    return ok();
}

static void swap(struct slot *s)
{
    struct item *aside = &s->flight->aside, mine = { s->arena, s->decoded, s->req, s->unit };
    s->arena = aside->arena;
    s->decoded = aside->decoded;
    s->req = aside->req;
    s->unit = aside->unit;
    *aside = mine;
    s->unit.arena = &s->arena;
    aside->unit.arena = &aside->arena;
}

static enum flight_state state_of(struct flight *f)
{
    pthread_mutex_lock(&f->lock);
    enum flight_state state = f->state;
    pthread_mutex_unlock(&f->lock);
    return state;
}

static void set_state(struct flight *f, enum flight_state state)
{
    pthread_mutex_lock(&f->lock);
    f->state = state;
    pthread_mutex_unlock(&f->lock);
}

/* ---- down again ---- */

static void park(struct slot *s, enum parked what)
{
    s->flight->parked = what;
    swap(s);
    s->phase = PHASE_ITEM;
    s->ctx.attempt = 0;
    call_recover(s);
}

/* True where nothing is in flight any more. Else the slot is no longer the caller's. */
static bool land(struct slot *s)
{
    struct flight *f = s->flight;
    pthread_mutex_lock(&f->lock);
    enum flight_state was = f->state;
    f->awaited = was == IN_FLIGHT;
    if (!f->awaited)
        f->state = ON_GROUND;
    pthread_mutex_unlock(&f->lock);
    if (was == LANDED)
        s->m->row->handler->committed(&s->ctx, s->state);
    if (was == FAILED)
        park(s, s->phase == PHASE_FINISH ? THE_FINISH : AN_ITEM);
    return was == ON_GROUND || was == LANDED;
}

static void run_again(struct slot *s)
{
    arena_rewind(&s->arena, s->decoded);
    call_resume(s);
}

/* The flight failed, and the slot may wait for its caller, who may wait for this item: then it is ours. */
static void leave_read(struct slot *s)
{
    while (state_of(s->flight) == FAILED && stream_claim(s, WAIT_READ)) {
        pthread_mutex_lock(&s->io_lock); /* the read's start has ended */
        pthread_mutex_unlock(&s->io_lock);
        if (state_of(s->flight) == FAILED) {
            set_state(s->flight, ON_GROUND);
            park(s, A_READ);
            return;
        }
        read_go_on(s, clock_mono_us()); /* that was an older flight */
    }
}

/* What came down while the wait was claimed found nobody to tell. */
void ahead_look(struct slot *s)
{
    if (s->flight)
        leave_read(s);
}

/* The step that waited for the flight. */
static void go_on(struct slot *s)
{
    s->on_committer = true;
    if (!land(s))
        return;
    if (s->flight->run)
        run_again(s);
    else
        call_settle(s, s->flight->status);
}

/* On the committer's thread. */
static void on_down(struct unit *u, void *arg)
{
    struct slot *s = arg;
    struct flight *f = s->flight;
    pthread_mutex_lock(&f->lock);
    f->state = is_ok(u->outcome) ? LANDED : FAILED;
    bool awaited = f->awaited;
    pthread_mutex_unlock(&f->lock);
    if (awaited)
        go_on(s);
    else
        leave_read(s);
    slot_unref(s); /* the flight's */
}

/* ---- the steps ---- */

bool ahead_may_run(struct slot *s)
{
    struct flight *f = s->flight;
    if (!f)
        return true;
    s->ctx.ahead = s->phase != PHASE_FINISH && state_of(f) == IN_FLIGHT;
    s->ctx.too_early = s->ctx.more = false;
    f->run = true;
    return s->ctx.ahead || land(s);
}

bool ahead_may_settle(struct slot *s, struct status st)
{
    struct flight *f = s->flight;
    if (!f)
        return true;
    bool too_early = s->ctx.too_early;
    f->status = st;
    f->run = too_early;
    if (!land(s))
        return false;
    if (too_early)
        run_again(s);
    return !too_early;
}

bool ahead_may_fly(const struct slot *s)
{
    return s->flight && s->phase != PHASE_FINISH && s->flight->parked == NOTHING;
}

struct status ahead_fly(struct slot *s)
{
    struct flight *f = s->flight;
    slot_ref(s); /* the flight's */
    slot_ref(s); /* ours */
    swap(s);
    f->aside.unit.done = on_down;
    set_state(f, IN_FLIGHT);
    struct status st = committer_submit(s->rpc->o.committer, &f->aside.unit);
    if (is_ok(st)) {
        item_next(s);
        leave_read(s);
    } else {
        set_state(f, ON_GROUND);
        swap(s);
        slot_unref(s);
    }
    slot_unref(s);
    return st;
}

bool ahead_unpark(struct slot *s)
{
    enum parked what = s->flight ? s->flight->parked : NOTHING;
    if (what == NOTHING)
        return false;
    s->flight->parked = NOTHING;
    if (what == A_READ) {
        read_go_on(s, clock_mono_us());
    } else if (what == THE_FINISH) {
        call_step(s, PHASE_FINISH);
    } else {
        swap(s);
        s->ctx.attempt = 0;
        run_again(s);
    }
    return true;
}
