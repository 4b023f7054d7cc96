/* model_use.c: predict, explain and verify. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/csv.h"
#include "base/ids.h"
#include "ml/booster.h"
#include "ml/model.h"
#include "tools/marketingctl/command.h"
#include "tools/marketingctl/files.h"
#include "tools/marketingctl/keys.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct use {
    const struct arguments *args;
    struct arena errors, arena; /* arena: of one row */
    struct model *model;
    struct csv csv;
    FILE *out;
    const char *where;
    /* the data file's shape */
    struct str names[CSV_COLUMNS_MAX];
    uint32_t binding[CSV_COLUMNS_MAX];
    size_t n_names, id; /* id: SIZE_MAX for the row's number */
    struct arena text;  /* names */
    float row[MODEL_FEATURES_MAX];
    struct buf line;
    int level;    /* conformal: 0, 90, 95 */
    double goal;  /* of the smallest change; below 0: none */
    uint64_t top; /* columns to list */
    void (*put_row)(struct use *, const struct csv_row *, const struct model_score *);
};

static void use_init(struct use *u, const struct arguments *a)
{
    u->args = a;
    u->goal = -1;
    arena_init(&u->errors, 64 * 1024);
    arena_init(&u->arena, 64 * 1024 * 1024);
    arena_init(&u->text, 16 * 1024 * 1024);
    buf_init(&u->line, 16 * 1024 * 1024);
}

static int use_done(struct use *u, struct status s)
{
    int rc = is_ok(s) ? 0 : report(u->where, s);
    if (u->out && fclose(u->out) != 0 && rc == 0) {
        perror(option(u->args, "out", ""));
        rc = 1;
    }
    csv_done(&u->csv);
    model_unref(u->model);
    buf_done(&u->line);
    arena_done(&u->errors);
    arena_done(&u->arena);
    arena_done(&u->text);
    return rc;
}

static struct status open_model(struct use *u)
{
    unsigned char keys[1][MODEL_KEY_BYTES];
    const char *path = option(u->args, "model", ""), *key = option(u->args, "key", NULL);
    struct model_trust trust = { keys, key ? 1 : 0, !key, &booster_foreign };
    struct stat st;
    struct buf file;
    if (key) {
        u->where = key;
        TRY(key_read(key, &u->errors, keys[0]));
    }
    u->where = path;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        path = arena_printf(&u->errors, "%s/model.mkt", path);
    struct status s = file_slurp(path, MODEL_FILE_MAX, &u->errors, &file);
    if (is_ok(s))
        s = model_load(buf_str(&file), &trust, &u->errors, &u->model);
    buf_done(&file);
    return s;
}

/* ---- Rows of the data file ---- */

static struct status take_header(struct use *u, const struct csv_row *row)
{
    struct str wanted = str_of(option(u->args, "id", "row_id"));
    u->id = SIZE_MAX;
    u->n_names = row->n;
    for (size_t i = 0; i < row->n; i++) {
        struct str name = str_trim(row->cells[i]);
        const char *copy = arena_dup(&u->text, name);
        if (!copy)
            return fail_memory();
        u->names[i] = str_make(copy, name.n);
        if (str_eq(name, wanted))
            u->id = i;
    }
    if (u->id == SIZE_MAX && option(u->args, "id", NULL))
        return fail(&u->errors, REASON_CSV_INVALID, "line %llu: no column %s (--id)",
                    (unsigned long long)row->line, option(u->args, "id", ""));
    model_bind(u->model, u->names, u->n_names, u->binding);
    return ok();
}

static void put_id(struct use *u, const struct csv_row *row)
{
    if (u->id == SIZE_MAX)
        buf_printf(&u->line, "%llu", (unsigned long long)row->index - 1);
    else
        csv_put(&u->line, row->cells[u->id], ',');
}

static struct status take_row(void *arg, const struct csv_row *row)
{
    struct use *u = arg;
    struct model_score score;
    if (row->index == 0)
        return take_header(u, row);
    if (row->n != u->n_names)
        return fail(&u->errors, REASON_CSV_INVALID, "line %llu: %zu cells where the header has %zu",
                    (unsigned long long)row->line, row->n, u->n_names);
    model_row_bound(u->model, u->binding, row->cells, row->n, u->row);
    model_score_row(u->model, u->row, &score);
    buf_clear(&u->line);
    u->put_row(u, row, &score);
    arena_reset(&u->arena);
    if (u->line.overflow || fwrite(u->line.p, 1, u->line.n, u->out) != u->line.n)
        return fail(&u->errors, REASON_INTERNAL, "cannot write %s", option(u->args, "out", ""));
    return ok();
}

static struct status feed(void *arg, struct str bytes)
{
    return csv_feed(&((struct use *)arg)->csv, bytes);
}

static struct status run(struct use *u)
{
    TRY(open_model(u));
    u->where = option(u->args, "out", "");
    u->out = strcmp(u->where, "-") == 0 ? stdout : fopen(u->where, "wb");
    if (!u->out)
        return fail(&u->errors, REASON_INTERNAL, "cannot create the file");
    u->where = option(u->args, "data", "");
    TRY(csv_init(&u->csv, 0, take_row, u, &u->errors));
    TRY(file_stream(u->where, &u->errors, feed, u));
    TRY(csv_end(&u->csv));
    return u->n_names ? ok() : fail(&u->errors, REASON_CSV_INVALID, "line 1: the file has no header");
}

/* ---- predict ---- */

