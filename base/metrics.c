#include "base/metrics.h"

#include "base/status.h"

#include <pthread.h>
#include <stdlib.h>

enum type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

static const int64_t bounds_us[] = { 100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                     50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000 };
#define BUCKETS (COUNT(bounds_us) + 1) /* and one for what is longer */
#define HISTOGRAM_CELLS (BUCKETS + 1)  /* and the sum */

static const struct row {
    enum type type;
    enum metric_label label;
    const char *name, *help;
} rows[METRIC_COUNT] = {
#define METRIC(id, type, name, label, help) { TYPE_##type, METRIC_LABEL_##label, name, help },
#include "base/metrics.def"
#undef METRIC
};

struct shard {
    struct shard *next;
    bool taken;
    uint64_t cell[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static struct shard
    *shards; /* never freed: their counts stay true when a thread ends, the next thread goes on in them */
static __thread struct shard *mine;
static size_t offset[METRIC_COUNT + 1];
static uint64_t *set_cells; /* by metric_set, one for all threads */
static const char *values[METRIC_LABEL_COUNT][METRIC_VALUES];

static size_t label_room(enum metric_label l)
{
    return l == METRIC_LABEL_NONE          ? 1
           : l == METRIC_LABEL_METHOD_CODE ? METRIC_VALUES * METRIC_CODES
                                           : METRIC_VALUES;
}

static void give_back(void *shard)
{
    pthread_mutex_lock(&lock);
    ((struct shard *)shard)->taken = false;
    pthread_mutex_unlock(&lock);
}

static void lay_out(void)
{
    for (size_t m = 0; m < METRIC_COUNT; m++)
        offset[m + 1] =
            offset[m] + label_room(rows[m].label) * (rows[m].type == TYPE_HISTOGRAM ? HISTOGRAM_CELLS : 1);
    set_cells = calloc(offset[METRIC_COUNT], sizeof *set_cells);
    for (size_t l = 0; l < METRIC_LABEL_COUNT; l++)
        values[l][METRIC_VALUES - 1] = "other";
    if (!set_cells || pthread_key_create(&exit_key, give_back))
        BUG("no memory for metrics");
}

/* NULL when memory is out: then nothing is counted. */
static struct shard *take_shard(void)
{
    pthread_once(&once, lay_out);
    pthread_mutex_lock(&lock);
    struct shard *s = shards;
    while (s && s->taken)
        s = s->next;
    if (!s && (s = calloc(1, sizeof *s + offset[METRIC_COUNT] * sizeof s->cell[0]))) {
        s->next = shards;
        shards = s;
    }
    if (s)
        s->taken = true;
    pthread_mutex_unlock(&lock);
    if (s)
        pthread_setspecific(exit_key, s);
    return mine = s;
}

/* Only this thread writes the cell; the scrape reads it at the same time. */
static void bump(uint64_t *cell, uint64_t n)
{
    __atomic_store_n(cell, __atomic_load_n(cell, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

size_t metric_value(enum metric_label l, const char *value)
{
    pthread_once(&once, lay_out);
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < METRIC_VALUES - 1 && values[l][i] && strcmp(values[l][i], value) != 0)
        i++;
    if (!values[l][i] && !(values[l][i] = strdup(value)))
        i = METRIC_VALUES - 1;
    pthread_mutex_unlock(&lock);
    return i;
}

size_t metric_find(enum metric_label l, const char *value)
{
    size_t i = 0;
    pthread_mutex_lock(&lock);
    while (i < METRIC_VALUES && (!values[l][i] || strcmp(values[l][i], value) != 0))
        i++;
    pthread_mutex_unlock(&lock);
    return i;
}

void metric_add(enum metric m, size_t value, uint64_t n)
{
    struct shard *s = mine ? mine : take_shard();
    if (s && value < label_room(rows[m].label))
        bump(&s->cell[offset[m] + value], n);
}

void metric_time(enum metric m, size_t value, int64_t us)
{
    struct shard *s = mine ? mine : take_shard();
    size_t b = 0;
    if (!s || value >= label_room(rows[m].label))
        return;
    while (b < COUNT(bounds_us) && us > bounds_us[b])
        b++;
    uint64_t *cells = &s->cell[offset[m] + value * HISTOGRAM_CELLS];
    bump(&cells[b], 1);
    bump(&cells[BUCKETS], us > 0 ? (uint64_t)us : 0);
}

void metric_set(enum metric m, size_t value, uint64_t now)
{
    pthread_once(&once, lay_out);
    if (value < label_room(rows[m].label))
        __atomic_store_n(&set_cells[offset[m] + value], now, __ATOMIC_RELAXED);
}

/* Called with the lock held. */
static uint64_t sum(size_t cell)
{
    uint64_t n = __atomic_load_n(&set_cells[cell], __ATOMIC_RELAXED);
    for (const struct shard *s = shards; s; s = s->next)
        n += __atomic_load_n(&s->cell[cell], __ATOMIC_RELAXED);
    return n;
}

uint64_t metric_total(enum metric m, size_t value)
{
    uint64_t n = 0;
    pthread_once(&once, lay_out);
    pthread_mutex_lock(&lock);
    if (rows[m].type != TYPE_HISTOGRAM)
        n = sum(offset[m] + value);
    else
        for (size_t b = 0; b < BUCKETS; b++)
            n += sum(offset[m] + value * HISTOGRAM_CELLS + b);
    pthread_mutex_unlock(&lock);
    return n;
}

/* The labels of one value, without braces: method="a.B/C",code="OK" */
static void put_labels(struct buf *b, enum metric_label l, size_t value)
{
    if (l == METRIC_LABEL_METHOD)
        buf_printf(b, "method=\"%s\"", values[l][value]);
    else if (l == METRIC_LABEL_LANE)
        buf_printf(b, "lane=\"%s\"", values[l][value]);
    else if (l == METRIC_LABEL_METHOD_CODE)
        buf_printf(b, "method=\"%s\",code=\"%s\"", values[METRIC_LABEL_METHOD][value / METRIC_CODES],
                   code_name((enum code)(value % METRIC_CODES)));
}

static void put_histogram(struct buf *b, size_t m, size_t value)
{
    size_t at = offset[m] + value * HISTOGRAM_CELLS;
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        total += sum(at + i);
    if (!total)
        return;
    uint64_t below = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        below += sum(at + i);
        buf_printf(b, "%s_bucket{", rows[m].name);
        put_labels(b, rows[m].label, value);
        if (i < COUNT(bounds_us))
            buf_printf(b, ",le=\"%g\"} %llu\n", (double)bounds_us[i] / 1e6, (unsigned long long)below);
        else
            buf_printf(b, ",le=\"+Inf\"} %llu\n", (unsigned long long)below);
    }
    buf_printf(b, "%s_sum{", rows[m].name);
    put_labels(b, rows[m].label, value);
    buf_printf(b, "} %.6f\n%s_count{", (double)sum(at + BUCKETS) / 1e6, rows[m].name);
    put_labels(b, rows[m].label, value);
    buf_printf(b, "} %llu\n", (unsigned long long)below);
}

static void put_number(struct buf *b, size_t m, size_t value)
{
    uint64_t n = sum(offset[m] + value);
    if (!n && rows[m].label != METRIC_LABEL_NONE)
        return;
    buf_puts(b, rows[m].name);
    if (rows[m].label != METRIC_LABEL_NONE) {
        buf_putc(b, '{');
        put_labels(b, rows[m].label, value);
        buf_putc(b, '}');
    }
    buf_printf(b, " %llu\n", (unsigned long long)n);
}

void metrics_text(struct buf *b)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    pthread_once(&once, lay_out);
    pthread_mutex_lock(&lock);
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", rows[m].name, rows[m].help, rows[m].name,
                   types[rows[m].type]);
        for (size_t v = 0; v < label_room(rows[m].label); v++) {
            if (rows[m].type == TYPE_HISTOGRAM)
                put_histogram(b, m, v);
            else
                put_number(b, m, v);
        }
    }
    pthread_mutex_unlock(&lock);
}
