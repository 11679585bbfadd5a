#pragma once
/* tests/component/stores_vector_fixture.h: a store in a folder of its own, and points to put in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "net/client.h"
#include "stores/vector.h"
#include "stores/vector_priv.h"
#include "stores/vector_qdrant_priv.h"
#include "util/clock.h"

enum { DIM = 24 };

static char folder[64];
static char file[96];
static const struct ori_vector_embedded_limits usual = {
    .rows_max = 100000, .busy_ms = 10000, .level_max = ORI_SCAN_AVX512};
static struct ori_vector_embedded_limits limits; /* of the implementation under test */

static inline int make_folder(void **state)
{
    (void)state;
    limits = usual;
    snprintf(folder, sizeof folder, "/tmp/oriane-vector-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/vectors.db", folder);
    return 0;
}

/* A Qdrant server, when ORIANE_TEST_QDRANT_URL names one; each test has a collection of its own. */
static bool is_remote;
static bool is_packed; /* what is sent */
static char collection[64];

static inline int make_collection(void **state)
{
    static int number;
    (void)state;
    is_remote = true;
    snprintf(collection, sizeof collection, "test_%d_%d", (int)getpid(), number++);
    return 0;
}

static inline int make_collection_packed(void **state)
{
    is_packed = true;
    return make_collection(state);
}

/* One request of the test's own. */
static inline int ask_qdrant(const char *method, const char *path, const char *body,
                             struct ori_net_answer *answer)
{
    const struct ori_net_client_options options = {.connections_max = 1};
    struct ori_net_client *client = NULL;
    char url[256];
    const struct ori_net_header headers[] = {{"api-key", getenv("ORIANE_TEST_QDRANT_KEY")},
                                             {"Content-Type", "application/json"}};
    snprintf(url, sizeof url, "%s/collections/%s%s", getenv("ORIANE_TEST_QDRANT_URL"), collection,
             path);
    const struct ori_net_request request = {.method = method,
                                            .url = url,
                                            .headers = headers,
                                            .headers_count = 2,
                                            .body = body,
                                            .body_bytes = body ? strlen(body) : 0,
                                            .deadline_us = ori_clock_us() + 30000000,
                                            .answer_bytes_max = 1 << 20};
    assert_int_equal(ori_net_client_create(&options, &client, NULL), ORI_OK);
    ori_net_answer_init(answer);
    assert_int_equal(ori_net_fetch(client, &request, NULL, answer, NULL), ORI_OK);
    ori_net_client_destroy(&client);
    return answer->status;
}

static inline int drop_collection(void **state)
{
    struct ori_net_answer answer;
    (void)state;
    ask_qdrant("DELETE", "", NULL, &answer);
    ori_net_answer_deinit(&answer);
    is_remote = false;
    is_packed = false;
    return 0;
}

static inline struct ori_vector_qdrant_options qdrant_options(const char *model, int dim,
                                                              bool is_read_only)
{
    return (struct ori_vector_qdrant_options){.url = getenv("ORIANE_TEST_QDRANT_URL"),
                                              .key = getenv("ORIANE_TEST_QDRANT_KEY"),
                                              .collection = collection,
                                              .model = model,
                                              .dim = dim,
                                              .distance = "cosine",
                                              .connections_max = 10,
                                              .batch_size = 100,
                                              .has_compression = true,
                                              .shards = 1,
                                              .replication = 1,
                                              .is_read_only = is_read_only};
}

static inline ori_status open_remote(const char *model, const char *digest, int dim,
                                     bool is_read_only, struct ori_vector_store **ret_store,
                                     struct ori_error *err)
{
    struct ori_vector_qdrant_options options = qdrant_options(model, dim, is_read_only);
    struct ori_vector_qdrant_limits turned = ori_vector_qdrant_usual();
    options.digest = digest;
    turned.compresses_loopback = is_packed;
    return ori_vector_open_qdrant_limited(&options, &turned, ret_store, err);
}

