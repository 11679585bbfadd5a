/* pipeline/verify_look.c: what the stores hold of one video, and where that differs from its manifest.
 * Order   points before manifest and files: a run writes them the other way round, so what is seen of a
 *         video that comes into being is never a point without its manifest */
#include "pipeline/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

void verify_note(struct verify_video *video, enum ori_verify_fault fault, const char *name)
{
    struct ori_verify_result *result = video->result;
    if (result->faults[fault].found++ == 0)
        snprintf(result->faults[fault].first, sizeof result->faults[fault].first, "%s", name);
}

/* The folder beside the bucket; NULL where the folder is all there is. */
static struct ori_blob_store *folder_of(const struct verify_video *video)
{
    const struct ori_objects *objects = &video->options->engine->objects;
    return objects->remote ? objects->local : NULL;
}

/* ---- reading ---- */

static ori_status grow(void **rows, size_t *room, size_t count, size_t row_bytes,
                       struct ori_error *err)
{
    if (count < *room)
        return ORI_OK;
    const size_t more = *room ? 2 * *room : 64;
    void *grown = reallocarray(*rows, more, row_bytes);
    if (!grown)
        return ori_error_set(err, ORI_NOMEM, "what is stored of a video");
    *rows = grown;
    *room = more;
    return ORI_OK;
}

struct file_visit {
    struct verify_video *video;
    struct ori_blob_store *blobs;
};

static ori_status visit_file(void *self, const char *name, int64_t bytes, struct ori_error *err)
{
    const struct file_visit *visit = self;
    struct verify_video *video = visit->video;
    if (!ori_frame_name_is_ours(name))
        return ORI_OK;
    void *rows = video->files;
    const ori_status status =
        grow(&rows, &video->files_room, video->files_count, sizeof *video->files, err);
    if (status != ORI_OK)
        return status;
    video->files = rows;
    struct verify_file *file = &video->files[video->files_count++];
    *file = (struct verify_file){.bytes = bytes, .blobs = visit->blobs};
    memcpy(file->name, name, strlen(name) + 1);
    return ORI_OK;
}

static ori_status list_files(struct verify_video *video, struct ori_blob_store *blobs,
                             struct ori_error *err)
{
    struct file_visit visit = {.video = video, .blobs = blobs};
    return ori_blob_list_video(blobs, video->platform, video->code, visit_file, &visit,
                               &video->wait, err);
}

struct point_visit {
    struct verify_video *video;
    struct ori_vector_store *vectors;
};

static ori_status visit_point(void *self, const struct ori_vector_seen *seen, struct ori_error *err)
{
    const struct point_visit *visit = self;
    struct verify_video *video = visit->video;
    const struct ori_point_payload *payload = seen->payload;
    void *rows = video->points;
    if (!ori_uuid_is(seen->id)) { /* not ours, whatever it says of itself */
        verify_note(video, ORI_VERIFY_POINT_FOREIGN, seen->id);
        return ORI_OK;
    }
    const ori_status status =
        grow(&rows, &video->points_room, video->points_count, sizeof *video->points, err);
    if (status != ORI_OK)
        return status;
    video->points = rows;
    struct verify_point *point = &video->points[video->points_count++];
    *point = (struct verify_point){.vectors = visit->vectors, .is_readable = payload != NULL};
    memcpy(point->id, seen->id, sizeof point->id);
    if (!payload)
        return ORI_OK;
    point->is_of_model = strcmp(payload->model, video->options->engine->model_info.name) == 0;
    point->is_readable =
        (size_t)snprintf(point->path, sizeof point->path, "%s", payload->path) < sizeof point->path;
    point->payload = *payload;
    return ORI_OK;
}

static ori_status list_points(struct verify_video *video, struct ori_vector_store *vectors,
                              struct ori_error *err)
{
    struct point_visit visit = {.video = video, .vectors = vectors};
    if (!vectors)
        return ORI_OK;
    return ori_vector_list_points(vectors, video->platform, video->code, visit_point, &visit,
                                  video->wait.cancel, err);
}

static ori_status load(struct verify_video *video, struct ori_blob_store *blobs,
                       struct ori_error *err)
{
    return ori_manifest_load(blobs, video->platform, video->code, &video->wait, &video->manifest,
                             &video->state, NULL, err);
}

/* ---- where it is ---- */

static ori_status lock(struct verify_video *video, struct ori_blob_store *blobs, bool is_waiting,
                       struct ori_blob_lock **ret_lock, struct ori_error *err)
{
    if (is_waiting)
        return ori_blob_lock_video(blobs, video->platform, video->code, video->wait.cancel,
                                   ret_lock, err);
    return ori_blob_try_lock_video(blobs, video->platform, video->code, ret_lock, err);
}

