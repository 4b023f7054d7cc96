#include "agents/engage/delivery/hands.h"

#include "base/clock.h"
#include "base/ids.h"

#define LOOK_US (US_PER_SECOND / 10)
#define BACKLOG_US (US_PER_SECOND / 10)
#define TELL_US (US_PER_SECOND / 200) /* that a commit may be waited for to share it */
#define FIRST_GUESS_US 20000          /* how long an attempt takes, before there was one */
#define HAND_BYTES (16u << 20)
#define HAND_KEPT_BYTES (32u << 10) /* from one message to the next: most need no more */
#define CONTENDED_LOOKS 50
#define NEVER UINT64_MAX
#define PAUSE_US (US_PER_SECOND / 10)

/* ---- Opening and closing ---- */

void hands_open(struct hands *t, unsigned threads)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->room, &attr);
    pthread_cond_init(&t->work, &attr);
    pthread_cond_init(&t->told, &attr);
    pthread_condattr_destroy(&attr);
    t->threads = threads;
    t->attempt_us = FIRST_GUESS_US;
    t->last = &t->first;
    for (size_t i = 0; i < HANDS; i++) {
        t->all[i].hands = t;
        arena_init(&t->all[i].arena, HAND_BYTES);
        arena_keep(&t->all[i].arena, HAND_KEPT_BYTES);
    }
}

void hands_close(struct hands *t)
{
    for (size_t i = 0; i < HANDS; i++)
        arena_done(&t->all[i].arena);
    pthread_cond_destroy(&t->room);
    pthread_cond_destroy(&t->work);
    pthread_cond_destroy(&t->told);
    pthread_mutex_destroy(&t->lock);
}

void hands_stop(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->room);
    pthread_mutex_unlock(&t->lock);
}

void hands_end(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
}

/* The lock is held. Nothing is claimed any more, and no claim is on its way into the line. */
static bool is_over(const struct hands *t)
{
    return t->ending && t->claimed == 0;
}

/* The lock is held. */
static void move(struct hands *t, struct in_hand *h, enum in_hand_state to)
{
    bool waited = h->state == IN_HAND_FAILED || h->state == IN_HAND_UNTOLD;
    bool waits = to == IN_HAND_FAILED || to == IN_HAND_UNTOLD;
    t->waiting += (unsigned)waits - (unsigned)waited;
    t->claimed += (unsigned)(to == IN_HAND_CLAIMED) - (unsigned)(h->state == IN_HAND_CLAIMED);
    t->ready += (unsigned)(to == IN_HAND_READY) - (unsigned)(h->state == IN_HAND_READY);
    t->used += (unsigned)(h->state == IN_HAND_FREE) - (unsigned)(to == IN_HAND_FREE);
    h->state = to;
    t->places[h - t->all].freed = to == IN_HAND_FREE ? t->looks : NEVER;
    if (is_over(t))
        pthread_cond_broadcast(&t->work);
}

/* ---- Claiming ---- */

static void wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
    struct timespec t = { until_us / US_PER_SECOND, (until_us % US_PER_SECOND) * 1000 };
    pthread_cond_timedwait(cond, lock, &t);
}

/* The lock is held. Claims are made many at once: not before half of what may be in line is gone. */
static unsigned room(const struct hands *t)
{
    uint64_t line = t->idle + t->threads * (uint64_t)BACKLOG_US / (uint64_t)t->attempt_us;
    unsigned most = (unsigned)MIN(line, HANDS), there = t->ready + t->claimed;
    if (there > most / 2 || t->pause_mono_us > clock_mono_us())
        return 0;
    return MIN(MIN(most - there, HANDS - t->used), BATCH_MAX);
}

bool hands_wait(struct hands *t, bool more, unsigned *ret)
{
    int64_t until = clock_mono_us() + LOOK_US;
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && (!(t->woken || more) || room(t) == 0) && clock_mono_us() < until)
        wait_for(&t->room, &t->lock, until);
    *ret = room(t);
    t->woken &= *ret == 0;
    bool goes_on = !t->stopping;
    pthread_mutex_unlock(&t->lock);
    return goes_on;
}

/* The lock is held. */
static struct in_hand *free_hand(struct hands *t, uint64_t lead_key)
{
    size_t open = HANDS;
    for (size_t i = HANDS; i-- > 0;)
        if (t->places[i].freed < t->looks)
            open = i;
        else if (t->places[i].lead_key == lead_key)
            return NULL;
    if (open == HANDS)
        return NULL;
    t->places[open].lead_key = lead_key;
    return &t->all[open];
}

static void empty(struct in_hand *h)
{
    arena_reset(&h->arena);
    memset(&h->row, 0, sizeof h->row);
    memset(&h->channel, 0, sizeof h->channel);
    memset(&h->frozen, 0, sizeof h->frozen);
    memset(&h->sent, 0, sizeof h->sent);
    h->secrets = NULL;
    h->first = h->unbegun = h->sending = false;
    h->told = 0;
}

