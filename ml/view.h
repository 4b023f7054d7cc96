/* view.h: the feature view: how the cells of a lead become the floats of a row. Learnt from data
 * (ml/learn.h), kept in the model file, and applied by the same functions in training and in service.
 *
 * A column owns a contiguous span of the row:
 *
 *   numeric      value, missing
 *   categorical  a 0/1 for each frequent level, target statistic, frequency; the value of numeric levels
 *   date         days since 1970, month, weekday, hour, missing
 *   text         length in bytes, missing
 *
 * Levels 0 and 1 of a categorical column are "missing" and "unknown or rare"; both have statistics of their
 * own. */
#ifndef ML_VIEW_H
#define ML_VIEW_H

#include "ml/model.h"

C_BEGIN

enum feature_kind {
    FEATURE_VALUE,
    FEATURE_MISSING,
    FEATURE_LEVEL,
    FEATURE_TARGET,    /* smoothed log-odds of the outcome among the level's training rows */
    FEATURE_FREQUENCY, /* log of 1 + the level's training rows */
    FEATURE_MONTH,
    FEATURE_WEEKDAY,
    FEATURE_HOUR,
    FEATURE_LENGTH,
    FEATURE_KINDS
};

struct feature {
    uint8_t kind;
    uint32_t column;
    uint32_t level; /* FEATURE_LEVEL only */
};

#define LEVELS_MAX 4096u
#define LEVEL_MISSING 0u
#define LEVEL_UNKNOWN 1u
#define NO_FEATURE UINT32_MAX

struct level {
    struct str text;   /* as first spelled in the data; empty for levels 0 and 1 */
    struct str folded; /* what values are compared with; derived */
    uint32_t count;    /* training rows */
    float target, frequency;
    uint32_t feature; /* its 0/1 feature, or NO_FEATURE */
};

struct view_column {
    struct str name;
    enum column_kind kind;
    uint32_t first, width;      /* span of the row */
    uint32_t at[FEATURE_KINDS]; /* the feature of each kind, or NO_FEATURE (FEATURE_LEVEL unused) */
    struct level *levels;
    uint32_t n_levels;
    uint32_t *table; /* open addressing by hash of the text: level + 1, 0 is free */
    uint32_t table_mask;
    double *quantiles; /* of the training values, ascending, evenly spaced in rank; numeric and date */
    uint32_t n_quantiles;
};

struct view {
    struct view_column *columns;
    uint32_t n_columns;
    struct feature *features;
    uint32_t n_features;
    float *absent;   /* the row of a lead without any field */
    uint32_t *names; /* open addressing by hash of the name: column + 1 */
    uint32_t names_mask;
};

/* Builds what is derived (spans, tables, the absent row) from columns and features, which must be filled:
 * features ordered by column. False when the arena is full. */
MUSTCHECK bool view_finish(struct view *v, struct arena *a);

/* MODEL_UNBOUND where the view has no such column. */
uint32_t view_column_of(const struct view *v, struct str name);
/* Writes the span of one column. */
void view_fill(const struct view_column *c, const float *absent, struct str text, float *row);
/* The level of a text in a categorical column. */
uint32_t view_level(const struct view_column *c, struct str text);

C_END
#endif
