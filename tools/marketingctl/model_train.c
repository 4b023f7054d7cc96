#include "base/ids.h"
#include "ml/file.h"
#include "ml/train.h"
#include "tools/marketingctl/command.h"
#include "tools/marketingctl/files.h"
#include "tools/marketingctl/keys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_MAX 20000000u
#define TEXT_MAX ((size_t)8 << 30)

struct job {
    const struct arguments *args;
    struct arena arena, errors;
    struct frame frame;
    struct schema schema;
    struct train_options options;
    struct model_parts parts;
    const char *where; /* what an error is about */
    bool terminal;
};

static void job_done(struct job *j)
{
    frame_done(&j->frame);
    arena_done(&j->arena);
    arena_done(&j->errors);
}

/* One line on a terminal, a line every tenth elsewhere. */
static void show_progress(void *arg, double done, const char *what)
{
    static int last = -1;
    const struct job *j = arg;
    int percent = (int)(done * 100 + 0.5);
    if (j->terminal)
        fprintf(stderr, "\r%3d%% %-20s%s", percent, what, percent == 100 ? "\n" : "");
    else if (percent / 10 != last)
        fprintf(stderr, "%3d%% %s\n", percent, what);
    last = percent / 10;
}

static struct status feed(void *arg, struct str bytes)
{
    return frame_feed(arg, bytes);
}

static struct status read_schema(struct job *j)
{
    struct buf text;
    j->where = option(j->args, "schema", "");
    struct status s = file_slurp(j->where, SCHEMA_BYTES_MAX + 1, &j->errors, &text);
    if (is_ok(s))
        s = schema_parse(buf_str(&text), &j->arena, &j->schema);
    buf_done(&text);
    return s;
}

static struct status read_data(struct job *j)
{
    j->where = option(j->args, "data", "");
    TRY(frame_init(&j->frame, ROWS_MAX, TEXT_MAX, &j->errors));
    TRY(file_stream(j->where, &j->errors, feed, &j->frame));
    return frame_end(&j->frame);
}

static struct str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return str_of(slash ? slash + 1 : path);
}

static struct status set_options(struct job *j)
{
    const struct arguments *a = j->args;
    const char *label = option(a, "label", NULL), *name = option(a, "name", NULL);
    struct train_options *o = &j->options;
    struct str source = base_name(option(a, "data", ""));
    struct buf data;
    o->label = label ? str_of(label) : j->schema.target;
    o->name = name ? str_of(name) : source;
    o->seed = option_number(a, "seed", 1, 0, INT64_MAX);
    o->time_ordered = option(a, "time-ordered", NULL) != NULL;
    o->recency_rows = option_number(a, "recency-rows", 0, 100, ROWS_MAX);
    o->half_life_rows = option_number(a, "half-life-rows", 0, 10, ROWS_MAX);
    o->progress = show_progress;
    o->progress_arg = j;
    if (o->label.n == 0)
        return fail(&j->errors, REASON_SCHEMA_INVALID,
                    "neither --label nor the schema's target names the label");
    buf_init(&data, 4096);
    buf_puts(&data, "{\"source\":");
    buf_json(&data, source);
    buf_printf(&data, ",\"rows\":%zu,\"seed\":%llu,\"recency_rows\":%zu,\"half_life_rows\":%zu,\"label\":",
               j->frame.n_rows, (unsigned long long)o->seed, o->recency_rows, o->half_life_rows);
    buf_json(&data, o->label);
    buf_puts(&data, "}");
    o->data = str_of(arena_dup(&j->arena, buf_str(&data)));
    buf_done(&data);
    return ok();
}

static struct status store(struct job *j)
{
    const char *out = option(j->args, "out", ""), *key = option(j->args, "sign-key", NULL);
    unsigned char secret[32];
    struct buf file;
    if (key) {
        j->where = key;
        TRY(key_read(key, &j->errors, secret));
    }
    j->where = out;
    if (mkdir(out, 0777) != 0 && errno != EEXIST)
        return fail(&j->errors, REASON_INTERNAL, "cannot make the folder: %s", strerror(errno));
    buf_init(&file, MODEL_FILE_MAX);
    struct status s = file_write(&j->parts, key ? secret : NULL, &file);
    if (is_ok(s))
        s = file_store(arena_printf(&j->errors, "%s/model.mkt", out), buf_str(&file), 0644, &j->errors);
    buf_done(&file);
    TRY(s);
    return file_store(arena_printf(&j->errors, "%s/report.json", out), j->parts.report, 0644, &j->errors);
}

static struct status train(struct job *j)
{
    TRY(read_schema(j));
    TRY(read_data(j));
    TRY(set_options(j));
    TRY(train_model(&j->frame, &j->schema, &j->options, &j->arena, &j->errors, &j->parts));
    return store(j);
}

int model_train_command(const struct arguments *a)
{
    CLEANUP(job_done) struct job j = { .args = a, .terminal = isatty(2) };
    arena_init(&j.arena, (size_t)16 << 30);
    arena_init(&j.errors, 64 * 1024);
    struct status s = train(&j);
    if (!is_ok(s))
        return report(j.where, s);
    printf("%s/model.mkt\n%s/report.json\n", option(a, "out", ""), option(a, "out", ""));
    return 0;
}
