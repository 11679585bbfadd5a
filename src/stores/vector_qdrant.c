/* Points in a Qdrant server, by REST. What it promises beside stores/vector.h:
 * Writes     wait=true always: what was answered is there for the next search, and survives kill -9 of
 *            the server. Ids and payloads are functions of the input, so a call that failed in the
 *            middle is simply made again
 * Scores     of the collection's distance: the cosine for Cosine, the product for Dot, distances for
 *            Euclid and Manhattan, where the smallest is best
 * Vectors    for Cosine they are stored at length 1, whatever length they came with
 * Not here   time stamps kept over a replay, one snapshot over several searches, exact order of ties
 *            at the end of a list: the embedded store has these */
#include "stores/vector.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "stores/vector_db.h"
#include "stores/vector_qdrant_priv.h"
#include "util/cond.h"
#include "util/json_out.h"
#include "util/limits.h"

#define QUESTION_BYTES 262144 /* a vector of the largest size, and a filter */
#define RETRIES 4
#define OPEN_MS 10000
#define READ_MS 15000
#define WRITE_MS 60000
#define PROBE_MS 3000
#define OVERSAMPLING 2.0 /* candidates that are looked at again with the original numbers */

struct ori_vector_qdrant_limits ori_vector_qdrant_usual(void)
{
    return (struct ori_vector_qdrant_limits){.body_bytes_max = ORI_LIMIT_MAX_QDRANT_BODY_BYTES,
                                             .retries = RETRIES,
                                             .open_ms = OPEN_MS,
                                             .read_ms = READ_MS,
                                             .write_ms = WRITE_MS,
                                             .probe_ms = PROBE_MS};
}

/* ---- reading ---- */

/* Adds the end of the question, asks it; *ret_result is the caller's. */
static ori_status ask(struct ori_qdrant *store, const char *path, struct ori_buf *body,
                      const struct ori_cancel *cancel, json_t **ret_result, struct ori_error *err)
{
    ori_json_end_object(body);
    const struct ori_qdrant_call call = {.method = "POST",
                                         .path = path,
                                         .body = body,
                                         .deadline_us = ori_qdrant_deadline(store->limits.read_ms),
                                         .retries = store->limits.retries,
                                         .cancel = cancel};
    const ori_status status = ori_buf_finish(body, "question", err);
    return status == ORI_OK ? ori_qdrant_call(store, &call, ret_result, NULL, err) : status;
}

static ori_status count(struct ori_vector_store *base, const struct ori_vector_filter *filter,
                        const struct ori_cancel *cancel, int64_t *ret_count, struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    struct ori_buf body;
    json_t *result = NULL;
    ori_buf_init(&body, QUESTION_BYTES);
    ori_json_begin_object(&body, NULL);
    ori_json_put_bool(&body, "exact", true);
    ori_qdrant_put_filter(&body, filter);
    ori_status status =
        ask(store, "/points/count", &body, cancel ? cancel : store->cancel, &result, err);
    const json_t *found = json_object_get(result, "count");
    if (status == ORI_OK && (!json_is_integer(found) || json_integer_value(found) < 0))
        status = ori_qdrant_nonsense(store, err, "a count that is none");
    if (status == ORI_OK)
        *ret_count = json_integer_value(found);
    json_decref(result);
    ori_buf_deinit(&body);
    return status;
}

static void put_question(const struct ori_qdrant *store, const float *vector, size_t limit,
                         const struct ori_vector_filter *filter, struct ori_buf *body)
{
    ori_json_begin_object(body, NULL);
    ori_qdrant_put_vector(body, "query", store, vector);
    ori_json_put_whole(body, "limit", (int64_t)limit);
    ori_json_put_bool(body, "with_payload", true);
    ori_json_put_bool(body, "with_vector", false);
    if (store->has_compression) {
        ori_json_begin_object(body, "params");
        ori_json_begin_object(body, "quantization");
        ori_json_put_bool(body, "rescore", true);
        ori_json_put_real(body, "oversampling", OVERSAMPLING);
        ori_json_end_object(body);
        ori_json_end_object(body);
    }
    ori_qdrant_put_filter(body, filter);
}

