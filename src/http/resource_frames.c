/* A video's kept frames: their list, the pictures, small JPEGs of them.
 * Truth     the manifest: a video whose run has not written its last is not there
 * Pictures  are never parsed here: a thumbnail is made by a decode process */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/params.h"
#include "http/resource.h"
#include "http/resources.h"
#include "pipeline/frame_name.h"
#include "pipeline/manifest.h"
#include "pipeline/picture.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/json_out.h"

#define CACHE_CONTROL "private, max-age=60" /* a video may be extracted again */
#define READ_US INT64_C(15000000)           /* for one object of a bucket */
#define THUMBNAIL_QUERY "?width=320"
#define ETAG_DIGITS 32 /* of the SHA-256 of the bytes */
#define URL_BYTES (sizeof "/frames/" + ORI_OBJECT_KEY_BYTES + sizeof THUMBNAIL_QUERY)

/* The engine's store; before there is an engine, one of this request alone. */
struct frames_store {
    struct ori_blob_store *blobs;
    struct ori_blob_store *local; /* beside a bucket; NULL without */
    struct ori_blob_store *own;
};

static ori_status open_store(const struct ori_http_request *request, struct frames_store *ret_store,
                             struct ori_error *err)
{
    const struct ori_engine *engine = ori_service_engine(request->service);
    ori_status status = ORI_OK;
    *ret_store = (struct frames_store){.blobs = engine ? engine->blobs : NULL};
    if (engine && engine->objects.remote)
        ret_store->local = engine->objects.local;
    if (!ret_store->blobs)
        status =
            ori_blob_open_fs(request->service->settings->vp_frames_dir, true, &ret_store->own, err);
    if (ret_store->own)
        ret_store->blobs = ret_store->own;
    return status;
}

/* From the bucket; what is not there may be of a job whose frames stayed on this machine. */
static ori_status read_object(const struct ori_http_request *request, const char *key,
                              size_t bytes_max, uint8_t **ret_data, size_t *ret_bytes,
                              struct ori_error *err)
{
    const struct ori_wait wait = {.cancel = request->cancel,
                                  .deadline_us = ori_clock_us() + READ_US};
    struct frames_store store = {0};
    struct ori_error why = {0};
    ori_status status = open_store(request, &store, err);
    if (status != ORI_OK)
        return status;
    status = ori_blob_get(store.blobs, key, bytes_max, ret_data, ret_bytes, &wait, &why);
    if (status == ORI_NOT_FOUND && store.local) {
        why = (struct ori_error){0};
        status = ori_blob_get(store.local, key, bytes_max, ret_data, ret_bytes, &wait, &why);
    }
    ori_blob_close(&store.own);
    return status == ORI_OK ? ORI_OK : ori_error_set(err, status, "%s", why.text);
}

static ori_status read_manifest(const struct ori_http_request *request,
                                struct ori_manifest *manifest, struct ori_error *err)
{
    const char *platform = ori_http_param(request, "platform");
    const char *code = ori_http_param(request, "code");
    char key[ORI_OBJECT_KEY_BYTES];
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_error why = {0};
    ori_frame_name_key(platform, code, ORI_MANIFEST_FILE, key);
    ori_status status =
        read_object(request, key, ORI_LIMIT_MAX_MANIFEST_BYTES, &data, &bytes, &why);
    if (status == ORI_OK)
        status = ori_manifest_parse((const char *)data, bytes, platform, code, manifest, &why);
    free(data);
    if (status == ORI_NOT_FOUND)
        return ori_error_set(err, status, "no frames of %s/%s are stored", platform, code);
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s", why.text);
    if (!manifest->is_complete)
        return ori_error_set(err, ORI_NOT_FOUND, "the frames of %s/%s are not all written yet",
                             platform, code);
    return ORI_OK;
}

static void put_frame(struct ori_buf *buf, const struct ori_manifest *manifest,
                      const struct ori_manifest_frame *frame)
{
    char key[ORI_OBJECT_KEY_BYTES];
    char id[ORI_UUID_TEXT_BYTES];
    char dhash[17];
    char url[URL_BYTES];
    ori_manifest_frame_key(manifest, frame, key);
    ori_manifest_frame_id(manifest, frame, id);
    snprintf(dhash, sizeof dhash, "%016" PRIx64, frame->dhash);
    ori_json_begin_object(buf, NULL);
    ori_json_put_whole(buf, "n", frame->n);
    ori_json_put_real(buf, "second", frame->second);
    ori_json_put_whole(buf, "scene", frame->scene);
    ori_json_put_whole(buf, "width", frame->width);
    ori_json_put_whole(buf, "height", frame->height);
    ori_json_put_text(buf, "dhash", dhash);
    ori_json_put_text(buf, "file", frame->file);
    ori_json_put_text(buf, "path", key);
    ori_json_put_text(buf, "id", id);
    snprintf(url, sizeof url, "/frames/%s", key); /* every character of a key is itself in a URL */
    ori_json_put_text(buf, "url", url);
    snprintf(url, sizeof url, "/frames/%s" THUMBNAIL_QUERY, key);
    ori_json_put_text(buf, "thumbnail", url);
    ori_json_end_object(buf);
}

