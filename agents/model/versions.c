/* Model versions: immutable once imported, and which of them is in service. */
#include "agents/model/versions.h"

#include "agents/model/model.h"
#include "agents/model/model_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define GATE 0.01 /* a measure may be this much worse than that of the version in service */

/* ---- Names ---- */

struct status version_name_read(struct ctx *c, const char *name, const char *field, struct version_name *ret)
{
    struct str s = str_of(name), start = STR("models/"), middle = STR("/versions/");
    if (!s.n)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, field,
                          "name it as models/{model}/versions/{version}");
    const char *cut = str_starts(s, start) ? strstr(name + start.n, middle.p) : NULL;
    struct str model = cut ? str_make(name + start.n, (size_t)(cut - name) - start.n) : str_make("", 0);
    struct str version = str_of(cut ? cut + middle.n : "");
    if (!id_valid(model) || !id_valid(version))
        return fail_field(c->arena, REASON_FIELD_INVALID, field,
                          "must be models/{model}/versions/{version}, both ids being 1 to 63 of [a-z0-9-]");
    ret->model = arena_dup(c->arena, model);
    ret->version = version.p;
    return ret->model ? ok() : fail_memory();
}

/* ---- Reading ---- */

static struct status take(struct ctx *c, int64_t state, struct str data, ModelVersion **ret)
{
    *ret = PB_UNPACK(c->arena, ModelVersion, data);
    TRY(decoded(c, *ret, "a model version"));
    (*ret)->state = (ModelVersion__State)state;
    return ok();
}

struct status version_get(struct ctx *c, const struct version_name *name, ModelVersion **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &model_sql[MODEL_GET], &rows, v_text(c->workspace), v_text(name->model),
                 v_text(name->version)));
    if (rows.n == 0)
        return fail(c->arena, REASON_MODEL_NOT_FOUND, "models/%s/versions/%s does not exist", name->model,
                    name->version);
    return take(c, row_at(&rows, 0)[0].i, row_at(&rows, 0)[1].s, ret);
}

struct status get_model_version(struct ctx *c, const GetModelVersionRequest *req, ModelVersion *res)
{
    struct version_name name;
    ModelVersion *m;
    TRY(version_name_read(c, req->name, "name", &name));
    TRY(version_get(c, &name, &m));
    *res = *m;
    return ok();
}

/* ---- Listing ---- */

/* A page goes on after (model, time, version), written with blanks between. */
struct list_key {
    const char *model, *version;
    int64_t time_us;
};

static struct status read_key(struct ctx *c, const char *after, struct list_key *ret)
{
    struct str rest = str_of(after), model = str_split(&rest, ' '), time = str_split(&rest, ' ');
    ret->model = pb_str(c->arena, model);
    ret->version = pb_str(c->arena, rest);
    ret->time_us = 0;
    if (!ret->model || !ret->version)
        return fail_memory();
    if (*after && !str_to_i64(time, &ret->time_us))
        return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token", "not a token of this list");
    return ok();
}

static struct status read_parent(struct ctx *c, const char *parent, const char **ret)
{
    *ret = "";
    return strcmp(parent, "models/-") == 0 ? ok() : name_id(c->arena, parent, "models/", "parent", ret);
}

static struct status put_page(struct ctx *c, const char *scope, const struct rows *rows, size_t size,
                              ListModelVersionsResponse *res)
{
    res->model_versions = ARENA_ARRAY(c->arena, size, ModelVersion *);
    if (!res->model_versions)
        return fail_memory();
    for (; res->n_model_versions < MIN(rows->n, size); res->n_model_versions++) {
        const struct value *v = row_at(rows, res->n_model_versions);
        TRY(take(c, v[3].i, v[4].s, &res->model_versions[res->n_model_versions]));
    }
    if (rows->n <= size)
        return ok();
    const struct value *last = row_at(rows, size - 1);
    const char *key = arena_printf(c->arena, "%s %lld %s", last[0].s.p, (long long)last[2].i, last[1].s.p);
    return page_token(c, scope, key, &res->next_page_token);
}

struct status list_model_versions(struct ctx *c, const ListModelVersionsRequest *req,
                                  ListModelVersionsResponse *res)
{
    struct page page;
    struct list_key after;
    struct rows rows;
    const char *model;
    TRY(read_parent(c, req->parent, &model));
    TRY(page_read(c, req->page_size, req->page_token, req->parent, &page));
    TRY(read_key(c, page.after, &after));
    TRY(DB_QUERY(c, &model_sql[MODEL_LIST], &rows, v_text(c->workspace), v_text(model), v_text(after.model),
                 v_int(after.time_us), v_text(after.version), v_int(page.size + 1)));
    return put_page(c, req->parent, &rows, (size_t)page.size, res);
}

/* ---- Promotion ---- */

/* The version in service; model "" where it is the prior scorecard. */
static struct status in_service(struct ctx *c, struct version_name *ret)
{
    return active_read(c, ACTIVE_MODEL, &ret->model, &ret->version);
}

