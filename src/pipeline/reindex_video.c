/* pipeline/reindex_video.c: one video: are its stills embedded already, as they are now? If not, a
 * worker has them decoded one after the other, and hands each to the batcher while the next one is
 * decoded; the vectors of a video go into the stage together. */
#include "pipeline/reindex_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/picture.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/limits.h"
#include "util/size.h"

#define TRIES 3 /* of a still whose decode process ended by itself */

/* One still on its way: with the model from lend to collect. */
struct slot {
    struct ori_batcher_ticket ticket; /* first: a ticket leads back to its slot */
    uint8_t *picture;
    bool is_lent;
};

struct embedding {
    struct reindex_worker *worker;
    const struct ori_vector_stage_points *points;
    struct ori_batcher_inbox inbox;
    struct slot *slots;
    size_t slots_count;
    size_t lent;
    float *vectors; /* dim a point */
};

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

/* A decode process that ended by itself may have been unlucky, unless the system wanted its memory
 * back: then the next one would be no luckier. */
static bool is_worth_another_try(ori_status status, const struct ori_error *err)
{
    return (status == ORI_CHILD_CRASHED && err->native != SIGKILL) ||
           status == ORI_CHILD_PROTOCOL || status == ORI_IO;
}

static ori_status load_still(struct reindex *reindex, const char *key, uint8_t **ret_picture,
                             struct ori_error *err)
{
    const struct ori_reindex_options *options = reindex->options;
    int64_t bytes = 0;
    char *path = NULL;
    struct ori_error why = {0};
    ori_status status =
        ori_blob_stat(options->engine->blobs, key, &bytes, NULL, err); /* links too */
    if (status == ORI_OK)
        status = ori_fs_join(options->settings->vp_frames_dir, key, &path, err);
    if (status != ORI_OK)
        return status;
    const struct ori_picture_request request = {.path = path,
                                                .settings = options->settings,
                                                .model = &options->engine->model_info,
                                                .child_program = options->child_program};
    for (int i = 0; i < TRIES; i++) {
        why = (struct ori_error){0};
        status = ori_picture_load(&request, &reindex->halt, ret_picture, &why);
        if (status == ORI_OK || !is_worth_another_try(status, &why))
            break;
    }
    free(path);
    if (status != ORI_OK) {
        ori_error_context(&why, "%s", key);
        if (err)
            *err = why;
    }
    return status;
}

static void note_share(struct embedding *embedding, size_t done)
{
    struct reindex_worker *worker = embedding->worker;
    atomic_fetch_add(&worker->reindex->frames, 1);
    pthread_mutex_lock(&worker->reindex->lock);
    worker->share = (double)done / (double)embedding->points->count;
    pthread_mutex_unlock(&worker->reindex->lock);
}

/* Tickets that are back; their slots are free again. */
static ori_status take_back(struct embedding *embedding, size_t lent_so_far, struct ori_error *err)
{
    struct ori_batcher_ticket *ticket = NULL;
    while ((ticket = ori_batcher_collect(&embedding->inbox))) {
        struct slot *slot = (struct slot *)ticket;
        slot->is_lent = false;
        free(slot->picture);
        slot->picture = NULL;
        embedding->lent--;
        if (ticket->status != ORI_OK) {
            if (err)
                *err = ticket->error;
            return ticket->status;
        }
        note_share(embedding, lent_so_far - embedding->lent);
    }
    return ORI_OK;
}

