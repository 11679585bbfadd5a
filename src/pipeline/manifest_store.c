#include "pipeline/manifest_store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

ori_status ori_manifest_load(struct ori_blob_store *blobs, const char *platform, const char *code,
                             const struct ori_wait *wait, struct ori_manifest *manifest,
                             enum ori_manifest_state *ret_state, struct ori_error *ret_why,
                             struct ori_error *err)
{
    char key[ORI_OBJECT_KEY_BYTES];
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_error why = {0};
    ori_frame_name_key(platform, code, ORI_MANIFEST_FILE, key);
    ori_status status =
        ori_blob_get(blobs, key, ORI_LIMIT_MAX_MANIFEST_BYTES, &data, &bytes, wait, &why);
    if (status == ORI_NOT_FOUND) {
        *ret_state = ORI_MANIFEST_MISSING;
        return ORI_OK;
    }
    bool is_broken = status == ORI_LIMIT; /* far too long for a manifest of ours */
    if (status == ORI_OK) {
        status = ori_manifest_parse((const char *)data, bytes, platform, code, manifest, &why);
        is_broken = status == ORI_STORE || status == ORI_LIMIT;
        free(data);
    }
    if (status == ORI_OK || is_broken) {
        *ret_state = is_broken ? ORI_MANIFEST_BROKEN : ORI_MANIFEST_READ;
        if (is_broken && ret_why)
            *ret_why = why;
        return ORI_OK;
    }
    if (err)
        *err = why;
    return status;
}

ori_status ori_manifest_save(struct ori_blob_store *blobs, const struct ori_manifest *manifest,
                             bool is_complete, const struct ori_wait *wait, struct ori_error *err)
{
    char key[ORI_OBJECT_KEY_BYTES];
    char *data = NULL;
    size_t bytes = 0;
    struct ori_manifest shown = *manifest; /* borrows the tables */
    shown.is_complete = is_complete;
    ori_frame_name_key(manifest->platform, manifest->code, ORI_MANIFEST_FILE, key);
    ori_status status = ori_manifest_render(&shown, &data, &bytes, err);
    if (status == ORI_OK && bytes > ORI_LIMIT_MAX_MANIFEST_BYTES)
        status = ori_error_set(err, ORI_LIMIT, "a manifest of more than %d bytes",
                               ORI_LIMIT_MAX_MANIFEST_BYTES);
    if (status == ORI_OK)
        status = ori_blob_put(blobs, key, data, bytes, "application/json", wait, err);
    free(data);
    return status;
}

void ori_manifest_point(const struct ori_manifest *manifest, const struct ori_manifest_frame *frame,
                        const char *path, const float *vector, struct ori_point *ret_point)
{
    struct ori_point_payload *payload = &ret_point->payload;
    ori_manifest_frame_id(manifest, frame, payload->uuid);
    payload->platform = manifest->platform;
    payload->video_code = manifest->code;
    payload->frame_number = (int)frame->n;
    payload->frame_second = frame->second;
    payload->path = path;
    memcpy(payload->created_at, manifest->created_at, sizeof payload->created_at);
    payload->width = frame->width;
    payload->height = frame->height;
    payload->scene = (int)frame->scene;
    for (int digit = 0; digit < 16; digit++)
        payload->dhash[digit] = "0123456789abcdef"[frame->dhash >> (60 - 4 * digit) & 15];
    payload->dhash[16] = '\0';
    payload->model = manifest->model;
    ret_point->vector = vector;
}

bool ori_manifest_is_payload(const struct ori_manifest_frame *frame, const char *key,
                             const struct ori_point_payload *payload)
{
    char dhash[17];
    snprintf(dhash, sizeof dhash, "%016" PRIx64, frame->dhash);
    return strcmp(payload->path, key) == 0 && payload->frame_number == (int)frame->n &&
           fabs(payload->frame_second - frame->second) < 1e-9 &&
           payload->scene == (int)frame->scene && payload->width == frame->width &&
           payload->height == frame->height && strcmp(payload->dhash, dhash) == 0;
}

struct comparison {
    const struct ori_manifest *manifest;
    const char *model;
    size_t right;
    bool is_wrong;
};

static bool is_right(const struct comparison *comparison, const struct ori_vector_seen *point)
{
    const struct ori_manifest *manifest = comparison->manifest;
    const struct ori_point_payload *payload = point->payload;
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    if (!payload || payload->frame_number < 1 ||
        (size_t)payload->frame_number > manifest->frames_count)
        return false;
    const struct ori_manifest_frame *frame = &manifest->frames[payload->frame_number - 1];
    ori_manifest_frame_key(manifest, frame, key);
    ori_uuid_of_key(key, id);
    return strcmp(point->id, id) == 0 && ori_manifest_is_payload(frame, key, payload) &&
           strcmp(payload->created_at, manifest->created_at) == 0 &&
           strcmp(payload->model, comparison->model) == 0;
}

static ori_status compare_point(void *self, const struct ori_vector_seen *point,
                                struct ori_error *err)
{
    struct comparison *comparison = self;
    (void)err;
    if (is_right(comparison, point))
        comparison->right++;
    else
        comparison->is_wrong = true;
    return ORI_OK;
}

ori_status ori_manifest_has_points(const struct ori_manifest *manifest, const char *model,
                                   struct ori_vector_store *vectors,
                                   const struct ori_cancel *cancel, bool *ret_has,
                                   struct ori_error *err)
{
    struct comparison comparison = {.manifest = manifest, .model = model};
    const ori_status status = ori_vector_list_points(vectors, manifest->platform, manifest->code,
                                                     compare_point, &comparison, cancel, err);
    if (status == ORI_OK)
        *ret_has = !comparison.is_wrong && comparison.right == manifest->frames_count;
    return status;
}
