#pragma once
/* metrics/metrics.h: what is counted, and how Prometheus reads it.
 * Table       metrics_tbl.h: name, kind, unit, labels with all their values, help. Nothing can be
 *             counted that has no row there, and no label value comes from outside
 * Call order  create; add, set, observe from anywhere; render; destroy last of all
 * Cost        an atomic add; rows marked COSTLY do nothing when the registry was made without them,
 *             and are not on the page. Neither are the GPU's memory and load then
 * Threads     any
 * Source      Prometheus text exposition format 0.0.4; counters end in _total, units are seconds
 *             and bytes; a histogram's buckets are cumulative */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/status.h"

struct ori_metrics;

enum ori_metric {
#define ORI_METRIC_ROW(id, ...) ORI_METRIC_##id,
#include "metrics/metrics_tbl.h"
#undef ORI_METRIC_ROW
    ORI_METRIC_COUNT
};

/* has_costly: ENABLE_PERFORMANCE_METRICS. */
ori_status ori_metrics_create(bool has_costly, struct ori_metrics **ret_metrics,
                              struct ori_error *err);
void ori_metrics_destroy(struct ori_metrics **metrics); /* null-safe, nulls */

/* metrics NULL: nothing happens. label: the number of the label's value in its set (0 when the row
 * has no label); a number out of the set is an assert. */
void ori_metrics_add(struct ori_metrics *metrics, enum ori_metric metric, int label, double value);
void ori_metrics_set(struct ori_metrics *metrics, enum ori_metric metric, int label, double value);
void ori_metrics_observe(struct ori_metrics *metrics, enum ori_metric metric, int label,
                         double value);
/* The current number of a counter or gauge, the sum of a histogram. */
double ori_metrics_value(const struct ori_metrics *metrics, enum ori_metric metric, int label);

/* Label numbers. The states of jobs and items are numbered as in stores/job_states_tbl.h, codes as
 * ori_status. */
enum ori_metric_queue {
    ORI_METRIC_QUEUE_ITEMS, /* waiting items of all jobs */
    ORI_METRIC_QUEUE_EMBED, /* frames that wait for the model */
    ORI_METRIC_QUEUE_DESK,  /* requests that wait for a thread of the quick desk */
    ORI_METRIC_QUEUE_SLOW,  /* of the slow desk */
    ORI_METRIC_QUEUE_COUNT
};
/* 200..299 is 1; a status that is none is 4, the server's own fault. */
static inline int ori_metrics_class(int http_status)
{
    return http_status >= 100 && http_status <= 599 ? http_status / 100 - 1 : 4;
}
/* The number of a stage's word, "open" or "decode"; of a word that is none it is "other". */
int ori_metrics_stage(const char *stage);

/* The whole page, process figures and build info among it. Does not fail: what cannot be read of
 * the system is left out. */
void ori_metrics_render(struct ori_metrics *metrics, struct ori_buf *page);
