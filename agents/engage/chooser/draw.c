/* The choice itself: what is believed of each level goes in, propensities come out. */
#include "agents/engage/chooser/chooser_private.h"
#include "agents/record/times.h"

/* What is drawn from. */
struct urn {
    struct bandit_guess *guesses;
    struct bandit_option *options;
    size_t *places; /* of each option in the message */
    double *propensities;
    size_t n;
};

static struct status urn_open(struct arena *a, const ChoiceInputs *in, size_t most, struct urn *ret)
{
    *ret = (struct urn){ ARENA_ARRAY(a, in->n_levels, struct bandit_guess),
                         ARENA_ARRAY(a, most, struct bandit_option), ARENA_ARRAY(a, most, size_t),
                         ARENA_ARRAY(a, most, double), 0 };
    if (!ret->guesses || !ret->options || !ret->places || !ret->propensities)
        return fail_memory();
    for (size_t i = 0; i < in->n_levels; i++)
        ret->guesses[i] = (struct bandit_guess){ in->levels[i]->mean, in->levels[i]->deviation };
    return ok();
}

static struct status add_level(const ChoiceInputs *in, ChooserFactor factor, const char *name,
                               struct bandit_option *to)
{
    for (size_t i = 0; i < in->n_levels; i++)
        if (in->levels[i]->factor == factor && strcmp(in->levels[i]->level, name) == 0) {
            to->levels[to->n_levels++] = (uint32_t)i;
            return ok();
        }
    return fail(NULL, REASON_INTERNAL, "a choice lacks a level of its options");
}

struct status draw_option(struct arena *a, const ChoiceInputs *in, Choice *choice)
{
    struct urn u;
    size_t at;
    TRY(urn_open(a, in, choice->n_options, &u));
    for (size_t i = 0; i < choice->n_options; i++) {
        const Choice__Option *o = choice->options[i];
        if (!o->feasible)
            continue;
        TRY(add_level(in, CHOOSER_FACTOR_TEMPLATE, level_of_template(o->template_), &u.options[u.n]));
        TRY(add_level(in, CHOOSER_FACTOR_MEDIUM, level_of_medium(o->medium), &u.options[u.n]));
        u.places[u.n++] = i;
    }
    TRY(bandit_choose(u.guesses, in->n_levels, u.options, u.n, choice->explore, choice->seed, a,
                      u.propensities, &at));
    for (size_t i = 0; i < u.n; i++)
        choice->options[u.places[i]]->propensity = u.propensities[i];
    choice->chosen_option = (int32_t)u.places[at];
    choice->propensity = u.propensities[at];
    return ok();
}

struct status draw_hour(struct arena *a, const ChoiceInputs *in, Choice *choice)
{
    struct urn u;
    size_t at;
    if (!choice->n_hours)
        return ok();
    TRY(urn_open(a, in, choice->n_hours, &u));
    for (; u.n < choice->n_hours; u.n++) {
        const char *name = level_of_hour(a, choice->hours[u.n]->local_hour);
        if (!name)
            return fail_memory();
        TRY(add_level(in, CHOOSER_FACTOR_HOUR, name, &u.options[u.n]));
    }
    TRY(bandit_choose(u.guesses, in->n_levels, u.options, u.n, choice->explore, choice->seed + 1, a,
                      u.propensities, &at));
    for (size_t i = 0; i < u.n; i++)
        choice->hours[i]->propensity = u.propensities[i];
    choice->chosen_hour = (int32_t)at;
    choice->propensity *= u.propensities[at];
    return ok();
}