static ori_status is_in_folder(struct verify_video *video, struct ori_blob_store *folder,
                               bool *ret_is, struct ori_error *err)
{
    char key[ORI_OBJECT_KEY_BYTES];
    int64_t bytes = 0;
    struct ori_error why = {0};
    ori_frame_name_key(video->platform, video->code, ORI_MANIFEST_FILE, key);
    ori_status status = ori_blob_stat(folder, key, &bytes, &video->wait, &why);
    *ret_is = status == ORI_OK;
    if (status != ORI_OK && status != ORI_NOT_FOUND)
        return ori_error_set(err, status, "%s", why.text);
    if (*ret_is)
        return ORI_OK;
    status = list_files(video, folder, err);
    *ret_is = video->files_count > 0;
    video->files_count = 0;
    return status;
}

/* The folder beside a bucket is locked only when it has something of the video: a lock makes a folder. */
ori_status verify_lock(struct verify_video *video, bool is_waiting, struct ori_error *err)
{
    struct ori_blob_store *folder = folder_of(video);
    bool is_there = false;
    ori_status status =
        lock(video, video->options->engine->blobs, is_waiting, &video->locks[0], err);
    if (status == ORI_OK && folder)
        status = is_in_folder(video, folder, &is_there, err);
    if (status == ORI_OK && is_there)
        status = lock(video, folder, is_waiting, &video->locks[1], err);
    return status;
}

/* The manifest of the bucket goes before that of the folder. */
static ori_status find_manifest(struct verify_video *video, struct ori_error *err)
{
    struct ori_blob_store *folder = folder_of(video);
    video->blobs = video->options->engine->blobs;
    ori_status status = load(video, video->blobs, err);
    if (status != ORI_OK || video->state != ORI_MANIFEST_MISSING || !folder)
        return status;
    status = load(video, folder, err);
    if (status == ORI_OK && video->state != ORI_MANIFEST_MISSING)
        video->blobs = folder;
    return status;
}

/* Points of a video in a bucket belong into the first vector store. Those of one in the folder were put
 * where a job of the time was told to: where there are none, nobody knows where they should be. Without
 * a manifest all points are stale, wherever they are. */
static ori_status find_points(struct verify_video *video, struct ori_error *err)
{
    const struct ori_engine *engine = video->options->engine;
    const bool is_gone = video->state == ORI_MANIFEST_MISSING;
    const bool is_kept_here =
        ori_engine_has_qdrant(video->options->settings) && video->blobs != engine->objects.remote;
    video->vectors = engine->vectors;
    if (!is_gone && (!is_kept_here || video->points_count > 0))
        return ORI_OK;
    const ori_status status = list_points(video, engine->local_vectors, err);
    if (!is_gone && video->points_count > 0)
        video->vectors = engine->local_vectors;
    video->is_homeless = !is_gone && video->points_count == 0;
    return status;
}

/* ---- comparing ---- */

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct verify_file *)a)->name, ((const struct verify_file *)b)->name);
}

static int compare_points(const void *a, const void *b)
{
    return strcmp(((const struct verify_point *)a)->id, ((const struct verify_point *)b)->id);
}

const struct verify_file *verify_find_file(const struct verify_video *video, const char *name)
{
    struct verify_file wanted = {0};
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    if (video->files_count == 0)
        return NULL;
    return bsearch(&wanted, video->files, video->files_count, sizeof wanted, compare_files);
}

struct verify_point *verify_find_point(const struct verify_video *video, const char *id)
{
    struct verify_point wanted = {0};
    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    if (video->points_count == 0)
        return NULL;
    return bsearch(&wanted, video->points, video->points_count, sizeof wanted, compare_points);
}

static void compare_file(struct verify_video *video, const struct ori_manifest_frame *frame)
{
    char key[ORI_OBJECT_KEY_BYTES];
    const struct verify_file *file = verify_find_file(video, frame->file);
    ori_manifest_frame_key(&video->manifest, frame, key);
    if (!file)
        verify_note(video, ORI_VERIFY_FRAME_MISSING, key);
    else if (file->bytes == 0 || (frame->bytes && frame->bytes != file->bytes))
        verify_note(video, ORI_VERIFY_FRAME_DAMAGED, key);
}

