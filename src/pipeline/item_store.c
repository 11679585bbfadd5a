/* What an item finds and leaves in the stores. The folder of a video may hold files of others: only
 * names that a run of ours can have made are ever deleted. */
#include "pipeline/item_priv.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/manifest_store.h"
#include "util/clock.h"

/* A stopped item ends within two seconds, whatever its store does: the next run sweeps again. */
#define TAKE_BACK_US INT64_C(1500000)

static void manifest_key(const struct ori_item *item, char ret_key[ORI_OBJECT_KEY_BYTES])
{
    ori_frame_name_key(item->request->platform, item->request->code, ORI_MANIFEST_FILE, ret_key);
}

ori_status ori_item_load_old(struct ori_item *item, struct ori_error *err)
{
    enum ori_manifest_state state = ORI_MANIFEST_MISSING;
    ori_manifest_deinit(&item->old);
    item->has_old = false;
    const ori_status status =
        ori_manifest_load(item->environment->blobs, item->request->platform, item->request->code,
                          &item->wait, &item->old, &state, NULL, err);
    if (status != ORI_OK)
        return status;
    item->has_old = state == ORI_MANIFEST_READ;
    item->knows_old = true;
    if (state == ORI_MANIFEST_BROKEN)
        item->result->had_broken_manifest = true;
    return ORI_OK;
}

/* wanted: 0 is any but none. */
static bool has_object(struct ori_item *item, const char *file, int64_t wanted)
{
    char key[ORI_OBJECT_KEY_BYTES];
    int64_t bytes = 0;
    struct ori_error why = {0};
    ori_frame_name_key(item->request->platform, item->request->code, file, key);
    return ori_blob_stat(item->environment->blobs, key, &bytes, &item->wait, &why) == ORI_OK &&
           bytes > 0 && (wanted == 0 || bytes == wanted);
}

/* Every object and as many points as the old manifest names. */
static ori_status is_in_place(struct ori_item *item, bool *ret_is_in_place, struct ori_error *err)
{
    const struct ori_manifest *old = &item->old;
    *ret_is_in_place = false;
    for (size_t i = 0; i < old->frames_count; i++) {
        if (!has_object(item, old->frames[i].file, old->frames[i].bytes))
            return ORI_OK;
    }
    if (old->has_clip && !has_object(item, old->clip.file, old->clip.bytes))
        return ORI_OK;
    struct ori_vector_filter filter = {.platform = item->request->platform,
                                       .video_code = item->request->code,
                                       .second_min = -1,
                                       .second_max = -1};
    int64_t points = 0;
    ori_status status =
        ori_vector_count_until(item->environment->vectors, &filter, item->cancel, &points, err);
    if (status == ORI_OK)
        *ret_is_in_place = points == (int64_t)old->frames_count;
    return status;
}

ori_status ori_item_is_done(struct ori_item *item, bool *ret_is_done, struct ori_error *err)
{
    const struct ori_manifest *new = &item->result->manifest;
    *ret_is_done = false;
    ori_status status = ori_item_load_old(item, err);
    if (status != ORI_OK || !item->has_old || item->request->is_forced || !item->old.is_complete ||
        strcmp(item->old.fingerprint, new->fingerprint) != 0 ||
        !ori_identity_is_same(&item->old.source, &new->source))
        return status;
    return is_in_place(item, ret_is_done, err);
}

ori_status ori_item_store_manifest(struct ori_item *item, const struct ori_manifest *manifest,
                                   bool is_complete, struct ori_error *err)
{
    const ori_status status =
        ori_manifest_save(item->environment->blobs, manifest, is_complete, &item->wait, err);
    if (status == ORI_OK)
        ori_metrics_add(item->environment->metrics, ORI_METRIC_STORED_OBJECTS, 0, 1);
    return status;
}

ori_status ori_item_begin_effects(struct ori_item *item, struct ori_error *err)
{
    if (item->has_effects)
        return ORI_OK;
    if (item->has_old && item->old.is_complete) {
        ori_status status = ori_item_store_manifest(item, &item->old, false, err);
        if (status != ORI_OK)
            return status;
        item->old.is_complete = false;
    }
    item->has_effects = true;
    return ORI_OK;
}

