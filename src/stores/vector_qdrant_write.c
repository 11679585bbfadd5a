/* Writing: batches over a few streams, then the stale points of the video.
 * Replacing  is no transaction: the new points first, then what is left of the old by one filter. A
 *            failure in between leaves some of both; the same call again makes it right, for ids are
 *            functions of the input. Two that replace one video would delete each other's points: in
 *            this process they wait for each other in lanes, elsewhere the item's lock keeps them apart
 * Batches    a batch that is too large for the server is halved, down to one point; one that failed is
 *            sent whole again, for part of it may have been stored */
#include <stdlib.h>
#include <string.h>

#include "stores/vector_qdrant_priv.h"
#include "util/clock.h"
#include "util/cond.h"
#include "util/json_out.h"
#include "util/limits.h"

#define LANE_POLL_US 100000

/* ---- lanes ---- */

struct ori_qdrant_lane { /* on the stack of whoever replaces the video */
    const char *platform;
    const char *video_code;
    struct ori_qdrant_lane *next;
};

static bool is_taken(const struct ori_qdrant *store, const struct ori_qdrant_lane *lane)
{
    for (const struct ori_qdrant_lane *it = store->lanes; it; it = it->next) {
        if (strcmp(it->video_code, lane->video_code) == 0 &&
            strcmp(it->platform, lane->platform) == 0)
            return true;
    }
    return false;
}

static ori_status enter_lane(struct ori_qdrant *store, struct ori_qdrant_lane *lane,
                             const struct ori_cancel *cancel, struct ori_error *err)
{
    const int64_t deadline_us = ori_qdrant_deadline(store->limits.write_ms);
    ori_status status = ORI_OK;
    pthread_mutex_lock(&store->lock);
    while (is_taken(store, lane) && status == ORI_OK) {
        ori_cond_wait(&store->lane_left, &store->lock, ori_clock_us() + LANE_POLL_US);
        if (ori_cancel_is_set(cancel))
            status = ORI_CANCELLED;
        else if (ori_clock_us() >= deadline_us)
            status = ORI_TIMEOUT;
    }
    if (status == ORI_OK) {
        lane->next = store->lanes;
        store->lanes = lane;
    }
    pthread_mutex_unlock(&store->lock);
    return status == ORI_OK ? status
                            : ori_error_set(err, status, "waiting for another write of %s/%s",
                                            lane->platform, lane->video_code);
}

static void leave_lane(struct ori_qdrant *store, const struct ori_qdrant_lane *lane)
{
    pthread_mutex_lock(&store->lock);
    struct ori_qdrant_lane **at = &store->lanes;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    pthread_cond_broadcast(&store->lane_left);
    pthread_mutex_unlock(&store->lock);
}

/* ---- batches ---- */

/* Each request has its time: a long video on a slow line takes as long as it takes, a server that does
 * not answer is seen by the first. */
static int64_t deadline_of(const struct ori_qdrant *store)
{
    return ori_qdrant_deadline(store->limits.write_ms);
}

struct upload {
    struct ori_qdrant *store;
    const struct ori_point *points;
    size_t n;
    const struct ori_cancel *cancel;
    atomic_size_t next; /* first point that no stream has taken yet */
    pthread_mutex_t lock;
    ori_status status; /* guarded by lock, as is err: of the first stream that failed */
    struct ori_error err;
    atomic_bool is_over; /* one has failed */
};

static ori_status send_batch(struct upload *upload, struct ori_buf *body,
                             const struct ori_point *points, size_t n, struct ori_error *err)
{
    struct ori_qdrant *store = upload->store;
    json_t *result = NULL;
    ori_buf_clear(body);
    ori_qdrant_put_points(body, store, points, n);
    ori_status status = ori_buf_finish(body, "points of one request", err);
    if (status != ORI_OK)
        return status;
    const struct ori_qdrant_call call = {.method = "PUT",
                                         .path = "/points?wait=true",
                                         .body = body,
                                         .deadline_us = deadline_of(store),
                                         .retries = store->limits.retries,
                                         .cancel = upload->cancel};
    status = ori_qdrant_call(store, &call, &result, NULL, err);
    /* "acknowledged" would be a promise that wait=true does not give; "wait_timeout" of 1.19 too */
    const char *how = json_string_value(json_object_get(result, "status"));
    if (status == ORI_OK && (!how || strcmp(how, "completed") != 0))
        status = ori_qdrant_nonsense(store, err, "points that were not stored");
    json_decref(result);
    return status;
}