static void compare_clip(struct verify_video *video)
{
    const struct ori_manifest *manifest = &video->manifest;
    char key[ORI_OBJECT_KEY_BYTES];
    if (!manifest->has_clip)
        return;
    const struct verify_file *file = verify_find_file(video, manifest->clip.file);
    ori_frame_name_key(video->platform, video->code, manifest->clip.file, key);
    if (!file)
        verify_note(video, ORI_VERIFY_CLIP_MISSING, key);
    else if (file->bytes != manifest->clip.bytes)
        verify_note(video, ORI_VERIFY_CLIP_DAMAGED, key);
}

static bool is_payload_of(const struct verify_point *point, const struct ori_manifest_frame *frame,
                          const char *key)
{
    struct ori_point_payload payload = point->payload;
    payload.path = point->path;
    return point->is_readable && ori_manifest_is_payload(frame, key, &payload);
}

static void compare_point(struct verify_video *video, const struct ori_manifest_frame *frame)
{
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    ori_manifest_frame_key(&video->manifest, frame, key);
    ori_uuid_of_key(key, id);
    struct verify_point *point = verify_find_point(video, id);
    if (!point) {
        verify_note(video, ORI_VERIFY_POINT_MISSING, id);
        return;
    }
    point->is_known = true;
    point->is_right = is_payload_of(point, frame, key);
    if (!point->is_right || !point->is_of_model)
        verify_note(video, ORI_VERIFY_POINT_WRONG, id);
}

static void note_stale(struct verify_video *video)
{
    for (size_t i = 0; i < video->files_count; i++) {
        const char *name = video->files[i].name;
        char key[ORI_OBJECT_KEY_BYTES];
        if (video->state == ORI_MANIFEST_READ && ori_manifest_has_file(&video->manifest, name))
            continue;
        ori_frame_name_key(video->platform, video->code, name, key);
        verify_note(video,
                    ori_frame_name_is_clip(name) ? ORI_VERIFY_CLIP_STALE : ORI_VERIFY_FRAME_STALE,
                    key);
    }
    for (size_t i = 0; i < video->points_count; i++) {
        if (!video->points[i].is_known)
            verify_note(video, ORI_VERIFY_POINT_STALE, video->points[i].id);
    }
}

/* Of a manifest that is not complete nothing else is said: a run makes all of it again. */
static void compare(struct verify_video *video)
{
    const struct ori_model_info *model = &video->options->engine->model_info;
    const struct ori_manifest *manifest = &video->manifest;
    char key[ORI_OBJECT_KEY_BYTES];
    ori_frame_name_key(video->platform, video->code, ORI_MANIFEST_FILE, key);
    if (video->state == ORI_MANIFEST_MISSING) {
        if (video->files_count + video->points_count > 0)
            verify_note(video, ORI_VERIFY_MANIFEST_MISSING, key);
    } else if (video->state == ORI_MANIFEST_BROKEN) {
        verify_note(video, ORI_VERIFY_MANIFEST_BROKEN, key);
    } else if (!manifest->is_complete) {
        verify_note(video, ORI_VERIFY_MANIFEST_UNFINISHED, key);
        return;
    } else if (strcmp(manifest->model, model->name) != 0 || manifest->dim != model->dim) {
        verify_note(video, ORI_VERIFY_MANIFEST_MODEL, key);
        return;
    }
    for (size_t i = 0; i < manifest->frames_count; i++) {
        compare_file(video, &manifest->frames[i]);
        compare_point(video, &manifest->frames[i]);
    }
    compare_clip(video);
    note_stale(video);
}

ori_status verify_look(struct verify_video *video, struct ori_error *err)
{
    const struct ori_engine *engine = video->options->engine;
    ori_status status = list_points(video, engine->vectors, err);
    if (status == ORI_OK)
        status = find_manifest(video, err);
    if (status == ORI_OK)
        status = find_points(video, err);
    if (status == ORI_OK)
        status = list_files(video, video->blobs, err);
    /* Without a manifest all that is left of the video is stale, wherever it is. */
    if (status == ORI_OK && video->state == ORI_MANIFEST_MISSING && folder_of(video))
        status = list_files(video, folder_of(video), err);
    if (status != ORI_OK)
        return status;
    if (video->files_count > 1)
        qsort(video->files, video->files_count, sizeof *video->files, compare_files);
    if (video->points_count > 1)
        qsort(video->points, video->points_count, sizeof *video->points, compare_points);
    video->result->frames = video->manifest.frames_count;
    compare(video);
    return ORI_OK;
}

void verify_video_deinit(struct verify_video *video)
{
    ori_blob_unlock_video(&video->locks[1]);
    ori_blob_unlock_video(&video->locks[0]);
    ori_manifest_deinit(&video->manifest);
    free(video->files);
    free(video->points);
    video->files = NULL;
    video->points = NULL;
}
