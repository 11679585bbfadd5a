#include "stores/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "stores/vector_priv.h"
#include "util/limits.h"

_Static_assert(ORI_VECTOR_PLATFORM_BYTES == ORI_LIMIT_MAX_CODE_CHARS + 1, "limits_tbl.h");
_Static_assert(ORI_VECTOR_PATH_BYTES == ORI_LIMIT_MAX_BLOB_KEY_BYTES + 1, "limits_tbl.h");
_Static_assert(ORI_VECTOR_MODEL_BYTES == ORI_LIMIT_MAX_VECTOR_MODEL_BYTES + 1, "limits_tbl.h");

ori_status ori_hits_init(struct ori_hits *hits, size_t n, struct ori_error *err)
{
    *hits = (struct ori_hits){0};
    hits->hits = calloc(n + 1, sizeof *hits->hits);
    hits->strings = calloc(n + 1, sizeof(struct ori_hit_strings));
    if (hits->hits && hits->strings)
        return ORI_OK;
    ori_hits_deinit(hits);
    return ori_error_set(err, ORI_NOMEM, "%zu hits", n);
}

struct ori_hit_strings *ori_hits_strings(struct ori_hits *hits, size_t i)
{
    return (struct ori_hit_strings *)hits->strings + i;
}

void ori_hits_deinit(struct ori_hits *hits)
{
    free(hits->hits);
    free(hits->strings);
    *hits = (struct ori_hits){0};
}

void ori_vector_close(struct ori_vector_store **store)
{
    if (!store || !*store)
        return;
    (*store)->ops->close(*store);
    *store = NULL;
}

ori_status ori_vector_probe(struct ori_vector_store *store, const struct ori_cancel *cancel,
                            struct ori_error *err)
{
    ORI_ASSERT(store);
    return store->ops->probe ? store->ops->probe(store, cancel, err) : ORI_OK;
}

ori_status ori_vector_check(struct ori_vector_store *store, const struct ori_cancel *cancel,
                            struct ori_error *err)
{
    ORI_ASSERT(store);
    return store->ops->check ? store->ops->check(store, cancel, err) : ORI_OK;
}

static ori_status check_text(const char *name, const char *text, size_t bytes_min, size_t bytes_max,
                             struct ori_error *err)
{
    const size_t bytes = text ? strnlen(text, bytes_max + 1) : 0;
    if (bytes < bytes_min)
        return ori_error_set(err, ORI_USAGE, "a point without %s", name);
    if (bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "a point's %s has more than %zu bytes", name,
                             bytes_max);
    return ORI_OK;
}

static ori_status check_vector(const char *whose, const float *vector, int dim,
                               struct ori_error *err)
{
    double energy = 0.0;
    for (int i = 0; i < dim; i++)
        energy += (double)vector[i] * vector[i];
    if (!isfinite(energy))
        return ori_error_set(err, ORI_BAD_VECTOR, "%s: a vector with a number that is not finite",
                             whose);
    if (energy <= 0.0)
        return ori_error_set(err, ORI_BAD_VECTOR, "%s: a vector of zeros", whose);
    return ORI_OK;
}

static ori_status check_point(const struct ori_vector_store *store, const struct ori_point *point,
                              struct ori_error *err)
{
    const struct ori_point_payload *payload = &point->payload;
    uuid_t id;
    ori_status status = ORI_OK;

    if (strnlen(payload->uuid, sizeof payload->uuid) != 36 || uuid_parse(payload->uuid, id) != 0)
        return ori_error_set(err, ORI_USAGE, "a point's id is not a UUID");
    status = check_text("platform", payload->platform, 1, ORI_LIMIT_MAX_CODE_CHARS, err);
    if (status == ORI_OK)
        status = check_text("video_code", payload->video_code, 1, ORI_LIMIT_MAX_CODE_CHARS, err);
    if (status == ORI_OK)
        status = check_text("path", payload->path, 1, ORI_LIMIT_MAX_BLOB_KEY_BYTES, err);
    if (status == ORI_OK)
        status = check_text("model", payload->model, 1, ORI_LIMIT_MAX_VECTOR_MODEL_BYTES, err);
    if (status == ORI_OK)
        status =
            check_text("created_at", payload->created_at, 0, sizeof payload->created_at - 1, err);
    if (status == ORI_OK)
        status = check_text("dhash", payload->dhash, 0, sizeof payload->dhash - 1, err);
    if (status != ORI_OK)
        return status;
    if (!isfinite(payload->frame_second))
        return ori_error_set(err, ORI_USAGE, "point %s: its second is not finite", payload->uuid);
    return check_vector(payload->uuid, point->vector, store->dim, err);
}

