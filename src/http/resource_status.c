/* What is told of jobs: one, many, how far, and what their logs say. */
#include <string.h>

#include "http/job_json.h"
#include "http/params.h"
#include "http/resource.h"
#include "util/clock.h"
#include "util/json_out.h"

/* The query, or an answer that says what is wrong with it: NULL. */
static json_t *query_of(const struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_http_faults faults;
    ori_http_faults_init(&faults);
    json_t *query = ori_params_query(request, &faults);
    if (!query) {
        struct ori_error err = {0};
        (void)ori_error_set(&err, ORI_NOMEM, "query");
        ori_http_fail(request, response, &err);
    } else if (ori_http_faulty(request, response, &faults)) {
        json_decref(query);
        query = NULL;
    }
    ori_http_faults_deinit(&faults);
    return query;
}

/* One pass over the log gives both of its forms: objects go into the answer, lines aside. */
struct log_visit {
    struct ori_buf *objects; /* NULL: lines alone */
    struct ori_buf *lines;
    bool is_json; /* lines as JSON strings, else as they are */
};

static ori_status put_line(void *self, const struct ori_job_event *event, struct ori_error *err)
{
    struct log_visit *visit = self;
    char ts[ORI_CLOCK_TEXT_BYTES];
    ori_clock_rfc3339(event->ts_us, ts);
    if (visit->objects) {
        ori_json_begin_object(visit->objects, NULL);
        ori_json_put_text(visit->objects, "ts", ts);
        ori_json_put_text(visit->objects, "level", event->level);
        ori_json_put_text(visit->objects, "msg", event->text);
        ori_json_end_object(visit->objects);
    }
    if (!visit->is_json) {
        ori_buf_printf(visit->lines, "%s %s %s\n", ts, event->level, event->text);
        return ori_buf_finish(visit->lines, "the log", err);
    }
    struct ori_buf line;
    ori_buf_init(&line, ORI_LIMIT_MAX_LOG_LINE_BYTES);
    ori_buf_printf(&line, "%s %s %s", ts, event->level, event->text);
    ori_json_put_text(visit->lines, NULL, ori_buf_text(&line));
    ori_status status = ori_buf_finish(&line, "a line of the log", err);
    ori_buf_deinit(&line);
    return status;
}

/* /status as it comes from the store: the job, its items, its log; all of one moment. */
struct status_writer {
    struct ori_buf *buf;
    struct ori_job job;
    struct ori_buf objects;
    struct ori_buf lines;
};

static ori_status put_job(void *self, const struct ori_job *job, struct ori_error *err)
{
    struct status_writer *writer = self;
    struct ori_buf *buf = writer->buf;
    (void)err;
    writer->job = *job;
    ori_json_put_text(buf, "jobId", job->job_id);
    ori_json_put_text(buf, "job_id", job->job_id);
    ori_json_put_text(buf, "status", ori_job_state_word(job->state));
    ori_json_put_whole(buf, "progress", job->progress);
    ori_job_json_time(buf, "createdAt", job->created_us);
    ori_job_json_time(buf, "updatedAt", job->updated_us);
    ori_json_begin_array(buf, "items");
    return ORI_OK;
}

static ori_status put_item(void *self, const struct ori_job_item *item, struct ori_error *err)
{
    struct status_writer *writer = self;
    return ori_job_json_item(writer->buf, item, err);
}

static ori_status put_log(void *self, const struct ori_job_event *event, struct ori_error *err)
{
    struct status_writer *writer = self;
    struct log_visit visit = {
        .objects = &writer->objects, .lines = &writer->lines, .is_json = true};
    return put_line(&visit, event, err);
}

