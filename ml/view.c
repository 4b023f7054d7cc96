#include "ml/view.h"

#include "base/clock.h"
#include "base/ids.h"
#include "ml/value.h"

#include <math.h>

static uint32_t table_size(uint32_t n)
{
    uint32_t size = 8;
    while (size < n * 2)
        size *= 2;
    return size;
}

uint32_t view_level(const struct view_column *c, struct str text)
{
    char folded[LEVEL_BYTES];
    text = str_trim(text);
    if (text_is_missing(text))
        return LEVEL_MISSING;
    struct str key = str_make(folded, text_fold(text, folded));
    for (uint32_t i = (uint32_t)hash64(key, 0) & c->table_mask; c->table[i]; i = (i + 1) & c->table_mask)
        if (str_eq(c->levels[c->table[i] - 1].folded, key))
            return c->table[i] - 1;
    return LEVEL_UNKNOWN;
}

static void put(const struct view_column *c, enum feature_kind k, float *row, double v)
{
    if (c->at[k] != NO_FEATURE)
        row[c->at[k]] = (float)v;
}

/* Also the value, where the levels of a categorical column are numbers. */
static void fill_level(const struct view_column *c, struct str text, float *row)
{
    uint32_t level = view_level(c, text);
    const struct level *l = &c->levels[level];
    double number = NAN;
    if (c->levels[LEVEL_MISSING].feature != NO_FEATURE)
        row[c->levels[LEVEL_MISSING].feature] = 0;
    if (l->feature != NO_FEATURE)
        row[l->feature] = 1;
    put(c, FEATURE_TARGET, row, l->target);
    put(c, FEATURE_FREQUENCY, row, l->frequency);
    if (c->at[FEATURE_VALUE] != NO_FEATURE && level != LEVEL_MISSING && text_number(str_trim(text), &number))
        put(c, FEATURE_VALUE, row, number);
}

static void fill_number(const struct view_column *c, struct str text, float *row)
{
    double number;
    if (!text_number(text, &number) || !isfinite((float)number))
        return;
    put(c, FEATURE_VALUE, row, number);
    put(c, FEATURE_MISSING, row, 0);
}

/* Days from civil (Howard Hinnant), backwards: only the month is wanted. */
static unsigned month_of(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    return mp < 10 ? mp + 3 : mp - 9;
}

static void fill_date(const struct view_column *c, struct str text, float *row)
{
    int64_t us;
    if (!text_date(text, &us))
        return;
    int64_t days = us / US_PER_DAY - (us % US_PER_DAY < 0);
    put(c, FEATURE_VALUE, row, (double)us / (double)US_PER_DAY);
    put(c, FEATURE_MONTH, row, month_of(days));
    put(c, FEATURE_WEEKDAY, row, (double)(((days + 3) % 7 + 7) % 7)); /* Monday is 0 */
    put(c, FEATURE_HOUR, row, (double)((us - days * US_PER_DAY) / (US_PER_DAY / 24)));
    put(c, FEATURE_MISSING, row, 0);
}

static void fill_text(const struct view_column *c, struct str text, float *row)
{
    put(c, FEATURE_LENGTH, row, (double)text.n);
    put(c, FEATURE_MISSING, row, 0);
}

void view_fill(const struct view_column *c, const float *absent, struct str text, float *row)
{
    static void (*const fill[])(const struct view_column *, struct str, float *) = {
        [COLUMN_NUMERIC] = fill_number,
        [COLUMN_CATEGORICAL] = fill_level,
        [COLUMN_DATE] = fill_date,
        [COLUMN_TEXT] = fill_text,
    };
    memcpy(row + c->first, absent + c->first, c->width * sizeof *row);
    text = str_trim(text);
    if (!text_is_missing(text))
        fill[c->kind](c, text, row);
}

uint32_t view_column_of(const struct view *v, struct str name)
{
    for (uint32_t i = (uint32_t)hash64(name, 1) & v->names_mask; v->names[i]; i = (i + 1) & v->names_mask)
        if (str_eq(v->columns[v->names[i] - 1].name, name))
            return v->names[i] - 1;
    return MODEL_UNBOUND;
}

static void insert(uint32_t *table, uint32_t mask, uint64_t hash, uint32_t index)
{
    uint32_t i = (uint32_t)hash & mask;
    while (table[i])
        i = (i + 1) & mask;
    table[i] = index + 1;
}

static bool fold_level(struct level *l, struct arena *a)
{
    char folded[LEVEL_BYTES];
    size_t n = text_fold(l->text, folded);
    const char *copy = arena_dup(a, str_make(folded, n));
    l->folded = str_make(copy ? copy : "", copy ? n : 0);
    return copy != NULL;
}

static bool finish_column(struct view_column *c, struct arena *a)
{
    uint32_t size = table_size(c->n_levels);
    c->table = ARENA_ARRAY(a, size, uint32_t);
    c->table_mask = size - 1;
    if (!c->table)
        return false;
    for (uint32_t i = LEVEL_UNKNOWN + 1; i < c->n_levels; i++) {
        if (!fold_level(&c->levels[i], a))
            return false;
        insert(c->table, c->table_mask, hash64(c->levels[i].folded, 0), i);
    }
    for (uint32_t i = 0; i < c->n_levels; i++) {
        c->levels[i].feature = NO_FEATURE;
        c->levels[i].frequency = (float)log1p(c->levels[i].count);
    }
    c->first = c->width = 0;
    for (size_t k = 0; k < FEATURE_KINDS; k++)
        c->at[k] = NO_FEATURE;
    return true;
}

static void finish_feature(struct view *v, uint32_t i)
{
    const struct feature *f = &v->features[i];
    struct view_column *c = &v->columns[f->column];
    if (c->width++ == 0)
        c->first = i;
    if (f->kind == FEATURE_LEVEL)
        c->levels[f->level].feature = i;
    else
        c->at[f->kind] = i;
}

/* What a lead without the field has. */
static void finish_absent(const struct view_column *c, float *row)
{
    for (uint32_t i = c->first; i < c->first + c->width; i++)
        row[i] = NAN;
    for (uint32_t i = 0; i < c->n_levels; i++)
        if (c->levels[i].feature != NO_FEATURE)
            row[c->levels[i].feature] = i == LEVEL_MISSING;
    put(c, FEATURE_MISSING, row, 1);
    put(c, FEATURE_LENGTH, row, 0);
    if (c->kind == COLUMN_CATEGORICAL) {
        put(c, FEATURE_TARGET, row, c->levels[LEVEL_MISSING].target);
        put(c, FEATURE_FREQUENCY, row, c->levels[LEVEL_MISSING].frequency);
    }
}

bool view_finish(struct view *v, struct arena *a)
{
    uint32_t size = table_size(v->n_columns);
    v->names = ARENA_ARRAY(a, size, uint32_t);
    v->names_mask = size - 1;
    v->absent = ARENA_ARRAY(a, v->n_features + 1, float);
    if (!v->names || !v->absent)
        return false;
    for (uint32_t i = 0; i < v->n_columns; i++) {
        if (!finish_column(&v->columns[i], a))
            return false;
        insert(v->names, v->names_mask, hash64(v->columns[i].name, 1), i);
    }
    for (uint32_t i = 0; i < v->n_features; i++)
        finish_feature(v, i);
    for (uint32_t i = 0; i < v->n_columns; i++)
        finish_absent(&v->columns[i], v->absent);
    return true;
}
