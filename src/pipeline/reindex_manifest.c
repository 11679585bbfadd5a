/* pipeline/reindex_manifest.c: manifests after the switch: they name the model whose vectors the
 * store has now, and have the fingerprint that a run with it would give. A manifest that is not
 * complete is left alone: its video is to be run again in any case. So is one whose frames are not
 * the store's points. */
#include "pipeline/reindex_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "pipeline/manifest_store.h"
#include "util/limits.h"

ori_status reindex_manifest_read(struct reindex *reindex, const char *platform, const char *code,
                                 uint8_t **ret_data, size_t *ret_bytes, struct ori_error *err)
{
    char key[ORI_OBJECT_KEY_BYTES];
    struct ori_error why = {0};
    ori_frame_name_key(platform, code, ORI_MANIFEST_FILE, key);
    const ori_status status =
        ori_blob_get(reindex->options->engine->blobs, key, ORI_LIMIT_MAX_MANIFEST_BYTES, ret_data,
                     ret_bytes, NULL, &why);
    if (status == ORI_OK)
        return status;
    *ret_data = NULL;
    *ret_bytes = 0;
    /* Not there, too long to be one of ours, or of a video whose name makes no key. */
    if (status == ORI_NOT_FOUND || status == ORI_LIMIT || status == ORI_USAGE)
        return ORI_OK;
    return ori_error_set(err, status, "%s", why.text);
}

/* The manifest, when there is a complete one. */
static ori_status load(struct reindex *reindex, const struct reindex_name *name,
                       struct ori_manifest *manifest, bool *ret_is_there, struct ori_error *err)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_error why = {0};
    *ret_is_there = false;
    ori_status status =
        reindex_manifest_read(reindex, name->platform, name->code, &data, &bytes, err);
    if (status != ORI_OK || !data)
        return status;
    status =
        ori_manifest_parse((const char *)data, bytes, name->platform, name->code, manifest, &why);
    free(data);
    if (status == ORI_NOMEM)
        return ori_error_set(err, status, "%s", why.text);
    *ret_is_there = status == ORI_OK && manifest->is_complete;
    return ORI_OK;
}

static int compare_id(const void *id, const void *point)
{
    return memcmp(id, ((const struct ori_vector_stage_point *)point)->id, 16);
}

static bool is_point_of(const struct ori_manifest *manifest, const struct ori_manifest_frame *frame,
                        const struct ori_vector_stage_points *points)
{
    char text[ORI_UUID_TEXT_BYTES];
    char dhash[17];
    uuid_t id;
    ori_manifest_frame_id(manifest, frame, text);
    if (uuid_parse(text, id) != 0)
        return false;
    const struct ori_vector_stage_point *point =
        bsearch(id, points->points, points->count, sizeof *points->points, compare_id);
    snprintf(dhash, sizeof dhash, "%016" PRIx64, frame->dhash);
    return point && point->frame_number == (int)frame->n && point->scene == (int)frame->scene &&
           point->width == frame->width && point->height == frame->height &&
           strcmp(point->dhash, dhash) == 0;
}

static ori_status has_points(struct reindex *reindex, const struct ori_manifest *manifest,
                             bool *ret_has, struct ori_error *err)
{
    struct ori_vector_stage_points points;
    ori_status status =
        ori_vector_stage_points(reindex->stage, manifest->platform, manifest->code, &points, err);
    if (status != ORI_OK)
        return status;
    *ret_has = points.count == manifest->frames_count;
    for (size_t i = 0; *ret_has && i < manifest->frames_count; i++)
        *ret_has = is_point_of(manifest, &manifest->frames[i], &points);
    ori_vector_stage_points_deinit(&points);
    return ORI_OK;
}