/* All of them, in as many requests as the limits want. */
static ori_status send_points(struct upload *upload, struct ori_buf *body,
                              const struct ori_point *points, size_t n, struct ori_error *err)
{
    size_t chunk = n;
    for (size_t at = 0; at < n;) {
        struct ori_error why = {0};
        const size_t now = chunk < n - at ? chunk : n - at;
        const ori_status status = send_batch(upload, body, points + at, now, &why);
        if (status == ORI_LIMIT && now > 1) {
            chunk = (now + 1) / 2;
            continue;
        }
        if (status != ORI_OK) {
            *err = why;
            return status;
        }
        at += now;
    }
    return ORI_OK;
}

static void fail(struct upload *upload, ori_status status, const struct ori_error *err)
{
    pthread_mutex_lock(&upload->lock);
    if (upload->status == ORI_OK) {
        upload->status = status;
        upload->err = *err;
    }
    pthread_mutex_unlock(&upload->lock);
    atomic_store(&upload->is_over, true);
}

static void *stream_thread(void *self)
{
    struct upload *upload = self;
    const size_t batch = upload->store->batch_size;
    struct ori_buf body;
    ori_buf_init(&body, upload->store->limits.body_bytes_max);
    while (!atomic_load(&upload->is_over)) {
        struct ori_error err = {0};
        const size_t at = atomic_fetch_add(&upload->next, batch);
        if (at >= upload->n)
            break;
        const size_t n = batch < upload->n - at ? batch : upload->n - at;
        const ori_status status = send_points(upload, &body, upload->points + at, n, &err);
        if (status != ORI_OK)
            fail(upload, status, &err);
    }
    ori_buf_deinit(&body);
    return NULL;
}

/* This thread is a stream too; fewer threads than wished for are only slower. */
static ori_status upload_points(struct ori_qdrant *store, const struct ori_point *points, size_t n,
                                const struct ori_cancel *cancel, struct ori_error *err)
{
    struct upload upload = {.store = store, .points = points, .n = n, .cancel = cancel};
    pthread_t threads[ORI_LIMIT_MAX_QDRANT_STREAMS];
    size_t threads_count = 0;
    const size_t batches = (n + store->batch_size - 1) / store->batch_size;
    pthread_mutex_init(&upload.lock, NULL); /* cannot fail with default attributes */
    while (threads_count + 1 < batches && threads_count + 1 < (size_t)store->streams_max &&
           pthread_create(&threads[threads_count], NULL, stream_thread, &upload) == 0)
        pthread_setname_np(threads[threads_count++], "qdrant");
    stream_thread(&upload);
    for (size_t i = 0; i < threads_count; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&upload.lock);
    if (upload.status != ORI_OK && err && err->status == ORI_OK)
        *err = upload.err;
    if (upload.status == ORI_OK && n > 0)
        atomic_store(&store->is_model_known, true);
    return upload.status;
}

static ori_status check_writable(const struct ori_qdrant *store, struct ori_error *err)
{
    if (!store->is_read_only)
        return ORI_OK;
    return ori_error_set(err, ORI_NOT_WRITABLE, "collection %s was opened to be read",
                         store->collection);
}

/* A server that is too slow to take points is one that is away: whoever comes later may find it well. */
static ori_status as_outage(ori_status status, struct ori_error *err)
{
    if (status != ORI_TIMEOUT)
        return status;
    if (err && err->status == ORI_TIMEOUT)
        err->status = ORI_STORE_DOWN;
    return ORI_STORE_DOWN;
}

ori_status ori_qdrant_upsert(struct ori_vector_store *base, const struct ori_point *points,
                             size_t n, struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    ori_status status = check_writable(store, err);
    if (status == ORI_OK)
        status = ori_qdrant_claim(store, store->cancel, deadline_of(store), err);
    if (status == ORI_OK)
        status = upload_points(store, points, n, store->cancel, err);
    return as_outage(status, err);
}

/* ---- stale points ---- */

