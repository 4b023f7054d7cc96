/* What the columns of a file mean, and what a row of it says. */
#include "agents/lead/common.h"
#include "agents/lead/import.h"
#include "agents/record/lead_text.h"
#include "base/pb.h"

#define ATTRIBUTE_NAME_MAX 128

/* ---- The header ---- */

/* The lead's field that the spec says for a column; NULL where it says none. */
static const char *mapped(const LeadImportSpec *spec, const char *column)
{
    for (size_t i = 0; i < spec->n_columns; i++)
        if (strcmp(spec->columns[i]->key, column) == 0)
            return spec->columns[i]->value;
    return NULL;
}

static struct status check_spec(struct ctx *c, const LeadImportSpec *spec, const struct import_columns *k)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        size_t at = 0;
        if (lead_text_find(str_of(spec->columns[i]->value)) == LEAD_TEXTS)
            return fail_field(c->arena, REASON_FIELD_INVALID, "spec.columns",
                              "%.80s is no field of a lead that a column can fill", spec->columns[i]->value);
        while (at < k->n && strcmp(k->names[at], spec->columns[i]->key))
            at++;
        if (at == k->n)
            return fail_field(c->arena, REASON_FIELD_INVALID, "spec.columns", "the file has no column %.80s",
                              spec->columns[i]->key);
    }
    return ok();
}

/* Where an attribute's column belongs among those sorted by name; SIZE_MAX where its name is there already.
 */
static size_t attribute_place(const struct import_columns *k, const char *name)
{
    size_t low = 0, high = k->n_attributes;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(k->names[k->attributes[middle]], name);
        if (order == 0)
            return SIZE_MAX;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct status add_attribute(struct ctx *c, struct import_columns *k, size_t column)
{
    const char *name = k->names[column];
    size_t at = attribute_place(k, name);
    if (!*name)
        return fail(c->arena, REASON_CSV_INVALID, "line 1: column %zu has no name", column + 1);
    if (strlen(name) > ATTRIBUTE_NAME_MAX)
        return fail(c->arena, REASON_CSV_INVALID, "line 1: the name of column %zu is longer than %d bytes",
                    column + 1, ATTRIBUTE_NAME_MAX);
    if (at == SIZE_MAX)
        return fail(c->arena, REASON_CSV_INVALID, "line 1: two columns are named %s", name);
    if (k->n_attributes == LEAD_ATTRIBUTES_MAX)
        return fail(c->arena, REASON_CSV_INVALID, "line 1: more than %d columns are attributes",
                    LEAD_ATTRIBUTES_MAX);
    memmove(k->attributes + at + 1, k->attributes + at, (k->n_attributes - at) * sizeof *k->attributes);
    k->attributes[at] = column;
    k->n_attributes++;
    return ok();
}

static struct status add_column(struct ctx *c, struct import_columns *k, size_t column,
                                const LeadImportSpec *spec)
{
    const char *field = mapped(spec, k->names[column]);
    size_t text = lead_text_find(str_of(field ? field : k->names[column]));
    k->texts[column] = text;
    if (text == LEAD_TEXTS)
        return add_attribute(c, k, column);
    for (size_t i = 0; i < column; i++)
        if (k->texts[i] == text)
            return fail(c->arena, REASON_CSV_INVALID, "line 1: columns %zu and %zu both give %s", i + 1,
                        column + 1, lead_texts[text].name);
    return ok();
}

struct status import_columns_make(struct ctx *c, const struct csv_row *header, const LeadImportSpec *spec,
                                  struct import_columns *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->names = ARENA_ARRAY(c->arena, header->n, const char *);
    ret->texts = ARENA_ARRAY(c->arena, header->n, size_t);
    ret->attributes = ARENA_ARRAY(c->arena, header->n, size_t);
    if (!ret->names || !ret->texts || !ret->attributes)
        return fail_memory();
    for (; ret->n < header->n; ret->n++) {
        if (!str_is_utf8(header->cells[ret->n]))
            return fail(c->arena, REASON_CSV_INVALID, "line 1: the name of column %zu is not UTF-8",
                        ret->n + 1);
        ret->names[ret->n] = arena_dup(c->arena, str_trim(header->cells[ret->n]));
        if (!ret->names[ret->n])
            return fail_memory();
    }
    for (size_t i = 0; i < ret->n; i++)
        TRY(add_column(c, ret, i, spec));
    return check_spec(c, spec, ret);
}

/* ---- A row ---- */

/* All cells of a row as texts, in one piece of memory; NULL over the budget. Missing cells are empty. */
static char **row_texts(struct arena *a, const struct import_columns *k, const struct csv_row *row)
{
    size_t bytes = 0;
    for (size_t i = 0; i < row->n; i++)
        bytes += row->cells[i].n + 1;
    char **texts = arena_raw(a, k->n * sizeof *texts + bytes);
    if (!texts)
        return NULL;
    char *at = (char *)(texts + k->n);
    for (size_t i = 0; i < k->n; i++) {
        struct str cell = i < row->n ? row->cells[i] : str_make("", 0);
        texts[i] = (char *)protobuf_c_empty_string;
        if (!cell.n)
            continue;
        memcpy(at, cell.p, cell.n);
        at[cell.n] = 0;
        texts[i] = at;
        at += cell.n + 1;
    }
    return texts;
}

static bool is_utf8(const struct csv_row *row)
{
    for (size_t i = 0; i < row->n; i++)
        if (!str_is_utf8(row->cells[i]))
            return false;
    return true;
}

static struct status fill_attributes(struct ctx *c, const struct import_columns *k, char **texts, Lead *l)
{
    static const Lead__AttributesEntry empty = LEAD__ATTRIBUTES_ENTRY_INIT;
    size_t n = 0;
    for (size_t i = 0; i < k->n_attributes; i++)
        n += *texts[k->attributes[i]] != 0;
    l->attributes = arena_raw(c->arena, n * sizeof *l->attributes);
    Lead__AttributesEntry *e = arena_raw(c->arena, n * sizeof *e);
    if (!l->attributes || !e)
        return fail_memory();
    for (size_t i = 0; i < k->n_attributes; i++) {
        size_t column = k->attributes[i];
        if (!*texts[column])
            continue;
        *e = empty;
        e->key = (char *)k->names[column];
        e->value = texts[column];
        l->attributes[l->n_attributes++] = e++;
    }
    return ok();
}

struct status import_row_lead(struct ctx *c, const struct import_columns *k, const struct csv_row *row,
                              Lead **ret)
{
    if (row->n > k->n)
        return fail(c->arena, REASON_CSV_INVALID, "%zu cells, but the header has %zu", row->n, k->n);
    if (!is_utf8(row))
        return fail(c->arena, REASON_INVALID_UTF8, "a cell is not UTF-8");
    char **texts = row_texts(c->arena, k, row);
    Lead *l = PB_NEW(c->arena, Lead);
    if (!texts || !l)
        return fail_memory();
    for (size_t i = 0; i < k->n; i++)
        if (k->texts[i] < LEAD_TEXTS)
            *lead_text_at(l, k->texts[i]) = texts[i];
    TRY(fill_attributes(c, k, texts, l));
    TRY(lead_check(c, l, ""));
    TRY(lead_required(c, l, "row"));
    *ret = l;
    return ok();
}
