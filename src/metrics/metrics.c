/* The registry: one number, or one histogram, for each row of the table and each value of its
 * label, made at the start and only ever added to. So counting takes no lock and no memory. */
#include "metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_priv.h"

const struct ori_metric_row ori_metric_rows[ORI_METRIC_COUNT] = {
#define COST_CHEAP false
#define COST_COSTLY true
#define ORI_METRIC_ROW(id_, name_, kind_, set_, cost_, help_)                                      \
    [ORI_METRIC_##id_] = {.name = (name_),                                                         \
                          .help = (help_),                                                         \
                          .kind = ORI_METRIC_KIND_##kind_,                                         \
                          .set = ORI_METRIC_SET_##set_,                                            \
                          .is_costly = COST_##cost_},
#include "metrics/metrics_tbl.h"
#undef ORI_METRIC_ROW
};

/* From an answer of the server to a long video: about two and a half times the one before. */
const double ori_metric_buckets[ORI_METRIC_BUCKETS] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};

double ori_metric_of_bits(uint64_t bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void add_to(_Atomic uint64_t *cell, double value)
{
    uint64_t seen = atomic_load(cell);
    while (!atomic_compare_exchange_weak(cell, &seen, bits_of(ori_metric_of_bits(seen) + value)))
        ;
}

ori_status ori_metrics_create(bool has_costly, struct ori_metrics **ret_metrics,
                              struct ori_error *err)
{
    size_t cells = 0;
    size_t histograms = 0;
    struct ori_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return ori_error_set(err, ORI_NOMEM, "metrics");
    for (int i = 0; i < ORI_METRIC_COUNT; i++) {
        const struct ori_metric_row *row = &ori_metric_rows[i];
        size_t *used = row->kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS ? &histograms : &cells;
        metrics->first[i] = *used;
        *used += (size_t)ori_metric_words_count(row->set);
    }
    metrics->has_costly = has_costly;
    metrics->start_seconds = ori_process_start_seconds();
    metrics->cells = calloc(cells, sizeof *metrics->cells);
    metrics->histograms = calloc(histograms, sizeof *metrics->histograms);
    if (!metrics->cells || !metrics->histograms) {
        ori_metrics_destroy(&metrics);
        return ori_error_set(err, ORI_NOMEM, "metrics");
    }
    ori_gpu_open(NULL, &metrics->gpu);
    *ret_metrics = metrics;
    return ORI_OK;
}

void ori_metrics_destroy(struct ori_metrics **metrics)
{
    if (!metrics || !*metrics)
        return;
    ori_gpu_close(&(*metrics)->gpu);
    free((*metrics)->cells);
    free((*metrics)->histograms);
    free(*metrics);
    *metrics = NULL;
}

/* Whether there is something to count, and that the row and its label fit the call. */
static bool is_counted(const struct ori_metrics *metrics, enum ori_metric metric, int label,
                       bool is_histogram)
{
    ORI_ASSERT((unsigned)metric < ORI_METRIC_COUNT);
    const struct ori_metric_row *row = &ori_metric_rows[metric];
    ORI_ASSERT((row->kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS) == is_histogram);
    ORI_ASSERT(ori_metric_word(row->set, label));
    return metrics && (metrics->has_costly || !row->is_costly);
}

void ori_metrics_add(struct ori_metrics *metrics, enum ori_metric metric, int label, double value)
{
    bool is_on = is_counted(metrics, metric, label, false);
    /* A counter that fell, or was no number, would look like a restart of the process. */
    ORI_ASSERT(isfinite(value) &&
               (value >= 0 || ori_metric_rows[metric].kind == ORI_METRIC_KIND_GAUGE));
    if (is_on)
        add_to(&metrics->cells[metrics->first[metric] + (size_t)label].value, value);
}

void ori_metrics_set(struct ori_metrics *metrics, enum ori_metric metric, int label, double value)
{
    bool is_on = is_counted(metrics, metric, label, false);
    ORI_ASSERT(ori_metric_rows[metric].kind == ORI_METRIC_KIND_GAUGE && isfinite(value));
    if (is_on)
        atomic_store(&metrics->cells[metrics->first[metric] + (size_t)label].value, bits_of(value));
}

void ori_metrics_observe(struct ori_metrics *metrics, enum ori_metric metric, int label,
                         double value)
{
    if (!is_counted(metrics, metric, label, true))
        return;
    ORI_ASSERT(isfinite(value) && value >= 0);
    struct ori_metric_histogram *histogram =
        &metrics->histograms[metrics->first[metric] + (size_t)label];
    int bucket = 0;
    while (bucket < ORI_METRIC_BUCKETS && value > ori_metric_buckets[bucket])
        bucket++;
    atomic_fetch_add(&histogram->counts[bucket], 1);
    add_to(&histogram->sum, value);
}

double ori_metrics_value(const struct ori_metrics *metrics, enum ori_metric metric, int label)
{
    ORI_ASSERT((unsigned)metric < ORI_METRIC_COUNT);
    const struct ori_metric_row *row = &ori_metric_rows[metric];
    ORI_ASSERT(ori_metric_word(row->set, label));
    if (!metrics)
        return 0;
    size_t at = metrics->first[metric] + (size_t)label;
    return ori_metric_of_bits(row->kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS
                                  ? atomic_load(&metrics->histograms[at].sum)
                                  : atomic_load(&metrics->cells[at].value));
}
