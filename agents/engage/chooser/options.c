/* What may be chosen. */
#include "agents/engage/channel/channel.h"
#include "agents/engage/chooser/chooser_private.h"
#include "agents/engage/template/templates.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define HOUR 3600
#define HOURS_MAX 24

/* ---- Checking ---- */

void options_check(struct checks *k, const char *parent, SendOption *const *options, size_t n)
{
    if (n > CHOOSER_OPTIONS_MAX) {
        check_fail(k, REASON_FIELD_TOO_LONG, parent, "options", "at most %d", CHOOSER_OPTIONS_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *fault = option_fault(k->a, options, i), *field = arena_printf(k->a, "options[%zu]", i);
        if (fault)
            check_fail(k, REASON_FIELD_INVALID, parent, field ? field : "options", "%s", fault);
    }
}

/* ---- Ways ---- */

/* What the gate knows of the way; asked once for each purpose and medium. */
static struct status ask_gate(struct ctx *c, const struct choosing *what, const Choice *choice, size_t i,
                              struct way *ways, const char **ret_obstacle, const Contact **ret_contact)
{
    struct gate_result *g;
    const struct gate_request r = { ways[i].purpose, choice->options[i]->medium, what->priority,
                                    what->from_us, what->expire_us };
    for (size_t k = 0; k < i; k++)
        if (ways[k].facts && ways[k].facts->medium == (int)r.medium &&
            strcmp(ways[k].purpose, r.purpose) == 0) {
            ways[i].facts = ways[k].facts;
            *ret_obstacle = choice->options[k]->obstacle;
            return ok();
        }
    TRY(gate_check(c, &r, what->lead, &g));
    ways[i].facts = g->facts;
    *ret_contact = g->contact.contact;
    bool may = g->decision.answer == GATE_PASS ||
               (g->decision.answer == GATE_DEFER && g->decision.next_us != GATE_NEVER);
    *ret_obstacle = may ? "" : g->reason;
    return ok();
}

static struct status look_at(struct ctx *c, const struct choosing *what, Choice *choice, size_t i,
                             struct way *ways, const Contact **ret_contact)
{
    Choice__Option *o = choice->options[i];
    struct channel_row channel;
    const Template *t;
    const char *obstacle = "";
    TRY(template_in_service(c, level_of_template(o->template_), &t));
    TRY(channel_for(c, o->medium, &channel));
    ways[i] = (struct way){ t ? t->purpose : "", NULL };
    if (!t)
        obstacle = "the template is not in service";
    else if (!template_speaks(t, o->medium))
        obstacle = "the template has no part for the medium";
    else if (!channel.channel)
        obstacle = "no channel in service reaches by the medium";
    else
        TRY(ask_gate(c, what, choice, i, ways, &obstacle, ret_contact));
    o->obstacle = (char *)obstacle;
    o->feasible = !*obstacle;
    return ok();
}

struct status options_look(struct ctx *c, const struct choosing *what, Choice *choice, struct way *ret_ways,
                           const Contact **ret_contact)
{
    choice->options = ARENA_ARRAY(c->arena, what->n, Choice__Option *);
    if (!choice->options)
        return fail_memory();
    for (size_t i = 0; i < what->n; i++) {
        Choice__Option *o = PB_NEW(c->arena, Choice__Option);
        if (!o)
            return fail_memory();
        o->template_ = what->options[i]->template_;
        o->medium = what->options[i]->medium;
        choice->options[choice->n_options++] = o;
        TRY(look_at(c, what, choice, i, ret_ways, ret_contact));
    }
    return ok();
}

/* ---- Hours ---- */

/* What a clock at the lead's shows, in seconds. */
static int64_t local(const struct gate_facts *f, int64_t us)
{
    int64_t s = us / US_PER_SECOND;
    return s + zone_at(f->zones[0], s).offset;
}

int hour_of(const struct gate_facts *f, int64_t us)
{
    return (int)(local(f, us) / HOUR % 24);
}

static bool lets_go(const struct gate_facts *f, int64_t us)
{
    struct gate_facts then = *f;
    struct gate_decision d;
    then.now_us = us;
    gate_decide(&then, &d);
    return d.answer == GATE_PASS;
}

static struct status add_hour(struct ctx *c, const struct gate_facts *f, int64_t us, Choice *choice)
{
    Choice__Hour *h = PB_NEW(c->arena, Choice__Hour);
    if (!h)
        return fail_memory();
    h->send_time = time_message(c->arena, us);
    h->local_hour = hour_of(f, us);
    choice->hours[choice->n_hours++] = h;
    return h->send_time ? ok() : fail_memory();
}

struct status hours_look(struct ctx *c, const struct choosing *what, const struct way *way, Choice *choice)
{
    choice->hours = ARENA_ARRAY(c->arena, HOURS_MAX, Choice__Hour *);
    if (!choice->hours)
        return fail_memory();
    for (int64_t us = what->from_us; us < what->from_us + US_PER_DAY && choice->n_hours < HOURS_MAX;) {
        if (lets_go(way->facts, us))
            TRY(add_hour(c, way->facts, us, choice));
        us = (us / US_PER_SECOND + HOUR - local(way->facts, us) % HOUR) * US_PER_SECOND;
    }
    return ok();
}
