/* Choices whose reward is known are folded into the levels that they were made of, each once: its row ends in
 * the commit that writes the levels, and each level states the version that it was read at. */
#include "agents/engage/chooser/chooser_private.h"
#include "agents/engage/chooser/chooser_sql.h"
#include "agents/engage/message/message.h"
#include "agents/record/aside.h"
#include "agents/record/decisions.h"
#include "agents/record/events.h"
#include "agents/record/task.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define AT_ONCE 100
#define ROUNDS 16
#define ROUND_BYTES (size_t)(64 * 1024 * 1024)

/* A choice that is due. */
struct due {
    const char *message_id;
    int64_t convert_us; /* 0: its lead did not */
};

/* ---- What became of it ---- */

enum verdict { WAIT, DROP, FOLD };

static bool is_gone(struct status s)
{
    return s.reason == REASON_MESSAGE_NOT_FOUND || s.reason == REASON_DECISION_NOT_FOUND;
}

/* Of a message that has left: what its lead did within the window counts. Opening does not: mail programs
 * open what nobody reads. Nothing is said before the window is over, of answers neither: answers come early
 * and silences never, and levels that learn sorted rewards end far from the truth (ml/bandit.h). *ret_us:
 * WAIT: until then. */
static enum verdict judge_sent(const struct ctx *c, const Message *m, const struct due *d, double *ret_reward,
                               int64_t *ret_us)
{
    const int64_t done[] = { time_us(m->click_time), time_us(m->reply_time), d->convert_us };
    int64_t sent = time_us(m->sent_time), end = sent + c->app->chooser_window_us;
    bool earned = false;
    for (size_t i = 0; i < COUNT(done); i++)
        earned |= done[i] >= sent && done[i] < end;
    *ret_us = end;
    *ret_reward = earned && !m->complaint_time;
    return c->now_us >= end ? FOLD : WAIT;
}

static enum verdict judge(const struct ctx *c, const Message *m, const struct due *d, double *ret_reward,
                          int64_t *ret_us)
{
    *ret_us = c->now_us + c->app->chooser_window_us;
    switch (m->state) {
    case MESSAGE__STATE_SENT:
        return judge_sent(c, m, d, ret_reward, ret_us);
    case MESSAGE__STATE_FAILED:
    case MESSAGE__STATE_CANCELLED:
    case MESSAGE__STATE_REFUSED:
        return DROP;
    default:
        return WAIT;
    }
}

/* ---- Folding ---- */

/* The levels that a choice was made of. */
static struct status levels_of(struct ctx *c, struct levels *all, const Choice *choice,
                               struct level *ret[BANDIT_FACTORS_MAX])
{
    const Choice__Option *o = choice->options[choice->chosen_option];
    const char *hour = level_of_hour(c->arena, choice->local_hour);
    if (!hour)
        return fail_memory();
    TRY(level_find(c, all, CHOOSER_FACTOR_COMMON, "", &ret[0]));
    TRY(level_find(c, all, CHOOSER_FACTOR_TEMPLATE, level_of_template(o->template_), &ret[1]));
    TRY(level_find(c, all, CHOOSER_FACTOR_MEDIUM, level_of_medium(o->medium), &ret[2]));
    return level_find(c, all, CHOOSER_FACTOR_HOUR, hour, &ret[3]);
}

static struct status announce(struct ctx *c, const Message *m, double reward)
{
    ChoiceReward told = CHOICE_REWARD_INIT;
    told.message = m->name;
    told.reward = reward;
    const struct event e = { AGENT_TYPE_ENGAGE,       "engage", "choice.rewarded", m->name, "", m->decision,
                             pb_pack(c->arena, &told) };
    if (!e.payload.p)
        return fail_memory();
    event_add(c, &e);
    return ok();
}

