/* TestRoutingPolicy: who would move. The newest decisions are decided again with their own inputs, model and
 * engagement axis, but by the policy tried, and what came out then is held against what would come out. */
#include "agents/record/aside.h"
#include "agents/record/decisions.h"
#include "agents/triage/fields.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"
#include "base/ids.h"

#include <stdio.h>
#include <stdlib.h>

#define SAMPLE_DEFAULT 1000
#define SAMPLE_MAX 10000
#define SEGMENTS_MAX 100
#define STEP 100
#define STEP_BUDGET ((size_t)256 * 1024 * 1024)

/* One kind of move, counted. */
struct counted {
    RoutingMove *move;
    struct counted *next; /* in its bucket */
};

#define BUCKETS 4096u

struct trial {
    struct ctx *c;
    const struct route_policy *policy;
    struct str segment_field;
    size_t wanted;
    char before[64];
    bool ended;
    struct counted *buckets[BUCKETS];
    RoutingMove **moves;
    size_t n_moves;
    TestRoutingPolicyResponse *res;
};

/* ---- Counting ---- */

static bool same_move(const RoutingMove *m, const RoutingMove *k, struct str segment)
{
    return m->from_category == k->from_category && m->from_abstained == k->from_abstained &&
           m->to_category == k->to_category && m->to_abstained == k->to_abstained &&
           str_eq(str_of(m->segment), segment);
}

static struct status count(struct trial *t, struct str segment, const RoutingMove *kind)
{
    uint64_t seed = (uint64_t)kind->from_category << 16 | (uint64_t)kind->to_category << 8 |
                    (uint64_t)kind->from_abstained << 1 | (uint64_t)kind->to_abstained;
    struct counted **at = &t->buckets[hash64(segment, seed) & (BUCKETS - 1)];
    for (struct counted *e = *at; e; e = e->next)
        if (same_move(e->move, kind, segment)) {
            e->move->count++;
            return ok();
        }
    struct counted *e = ARENA_NEW(t->c->arena, struct counted);
    if (!e || !(e->move = PB_NEW(t->c->arena, RoutingMove)))
        return fail_memory();
    *e->move = *kind;
    e->move->segment = pb_str(t->c->arena, segment);
    e->move->count = 1;
    e->next = *at;
    *at = e;
    t->moves[t->n_moves++] = e->move;
    return e->move->segment ? ok() : fail_memory();
}

static struct status count_move(struct trial *t, const Decision *then, const Decision *now,
                                const struct decide_inputs *in)
{
    RoutingMove kind = ROUTING_MOVE_INIT;
    kind.from_category = then->category;
    kind.from_abstained = then->abstained;
    kind.to_category = now->category;
    kind.to_abstained = now->abstained;
    t->res->sample_count++;
    t->res->moved_count += then->category != now->category || then->abstained != now->abstained;
    TRY(count(t, str_make("", 0), &kind));
    struct str segment =
        t->segment_field.n ? field_text(in->fields, in->n, t->segment_field) : str_make("", 0);
    return segment.n ? count(t, segment, &kind) : ok();
}

/* ---- Deciding again ---- */

static struct status try_one(struct trial *t, struct ctx *reader, struct listed_decision *l)
{
    struct decide_inputs in;
    struct decide_with with;
    Decision *d = l->decision, *now;
    TRY(decision_open(reader, l));
    struct status s = scores_of_decision(reader, d, &with);
    if (is_ok(s))
        s = inputs_of_decision(reader, d, &in);
    if (s.reason == REASON_REPLAY_IMPOSSIBLE)
        return ok(); /* not counted: sample_count says so */
    TRY(s);
    with.policy = t->policy;
    TRY(decide(reader->arena, &in, &with, &now));
    return count_move(t, d, now, &in);
}

static struct status try_step(struct trial *t, struct ctx *reader)
{
    struct decision_list list;
    size_t step = MIN(STEP, t->wanted);
    TRY(decisions_before(reader, t->before, step, &list));
    for (size_t i = 0; i < list.n; i++)
        TRY(try_one(t, reader, &list.at[i]));
    t->wanted -= list.n;
    t->ended = list.n < step || t->wanted == 0;
    if (list.n)
        snprintf(t->before, sizeof t->before, "%s", list.at[list.n - 1].id);
    return ok();
}

static struct status try_all(struct trial *t)
{
    while (!t->ended) {
        struct aside own;
        aside_begin(&own, t->c, STEP_BUDGET);
        TRY(aside_end(&own, t->c, try_step(t, &own.ctx)));
    }
    return ok();
}

/* ---- The answer ---- */

/* The total first, then segments by name; in each the most frequent move first. */
static int in_order(const void *a, const void *b)
{
    const RoutingMove *x = *(RoutingMove *const *)a, *y = *(RoutingMove *const *)b;
    int by_segment = strcmp(x->segment, y->segment);
    return by_segment ? by_segment : (x->count < y->count) - (x->count > y->count);
}

struct segment {
    size_t first, n; /* of its moves */
    int64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : (x->first > y->first) - (x->first < y->first);
}

/* Where each segment starts, the largest first; the total is the first of all. */
static size_t group(const struct trial *t, struct segment *to)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_moves; i++) {
        if (i == 0 || strcmp(t->moves[i]->segment, t->moves[i - 1]->segment)) {
            struct segment fresh = { i, 0, 0 };
            to[n++] = fresh;
        }
        to[n - 1].n++;
        to[n - 1].count += t->moves[i]->count;
    }
    if (n > 1)
        qsort(to + 1, n - 1, sizeof *to, by_count);
    return n;
}

static struct status answer(struct trial *t)
{
    struct segment *segments = ARENA_ARRAY(t->c->arena, t->n_moves + 1, struct segment);
    t->res->moves = ARENA_ARRAY(t->c->arena, t->n_moves + 1, RoutingMove *);
    if (!segments || !t->res->moves)
        return fail_memory();
    qsort(t->moves, t->n_moves, sizeof *t->moves, in_order);
    size_t n = MIN(group(t, segments), 1 + SEGMENTS_MAX);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < segments[i].n; k++)
            t->res->moves[t->res->n_moves++] = t->moves[segments[i].first + k];
    return ok();
}

static struct status check_request(struct ctx *c, const TestRoutingPolicyRequest *req)
{
    if (!req->routing_policy)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "routing_policy", "must be given");
    if (req->sample_size < 0 || req->sample_size > SAMPLE_MAX)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "sample_size", "must be 1 to %d, or 0 for %d",
                          SAMPLE_MAX, SAMPLE_DEFAULT);
    return ok();
}

static struct status compile_tried(struct ctx *c, const RoutingPolicy *from, const struct route_policy **ret)
{
    struct route_policy *p;
    TRY(route_compile(c->arena, from, "routing_policy", &p));
    return policy_hold(c, p, ret);
}

struct status test_routing_policy(struct ctx *c, const TestRoutingPolicyRequest *req,
                                  TestRoutingPolicyResponse *res)
{
    TRY(check_request(c, req));
    struct trial *t = ARENA_NEW(c->arena, struct trial);
    if (!t)
        return fail_memory();
    t->c = c;
    t->res = res;
    t->segment_field = str_of(req->segment_field);
    t->wanted = req->sample_size ? (size_t)req->sample_size : SAMPLE_DEFAULT;
    t->moves = ARENA_ARRAY(c->arena, 2 * t->wanted, RoutingMove *);
    if (!t->moves)
        return fail_memory();
    TRY(compile_tried(c, req->routing_policy, &t->policy));
    TRY(try_all(t));
    return answer(t);
}