void ori_resource_list_frames(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct ori_manifest manifest;
    ori_manifest_init(&manifest);
    if (read_manifest(request, &manifest, &err) == ORI_OK) {
        struct ori_buf *buf = ori_http_body(response, "application/json");
        ori_json_begin_array(buf, NULL);
        for (size_t i = 0; i < manifest.frames_count; i++)
            put_frame(buf, &manifest, &manifest.frames[i]);
        ori_json_end_array(buf);
    } else {
        ori_http_fail(request, response, &err);
    }
    ori_manifest_deinit(&manifest);
}

struct picture {
    uint8_t *data;
    size_t bytes;
    char key[ORI_OBJECT_KEY_BYTES];
    char etag[2 * ORI_HASH_BYTES_MAX + 16];
    int width; /* 0: as it is stored */
};

static const char *content_type(const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot && strcmp(dot, ".jpg") == 0)
        return "image/jpeg";
    return dot && strcmp(dot, ".webp") == 0 ? "image/webp" : "image/png";
}

static ori_status read_picture(const struct ori_http_request *request, struct picture *picture,
                               struct ori_error *err)
{
    const char *file = ori_http_param(request, "file");
    uint8_t hash[ORI_HASH_BYTES_MAX];
    struct ori_error why = {0};
    ori_status status = ORI_NOT_FOUND;
    if (ori_frame_name_is_frame(file) && strlen(file) < ORI_FRAME_FILE_BYTES) {
        ori_frame_name_key(ori_http_param(request, "platform"), ori_http_param(request, "code"),
                           file, picture->key);
        status = read_object(request, picture->key, ORI_LIMIT_MAX_ANSWER_BYTES, &picture->data,
                             &picture->bytes, &why);
    }
    if (status == ORI_NOT_FOUND)
        return ori_error_set(err, status, "no such frame is stored");
    if (status != ORI_OK)
        return ori_error_set(err, status, "%s", why.text);
    status = ori_hash_of(ORI_HASH_SHA256, picture->data, picture->bytes, hash, err);
    if (status != ORI_OK)
        return status;
    ori_hash_hex(hash, ETAG_DIGITS / 2, picture->etag);
    if (picture->width > 0)
        snprintf(picture->etag + ETAG_DIGITS, sizeof picture->etag - ETAG_DIGITS, "-%d",
                 picture->width);
    return ORI_OK;
}

/* A file without a name: a decode process reads from a descriptor alone. */
static ori_status make_file(const struct picture *picture, int *ret_fd, struct ori_error *err)
{
    int fd = memfd_create("frame", MFD_CLOEXEC);
    if (fd < 0)
        return ori_error_set_errno(err, errno, true, "a file in memory");
    ori_status status = ori_fs_write_all(fd, picture->data, picture->bytes, err);
    if (status == ORI_OK)
        *ret_fd = fd;
    else
        close(fd);
    return status;
}

static ori_status make_thumb(const struct ori_http_request *request, const struct picture *picture,
                             uint8_t **ret_jpeg, size_t *ret_bytes, struct ori_error *err)
{
    int fd = -1;
    ori_status status = make_file(picture, &fd, err);
    if (status != ORI_OK)
        return status;
    const struct ori_picture_request wanted = {
        .fd = fd, .bytes = (int64_t)picture->bytes, .settings = request->settings};
    status = ori_picture_thumb(&wanted, picture->width, request->cancel, ret_jpeg, ret_bytes, err);
    close(fd);
    return status;
}

static ori_status give_thumb(const struct ori_http_request *request,
                             struct ori_http_response *response, const struct picture *picture,
                             struct ori_error *err)
{
    char key[sizeof picture->key + sizeof picture->etag + 1];
    uint8_t *jpeg = NULL;
    size_t bytes = 0;
    snprintf(key, sizeof key, "%s %s", picture->key, picture->etag);
    if (!ori_resources_thumb(request->resources, key, &jpeg, &bytes)) {
        ori_status status = make_thumb(request, picture, &jpeg, &bytes, err);
        if (status != ORI_OK)
            return status;
        ori_resources_keep_thumb(request->resources, key, jpeg, bytes);
    }
    ori_http_give(response, "image/jpeg", jpeg, bytes);
    return ORI_OK;
}

/* ?width, or 0; false: answered. */
static bool read_width(const struct ori_http_request *request, struct ori_http_response *response,
                       int *ret_width)
{
    struct ori_http_faults faults;
    ori_http_faults_init(&faults);
    json_t *query = ori_params_query(request, &faults);
    *ret_width = (int)ori_params_whole(query, "width", 0);
    bool is_faulty = ori_http_faulty(request, response, &faults);
    ori_http_faults_deinit(&faults);
    json_decref(query);
    return !is_faulty;
}

void ori_resource_get_frame(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    struct picture picture = {0};
    if (!read_width(request, response, &picture.width))
        return;
    ori_status status = read_picture(request, &picture, &err);
    if (status != ORI_OK)
        goto out;
    if (ori_http_cached(request, response, picture.etag, CACHE_CONTROL))
        goto out;
    if (picture.width > 0) {
        status = give_thumb(request, response, &picture, &err);
        goto out;
    }
    ori_http_give(response, content_type(picture.key), picture.data, picture.bytes);
    picture.data = NULL;
out:
    if (status != ORI_OK)
        ori_http_fail(request, response, &err);
    free(picture.data);
}
