/* What is told of the server itself. */
#include <string.h>

#include "config/setting_rows.h"
#include "http/accept.h"
#include "http/resource.h"
#include "http/schema.h"
#include "util/clock.h"
#include "util/json_out.h"

#define RETRY_AFTER_S "5"

void ori_resource_root(struct ori_http_request *request, struct ori_http_response *response)
{
    ori_http_set_header(response, "Vary", "Accept");
    if (ori_accept_prefers_html(ori_http_header(request, "Accept"))) {
        ori_http_set_status(response, 302);
        ori_http_set_header(response, "Location", "/ui/");
        return;
    }
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "status", "ok");
    ori_json_put_text(buf, "message",
                      "Videos in, searchable frames out; the API is described "
                      "under /api/docs");
    ori_json_put_text(buf, "version", ORI_VERSION);
    ori_json_put_text(buf, "api_name", request->settings->api_name);
    ori_json_end_object(buf);
}

void ori_resource_health(struct ori_http_request *request, struct ori_http_response *response)
{
    int64_t up_us = ori_clock_wall_us() - request->service->started_us;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "status", "ok");
    ori_json_put_text(buf, "version", ORI_VERSION);
    /* the clock may have been set back; in whole tenths, which is all anybody looks at */
    ori_json_put_real(buf, "uptime_seconds", (double)(up_us > 0 ? up_us / 100000 : 0) / 10.0);
    ori_json_end_object(buf);
}

struct check {
    const char *name;
    bool is_well;
    const char *reason;
};
#define CHECKS 4

static void list_checks(const struct ori_readiness *readiness, struct check ret_checks[CHECKS])
{
    ret_checks[0] = (struct check){"model", readiness->has_model, readiness->model_reason};
    ret_checks[1] = (struct check){"vectors", readiness->has_vectors, readiness->vectors_reason};
    ret_checks[2] = (struct check){"frames", readiness->has_frames, readiness->frames_reason};
    ret_checks[3] = (struct check){"jobs", readiness->has_job_store, readiness->job_store_reason};
}

static void put_checks(struct ori_buf *buf, const struct check checks[CHECKS])
{
    ori_json_begin_object(buf, "checks");
    for (size_t i = 0; i < CHECKS; i++) {
        ori_json_begin_object(buf, checks[i].name);
        ori_json_put_bool(buf, "ok", checks[i].is_well);
        ori_json_put_text(buf, "reason", checks[i].reason[0] ? checks[i].reason : NULL);
        ori_json_end_object(buf);
    }
    ori_json_end_object(buf);
}

/* "model: ...; vectors: ...": what is missing, by name. */
static void name_missing(const struct ori_readiness *readiness, const struct check checks[CHECKS],
                         struct ori_buf *detail)
{
    if (readiness->is_draining)
        ori_buf_add_text(detail, "the server is shutting down");
    for (size_t i = 0; i < CHECKS; i++) {
        if (checks[i].is_well)
            continue;
        const char *reason = checks[i].reason[0] ? checks[i].reason : "not ready yet";
        bool is_named = strncmp(reason, checks[i].name, strlen(checks[i].name)) == 0;
        ori_buf_printf(detail, "%s%s%s%s", detail->used ? "; " : "", is_named ? "" : checks[i].name,
                       is_named ? "" : ": ", reason);
    }
    if (detail->used == 0)
        ori_buf_add_text(detail, ori_status_text(ORI_NOT_READY));
}

static void say_not_ready(const struct ori_http_request *request,
                          struct ori_http_response *response, const struct ori_readiness *readiness,
                          const struct check *checks)
{
    struct ori_buf detail;
    ori_buf_init(&detail, CHECKS * (ORI_ERROR_TEXT_MAX + 32));
    name_missing(readiness, checks, &detail);
    ori_http_set_status(response, ori_status_http(ORI_NOT_READY));
    ori_http_set_header(response, "Retry-After", RETRY_AFTER_S);
    struct ori_buf *buf = ori_http_body(response, "application/problem+json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "type", "about:blank");
    ori_json_put_text(buf, "title", "Service Unavailable");
    ori_json_put_whole(buf, "status", ori_status_http(ORI_NOT_READY));
    ori_json_put_text(buf, "detail", ori_buf_text(&detail));
    ori_json_put_text(buf, "code", ori_status_code(ORI_NOT_READY));
    ori_json_put_text(buf, "instance", request->path);
    ori_json_put_text(buf, "request_id", request->request_id);
    put_checks(buf, checks);
    ori_json_end_object(buf);
    ori_buf_deinit(&detail);
}

void ori_resource_ready(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_readiness readiness;
    struct check checks[CHECKS];
    ori_service_readiness(request->service, &readiness);
    list_checks(&readiness, checks);
    if (!readiness.is_ready) {
        say_not_ready(request, response, &readiness, checks);
        return;
    }
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "status", "ready");
    put_checks(buf, checks);
    ori_json_end_object(buf);
}

