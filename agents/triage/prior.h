/* prior.h: the scorecard that stands in for a model until one is promoted.
 *
 * A table of points in log-odds (prior.c, documented in docs/scorecard.md). It is nobody's experience: every
 * decision that rests on it says SOURCE_PRIOR_SCORECARD. Pure arithmetic, any thread. */
#ifndef AGENTS_TRIAGE_PRIOR_H
#define AGENTS_TRIAGE_PRIOR_H

#include "agents/record/leads.h"

C_BEGIN

#define PRIOR_FIELDS_MAX 16

/* What one field of the scorecard adds. */
struct prior_part {
    const char *field;
    struct str text; /* what the lead says; empty where it says nothing */
    double points;
};

struct prior_score {
    double base;   /* points of a lead that no row speaks of */
    double margin; /* base + all parts, in log-odds */
    double probability;
    struct prior_part parts[PRIOR_FIELDS_MAX]; /* every field of the scorecard, in its order */
    size_t n;
};

/* fields: sorted by name, as lead_fields gives them. */
void prior_score(const struct field *fields, size_t n, struct prior_score *ret);

/* A row's example: a value of the field that earns its points. Rows are numbered from 0; false after the
 * last. */
bool prior_example(size_t row, const char **ret_field, const char **ret_value, double *ret_points);

C_END
#endif