struct in_hand *hands_claim(struct hands *t, const char *workspace, const char *id, const char *lead)
{
    uint64_t key = hash64(str_of(lead), hash64(str_of(workspace), 0));
    if (strlen(workspace) >= IN_HAND_ID || strlen(id) >= IN_HAND_ID || strlen(lead) >= IN_HAND_ID)
        return NULL;
    pthread_mutex_lock(&t->lock);
    struct in_hand *h = free_hand(t, key);
    if (h)
        move(t, h, IN_HAND_CLAIMED);
    pthread_mutex_unlock(&t->lock);
    if (!h)
        return NULL;
    empty(h);
    memcpy(h->workspace, workspace, strlen(workspace) + 1);
    memcpy(h->id, id, strlen(id) + 1);
    memcpy(h->lead, lead, strlen(lead) + 1);
    return h;
}

void hands_mark(struct hands *t, const struct in_hand *h)
{
    marks_set(t->marks, (size_t)(h - t->all), h->workspace, h->id, h->row.next);
}

void hands_begin(struct hands *t, const struct in_hand *h)
{
    marks_take_away(t->marks, (size_t)(h - t->all));
}

void hands_failed(struct hands *t, bool conflict)
{
    pthread_mutex_lock(&t->lock);
    if (conflict)
        t->contended = CONTENDED_LOOKS;
    else
        t->pause_mono_us = clock_mono_us() + PAUSE_US;
    pthread_mutex_unlock(&t->lock);
}

bool hands_look(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    t->looks++;
    bool contended = t->contended > 0;
    t->contended -= contended;
    pthread_mutex_unlock(&t->lock);
    return contended;
}

unsigned hands_claimed(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    unsigned n = t->claimed;
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* ---- The line ---- */

void hands_ready(struct hands *t, struct in_hand *h)
{
    pthread_mutex_lock(&t->lock);
    move(t, h, IN_HAND_READY);
    h->next = NULL;
    *t->last = h;
    t->last = &h->next;
    if (t->idle)
        pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}

/* The lock is held. */
static void make_known_room(struct hands *t)
{
    if (room(t))
        pthread_cond_signal(&t->room);
}

struct in_hand *hands_next(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    t->idle++;
    while (!is_over(t) && !t->first) {
        make_known_room(t);
        pthread_cond_wait(&t->work, &t->lock);
    }
    t->idle--;
    struct in_hand *h = t->first;
    if (h) {
        t->first = h->next;
        if (!t->first)
            t->last = &t->first;
        move(t, h, IN_HAND_TAKEN);
        make_known_room(t);
    }
    pthread_mutex_unlock(&t->lock);
    return h;
}

void hands_attempted(struct hands *t, int64_t us)
{
    pthread_mutex_lock(&t->lock);
    t->attempt_us = MAX(t->attempt_us + (us - t->attempt_us) / 8, 1);
    pthread_mutex_unlock(&t->lock);
}

/* The lock is held. */
static struct unit *take_telling(struct hands *t)
{
    struct unit *all = t->telling;
    t->telling = NULL;
    t->n_telling = 0;
    return all;
}

struct unit *hands_tell(struct hands *t, struct in_hand *h)
{
    pthread_mutex_lock(&t->lock);
    move(t, h, IN_HAND_TELLING);
    h->unit.next = t->telling;
    t->telling = &h->unit;
    bool wait = t->first && ++t->n_telling * (uint64_t)t->attempt_us < t->threads * (uint64_t)TELL_US;
    struct unit *now = wait ? NULL : take_telling(t);
    pthread_mutex_unlock(&t->lock);
    return now;
}

struct unit *hands_telling(struct hands *t)
{
    pthread_mutex_lock(&t->lock);
    struct unit *all = take_telling(t);
    pthread_mutex_unlock(&t->lock);
    return all;
}

void hands_set(struct hands *t, struct in_hand *h, enum in_hand_state state)
{
    pthread_mutex_lock(&t->lock);
    move(t, h, state);
    if (state == IN_HAND_FREE) {
        t->woken |= t->ready == 0; /* the lead's next one may go */
        make_known_room(t);
        if (t->used == 0)
            pthread_cond_signal(&t->told);
    }
    pthread_mutex_unlock(&t->lock);
}

struct in_hand *hands_find(struct hands *t, enum in_hand_state from, enum in_hand_state to, int64_t now_us)
{
    struct in_hand *h = NULL;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; t->waiting && !h && i < HANDS; i++)
        if (t->all[i].state == from && t->all[i].again_us <= now_us)
            h = &t->all[i];
    if (h)
        move(t, h, to);
    pthread_mutex_unlock(&t->lock);
    return h;
}

bool hands_empty(struct hands *t, int64_t wait_us)
{
    pthread_mutex_lock(&t->lock);
    if (t->used)
        wait_for(&t->told, &t->lock, clock_mono_us() + wait_us);
    bool none = t->used == 0;
    pthread_mutex_unlock(&t->lock);
    return none;
}
