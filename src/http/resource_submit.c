/* A list of videos taken as a job: POST /process, /jobs and /jobs/.
 * Order     no videos or too many is said first, in the contract's words and before 100,000 of them
 *           are looked at; then every other fault at once; then the job is on disk, then the answer */
#include <stdio.h>
#include <stdlib.h>

#include "http/job_json.h"
#include "http/params.h"
#include "http/resource.h"
#include "http/schema.h"
#include "util/hash.h"
#include "util/json_out.h"

struct submission {
    json_t *body;
    struct ori_job_new_item *items;
    struct ori_job_new job;
    char digest[2 * ORI_HASH_BYTES_MAX + 1];
    struct ori_job made;
    bool is_old;
};

/* 400 for none and for too many; what is no list is a fault like others. */
static bool has_legal_count(const struct ori_http_request *request,
                            struct ori_http_response *response, const json_t *items)
{
    int64_t most = request->settings->max_videos_per_request;
    if (!items || (json_is_array(items) && json_array_size(items) == 0)) {
        ori_http_problem(request, response, 400, "no_items",
                         "Request must contain at least one video item");
        return false;
    }
    if (json_is_array(items) && json_array_size(items) > (size_t)most) {
        ori_http_problem(request, response, 400, "too_many_items",
                         "Request exceeds maximum allowed videos per request: %lld",
                         (long long)most);
        return false;
    }
    return true;
}

static bool has_no_faults(const struct ori_http_request *request,
                          struct ori_http_response *response, struct submission *submission)
{
    struct ori_http_faults faults;
    ori_http_faults_init(&faults);
    const struct ori_schema_rules rules = {.allowed = request->service->allowed,
                                           .is_local = request->settings->local_mode,
                                           .faults = &faults};
    submission->job.idempotency_key = ori_params_header(request, "idempotency_key", &faults);
    ori_schema_check(ORI_SCHEMA_NewJob, submission->body, "body", &rules);
    bool is_faulty = ori_http_faulty(request, response, &faults);
    ori_http_faults_deinit(&faults);
    return !is_faulty;
}

static void read_options(const json_t *body, struct ori_job_options *options)
{
    *options = (struct ori_job_options){
        .is_forced = ori_params_bool(body, "force", false),
        .is_local = ori_params_bool(body, "local_mode", false),
        .skips_upload = ori_params_bool(body, "skip_upload", false),
        .batch_size = (int)ori_params_whole(body, "batch_size", 0),
        .sleep_between_batches = ori_params_real(body, "sleep_between_batches", -1),
        .priority = (int)ori_params_whole(body, "priority", 0),
    };
}

static ori_status read_job(const struct ori_http_request *request, struct submission *submission,
                           struct ori_error *err)
{
    const json_t *items = json_object_get(submission->body, "items");
    struct ori_job_new *job = &submission->job;
    uint8_t hash[ORI_HASH_BYTES_MAX];
    job->items_count = json_array_size(items);
    submission->items = calloc(job->items_count, sizeof *submission->items);
    if (!submission->items)
        return ori_error_set(err, ORI_NOMEM, "table of items");
    for (size_t i = 0; i < job->items_count; i++) {
        const json_t *item = json_array_get(items, i);
        submission->items[i] =
            (struct ori_job_new_item){.platform = ori_params_text(item, "platform"),
                                      .code = ori_params_text(item, "code"),
                                      .url = ori_params_text(item, "url")};
    }
    job->items = submission->items;
    job->webhook_url = ori_params_text(submission->body, "webhook_url");
    job->request_id = request->request_id;
    read_options(submission->body, &job->options);
    ori_status status = ori_hash_of(ORI_HASH_SHA256, request->body, request->body_bytes, hash, err);
    ori_hash_hex(hash, ori_hash_bytes(ORI_HASH_SHA256), submission->digest);
    job->digest = submission->digest;
    return status;
}

/* Takes the job, or answers why not: false. */
static bool submit(const struct ori_http_request *request, struct ori_http_response *response,
                   struct submission *submission)
{
    struct ori_error err = {0};
    submission->body = ori_http_json_body(request, response);
    if (!submission->body)
        return false;
    if (!has_legal_count(request, response, json_object_get(submission->body, "items")) ||
        !has_no_faults(request, response, submission))
        return false;
    ori_status status = read_job(request, submission, &err);
    if (status == ORI_OK)
        status = ori_service_submit(request->service, &submission->job, &submission->made,
                                    &submission->is_old, &err);
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
    return status == ORI_OK;
}

static void release(struct submission *submission)
{
    free(submission->items);
    json_decref(submission->body);
}

static void say_where(struct ori_http_response *response, const struct submission *submission)
{
    char location[sizeof "/jobs/" + ORI_JOB_ID_BYTES];
    snprintf(location, sizeof location, "/jobs/%s", submission->made.job_id);
    ori_http_set_header(response, "Location", location);
    if (submission->is_old)
        ori_http_set_header(response, "Idempotency-Replayed", "true");
}

void ori_resource_process(struct ori_http_request *request, struct ori_http_response *response)
{
    struct submission submission = {0};
    if (submit(request, response, &submission)) {
        ori_http_set_status(response, 202);
        say_where(response, &submission);
        struct ori_buf *buf = ori_http_body(response, "application/json");
        ori_json_begin_object(buf, NULL);
        ori_json_put_text(buf, "jobId", submission.made.job_id);
        ori_json_put_text(buf, "job_id", submission.made.job_id);
        ori_json_end_object(buf);
    }
    release(&submission);
}

static void add_job(struct ori_http_request *request, struct ori_http_response *response,
                    int http_status)
{
    struct submission submission = {0};
    if (submit(request, response, &submission)) {
        struct ori_error err = {0};
        ori_http_set_status(response, http_status);
        say_where(response, &submission);
        struct ori_buf *buf = ori_http_body(response, "application/json");
        if (ori_job_json(request->service->store, submission.made.job_id, buf, &err) != ORI_OK)
            ori_http_fail(request, response, &err);
    }
    release(&submission);
}

void ori_resource_add_job(struct ori_http_request *request, struct ori_http_response *response)
{
    add_job(request, response, 202);
}

void ori_resource_add_job_200(struct ori_http_request *request, struct ori_http_response *response)
{
    add_job(request, response, 200);
}
