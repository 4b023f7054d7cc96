#include "agents/engage/chooser/chooser_private.h"
#include "agents/engage/chooser/chooser_sql.h"
#include "agents/record/decisions.h"
#include "agents/record/times.h"
#include "base/ids.h"

/* ---- What was believed ---- */

static bool is_noted(const ChoiceInputs *in, const struct level *l)
{
    for (size_t i = 0; i < in->n_levels; i++)
        if (in->levels[i]->factor == l->factor && strcmp(in->levels[i]->level, l->name) == 0)
            return true;
    return false;
}

static struct status note(struct ctx *c, struct levels *all, const struct bandit_context *x,
                          ChooserFactor factor, const char *name, ChoiceInputs *to)
{
    struct level *l;
    if (!name)
        return fail_memory();
    TRY(level_find(c, all, factor, name, &l));
    if (is_noted(to, l))
        return ok();
    const struct bandit_guess g = bandit_level_guess(l->state, x);
    ChoiceInputs__Level *n = PB_NEW(c->arena, ChoiceInputs__Level);
    if (!n)
        return fail_memory();
    n->factor = factor;
    n->level = (char *)name;
    n->version = l->version;
    n->mean = g.mean;
    n->deviation = g.deviation;
    to->levels[to->n_levels++] = n;
    return ok();
}

/* The levels of all feasible options, then those of all hours. */
static struct status note_levels(struct ctx *c, const struct choosing *what, const Choice *choice,
                                 ChoiceInputs *to)
{
    struct levels *all;
    struct bandit_context x;
    if (!features_context(to, &x))
        return fail(c->arena, REASON_INTERNAL, "a feature of a lead is not a number");
    TRY(levels_open(c, &all));
    to->levels = ARENA_ARRAY(c->arena, 2 * what->n + 24, ChoiceInputs__Level *);
    if (!to->levels)
        return fail_memory();
    for (size_t i = 0; i < choice->n_options; i++) {
        const Choice__Option *o = choice->options[i];
        if (!o->feasible)
            continue;
        TRY(note(c, all, &x, CHOOSER_FACTOR_TEMPLATE, level_of_template(o->template_), to));
        TRY(note(c, all, &x, CHOOSER_FACTOR_MEDIUM, level_of_medium(o->medium), to));
    }
    for (int h = 0; what->hour && h < 24; h++)
        TRY(note(c, all, &x, CHOOSER_FACTOR_HOUR, level_of_hour(c->arena, h), to));
    return ok();
}

/* ---- Choosing ---- */

static struct status new_decision(struct ctx *c, const struct choosing *what, Decision **ret)
{
    Decision *d = PB_NEW(c->arena, Decision);
    if (!d)
        return fail_memory();
    d->lead = what->lead->lead->name;
    d->kind = DECISION__KIND_CHOICE;
    d->code_version = (char *)c->app->code_version;
    d->inputs = PB_NEW(c->arena, DecisionInputs);
    d->choice = PB_NEW(c->arena, Choice);
    if (!d->inputs || !d->choice)
        return fail_memory();
    d->inputs->decide_time_micros = c->now_us;
    d->inputs->choice = PB_NEW(c->arena, ChoiceInputs);
    d->choice->explore = c->app->chooser_explore;
    random_pooled(&d->choice->seed, sizeof d->choice->seed);
    *ret = d;
    return d->inputs->choice ? decision_name(c, d) : fail_memory();
}

static size_t feasible(const Choice *choice)
{
    size_t n = 0;
    for (size_t i = 0; i < choice->n_options; i++)
        n += choice->options[i]->feasible;
    return n;
}

static struct status choose_hour(struct ctx *c, const struct choosing *what, const struct way *way,
                                 Decision *d, int64_t *ret_us)
{
    if (what->hour)
        TRY(hours_look(c, what, way, d->choice));
    TRY(draw_hour(c->arena, d->inputs->choice, d->choice));
    if (d->choice->n_hours)
        *ret_us = time_us(d->choice->hours[d->choice->chosen_hour]->send_time);
    d->choice->local_hour = hour_of(way->facts, *ret_us);
    return ok();
}

struct status choose(struct ctx *c, const struct choosing *what, struct chosen *ret)
{
    struct way ways[CHOOSER_OPTIONS_MAX];
    const Contact *contact = NULL;
    Decision *d = NULL;
    TRY(new_decision(c, what, &d));
    TRY(options_look(c, what, d->choice, ways, &contact));
    *ret = (struct chosen){ what->options[0], ways[0].purpose, what->from_us, NULL };
    if (!feasible(d->choice))
        return ok();
    TRY(features_of(c, what->lead, contact, d->inputs->choice));
    TRY(note_levels(c, what, d->choice, d->inputs->choice));
    TRY(draw_option(c->arena, d->inputs->choice, d->choice));
    size_t at = (size_t)d->choice->chosen_option;
    TRY(choose_hour(c, what, &ways[at], d, &ret->send_us));
    ret->option = what->options[at];
    ret->purpose = ways[at].purpose;
    ret->decision = d;
    d->reason =
        arena_printf(c->arena, "chosen from %zu ways and %zu hours", feasible(d->choice), d->choice->n_hours);
    return d->reason ? ok() : fail_memory();
}

struct status choice_keep(struct ctx *c, const struct lead_row *lead, const struct chosen *chosen,
                          const Message *m)
{
    const Decision *d = chosen->decision;
    lead_keep_key(c, lead);
    TRY(decision_add(c, lead, d));
    UNIT_ADD(c->unit, &chooser_sql[CHOICE_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(strchr(m->name, '/') + 1), v_text(lead->id), v_text(strchr(d->name, '/') + 1),
             v_int(chosen->send_us + c->app->chooser_window_us));
    return ok();
}

/* ---- Choosing again ---- */

/* A choice of the same options and hours, before the draws. */
static struct status undrawn(struct arena *a, const Choice *from, Choice **ret)
{
    struct str bytes = pb_pack(a, from);
    *ret = bytes.p ? PB_UNPACK(a, Choice, bytes) : NULL;
    if (!*ret)
        return fail_memory();
    for (size_t i = 0; i < (*ret)->n_options; i++)
        (*ret)->options[i]->propensity = 0;
    for (size_t i = 0; i < (*ret)->n_hours; i++)
        (*ret)->hours[i]->propensity = 0;
    (*ret)->chosen_option = (*ret)->chosen_hour = 0;
    (*ret)->propensity = 0;
    return ok();
}

struct status choose_again(struct ctx *c, const Decision *d, Decision **ret)
{
    Decision *again = PB_NEW(c->arena, Decision);
    if (!again)
        return fail_memory();
    if (!d->inputs || !d->inputs->choice || !d->choice)
        return fail(c->arena, REASON_REPLAY_IMPOSSIBLE,
                    "%s was stored without its inputs, or they were erased", d->name);
    *again = *d;
    TRY(undrawn(c->arena, d->choice, &again->choice));
    TRY(draw_option(c->arena, d->inputs->choice, again->choice));
    TRY(draw_hour(c->arena, d->inputs->choice, again->choice));
    *ret = again;
    return ok();
}
