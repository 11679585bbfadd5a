#include "cli/jobs_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "util/limits.h"
#include "util/utf8.h"

#define CELL_BYTES 512
#define ERROR_CHARS 120
#define BAR_WIDTH 20

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}

static const json_t *counts_of(const json_t *job)
{
    return json_object_get(job, "counts");
}

/* A whole number as text; "-" when it is none. */
static void number_of(const json_t *object, const char *name, char *ret_text, size_t bytes_max)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_integer(value))
        snprintf(ret_text, bytes_max, "%lld", (long long)json_integer_value(value));
    else
        snprintf(ret_text, bytes_max, "-");
}

/* 0..100, whatever stands there; /status calls it progress, a job object percentage. */
static int percent_of(const json_t *job)
{
    const json_t *value = json_object_get(job, "percentage");
    if (!json_is_number(value))
        value = json_object_get(job, "progress");
    double percent = json_number_value(value);
    return percent >= 100 ? 100 : percent > 0 ? (int)percent : 0;
}

/* Foreign text of a line of its own. */
static void add_clean(struct ori_buf *page, const char *before, const char *text,
                      const char *behind)
{
    char clean[CELL_BYTES];
    snprintf(clean, sizeof clean, "%s", text);
    ori_utf8_clean(clean);
    ori_buf_printf(page, "%s%s%s", before, clean, behind);
}

/* "2026-01-31 23:59:59" of "2026-01-31T23:59:59.123Z"; other texts as they are. */
static void time_of(const json_t *job, const char *name, char *ret_text, size_t bytes_max)
{
    const char *text = text_of(job, name);
    bool is_rfc3339 = strlen(text) >= 20 && text[10] == 'T';
    snprintf(ret_text, bytes_max, "%.*s", is_rfc3339 ? 19 : 40, text);
    if (is_rfc3339)
        ret_text[10] = ' ';
}

/* ---- the list ---- */

static const struct ori_table_column list_columns[] = {
    {.title = "JOB"},
    {.title = "STATUS"},
    {.title = "DONE", .is_number = true},
    {.title = "VIDEOS", .is_number = true},
    {.title = "SUCCESS", .is_number = true},
    {.title = "FAILED", .is_number = true},
    {.title = "CREATED (UTC)"},
};

static void add_job(const json_t *job, struct ori_table *table)
{
    char total[32];
    char success[32];
    char failed[32];
    char percent[16];
    char created[48];
    number_of(counts_of(job), "total", total, sizeof total);
    number_of(counts_of(job), "success", success, sizeof success);
    number_of(counts_of(job), "failed", failed, sizeof failed);
    snprintf(percent, sizeof percent, "%d%%", percent_of(job));
    time_of(job, "created_at", created, sizeof created);
    const char *const cells[] = {
        text_of(job, "job_id"), text_of(job, "status"), percent, total, success, failed, created};
    ori_table_add(table, cells);
}

static void add_footer(const json_t *answer, size_t shown, struct ori_buf *page)
{
    int64_t total = json_integer_value(json_object_get(answer, "total"));
    int64_t at = json_integer_value(json_object_get(answer, "page"));
    int64_t size = json_integer_value(json_object_get(answer, "page_size"));
    if (size < 1 || at < 1 || total <= (int64_t)shown)
        return;
    int64_t pages = total / size + (total % size != 0);
    ori_buf_printf(page, "page %lld of %lld, %lld jobs in all", (long long)at, (long long)pages,
                   (long long)total);
    ori_buf_add_text(page, at < pages ? "; --page shows others\n" : "\n");
}

ori_status ori_jobs_view_list(const json_t *answer, size_t width, struct ori_buf *page,
                              struct ori_error *err)
{
    const json_t *jobs = json_object_get(answer, "jobs");
    const json_t *job = NULL;
    struct ori_table table;
    size_t i = 0;
    if (!json_is_array(jobs))
        return ori_error_set(err, ORI_NETWORK, "the server's answer has no list of jobs");
    ori_table_init(&table, list_columns, sizeof list_columns / sizeof list_columns[0]);
    json_array_foreach(jobs, i, job) add_job(job, &table);
    ori_status status = ORI_OK;
    if (json_array_size(jobs) > 0)
        status = ori_table_render(&table, width, page, err);
    else
        ori_buf_add_text(page, "no jobs\n");
    add_footer(answer, json_array_size(jobs), page);
    ori_table_deinit(&table);
    return status == ORI_OK ? ori_buf_finish(page, "table", err) : status;
}

/* ---- one job ---- */

static const struct ori_table_column item_columns[] = {
    {.title = "VIDEO"},
    {.title = "STATUS"},
    {.title = "DONE", .is_number = true},
    {.title = "FRAMES", .is_number = true},
    {.title = "TRIES", .is_number = true},
    {.title = "ERROR"},
};

/* What someone looks for stands first. */
static const char *const item_order[] = {"failed", "processing", "waiting", "stopped", "success"};
#define ORDERS (sizeof item_order / sizeof item_order[0])

static size_t order_of(const json_t *item)
{
    size_t order = 0;
    while (order < ORDERS && strcmp(text_of(item, "status"), item_order[order]) != 0)
        order++;
    return order;
}

static void error_of(const json_t *item, char *ret_text, size_t bytes_max)
{
    const json_t *error = json_object_get(item, "error");
    const char *message = text_of(error, "message");
    bool is_long = strlen(message) > ERROR_CHARS;
    if (!json_is_object(error)) {
        snprintf(ret_text, bytes_max, "-");
        return;
    }
    snprintf(ret_text, bytes_max, "%.60s: %.*s%s", text_of(error, "code"), ERROR_CHARS, message,
             is_long ? "..." : "");
}

