/* The queue is a stack: a submitter swaps its unit in as the head, the thread takes the whole chain at once
 * and turns it round. The head also says what the thread is doing (SLEEPING, CLOSED), so that a submitter
 * makes a system call only where there is somebody to wake, and nothing can be queued behind the thread's
 * back when it ends. */
#include "store/committer.h"

#include "base/clock.h"
#include "base/fault.h"
#include "store/backend.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define GROUP_UNITS 1024
#define GROUP_BYTES (8u << 20)

struct committer {
    struct db *db;
    size_t limit;
    _Atomic(struct unit *) head;  /* newest first, or one of the marks */
    struct unit sleeping, closed; /* marks: only their addresses are used */
    _Atomic size_t queued;
    _Atomic bool stopping;
    sem_t wake;
    pthread_t thread;
    struct unit *todo; /* the thread's: oldest first */
    _Atomic uint64_t units, groups, failed_units, redone_groups, commit_us;
    pthread_mutex_t news_lock; /* over the rest */
    void (*on_news)(void *arg);
    void *news_arg;
};

static bool is_mark(const struct committer *c, const struct unit *u)
{
    return u == &c->sleeping || u == &c->closed;
}

/* Puts the chain, newest first, behind what is to do. */
static void take_chain(struct committer *c, struct unit *chain)
{
    struct unit *oldest_first = NULL, **tail = &c->todo;
    while (chain) {
        struct unit *next = chain->next;
        chain->next = oldest_first;
        oldest_first = chain;
        chain = next;
    }
    while (*tail)
        tail = &(*tail)->next;
    *tail = oldest_first;
}

static bool mark_if_empty(struct committer *c, struct unit *mark)
{
    struct unit *none = NULL;
    return atomic_compare_exchange_strong(&c->head, &none, mark);
}

/* False when there is nothing to do and never will be. */
static bool wait_for_units(struct committer *c)
{
    for (;;) {
        struct unit *chain = atomic_exchange(&c->head, NULL);
        take_chain(c, is_mark(c, chain) ? NULL : chain);
        if (c->todo)
            return true;
        if (atomic_load(&c->stopping)) {
            if (mark_if_empty(c, &c->closed))
                return false;
        } else if (mark_if_empty(c, &c->sleeping)) {
            while (sem_wait(&c->wake) && errno == EINTR)
                ;
        }
    }
}