static ori_status search(struct ori_vector_store *base, const float *vector, size_t limit,
                         const struct ori_vector_filter *filter, const struct ori_cancel *cancel,
                         struct ori_hits *ret_hits, struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    struct ori_hits hits = {0};
    struct ori_buf body;
    json_t *result = NULL;
    ori_buf_init(&body, QUESTION_BYTES);
    if (!cancel)
        cancel = store->cancel;
    ori_status status = ori_qdrant_settle(store, cancel, err);
    if (status == ORI_OK)
        status =
            ori_qdrant_check_model(store, cancel, ori_qdrant_deadline(store->limits.read_ms), err);
    if (status == ORI_OK)
        status = ori_hits_init(&hits, limit, err);
    if (status == ORI_OK) {
        put_question(store, vector, limit, filter, &body);
        status = ask(store, "/points/query", &body, cancel, &result, err);
    }
    if (status == ORI_OK)
        status = ori_qdrant_read_hits(store, json_object_get(result, "points"), limit, &hits, err);
    if (status == ORI_OK) {
        *ret_hits = hits;
        hits = (struct ori_hits){0};
    }
    ori_hits_deinit(&hits);
    json_decref(result);
    ori_buf_deinit(&body);
    return status;
}

static ori_status get(struct ori_vector_store *base, const uint8_t id[16], float *ret_vector,
                      struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    struct ori_buf body;
    char text[37];
    json_t *result = NULL;
    uuid_unparse_lower(id, text);
    ori_buf_init(&body, QUESTION_BYTES);
    ori_json_begin_object(&body, NULL);
    ori_json_begin_array(&body, "ids");
    ori_json_put_text(&body, NULL, text);
    ori_json_end_array(&body);
    ori_json_put_bool(&body, "with_payload", false);
    ori_json_put_bool(&body, "with_vector", true);
    ori_status status = ask(store, "/points", &body, store->cancel, &result, err);
    const size_t found = json_array_size(result);
    const json_t *point = json_array_get(result, 0);
    const char *found_id = json_string_value(json_object_get(point, "id"));
    if (status != ORI_OK)
        goto out;
    if (!json_is_array(result) || found > 1)
        status = ori_qdrant_nonsense(store, err, "no list of points");
    else if (found == 0) /* it leaves out what it does not have */
        status = ori_error_set(err, ORI_NOT_FOUND, "no point has the id %s", text);
    else if (!found_id || strcmp(found_id, text) != 0)
        status = ori_qdrant_nonsense(store, err, "another point than was asked for");
    else
        status = ori_qdrant_read_vector(store, json_object_get(point, "vector"), ret_vector, err);
out:
    json_decref(result);
    ori_buf_deinit(&body);
    return status;
}

/* That it answers, to this key; a collection that is gone is made by the next call. */
static ori_status probe(struct ori_vector_store *base, const struct ori_cancel *cancel,
                        struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    const struct ori_qdrant_call call = {.method = "GET",
                                         .path = "/exists",
                                         .deadline_us = ori_qdrant_deadline(store->limits.probe_ms),
                                         .cancel = cancel,
                                         .is_about_collection = true};
    json_t *result = NULL;
    ori_status status = ori_qdrant_call(store, &call, &result, NULL, err);
    if (status == ORI_OK && !json_is_boolean(json_object_get(result, "exists")))
        status = ori_qdrant_nonsense(store, err, "a collection that neither is nor is not");
    json_decref(result);
    return status;
}

static ori_status check(struct ori_vector_store *base, const struct ori_cancel *cancel,
                        struct ori_error *err)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    return ori_qdrant_settle(store, cancel ? cancel : store->cancel, err);
}

