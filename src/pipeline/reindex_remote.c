/* pipeline/reindex_remote.c: stored stills embedded into a new collection of Qdrant. No stage is needed: the
 * new collection is one, for nobody looks into it until a server is started with it. A video is embedded
 * without its lock, so that a server at work on it is not held up; with the lock its points are written,
 * unless it is another result by then. Manifests change at the end: until then the server of before has
 * nothing to do again. */
#include "pipeline/reindex_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/manifest_store.h"
#include "pipeline/picture.h"
#include "pipeline/stills.h"

/* A video that a server changes again and again is left for the next call. */
#define TRIES 5

/* ---- which videos ---- */

static ori_status visit_folder(void *self, const char *platform, const char *code,
                               struct ori_error *err)
{
    struct reindex *reindex = self;
    if (ori_cancel_is_set(reindex->options->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    return reindex_note_video(reindex->report, platform, code, 0, err);
}

static int compare_videos(const void *a, const void *b)
{
    const struct ori_reindex_video *left = a;
    const struct ori_reindex_video *right = b;
    const int order = strcmp(left->platform, right->platform);
    return order ? order : strcmp(left->code, right->code);
}

/* In byte order; one that is in the bucket and in the folder is one. */
static void sort_videos(struct ori_reindex_report *report)
{
    size_t kept = 0;
    if (report->videos_count > 1)
        qsort(report->videos, report->videos_count, sizeof *report->videos, compare_videos);
    for (size_t i = 0; i < report->videos_count; i++) {
        if (kept == 0 || compare_videos(&report->videos[kept - 1], &report->videos[i]) != 0)
            report->videos[kept++] = report->videos[i];
    }
    report->videos_count = kept;
}

static ori_status list_videos(struct reindex *reindex, struct ori_error *err)
{
    const struct ori_objects *objects = &reindex->options->engine->objects;
    const struct ori_wait wait = {.cancel = reindex->options->cancel};
    ori_status status = ORI_OK;
    if (objects->remote)
        status = ori_blob_list_videos(objects->remote, visit_folder, reindex, &wait, err);
    if (status == ORI_OK)
        status = ori_blob_list_videos(objects->local, visit_folder, reindex, &wait, err);
    if (status == ORI_OK)
        sort_videos(reindex->report);
    return status;
}

/* ---- a video ---- */

struct video {
    struct reindex *reindex;
    struct ori_reindex_video *row;
    struct ori_wait wait;
    struct ori_blob_store *blobs; /* where its manifest is */
    struct ori_manifest manifest;
    bool is_to_do; /* a complete manifest is there, and it may leave this machine */
};

static ori_status load(struct video *video, struct ori_blob_store *blobs, bool *ret_is_there,
                       struct ori_error *err)
{
    enum ori_manifest_state state = ORI_MANIFEST_MISSING;
    video->blobs = blobs;
    const ori_status status = ori_manifest_load(blobs, video->row->platform, video->row->code,
                                                &video->wait, &video->manifest, &state, NULL, err);
    *ret_is_there = state != ORI_MANIFEST_MISSING;
    video->is_to_do = state == ORI_MANIFEST_READ && video->manifest.is_complete;
    return status;
}

static ori_status stays_here(struct video *video, bool *ret_stays, struct ori_error *err)
{
    const struct ori_vector_filter filter = {.platform = video->row->platform,
                                             .video_code = video->row->code,
                                             .second_min = -1,
                                             .second_max = -1};
    struct ori_vector_store *here = video->reindex->options->engine->local_vectors;
    int64_t count = 0;
    const ori_status status =
        here ? ori_vector_count_until(here, &filter, video->wait.cancel, &count, err) : ORI_OK;
    *ret_stays = count > 0;
    return status;
}

/* The bucket goes before the folder, as everywhere. */
static ori_status find(struct video *video, struct ori_error *err)
{
    const struct ori_objects *objects = &video->reindex->options->engine->objects;
    bool is_there = false;
    bool stays = false;
    ori_status status = ORI_OK;
    ori_manifest_deinit(&video->manifest);
    if (objects->remote)
        status = load(video, objects->remote, &is_there, err);
    if (status != ORI_OK || is_there)
        return status;
    status = load(video, objects->local, &is_there, err);
    if (status == ORI_OK && video->is_to_do)
        status = stays_here(video, &stays, err);
    video->is_to_do = video->is_to_do && !stays;
    return status;
}

static ori_status has_points(struct video *video, bool *ret_has, struct ori_error *err)
{
    const struct ori_engine *engine = video->reindex->options->engine;
    return ori_manifest_has_points(&video->manifest, engine->model_info.name, engine->vectors,
                                   video->wait.cancel, ret_has, err);
}

static ori_status embed(struct video *video, struct reindex_worker *worker, float **ret_vectors,
                        struct ori_error *err)
{
    const struct ori_reindex_options *options = video->reindex->options;
    const struct ori_manifest *manifest = &video->manifest;
    const struct ori_stills_options stills = {.settings = options->settings,
                                              .model = &options->engine->model_info,
                                              .batcher = options->engine->batcher,
                                              .blobs = video->blobs,
                                              .child_program = options->child_program,
                                              .cancel = video->wait.cancel,
                                              .on_frame = reindex_video_share,
                                              .on_frame_self = worker};
    const size_t rows = manifest->frames_count + 1;
    char(*texts)[ORI_OBJECT_KEY_BYTES] = calloc(rows, sizeof *texts);
    const char **keys = calloc(rows, sizeof *keys);
    ori_status status = ORI_OK;
    if (!texts || !keys)
        status = ori_error_set(err, ORI_NOMEM, "%zu stills", manifest->frames_count);
    for (size_t i = 0; i < manifest->frames_count && status == ORI_OK; i++) {
        ori_manifest_frame_key(manifest, &manifest->frames[i], texts[i]);
        keys[i] = texts[i];
    }
    if (status == ORI_OK)
        status = ori_stills_embed(&stills, keys, manifest->frames_count, ret_vectors, NULL, err);
    free(keys);
    free(texts);
    return status;
}

/* As the manifest has them, but of the new model. */
static ori_status write_points(struct video *video, const float *vectors, struct ori_error *err)
{
    const struct ori_engine *engine = video->reindex->options->engine;
    const struct ori_manifest *manifest = &video->manifest;
    const size_t dim = (size_t)engine->model_info.dim;
    const size_t rows = manifest->frames_count + 1;
    char(*paths)[ORI_OBJECT_KEY_BYTES] = calloc(rows, sizeof *paths);
    struct ori_point *points = calloc(rows, sizeof *points);
    ori_status status = ORI_OK;
    if (!paths || !points)
        status = ori_error_set(err, ORI_NOMEM, "points of one video");
    for (size_t i = 0; i < manifest->frames_count && status == ORI_OK; i++) {
        ori_manifest_frame_key(manifest, &manifest->frames[i], paths[i]);
        ori_manifest_point(manifest, &manifest->frames[i], paths[i], vectors + i * dim, &points[i]);
        points[i].payload.model = engine->model_info.name;
    }
    if (status == ORI_OK)
        status =
            ori_vector_replace_video_until(engine->vectors, manifest->platform, manifest->code,
                                           points, manifest->frames_count, video->wait.cancel, err);
    free(points);
    free(paths);
    return status;
}

/* Is the result still the one that was embedded? */
static bool is_same(const struct video *video, const struct ori_manifest *then)
{
    const struct ori_manifest *now = &video->manifest;
    return video->is_to_do && strcmp(now->created_at, then->created_at) == 0 &&
           strcmp(now->settings, then->settings) == 0 && now->frames_count == then->frames_count;
}

/* *ret_is_done false: it has become another meanwhile. */
static ori_status write_locked(struct video *video, const float *vectors, bool *ret_is_done,
                               struct ori_error *err)
{
    struct ori_blob_lock *lock = NULL;
    struct ori_manifest then = video->manifest;
    ori_manifest_init(&video->manifest);
    ori_status status = ori_blob_lock_video(video->blobs, video->row->platform, video->row->code,
                                            video->wait.cancel, &lock, err);
    if (status == ORI_OK)
        status = find(video, err);
    *ret_is_done = status == ORI_OK && is_same(video, &then);
    if (*ret_is_done)
        status = write_points(video, vectors, err);
    ori_blob_unlock_video(&lock);
    ori_manifest_deinit(&then);
    return status;
}

/* Whose the results were, for the report: of the first one of another model. */
static void note_before(const struct video *video)
{
    struct reindex *reindex = video->reindex;
    struct ori_reindex_report *report = reindex->report;
    const struct ori_manifest *manifest = &video->manifest;
    const struct ori_model_info *model = &reindex->options->engine->model_info;
    if (!video->is_to_do ||
        (strcmp(manifest->model, model->name) == 0 && manifest->dim == model->dim))
        return;
    pthread_mutex_lock(&reindex->lock);
    if (!report->model_before[0]) {
        snprintf(report->model_before, sizeof report->model_before, "%.255s", manifest->model);
        report->dim_before = manifest->dim;
    }
    pthread_mutex_unlock(&reindex->lock);
}

static ori_status embed_video(struct video *video, struct reindex_worker *worker,
                              struct ori_error *err)
{
    bool is_done = false;
    ori_status status = find(video, err);
    note_before(video);
    for (int i = 0; i < TRIES && status == ORI_OK && !is_done; i++) {
        float *vectors = NULL;
        if (!video->is_to_do) {
            video->row->end = ORI_REINDEX_LEFT;
            return ORI_OK;
        }
        video->row->frames = (int64_t)video->manifest.frames_count;
        status = has_points(video, &is_done, err);
        if (status != ORI_OK)
            return status;
        if (is_done) {
            video->row->end =
                video->manifest.frames_count > 0 ? ORI_REINDEX_RESUMED : ORI_REINDEX_EMBEDDED;
            return ORI_OK;
        }
        status = embed(video, worker, &vectors, err);
        if (status == ORI_OK)
            status = write_locked(video, vectors, &is_done, err);
        free(vectors);
    }
    if (is_done)
        video->row->end = ORI_REINDEX_EMBEDDED;
    return status;
}

static void video_init(struct video *video, struct reindex *reindex, size_t index)
{
    *video = (struct video){.reindex = reindex,
                            .row = &reindex->report->videos[index],
                            .wait = {.cancel = &reindex->halt}};
    ori_manifest_init(&video->manifest);
}

static ori_status embed_work(struct reindex_worker *worker, size_t index, struct ori_error *err)
{
    struct video video;
    struct ori_error why = {0};
    video_init(&video, worker->reindex, index);
    const ori_status status = embed_video(&video, worker, &why);
    ori_manifest_deinit(&video.manifest);
    if (status == ORI_OK && video.row->end != ORI_REINDEX_EMBEDDED)
        reindex_video_resumed(worker->reindex);
    if (status != ORI_OK && ori_picture_is_at_fault(status, &why))
        return reindex_video_failed(video.row, status, &why, err);
    if (status != ORI_OK)
        *err = why;
    return status;
}

/* ---- manifests ---- */

static ori_status change_locked(struct video *video, struct ori_error *err)
{
    bool is_there = false;
    bool is_new = false;
    ori_status status = find(video, err);
    if (status == ORI_OK && video->is_to_do)
        status = has_points(video, &is_there, err);
    if (status == ORI_OK && !is_there) { /* another result by now: for the next call */
        video->row->end = ORI_REINDEX_WAITING;
        return ORI_OK;
    }
    if (status == ORI_OK)
        status = reindex_manifest_change(video->reindex, &video->manifest, &is_new, err);
    if (status == ORI_OK && is_new)
        status = reindex_manifest_store(video->reindex, video->blobs, &video->manifest, err);
    return status;
}

static ori_status manifest_work(struct reindex_worker *worker, size_t index, struct ori_error *err)
{
    struct video video;
    struct ori_blob_lock *lock = NULL;
    video_init(&video, worker->reindex, index);
    if (video.row->end != ORI_REINDEX_EMBEDDED && video.row->end != ORI_REINDEX_RESUMED)
        return ORI_OK;
    ori_status status = find(&video, err);
    if (status == ORI_OK)
        status = ori_blob_lock_video(video.blobs, video.row->platform, video.row->code,
                                     video.wait.cancel, &lock, err);
    if (status == ORI_OK)
        status = change_locked(&video, err);
    ori_blob_unlock_video(&lock);
    ori_manifest_deinit(&video.manifest);
    return status;
}

/* ---- all of it ---- */

ori_status reindex_remote(struct reindex *reindex, struct ori_error *err)
{
    struct ori_reindex_report *report = reindex->report;
    const struct ori_engine *engine = reindex->options->engine;
    ori_status status = list_videos(reindex, err);
    if (status == ORI_OK)
        status =
            reindex_pool_run(reindex, ORI_REINDEX_EMBED, embed_work, report->videos_count, err);
    if (status == ORI_OK)
        status = reindex_check_some_are_well(reindex, err);
    if (status == ORI_OK)
        status = reindex_pool_run(reindex, ORI_REINDEX_MANIFESTS, manifest_work,
                                  report->videos_count, err);
    if (status == ORI_OK)
        status = ori_vector_count_until(engine->vectors, NULL, reindex->options->cancel,
                                        &report->points, err);
    report->had_work = atomic_load(&reindex->manifests) > 0 || atomic_load(&reindex->frames) > 0 ||
                       ori_reindex_report_count(report, ORI_REINDEX_FAILED) > 0;
    report->is_switched = status == ORI_OK && report->had_work;
    if (!report->model_before[0]) { /* the manifests say so already */
        snprintf(report->model_before, sizeof report->model_before, "%.255s",
                 engine->model_info.name);
        report->dim_before = engine->model_info.dim;
    }
    return status;
}
