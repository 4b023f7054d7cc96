#include "agents/engage/chooser/chooser_private.h"
#include "agents/engage/chooser/chooser_sql.h"
#include "agents/record/pages.h"
#include "base/pb.h"

static struct status show(struct ctx *c, const struct value *row, ChooserLevel **ret)
{
    static const double nothing_known[FEATURES];
    struct bandit_context x;
    struct level l = { .factor = (ChooserFactor)row[0].i, .name = row[1].s.p };
    TRY(level_take(c, &l, row[2].i, row[3].s));
    ASSERT(bandit_context_make(nothing_known, FEATURES, &x));
    const struct bandit_guess g = bandit_level_guess(l.state, &x);
    ChooserLevel *to = PB_NEW(c->arena, ChooserLevel);
    if (!to)
        return fail_memory();
    to->factor = l.factor;
    to->level = (char *)l.name;
    to->trial_count = (int64_t)l.state->trials;
    to->mean_reward = l.state->trials ? l.state->reward / (double)l.state->trials : 0;
    to->mean = g.mean;
    to->deviation = g.deviation;
    *ret = to;
    return ok();
}

struct status list_chooser_levels(struct ctx *c, const ListChooserLevelsRequest *req,
                                  ListChooserLevelsResponse *res)
{
    struct page page;
    struct rows rows;
    const char *level;
    int64_t factor;
    TRY(page_read(c, req->page_size, req->page_token, "", &page));
    TRY(page_after_version(c, &page, &level, &factor));
    TRY(DB_QUERY(c, &chooser_sql[LEVELS_LIST], &rows, v_text(c->workspace), v_int(factor), v_text(level),
                 v_int(page.size + 1)));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->levels = ARENA_ARRAY(c->arena, rows.n + 1, ChooserLevel *);
    if (!res->levels)
        return fail_memory();
    for (; res->n_levels < rows.n; res->n_levels++)
        TRY(show(c, row_at(&rows, res->n_levels), &res->levels[res->n_levels]));
    if (!more)
        return ok();
    const ChooserLevel *last = res->levels[rows.n - 1];
    return page_token_version(c, last->level, last->factor, &res->next_page_token);
}