static inline int make_folder_plain(void **state)
{
    make_folder(state);
    limits.level_max = ORI_SCAN_PLAIN;
    return 0;
}

static inline int remove_folder(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".reindex", ".reindex-wal"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", file, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static inline ori_status open_of(const char *model, const char *digest, int dim, bool is_read_only,
                                 struct ori_vector_store **ret_store, struct ori_error *err)
{
    if (is_remote)
        return open_remote(model, digest, dim, is_read_only, ret_store, err);
    const struct ori_vector_options options = {.path = file,
                                               .model = model,
                                               .digest = digest,
                                               .dim = dim,
                                               .threads = 2,
                                               .is_read_only = is_read_only};
    return ori_vector_open_embedded_limited(&options, &limits, ret_store, err);
}

static inline ori_status open_as(const char *model, int dim, bool is_read_only,
                                 struct ori_vector_store **ret_store, struct ori_error *err)
{
    return open_of(model, NULL, dim, is_read_only, ret_store, err);
}

static inline struct ori_vector_store *open_store(void)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    if (open_as("test/model", DIM, false, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return store;
}

struct maker { /* a point and the memory behind it */
    struct ori_point point;
    char code[32];
    char path[64];
    float vector[DIM];
};

/* Point i of platform "p" video "v<video>"; its vector is axis i % DIM. */
static inline const struct ori_point *make_point(struct maker *maker, int video, int i)
{
    memset(maker, 0, sizeof *maker);
    struct ori_point_payload *payload = &maker->point.payload;
    snprintf(maker->code, sizeof maker->code, "v%d", video);
    snprintf(maker->path, sizeof maker->path, "p/v%d/%d_%d.00.png", video, i, i);
    snprintf(payload->uuid, sizeof payload->uuid, "%08x-0000-5000-8000-%012x", i, video);
    payload->platform = "p";
    payload->video_code = maker->code;
    payload->frame_number = i;
    payload->frame_second = i;
    payload->path = maker->path;
    snprintf(payload->created_at, sizeof payload->created_at, "2026-01-01T00:00:00.000Z");
    payload->width = 640;
    payload->height = 360;
    payload->scene = i + 1;
    snprintf(payload->dhash, sizeof payload->dhash, "%016x", i);
    payload->model = "test/model";
    maker->vector[i % DIM] = 1.0F;
    maker->point.vector = maker->vector;
    return &maker->point;
}

static inline void put(struct ori_vector_store *store, int video, int i)
{
    struct maker maker;
    struct ori_error err = {0};
    if (ori_vector_upsert(store, make_point(&maker, video, i), 1, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

static inline int64_t count_of(struct ori_vector_store *store, const char *code)
{
    const struct ori_vector_filter filter = {
        .platform = "p", .video_code = code, .second_min = -1, .second_max = -1};
    struct ori_error err = {0};
    int64_t count = -1;
    if (ori_vector_count(store, code ? &filter : NULL, &count, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return count;
}

static inline struct ori_hits search(struct ori_vector_store *store, const float *query,
                                     size_t limit, const struct ori_vector_filter *filter)
{
    struct ori_hits hits = {0};
    struct ori_error err = {0};
    if (ori_vector_search(store, query, limit, filter, NULL, &hits, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return hits;
}

static inline uint64_t next_random(uint64_t *seed) /* splitmix64, Steele et al. 2014 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static inline uint64_t seed_of_run(void)
{
    const char *given = getenv("ORIANE_TEST_SEED");
    uint64_t seed = 0;
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    print_message("ORIANE_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline void expect_created_at(struct ori_vector_store *store, const char *expected)
{
    float query[DIM] = {1.0F};
    struct ori_hits hits = search(store, query, 1, NULL);
    assert_int_equal(hits.count, 1);
    assert_string_equal(hits.hits[0].payload.created_at, expected);
    ori_hits_deinit(&hits);
}
