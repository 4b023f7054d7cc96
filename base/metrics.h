/* metrics.h: counts and times for Prometheus. The rows are in metrics.def.
 *
 * Each thread counts in a shard of its own (a few plain stores, no lock, no shared cache line); a scrape sums
 * the shards. Any thread, at any time. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

C_BEGIN

enum metric {
#define METRIC(id, type, name, label, help) METRIC_##id,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_label {
    METRIC_LABEL_NONE,
    METRIC_LABEL_METHOD,
    METRIC_LABEL_METHOD_CODE,
    METRIC_LABEL_LANE,
    METRIC_LABEL_COUNT
};

#define METRIC_VALUES 256 /* values a label may have; later ones count as "other" */
#define METRIC_CODES 17   /* gRPC's */

/* The index of a label's value, the same for the same text, which is copied. Not for METHOD_CODE: its
 * index is metric_method_code(). */
size_t metric_value(enum metric_label l, const char *value);
/* The same, but never adds: METRIC_VALUES where the label has no such value yet. The text need not last. */
size_t metric_find(enum metric_label l, const char *value);
static inline size_t metric_method_code(size_t method, unsigned code)
{
    return method * METRIC_CODES + code;
}

/* `value` is the label's index; 0 where the metric has no label. */
void metric_add(enum metric m, size_t value, uint64_t n);
void metric_time(enum metric m, size_t value, int64_t us); /* HISTOGRAM */
void metric_set(enum metric m, size_t value,
                uint64_t now); /* GAUGE, or a COUNTER that is counted elsewhere */

/* What all threads counted so far. */
uint64_t metric_total(enum metric m, size_t value); /* HISTOGRAM: the number of observations */
/* Prometheus' text format, version 0.0.4. Values never touched are left out. */
void metrics_text(struct buf *b);

C_END
#endif
