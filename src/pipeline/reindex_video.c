/* pipeline/reindex_video.c: one video: are its stills embedded already, as they are now? If not, a
 * worker has them decoded one after the other, and hands each to the batcher while the next one is
 * decoded; the vectors of a video go into the stage together. */
#include "pipeline/reindex_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/picture.h"
#include "pipeline/stills.h"
#include "util/hash.h"

/* ---- what it is made of ---- */

static ori_status add_point(struct ori_hash *hash, const struct ori_vector_stage_point *point,
                            struct ori_error *err)
{
    char text[128];
    const int bytes =
        snprintf(text, sizeof text, "\n%" PRId64 " %s ", point->change, point->created_at);
    ori_status status = ori_hash_add(hash, text, (size_t)bytes, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, point->id, sizeof point->id, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, point->path, strlen(point->path) + 1, err);
    return status;
}

ori_status reindex_video_token(struct reindex *reindex, const struct ori_reindex_video *video,
                               const struct ori_vector_stage_points *points,
                               char ret_token[ORI_DIGEST_BYTES], struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    uint8_t *manifest = NULL;
    size_t bytes = 0;
    struct ori_hash *hash = NULL;
    ori_status status =
        reindex_manifest_read(reindex, video->platform, video->code, &manifest, &bytes, err);
    if (status == ORI_OK)
        status = ori_hash_create(ORI_HASH_SHA256, &hash, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, manifest ? (const char *)manifest : "", bytes, err);
    for (size_t i = 0; i < points->count && status == ORI_OK; i++)
        status = add_point(hash, &points->points[i], err);
    if (status == ORI_OK)
        status = ori_hash_finish(hash, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, ori_hash_bytes(ORI_HASH_SHA256), ret_token);
    ori_hash_destroy(&hash);
    free(manifest);
    return status;
}

/* ---- stills to vectors ---- */

void reindex_video_share(void *self, size_t done, size_t count)
{
    struct reindex_worker *worker = self;
    atomic_fetch_add(&worker->reindex->frames, 1);
    pthread_mutex_lock(&worker->reindex->lock);
    worker->share = (double)done / (double)count;
    pthread_mutex_unlock(&worker->reindex->lock);
}

/* *ret_vectors: malloc'ed, the caller frees. */
static ori_status embed_points(struct reindex_worker *worker,
                               const struct ori_vector_stage_points *points, float **ret_vectors,
                               struct ori_error *err)
{
    struct reindex *reindex = worker->reindex;
    const struct ori_reindex_options *options = reindex->options;
    const struct ori_stills_options stills = {.settings = options->settings,
                                              .model = &options->engine->model_info,
                                              .batcher = options->engine->batcher,
                                              .blobs = options->engine->blobs,
                                              .child_program = options->child_program,
                                              .cancel = &reindex->halt,
                                              .on_frame = reindex_video_share,
                                              .on_frame_self = worker};
    const char **keys = calloc(points->count + 1, sizeof *keys);
    if (!keys)
        return ori_error_set(err, ORI_NOMEM, "%zu stills", points->count);
    for (size_t i = 0; i < points->count; i++)
        keys[i] = points->points[i].path;
    const ori_status status =
        ori_stills_embed(&stills, keys, points->count, ret_vectors, NULL, err);
    free(keys);
    return status;
}

/* ---- one video ---- */

ori_status reindex_video_failed(struct ori_reindex_video *video, ori_status status,
                                const struct ori_error *why, struct ori_error *err)
{
    video->end = ORI_REINDEX_FAILED;
    video->status = status;
    free(video->reason);
    video->reason = strdup(why->text);
    return video->reason ? ORI_OK : ori_error_set(err, ORI_NOMEM, "the reason of a failure");
}

void reindex_video_resumed(struct reindex *reindex)
{
    pthread_mutex_lock(&reindex->lock);
    reindex->resumed++;
    pthread_mutex_unlock(&reindex->lock);
}

static ori_status embed_video(struct reindex_worker *worker, struct ori_reindex_video *video,
                              const struct ori_vector_stage_points *points, struct ori_error *err)
{
    struct reindex *reindex = worker->reindex;
    float *vectors = NULL;
    bool is_there = false;
    ori_status status = reindex_video_token(reindex, video, points, video->token, err);
    if (status == ORI_OK)
        status = ori_vector_stage_has(reindex->stage, video->platform, video->code, video->token,
                                      &is_there, err);
    if (status != ORI_OK)
        return status;
    if (is_there) {
        video->end = ORI_REINDEX_RESUMED;
        return ORI_OK;
    }
    status = embed_points(worker, points, &vectors, err);
    if (status == ORI_OK)
        status = ori_vector_stage_put(reindex->stage, video->platform, video->code, video->token,
                                      points, vectors, err);
    free(vectors);
    if (status == ORI_OK)
        video->end = ORI_REINDEX_EMBEDDED;
    return status;
}

ori_status reindex_video_work(struct reindex_worker *worker, size_t index, struct ori_error *err)
{
    struct reindex *reindex = worker->reindex;
    struct ori_reindex_video *video = &reindex->report->videos[index];
    struct ori_vector_stage_points points;
    struct ori_error why = {0};
    if (video->end != ORI_REINDEX_WAITING)
        return ORI_OK;
    ori_status status =
        ori_vector_stage_points(reindex->stage, video->platform, video->code, &points, err);
    if (status != ORI_OK)
        return status;
    video->frames = (int64_t)points.count;
    status = embed_video(worker, video, &points, &why);
    ori_vector_stage_points_deinit(&points);
    if (status == ORI_OK && video->end == ORI_REINDEX_RESUMED)
        reindex_video_resumed(reindex);
    if (status != ORI_OK && ori_picture_is_at_fault(status, &why)) {
        status = reindex_video_failed(video, status, &why, err);
        if (status == ORI_OK)
            status = ori_vector_stage_drop(reindex->stage, video->platform, video->code, err);
        return status;
    }
    if (status != ORI_OK && err)
        *err = why;
    return status;
}