ori_status ori_item_store_points(struct ori_item *item, struct ori_error *err)
{
    const struct ori_manifest *manifest = &item->result->manifest;
    const size_t dim = (size_t)item->environment->model.dim;
    size_t count = manifest->frames_count;
    ori_status status = ORI_OK;
    char(*paths)[ORI_OBJECT_KEY_BYTES] = calloc(count + 1, sizeof *paths);
    struct ori_point *points = calloc(count + 1, sizeof *points);
    if (!paths || !points) {
        status = ori_error_set(err, ORI_NOMEM, "points of one video");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        ori_manifest_frame_key(manifest, &manifest->frames[i], paths[i]);
        ori_manifest_point(manifest, &manifest->frames[i], paths[i], item->vectors + i * dim,
                           &points[i]);
    }
    status = ori_vector_replace_video_until(item->environment->vectors, manifest->platform,
                                            manifest->code, points, count, item->cancel, err);
    if (status == ORI_OK)
        ori_metrics_add(item->environment->metrics, ORI_METRIC_STORED_POINTS, 0, (double)count);
out:
    free(points);
    free(paths);
    return status;
}

/* The names that a sweep has found; they are deleted after the listing. */
struct stale {
    const struct ori_manifest *keep;
    char (*files)[ORI_FRAME_FILE_BYTES];
    size_t count;
    size_t room;
};

static ori_status visit_file(void *self, const char *file, int64_t bytes, struct ori_error *err)
{
    struct stale *stale = self;
    (void)bytes;
    if (!ori_frame_name_is_ours(file) || (stale->keep && ori_manifest_has_file(stale->keep, file)))
        return ORI_OK;
    if (stale->count == stale->room) {
        size_t room = stale->room ? 2 * stale->room : 64;
        void *more = reallocarray(stale->files, room, sizeof *stale->files);
        if (!more)
            return ori_error_set(err, ORI_NOMEM, "list of stale objects");
        stale->files = more;
        stale->room = room;
    }
    memcpy(stale->files[stale->count++], file, strlen(file) + 1);
    return ORI_OK;
}

ori_status ori_item_sweep(struct ori_item *item, const struct ori_manifest *keep,
                          struct ori_error *err)
{
    const struct ori_item_request *request = item->request;
    struct stale stale = {.keep = keep};
    ori_status status = ori_blob_list_video(item->environment->blobs, request->platform,
                                            request->code, visit_file, &stale, &item->wait, err);
    if (status == ORI_NOT_FOUND)
        status = ORI_OK;
    for (size_t i = 0; i < stale.count && status == ORI_OK; i++) {
        char key[ORI_OBJECT_KEY_BYTES];
        ori_frame_name_key(request->platform, request->code, stale.files[i], key);
        status = ori_blob_delete(item->environment->blobs, key, &item->wait, err);
    }
    free(stale.files);
    return status;
}

void ori_item_take_back(struct ori_item *item)
{
    /* What goes wrong here is not told: the first cause is what matters, and the next run sweeps
     * again. With the new points in, the manifest on disk names the new frames already. Stopped
     * before the manifest of before was read, nothing of ours is there, and maybe all of its. */
    const struct ori_item_request *request = item->request;
    struct ori_error ignored = {0};
    item->wait = (struct ori_wait){.deadline_us = ori_clock_us() + TAKE_BACK_US};
    if (!item->knows_old || item->has_points)
        return;
    if (item->has_effects && item->has_old)
        (void)!ori_item_store_manifest(item, &item->old, false, &ignored);
    (void)!ori_item_sweep(item, item->has_old ? &item->old : NULL, &ignored);
    if (item->has_effects && !item->has_old) {
        char key[ORI_OBJECT_KEY_BYTES];
        manifest_key(item, key);
        /* a server that does not answer is not waited for: the next run replaces them anyway */
        if (ori_vector_probe(item->environment->vectors, NULL, &ignored) == ORI_OK)
            (void)!ori_vector_replace_video(item->environment->vectors, request->platform,
                                            request->code, NULL, 0, &ignored);
        (void)!ori_blob_delete(item->environment->blobs, key, &item->wait, &ignored);
    }
}
