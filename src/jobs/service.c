#include "jobs/service.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/service_engine.h"
#include "net/egress.h"
#include "net/webhook.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/limits.h"

#define STORE_READERS 4
#define CONNECTIONS_MAX 16
#define FETCHES_A_WORKER 4 /* pieces of one video at once */

/* ---- the start ---- */

static bool is_postgres(const char *path)
{
    return strncmp(path, "postgres", strlen("postgres")) == 0;
}

static ori_status make_folders(const struct ori_settings *settings, struct ori_error *err)
{
    const char *variable = "VP_OUTPUT_DIR";
    ori_status status = ori_fs_make_folders(settings->vp_output_dir, err);
    if (status == ORI_OK) {
        variable = "VP_FRAMES_DIR";
        status = ori_fs_make_folders(settings->vp_frames_dir, err);
    }
    if (status == ORI_OK) {
        variable = "JOB_DB";
        status = ori_fs_make_folder_of(settings->job_db, err);
    }
    if (status != ORI_OK)
        ori_error_context(err, "%s", variable);
    return status;
}

/* One half of the keys of S3 is a slip that shows at the start, not when the first frame is stored. */
static ori_status check_keys(const struct ori_settings *settings, struct ori_error *err)
{
    const bool has_id = ori_secret_is_set(settings->aws_access_key_id);
    const bool has_secret = ori_secret_is_set(settings->aws_secret_access_key);
    if (has_id == has_secret || settings->local_mode || settings->s3_unsigned)
        return ORI_OK;
    return ori_error_set(err, ORI_BAD_SETTING, "%s: set without %s; S3 needs both or neither",
                         has_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         has_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
}

ori_status ori_service_check(const struct ori_settings *settings, struct ori_error *err)
{
    if (is_postgres(settings->job_db)) /* its value may hold a password */
        return ori_error_set(err, ORI_BAD_SETTING,
                             "JOB_DB: this version keeps jobs in an SQLite file, not in "
                             "PostgreSQL; expected a path");
    const struct ori_net_egress egress = ori_net_egress_of(settings);
    const struct ori_net_egress egress_s3 = ori_net_egress_of_s3(settings);
    ori_status status = check_keys(settings, err);
    if (status == ORI_OK)
        status = ori_net_egress_check(&egress, err);
    if (status == ORI_OK)
        status = ori_net_egress_check(&egress_s3, err);
    if (status != ORI_OK || !ori_secret_is_set(settings->webhook_secret))
        return status;
    return ori_webhook_check_secret(ori_secret_reveal(settings->webhook_secret), err);
}

static void tell_later(const struct ori_log *log, const char *variable, const char *text)
{
    ori_log_event(log, ORI_LOG_WARN, "setting.without_effect",
                  ORI_LOG_FIELDS(ori_log_text("variable", variable), ori_log_text("text", text)));
}

/* What is asked for and not there yet, one line each. */
static void tell_settings(const struct ori_service *service)
{
    const struct ori_settings *settings = service->settings;
    if (ori_secret_is_set(settings->api_password) && settings->api_username[0] == '\0')
        tell_later(
            &service->log, "API_PASSWORD",
            "API_PASSWORD is set without API_USERNAME: the API's reference page is open; set "
            "both");
}

static const struct ori_engine *engine_of(void *self)
{
    struct ori_service *service = self;
    return ori_service_engine_get(service->loader);
}

/* Nothing is begun that could not be written: it waits until the store is back. */
static bool is_store_away(void *self)
{
    struct ori_service *service = self;
    return ori_service_engine_is_away(service->loader);
}

static void wake_scheduler(void *self)
{
    struct ori_service *service = self;
    ori_scheduler_wake(service->scheduler);
}

/* What one item ran into the others need not run into as well. */
static void look_at_stores(void *self)
{
    struct ori_service *service = self;
    ori_service_engine_poke(service->loader);
}

static void wake_webhooks(void *self)
{
    struct ori_service *service = self;
    ori_webhooks_wake(service->webhooks);
}

static ori_status create_net(struct ori_service *service, struct ori_error *err)
{
    ori_status status =
        ori_network_list_create(service->settings->url_allow_private, &service->allowed, err);
    if (status != ORI_OK) {
        ori_error_context(err, "URL_ALLOW_PRIVATE");
        return status;
    }
    const struct ori_net_egress egress = ori_net_egress_of(service->settings);
    struct ori_net_client_options options = {
        .allowed = service->allowed, .connections_max = CONNECTIONS_MAX, .egress = &egress};
    status = ori_net_client_create(&options, &service->client, err);
    options.connections_max = FETCHES_A_WORKER * (int)service->settings->vp_max_workers;
    if (options.connections_max > ORI_LIMIT_MAX_NET_CONNECTIONS)
        options.connections_max = ORI_LIMIT_MAX_NET_CONNECTIONS;
    if (status == ORI_OK)
        status = ori_net_client_create(&options, &service->fetcher, err);
    return status;
}

/* Without the process's token: what runs is to be handed back to the store after it is set. */
static ori_status open_store(struct ori_service *service, struct ori_error *err)
{
    struct ori_job_store_options options = {.path = service->settings->job_db,
                                            .readers = STORE_READERS};
    ori_status status = make_folders(service->settings, err);
    if (status == ORI_OK)
        status = ori_job_store_open(&options, &service->store, err);
    if (status == ORI_OK)
        status = ori_hub_create(service->store, &service->hub, err);
    return status;
}

static ori_status create_loader(struct ori_service *service, struct ori_error *err)
{
    struct ori_service_engine_options options = {.settings = service->settings,
                                                 .log = &service->log,
                                                 .metrics = service->metrics,
                                                 .cancel = service->cancel,
                                                 .on_loaded = wake_scheduler,
                                                 .on_loaded_self = service};
    return ori_service_engine_create(&options, &service->loader, err);
}

static ori_status create_webhooks(struct ori_service *service, struct ori_error *err)
{
    struct ori_webhooks_options options = {.live = service->live,
                                           .store = service->store,
                                           .client = service->client,
                                           .metrics = service->metrics,
                                           .log = &service->log,
                                           .cancel = service->cancel};
    return ori_webhooks_create(&options, &service->webhooks, err);
}

static ori_status create_scheduler(struct ori_service *service, struct ori_error *err)
{
    struct ori_scheduler_options options = {.live = service->live,
                                            .store = service->store,
                                            .metrics = service->metrics,
                                            .log = &service->log,
                                            .cancel = service->cancel,
                                            .engine = engine_of,
                                            .engine_self = service,
                                            .is_store_away = is_store_away,
                                            .is_store_away_self = service,
                                            .on_finished = wake_webhooks,
                                            .on_finished_self = service,
                                            .on_outage = look_at_stores,
                                            .on_outage_self = service,
                                            .fetcher = service->fetcher,
                                            .allowed = service->allowed};
    return ori_scheduler_create(&options, &service->scheduler, err);
}

/* In this order: each is made of those above it; the loader's thread comes last, because it wakes
 * the scheduler. */
static ori_status create_parts(struct ori_service *service, struct ori_error *err)
{
    ori_status status = ori_service_check(service->settings, err);
    if (status == ORI_OK)
        status = ori_metrics_create(service->settings->enable_performance_metrics,
                                    &service->metrics, err);
    if (status == ORI_OK)
        status = create_net(service, err);
    if (status == ORI_OK)
        status = open_store(service, err);
    if (status == ORI_OK)
        status = create_loader(service, err);
    if (status == ORI_OK)
        status = create_webhooks(service, err);
    if (status == ORI_OK)
        status = create_scheduler(service, err);
    if (status == ORI_OK)
        status = ori_service_engine_start(service->loader, err);
    return status;
}

ori_status ori_service_create(const struct ori_service_options *options,
                              struct ori_service **ret_service, struct ori_error *err)
{
    ORI_ASSERT(options->live && options->cancel);
    struct ori_service *service = calloc(1, sizeof *service);
    if (!service)
        return ori_error_set(err, ORI_NOMEM, "service");
    service->live = options->live;
    service->settings = ori_live_ref(options->live);
    if (options->log)
        service->log = *options->log;
    service->cancel = options->cancel;
    service->started_us = ori_clock_wall_us();
    ori_status status = create_parts(service, err);
    if (status != ORI_OK) {
        ori_service_destroy(&service);
        return status;
    }
    tell_settings(service);
    *ret_service = service;
    return ORI_OK;
}

/* ---- the end ---- */

void ori_service_drain(struct ori_service *service, int64_t deadline_us)
{
    atomic_store(&service->is_draining, true);
    ori_scheduler_drain(service->scheduler, deadline_us);
}

void ori_service_destroy(struct ori_service **service)
{
    if (!service || !*service)
        return;
    struct ori_service *it = *service;
    /* The loader may still wake the scheduler, whose items use the engine: nothing runs after the
     * drain, then the loader ends, then the threads. */
    if (it->scheduler)
        ori_scheduler_drain(it->scheduler, 0);
    ori_service_engine_destroy(&it->loader);
    ori_scheduler_destroy(&it->scheduler);
    ori_webhooks_destroy(&it->webhooks);
    ori_hub_destroy(&it->hub);
    ori_job_store_close(&it->store);
    ori_net_client_destroy(&it->client);
    ori_net_client_destroy(&it->fetcher);
    ori_network_list_destroy(&it->allowed);
    ori_metrics_destroy(&it->metrics);
    if (it->settings)
        ori_live_unref(it->live, &it->settings);
    free(it);
    *service = NULL;
}

/* ---- how it is ---- */

const struct ori_engine *ori_service_engine(struct ori_service *service)
{
    return ori_service_engine_get(service->loader);
}

void ori_service_poke(struct ori_service *service)
{
    ori_service_engine_poke(service->loader);
}
