#include "pipeline/reindex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/options.h"
#include "pipeline/reindex_priv.h"
#include "util/cond.h"

#define WAIT_MS 2000 /* a search, or a server that looks whether the store is its model's by now */
/* A store that changes between each embedding and each switch is one that somebody works on. */
#define ROUNDS_MAX 20

/* ---- the report ---- */

void ori_reindex_report_deinit(struct ori_reindex_report *report)
{
    for (size_t i = 0; i < report->videos_count; i++)
        free(report->videos[i].reason);
    free(report->videos);
    *report = (struct ori_reindex_report){0};
}

size_t ori_reindex_report_count(const struct ori_reindex_report *report, enum ori_reindex_end end)
{
    size_t count = 0;
    for (size_t i = 0; i < report->videos_count; i++)
        count += report->videos[i].end == end;
    return count;
}

ori_status reindex_note_video(struct ori_reindex_report *report, const char *platform,
                              const char *code, int64_t points, struct ori_error *err)
{
    if (report->videos_count == report->videos_room) {
        const size_t room = report->videos_room ? 2 * report->videos_room : 64;
        void *more = reallocarray(report->videos, room, sizeof *report->videos);
        if (!more)
            return ori_error_set(err, ORI_NOMEM, "list of videos");
        report->videos = more;
        report->videos_room = room;
    }
    struct ori_reindex_video *row = &report->videos[report->videos_count++];
    *row = (struct ori_reindex_video){.frames = points};
    snprintf(row->platform, sizeof row->platform, "%s", platform); /* the stores' limits */
    snprintf(row->code, sizeof row->code, "%s", code);
    return ORI_OK;
}

static ori_status note_video(void *self, const struct ori_vector_stage_video *video,
                             struct ori_error *err)
{
    return reindex_note_video(self, video->platform, video->code, video->points, err);
}

/* ---- what the store holds now ---- */

static int compare_videos(const struct ori_reindex_video *a, const struct ori_reindex_video *b)
{
    const int order = strcmp(a->platform, b->platform);
    return order ? order : strcmp(a->code, b->code);
}

/* The same video, of the same stills as when it was embedded or failed: how it ended still holds. */
static ori_status keep_end(struct reindex *reindex, struct ori_reindex_video *now,
                           struct ori_reindex_video *before, struct ori_error *err)
{
    struct ori_vector_stage_points points;
    ori_status status =
        ori_vector_stage_points(reindex->stage, now->platform, now->code, &points, err);
    if (status != ORI_OK)
        return status;
    status = reindex_video_token(reindex, now, &points, now->token, err);
    ori_vector_stage_points_deinit(&points);
    if (status != ORI_OK || strcmp(now->token, before->token) != 0)
        return status;
    now->end = before->end;
    now->status = before->status;
    now->reason = before->reason;
    before->reason = NULL;
    return ORI_OK;
}

/* Lists the store anew; *ret_waiting: videos that came or changed since they were embedded. */
static ori_status survey(struct reindex *reindex, size_t *ret_waiting, struct ori_error *err)
{
    struct ori_reindex_report *report = reindex->report;
    struct ori_reindex_report now = {0};
    size_t at = 0;
    ori_status status = ori_vector_stage_list(reindex->stage, note_video, &now, err);
    for (size_t i = 0; i < now.videos_count && status == ORI_OK; i++) {
        struct ori_reindex_video *video = &now.videos[i];
        while (at < report->videos_count && compare_videos(&report->videos[at], video) < 0)
            at++; /* it went */
        if (ori_cancel_is_set(reindex->options->cancel))
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        else if (at < report->videos_count && compare_videos(&report->videos[at], video) == 0)
            status = keep_end(reindex, video, &report->videos[at], err);
    }
    if (status != ORI_OK) {
        ori_reindex_report_deinit(&now);
        return status;
    }
    *ret_waiting = ori_reindex_report_count(&now, ORI_REINDEX_WAITING);
    struct ori_reindex_video *videos = report->videos;
    for (size_t i = 0; i < report->videos_count; i++)
        free(videos[i].reason);
    free(videos);
    report->videos = now.videos;
    report->videos_count = now.videos_count;
    report->videos_room = now.videos_room;
    return ORI_OK;
}

/* ---- the switch ---- */

/* Nothing at all could be embedded: more likely a wrong folder than so many lost stills. */
ori_status reindex_check_some_are_well(const struct reindex *reindex, struct ori_error *err)
{
    const struct ori_reindex_report *report = reindex->report;
    const size_t failed = ori_reindex_report_count(report, ORI_REINDEX_FAILED);
    if (failed == 0 || failed < report->videos_count)
        return ORI_OK;
    return ori_error_set(err, report->videos[0].status,
                         "not one of %zu videos could be embedded (%.150s), so the store stays as "
                         "it is; are VP_FRAMES_DIR and VP_OUTPUT_DIR those of this store?",
                         failed, report->videos[0].reason);
}

static int wait_ms_of(const struct reindex *reindex)
{
    return reindex->options->wait_ms > 0 ? reindex->options->wait_ms : WAIT_MS;
}

/* With the store to ourselves. *ret_is_done: switched; else some videos have changed. */
static ori_status switch_alone(struct reindex *reindex, bool *ret_is_done, struct ori_error *err)
{
    size_t waiting = 0;
    int64_t removed = 0;
    ori_status status = survey(reindex, &waiting, err);
    if (status != ORI_OK || waiting > 0)
        return status;
    status = reindex_check_some_are_well(reindex, err);
    if (status == ORI_OK)
        status = ori_vector_stage_commit(reindex->stage, &reindex->report->points, &removed, err);
    *ret_is_done = status == ORI_OK;
    return status;
}

