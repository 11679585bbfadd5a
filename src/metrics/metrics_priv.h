#pragma once
/* metrics/metrics_priv.h: the registry's inside, for the files of this folder alone. */
#include <stdatomic.h>

#include "metrics/gpu.h"
#include "metrics/metrics.h"

enum ori_metric_kind {
    ORI_METRIC_KIND_COUNTER,
    ORI_METRIC_KIND_GAUGE,
    ORI_METRIC_KIND_HISTOGRAM_SECONDS
};

enum ori_metric_set {
    ORI_METRIC_SET_NONE,
    ORI_METRIC_SET_STAGE,
    ORI_METRIC_SET_STATUS,
    ORI_METRIC_SET_ITEM_STATE,
    ORI_METRIC_SET_ENDED_STATE,
    ORI_METRIC_SET_JOB_STATE,
    ORI_METRIC_SET_CLASS,
    ORI_METRIC_SET_QUEUE,
    ORI_METRIC_SET_COUNT
};

/* metrics_labels.c */
const char *ori_metric_label(enum ori_metric_set set); /* "stage"; "" for NONE */
int ori_metric_words_count(enum ori_metric_set set);   /* 1 for NONE */
/* NULL: this number is not in the set. */
const char *ori_metric_word(enum ori_metric_set set, int number);

struct ori_metric_row {
    const char *name;
    const char *help;
    enum ori_metric_kind kind;
    enum ori_metric_set set;
    bool is_costly;
};
extern const struct ori_metric_row ori_metric_rows[ORI_METRIC_COUNT];

/* Upper bounds of a histogram's buckets; one more takes what is above the last. */
#define ORI_METRIC_BUCKETS 17
extern const double ori_metric_buckets[ORI_METRIC_BUCKETS];

/* A double is kept as its bits: C has no atomic addition of doubles without a library of its own. */
struct ori_metric_cell {
    _Atomic uint64_t value;
};
struct ori_metric_histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t counts[ORI_METRIC_BUCKETS + 1]; /* not cumulative yet */
};

struct ori_metrics {
    bool has_costly;
    double start_seconds; /* of the process, since 1970; 0: not known */
    struct ori_gpu *gpu;
    size_t first[ORI_METRIC_COUNT]; /* of a row, in cells or histograms */
    struct ori_metric_cell *cells;
    struct ori_metric_histogram *histograms;
};

double ori_metric_of_bits(uint64_t bits);

/* render.c: the text format. labels: `stage="open"`, "" for none. */
void ori_metrics_write_head(struct ori_buf *page, const char *name, const char *type,
                            const char *help);
void ori_metrics_write_value(struct ori_buf *page, const char *name, const char *labels,
                             double value);
/* A whole metric without labels. */
void ori_metrics_write_plain(struct ori_buf *page, const char *name, const char *type,
                             const char *help, double value);
/* name="value" with the value escaped. */
void ori_metrics_write_label(struct ori_buf *labels, const char *name, const char *value);

/* process.c */
double ori_process_start_seconds(void); /* 0: not known */
void ori_process_render(const struct ori_metrics *metrics, struct ori_buf *page);
