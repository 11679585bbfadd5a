/* jobs/service_requests.c: what clients ask of a service: changes of jobs, and how it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobs/service.h"
#include "jobs/service_engine.h"
#include "util/clock.h"

#define STOP_US INT64_C(2000000)

/* ---- changes of jobs ---- */

ori_status ori_service_submit(struct ori_service *service, const struct ori_job_new *job,
                              struct ori_job *ret_job, bool *ret_is_old, struct ori_error *err)
{
    ori_status status =
        ori_job_store_add(service->store, job, ori_clock_wall_us(), ret_job, ret_is_old, err);
    if (status == ORI_OK && !*ret_is_old)
        ori_scheduler_wake(service->scheduler);
    return status;
}

/* Stopped in the store, then in fact. *ret_status_of_items: ORI_AGAIN when some still run. */
static ori_status stop(struct ori_service *service, const char *job_id,
                       ori_status *ret_status_of_items, struct ori_error *err)
{
    struct ori_job job;
    ori_status status = ori_job_store_stop(service->store, job_id, ori_clock_wall_us(), &job, err);
    if (status != ORI_OK)
        return status;
    *ret_status_of_items =
        ori_scheduler_stop_job(service->scheduler, job.seq, ori_clock_us() + STOP_US);
    ori_scheduler_wake(service->scheduler); /* its turn is free */
    ori_webhooks_wake(service->webhooks);
    return ORI_OK;
}

ori_status ori_service_stop_job(struct ori_service *service, const char *job_id,
                                struct ori_job *ret_job, struct ori_error *err)
{
    ori_status items = ORI_OK;
    ori_status status = stop(service, job_id, &items, err);
    if (status == ORI_OK)
        status = ori_job_store_get(service->store, job_id, ret_job, err);
    return status;
}

ori_status ori_service_start_job(struct ori_service *service, const char *job_id,
                                 struct ori_job *ret_job, struct ori_error *err)
{
    ori_status status =
        ori_job_store_start(service->store, job_id, ori_clock_wall_us(), ret_job, err);
    if (status == ORI_OK)
        ori_scheduler_wake(service->scheduler);
    return status;
}

ori_status ori_service_delete_job(struct ori_service *service, const char *job_id,
                                  struct ori_error *err)
{
    struct ori_job job;
    struct ori_error ignored = {0};
    ori_status items = ORI_OK;
    ori_status status = ori_job_store_get(service->store, job_id, &job, err);
    if (status != ORI_OK)
        return status;
    if (job.state == ORI_JOB_PENDING || job.state == ORI_JOB_RUNNING) {
        status = stop(service, job_id, &items, &ignored);
        if (status != ORI_OK && status != ORI_WRONG_STATE) /* it may have ended by itself */
            return ori_error_set(err, status, "%s", ignored.text);
    }
    if (items != ORI_OK)
        return ori_error_set(err, ORI_AGAIN,
                             "the job's running items have not ended yet; ask again");
    status = ori_job_store_delete(service->store, job_id, err);
    if (status == ORI_OK)
        ori_hub_forget(service->hub, job.seq);
    return status;
}

/* ---- how it is ---- */

static void say(char *reason, const char *text)
{
    snprintf(reason, ORI_ERROR_TEXT_MAX, "%s", text);
}

static void look_at_engine(struct ori_service *service, struct ori_readiness *readiness)
{
    struct ori_error why = {0};
    if (ori_service_engine(service)) {
        readiness->has_model = true;
        readiness->has_vectors = !ori_service_engine_is_down(service->loader, &why);
        say(readiness->vectors_reason, why.text);
        return;
    }
    ori_service_engine_why(service->loader, &why);
    const char *part = why.stage ? why.stage : "model";
    if (strcmp(part, "vectors") == 0) {
        readiness->has_model = true;
        say(readiness->vectors_reason, why.text);
    } else if (strcmp(part, "objects") == 0) {
        readiness->has_model = true;
        say(readiness->frames_reason, why.text);
        say(readiness->vectors_reason, "opened after the frames' folder");
    } else {
        say(readiness->model_reason, why.text);
        say(readiness->vectors_reason, "opened after the model");
    }
}

static void look_at_frames(struct ori_service *service, struct ori_readiness *readiness)
{
    const char *folder = service->settings->vp_frames_dir;
    struct ori_error why = {0};
    if (access(folder, W_OK | X_OK) != 0) {
        (void)ori_error_set_errno(&why, errno, true, "VP_FRAMES_DIR %s", folder);
        say(readiness->frames_reason, why.text);
    } else if (ori_service_engine_objects(service->loader, &why) != ORI_OK)
        say(readiness->frames_reason, why.text);
    readiness->has_frames = readiness->frames_reason[0] == '\0';
}

void ori_service_readiness(struct ori_service *service, struct ori_readiness *ret_readiness)
{
    struct ori_readiness readiness = {.is_draining = atomic_load(&service->is_draining)};
    struct ori_error why = {0};
    look_at_engine(service, &readiness);
    look_at_frames(service, &readiness);
    readiness.has_job_store = ori_job_store_check(service->store, &why) == ORI_OK;
    if (!readiness.has_job_store)
        say(readiness.job_store_reason, why.text);
    readiness.is_ready = !readiness.is_draining && readiness.has_model && readiness.has_vectors &&
                         readiness.has_frames && readiness.has_job_store;
    *ret_readiness = readiness;
}

void ori_service_measure(struct ori_service *service)
{
    struct ori_metrics *metrics = service->metrics;
    struct ori_job_totals totals;
    struct ori_error ignored = {0}; /* the gauges keep what they said */
    const struct ori_engine *engine = ori_service_engine(service);
    ori_metrics_set(metrics, ORI_METRIC_HTTP_LISTENERS, 0, (double)ori_hub_listeners(service->hub));
    ori_metrics_set(metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_EMBED,
                    engine ? (double)ori_batcher_waiting(engine->batcher) : 0);
    ori_metrics_set(metrics, ORI_METRIC_VECTORS_UP, 0,
                    engine && !ori_service_engine_is_down(service->loader, NULL) ? 1 : 0);
    ori_metrics_set(metrics, ORI_METRIC_OBJECTS_UP, 0,
                    ori_service_engine_objects(service->loader, &ignored) == ORI_OK ? 1 : 0);
    if (ori_job_store_totals(service->store, &totals, &ignored) != ORI_OK)
        return;
    for (int i = 0; i < ORI_JOB_STATE_COUNT; i++)
        ori_metrics_set(metrics, ORI_METRIC_JOBS, i, (double)totals.jobs[i]);
    for (int i = 0; i < ORI_ITEM_STATE_COUNT; i++)
        ori_metrics_set(metrics, ORI_METRIC_ITEMS, i, (double)totals.items[i]);
    ori_metrics_set(metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_ITEMS,
                    (double)totals.items[ORI_ITEM_WAITING]);
    ori_metrics_set(metrics, ORI_METRIC_WEBHOOKS_DEAD, 0, (double)totals.dead_webhooks);
}
