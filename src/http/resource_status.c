/* What is told of jobs: one, many, how far, and what their logs say. */
#include <stdlib.h>
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

static ori_status put_logs(const struct ori_http_request *request, const struct ori_job *job,
                           size_t tail, struct ori_buf *buf, struct ori_error *err)
{
    struct ori_buf lines;
    struct log_visit visit = {.objects = buf, .lines = &lines, .is_json = true};
    ori_buf_init(&lines, ORI_LIMIT_MAX_ANSWER_BYTES);
    ori_status status = ORI_OK;
    ori_json_begin_array(&lines, NULL);
    ori_json_begin_array(buf, "logs");
    if (tail > 0)
        status = ori_job_store_logs(request->service->store, job->seq, false, tail, put_line,
                                    &visit, err);
    ori_json_end_array(buf);
    ori_json_end_array(&lines);
    if (status == ORI_OK)
        status = ori_buf_finish(&lines, "the log", err);
    ori_json_put_raw(buf, "log_tail", ori_buf_text(&lines));
    ori_buf_deinit(&lines);
    return status;
}

void ori_resource_status(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    int64_t frames = 0;
    json_t *query = query_of(request, response);
    if (!query || !ori_resource_find_job(request, response, &job))
        goto out;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "jobId", job.job_id);
    ori_json_put_text(buf, "job_id", job.job_id);
    ori_json_put_text(buf, "status", ori_job_state_word(job.state));
    ori_json_put_whole(buf, "progress", job.progress);
    ori_job_json_time(buf, "createdAt", job.created_us);
    ori_job_json_time(buf, "updatedAt", job.updated_us);
    ori_status status =
        ori_job_json_items(request->service->store, &job, 0, buf, "items", &frames, &err);
    ori_job_json_counts(buf, "counts", &job.counts);
    if (status == ORI_OK)
        status = put_logs(request, &job, (size_t)ori_params_whole(query, "tail", 0), buf, &err);
    ori_json_end_object(buf);
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
out:
    json_decref(query);
}

void ori_resource_get_job(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    if (!ori_resource_find_job(request, response, &job))
        return;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    if (ori_job_json(request->service->store, &job, 0, buf, NULL, &err) != ORI_OK)
        ori_http_fail(request, response, &err);
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

/* A page of jobs, kept aside: their items are read when the list is read. */
struct page {
    struct ori_job *jobs;
    size_t count;
    size_t size;
    int64_t total;
};

static ori_status keep_job(void *self, const struct ori_job *job, struct ori_error *err)
{
    struct page *page = self;
    if (page->count == page->size)
        return ori_error_set(err, ORI_INTERNAL, "more jobs than asked for");
    page->jobs[page->count++] = *job;
    return ORI_OK;
}

static ori_status read_page(const struct ori_http_request *request, const json_t *query,
                            struct page *page, struct ori_error *err)
{
    const char *order = ori_params_text(query, "order");
    const char *state = ori_params_text(query, "status");
    struct ori_job_query wanted = {.limit = ori_params_whole(query, "page_size", 0)};
    wanted.offset = (ori_params_whole(query, "page", 1) - 1) * wanted.limit;
    wanted.newest_first = order && strcmp(order, "desc") == 0;
    wanted.has_state = state && ori_job_state_of(state, &wanted.state);
    page->size = (size_t)wanted.limit;
    page->jobs = calloc(page->size, sizeof *page->jobs);
    if (!page->jobs)
        return ori_error_set(err, ORI_NOMEM, "page of jobs");
    return ori_job_store_list(request->service->store, &wanted, keep_job, page, &page->total, err);
}

void ori_resource_list_jobs(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct page page = {0};
    json_t *query = query_of(request, response);
    if (!query)
        return;
    ori_status status = read_page(request, query, &page, &err);
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_begin_array(buf, "jobs");
    for (size_t i = 0; status == ORI_OK && i < page.count; i++)
        status = ori_job_json(request->service->store, &page.jobs[i], ORI_JOB_JSON_ROW_ITEMS, buf,
                              NULL, &err);
    ori_json_end_array(buf);
    ori_json_put_whole(buf, "total", page.total);
    ori_json_put_whole(buf, "page", ori_params_whole(query, "page", 1));
    ori_json_put_whole(buf, "page_size", ori_params_whole(query, "page_size", 0));
    ori_json_end_object(buf);
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
    free(page.jobs);
    json_decref(query);
}
