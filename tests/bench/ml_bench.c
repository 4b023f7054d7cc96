/* ml_bench.c: the forest walker and the explainer against XGBoost's C API, on the same boosters and rows, in
 * one run.
 *
 *   bazel run -c opt //tests/bench:ml_bench -- [DIR]       DIR holds train.csv and schema.json; default
 * testdata/bank
 *
 * 5 boosters of 100 trees, depth 6, as in a bag; one cell in twenty is made missing. Thread CPU time, every
 * method in each of the rounds in turn; figures are medians over rounds, ratios the median of the rounds'
 * ratios. */
#include "base/clock.h"
#include "base/ids.h"
#include "ml/learn.h"
#include "ml/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BOOSTERS 5
#define TREES 100
#define ROUNDS 5
#define ROWS_SCORED 2000
#define ROWS_EXPLAINED 300

struct bench {
    struct arena arena, errors;
    struct frame frame;
    struct schema schema;
    struct dataset data;
    uint32_t width;
    size_t n;
    struct matrix *all, *few, *one[ROWS_EXPLAINED];
    struct booster *boosters[BOOSTERS];
    struct forest forests[BOOSTERS];
    struct shap shaps[BOOSTERS];
    float *doubled; /* every row */
    float *sums[2]; /* margins by the two methods */
    double *phi[2]; /* contributions by the two methods, for ROWS_EXPLAINED */
};

static void must(struct status s)
{
    if (is_ok(s))
        return;
    fprintf(stderr, "ml_bench: %s: %s\n", reason_name((enum reason)s.reason), s.message ? s.message : "");
    exit(1);
}

/* ---- Preparing ---- */

static void slurp(const char *dir, const char *name, struct buf *b)
{
    char path[4096], block[65536];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    buf_init(b, (size_t)1 << 30);
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_put(b, block, n);
    fclose(f);
}

static void load(struct bench *b, const char *dir)
{
    struct buf schema, csv;
    slurp(dir, "schema.json", &schema);
    slurp(dir, "train.csv", &csv);
    must(schema_parse(buf_str(&schema), &b->arena, &b->schema));
    must(frame_init(&b->frame, 10000000, (size_t)4 << 30, &b->errors));
    must(frame_feed(&b->frame, buf_str(&csv)));
    must(frame_end(&b->frame));
    must(dataset_learn(&b->frame, &b->schema, b->schema.target, &b->arena, &b->errors, &b->data));
    buf_done(&schema);
    buf_done(&csv);
    b->width = b->data.view.n_features;
    b->n = b->data.n;
    for (size_t i = 0; i < b->n * b->width; i++)
        if (mix64(i) % 20 == 0)
            b->data.x[i] = NAN;
}

static void train(struct bench *b, int k)
{
    char seed[16];
    snprintf(seed, sizeof seed, "%d", k + 1);
    const struct booster_param params[] = { { "objective", "binary:logistic" },
                                            { "tree_method", "hist" },
                                            { "max_depth", "6" },
                                            { "eta", "0.1" },
                                            { "subsample", "0.8" },
                                            { "seed", seed },
                                            { "base_score", "0.5" },
                                            { NULL, NULL } };
    struct buf json;
    uint32_t *target = ARENA_ARRAY(&b->arena, b->width, uint32_t);
    must(booster_new(b->all, NULL, params, &b->errors, &b->boosters[k]));
    for (int r = 0; r < TREES; r++)
        must(booster_round(b->boosters[k], r, &b->errors));
    buf_init(&json, (size_t)1 << 30);
    must(booster_save(b->boosters[k], 0, &b->errors, &json));
    must(forest_import(buf_str(&json), &b->arena, &b->errors, &b->forests[k]));
    buf_done(&json);
    for (uint32_t i = 0; i < b->width; i++)
        target[i] = i;
    if (!shap_build(&b->forests[k], target, 1, &b->arena, &b->shaps[k]))
        must(fail_memory());
}

static void prepare(struct bench *b, const char *dir)
{
    arena_init(&b->arena, (size_t)8 << 30);
    arena_init(&b->errors, 1 << 20);
    load(b, dir);
    must(matrix_new(b->data.x, b->n, b->width, b->data.y, NULL, &b->errors, &b->all));
    must(matrix_new(b->data.x, ROWS_EXPLAINED, b->width, NULL, NULL, &b->errors, &b->few));
    for (size_t i = 0; i < ROWS_EXPLAINED; i++)
        must(matrix_new(b->data.x + i * b->width, 1, b->width, NULL, NULL, &b->errors, &b->one[i]));
    for (int k = 0; k < BOOSTERS; k++)
        train(b, k);
    b->doubled = calloc(2 * (size_t)b->width, sizeof(float));
    for (int m = 0; m < 2; m++) {
        b->sums[m] = calloc((size_t)ROWS_SCORED * BOOSTERS, sizeof(float));
        b->phi[m] = calloc((size_t)ROWS_EXPLAINED * BOOSTERS * (b->width + 1), sizeof(double));
    }
}

/* ---- Methods: each does all its rows and leaves its results ---- */

static void score_xgboost(struct bench *b)
{
    for (size_t i = 0; i < ROWS_SCORED; i++)
        for (int k = 0; k < BOOSTERS; k++)
            must(booster_row_margin(b->boosters[k], b->data.x + i * b->width, b->width,
                                    &b->sums[0][i * BOOSTERS + k]));
}