static size_t take_group(struct committer *c, struct unit **group)
{
    size_t n = 0, bytes = 0;
    while (c->todo && n < GROUP_UNITS && (n == 0 || bytes + c->todo->bytes <= GROUP_BYTES)) {
        bytes += c->todo->bytes;
        group[n++] = c->todo;
        c->todo = c->todo->next;
    }
    return n;
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

/* Its own fault, not the database's: the group was run again for it. */
static bool failed_alone(struct status s)
{
    return !is_ok(s) && s.reason != REASON_STORE_UNAVAILABLE && s.reason != REASON_STORE_FULL &&
           s.reason != REASON_COMMIT_UNKNOWN;
}

static void tell_news(struct committer *c)
{
    pthread_mutex_lock(&c->news_lock);
    if (c->on_news)
        c->on_news(c->news_arg);
    pthread_mutex_unlock(&c->news_lock);
}

static void write_group(struct committer *c, struct unit **group, size_t n)
{
    int64_t start = clock_mono_us();
    if (FAULT(store_before_write))
        units_fail(group, n, REASON_STORE_UNAVAILABLE, "fault store_before_write");
    else
        c->db->ops->write(c->db, group, n);
    if (FAULT(store_after_commit))
        units_fail(group, n, REASON_COMMIT_UNKNOWN, "fault store_after_commit");
    count(&c->commit_us, (uint64_t)(clock_mono_us() - start));
    size_t failed = 0;
    bool redone = false, news = false;
    for (size_t i = 0; i < n; i++) {
        failed += !is_ok(group[i]->outcome);
        redone |= n > 1 && failed_alone(group[i]->outcome);
        news |= group[i]->news && is_ok(group[i]->outcome);
    }
    count(&c->units, n);
    count(&c->groups, 1);
    count(&c->failed_units, failed);
    count(&c->redone_groups, redone);
    atomic_fetch_sub(&c->queued, n);
    for (size_t i = 0; i < n; i++)
        group[i]->done(group[i], group[i]->arg); /* may reuse the unit's memory */
    if (news)
        tell_news(c);
}

static void *committer_thread(void *arg)
{
    struct committer *c = arg;
    struct unit *group[GROUP_UNITS];
    while (wait_for_units(c)) {
        write_group(c, group, take_group(c, group));
        c->db->ops->upkeep(c->db);
    }
    return NULL;
}

struct status committer_start(struct db *db, size_t queue_limit, struct arena *a, struct committer **ret)
{
    struct committer *c = ARENA_NEW(a, struct committer);
    if (!c)
        return fail_memory();
    c->db = db;
    c->limit = queue_limit;
    pthread_mutex_init(&c->news_lock, NULL);
    if (sem_init(&c->wake, 0, 0) || pthread_create(&c->thread, NULL, committer_thread, c))
        return fail(NULL, REASON_STORE_UNAVAILABLE, "the committer thread cannot be started");
    pthread_setname_np(c->thread, "committer");
    *ret = c;
    return ok();
}

void committer_stop(struct committer *c)
{
    if (!c || atomic_exchange(&c->stopping, true))
        return;
    sem_post(&c->wake);
    pthread_join(c->thread, NULL);
    /* The semaphore stays: a submitter may be on its way to post it. */
}

/* Puts a chain into the queue. False when the thread has ended; the chain then ends where it did. */
static bool push(struct committer *c, struct unit *newest, struct unit *oldest)
{
    struct unit *head = atomic_load(&c->head);
    do {
        if (head == &c->closed) {
            oldest->next = NULL;
            return false;
        }
        oldest->next = head == &c->sleeping ? NULL : head;
    } while (!atomic_compare_exchange_weak(&c->head, &head, newest));
    if (head == &c->sleeping)
        sem_post(&c->wake);
    return true;
}

static struct status draining(void)
{
    return fail(NULL, REASON_DRAINING, "this server takes no more writes");
}

/* Takes a place in the queue for it. */
static struct status reserve(struct committer *c, const struct unit *u)
{
    ASSERT(u->done && u->workspace && *u->workspace);
    if (u->arena->overflow)
        return fail_memory();
    if (atomic_load_explicit(&c->stopping, memory_order_relaxed))
        return draining();
    if (atomic_fetch_add(&c->queued, 1) < c->limit)
        return ok();
    atomic_fetch_sub(&c->queued, 1);
    return fail(NULL, REASON_OVERLOADED, "the queue of writes is full");
}

struct status committer_submit(struct committer *c, struct unit *u)
{
    TRY(reserve(c, u));
    if (push(c, u, u))
        return ok();
    atomic_fetch_sub(&c->queued, 1);
    return draining();
}

static void refuse(struct unit *u, struct status s)
{
    u->outcome = s;
    u->done(u, u->arg); /* may reuse the unit's memory */
}

void committer_submit_chain(struct committer *c, struct unit *newest)
{
    struct unit *taken = NULL, **tail = &taken, *oldest = NULL, *next;
    for (struct unit *u = newest; u; u = next) {
        next = u->next;
        struct status s = reserve(c, u);
        if (!is_ok(s)) {
            refuse(u, s);
            continue;
        }
        *tail = oldest = u;
        tail = &u->next;
    }
    *tail = NULL;
    if (!taken || push(c, taken, oldest))
        return;
    for (struct unit *u = taken; u; u = next) {
        next = u->next;
        atomic_fetch_sub(&c->queued, 1);
        refuse(u, draining());
    }
}

static void post(struct unit *u, void *arg)
{
    sem_post(arg);
}

size_t committer_run_all(struct committer *c, struct unit *units, size_t n)
{
    sem_t done;
    size_t waiting = 0, durable = 0;
    sem_init(&done, 0, 0);
    for (size_t i = 0; i < n; i++) {
        units[i].done = post;
        units[i].arg = &done;
        struct status s = committer_submit(c, &units[i]);
        if (is_ok(s))
            waiting++; /* its outcome may be there already */
        else
            units[i].outcome = s;
    }
    for (; waiting; waiting--)
        while (sem_wait(&done) && errno == EINTR)
            ;
    for (size_t i = 0; i < n; i++)
        durable += is_ok(units[i].outcome);
    sem_destroy(&done);
    return durable;
}

struct status committer_run(struct committer *c, struct unit *u)
{
    committer_run_all(c, u, 1);
    return u->outcome;
}

void committer_on_news(struct committer *c, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&c->news_lock);
    c->on_news = fn;
    c->news_arg = arg;
    pthread_mutex_unlock(&c->news_lock);
}

void committer_stats(struct committer *c, struct committer_stats *ret)
{
    ret->units = atomic_load_explicit(&c->units, memory_order_relaxed);
    ret->groups = atomic_load_explicit(&c->groups, memory_order_relaxed);
    ret->failed_units = atomic_load_explicit(&c->failed_units, memory_order_relaxed);
    ret->redone_groups = atomic_load_explicit(&c->redone_groups, memory_order_relaxed);
    ret->queued = atomic_load_explicit(&c->queued, memory_order_relaxed);
    ret->commit_us_total = atomic_load_explicit(&c->commit_us, memory_order_relaxed);
}