/* The filter names the video always: an empty one would be the whole collection. */
static void put_stale(struct ori_buf *body, const char *platform, const char *video_code,
                      const struct ori_point *keep, size_t n)
{
    ori_json_begin_object(body, NULL);
    ori_json_begin_object(body, "filter");
    ori_json_begin_array(body, "must");
    ori_qdrant_put_match(body, "platform", platform);
    ori_qdrant_put_match(body, "video_code", video_code);
    ori_json_end_array(body);
    if (n > 0) {
        ori_json_begin_array(body, "must_not");
        ori_json_begin_object(body, NULL);
        ori_json_begin_array(body, "has_id");
        for (size_t i = 0; i < n; i++)
            ori_json_put_text(body, NULL, keep[i].payload.uuid);
        ori_json_end_array(body);
        ori_json_end_object(body);
        ori_json_end_array(body);
    }
    ori_json_end_object(body);
    ori_json_end_object(body);
}

/* body: filled; of a filter that names the video. */
static ori_status send_delete(struct ori_qdrant *store, const struct ori_buf *body,
                              const struct ori_cancel *cancel, struct ori_error *err)
{
    json_t *result = NULL;
    const struct ori_qdrant_call call = {.method = "POST",
                                         .path = "/points/delete?wait=true",
                                         .body = body,
                                         .deadline_us = deadline_of(store),
                                         .retries = store->limits.retries,
                                         .cancel = cancel};
    ori_status status = ori_buf_finish(body, "ids of one video", err);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, &result, NULL, err);
    const char *how = json_string_value(json_object_get(result, "status"));
    if (status == ORI_OK && (!how || strcmp(how, "completed") != 0))
        status = ori_qdrant_nonsense(store, err, "points that were not deleted");
    json_decref(result);
    return status;
}

static ori_status delete_stale(struct ori_qdrant *store, const char *platform,
                               const char *video_code, const struct ori_point *keep, size_t n,
                               const struct ori_cancel *cancel, struct ori_error *err)
{
    struct ori_buf body;
    ORI_ASSERT(platform[0] && video_code[0]);
    ori_buf_init(&body, store->limits.body_bytes_max);
    put_stale(&body, platform, video_code, keep, n);
    const ori_status status = send_delete(store, &body, cancel, err);
    ori_buf_deinit(&body);
    return status;
}

/* By a filter and not by ids alone: a point that is another video's by now stays. */
static void put_these(struct ori_buf *body, const char *platform, const char *video_code,
                      const char (*ids)[ORI_UUID_TEXT_BYTES], size_t n)
{
    ori_json_begin_object(body, NULL);
    ori_json_begin_object(body, "filter");
    ori_json_begin_array(body, "must");
    ori_qdrant_put_match(body, "platform", platform);
    ori_qdrant_put_match(body, "video_code", video_code);
    ori_json_begin_object(body, NULL);
    ori_json_begin_array(body, "has_id");
    for (size_t i = 0; i < n; i++)
        ori_json_put_text(body, NULL, ids[i]);
    ori_json_end_array(body);
    ori_json_end_object(body);
    ori_json_end_array(body);
    ori_json_end_object(body);
    ori_json_end_object(body);
}

ori_status ori_qdrant_delete_points(struct ori_vector_store *base, const char *platform,
                                    const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    struct ori_buf body;
    ori_status status = check_writable(store, err);
    if (status != ORI_OK)
        return status;
    ori_buf_init(&body, store->limits.body_bytes_max);
    put_these(&body, platform, video_code, ids, n);
    status = send_delete(store, &body, cancel ? cancel : store->cancel, err);
    ori_buf_deinit(&body);
    return status;
}

ori_status ori_qdrant_replace_video(struct ori_vector_store *base, const char *platform,
                                    const char *video_code, const struct ori_point *points,
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    struct ori_qdrant_lane lane = {.platform = platform, .video_code = video_code};
    ori_status status = check_writable(store, err);
    if (!cancel)
        cancel = store->cancel;
    if (status == ORI_OK)
        status = ori_qdrant_claim(store, cancel, deadline_of(store), err);
    if (status == ORI_OK)
        status = enter_lane(store, &lane, cancel, err);
    if (status != ORI_OK)
        return as_outage(status, err);
    status = upload_points(store, points, n, cancel, err);
    if (status == ORI_OK)
        status = delete_stale(store, platform, video_code, points, n, cancel, err);
    leave_lane(store, &lane);
    return as_outage(status, err);
}