static ori_status try_switch(struct reindex *reindex, bool *ret_is_done, struct ori_error *err)
{
    struct ori_error why = {0};
    reindex_pool_tell(reindex, ORI_REINDEX_SWITCH);
    ori_status status = ori_vector_stage_begin_switch(reindex->stage, wait_ms_of(reindex), &why);
    if (status == ORI_STORE_IN_USE)
        return ori_error_set(err, status,
                             "%.200s (a server, or a run): stop it and run `oriane reindex` again; "
                             "all is embedded, what is left is to switch over",
                             why.text);
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s", why.text);
    status = switch_alone(reindex, ret_is_done, err);
    reindex->report->is_switched = *ret_is_done;
    struct ori_error ignored = {0}; /* the first cause counts */
    const ori_status ended =
        ori_vector_stage_end_switch(reindex->stage, status == ORI_OK ? err : &ignored);
    return status == ORI_OK ? ended : status;
}

/* Early, so that nobody learns of it only after hours of work. */
static ori_status look_for_others(struct reindex *reindex, struct ori_error *err)
{
    struct ori_error why = {0};
    const ori_status status = ori_vector_stage_begin_switch(reindex->stage, 1, &why);
    if (status == ORI_STORE_IN_USE && reindex->options->log)
        ori_log_say(reindex->options->log,
                    "oriane: warning: %s; it may go on while frames are embedded, but must have "
                    "ended before the store is switched over",
                    why.text);
    else if (status != ORI_OK && status != ORI_STORE_IN_USE)
        return ori_error_set(err, status, "%s", why.text);
    return ori_vector_stage_end_switch(reindex->stage, err);
}

static ori_status embed_and_switch(struct reindex *reindex, struct ori_error *err)
{
    struct ori_reindex_report *report = reindex->report;
    bool is_done = false;
    ori_status status = look_for_others(reindex, err);
    if (status == ORI_OK)
        status = ori_vector_stage_list(reindex->stage, note_video, report, err);
    for (int round = 0; status == ORI_OK && !is_done; round++) {
        if (round == ROUNDS_MAX)
            return ori_error_set(err, ORI_STORE_IN_USE,
                                 "the vector store changes all the time: stop what works on it and "
                                 "run `oriane reindex` again");
        status = reindex_pool_run(reindex, ORI_REINDEX_EMBED, reindex_video_work,
                                  report->videos_count, err);
        if (status == ORI_OK)
            status = reindex_check_some_are_well(reindex, err);
        if (status == ORI_OK)
            status = try_switch(reindex, &is_done, err);
    }
    return status;
}

/* ---- all of it ---- */

static ori_status prepare(struct reindex *reindex, struct ori_error *err)
{
    const struct ori_reindex_options *options = reindex->options;
    const struct ori_model_info *model = &options->engine->model_info;
    ori_options_extract(options->settings, model, &reindex->extract);
    reindex->inputs = (struct ori_result_inputs){.extract = &reindex->extract,
                                                 .model = model->name,
                                                 .digest = model->digest,
                                                 .precision = model->precision,
                                                 .dim = model->dim};
    return ori_identity_fingerprint("", &reindex->inputs, reindex->recipe, err);
}

static ori_status open_stage(struct reindex *reindex, struct ori_error *err)
{
    const struct ori_reindex_options *options = reindex->options;
    const struct ori_model_info *model = &options->engine->model_info;
    const struct ori_vector_stage_options staging = {.path = options->settings->vector_db,
                                                     .model = model->name,
                                                     .digest = model->digest,
                                                     .dim = model->dim,
                                                     .recipe = reindex->recipe,
                                                     .cancel = options->cancel};
    return ori_vector_stage_open(&staging, &reindex->stage, err);
}

static ori_status run_steps(struct reindex *reindex, struct ori_error *err)
{
    struct ori_reindex_report *report = reindex->report;
    struct ori_vector_stage_facts facts = {0};
    ori_status status = prepare(reindex, err);
    if (status == ORI_OK && reindex->options->engine->vectors)
        return reindex_remote(reindex, err);
    if (status == ORI_OK)
        status = open_stage(reindex, err);
    if (status == ORI_OK)
        status = ori_vector_stage_facts(reindex->stage, &facts, err);
    if (status != ORI_OK)
        return status;
    memcpy(report->model_before, facts.model, sizeof report->model_before);
    report->dim_before = facts.dim;
    report->points = facts.points;
    const bool is_old = facts.points > 0 && !facts.is_switched;
    report->had_work = is_old || facts.has_rest;
    if (is_old)
        status = embed_and_switch(reindex, err);
    if (status == ORI_OK && report->had_work)
        status = reindex_manifests(reindex, err);
    if (status == ORI_OK)
        status = ori_vector_stage_finish(&reindex->stage, err);
    return status;
}

ori_status ori_reindex_run(const struct ori_reindex_options *options,
                           struct ori_reindex_report *ret_report, struct ori_error *err)
{
    ORI_ASSERT(options && options->settings && options->engine && options->cancel && ret_report);
    *ret_report = (struct ori_reindex_report){0};
    struct reindex *reindex = calloc(1, sizeof *reindex);
    if (!reindex)
        return ori_error_set(err, ORI_NOMEM, "reindex");
    reindex->options = options;
    reindex->report = ret_report;
    pthread_mutex_init(&reindex->lock, NULL); /* neither fails on Linux */
    ori_cond_init(&reindex->has_ended);
    const ori_status status = run_steps(reindex, err);
    ret_report->frames = atomic_load(&reindex->frames);
    ret_report->manifests = atomic_load(&reindex->manifests);
    ori_vector_stage_close(&reindex->stage);
    pthread_cond_destroy(&reindex->has_ended);
    pthread_mutex_destroy(&reindex->lock);
    free(reindex->names);
    free(reindex);
    return status;
}