/* *ret_folded: false where the choice's inputs were erased, or are those of another build. */
static struct status fold(struct ctx *c, struct levels *all, const Message *m, double reward,
                          bool *ret_folded)
{
    struct level *levels[BANDIT_FACTORS_MAX];
    struct bandit_level *states[BANDIT_FACTORS_MAX];
    struct bandit_context x;
    Decision *d;
    TRY(decision_get(c, m->decision, &d));
    *ret_folded = d->choice && d->inputs && d->inputs->choice && features_context(d->inputs->choice, &x);
    if (!*ret_folded)
        return ok();
    TRY(levels_of(c, all, d->choice, levels));
    for (size_t i = 0; i < BANDIT_FACTORS_MAX; i++)
        states[i] = levels[i]->state;
    *ret_folded = bandit_learn(states, BANDIT_FACTORS_MAX, &x, reward);
    for (size_t i = 0; i < BANDIT_FACTORS_MAX; i++)
        levels[i]->learnt |= *ret_folded;
    return announce(c, m, reward);
}

/* ---- One after the other ---- */

static void end(struct ctx *c, const struct due *d, int64_t state)
{
    UNIT_ADD(c->unit, &chooser_sql[CHOICE_END], 1, REASON_CONFLICT, v_int(state), v_text(c->workspace),
             v_text(d->message_id), v_int(d->convert_us));
}

static struct status settle(struct ctx *c, struct levels *all, const struct due *d, bool *ret_folded)
{
    struct message_row row;
    double reward = 0;
    int64_t until = 0;
    const char *name = arena_printf(c->arena, "messages/%s", d->message_id);
    *ret_folded = false;
    if (!name)
        return fail_memory();
    TRY(message_load(c, name, &row));
    switch (judge(c, row.message, d, &reward, &until)) {
    case WAIT:
        UNIT_ADD(c->unit, &chooser_sql[CHOICE_WAIT], 1, REASON_CONFLICT, v_int(until), v_text(c->workspace),
                 v_text(d->message_id), v_int(d->convert_us));
        return ok();
    case DROP:
        end(c, d, CHOICE_DROPPED);
        return ok();
    default:
        TRY(fold(c, all, row.message, reward, ret_folded));
        end(c, d, *ret_folded ? CHOICE_COUNTED : CHOICE_DROPPED);
        return ok();
    }
}

/* Work of a task in one workspace; arg: whether there may be more. */
static struct status learn_some(struct ctx *c, void *arg)
{
    struct rows rows;
    struct levels *all;
    bool *more = arg, folded;
    TRY(DB_QUERY(c, &chooser_sql[CHOICES_DUE], &rows, v_text(c->workspace), v_int(c->now_us),
                 v_int(AT_ONCE)));
    TRY(levels_open(c, &all));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        const struct due d = { v[0].s.p, v[1].i };
        struct status s = settle(c, all, &d, &folded);
        if (is_gone(s))
            end(c, &d, CHOICE_DROPPED);
        else
            TRY(s);
    }
    *more = rows.n == AT_ONCE;
    return levels_save(c, all);
}

static struct status learn_in(struct ctx *c, const char *workspace)
{
    bool more = true;
    for (int i = 0; more && i < ROUNDS; i++) {
        struct arena memory;
        arena_init(&memory, ROUND_BYTES);
        struct status s = task_run_in(c->app, c->method, workspace, &memory, learn_some, &more);
        if (s.reason == REASON_CONFLICT) { /* another replica was first; what it left is for the next tick */
            s = ok();
            more = false;
        }
        s = aside_status(c, s);
        arena_done(&memory);
        TRY(s);
    }
    return ok();
}

struct status chooser_learn(struct ctx *c)
{
    struct rows rows;
    struct status failed = ok();
    const char *workspace = "";
    db_reach_all(c);
    for (;;) {
        TRY(DB_QUERY(c, &chooser_sql[CHOICE_WORKSPACE], &rows, v_int(c->now_us), v_text(workspace)));
        if (!rows.n)
            return failed;
        workspace = row_at(&rows, 0)[0].s.p;
        db_read_done(c);
        struct status s = learn_in(c, workspace);
        failed = is_ok(s) ? failed : s;
    }
}
