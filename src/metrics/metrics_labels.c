/* The labels of metrics_tbl.h and every value they can have. Words that are decided in layers above
 * stand here once more, since this layer may not look there; a test compares. */
#include "metrics/metrics_priv.h"

#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *const stage_words[] = {
    "fetch", "open",  "lock",    "check", "extract", "decode", "vision",   "still",
    "wait",  "embed", "objects", "clip",  "vectors", "clean",  "manifest", "other"};
static const char *const item_words[] = {"waiting", "processing", "success", "failed", "stopped"};
static const char *const ended_words[] = {NULL, NULL, "success", "failed", "stopped"};
static const char *const job_words[] = {"pending", "running", "completed", "failed", "stopped"};
static const char *const class_words[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
static const char *const queue_words[ORI_METRIC_QUEUE_COUNT] = {[ORI_METRIC_QUEUE_ITEMS] = "items",
                                                                [ORI_METRIC_QUEUE_EMBED] = "embed",
                                                                [ORI_METRIC_QUEUE_DESK] = "desk",
                                                                [ORI_METRIC_QUEUE_SLOW] = "slow"};

static const struct {
    const char *label;
    const char *const *words; /* NULL: see word_of */
    int count;
} sets[ORI_METRIC_SET_COUNT] = {
    [ORI_METRIC_SET_NONE] = {"", NULL, 1},
    [ORI_METRIC_SET_STAGE] = {"stage", stage_words, COUNT_OF(stage_words)},
    [ORI_METRIC_SET_STATUS] = {"code", NULL, ORI_STATUS_COUNT},
    [ORI_METRIC_SET_ITEM_STATE] = {"state", item_words, COUNT_OF(item_words)},
    [ORI_METRIC_SET_ENDED_STATE] = {"state", ended_words, COUNT_OF(ended_words)},
    [ORI_METRIC_SET_JOB_STATE] = {"state", job_words, COUNT_OF(job_words)},
    [ORI_METRIC_SET_CLASS] = {"class", class_words, COUNT_OF(class_words)},
    [ORI_METRIC_SET_QUEUE] = {"queue", queue_words, COUNT_OF(queue_words)},
};

const char *ori_metric_label(enum ori_metric_set set)
{
    return sets[set].label;
}

int ori_metric_words_count(enum ori_metric_set set)
{
    return sets[set].count;
}

const char *ori_metric_word(enum ori_metric_set set, int number)
{
    if (number < 0 || number >= sets[set].count)
        return NULL;
    if (set == ORI_METRIC_SET_STATUS) /* what is no failure is none of its values */
        return number == ORI_OK || number == ORI_AGAIN || number == ORI_EOF
                   ? NULL
                   : ori_status_code((ori_status)number);
    return set == ORI_METRIC_SET_NONE ? "" : sets[set].words[number];
}

int ori_metrics_stage(const char *stage)
{
    int other = COUNT_OF(stage_words) - 1;
    for (int i = 0; stage && i < other; i++) {
        if (strcmp(stage_words[i], stage) == 0)
            return i;
    }
    return other;
}
