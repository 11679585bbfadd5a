/* tests/component/stores_vector_qdrant_test.c: what the Qdrant store does beyond what every store
 * promises, against a real server (tests/e2e/qdrant.py run). Refusals, outages and nonsense, which a
 * real server does not give on demand, are in tests/e2e/test_qdrant_faults.py. */
#include "stores_vector_fixture.h"

#include <math.h>

#include "util/limits.h"

enum { SKIPPED = 77 };

static struct ori_vector_store *open_with(const struct ori_vector_qdrant_options *options)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    if (ori_vector_open_qdrant(options, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return store;
}

static json_t *collection_info(void)
{
    struct ori_net_answer answer;
    assert_int_equal(ask_qdrant("GET", "", NULL, &answer), 200);
    json_t *root = json_loadb(answer.body.data, answer.body.used, 0, NULL);
    json_t *info = json_incref(json_object_get(root, "result"));
    json_decref(root);
    ori_net_answer_deinit(&answer);
    return info;
}

static json_t *at(json_t *value, const char *keys[])
{
    for (; *keys; keys++)
        value = json_object_get(value, *keys);
    return value;
}
#define AT(value, ...) at(value, (const char *[]){__VA_ARGS__, NULL})

static void expect_text(json_t *value, const char *expected)
{
    assert_non_null(json_string_value(value));
    assert_string_equal(json_string_value(value), expected);
}

static void test_the_collection_is_made_as_set(void **state)
{
    (void)state;
    struct ori_vector_qdrant_options options = qdrant_options("m", DIM, false);
    options.shards = 2;
    struct ori_vector_store *store = open_with(&options);
    json_t *info = collection_info();
    json_t *params = AT(info, "config", "params");
    json_t *scalar = AT(info, "config", "quantization_config", "scalar");
    assert_int_equal(json_integer_value(AT(params, "vectors", "size")), DIM);
    expect_text(AT(params, "vectors", "distance"), "Cosine");
    assert_true(json_is_true(AT(params, "vectors", "on_disk")));
    assert_int_equal(json_integer_value(AT(params, "shard_number")), 2);
    assert_int_equal(json_integer_value(AT(params, "replication_factor")), 1);
    expect_text(AT(scalar, "type"), "int8");
    assert_true(json_is_true(AT(scalar, "always_ram")));
    expect_text(AT(info, "payload_schema", "platform", "data_type"), "keyword");
    expect_text(AT(info, "payload_schema", "video_code", "data_type"), "keyword");
    expect_text(AT(info, "payload_schema", "frame_second", "data_type"), "float");
    json_decref(info);
    ori_vector_close(&store);
}

static void test_without_compression_nothing_is_quantized(void **state)
{
    (void)state;
    struct ori_vector_qdrant_options options = qdrant_options("m", DIM, false);
    options.has_compression = false;
    struct ori_vector_store *store = open_with(&options);
    json_t *info = collection_info();
    json_t *quantization = AT(info, "config", "quantization_config");
    assert_true(!quantization || json_is_null(quantization));
    json_decref(info);
    ori_vector_close(&store);
}

static void make_by_hand(const char *body)
{
    struct ori_net_answer answer;
    assert_int_equal(ask_qdrant("PUT", "", body, &answer), 200);
    ori_net_answer_deinit(&answer);
}

static void test_what_was_made_otherwise_is_refused(void **state)
{
    static const struct {
        const char *body;
        const char *words;
    } rows[] = {
        {"{\"vectors\":{\"size\":24,\"distance\":\"Dot\"}}", "24 dimensions with distance Dot"},
        {"{\"vectors\":{\"size\":25,\"distance\":\"Cosine\"}}", "25 dimensions"},
        {"{\"vectors\":{\"a\":{\"size\":24,\"distance\":\"Cosine\"}}}", "named vectors"},
        {"{\"vectors\":{}}", "named vectors"},
        {"{\"vectors\":{\"size\":24,\"distance\":\"Cosine\","
         "\"multivector_config\":{\"comparator\":\"max_sim\"}}}",
         "several vectors"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_vector_store *store = NULL;
        struct ori_error err = {0};
        make_collection(state);
        make_by_hand(rows[i].body);
        assert_int_equal(open_as("m", DIM, false, &store, &err), ORI_STORE_MISMATCH);
        assert_non_null(strstr(err.text, rows[i].words));
        assert_non_null(strstr(err.text, "24 dimensions with distance Cosine"));
        assert_non_null(strstr(err.text, collection));
        drop_collection(state);
    }
    make_collection(state);
}

/* A collection of our size without indexes gets them; nothing else of it is touched. */
static void test_a_collection_made_by_hand_is_taken(void **state)
{
    (void)state;
    make_by_hand("{\"vectors\":{\"size\":24,\"distance\":\"Cosine\"},\"shard_number\":3}");
    struct ori_vector_store *store = open_store();
    put(store, 1, 1);
    json_t *info = collection_info();
    assert_int_equal(json_integer_value(AT(info, "config", "params", "shard_number")), 3);
    expect_text(AT(info, "payload_schema", "video_code", "data_type"), "keyword");
    json_decref(info);
    ori_vector_close(&store);
}

static void test_points_of_another_program_are_refused(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_vector_store *late = open_store();
    struct ori_net_answer answer;
    struct ori_error err = {0};
    struct maker maker;
    float query[DIM] = {1.0F};
    struct ori_hits hits = {0};
    assert_int_equal(ask_qdrant("PUT", "/points?wait=true",
                                "{\"points\":[{\"id\":7,\"payload\":{\"title\":\"x\"},\"vector\":["
                                "1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}]}",
                                &answer),
                     200);
    ori_net_answer_deinit(&answer);
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 1), 1, &err),
                     ORI_STORE_MISMATCH);
    assert_non_null(strstr(err.text, "another program"));
    assert_int_equal(ori_vector_search(late, query, 1, NULL, NULL, &hits, NULL),
                     ORI_STORE_MISMATCH);
    ori_vector_close(&store);
    ori_vector_close(&late);
}