static void put_prediction(struct use *u, const struct csv_row *row, const struct model_score *s)
{
    if (row->index == 1)
        buf_puts(&u->line, u->level ? "row_id,score,in0,in1\n" : "row_id,score\n");
    put_id(u, row);
    buf_printf(&u->line, ",%.9g", s->probability);
    if (u->level)
        buf_printf(&u->line, ",%d,%d", u->level == 90 ? s->in0_90 : s->in0_95,
                   u->level == 90 ? s->in1_90 : s->in1_95);
    buf_puts(&u->line, "\n");
}

int model_predict_command(const struct arguments *a)
{
    static struct use u;
    const char *level = option(a, "conformal", NULL);
    double v;
    use_init(&u, a);
    u.put_row = put_prediction;
    if (level && (!str_to_f64(str_of(level), &v) || (v != 0.9 && v != 0.95))) {
        fprintf(stderr, "marketingctl: --conformal must be 0.9 or 0.95, not %s\n", level);
        return 2;
    }
    u.level = !level ? 0 : v == 0.9 ? 90 : 95;
    return use_done(&u, run(&u));
}

/* ---- explain ---- */

static struct str text_of(const struct use *u, const struct csv_row *row, uint32_t column)
{
    for (size_t i = row->n; i-- > 0;)
        if (u->binding[i] == column)
            return row->cells[i];
    return str_make("", 0);
}

static void put_reasons(struct use *u, const struct csv_row *row)
{
    struct model_explanation e;
    const struct model_info *info = model_info(u->model);
    if (!is_ok(model_explain_row(u->model, u->row, &u->arena, &e)))
        return;
    buf_printf(&u->line, ",\"base\":%.6f,\"reasons\":[", e.base);
    for (size_t i = 0; i < e.n && i < u->top; i++) {
        const struct contribution *c = &e.contributions[i];
        buf_puts(&u->line, i ? ",{\"column\":" : "{\"column\":");
        buf_json(&u->line, info->columns[c->column].name);
        buf_puts(&u->line, ",\"value\":");
        buf_json(&u->line, text_of(u, row, c->column));
        buf_printf(&u->line, ",\"contribution\":%.6f}", c->value);
    }
    buf_puts(&u->line, "]");
}

static void put_change(struct use *u, const struct csv_row *row, double probability)
{
    struct cell *cells = ARENA_ARRAY(&u->arena, row->n, struct cell);
    struct model_goal goal = { u->goal, probability < u->goal, NULL };
    struct model_change change;
    for (size_t i = 0; cells && i < row->n; i++) {
        cells[i].name = u->names[i];
        cells[i].text = row->cells[i];
    }
    if (!cells || !is_ok(model_smallest_change(u->model, cells, row->n, &goal, &u->arena, &change)))
        return;
    buf_puts(&u->line, ",\"smallest_change\":[");
    for (size_t i = 0; change.found && i < change.n; i++) {
        buf_puts(&u->line, i ? ",{\"column\":" : "{\"column\":");
        buf_json(&u->line, model_info(u->model)->columns[change.changes[i].column].name);
        buf_puts(&u->line, ",\"to\":");
        buf_json(&u->line, change.changes[i].to);
        buf_puts(&u->line, "}");
    }
    buf_puts(&u->line, "]");
    if (change.found)
        buf_printf(&u->line, ",\"score_after\":%.6f", change.probability);
}

static void put_explanation(struct use *u, const struct csv_row *row, const struct model_score *s)
{
    struct buf id;
    buf_init(&id, CSV_CELL_MAX);
    if (u->id != SIZE_MAX)
        buf_put(&id, row->cells[u->id].p, row->cells[u->id].n);
    else
        buf_printf(&id, "%llu", (unsigned long long)row->index - 1);
    buf_puts(&u->line, "{\"id\":");
    buf_json(&u->line, buf_str(&id));
    buf_done(&id);
    buf_printf(&u->line, ",\"score\":%.6f,\"margin\":%.6f", s->probability, s->margin);
    put_reasons(u, row);
    if (u->goal >= 0)
        put_change(u, row, s->probability);
    buf_puts(&u->line, "}\n");
}

int model_explain_command(const struct arguments *a)
{
    static struct use u;
    const char *goal = option(a, "change", NULL);
    use_init(&u, a);
    u.put_row = put_explanation;
    u.top = option_number(a, "top", 5, 1, MODEL_COLUMNS_MAX);
    if (goal && (!str_to_f64(str_of(goal), &u.goal) || u.goal <= 0 || u.goal >= 1)) {
        fprintf(stderr, "marketingctl: --change must be between 0 and 1, not %s\n", goal);
        return 2;
    }
    return use_done(&u, run(&u));
}

/* ---- verify ---- */

static void print_info(const struct model *m)
{
    char digest[65], key[65], created[CLOCK_TEXT];
    const struct model_info *i = model_info(m);
    hex_text(model_digest(m), MODEL_DIGEST_BYTES, digest);
    hex_text(i->signer, MODEL_KEY_BYTES, key);
    clock_format(i->created_us, created);
    printf("name: %.*s\ndigest: %s\ncreated: %s\nxgboost: %.*s\nrows: %llu\npositives: %llu\ncolumns: "
           "%zu\nfeatures: %zu\n"
           "members: %zu\ntrees: %zu\nsigner: %s%s\n",
           (int)i->name.n, i->name.p, digest, created, (int)i->xgboost_version.n, i->xgboost_version.p,
           (unsigned long long)i->train_rows, (unsigned long long)i->train_positives, i->n_columns,
           i->n_features, i->n_members, i->n_trees, strspn(key, "0") == 64 ? "none" : key,
           i->is_signed ? " (trusted)" : "");
}

int model_verify_command(const struct arguments *a)
{
    static struct use u;
    use_init(&u, a);
    struct status s = open_model(&u);
    if (is_ok(s))
        print_info(u.model);
    return use_done(&u, s);
}
