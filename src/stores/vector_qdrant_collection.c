/* The collection: made on first use, compared when it is there, and whose model filled it.
 * Whose model   is read from a point's payload, which has its name in each: one request, once. A
 *               point reserved for it would turn up in everybody's searches of a shared collection.
 *               Every writer looks before it writes, every hit is looked at when found; two models
 *               that fill an empty collection in the same second would be seen by the searches
 * Whose weights of that name, is noted in the collection's metadata, which Qdrant has from 1.16 on:
 *               payloads are the contract's and have no room for it. What is noted there counts once
 *               there are points
 * Its size      is never changed and it is never dropped: that is for its owner to do */
#include <stdio.h>
#include <string.h>

#include "stores/vector_qdrant_priv.h"
#include "util/json_out.h"
#include "util/limits.h"

#define BODY_BYTES 4096
#define MODEL_POINTS 64          /* looked at for the model: foreign ones may come first */
#define WEIGHTS "oriane_weights" /* a key of the metadata */

static const struct {
    const char *field;
    const char *schema;
} indexes[] = {{"platform", "keyword"}, {"video_code", "keyword"}, {"frame_second", "float"}};

/* ---- compared ---- */

static ori_status mismatch(const struct ori_qdrant *store, const char *found, struct ori_error *err)
{
    return ori_error_set(err, ORI_STORE_MISMATCH,
                         "%s: collection %s has %s, the settings want %d dimensions with distance "
                         "%s: set QDRANT_COLLECTION to another name, or QDRANT_DIM and "
                         "QDRANT_DISTANCE to what it has",
                         store->place, store->collection, found, store->base.dim, store->distance);
}

static ori_status compare(const struct ori_qdrant *store, const json_t *info, struct ori_error *err)
{
    char found[128];
    const json_t *params = json_object_get(json_object_get(info, "config"), "params");
    const json_t *vectors = json_object_get(params, "vectors");
    const json_t *size = json_object_get(vectors, "size");
    const char *distance = json_string_value(json_object_get(vectors, "distance"));
    const json_t *many = json_object_get(vectors, "multivector_config");
    if (!json_is_object(info) || !json_is_object(params))
        return ori_qdrant_nonsense(store, err, "no configuration of a collection");
    if (!json_is_integer(size) || !distance)
        return mismatch(store, "several named vectors, or none", err);
    if (many && !json_is_null(many))
        return mismatch(store, "several vectors a point", err);
    if (json_integer_value(size) == store->base.dim && strcmp(distance, store->distance) == 0)
        return ORI_OK;
    snprintf(found, sizeof found, "%lld dimensions with distance %.32s",
             (long long)json_integer_value(size), distance);
    return mismatch(store, found, err);
}

/* ---- made ---- */

static ori_status make_index(struct ori_qdrant *store, size_t i, const struct ori_qdrant_call *like,
                             struct ori_error *err)
{
    struct ori_buf body;
    struct ori_qdrant_call call = *like;
    ori_buf_init(&body, BODY_BYTES);
    ori_json_begin_object(&body, NULL);
    ori_json_put_text(&body, "field_name", indexes[i].field);
    ori_json_put_text(&body, "field_schema", indexes[i].schema);
    ori_json_end_object(&body);
    call.method = "PUT";
    call.path = "/index?wait=true";
    call.body = &body;
    ori_status status = ori_buf_finish(&body, "index", err);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, NULL, NULL, err);
    ori_buf_deinit(&body);
    return status;
}

/* info: of the collection when it was there before; NULL: it is new. */
static ori_status make_indexes(struct ori_qdrant *store, const json_t *info,
                               struct ori_qdrant_call *call, struct ori_error *err)
{
    const json_t *schema = json_object_get(info, "payload_schema");
    ori_status status = ORI_OK;
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0] && status == ORI_OK; i++) {
        if (!json_object_get(schema, indexes[i].field))
            status = make_index(store, i, call, err);
    }
    return status;
}

static void put_metadata(const struct ori_qdrant *store, struct ori_buf *body)
{
    ori_json_begin_object(body, "metadata");
    ori_json_put_text(body, WEIGHTS, store->digest);
    ori_json_end_object(body);
}

