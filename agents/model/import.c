/* ImportModel: a model file comes in chunks, is checked as a whole, and becomes a version. */
#include "agents/model/model.h"
#include "agents/model/model_sql.h"
#include "agents/model/versions.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/buf.h"
#include "base/ids.h"
#include "base/json.h"

#include <math.h>

#define CHUNK_MAX (1024u * 1024)
#define DIGEST_TEXT (2 * MODEL_DIGEST_BYTES + 1)
#define VERSION_DIGITS 12

struct model_import {
    bool named; /* the first message was seen */
    bool promote;
    char model[64], version[64];
    struct buf file;
    struct scoring *scoring; /* lent the room for the file */
    size_t room;
};

/* ---- Chunks ---- */

static void free_file(void *p)
{
    struct model_import *s = p;
    buf_done(&s->file);
    scoring_room_give(s->scoring, s->room);
}

struct status import_model_open(struct ctx *c, struct model_import **ret)
{
    struct model_import *s = ARENA_NEW(c->arena, struct model_import);
    if (!s)
        return fail_memory();
    s->scoring = c->app->scoring;
    buf_init(&s->file, MODEL_FILE_MAX);
    if (!arena_on_reset(c->arena, free_file, s))
        return fail_memory();
    *ret = s;
    return ok();
}

static struct status take_name(struct ctx *c, struct model_import *s, const ImportModelRequest *req)
{
    struct str model = str_of(req->model_id), version = str_of(req->version_id);
    if (!id_valid(model))
        return fail_field(c->arena, model.n ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "model_id",
                          "the first message names the model: 1 to 63 of [a-z0-9-]");
    if (version.n && !id_valid(version))
        return fail_field(c->arena, REASON_FIELD_INVALID, "version_id", "must be 1 to 63 of [a-z0-9-]");
    memcpy(s->model, model.p, model.n + 1);
    memcpy(s->version, version.p, version.n + 1);
    s->promote = req->promote;
    s->named = true;
    return ok();
}

/* Leaves no unit, so it never runs twice for one message and may keep the bytes at once. */
struct status import_model_item(struct ctx *c, struct model_import *s, const ImportModelRequest *req)
{
    if (!s->named)
        TRY(take_name(c, s, req));
    else if (*req->model_id || *req->version_id || req->promote)
        return fail_field(c->arena, REASON_FIELD_INVALID, "model_id",
                          "only the first message names the version");
    if (req->content.len > CHUNK_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "content", "at most %u bytes a message",
                          CHUNK_MAX);
    if (s->file.n + req->content.len > MODEL_FILE_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "content", "the whole file has at most %u bytes",
                          MODEL_FILE_MAX);
    if (!scoring_room_take(s->scoring, req->content.len))
        return fail(c->arena, REASON_OVERLOADED, "as many model files as this server takes are under way");
    s->room += req->content.len;
    buf_put(&s->file, req->content.data, req->content.len);
    return s->file.overflow ? fail_memory() : ok();
}

void import_model_committed(struct ctx *c, struct model_import *s) {}

/* ---- The version ---- */

static const char *kind_name(enum column_kind k)
{
    static const char *const names[] = { [COLUMN_NUMERIC] = "numeric",
                                         [COLUMN_CATEGORICAL] = "categorical",
                                         [COLUMN_DATE] = "date",
                                         [COLUMN_TEXT] = "text" };
    return (size_t)k < COUNT(names) && names[k] ? names[k] : "";
}

static struct status put_columns(struct ctx *c, const struct model_info *info, ModelVersion *v)
{
    v->columns = ARENA_ARRAY(c->arena, info->n_columns + 1, ModelColumn *);
    if (!v->columns)
        return fail_memory();
    for (; v->n_columns < info->n_columns; v->n_columns++) {
        const struct model_column *from = &info->columns[v->n_columns];
        ModelColumn *to = PB_NEW(c->arena, ModelColumn);
        if (!to || !(to->name = pb_str(c->arena, from->name)))
            return fail_memory();
        to->type = (char *)kind_name(from->kind);
        v->columns[v->n_columns] = to;
    }
    return ok();
}

/* The measures of the report that the trainer put into the file. */
static struct status put_metrics(struct ctx *c, const struct model_info *info, ModelVersion *v)
{
    ModelMetrics *m = v->metrics = PB_NEW(c->arena, ModelMetrics);
    if (!m)
        return fail_memory();
    const struct {
        const char *path;
        double *to;
    } measures[] = {
        { "out_of_fold.auc", &m->roc_auc },
        { "out_of_fold.pr_auc", &m->pr_auc },
        { "out_of_fold.log_loss", &m->log_loss },
        { "out_of_fold.brier", &m->brier },
        { "out_of_fold.ece15", &m->ece },
        { "base_rate", &m->base_rate },
        { "conformal.0.coverage0", &m->coverage_negative },
        { "conformal.0.coverage1", &m->coverage_positive },
    };
    for (size_t i = 0; i < COUNT(measures); i++)
        if (!json_number(info->report, measures[i].path, measures[i].to))
            return fail(c->arena, REASON_MODEL_INVALID, "the file's report has no %s", measures[i].path);
    return ok();
}

