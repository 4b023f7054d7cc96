/* report.c: report.json of a training: what the model is worth on rows it has not seen. */
#include "ml/metrics.h"
#include "ml/train.h"

#include <stdlib.h>

static void put_members(const struct report_input *in, struct buf *json)
{
    buf_puts(json, ",\"members\":[");
    for (uint32_t k = 0; k < in->n_candidates; k++) {
        const struct candidate *c = &in->candidates[k];
        buf_printf(json, "%s{\"name\":\"%s\",\"log_loss\":%.6f,\"weight\":%.6f,\"rounds\":%u}", k ? "," : "",
                   c->name, c->loss, in->stack->weights[k], c->rounds);
    }
    buf_puts(json, "]");
}

static void put_metrics(const struct metrics *m, struct buf *json)
{
    buf_printf(
        json,
        ",\"out_of_fold\":{\"auc\":%.6f,\"pr_auc\":%.6f,\"log_loss\":%.6f,\"brier\":%.6f,\"ece15\":%.6f,"
        "\"lift10\":%.4f}",
        m->auc, m->pr_auc, m->log_loss, m->brier, m->ece15, m->lift10);
}

struct coverage {
    double hit[2], rows[2], size, singletons;
};

static void count_row(struct coverage *c, double margin, bool y, double w, const struct conformal *t)
{
    bool in1 = margin >= t->in1_from, in0 = margin <= t->in0_to;
    c->rows[y] += w;
    c->hit[y] += (y ? in1 : in0) ? w : 0;
    c->size += w * (in0 + in1);
    c->singletons += in0 != in1 ? w : 0;
}

/* Each part's sets by the thresholds of the other parts. */
static struct status take_coverage(const struct report_input *in, double alpha, struct coverage *c)
{
    const struct oof *o = in->oof;
    double *margin = calloc(o->n_judged, sizeof *margin);
    float *yw = calloc(2 * o->n_judged, sizeof *yw);
    struct status s = margin && yw ? ok() : fail_memory();
    for (uint32_t part = 0; is_ok(s) && part < TRAIN_FOLDS; part++) {
        struct conformal t = { 0, 0 };
        size_t k = 0;
        for (size_t i = 0; i < o->n_judged; i++) {
            if (o->part[i] == part)
                continue;
            margin[k] = in->margin[i];
            yw[o->n_judged + k] = o->w[i];
            yw[k++] = o->y[i];
        }
        s = conformal_fit(margin, k, yw, yw + o->n_judged, alpha, &t);
        for (size_t i = 0; is_ok(s) && i < o->n_judged; i++)
            if (o->part[i] == part)
                count_row(c, in->margin[i], o->y[i] > 0, (double)o->w[i], &t);
    }
    free(margin);
    free(yw);
    return s;
}

static struct status put_conformal(const struct report_input *in, struct buf *json)
{
    static const double levels[] = { 0.90, 0.95 };
    buf_puts(json, ",\"conformal\":[");
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct coverage c = { { 0, 0 }, { 0, 0 }, 0, 0 };
        TRY(take_coverage(in, 1 - levels[i], &c));
        double all = c.rows[0] + c.rows[1];
        buf_printf(
            json,
            "%s{\"level\":%.2f,\"coverage0\":%.4f,\"coverage1\":%.4f,\"mean_size\":%.4f,\"singletons\":%.4f}",
            i ? "," : "", levels[i], c.hit[0] / c.rows[0], c.hit[1] / c.rows[1], c.size / all,
            c.singletons / all);
    }
    buf_puts(json, "]");
    return ok();
}

static struct status put_all(const struct report_input *in, const double *p, struct buf *json)
{
    const struct dataset *d = &in->oof->data;
    struct metrics m;
    TRY(metrics_of(p, in->oof->y, in->oof->n_judged, &m));
    buf_printf(json, "{\"rows\":%zu,\"judged_rows\":%zu,\"base_rate\":%.6f,\"columns\":%u,\"features\":%u",
               d->n, in->oof->n_judged, m.base_rate, d->view.n_columns, d->view.n_features);
    put_metrics(&m, json);
    put_members(in, json);
    buf_printf(json, ",\"bias\":%.6f,\"calibration\":{\"a\":%.6f,\"b\":%.6f,\"c\":%.6f}", in->stack->bias,
               in->calibration->a, in->calibration->b, in->calibration->c);
    TRY(put_conformal(in, json));
    TRY(metrics_curves(p, in->oof->y, in->oof->n_judged, json));
    buf_puts(json, "}");
    return ok();
}

struct status report_write(const struct report_input *in, struct arena *a, struct str *ret)
{
    size_t n = in->oof->n_judged;
    struct buf json;
    double *p = ARENA_ARRAY(a, n, double);
    if (!p)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        p[i] = calibration_apply(in->calibration, in->margin[i]);
    buf_init(&json, 1024 * 1024);
    struct status s = put_all(in, p, &json);
    const char *copy = is_ok(s) && !json.overflow ? arena_dup(a, buf_str(&json)) : NULL;
    *ret = str_make(copy ? copy : "", copy ? json.n : 0);
    buf_done(&json);
    return is_ok(s) && !copy ? fail_memory() : s;
}
