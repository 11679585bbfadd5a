#include "pipeline/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/item_priv.h"
#include "pipeline/medium.h"
#include "pipeline/options.h"
#include "util/utf8.h"

static double seconds_since(int64_t begin_us)
{
    return (double)(ori_clock_us() - begin_us) / 1e6;
}

static void name_source(const struct ori_item_request *request, struct ori_manifest *manifest)
{
    const char *path = request->path_shown ? request->path_shown
                       : request->path     ? request->path
                                           : request->place->name;
    const char *slash = strrchr(path, '/');
    snprintf(manifest->source_name, sizeof manifest->source_name, "%s", slash ? slash + 1 : path);
    ori_utf8_clean(manifest->source_name);
}

static ori_status open_medium(struct ori_item *item, int64_t *ret_bytes, struct ori_error *err)
{
    const struct ori_settings *settings = item->environment->settings;
    if (item->request->path)
        return ori_medium_open(item->request->path, settings->vp_max_bytes, &item->fd, ret_bytes,
                               err);
    return ori_medium_remote_open(item->request->place, settings->vp_max_bytes,
                                  settings->vp_tmp_dir, &item->wait, &item->remote, &item->fd,
                                  ret_bytes, err);
}

static ori_status step_open(struct ori_item *item, struct ori_error *err)
{
    int64_t begin_us = ori_clock_us();
    const struct ori_item_environment *environment = item->environment;
    struct ori_manifest *manifest = &item->result->manifest;
    struct ori_result_inputs inputs = {.extract = &item->options,
                                       .model = environment->model.name,
                                       .digest = environment->model.digest,
                                       .precision = environment->model.precision,
                                       .dim = environment->model.dim};
    int64_t bytes = 0;
    ori_status status = open_medium(item, &bytes, err);
    if (status == ORI_OK)
        status = ori_identity_source(item->fd, &manifest->source, err);
    if (status == ORI_OK)
        status = ori_identity_settings(&item->options, manifest->settings, err);
    if (status == ORI_OK)
        status = ori_identity_fingerprint(manifest->settings, &inputs, manifest->fingerprint, err);
    name_source(item->request, manifest);
    snprintf(manifest->model, sizeof manifest->model, "%s", environment->model.name);
    manifest->dim = environment->model.dim;
    item->result->timings.open = seconds_since(begin_us);
    return status;
}

/* Comes before the check, also for a video that turns out to be done: the lock sweeps what a killed
 * run left. */
static ori_status step_lock(struct ori_item *item, struct ori_error *err)
{
    ori_status status = ori_blob_lock_video(item->environment->blobs, item->request->platform,
                                            item->request->code, item->cancel, &item->lock, err);
    /* Whoever had the lock before us had it for as long as an item may take: our time begins now. */
    item->deadline_us = ori_clock_us() + item->environment->settings->vp_item_timeout * 1000000;
    item->wait.deadline_us = item->deadline_us;
    return status;
}

/* ORI_EOF: done already, the old manifest is the result. */
static ori_status step_check(struct ori_item *item, struct ori_error *err)
{
    bool is_done = false;
    ori_status status = ori_item_is_done(item, &is_done, err);
    if (status != ORI_OK || !is_done)
        return status;
    ori_manifest_deinit(&item->result->manifest);
    item->result->manifest = item->old;
    ori_manifest_init(&item->old);
    item->has_old = false;
    item->result->is_skipped = true;
    return ORI_EOF;
}

static ori_status step_extract(struct ori_item *item, struct ori_error *err)
{
    ori_item_tell_begin(item);
    return ori_item_extract(item, err);
}

static ori_status step_vectors(struct ori_item *item, struct ori_error *err)
{
    int64_t begin_us = ori_clock_us();
    struct ori_manifest *manifest = &item->result->manifest;
    ori_clock_rfc3339(ori_clock_wall_us(), manifest->created_at);
    ori_status status = ori_item_begin_effects(item, err);
    /* Intent first: from here on the folder's manifest names the new frames, not yet complete. */
    if (status == ORI_OK)
        status = ori_item_store_manifest(item, manifest, false, err);
    if (status == ORI_OK)
        status = ori_item_store_points(item, err);
    item->has_points = status == ORI_OK;
    item->result->timings.vectors = seconds_since(begin_us);
    return status;
}

static ori_status step_clean(struct ori_item *item, struct ori_error *err)
{
    return ori_item_sweep(item, &item->result->manifest, err);
}

static ori_status step_manifest(struct ori_item *item, struct ori_error *err)
{
    ori_status status = ori_item_store_manifest(item, &item->result->manifest, true, err);
    item->result->manifest.is_complete = status == ORI_OK;
    return status;
}

/* A step ends with ORI_OK (the next one follows), ORI_EOF (all is done) or why the item failed. */
static const struct {
    const char *name; /* the stage of an error that names none */
    ori_status (*run)(struct ori_item *item, struct ori_error *err);
} steps[] = {
    {"open", step_open},      {"lock", step_lock},         {"check", step_check},
    {"decode", step_extract}, {"clip", ori_item_clip},     {"vectors", step_vectors},
    {"clean", step_clean},    {"manifest", step_manifest},
};

void ori_item_tell(struct ori_item *item)
{
    const struct ori_item_request *request = item->request;
    item->progress_us = ori_clock_us();
    if (request->on_progress)
        request->on_progress(request->on_progress_self, &item->progress);
}