static ori_status check_points(const struct ori_vector_store *store, const struct ori_point *points,
                               size_t n, struct ori_error *err)
{
    if (n > ORI_LIMIT_MAX_VECTOR_CALL)
        return ori_error_set(err, ORI_LIMIT, "%zu points in one call; the most is %d (VECTOR_CALL)",
                             n, ORI_LIMIT_MAX_VECTOR_CALL);
    for (size_t i = 0; i < n; i++) {
        const ori_status status = check_point(store, &points[i], err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

static ori_status check_video(const char *platform, const char *video_code, struct ori_error *err)
{
    const ori_status status = check_text("platform", platform, 1, ORI_LIMIT_MAX_CODE_CHARS, err);
    if (status != ORI_OK)
        return status;
    return check_text("video_code", video_code, 1, ORI_LIMIT_MAX_CODE_CHARS, err);
}

ori_status ori_vector_replace_video_until(struct ori_vector_store *store, const char *platform,
                                          const char *video_code, const struct ori_point *points,
                                          size_t n, const struct ori_cancel *cancel,
                                          struct ori_error *err)
{
    ORI_ASSERT(store && (n == 0 || points));
    ori_status status = check_video(platform, video_code, err);
    if (status == ORI_OK)
        status = check_points(store, points, n, err);
    if (status != ORI_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(points[i].payload.platform, platform) != 0 ||
            strcmp(points[i].payload.video_code, video_code) != 0)
            return ori_error_set(err, ORI_USAGE, "point %s is not of video %s/%s",
                                 points[i].payload.uuid, platform, video_code);
    }
    return store->ops->replace_video(store, platform, video_code, points, n, cancel, err);
}

ori_status ori_vector_replace_video(struct ori_vector_store *store, const char *platform,
                                    const char *video_code, const struct ori_point *points,
                                    size_t n, struct ori_error *err)
{
    return ori_vector_replace_video_until(store, platform, video_code, points, n, NULL, err);
}

ori_status ori_vector_upsert(struct ori_vector_store *store, const struct ori_point *points,
                             size_t n, struct ori_error *err)
{
    ORI_ASSERT(store && (n == 0 || points));
    const ori_status status = check_points(store, points, n, err);
    if (status != ORI_OK || n == 0)
        return status;
    return store->ops->upsert(store, points, n, err);
}

ori_status ori_vector_count_until(struct ori_vector_store *store,
                                  const struct ori_vector_filter *filter,
                                  const struct ori_cancel *cancel, int64_t *ret_count,
                                  struct ori_error *err)
{
    ORI_ASSERT(store && ret_count);
    return store->ops->count(store, filter, cancel, ret_count, err);
}

ori_status ori_vector_count(struct ori_vector_store *store, const struct ori_vector_filter *filter,
                            int64_t *ret_count, struct ori_error *err)
{
    return ori_vector_count_until(store, filter, NULL, ret_count, err);
}

ori_status ori_vector_search(struct ori_vector_store *store, const float *vector, size_t limit,
                             const struct ori_vector_filter *filter,
                             const struct ori_cancel *cancel, struct ori_hits *ret_hits,
                             struct ori_error *err)
{
    ORI_ASSERT(store && vector && ret_hits);
    if (limit < 1 || limit > ORI_LIMIT_MAX_SEARCH_HITS)
        return ori_error_set(err, ORI_LIMIT, "limit %zu; allowed is 1 to %d (SEARCH_HITS)", limit,
                             ORI_LIMIT_MAX_SEARCH_HITS);
    const ori_status status = check_vector("query", vector, store->dim, err);
    if (status != ORI_OK)
        return status;
    return store->ops->search(store, vector, limit, filter, cancel, ret_hits, err);
}

ori_status ori_vector_get(struct ori_vector_store *store, const char *uuid, float *ret_vector,
                          struct ori_error *err)
{
    ORI_ASSERT(store && uuid && ret_vector);
    uuid_t id;
    if (uuid_parse(uuid, id) != 0)
        return ori_error_set(err, ORI_NOT_FOUND, "%.64s is not the id of a point", uuid);
    return store->ops->get(store, id, ret_vector, err);
}

ori_status ori_vector_list_points(struct ori_vector_store *store, const char *platform,
                                  const char *video_code, ori_vector_visit_fn visit, void *self,
                                  const struct ori_cancel *cancel, struct ori_error *err)
{
    ORI_ASSERT(store && visit);
    const ori_status status = check_video(platform, video_code, err);
    if (status != ORI_OK)
        return status;
    return store->ops->list_points(store, platform, video_code, visit, self, cancel, err);
}

ori_status ori_vector_list_videos(struct ori_vector_store *store, ori_vector_visit_fn visit,
                                  void *self, const struct ori_cancel *cancel,
                                  struct ori_error *err)
{
    ORI_ASSERT(store && visit);
    return store->ops->list_videos(store, visit, self, cancel, err);
}

ori_status ori_vector_delete_points(struct ori_vector_store *store, const char *platform,
                                    const char *video_code, const char (*ids)[ORI_UUID_TEXT_BYTES],
                                    size_t n, const struct ori_cancel *cancel,
                                    struct ori_error *err)
{
    ORI_ASSERT(store && (n == 0 || ids));
    const ori_status status = check_video(platform, video_code, err);
    if (status != ORI_OK || n == 0)
        return status;
    if (n > ORI_LIMIT_MAX_VECTOR_CALL)
        return ori_error_set(err, ORI_LIMIT, "%zu points in one call; the most is %d (VECTOR_CALL)",
                             n, ORI_LIMIT_MAX_VECTOR_CALL);
    for (size_t i = 0; i < n; i++) {
        if (!ori_uuid_is(ids[i]))
            return ori_error_set(err, ORI_USAGE, "a point's id is not a UUID");
    }
    return store->ops->delete_points(store, platform, video_code, ids, n, cancel, err);
}