static struct status check_gates(struct ctx *c, const ModelVersion *m, const ModelVersion *was)
{
    const struct {
        const char *name;
        double is, was;
        double sign; /* 1: less is better */
    } gates[] = {
        { "log loss", m->metrics->log_loss, was->metrics->log_loss, 1 },
        { "ROC AUC", m->metrics->roc_auc, was->metrics->roc_auc, -1 },
        { "calibration error", m->metrics->ece, was->metrics->ece, 1 },
    };
    for (size_t i = 0; i < COUNT(gates); i++)
        if (!(gates[i].sign * (gates[i].is - gates[i].was) <= GATE))
            return fail(c->arena, REASON_MODEL_GATE_FAILED,
                        "%s is %.4f, that of %s in service is %.4f: worse by more than %.2f", gates[i].name,
                        gates[i].is, was->name, gates[i].was, GATE);
    return ok();
}

static void move(struct ctx *c, const struct version_name *name, ModelVersion__State from,
                 ModelVersion__State to)
{
    if (*name->model)
        UNIT_ADD(c->unit, &model_sql[MODEL_MOVE], 1, REASON_CONFLICT, v_int(to), v_text(c->workspace),
                 v_text(name->model), v_text(name->version), v_int(from));
}

struct status version_promote(struct ctx *c, const struct version_name *name, ModelVersion *m, bool force)
{
    struct version_name serving;
    ModelVersion *was;
    TRY(in_service(c, &serving));
    if (*serving.model && !force) {
        TRY(version_get(c, &serving, &was));
        TRY(check_gates(c, m, was));
    }
    move(c, &serving, MODEL_VERSION__STATE_PROMOTED, MODEL_VERSION__STATE_RETIRED);
    move(c, name, m->state, MODEL_VERSION__STATE_PROMOTED);
    m->state = MODEL_VERSION__STATE_PROMOTED;
    event_note(c, "model", "model.promoted", m->name);
    return active_put(c, ACTIVE_MODEL, name->model, name->version);
}

struct status promote_model(struct ctx *c, const PromoteModelRequest *req, ModelVersion *res)
{
    struct version_name name;
    struct model *loaded;
    ModelVersion *m;
    TRY(version_name_read(c, req->name, "name", &name));
    TRY(version_get(c, &name, &m));
    if (m->state != MODEL_VERSION__STATE_PROMOTED) {
        TRY(scoring_model(c, m->digest, &loaded)); /* it must load, and is warm when the first lead comes */
        TRY(version_promote(c, &name, m, req->force));
    }
    *res = *m;
    return ok();
}

struct status rollback_model(struct ctx *c, const RollbackModelRequest *req, RollbackModelResponse *res)
{
    struct version_name serving, before;
    struct model *loaded;
    TRY(in_service(c, &serving));
    TRY(active_rollback(c, ACTIVE_MODEL, REASON_MODEL_STATE, &before.model, &before.version));
    move(c, &serving, MODEL_VERSION__STATE_PROMOTED, MODEL_VERSION__STATE_RETIRED);
    if (!*before.model) {
        event_note(c, "model", "model.rolled_back", "");
        return ok();
    }
    TRY(version_get(c, &before, &res->model_version));
    TRY(scoring_model(c, res->model_version->digest, &loaded)); /* as for a promotion: it must load */
    move(c, &before, res->model_version->state, MODEL_VERSION__STATE_PROMOTED);
    res->model_version->state = MODEL_VERSION__STATE_PROMOTED;
    event_note(c, "model", "model.rolled_back", res->model_version->name);
    return ok();
}

/* ---- In service ---- */

#define SLOT_MAX (64u * 1024)

/* A scorer and what it points at, in an arena that lies inside itself. */
struct slot {
    struct scorer scorer; /* first: the slot is found by it */
    struct arena arena;
};

static struct status fill(struct slot *s, struct model *m, const char *version, const char *digest)
{
    s->scorer.version = arena_dup(&s->arena, str_of(version));
    s->scorer.digest = arena_dup(&s->arena, str_of(digest));
    if (!s->scorer.version || !s->scorer.digest)
        return fail_memory();
    s->scorer.model = m ? model_ref(m) : NULL;
    return ok();
}

static struct status slot_make(struct model *m, const char *version, const char *digest, void **ret)
{
    struct arena arena;
    arena_init(&arena, SLOT_MAX);
    struct slot *s = ARENA_NEW(&arena, struct slot);
    if (!s)
        return fail_memory();
    s->arena = arena;
    struct status st = fill(s, m, version, digest);
    if (is_ok(st))
        *ret = &s->scorer;
    else
        model_slot_unload(&s->scorer);
    return st;
}

struct status model_slot_load(struct ctx *c, const char *resource_id, const char *version, void **ret)
{
    struct version_name name = { resource_id, version };
    struct model *loaded;
    ModelVersion *m;
    if (!*resource_id)
        return slot_make(NULL, "", SCORECARD_VERSION, ret);
    TRY(version_get(c, &name, &m));
    TRY(scoring_model(c, m->digest, &loaded));
    return slot_make(loaded, m->name, m->digest, ret);
}

void model_slot_unload(void *scorer)
{
    struct slot *s = scorer;
    struct arena arena = s->arena;
    model_unref(s->scorer.model);
    arena_done(&arena);
}
