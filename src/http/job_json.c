#include "http/job_json.h"

#include <stdio.h>

#include "util/clock.h"
#include "util/json_out.h"

enum { ROW_ITEMS = 20 }; /* items of a job in a list of jobs */

bool ori_job_json_has_ended(const struct ori_job *job)
{
    return job->state == ORI_JOB_COMPLETED || job->state == ORI_JOB_FAILED ||
           job->state == ORI_JOB_STOPPED;
}

void ori_job_json_time(struct ori_buf *buf, const char *key, int64_t wall_us)
{
    char text[ORI_CLOCK_TEXT_BYTES];
    ori_clock_rfc3339(wall_us, text);
    ori_json_put_text(buf, key, text);
}

void ori_job_json_done(struct ori_buf *buf, const char *key, const struct ori_job_counts *counts)
{
    ori_json_begin_object(buf, key);
    ori_json_put_whole(buf, "completed", counts->success + counts->failed + counts->stopped);
    ori_json_put_whole(buf, "total", counts->total);
    ori_json_end_object(buf);
}

/* Percent of one item: 100 is for what has ended well or not, and for nothing else. */
static int percent_of(const struct ori_job_item *item)
{
    if (item->state == ORI_ITEM_SUCCESS || item->state == ORI_ITEM_FAILED ||
        item->state == ORI_ITEM_STOPPED)
        return 100;
    int percent = item->permille / 10;
    return percent > 99 ? 99 : percent;
}

ori_status ori_job_json_item(struct ori_buf *buf, const struct ori_job_item *item,
                             struct ori_error *err)
{
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "platform", item->platform);
    ori_json_put_text(buf, "code", item->code);
    if (item->url)
        ori_json_put_text(buf, "url", item->url);
    ori_json_put_text(buf, "status", ori_item_state_word(item->state));
    ori_json_put_whole(buf, "progress", percent_of(item));
    ori_json_put_text(buf, "stage", item->state == ORI_ITEM_PROCESSING ? item->stage : "");
    ori_json_put_whole(buf, "frames", item->frames);
    ori_json_put_whole(buf, "attempts", item->attempts);
    ori_job_put_error(buf, &item->error, item->attempts);
    ori_json_end_object(buf);
    return ori_buf_finish(buf, "the answer", err); /* past its limit the rest is not read */
}

static void put_results(struct ori_buf *buf, const struct ori_job *job, size_t items_max,
                        int64_t frames)
{
    if (!ori_job_json_has_ended(job)) {
        ori_json_put_null(buf, "results");
        return;
    }
    ori_json_begin_object(buf, "results");
    ori_json_put_whole(buf, "success", job->counts.success);
    ori_json_put_whole(buf, "failed", job->counts.failed);
    ori_json_put_whole(buf, "stopped", job->counts.stopped);
    if (items_max > 0 && job->counts.total > (int64_t)items_max)
        ori_json_put_null(buf, "frames"); /* not all items were looked at */
    else
        ori_json_put_whole(buf, "frames", frames);
    ori_json_end_object(buf);
}

static void put_failure(struct ori_buf *buf, const struct ori_job *job)
{
    char text[64];
    if (job->state != ORI_JOB_FAILED) {
        ori_json_put_null(buf, "error");
        return;
    }
    snprintf(text, sizeof text, "none of its %lld videos succeeded", (long long)job->counts.total);
    ori_json_put_text(buf, "error", job->counts.total == 1 ? "its one video failed" : text);
}

static void put_webhook(struct ori_buf *buf, const struct ori_job *job)
{
    if (!job->has_webhook) {
        ori_json_put_null(buf, "webhook");
        return;
    }
    ori_json_begin_object(buf, "webhook");
    ori_json_put_text(buf, "url", job->webhook_url);
    ori_json_put_text(buf, "status", job->webhook_state[0] ? job->webhook_state : "pending");
    ori_json_put_whole(buf, "attempts", job->webhook_attempts);
    ori_json_end_object(buf);
}

/* ---- the whole object: begun by the job, ended when its items have passed ---- */

struct job_writer {
    struct ori_buf *buf;
    size_t items_max; /* 0: all */
    struct ori_job job;
    bool is_begun;
    int64_t frames;
};

static void end_job(struct job_writer *writer)
{
    struct ori_buf *buf = writer->buf;
    const struct ori_job *job = &writer->job;
    if (!writer->is_begun)
        return;
    writer->is_begun = false;
    ori_json_end_array(buf);
    ori_job_json_done(buf, "progress", &job->counts);
    ori_json_put_whole(buf, "percentage", job->progress);
    ori_job_put_counts(buf, &job->counts);
    put_results(buf, job, writer->items_max, writer->frames);
    put_failure(buf, job);
    put_webhook(buf, job);
    ori_json_end_object(buf);
}

static ori_status begin_job(void *self, const struct ori_job *job, struct ori_error *err)
{
    struct job_writer *writer = self;
    struct ori_buf *buf = writer->buf;
    (void)err;
    end_job(writer);
    writer->job = *job;
    writer->is_begun = true;
    writer->frames = 0;
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "job_id", job->job_id);
    ori_json_put_text(buf, "jobId", job->job_id);
    ori_json_put_text(buf, "status", ori_job_state_word(job->state));
    ori_job_json_time(buf, "created_at", job->created_us);
    ori_job_json_time(buf, "updated_at", job->updated_us);
    ori_json_put_whole(buf, "priority", job->options.priority);
    ori_json_put_bool(buf, "force", job->options.is_forced);
    ori_json_begin_array(buf, "items");
    return ORI_OK;
}

static ori_status put_item(void *self, const struct ori_job_item *item, struct ori_error *err)
{
    struct job_writer *writer = self;
    if (item->state == ORI_ITEM_SUCCESS)
        writer->frames += item->frames;
    return ori_job_json_item(writer->buf, item, err);
}

ori_status ori_job_json(struct ori_job_store *store, const char *job_id, struct ori_buf *buf,
                        struct ori_error *err)
{
    struct job_writer writer = {.buf = buf};
    const struct ori_job_view view = {.job = begin_job, .item = put_item, .self = &writer};
    const ori_status status = ori_job_store_view(store, job_id, &view, err);
    end_job(&writer);
    return status;
}

ori_status ori_job_json_list(struct ori_job_store *store, const struct ori_job_query *query,
                             struct ori_buf *buf, const char *key, int64_t *ret_total,
                             struct ori_error *err)
{
    struct job_writer writer = {.buf = buf, .items_max = ROW_ITEMS};
    struct ori_job_query wanted = *query;
    wanted.item = put_item;
    wanted.items_max = ROW_ITEMS;
    ori_json_begin_array(buf, key);
    const ori_status status =
        ori_job_store_list(store, &wanted, begin_job, &writer, ret_total, err);
    end_job(&writer);
    ori_json_end_array(buf);
    return status;
}

void ori_resource_job_failure(const struct ori_http_request *request,
                              struct ori_http_response *response, const struct ori_error *err)
{
    if (err->status == ORI_NOT_FOUND)
        ori_http_problem(request, response, ori_status_http(ORI_NOT_FOUND),
                         ori_status_code(ORI_NOT_FOUND), "Job not found");
    else
        ori_http_fail(request, response, err);
}

bool ori_resource_find_job(const struct ori_http_request *request,
                           struct ori_http_response *response, struct ori_job *ret_job)
{
    struct ori_error err = {0};
    const char *id = ori_http_param(request, "job_id");
    if (ori_job_store_get(request->service->store, id, ret_job, &err) == ORI_OK)
        return true;
    ori_resource_job_failure(request, response, &err);
    return false;
}
