#pragma once
/* jobs/service.h: all that a server is made of but its HTTP side, started and stopped together.
 * Engine     model, batcher and stores are opened by a thread of its own after the start, so that
 *            jobs are taken while a model loads or is missing; what fails is tried again every few
 *            seconds and on reload. Once there, the engine stays until the end
 * Call order create; use; drain; destroy
 * Threads    any, apart from create, drain and destroy */
#include <stdatomic.h>
#include <stdbool.h>

#include "config/live.h"
#include "jobs/hub.h"
#include "jobs/scheduler.h"
#include "jobs/webhooks.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/client.h"
#include "pipeline/engine.h"
#include "stores/jobs.h"
#include "util/cancel.h"

struct ori_service {
    struct ori_live *live;
    const struct ori_settings *settings; /* of the start: for rows that are not live */
    struct ori_log log;
    struct ori_metrics *metrics;
    struct ori_cancel *cancel;        /* of the process; borrowed */
    struct ori_network_list *allowed; /* URL_ALLOW_PRIVATE */
    struct ori_net_client *client;    /* of webhooks */
    struct ori_net_client *fetcher;   /* of videos behind URLs */
    struct ori_job_store *store;
    struct ori_hub *hub;
    struct ori_scheduler *scheduler;
    struct ori_webhooks *webhooks;
    struct ori_service_engine *loader; /* private */
    atomic_bool is_draining;           /* private */
    int64_t started_us;                /* wall clock */
};

struct ori_service_options {
    struct ori_live *live;
    const struct ori_log *log;
    struct ori_cancel *cancel;
};
/* What create would refuse of the settings, before anything is opened: ORI_BAD_SETTING. */
ori_status ori_service_check(const struct ori_settings *settings, struct ori_error *err);
/* ORI_STORE_VERSION, ORI_STORE...: one line that says what to do; nothing stays open. */
ori_status ori_service_create(const struct ori_service_options *options,
                              struct ori_service **ret_service, struct ori_error *err);
void ori_service_drain(struct ori_service *service, int64_t deadline_us);
void ori_service_destroy(struct ori_service **service); /* null-safe, nulls */

/* NULL until it is there. */
const struct ori_engine *ori_service_engine(struct ori_service *service);
/* Why it is not, or not fully, ready: one of these a line of /ready. */
struct ori_readiness {
    bool is_ready;
    bool is_draining;
    bool has_model;
    bool has_vectors;
    bool has_frames; /* the frames' folder can be written, the bucket be reached */
    bool has_job_store;
    char model_reason[ORI_ERROR_TEXT_MAX]; /* "" when well; says the command to run */
    char vectors_reason[ORI_ERROR_TEXT_MAX];
    char frames_reason[ORI_ERROR_TEXT_MAX];
    char job_store_reason[ORI_ERROR_TEXT_MAX];
};
void ori_service_readiness(struct ori_service *service, struct ori_readiness *ret_readiness);
/* After SIGHUP: tries a missing engine at once. */
void ori_service_poke(struct ori_service *service);
/* Gauges of /metrics that are asked for, not counted: jobs, items, queues. */
void ori_service_measure(struct ori_service *service);

/* What a client may ask for. Each changes the store first, then wakes who must know. Not on the HTTP
 * thread: they wait for the disk, stop and delete also for running items, two seconds at most. A job
 * whose items did not end by then is still running in ret_job, and cannot be deleted yet:
 * ORI_AGAIN. */
ori_status ori_service_submit(struct ori_service *service, const struct ori_job_new *job,
                              struct ori_job *ret_job, bool *ret_is_old, struct ori_error *err);
ori_status ori_service_stop_job(struct ori_service *service, const char *job_id,
                                struct ori_job *ret_job, struct ori_error *err);
ori_status ori_service_start_job(struct ori_service *service, const char *job_id,
                                 struct ori_job *ret_job, struct ori_error *err);
/* Stops it first when it runs. */
ori_status ori_service_delete_job(struct ori_service *service, const char *job_id,
                                  struct ori_error *err);