static void put_foreign(int id)
{
    struct ori_net_answer answer;
    char body[256];
    snprintf(body, sizeof body,
             "{\"points\":[{\"id\":\"00000000-0000-4000-8000-0000000000%02d\",\"payload\":{"
             "\"title\":\"x\"},\"vector\":["
             "1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}]}",
             id);
    assert_int_equal(ask_qdrant("PUT", "/points?wait=true", body, &answer), 200);
    ori_net_answer_deinit(&answer);
}

/* They come before ours in order of ids. 64 points are looked at. */
static void test_points_of_another_program_beside_ours(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct maker maker;
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 1), 1, NULL), ORI_OK);
    ori_vector_close(&store);
    for (int id = 1; id <= 63; id++)
        put_foreign(id);
    store = open_store();
    ori_vector_close(&store);
    put_foreign(64);
    assert_int_equal(open_as("test/model", DIM, false, &store, NULL), ORI_STORE_MISMATCH);
}

static void test_read_only_makes_nothing(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    struct ori_net_answer answer;
    struct maker maker;
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_NOT_FOUND);
    assert_int_equal(ask_qdrant("GET", "", NULL, &answer), 404);
    ori_net_answer_deinit(&answer);
    store = open_store();
    put(store, 1, 1);
    ori_vector_close(&store);
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_OK);
    assert_int_equal(count_of(store, NULL), 1);
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 9), 1, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", NULL, 0, NULL), ORI_NOT_WRITABLE);
    ori_vector_close(&store);
}