void ori_resource_metrics(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_buf *buf = ori_http_body(response, "text/plain; version=0.0.4; charset=utf-8");
    ori_service_measure(request->service);
    ori_metrics_render(request->service->metrics, buf);
}

void ori_resource_concurrency(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_service *service = request->service;
    struct ori_job_totals totals;
    struct ori_error err = {0};
    if (ori_job_store_totals(service->store, &totals, &err) != ORI_OK) {
        ori_http_fail(request, response, &err);
        return;
    }
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_whole(buf, "active_jobs", totals.turns);
    ori_json_put_whole(buf, "max_parallel_jobs", request->settings->pipeline_max_parallel_jobs);
    ori_json_put_whole(buf, "pending_jobs", totals.jobs[ORI_JOB_PENDING]);
    ori_json_put_whole(buf, "completed_jobs", totals.jobs[ORI_JOB_COMPLETED]);
    ori_json_put_whole(buf, "failed_jobs", totals.jobs[ORI_JOB_FAILED]);
    ori_json_put_whole(buf, "stopped_jobs", totals.jobs[ORI_JOB_STOPPED]);
    ori_json_put_whole(buf, "queue_size", totals.items[ORI_ITEM_WAITING]);
    ori_json_put_whole(buf, "active_workers", ori_scheduler_busy(service->scheduler));
    ori_json_put_whole(buf, "max_workers", ori_scheduler_workers(service->scheduler));
    ori_json_end_object(buf);
}

void ori_resource_models(struct ori_http_request *request, struct ori_http_response *response)
{
    const struct ori_engine *engine = ori_service_engine(request->service);
    const struct ori_model_info *info = engine ? &engine->model_info : NULL;
    struct ori_readiness readiness;
    ori_service_readiness(request->service, &readiness);
    const char *reasons[] = {readiness.model_reason, readiness.frames_reason,
                             readiness.vectors_reason, "the model is being loaded"};
    const char *reason = reasons[0];
    for (size_t i = 1; !reason[0]; i++)
        reason = reasons[i];
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    ori_json_put_bool(buf, "clip_model_loaded", info != NULL);
    ori_json_put_text(buf, "clip_model_name",
                      info ? info->name : request->service->settings->clip_model);
    ori_json_put_whole(buf, "dim", info ? info->dim : request->service->settings->qdrant_dim);
    ori_json_put_text(buf, "backend", info ? info->backend : NULL);
    ori_json_put_text(buf, "precision", info ? info->precision : NULL);
    ori_json_put_text(buf, "device", info ? info->device : NULL);
    ori_json_put_text(buf, "reason", info ? NULL : reason);
    ori_json_end_object(buf);
}

static void put_shown(struct ori_buf *buf, const char *key, const struct ori_settings *settings,
                      enum ori_setting setting)
{
    struct ori_buf text;
    ori_buf_init(&text, 2 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_settings_show(settings, setting, &text);
    ori_json_put_text(buf, key, ori_buf_text(&text));
    ori_buf_deinit(&text);
}

static void put_setting(struct ori_buf *buf, const struct ori_settings *settings,
                        enum ori_setting setting)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    const void *field = ori_settings_field(settings, setting);
    char key[ORI_CONFIG_KEY_BYTES];
    ori_config_key(row, key);
    switch (row->kind) {
    case ORI_SETTING_KIND_BOOL:
        ori_json_put_bool(buf, key, *(const bool *)field);
        break;
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        ori_json_put_whole(buf, key, *(const int64_t *)field);
        break;
    case ORI_SETTING_KIND_REAL:
        ori_json_put_real(buf, key, *(const double *)field);
        break;
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_CHOICE:
    case ORI_SETTING_KIND_CROPDETECT:
        put_shown(buf, key, settings, setting); /* passwords inside URLs are masked */
        break;
    case ORI_SETTING_KIND_SECRET:
        break;
    }
}

void ori_resource_config(struct ori_http_request *request, struct ori_http_response *response)
{
    const struct ori_settings *settings = request->settings;
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_object(buf, NULL);
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        if (i == ORI_SETTING_API_PORT) /* of API_PORT=0 the one taken */
            ori_json_put_whole(buf, "api_port", ori_http_port(request));
        else
            put_setting(buf, settings, (enum ori_setting)i);
    }
    put_shown(buf, "output_root", settings, ORI_SETTING_VP_OUTPUT_DIR);
    ori_json_put_whole(buf, "max_workers", settings->vp_max_workers);
    ori_json_put_whole(buf, "batch_size", settings->vp_batch_size);
    ori_json_put_real(buf, "sample_fps", settings->vp_sample_fps);
    ori_json_put_bool(buf, "crop_enabled", settings->vp_enable_crop);
    ori_json_put_bool(buf, "dedup_enabled", settings->vp_enable_dedup);
    put_shown(buf, "collection", settings, ORI_SETTING_QDRANT_COLLECTION);
    ori_json_put_whole(buf, "dim", settings->qdrant_dim);
    ori_json_end_object(buf);
}