/* What the file says of itself must hold here too: a lead of whom nothing is known gets a probability, and
 * its reasons add up. */
static struct status check_self(struct ctx *c, const struct model *m)
{
    float row[MODEL_FEATURES_MAX];
    struct model_score score;
    struct model_explanation why;
    model_row(m, NULL, 0, row);
    model_score_row(m, row, &score);
    TRY(model_explain_row(m, row, c->arena, &why));
    double sum = why.base;
    for (size_t i = 0; i < why.n; i++)
        sum += why.contributions[i].value;
    if (score.probability > 0 && score.probability < 1 &&
        fabs(sum - score.margin) <= 1e-5 * (1 + fabs(score.margin)))
        return ok();
    return fail(c->arena, REASON_MODEL_INVALID,
                "the model fails its self-check: probability %g, margin %g, reasons %g", score.probability,
                score.margin, sum);
}

static struct status describe(struct ctx *c, const struct model_import *s, const struct model *m,
                              ModelVersion *v)
{
    const struct model_info *info = model_info(m);
    char digest[DIGEST_TEXT], signer[2 * MODEL_KEY_BYTES + 1];
    hex_text(model_digest(m), MODEL_DIGEST_BYTES, digest);
    hex_text(info->signer, MODEL_KEY_BYTES, signer);
    v->name = *s->version
                  ? arena_printf(c->arena, "models/%s/versions/%s", s->model, s->version)
                  : arena_printf(c->arena, "models/%s/versions/%.*s", s->model, VERSION_DIGITS, digest);
    v->state = MODEL_VERSION__STATE_IMPORTED;
    v->digest = arena_dup(c->arena, str_of(digest));
    v->file_bytes = (int64_t)s->file.n;
    v->create_time = time_message(c->arena, c->now_us);
    v->train_time = time_message(c->arena, info->created_us);
    v->training_rows = (int64_t)info->train_rows;
    v->signer = info->is_signed ? arena_dup(c->arena, str_of(signer)) : (char *)protobuf_c_empty_string;
    if (!v->name || !v->digest || !v->create_time || !v->train_time || !v->signer)
        return fail_memory();
    TRY(put_columns(c, info, v));
    return put_metrics(c, info, v);
}

/* ---- Storing ---- */

static struct status check_new(struct ctx *c, const struct version_name *name)
{
    ModelVersion *there;
    struct status s = version_get(c, name, &there);
    if (s.reason == REASON_MODEL_NOT_FOUND)
        return ok();
    TRY(s);
    return fail(c->arena, REASON_MODEL_ALREADY_EXISTS, "%s exists", there->name);
}

static struct status store(struct ctx *c, const struct model_import *s, const struct version_name *name,
                           const ModelVersion *v)
{
    struct str data = pb_pack(c->arena, v);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &model_sql[MODEL_FILE_INSERT], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(v->digest), v_bytes(buf_str(&s->file)));
    UNIT_ADD(c->unit, &model_sql[MODEL_INSERT], 1, REASON_MODEL_ALREADY_EXISTS, v_text(c->workspace),
             v_text(name->model), v_text(name->version), v_int(v->state), v_int(c->now_us), v_text(v->digest),
             v_bytes(data));
    event_note(c, "model", "model.imported", v->name);
    return ok();
}

static void drop_model(void *m)
{
    model_unref(m);
}

static struct status load(struct ctx *c, const struct model_import *s, struct model **ret)
{
    if (!s->named)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "model_id", "the stream held no message");
    struct status loaded = model_load(buf_str(&s->file), scoring_trust(c->app->scoring), c->arena, ret);
    if (loaded.reason == REASON_MODEL_INVALID)
        return fail_field(c->arena, REASON_MODEL_INVALID, "content", "%s", loaded.message);
    TRY(loaded);
    if (arena_on_reset(c->arena, drop_model, *ret))
        return check_self(c, *ret);
    model_unref(*ret);
    return fail_memory();
}

struct status import_model_finish(struct ctx *c, struct model_import *s, ModelVersion *res)
{
    struct model *m;
    struct version_name name;
    TRY(load(c, s, &m));
    TRY(describe(c, s, m, res));
    TRY(version_name_read(c, res->name, "version_id", &name));
    TRY(check_new(c, &name));
    TRY(store(c, s, &name, res));
    return s->promote ? version_promote(c, &name, res, false) : ok();
}