static void test_a_wrong_key_is_told(void **state)
{
    static const struct {
        const char *key;
        const char *words;
    } rows[] = {{"wrong", "does not take QDRANT_KEY"}, {"", "set QDRANT_KEY"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_vector_qdrant_options options = qdrant_options("m", DIM, false);
        struct ori_vector_store *store = NULL;
        struct ori_error err = {0};
        options.key = rows[i].key;
        assert_int_equal(ori_vector_open_qdrant(&options, &store, &err), ORI_STORE_DENIED);
        assert_int_equal(err.native, 401);
        assert_non_null(strstr(err.text, rows[i].words));
    }
}

static void test_addresses_that_are_none(void **state)
{
    static const struct {
        const char *url;
        const char *name;
        ori_status expected;
    } rows[] = {
        {"ftp://127.0.0.1", "c", ORI_URL_REFUSED},
        {"http://u:p@127.0.0.1", "c", ORI_URL_REFUSED},
        {"http://127.0.0.1/?a=b", "c", ORI_URL_REFUSED},
        {"127.0.0.1:6333", "c", ORI_URL_REFUSED},
        {"http://127.0.0.1:1", "a/b", ORI_BAD_SETTING},
        {"http://127.0.0.1:1", "..", ORI_BAD_SETTING},
        {"http://127.0.0.1:1", "c", ORI_STORE_DOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_vector_qdrant_options options = qdrant_options("m", DIM, false);
        struct ori_vector_qdrant_limits turned = ori_vector_qdrant_usual();
        struct ori_vector_store *store = NULL;
        turned.retries = 0;
        options.url = rows[i].url;
        options.collection = rows[i].name;
        assert_int_equal(ori_vector_open_qdrant_limited(&options, &turned, &store, NULL),
                         rows[i].expected);
    }
    struct ori_vector_store *store = NULL;
    assert_int_equal(open_as("m", 0, false, &store, NULL), ORI_LIMIT);
    assert_int_equal(open_as("m", ORI_LIMIT_MAX_VECTOR_DIM + 1, false, &store, NULL), ORI_LIMIT);
    assert_int_equal(open_as("m", ORI_LIMIT_MAX_VECTOR_DIM, false, &store, NULL), ORI_OK);
    ori_vector_close(&store);
}

/* A server behind a prefix, and slashes at the end; and a name that must be encoded. */
static void test_names_with_blanks_and_slashes_at_the_end(void **state)
{
    (void)state;
    char url[128];
    struct ori_vector_qdrant_options options = qdrant_options("test/model", DIM, false);
    struct ori_net_answer answer;
    snprintf(url, sizeof url, "%s//", options.url);
    options.url = url;
    options.collection = "watched frames %41";
    struct ori_vector_store *store = open_with(&options);
    put(store, 1, 1);
    ori_vector_close(&store);
    snprintf(collection, sizeof collection, "watched%%20frames%%20%%2541");
    assert_int_equal(ask_qdrant("GET", "", NULL, &answer), 200);
    ori_net_answer_deinit(&answer);
}

static void fill_points(struct maker *makers, struct ori_point *points, int n)
{
    for (int i = 0; i < n; i++) {
        points[i] = *make_point(&makers[i], 1, i);
        makers[i].vector[(i / DIM) % DIM] += 0.5F;
    }
}

static void test_many_batches_over_many_streams(void **state)
{
    enum { MANY = 1037 };
    (void)state;
    static struct maker makers[MANY];
    static struct ori_point points[MANY];
    static const size_t batches[] = {1000, 64, 1};
    fill_points(makers, points, MANY);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        struct ori_vector_qdrant_options options = qdrant_options("test/model", DIM, false);
        options.batch_size = batches[i];
        struct ori_vector_store *store = open_with(&options);
        const int n = i < 2 ? MANY : 30;
        struct ori_error err = {0};
        if (ori_vector_replace_video(store, "p", "v1", points, (size_t)n, &err) != ORI_OK)
            fail_msg("%s", err.text);
        assert_int_equal(count_of(store, "v1"), n);
        float vector[DIM];
        for (int k = 0; k < n; k += 97) {
            double length = 0;
            assert_int_equal(ori_vector_get(store, points[k].payload.uuid, vector, NULL), ORI_OK);
            for (int d = 0; d < DIM; d++)
                length += (double)makers[k].vector[d] * makers[k].vector[d];
            for (int d = 0; d < DIM; d++)
                assert_float_equal(vector[d], (float)(makers[k].vector[d] / sqrt(length)), 1e-6F);
        }
        ori_vector_close(&store);
    }
}

/* Our own limit, in halves down to single points; one that is too long alone is told. */
static void test_a_body_past_the_limit_is_halved(void **state)
{
    enum { MANY = 40 };
    (void)state;
    static struct maker makers[MANY];
    static struct ori_point points[MANY];
    const struct ori_vector_qdrant_options options = qdrant_options("test/model", DIM, false);
    struct ori_vector_qdrant_limits turned = ori_vector_qdrant_usual();
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    fill_points(makers, points, MANY);
    turned.body_bytes_max = 1500; /* two points and a bit */
    assert_int_equal(ori_vector_open_qdrant_limited(&options, &turned, &store, NULL), ORI_OK);
    assert_int_equal(ori_vector_upsert(store, points, MANY, &err), ORI_OK);
    assert_int_equal(count_of(store, NULL), MANY);
    ori_vector_close(&store);
    turned.body_bytes_max = 200;
    assert_int_equal(ori_vector_open_qdrant_limited(&options, &turned, &store, NULL), ORI_OK);
    assert_int_equal(ori_vector_upsert(store, points, MANY, &err), ORI_LIMIT);
    ori_vector_close(&store);
}

/* The server's limit of 32 MiB, which it answers with 400. */
static void test_a_body_past_the_servers_limit_is_halved(void **state)
{
    enum { BIG = ORI_LIMIT_MAX_VECTOR_DIM, MANY = 700 };
    (void)state;
    struct ori_vector_qdrant_options options = qdrant_options("test/model", BIG, false);
    struct ori_vector_qdrant_limits turned = ori_vector_qdrant_usual();
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    struct maker *makers = calloc(MANY, sizeof *makers);
    struct ori_point *points = calloc(MANY, sizeof *points);
    float *vectors = calloc((size_t)MANY * BIG, sizeof *vectors);
    uint64_t seed = 5;
    for (int i = 0; i < MANY; i++) {
        points[i] = *make_point(&makers[i], 1, i);
        points[i].vector = vectors + (size_t)i * BIG;
        for (int d = 0; d < BIG; d++)
            vectors[(size_t)i * BIG + d] = (float)((double)(next_random(&seed) >> 11) * 0x1p-53);
    }
    options.batch_size = MANY;
    turned.body_bytes_max = 64 << 20;
    assert_int_equal(ori_vector_open_qdrant_limited(&options, &turned, &store, NULL), ORI_OK);
    if (ori_vector_upsert(store, points, MANY, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count_of(store, NULL), MANY);
    ori_vector_close(&store);
    free(vectors);
    free(points);
    free(makers);
}

/* Dropped while we run: the next call makes it again, whatever it is. */
static void test_a_collection_that_went_is_made_again(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_net_answer answer;
    struct maker maker;
    float query[DIM] = {1.0F};
    float vector[DIM];
    put(store, 1, 1);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(ask_qdrant("DELETE", "", NULL, &answer), 200);
        ori_net_answer_deinit(&answer);
        struct ori_hits hits = {0};
        switch (round) {
        case 0:
            put(store, 1, 2);
            assert_int_equal(count_of(store, NULL), 1);
            break;
        case 1:
            assert_int_equal(count_of(store, NULL), 0);
            break;
        case 2:
            assert_int_equal(ori_vector_search(store, query, 3, NULL, NULL, &hits, NULL), ORI_OK);
            assert_int_equal(hits.count, 0);
            ori_hits_deinit(&hits);
            break;
        case 3:
            assert_int_equal(
                ori_vector_replace_video(store, "p", "v1", make_point(&maker, 1, 1), 1, NULL),
                ORI_OK);
            assert_int_equal(count_of(store, "v1"), 1);
            break;
        default:
            assert_int_equal(
                ori_vector_get(store, make_point(&maker, 1, 1)->payload.uuid, vector, NULL),
                ORI_NOT_FOUND);
            break;
        }
        json_t *info = collection_info();
        expect_text(AT(info, "payload_schema", "video_code", "data_type"), "keyword");
        json_decref(info);
    }
    ori_vector_close(&store);
}

static void test_distances_are_best_when_small(void **state)
{
    static const char *const words[] = {"euclid", "manhattan", "dot"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct ori_vector_qdrant_options options = qdrant_options("test/model", DIM, false);
        make_collection(state);
        options.collection = collection;
        options.distance = words[i];
        struct ori_vector_store *store = open_with(&options);
        struct maker makers[3];
        struct ori_point points[3];
        for (int k = 0; k < 3; k++) {
            points[k] = *make_point(&makers[k], 1, k);
            memset(makers[k].vector, 0, sizeof makers[k].vector);
            makers[k].vector[0] = 1.0F + (float)k; /* lengths are kept */
        }
        assert_int_equal(ori_vector_upsert(store, points, 3, NULL), ORI_OK);
        float query[DIM] = {1.0F};
        struct ori_hits hits = search(store, query, 3, NULL);
        const bool is_dot = i == 2;
        assert_int_equal(hits.count, 3);
        for (int k = 0; k < 3; k++) {
            assert_float_equal(hits.hits[k].score, (float)(is_dot ? 3 - k : k), 1e-6F);
            assert_int_equal(hits.hits[k].payload.frame_number, is_dot ? 2 - k : k);
        }
        ori_hits_deinit(&hits);
        ori_vector_close(&store);
        drop_collection(state);
    }
    make_collection(state);
}

static void test_a_probe_finds_a_server(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_error err = {0};
    assert_int_equal(ori_vector_probe(store, NULL, &err), ORI_OK);
    ori_vector_close(&store);
}

static void test_a_set_token_ends_every_wait(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct ori_vector_qdrant_options options = qdrant_options("test/model", DIM, false);
    struct ori_vector_store *store = NULL;
    struct maker maker;
    float vector[DIM];
    int64_t count = 0;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    options.cancel = &cancel;
    store = open_with(&options);
    ori_cancel_set(&cancel);
    make_point(&maker, 1, 1);
    assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_CANCELLED);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", &maker.point, 1, NULL),
                     ORI_CANCELLED);
    assert_int_equal(ori_vector_count(store, NULL, &count, NULL), ORI_CANCELLED);
    assert_int_equal(ori_vector_get(store, maker.point.payload.uuid, vector, NULL), ORI_CANCELLED);
    ori_vector_close(&store);
    assert_int_equal(ori_vector_open_qdrant(&options, &store, NULL), ORI_CANCELLED);
    ori_cancel_deinit(&cancel);
}

