/* The page as Prometheus reads it: text exposition format 0.0.4. */
#include "metrics/built_from.h"
#include "metrics/metrics_priv.h"
#include "util/text.h"

#define LABELS_BYTES_MAX 512

/* Backslash and line end, inside a label's value the quote too. */
static void write_escaped(struct ori_buf *page, const char *text, bool is_label)
{
    for (; *text; text++) {
        if (*text == '\n')
            ori_buf_add(page, "\\n", 2);
        else if (*text == '\\' || (is_label && *text == '"'))
            ori_buf_printf(page, "\\%c", *text);
        else
            ori_buf_add(page, text, 1);
    }
}

void ori_metrics_write_label(struct ori_buf *labels, const char *name, const char *value)
{
    ori_buf_printf(labels, "%s%s=\"", labels->used > 0 ? "," : "", name);
    write_escaped(labels, value, true);
    ori_buf_add(labels, "\"", 1);
}

void ori_metrics_write_head(struct ori_buf *page, const char *name, const char *type,
                            const char *help)
{
    ori_buf_printf(page, "# HELP %s ", name);
    write_escaped(page, help, false);
    ori_buf_printf(page, "\n# TYPE %s %s\n", name, type);
}

void ori_metrics_write_value(struct ori_buf *page, const char *name, const char *labels,
                             double value)
{
    char text[ORI_TEXT_REAL_BYTES];
    ori_text_of_real(value, text);
    ori_buf_add_text(page, name);
    if (labels[0])
        ori_buf_printf(page, "{%s}", labels);
    ori_buf_printf(page, " %s\n", text);
}

void ori_metrics_write_plain(struct ori_buf *page, const char *name, const char *type,
                             const char *help, double value)
{
    ori_metrics_write_head(page, name, type, help);
    ori_metrics_write_value(page, name, "", value);
}

/* labels is given back as it came. */
static void write_bucket(struct ori_buf *page, const char *name, struct ori_buf *labels,
                         const char *bound, uint64_t count)
{
    size_t used = labels->used;
    ori_metrics_write_label(labels, "le", bound);
    ori_buf_printf(page, "%s_bucket{%s} %llu\n", name, ori_buf_text(labels),
                   (unsigned long long)count);
    labels->used = used;
    if (labels->data)
        labels->data[used] = '\0';
}

/* The count is the last bucket's, so that a page is true to itself while others go on counting. */
static void write_histogram(struct ori_buf *page, const char *name, struct ori_buf *labels,
                            const struct ori_metric_histogram *histogram)
{
    uint64_t count = 0;
    char real[ORI_TEXT_REAL_BYTES];
    const char *open = labels->used > 0 ? "{" : "";
    const char *close = labels->used > 0 ? "}" : "";
    double sum = ori_metric_of_bits(atomic_load(&histogram->sum));
    for (int i = 0; i <= ORI_METRIC_BUCKETS; i++) {
        count += atomic_load(&histogram->counts[i]);
        if (i < ORI_METRIC_BUCKETS)
            ori_text_of_real(ori_metric_buckets[i], real);
        write_bucket(page, name, labels, i < ORI_METRIC_BUCKETS ? real : "+Inf", count);
    }
    ori_text_of_real(sum, real);
    ori_buf_printf(page, "%s_sum%s%s%s %s\n", name, open, ori_buf_text(labels), close, real);
    ori_buf_printf(page, "%s_count%s%s%s %llu\n", name, open, ori_buf_text(labels), close,
                   (unsigned long long)count);
}

static void write_row(const struct ori_metrics *metrics, int metric, struct ori_buf *page)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct ori_metric_row *row = &ori_metric_rows[metric];
    struct ori_buf labels;
    ori_buf_init(&labels, LABELS_BYTES_MAX);
    ori_metrics_write_head(page, row->name, types[row->kind], row->help);
    for (int i = 0; i < ori_metric_words_count(row->set); i++) {
        const char *word = ori_metric_word(row->set, i);
        size_t at = metrics->first[metric] + (size_t)i;
        if (!word)
            continue;
        ori_buf_clear(&labels);
        if (row->set != ORI_METRIC_SET_NONE)
            ori_metrics_write_label(&labels, ori_metric_label(row->set), word);
        if (row->kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS)
            write_histogram(page, row->name, &labels, &metrics->histograms[at]);
        else
            ori_metrics_write_value(page, row->name, ori_buf_text(&labels),
                                    ori_metric_of_bits(atomic_load(&metrics->cells[at].value)));
    }
    if (labels.status != ORI_OK && page->status == ORI_OK)
        page->status = labels.status;
    ori_buf_deinit(&labels);
}

static void write_build_info(struct ori_buf *page)
{
    struct ori_buf labels;
    ori_buf_init(&labels, LABELS_BYTES_MAX);
    for (size_t i = 0; ori_built_from[i][0]; i++)
        ori_metrics_write_label(&labels, ori_built_from[i][0], ori_built_from[i][1]);
    ori_metrics_write_head(page, "oriane_build_info", "gauge",
                           "always 1; what this program was built from");
    ori_metrics_write_value(page, "oriane_build_info", ori_buf_text(&labels), 1);
    ori_buf_deinit(&labels);
}

void ori_metrics_render(struct ori_metrics *metrics, struct ori_buf *page)
{
    for (int i = 0; i < ORI_METRIC_COUNT; i++) {
        if (metrics->has_costly || !ori_metric_rows[i].is_costly)
            write_row(metrics, i, page);
    }
    write_build_info(page);
    ori_process_render(metrics, page);
    ori_gpu_render(metrics->gpu, metrics->has_costly, page);
}