/* ---- open and close ---- */

static void close_store(struct ori_vector_store *base)
{
    struct ori_qdrant *store = ori_qdrant_of(base);
    ori_net_client_destroy(&store->client);
    pthread_cond_destroy(&store->lane_left);
    pthread_mutex_destroy(&store->lock);
    free(store->place);
    free(store->collection);
    free(store->url);
    free(store->key);
    free(store->model);
    free(store->digest);
    free(store);
}

static const struct ori_vector_ops ops = {.close = close_store,
                                          .replace_video = ori_qdrant_replace_video,
                                          .upsert = ori_qdrant_upsert,
                                          .count = count,
                                          .search = search,
                                          .get = get,
                                          .list_points = ori_qdrant_list_points,
                                          .list_videos = ori_qdrant_list_videos,
                                          .delete_points = ori_qdrant_delete_points,
                                          .probe = probe,
                                          .check = check};

/* RFC 3986: what is not unreserved goes percent-encoded. */
static void add_encoded(struct ori_buf *buf, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            ori_buf_add(buf, text, 1);
        else
            ori_buf_printf(buf, "%%%02X", c);
    }
}

/* The host's part ends where the path begins. */
static size_t place_bytes(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url);
}

static bool is_loopback(const char *place)
{
    static const char *const hosts[] = {"127.", "localhost", "[::1]"};
    const char *host = strstr(place, "://");
    for (size_t i = 0; host && i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strncmp(host + 3, hosts[i], strlen(hosts[i])) == 0)
            return true;
    }
    return false;
}

static ori_status name_places(struct ori_qdrant *store,
                              const struct ori_vector_qdrant_options *options,
                              struct ori_error *err)
{
    struct ori_buf url;
    size_t bytes = strlen(options->url);
    ori_status status = ori_net_check_url(options->url, false, NULL, err);
    if (status == ORI_OK && strpbrk(options->url, "?#"))
        status = ori_error_set(err, ORI_URL_REFUSED, "neither ? nor # belong there");
    if (status == ORI_OK &&
        (strcmp(options->collection, ".") == 0 || strcmp(options->collection, "..") == 0 ||
         strpbrk(options->collection, "/\\<>:\"|?*")))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "QDRANT_COLLECTION=%s: not a name that Qdrant takes",
                             options->collection);
    if (status != ORI_OK) {
        ori_error_context(err, "QDRANT_URL");
        return status;
    }
    while (bytes > 0 && options->url[bytes - 1] == '/')
        bytes--;
    ori_buf_init(&url, ORI_LIMIT_MAX_NET_URL_BYTES - 64); /* and the paths of _call.c */
    ori_buf_add(&url, options->url, bytes);
    ori_buf_add_text(&url, "/collections/");
    add_encoded(&url, options->collection);
    status = ori_buf_finish(&url, "QDRANT_URL", err);
    if (status == ORI_OK) {
        store->url = ori_buf_take(&url, &bytes);
        store->place = strndup(options->url, place_bytes(options->url));
        store->collection = strdup(options->collection);
        if (!store->url || !store->place || !store->collection)
            status = ori_error_set(err, ORI_NOMEM, "vector store");
    }
    ori_buf_deinit(&url);
    return status;
}

static const struct {
    const char *word;
    const char *distance;
    bool is_nearer_smaller;
} distances[] = {{"cosine", "Cosine", false},
                 {"dot", "Dot", false},
                 {"euclid", "Euclid", true},
                 {"manhattan", "Manhattan", true}};

static ori_status choose_distance(struct ori_qdrant *store, const char *word, struct ori_error *err)
{
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        if (strcmp(word, distances[i].word) != 0)
            continue;
        store->distance = distances[i].distance;
        store->is_cosine = i == 0;
        store->is_nearer_smaller = distances[i].is_nearer_smaller;
        return ORI_OK;
    }
    return ori_error_set(err, ORI_BAD_SETTING, "QDRANT_DISTANCE=%s: no such distance", word);
}