/* Until at most lent_max stills are with the model. */
static ori_status wait_for_room(struct embedding *embedding, size_t lent_so_far, size_t lent_max,
                                struct ori_error *err)
{
    const struct ori_cancel *halt = &embedding->worker->reindex->halt;
    ori_status status = take_back(embedding, lent_so_far, err);
    while (status == ORI_OK && embedding->lent > lent_max) {
        struct pollfd fds[2] = {{.fd = embedding->inbox.fd, .events = POLLIN},
                                {.fd = halt->fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, false, "waiting for the model");
        if (ori_cancel_is_set(halt))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = take_back(embedding, lent_so_far, err);
    }
    return status;
}

static ori_status lend(struct embedding *embedding, size_t point, struct ori_error *err)
{
    struct reindex *reindex = embedding->worker->reindex;
    const size_t dim = (size_t)reindex->options->engine->model_info.dim;
    struct slot *slot = embedding->slots;
    ori_status status = wait_for_room(embedding, point, embedding->slots_count - 1, err);
    if (status != ORI_OK)
        return status;
    while (slot->is_lent)
        slot++;
    status = load_still(reindex, embedding->points->points[point].path, &slot->picture, err);
    if (status != ORI_OK)
        return status;
    slot->ticket = (struct ori_batcher_ticket){.picture = slot->picture,
                                               .vector = embedding->vectors + point * dim};
    status = ori_batcher_submit(&embedding->inbox, &slot->ticket, err);
    if (status != ORI_OK)
        return status;
    slot->is_lent = true;
    embedding->lent++;
    return ORI_OK;
}

static ori_status embed_all(struct embedding *embedding, struct ori_error *err)
{
    const size_t count = embedding->points->count;
    ori_status status = ORI_OK;
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        if (ori_cancel_is_set(&embedding->worker->reindex->halt))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = lend(embedding, i, err);
    }
    if (status == ORI_OK)
        status = wait_for_room(embedding, count, 0, err);
    return status;
}

/* *ret_vectors: malloc'ed, the caller frees. */
static ori_status embed_points(struct reindex_worker *worker,
                               const struct ori_vector_stage_points *points, float **ret_vectors,
                               struct ori_error *err)
{
    const struct ori_reindex_options *options = worker->reindex->options;
    struct embedding embedding = {.worker = worker, .points = points};
    size_t floats = 0;
    if (!ori_size_mul(points->count + 1, (size_t)options->engine->model_info.dim, &floats))
        return ori_error_set(err, ORI_LIMIT, "%zu vectors", points->count);
    ori_status status = ori_batcher_inbox_init(options->engine->batcher, &embedding.inbox, err);
    if (status != ORI_OK)
        return status;
    /* As many as a batch: the model may fill one from this video alone. */
    embedding.slots_count = (size_t)options->settings->vp_batch_size + 1;
    embedding.slots = calloc(embedding.slots_count, sizeof *embedding.slots);
    embedding.vectors = calloc(floats, sizeof *embedding.vectors);
    if (embedding.slots && embedding.vectors)
        status = embed_all(&embedding, err);
    else
        status = ori_error_set(err, ORI_NOMEM, "%zu vectors", points->count);
    ori_batcher_inbox_deinit(&embedding.inbox); /* what is lent comes back first */
    for (size_t i = 0; embedding.slots && i < embedding.slots_count; i++)
        free(embedding.slots[i].picture);
    free(embedding.slots);
    if (status == ORI_OK)
        *ret_vectors = embedding.vectors;
    else
        free(embedding.vectors);
    return status;
}

/* ---- one video ---- */

/* Is that a failure of the video's stills? Everything else would befall the next video too. */
static bool is_of_video(ori_status status, const struct ori_error *err)
{
    switch ((int)status) {
    case ORI_CHILD_CRASHED:
        return err->native != SIGKILL;
    case ORI_USAGE: /* a key that is none */
    case ORI_NOT_FOUND:
    case ORI_NOT_READABLE:
    case ORI_NOT_A_FILE:
    case ORI_EMPTY_FILE:
    case ORI_NOT_MEDIA:
    case ORI_LIMIT:
    case ORI_BAD_PICTURE:
    case ORI_UNSUPPORTED:
    case ORI_DECODE:
    case ORI_IO:
    case ORI_TIMEOUT:
    case ORI_CHILD_PROTOCOL:
    case ORI_BAD_VECTOR:
        return true;
    default:
        return false;
    }
}

static ori_status note_failure(struct reindex *reindex, struct ori_reindex_video *video,
                               ori_status status, const struct ori_error *why,
                               struct ori_error *err)
{
    video->end = ORI_REINDEX_FAILED;
    video->status = status;
    free(video->reason);
    video->reason = strdup(why->text);
    if (!video->reason)
        return ori_error_set(err, ORI_NOMEM, "the reason of a failure");
    return ori_vector_stage_drop(reindex->stage, video->platform, video->code, err);
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
    if (status == ORI_OK && video->end == ORI_REINDEX_RESUMED) {
        pthread_mutex_lock(&reindex->lock);
        reindex->resumed++;
        pthread_mutex_unlock(&reindex->lock);
    }
    if (status != ORI_OK && is_of_video(status, &why))
        return note_failure(reindex, video, status, &why, err);
    if (status != ORI_OK && err)
        *err = why;
    return status;
}