static void add_item(const json_t *item, struct ori_table *table)
{
    char name[CELL_BYTES];
    char percent[16];
    char frames[32];
    char attempts[32];
    char error[CELL_BYTES];
    snprintf(name, sizeof name, "%.200s/%.200s", text_of(item, "platform"), text_of(item, "code"));
    snprintf(percent, sizeof percent, "%d%%", percent_of(item));
    number_of(item, "frames", frames, sizeof frames);
    number_of(item, "attempts", attempts, sizeof attempts);
    error_of(item, error, sizeof error);
    const char *const cells[] = {name, text_of(item, "status"), percent, frames, attempts, error};
    ori_table_add(table, cells);
}

static ori_status add_items(const json_t *items, size_t items_max, size_t width,
                            struct ori_buf *page, struct ori_error *err)
{
    struct ori_table table;
    size_t shown = 0;
    ori_table_init(&table, item_columns, sizeof item_columns / sizeof item_columns[0]);
    for (size_t order = 0; order <= ORDERS && shown < items_max; order++) {
        size_t i = 0;
        const json_t *item = NULL;
        json_array_foreach(items, i, item)
        {
            if (order_of(item) == order && shown < items_max) {
                add_item(item, &table);
                shown++;
            }
        }
    }
    ori_status status = shown > 0 ? ori_table_render(&table, width, page, err) : ORI_OK;
    if (json_array_size(items) > shown)
        ori_buf_printf(page, "... and %zu more (--items N shows more)\n",
                       json_array_size(items) - shown);
    ori_table_deinit(&table);
    return status;
}

static void add_counts(const json_t *job, struct ori_buf *page)
{
    static const char *const names[] = {"success", "failed", "processing", "waiting", "stopped"};
    char number[32];
    number_of(counts_of(job), "total", number, sizeof number);
    ori_buf_printf(page, "videos   %s", number);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *count = json_object_get(counts_of(job), names[i]);
        if (json_integer_value(count) > 0)
            ori_buf_printf(page, ", %lld %s", (long long)json_integer_value(count), names[i]);
    }
    ori_buf_add_text(page, "\n");
}

static void add_facts(const json_t *job, struct ori_buf *page)
{
    char text[48];
    add_clean(page, "job      ", text_of(job, "job_id"), "\n");
    add_clean(page, "status   ", text_of(job, "status"), "");
    ori_buf_printf(page, ", %d%%\n", percent_of(job));
    add_counts(job, page);
    time_of(job, "created_at", text, sizeof text);
    add_clean(page, "created  ", text, " UTC\n");
    time_of(job, "updated_at", text, sizeof text);
    add_clean(page, "updated  ", text, " UTC\n");
    if (json_is_string(json_object_get(job, "error")))
        add_clean(page, "error    ", text_of(job, "error"), "\n");
    const json_t *webhook = json_object_get(job, "webhook");
    if (json_is_object(webhook))
        add_clean(page, "webhook  ", text_of(webhook, "status"), "\n");
}

static void add_logs(const json_t *logs, struct ori_buf *page)
{
    size_t i = 0;
    const json_t *line = NULL;
    if (json_array_size(logs) > 0)
        ori_buf_add_text(page, "\n");
    json_array_foreach(logs, i, line)
    {
        add_clean(page, "", text_of(line, "ts"), "");
        add_clean(page, " ", text_of(line, "level"), "");
        add_clean(page, " ", text_of(line, "msg"), "\n");
    }
}

ori_status ori_jobs_view_job(const json_t *job, const json_t *logs, size_t items_max, size_t width,
                             struct ori_buf *page, struct ori_error *err)
{
    const json_t *items = json_object_get(job, "items");
    if (!json_is_string(json_object_get(job, "status")))
        return ori_error_set(err, ORI_NETWORK, "the server's answer is no job");
    add_facts(job, page);
    ori_buf_add_text(page, "\n");
    ori_status status = add_items(items, items_max, width, page, err);
    add_logs(logs, page);
    return status == ORI_OK ? ori_buf_finish(page, "job", err) : status;
}

/* ---- following it ---- */

void ori_jobs_view_line(const json_t *status, size_t width, char ret_line[ORI_JOBS_LINE_BYTES])
{
    static const char bar[] = "####################--------------------";
    const json_t *counts = counts_of(status);
    int percent = percent_of(status);
    int64_t ended = json_integer_value(json_object_get(counts, "success")) +
                    json_integer_value(json_object_get(counts, "failed")) +
                    json_integer_value(json_object_get(counts, "stopped"));
    char total[32];
    number_of(counts, "total", total, sizeof total);
    snprintf(ret_line, ORI_JOBS_LINE_BYTES, "[%.*s] %3d%%  %lld of %s videos  %lld failed  %.20s",
             BAR_WIDTH, bar + BAR_WIDTH - BAR_WIDTH * percent / 100, percent, (long long)ended,
             total, (long long)json_integer_value(json_object_get(counts, "failed")),
             text_of(status, "status"));
    ori_utf8_clean(ret_line);
    if (width > 0 && width < strlen(ret_line)) /* bytes: the words are ASCII, or have become '?' */
        ret_line[width] = '\0';
}

bool ori_jobs_view_is_end(const char *state)
{
    return state && (strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 ||
                     strcmp(state, "stopped") == 0);
}

bool ori_jobs_view_has_ended(const json_t *job, bool *ret_is_well)
{
    const char *status = text_of(job, "status");
    *ret_is_well = strcmp(status, "completed") == 0;
    return ori_jobs_view_is_end(status);
}