static ori_status fill_in(struct ori_qdrant *store, const struct ori_vector_qdrant_options *options,
                          struct ori_error *err)
{
    const struct ori_net_client_options net = {.connections_max = options->connections_max,
                                               .egress = options->egress};
    if (options->dim < 1 || options->dim > ORI_LIMIT_MAX_VECTOR_DIM)
        return ori_error_set(err, ORI_LIMIT, "%d dimensions; allowed is 1 to %d (VECTOR_DIM)",
                             options->dim, ORI_LIMIT_MAX_VECTOR_DIM);
    if (strlen(options->model) > ORI_LIMIT_MAX_VECTOR_MODEL_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a model's name of more than %d bytes",
                             ORI_LIMIT_MAX_VECTOR_MODEL_BYTES);
    if (options->digest &&
        strnlen(options->digest, ORI_VECTOR_DIGEST_BYTES) == ORI_VECTOR_DIGEST_BYTES)
        return ori_error_set(err, ORI_LIMIT, "the digest of a model has more than %d characters",
                             ORI_VECTOR_DIGEST_BYTES - 1);
    store->has_compression = options->has_compression;
    store->is_read_only = options->is_read_only;
    store->batch_size = options->batch_size;
    store->streams_max = options->connections_max < ORI_LIMIT_MAX_QDRANT_STREAMS
                             ? options->connections_max
                             : ORI_LIMIT_MAX_QDRANT_STREAMS;
    store->shards = options->shards;
    store->replication = options->replication;
    store->cancel = options->cancel;
    if (options->log)
        store->log = *options->log;
    store->key = strdup(options->key ? options->key : "");
    store->model = strdup(options->model);
    store->digest = strdup(options->digest ? options->digest : "");
    if (!store->key || !store->model || !store->digest)
        return ori_error_set(err, ORI_NOMEM, "vector store");
    ori_status status = choose_distance(store, options->distance, err);
    if (status == ORI_OK)
        status = name_places(store, options, err);
    if (status == ORI_OK)
        store->compresses_transfers =
            store->has_compression &&
            (store->limits.compresses_loopback || !is_loopback(store->place));
    return status == ORI_OK ? ori_net_client_create(&net, &store->client, err) : status;
}

ori_status ori_vector_open_qdrant_limited(const struct ori_vector_qdrant_options *options,
                                          const struct ori_vector_qdrant_limits *limits,
                                          struct ori_vector_store **ret_store,
                                          struct ori_error *err)
{
    ORI_ASSERT(options && options->batch_size > 0 && options->connections_max > 0 && ret_store);
    struct ori_qdrant *store = calloc(1, sizeof *store);
    if (!store)
        return ori_error_set(err, ORI_NOMEM, "vector store");
    store->base = (struct ori_vector_store){.ops = &ops, .dim = options->dim};
    store->limits = *limits;
    pthread_mutex_init(&store->lock, NULL); /* cannot fail with default attributes */
    ori_cond_init(&store->lane_left);
    struct ori_error why = {0};
    ori_status status = fill_in(store, options, &why);
    if (status == ORI_OK) {
        status = ori_qdrant_settle(store, store->cancel, &why);
        const bool is_key = why.native == 401 || why.native == 403;
        if (status == ORI_STORE_DENIED && is_key && options->opens_refused)
            status = ORI_OK;
    }
    if (status != ORI_OK && err && err->status == ORI_OK)
        *err = why;
    if (status == ORI_OK)
        *ret_store = &store->base;
    else
        close_store(&store->base);
    return status;
}

ori_status ori_vector_open_qdrant(const struct ori_vector_qdrant_options *options,
                                  struct ori_vector_store **ret_store, struct ori_error *err)
{
    const struct ori_vector_qdrant_limits limits = ori_vector_qdrant_usual();
    return ori_vector_open_qdrant_limited(options, &limits, ret_store, err);
}