/* A store that did not answer before the item's time was up: that says something of the item. */
static ori_status call_it_timeout(const struct ori_item *item, struct ori_error *err)
{
    const struct ori_error why = *err;
    *err = (struct ori_error){.stage = why.stage};
    return ori_error_set(err, ORI_TIMEOUT, "not done after %lld seconds: %s",
                         (long long)item->environment->settings->vp_item_timeout, why.text);
}

static ori_status run_steps(struct ori_item *item, struct ori_error *err)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ori_status status = ORI_OK;
        if (steps[i].run == ori_item_clip && !item->options.clip.is_wanted)
            continue;
        item->progress.stage = steps[i].name;
        ori_item_tell(item);
        if (ori_cancel_is_set(item->cancel))
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        else
            status = steps[i].run(item, err);
        if (status == ORI_STORE_DOWN && ori_clock_us() >= item->deadline_us)
            status = call_it_timeout(item, err);
        if (status == ORI_EOF)
            return ORI_OK;
        if (status != ORI_OK) {
            if (!err->stage)
                err->stage = steps[i].name;
            return status;
        }
    }
    return ORI_OK;
}

void ori_item_result_init(struct ori_item_result *ret_result)
{
    memset(ret_result, 0, sizeof *ret_result);
    ori_manifest_init(&ret_result->manifest);
}

void ori_item_result_deinit(struct ori_item_result *result)
{
    if (!result)
        return;
    ori_manifest_deinit(&result->manifest);
    free(result->report_path);
    result->report_path = NULL;
}

static void count_times(struct ori_metrics *metrics, const struct ori_item_timings *timings)
{
    const struct {
        const char *stage;
        double seconds;
    } rows[] = {
        {"open", timings->open},       {"extract", timings->extract}, {"decode", timings->decode},
        {"vision", timings->vision},   {"still", timings->still},     {"wait", timings->wait},
        {"embed", timings->embed},     {"objects", timings->objects}, {"clip", timings->clip},
        {"vectors", timings->vectors},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ori_metrics_observe(metrics, ORI_METRIC_STAGE_SECONDS, ori_metrics_stage(rows[i].stage),
                            rows[i].seconds);
    ori_metrics_observe(metrics, ORI_METRIC_ITEM_SECONDS, 0, timings->total);
}

static void count_result(struct ori_metrics *metrics, const struct ori_item_result *result)
{
    const struct ori_manifest *manifest = &result->manifest;
    if (result->status != ORI_OK || result->is_skipped)
        return;
    ori_metrics_add(metrics, ORI_METRIC_FRAMES, 0, (double)manifest->frames_count);
    ori_metrics_add(metrics, ORI_METRIC_MEDIA_SECONDS, 0, (double)manifest->duration_us / 1e6);
    ori_metrics_add(metrics, ORI_METRIC_MEDIA_BYTES, 0, (double)manifest->source.bytes);
    count_times(metrics, &result->timings);
}

static void item_deinit(struct ori_item *item)
{
    ori_item_extract_end(item);
    ori_blob_unlock_video(&item->lock);
    ori_manifest_deinit(&item->old);
    free(item->vectors);
    if (item->remote) {
        ori_metrics_add(item->environment->metrics, ORI_METRIC_FETCHED_BYTES, 0,
                        (double)ori_medium_remote_fetched(item->remote));
        ori_log_event(item->request->log, ORI_LOG_DEBUG, "medium.fetched",
                      ORI_LOG_FIELDS(ori_log_int("bytes", ori_medium_remote_fetched(item->remote)),
                                     ori_log_int("of", ori_medium_remote_bytes(item->remote))));
    }
    ori_medium_remote_destroy(&item->remote);
    if (item->fd >= 0)
        close(item->fd);
}

static void name_result(struct ori_manifest *manifest, const struct ori_item_request *request)
{
    snprintf(manifest->platform, sizeof manifest->platform, "%s", request->platform);
    snprintf(manifest->code, sizeof manifest->code, "%s", request->code);
}

ori_status ori_item_run(const struct ori_item_environment *environment,
                        const struct ori_item_request *request, const struct ori_cancel *cancel,
                        struct ori_item_result *ret_result)
{
    int64_t begin_us = ori_clock_us();
    struct ori_item item = {
        .environment = environment,
        .request = request,
        .cancel = cancel,
        .result = ret_result,
        .deadline_us = begin_us + environment->settings->vp_item_timeout * 1000000,
        .fd = -1,
    };
    struct ori_manifest *manifest = &ret_result->manifest;
    item.wait = (struct ori_wait){.cancel = cancel, .deadline_us = item.deadline_us};
    name_result(manifest, request);
    ori_options_extract(environment->settings, &environment->model, &item.options);
    ret_result->attempts = 1;
    ret_result->status = run_steps(&item, &ret_result->error);
    if (ret_result->status != ORI_OK) {
        ori_item_take_back(&item);
        ori_manifest_deinit(manifest); /* half a result is none */
        name_result(manifest, request);
    }
    ret_result->timings.total = seconds_since(begin_us);
    ori_item_tell_end(&item, ret_result->status == ORI_OK);
    item_deinit(&item);
    ret_result->timings.total = seconds_since(begin_us);
    count_result(environment->metrics, ret_result);
    return ret_result->status;
}
