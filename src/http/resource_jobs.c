/* What changes a job, and what it says while it runs. */
#include "http/job_json.h"
#include "http/resource.h"
#include "util/json_out.h"
#include "util/text.h"

void ori_resource_delete_job(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    const char *id = ori_http_param(request, "job_id");
    if (ori_service_delete_job(request->service, id, &err) != ORI_OK) {
        ori_resource_job_failure(request, response, &err);
        return;
    }
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "status", "success");
    ori_json_put_text(buf, "message", "Job deleted");
    ori_json_put_text(buf, "job_id", id);
    ori_json_end_object(buf);
}

static void put_moved(struct ori_http_response *response, const struct ori_job *job,
                      const char *message)
{
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "job_id", job->job_id);
    ori_json_put_text(buf, "job_status", ori_job_state_word(job->state));
    ori_json_put_text(buf, "message", message);
    ori_json_end_object(buf);
}

void ori_resource_start_job(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    const char *id = ori_http_param(request, "job_id");
    if (ori_service_start_job(request->service, id, &job, &err) == ORI_OK)
        put_moved(response, &job, "Job started: what did not succeed runs again");
    else
        ori_resource_job_failure(request, response, &err);
}

void ori_resource_stop_job(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    const char *id = ori_http_param(request, "job_id");
    if (ori_service_stop_job(request->service, id, &job, &err) == ORI_OK)
        put_moved(response, &job, "Job stopped");
    else
        ori_resource_job_failure(request, response, &err);
}

void ori_resource_job_events(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_job job;
    if (!ori_resource_find_job(request, response, &job))
        return;
    struct ori_listener_options options = {.job = job.seq, .job_id = job.job_id};
    const char *last = ori_http_header(request, "Last-Event-ID");
    /* an id that this server never gave is none: the stream begins with the state as it stands */
    options.has_last = last && ori_text_to_int(last, &options.last) && options.last >= 0;
    if (ori_http_events(request, response, &options, &err) != ORI_OK)
        ori_resource_job_failure(request, response, &err);
}