/* The new words in the manifest; *ret_is_new: they are not those of before. */
ori_status reindex_manifest_change(struct reindex *reindex, struct ori_manifest *manifest,
                                   bool *ret_is_new, struct ori_error *err)
{
    const struct ori_result_inputs *inputs = &reindex->inputs;
    char fingerprint[ORI_DIGEST_BYTES];
    const ori_status status =
        ori_identity_fingerprint(manifest->settings, inputs, fingerprint, err);
    if (status != ORI_OK)
        return status;
    *ret_is_new = strcmp(fingerprint, manifest->fingerprint) != 0 ||
                  strcmp(inputs->model, manifest->model) != 0 || inputs->dim != manifest->dim;
    memcpy(manifest->fingerprint, fingerprint, sizeof fingerprint);
    snprintf(manifest->model, sizeof manifest->model, "%s", inputs->model);
    manifest->dim = inputs->dim;
    return ORI_OK;
}

ori_status reindex_manifest_store(struct reindex *reindex, struct ori_blob_store *blobs,
                                  const struct ori_manifest *manifest, struct ori_error *err)
{
    const struct ori_wait wait = {.cancel = &reindex->halt};
    struct ori_error why = {0};
    const ori_status status = ori_manifest_save(blobs, manifest, true, &wait, &why);
    if (status == ORI_LIMIT) /* by a longer model name */
        return ORI_OK;
    if (status == ORI_OK)
        atomic_fetch_add(&reindex->manifests, 1);
    else if (err)
        *err = why;
    return status;
}

/* Reads, and where it is to be changed: *ret_is_due. The manifest is then the new one. */
static ori_status is_due(struct reindex *reindex, const struct reindex_name *name,
                         struct ori_manifest *manifest, bool *ret_is_due, struct ori_error *err)
{
    bool is_there = false;
    bool is_new = false;
    *ret_is_due = false;
    ori_status status = load(reindex, name, manifest, &is_there, err);
    if (status == ORI_OK && is_there)
        status = reindex_manifest_change(reindex, manifest, &is_new, err);
    if (status == ORI_OK && is_new)
        status = has_points(reindex, manifest, ret_is_due, err);
    return status;
}

static ori_status manifest_work(struct reindex_worker *worker, size_t index, struct ori_error *err)
{
    struct reindex *reindex = worker->reindex;
    const struct reindex_name *name = &reindex->names[index];
    struct ori_manifest manifest;
    struct ori_blob_lock *lock = NULL;
    bool is_wanted = false;
    ori_manifest_init(&manifest);
    ori_status status = is_due(reindex, name, &manifest, &is_wanted, err);
    if (status != ORI_OK || !is_wanted)
        goto out;
    /* A run may be at work on it by now: it will write its own. Else, with its lock, look again. */
    status = ori_blob_try_lock_video(reindex->options->engine->blobs, name->platform, name->code,
                                     &lock, err);
    if (status == ORI_AGAIN)
        status = ORI_OK;
    if (status != ORI_OK || !lock)
        goto out;
    ori_manifest_deinit(&manifest);
    status = is_due(reindex, name, &manifest, &is_wanted, err);
    if (status == ORI_OK && is_wanted)
        status = reindex_manifest_store(reindex, reindex->options->engine->blobs, &manifest, err);
out:
    ori_blob_unlock_video(&lock);
    ori_manifest_deinit(&manifest);
    return status;
}

static ori_status note_name(void *self, const char *platform, const char *code,
                            struct ori_error *err)
{
    struct reindex *reindex = self;
    if (ori_cancel_is_set(reindex->options->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (reindex->names_count == reindex->names_room) {
        const size_t room = reindex->names_room ? 2 * reindex->names_room : 64;
        void *more = reallocarray(reindex->names, room, sizeof *reindex->names);
        if (!more)
            return ori_error_set(err, ORI_NOMEM, "list of videos");
        reindex->names = more;
        reindex->names_room = room;
    }
    struct reindex_name *name = &reindex->names[reindex->names_count++];
    snprintf(name->platform, sizeof name->platform, "%s", platform);
    snprintf(name->code, sizeof name->code, "%s", code);
    return ORI_OK;
}

ori_status reindex_manifests(struct reindex *reindex, struct ori_error *err)
{
    reindex->names_count = 0;
    ori_status status =
        ori_blob_list_videos(reindex->options->engine->blobs, note_name, reindex, NULL, err);
    if (status == ORI_OK)
        status = reindex_pool_run(reindex, ORI_REINDEX_MANIFESTS, manifest_work,
                                  reindex->names_count, err);
    return status;
}