static void score_walker(struct bench *b)
{
    for (size_t i = 0; i < ROWS_SCORED; i++) {
        row_double(b->data.x + i * b->width, b->width, b->doubled);
        for (int k = 0; k < BOOSTERS; k++)
            b->sums[1][i * BOOSTERS + k] = forest_margin(&b->forests[k], b->doubled);
    }
}

static double *place(struct bench *b, int method, size_t row, int booster)
{
    return b->phi[method] + (row * BOOSTERS + (size_t)booster) * (b->width + 1);
}

/* A block of rows at once, XGBoost's best case. */
static void explain_xgboost_block(struct bench *b)
{
    size_t n = (size_t)ROWS_EXPLAINED * (b->width + 1);
    float *out = malloc(n * sizeof *out);
    for (int k = 0; k < BOOSTERS; k++) {
        must(booster_contributions(b->boosters[k], b->few, &b->errors, out, n));
        for (size_t i = 0; i < ROWS_EXPLAINED; i++)
            for (uint32_t j = 0; j <= b->width; j++)
                place(b, 0, i, k)[j] = (double)out[i * (b->width + 1) + j];
    }
    free(out);
}

static void explain_xgboost_single(struct bench *b)
{
    float out[MODEL_FEATURES_MAX + 1];
    for (size_t i = 0; i < ROWS_EXPLAINED; i++)
        for (int k = 0; k < BOOSTERS; k++)
            must(booster_contributions(b->boosters[k], b->one[i], &b->errors, out, b->width + 1));
}

static void explain_own(struct bench *b)
{
    static shap_lanes lanes[MODEL_FEATURES_MAX];
    for (size_t i = 0; i < ROWS_EXPLAINED; i++) {
        row_double(b->data.x + i * b->width, b->width, b->doubled);
        for (int k = 0; k < BOOSTERS; k++) {
            double *phi = place(b, 1, i, k);
            memset(lanes, 0, sizeof lanes);
            shap_add(&b->shaps[k], b->doubled, lanes);
            for (uint32_t j = 0; j < b->width; j++)
                phi[j] = shap_sum(&lanes[j]);
            phi[b->width] = b->shaps[k].base;
        }
    }
}

static const struct {
    const char *name;
    void (*run)(struct bench *);
    size_t rows;
    int against; /* the row whose time is divided by this one's */
} methods[] = {
    { "score: XGBoost in-place, one row a call", score_xgboost, ROWS_SCORED, 0 },
    { "score: forest walker", score_walker, ROWS_SCORED, 0 },
    { "explain: XGBoost pred_contribs, 300 rows a call", explain_xgboost_block, ROWS_EXPLAINED, 2 },
    { "explain: XGBoost pred_contribs, one row a call", explain_xgboost_single, ROWS_EXPLAINED, 2 },
    { "explain: own, eight trees at once", explain_own, ROWS_EXPLAINED, 2 },
};

/* ---- Results ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *v)
{
    double s[ROUNDS];
    memcpy(s, v, sizeof s);
    qsort(s, ROUNDS, sizeof *s, by_value);
    return s[ROUNDS / 2];
}

static void print_times(double times[COUNT(methods)][ROUNDS])
{
    printf("| method | us a row (median of %d rounds) | rows/s | times faster |\n|---|---|---|---|\n",
           ROUNDS);
    for (size_t m = 0; m < COUNT(methods); m++) {
        double ratios[ROUNDS];
        for (int r = 0; r < ROUNDS; r++)
            ratios[r] = times[methods[m].against][r] / times[m][r];
        printf("| %s | %.2f | %.0f | %.1f |\n", methods[m].name, median(times[m]), 1e6 / median(times[m]),
               median(ratios));
    }
}

static void print_differences(struct bench *b)
{
    size_t bits = 0;
    double contribution = 0, sum_error = 0;
    for (size_t i = 0; i < (size_t)ROWS_SCORED * BOOSTERS; i++)
        bits += memcmp(&b->sums[0][i], &b->sums[1][i], sizeof(float)) != 0;
    for (size_t i = 0; i < ROWS_EXPLAINED; i++)
        for (int k = 0; k < BOOSTERS; k++) {
            double total = 0;
            for (uint32_t j = 0; j <= b->width; j++) {
                contribution = fmax(contribution, fabs(place(b, 0, i, k)[j] - place(b, 1, i, k)[j]));
                total += place(b, 1, i, k)[j];
            }
            sum_error = fmax(sum_error, fabs(total - (double)b->sums[1][i * BOOSTERS + (size_t)k]));
        }
    printf("\nmargins whose bits differ: %zu of %d; largest difference of a contribution: %.2g; of their sum "
           "from the margin: "
           "%.2g\n",
           bits, ROWS_SCORED * BOOSTERS, contribution, sum_error);
}

int main(int argc, char **argv)
{
    static struct bench b;
    double times[COUNT(methods)][ROUNDS];
    prepare(&b, argc > 1 ? argv[1] : "testdata/bank");
    printf("%zu rows, %u features, %d boosters of %d trees, depth 6\n\n", b.n, b.width, BOOSTERS, TREES);
    for (int r = 0; r < ROUNDS; r++)
        for (size_t m = 0; m < COUNT(methods); m++) {
            int64_t from = clock_thread_cpu_ns();
            methods[m].run(&b);
            times[m][r] = (double)(clock_thread_cpu_ns() - from) / 1e3 / (double)methods[m].rows;
        }
    print_times(times);
    print_differences(&b);
    return 0;
}