static void describe(const struct ori_qdrant *store, struct ori_buf *body)
{
    ori_json_begin_object(body, NULL);
    ori_json_begin_object(body, "vectors");
    ori_json_put_whole(body, "size", store->base.dim);
    ori_json_put_text(body, "distance", store->distance);
    if (store->has_compression)
        ori_json_put_bool(body, "on_disk", true); /* read again for rescoring alone */
    ori_json_end_object(body);
    if (store->has_compression) {
        ori_json_begin_object(body, "quantization_config");
        ori_json_begin_object(body, "scalar");
        ori_json_put_text(body, "type", "int8");
        ori_json_put_real(body, "quantile", 0.99);
        ori_json_put_bool(body, "always_ram", true);
        ori_json_end_object(body);
        ori_json_end_object(body);
    }
    ori_json_put_bool(body, "on_disk_payload", true);
    ori_json_put_whole(body, "shard_number", store->shards);
    ori_json_put_whole(body, "replication_factor", store->replication);
    put_metadata(store, body);
    ori_json_end_object(body);
}

/* *ret_is_ours false: another was faster. */
static ori_status make(struct ori_qdrant *store, const struct ori_qdrant_call *like,
                       bool *ret_is_ours, struct ori_error *err)
{
    struct ori_buf body;
    struct ori_qdrant_call call = *like;
    struct ori_error why = {0};
    json_t *result = NULL;
    int http = 0;
    ori_buf_init(&body, BODY_BYTES);
    describe(store, &body);
    call.method = "PUT";
    call.path = "";
    call.body = &body;
    ori_status status = ori_buf_finish(&body, "collection", &why);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, &result, &http, &why);
    *ret_is_ours = status == ORI_OK;
    if (status == ORI_OK && !json_is_true(result))
        status = ori_qdrant_nonsense(store, &why, "a collection made, and not made");
    else if (http == 409)
        status = ORI_OK;
    if (status != ORI_OK && err && err->status == ORI_OK)
        *err = why;
    json_decref(result);
    ori_buf_deinit(&body);
    return status;
}

static ori_status look(struct ori_qdrant *store, struct ori_qdrant_call *call, json_t **ret_info,
                       struct ori_error *err)
{
    call->method = "GET";
    call->path = "";
    call->body = NULL;
    ori_status status = ori_qdrant_call(store, call, ret_info, NULL, err);
    return status == ORI_OK ? compare(store, *ret_info, err) : status;
}

ori_status ori_qdrant_ensure(struct ori_qdrant *store, const struct ori_cancel *cancel,
                             int64_t deadline_us, struct ori_error *err)
{
    struct ori_qdrant_call call = {.deadline_us = deadline_us,
                                   .retries = store->limits.retries,
                                   .cancel = cancel,
                                   .is_about_collection = true};
    struct ori_error why = {0};
    json_t *info = NULL;
    bool is_ours = false;
    ori_status status = look(store, &call, &info, &why);
    if (status == ORI_NOT_FOUND && !store->is_read_only) {
        why = (struct ori_error){0};
        status = make(store, &call, &is_ours, &why);
        if (status == ORI_OK && !is_ours)
            status = look(store, &call, &info, &why);
    }
    if (status == ORI_OK && !store->is_read_only)
        status = make_indexes(store, info, &call, &why);
    if (status == ORI_NOT_FOUND && !store->is_read_only)
        status = why.status = ORI_STORE_DENIED; /* 404 to a PUT: no Qdrant is there */
    if (status == ORI_OK && is_ours)
        ori_log_event(&store->log, ORI_LOG_INFO, "qdrant.collection_made",
                      ORI_LOG_FIELDS(ori_log_text("collection", store->collection),
                                     ori_log_int("dim", store->base.dim),
                                     ori_log_text("distance", store->distance)));
    json_decref(info);
    if (status != ORI_OK && err && err->status == ORI_OK)
        *err = why;
    return status;
}

/* ---- whose model ---- */

ori_status ori_qdrant_model_mismatch(const struct ori_qdrant *store, const char *found,
                                     struct ori_error *err)
{
    return ori_error_set(err, ORI_STORE_MISMATCH,
                         "%s: collection %s was filled by %.255s, not by %s: set QDRANT_COLLECTION "
                         "to another name, or CLIP_MODEL to that model",
                         store->place, store->collection, found, store->model);
}

/* Of the first point that says its model: one that somebody else put beside ours says nothing. */
static ori_status compare_model(struct ori_qdrant *store, const json_t *points,
                                struct ori_error *err)
{
    if (!json_is_array(points) || json_array_size(points) > MODEL_POINTS)
        return ori_qdrant_nonsense(store, err, "no list of points");
    if (json_array_size(points) == 0)
        return ORI_OK;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *payload = json_object_get(json_array_get(points, i), "payload");
        const char *model = json_string_value(json_object_get(payload, "model"));
        if (model && strcmp(model, store->model) != 0)
            return ori_qdrant_model_mismatch(store, model, err);
        if (model) {
            atomic_store(&store->is_model_known, true);
            return ORI_OK;
        }
    }
    return ori_qdrant_model_mismatch(store, "another program", err);
}

