#include "ml/metrics.h"

#include <math.h>
#include <stdlib.h>

#define POINTS 100u
#define BINS 15u

struct scored {
    double p;
    float y;
    size_t row;
};

/* The highest score first; equal scores in row order. */
static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static struct scored *sorted(const double *p, const float *y, size_t n)
{
    struct scored *s = calloc(n + 1, sizeof *s);
    for (size_t i = 0; s && i < n; i++) {
        struct scored one = { p[i], y[i], i };
        s[i] = one;
    }
    if (s)
        qsort(s, n, sizeof *s, by_score);
    return s;
}

/* Ranking metrics; ties count half in AUC and as one threshold in average precision. */
static void take_ranking(const struct scored *s, size_t n, double positives, struct metrics *m)
{
    double tp = 0, fp = 0, area = 0, precision = 0, negatives = (double)n - positives;
    for (size_t i = 0; i < n;) {
        double tp0 = tp, fp0 = fp;
        size_t j = i;
        for (; j < n && s[j].p == s[i].p; j++) {
            tp += s[j].y > 0;
            fp += !(s[j].y > 0);
        }
        area += (fp - fp0) * (tp0 + tp) / 2;
        precision += (tp - tp0) / positives * tp / (tp + fp);
        i = j;
    }
    m->auc = area / (positives * negatives);
    m->pr_auc = precision;
}

static void take_losses(const double *p, const float *y, size_t n, struct metrics *m)
{
    double rows[BINS] = { 0 }, scores[BINS] = { 0 }, outcomes[BINS] = { 0 };
    for (size_t i = 0; i < n; i++) {
        double q = MIN(MAX(p[i], 1e-7), 1 - 1e-7);
        size_t bin = MIN((size_t)(p[i] * BINS), (size_t)BINS - 1);
        m->log_loss -= (y[i] > 0 ? log(q) : log(1 - q)) / (double)n;
        m->brier += (p[i] - (double)y[i]) * (p[i] - (double)y[i]) / (double)n;
        rows[bin]++;
        scores[bin] += p[i];
        outcomes[bin] += (double)y[i];
    }
    for (size_t b = 0; b < BINS; b++)
        m->ece15 += fabs(scores[b] - outcomes[b]) / (double)n;
}

struct status metrics_of(const double *p, const float *y, size_t n, struct metrics *ret)
{
    struct metrics m;
    double positives = 0, top = 0;
    size_t tenth = MAX((size_t)1, (size_t)((double)n * 0.1 + 0.5));
    struct scored *s = sorted(p, y, n);
    memset(&m, 0, sizeof m);
    if (!s)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        positives += (double)s[i].y;
        top += i < tenth ? (double)s[i].y : 0;
    }
    m.base_rate = positives / (double)n;
    m.lift10 = top / (double)tenth / m.base_rate;
    take_ranking(s, n, positives, &m);
    take_losses(p, y, n, &m);
    free(s);
    *ret = m;
    return ok();
}

static void put_point(struct buf *json, bool first, const char *x, double a, const char *y, double b)
{
    buf_printf(json, "%s{\"%s\":%.6g,\"%s\":%.6g}", first ? "" : ",", x, a, y, b);
}

/* One pass over the sorted rows: a point every n / POINTS rows. */
enum curve { ROC, PR, GAIN };

static void put_curve(const struct scored *s, size_t n, double positives, enum curve which, struct buf *json)
{
    static const char *const names[] = { "roc", "pr", "gain" };
    double tp = 0;
    bool first = true;
    buf_printf(json, ",\"%s\":[", names[which]);
    for (size_t i = 0, made = 0; i < n; i++) {
        tp += s[i].y > 0;
        double seen = (double)(i + 1);
        if ((i + 1) * POINTS / n <= made && i + 1 < n)
            continue;
        made = (i + 1) * POINTS / n;
        if (which == ROC)
            put_point(json, first, "fpr", (seen - tp) / ((double)n - positives), "tpr", tp / positives);
        else if (which == PR)
            put_point(json, first, "recall", tp / positives, "precision", tp / seen);
        else
            put_point(json, first, "share", seen / (double)n, "captured", tp / positives);
        first = false;
    }
    buf_puts(json, "]");
}

static void put_reliability(const struct scored *s, size_t n, struct buf *json)
{
    buf_puts(json, ",\"reliability\":[");
    for (size_t b = 0; b < BINS; b++) {
        size_t from = n * b / BINS, to = n * (b + 1) / BINS;
        double score = 0, rate = 0;
        for (size_t i = from; i < to; i++) {
            score += s[i].p / (double)(to - from);
            rate += (double)s[i].y / (double)(to - from);
        }
        if (to > from)
            buf_printf(json, "%s{\"score\":%.6g,\"rate\":%.6g,\"rows\":%zu}", b ? "," : "", score, rate,
                       to - from);
    }
    buf_puts(json, "]");
}

struct status metrics_curves(const double *p, const float *y, size_t n, struct buf *json)
{
    double positives = 0;
    struct scored *s = sorted(p, y, n);
    if (!s)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        positives += (double)y[i];
    for (int which = ROC; which <= GAIN; which++)
        put_curve(s, n, positives, (enum curve)which, json);
    put_reliability(s, n, json);
    free(s);
    return ok();
}