static ori_status put_status(const struct ori_http_request *request, size_t tail,
                             struct ori_buf *buf, struct ori_error *err)
{
    struct status_writer writer = {.buf = buf};
    const struct ori_job_view view = {
        .job = put_job, .item = put_item, .log = put_log, .logs_max = tail, .self = &writer};
    ori_buf_init(&writer.objects, ORI_LIMIT_MAX_ANSWER_BYTES);
    ori_buf_init(&writer.lines, ORI_LIMIT_MAX_ANSWER_BYTES);
    ori_json_begin_object(buf, NULL);
    ori_json_begin_array(&writer.objects, NULL);
    ori_json_begin_array(&writer.lines, NULL);
    ori_status status =
        ori_job_store_view(request->service->store, ori_http_param(request, "job_id"), &view, err);
    ori_json_end_array(&writer.objects);
    ori_json_end_array(&writer.lines);
    if (status == ORI_OK)
        status = ori_buf_finish(&writer.objects, "the log", err);
    if (status == ORI_OK)
        status = ori_buf_finish(&writer.lines, "the log", err);
    if (status == ORI_OK) {
        ori_json_end_array(buf);
        ori_job_put_counts(buf, &writer.job.counts);
        ori_json_put_raw(buf, "logs", ori_buf_text(&writer.objects));
        ori_json_put_raw(buf, "log_tail", ori_buf_text(&writer.lines));
        ori_json_end_object(buf);
    }
    ori_buf_deinit(&writer.objects);
    ori_buf_deinit(&writer.lines);
    return status;
}

void ori_resource_status(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    json_t *query = query_of(request, response);
    if (!query)
        return;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    if (put_status(request, (size_t)ori_params_whole(query, "tail", 0), buf, &err) != ORI_OK)
        ori_resource_job_failure(request, response, &err);
    json_decref(query);
}

void ori_resource_get_job(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_buf *buf = ori_http_body(response, "application/json");
    if (ori_job_json(request->service->store, ori_http_param(request, "job_id"), buf, &err) !=
        ORI_OK)
        ori_resource_job_failure(request, response, &err);
}

void ori_resource_job_progress(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_job job;
    if (!ori_resource_find_job(request, response, &job))
        return;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "job_id", job.job_id);
    ori_job_json_done(buf, "progress", &job.counts);
    ori_json_put_whole(buf, "percentage", job.progress);
    ori_json_put_text(buf, "job_status", ori_job_state_word(job.state));
    ori_json_end_object(buf);
}

static ori_status put_log_text(const struct ori_http_request *request, const struct ori_job *job,
                               size_t tail, bool errors_only, struct ori_buf *buf,
                               struct ori_error *err)
{
    struct ori_buf text;
    struct log_visit visit = {.lines = &text};
    ori_buf_init(&text, ORI_LIMIT_MAX_ANSWER_BYTES);
    ori_status status = ORI_OK;
    if (tail > 0)
        status = ori_job_store_logs(request->service->store, job->seq, errors_only, tail, put_line,
                                    &visit, err);
    ori_json_put_text(buf, errors_only ? "error_logs" : "logs", ori_buf_text(&text));
    ori_buf_deinit(&text);
    return status;
}

void ori_resource_job_logs(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    json_t *query = query_of(request, response);
    if (!query || !ori_resource_find_job(request, response, &job))
        goto out;
    size_t tail = (size_t)ori_params_whole(query, "tail", 0);
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "job_id", job.job_id);
    ori_status status = put_log_text(request, &job, tail, false, buf, &err);
    if (status == ORI_OK)
        status = put_log_text(request, &job, tail, true, buf, &err);
    ori_json_end_object(buf);
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
out:
    json_decref(query);
}

static struct ori_job_query page_of(const json_t *query)
{
    const char *order = ori_params_text(query, "order");
    const char *state = ori_params_text(query, "status");
    struct ori_job_query wanted = {.limit = ori_params_whole(query, "page_size", 0)};
    wanted.offset = (ori_params_whole(query, "page", 1) - 1) * wanted.limit;
    wanted.newest_first = order && strcmp(order, "desc") == 0;
    wanted.has_state = state && ori_job_state_of(state, &wanted.state);
    return wanted;
}

void ori_resource_list_jobs(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    int64_t total = 0;
    json_t *query = query_of(request, response);
    if (!query)
        return;
    const struct ori_job_query wanted = page_of(query);
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_status status =
        ori_job_json_list(request->service->store, &wanted, buf, "jobs", &total, &err);
    ori_json_put_whole(buf, "total", total);
    ori_json_put_whole(buf, "page", ori_params_whole(query, "page", 1));
    ori_json_put_whole(buf, "page_size", wanted.limit);
    ori_json_end_object(buf);
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
    json_decref(query);
}