ori_status ori_qdrant_check_model(struct ori_qdrant *store, const struct ori_cancel *cancel,
                                  int64_t deadline_us, struct ori_error *err)
{
    struct ori_buf body;
    json_t *result = NULL;
    if (atomic_load(&store->is_model_known))
        return ORI_OK;
    ori_buf_init(&body, BODY_BYTES);
    ori_json_begin_object(&body, NULL);
    ori_json_put_whole(&body, "limit", MODEL_POINTS);
    ori_json_begin_array(&body, "with_payload");
    ori_json_put_text(&body, NULL, "model");
    ori_json_end_array(&body);
    ori_json_put_bool(&body, "with_vector", false);
    ori_json_end_object(&body);
    const struct ori_qdrant_call call = {.method = "POST",
                                         .path = "/points/scroll",
                                         .body = &body,
                                         .deadline_us = deadline_us,
                                         .retries = store->limits.retries,
                                         .cancel = cancel};
    ori_status status = ori_buf_finish(&body, "question", err);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, &result, NULL, err);
    if (status == ORI_OK)
        status = compare_model(store, json_object_get(result, "points"), err);
    json_decref(result);
    ori_buf_deinit(&body);
    return status;
}

static ori_status note_weights(struct ori_qdrant *store, const struct ori_qdrant_call *like,
                               struct ori_error *err)
{
    struct ori_buf body;
    struct ori_qdrant_call call = *like;
    ori_buf_init(&body, BODY_BYTES);
    ori_json_begin_object(&body, NULL);
    put_metadata(store, &body);
    ori_json_end_object(&body);
    call.method = "PATCH";
    call.body = &body;
    ori_status status = ori_buf_finish(&body, "metadata", err);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, NULL, NULL, err);
    ori_buf_deinit(&body);
    return status;
}

ori_status ori_qdrant_check_weights(struct ori_qdrant *store, const struct ori_cancel *cancel,
                                    int64_t deadline_us, struct ori_error *err)
{
    struct ori_qdrant_call call = {.method = "GET",
                                   .path = "",
                                   .deadline_us = deadline_us,
                                   .retries = store->limits.retries,
                                   .cancel = cancel};
    json_t *info = NULL;
    ori_status status = ori_qdrant_call(store, &call, &info, NULL, err);
    const json_t *metadata = json_object_get(json_object_get(info, "config"), "metadata");
    const char *noted = json_string_value(json_object_get(metadata, WEIGHTS));
    const bool is_same = noted && strcmp(noted, store->digest) == 0;
    if (status == ORI_OK && !is_same && noted && noted[0] && atomic_load(&store->is_model_known))
        status = ori_error_set(err, ORI_STORE_MISMATCH,
                               "%s: collection %s was filled by %s with the weights %.64s, not %s: "
                               "set QDRANT_COLLECTION to another name, or take those weights",
                               store->place, store->collection, store->model, noted,
                               store->digest[0] ? store->digest : "by a model without a digest");
    else if (status == ORI_OK && !is_same && !store->is_read_only && (noted || store->digest[0]))
        status = note_weights(store, &call, err);
    json_decref(info);
    return status;
}

ori_status ori_qdrant_settle(struct ori_qdrant *store, const struct ori_cancel *cancel,
                             struct ori_error *err)
{
    const int64_t deadline_us = ori_qdrant_deadline(store->limits.open_ms);
    if (atomic_load(&store->is_settled))
        return ORI_OK;
    ori_status status = ori_qdrant_ensure(store, cancel, deadline_us, err);
    if (status == ORI_OK)
        status = ori_qdrant_check_model(store, cancel, deadline_us, err);
    if (status == ORI_OK)
        status = ori_qdrant_check_weights(store, cancel, deadline_us, err);
    if (status == ORI_OK)
        atomic_store(&store->is_settled, true);
    return status;
}

ori_status ori_qdrant_claim(struct ori_qdrant *store, const struct ori_cancel *cancel,
                            int64_t deadline_us, struct ori_error *err)
{
    struct ori_qdrant_call call = {
        .path = "", .deadline_us = deadline_us, .retries = store->limits.retries, .cancel = cancel};
    ori_status status = ori_qdrant_settle(store, cancel, err);
    if (status == ORI_OK)
        status = ori_qdrant_check_model(store, cancel, deadline_us, err);
    if (status != ORI_OK || atomic_load(&store->is_model_known))
        return status;
    return note_weights(store, &call, err);
}
