/* engagement.h: the engagement axis: how what a lead did becomes a score, by recency.
 *
 * What is in service comes from active_get(c, ACTIVE_ENGAGEMENT), which gives a struct engagement_axis. A
 * lead's state is one decayed sum; it is folded when an event comes and decayed on reading. When another axis
 * is put into service, states are not computed again: from their as_of_time on they decay by the new
 * half-life, and new events weigh what the new axis says, so that the old weights fade within a few
 * half-lives. */
#ifndef AGENTS_RECORD_ENGAGEMENT_H
#define AGENTS_RECORD_ENGAGEMENT_H

#include "agents/record/app.h"

C_BEGIN

struct engagement_weight {
    struct str type;
    double weight;
};

/* How events become a score; what active_get(c, ACTIVE_ENGAGEMENT) gives. */
struct engagement_axis {
    int64_t version; /* 0: the documented prior (docs/scorecard.md) */
    double half_life_us;
    double intercept, slope; /* in log-odds: score = 1 / (1 + exp(-(intercept + slope * ln(1 + value)))) */
    double default_weight;
    const struct engagement_weight *weights; /* sorted by type */
    size_t n;
};

extern const struct engagement_axis engagement_axis_prior;

/* What an event of this type adds to the lead's activity. */
double engagement_weight(const struct engagement_axis *e, struct str type);
/* The activity left at now_us of a state of the lead (NULL: none). An as_of_time ahead of now_us does not
 * make it grow. */
double engagement_value(const struct engagement_axis *e, const EngagementState *state, int64_t now_us);
/* 0 to 1. */
double engagement_axis_score(const struct engagement_axis *e, double value);
/* The message's parameters as an axis, in the arena. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status engagement_axis_make(struct arena *a, const EngagementModel *m,
                                             const struct engagement_axis **ret);
/* The axis of a version, in the arena; version 0 is the prior. Fails: SUBJECT_NOT_FOUND. */
MUSTCHECK struct status engagement_axis_load(struct ctx *c, int64_t version,
                                             const struct engagement_axis **ret);

/* A fitted version as stored. Fails: SUBJECT_NOT_FOUND. */
MUSTCHECK struct status engagement_model_get(struct ctx *c, int64_t version, EngagementModel **ret);
/* Gives the model the next version and the ctx's time, and adds it to the unit. */
MUSTCHECK struct status engagement_model_add(struct ctx *c, EngagementModel *m);

extern const struct stmt_table engagement_statements;

C_END
#endif