#define REMOTE(test) cmocka_unit_test_setup_teardown(test, make_collection, drop_collection)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(test_the_collection_is_made_as_set),
        REMOTE(test_without_compression_nothing_is_quantized),
        REMOTE(test_what_was_made_otherwise_is_refused),
        REMOTE(test_a_collection_made_by_hand_is_taken),
        REMOTE(test_points_of_another_program_are_refused),
        REMOTE(test_points_of_another_program_beside_ours),
        REMOTE(test_read_only_makes_nothing),
        REMOTE(test_a_wrong_key_is_told),
        REMOTE(test_addresses_that_are_none),
        REMOTE(test_names_with_blanks_and_slashes_at_the_end),
        REMOTE(test_many_batches_over_many_streams),
        REMOTE(test_a_body_past_the_limit_is_halved),
        REMOTE(test_a_body_past_the_servers_limit_is_halved),
        REMOTE(test_a_collection_that_went_is_made_again),
        REMOTE(test_distances_are_best_when_small),
        REMOTE(test_a_probe_finds_a_server),
        REMOTE(test_a_set_token_ends_every_wait),
    };
    if (!getenv("ORIANE_TEST_QDRANT_URL")) {
        print_message("no server: tests/e2e/qdrant.py run starts one\n");
        return SKIPPED;
    }
    assert_int_equal(ori_net_global_init(NULL), ORI_OK);
    return cmocka_run_group_tests_name("stores/vector_qdrant", tests, NULL, NULL);
}
