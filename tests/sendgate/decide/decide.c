/* Answers the send gate for tests/sendgate: one request a line of standard input, one answer a line.
 * `d` and the facts, all numbers but the zones and the purposes, in the order of read_facts; or `z ZONE
 * SECONDS`. */
#include "agents/engage/gate/gate.h"
#include "agents/engage/gate/zones.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE (1 << 16)
#define MOST 512 /* of anything */

struct request {
    struct gate_facts f;
    struct gate_policy policy;
    struct gate_purpose rules;
    struct gate_cap caps[MOST];
    struct gate_quiet quiet[MOST];
    struct gate_consent consents[MOST];
    struct gate_suppression suppressions[MOST];
    struct gate_send sends[MOST];
    struct gate_pending pending[MOST];
    const struct zone *zones[MOST];
};

static char *at; /* the rest of the line */
static struct zones *known;

static const char *word(void)
{
    char *start = at;
    while (*at && *at != ' ' && *at != '\n')
        at++;
    if (*at)
        *at++ = 0;
    return start;
}

static int64_t number(void)
{
    int64_t v = 0;
    if (!str_to_i64(str_of(word()), &v))
        abort();
    return v;
}

static size_t count(void)
{
    int64_t n = number();
    if (n < 0 || n > MOST)
        abort();
    return (size_t)n;
}

/* "-" stands for the empty text. */
static const char *text(void)
{
    const char *w = word();
    return strcmp(w, "-") ? w : "";
}

static const struct zone *zone(void)
{
    const struct zone *z = zones_find(known, str_of(word()));
    if (!z)
        abort();
    return z;
}

static void read_policy(struct request *r)
{
    struct gate_policy *p = &r->policy;
    p->paused = number();
    p->max_media = (uint32_t)number();
    p->media_window_us = number();
    p->hold_out_below = (uint64_t)number();
    p->caps = r->caps;
    p->n_caps = count();
    for (size_t i = 0; i < p->n_caps; i++) {
        r->caps[i].medium = (int)number();
        r->caps[i].window_us = number();
        r->caps[i].limit = (uint32_t)number();
    }
    p->quiet = r->quiet;
    p->n_quiet = count();
    for (size_t i = 0; i < p->n_quiet; i++) {
        r->quiet[i].start = (int32_t)number();
        r->quiet[i].end = (int32_t)number();
        r->quiet[i].days = (uint8_t)number();
    }
}

static void read_rules(struct request *r)
{
    bool there = number();
    r->rules.consent = number();
    r->rules.owner = number();
    r->rules.hold_out = number();
    r->rules.quiet_hours = number();
    r->rules.caps = number();
    r->f.rules = there ? &r->rules : NULL;
}

static void read_permissions(struct request *r)
{
    struct gate_facts *f = &r->f;
    f->n_consents = count();
    for (size_t i = 0; i < f->n_consents; i++) {
        struct gate_consent *c = &r->consents[i];
        c->purpose = text();
        c->medium = (int)number();
        c->state = (enum gate_consent_state)number();
        c->time_us = number();
        c->until_us = number();
    }
    f->n_suppressions = count();
    for (size_t i = 0; i < f->n_suppressions; i++) {
        struct gate_suppression *s = &r->suppressions[i];
        s->cause = (enum gate_cause)number();
        s->purpose = text();
        s->medium = (int)number();
        s->time_us = number();
    }
}

static void read_messages(struct request *r)
{
    struct gate_facts *f = &r->f;
    f->n_sends = count();
    for (size_t i = 0; i < f->n_sends; i++) {
        r->sends[i].time_us = number();
        r->sends[i].medium = (int)number();
    }
    f->n_pending = count();
    for (size_t i = 0; i < f->n_pending; i++) {
        r->pending[i].due_us = number();
        r->pending[i].medium = (int)number();
        r->pending[i].priority = (int)number();
    }
}

static void read_facts(struct request *r)
{
    struct gate_facts *f = &r->f;
    f->policy = &r->policy;
    f->zones = r->zones;
    f->consents = r->consents;
    f->suppressions = r->suppressions;
    f->sends = r->sends;
    f->pending = r->pending;
    f->now_us = number();
    f->purpose = text();
    f->medium = (int)number();
    f->priority = (int)number();
    f->expire_us = number();
    f->has_address = number();
    f->owned = number();
    f->hold_out_point = (uint64_t)number();
    f->n_zones = count();
    for (size_t i = 0; i < f->n_zones; i++)
        r->zones[i] = zone();
    read_policy(r);
    read_rules(r);
    read_permissions(r);
    read_messages(r);
}

static void answer(struct request *r)
{
    struct gate_decision d;
    read_facts(r);
    gate_decide(&r->f, &d);
    printf("%d %d %lld", d.answer, d.decided_by, (long long)d.next_us);
    for (int i = 0; i < GATE_NAMES; i++)
        printf(" %d %lld", d.lines[i].answer, (long long)d.lines[i].until_us);
    putchar('\n');
}

static void answer_zone(void)
{
    const struct zone *z = zone();
    struct zone_span s = zone_at(z, number());
    printf("%d %lld\n", s.offset, (long long)s.until);
}

int main(void)
{
    static struct request r;
    static char line[LINE];
    struct arena a;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    arena_init(&a, 4 << 20);
    if (!is_ok(zones_open(ZONES_FOLDER, &a, &known)))
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        at = line;
        if (*word() == 'z')
            answer_zone();
        else
            answer(&r);
    }
    zones_close(known);
    arena_done(&a);
    return 0;
}
