/* tests/unit/stores_vector_qdrant_json_test.c: what goes to Qdrant as text, and what is believed of its
 * answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/vector_qdrant_priv.h"
#include "util/limits.h"

enum { DIM = 2 };

static char place[] = "http://127.0.0.1:6333";
static char name[] = "frames";
static char model[] = "m";

static struct ori_qdrant store_of(bool is_cosine)
{
    return (struct ori_qdrant){.base = {.dim = DIM},
                               .place = place,
                               .collection = name,
                               .model = model,
                               .is_cosine = is_cosine};
}

static const char *write_float(float value, char text[64])
{
    struct ori_buf buf;
    ori_buf_init(&buf, 63);
    ori_qdrant_put_float(&buf, value);
    assert_int_equal(ori_buf_finish(&buf, "float", NULL), ORI_OK);
    snprintf(text, 64, "%s", ori_buf_text(&buf));
    ori_buf_deinit(&buf);
    return text;
}

static void expect_same(float value)
{
    char text[64];
    char *end = NULL;
    write_float(value, text);
    const float back = strtof(text, &end);
    if (memcmp(&back, &value, sizeof value) != 0 || *end != '\0')
        fail_msg("%a became %s", (double)value, text);
}

static void test_floats_as_text(void **state)
{
    static const struct {
        float value;
        const char *expected;
    } rows[] = {
        {0.0F, "0"},
        {1.0F, "1"},
        {-1.0F, "-1"},
        {0.5F, "0.5"},
        {-0.25F, "-0.25"},
        {0.1F, "0.100000001"},
        {1e-3F, "0.00100000005"},
        {0.0078125F, "0.0078125"},
        {2.5F, "2.5"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(write_float(rows[i].value, text), rows[i].expected);
}

static void test_every_float_reads_back(void **state)
{
    static const float edges[] = {1e-4F,   0.99999994F, 0.0001F,    1.17549435e-38F, 1e-45F,
                                  3.4e38F, -3.4e38F,    0.001F,     0.01F,           0.1F,
                                  1.0F,    -0.0F,       9.9999e-5F, 0.09999999F,     0.009999999F};
    uint64_t seed = 11;
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        expect_same(edges[i]);
        expect_same(nextafterf(edges[i], 0.0F));
        expect_same(nextafterf(edges[i], 1.0F));
    }
    for (int i = 0; i < 400000; i++) {
        uint32_t bits = 0;
        float value = 0;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bits = (uint32_t)(seed >> 32);
        if (i % 2) /* half of them where unit vectors are: from 2^-16 to 1 */
            bits = (bits & 0x807FFFFFU) | (111 + bits % 16) << 23;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            expect_same(value);
    }
}

static void expect_filter(const struct ori_vector_filter *filter, const char *expected)
{
    struct ori_buf buf;
    ori_buf_init(&buf, 1000);
    ori_qdrant_put_filter(&buf, filter);
    assert_string_equal(ori_buf_text(&buf), expected);
    ori_buf_deinit(&buf);
}

static void test_filters_as_text(void **state)
{
    (void)state;
    expect_filter(NULL, "");
    expect_filter(&(struct ori_vector_filter){NULL, NULL, -1, -1}, "");
    expect_filter(&(struct ori_vector_filter){NULL, NULL, NAN, NAN}, "");
    expect_filter(&(struct ori_vector_filter){"p\"", NULL, -1, -1},
                  "\"filter\":{\"must\":[{\"key\":\"platform\",\"match\":{\"value\":\"p\\\"\"}}]}");
    expect_filter(&(struct ori_vector_filter){NULL, "c", 0, 2.5},
                  "\"filter\":{\"must\":[{\"key\":\"video_code\",\"match\":{\"value\":\"c\"}},"
                  "{\"key\":\"frame_second\",\"range\":{\"gte\":0,\"lte\":2.5}}]}");
}

#define ID "\"id\":\"0A000000-0000-5000-8000-000000000001\""
#define PAYLOAD_WITH(number, second, shown)                                                        \
    "\"payload\":{\"uuid\":\"x\",\"platform\":\"p\",\"video_code\":\"c\",\"frame_number\":" number \
    ",\"frame_second\":" second ",\"path\":\"p/c/1.png\",\"created_at\":\"now\",\"width\":1,"      \
    "\"height\":2,\"scene\":3,\"dhash\":\"00\",\"model\":" shown "}"
#define PAYLOAD PAYLOAD_WITH("1", "2.5", "\"m\"")
#define POINT(score) "{" ID ",\"version\":0,\"score\":" score "," PAYLOAD "}"

static ori_status read_hits(const char *text, bool is_cosine, struct ori_hits *hits)
{
    const struct ori_qdrant store = store_of(is_cosine);
    struct ori_error err = {0};
    json_error_t fault;
    json_t *points = json_loads(text, JSON_DECODE_ANY, &fault);
    if (!points)
        fail_msg("%s: %s", text, fault.text);
    assert_int_equal(ori_hits_init(hits, 2, &err), ORI_OK);
    const ori_status status = ori_qdrant_read_hits(&store, points, 2, hits, &err);
    assert_int_equal(err.status, status);
    json_decref(points);
    return status;
}

static void test_hostile_hits_are_refused(void **state)
{
    static const struct {
        const char *text;
        ori_status expected;
    } rows[] = {
        {"[]", ORI_OK},
        {"[" POINT("0.5") "]", ORI_OK},
        {"[" POINT("1") "]", ORI_OK},
        {"[" POINT("1.00001") "]", ORI_OK}, /* what f32 sums do */
        {"[" POINT("0.5") "," POINT("0.25") "]", ORI_OK},
        {"[" POINT("0.5") "," POINT("0.4") "," POINT("0.3") "]", ORI_STORE},
        {"null", ORI_STORE},
        {"{}", ORI_STORE},
        {"\"x\"", ORI_STORE},
        {"[null]", ORI_STORE},
        {"[[]]", ORI_STORE},
        {"[" POINT("null") "]", ORI_STORE},
        {"[" POINT("\"1\"") "]", ORI_STORE},
        {"[" POINT("1.5") "]", ORI_STORE},
        {"[" POINT("-2") "]", ORI_STORE},
        {"[{" ID "," PAYLOAD "}]", ORI_STORE},
        {"[{" ID ",\"score\":1}]", ORI_STORE},
        {"[{" ID ",\"score\":1,\"payload\":null}]", ORI_STORE},
        {"[{" ID ",\"score\":1,\"payload\":[]}]", ORI_STORE},
        {"[{\"id\":7,\"score\":1," PAYLOAD "}]", ORI_STORE},
        {"[{\"id\":\"7\",\"score\":1," PAYLOAD "}]", ORI_STORE},
        {"[{\"id\":\"0g000000-0000-5000-8000-000000000001\",\"score\":1," PAYLOAD "}]", ORI_STORE},
        {"[{\"id\":\"0a0000000000500080000000000000010000\",\"score\":1," PAYLOAD "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1.5", "0", "\"m\"") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("2147483648", "0", "\"m\"") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("2147483647", "0", "\"m\"") "}]", ORI_OK},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1", "\"0\"", "\"m\"") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1", "null", "\"m\"") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1", "0", "7") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1", "0", "\"\"") "}]", ORI_STORE},
        {"[{" ID ",\"score\":1," PAYLOAD_WITH("1", "0", "\"other\"") "}]", ORI_STORE_MISMATCH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_hits hits;
        const ori_status status = read_hits(rows[i].text, true, &hits);
        if (status != rows[i].expected)
            fail_msg("%s: %s", rows[i].text, ori_status_code(status));
        ori_hits_deinit(&hits);
    }
}

static void test_a_hit_is_read(void **state)
{
    struct ori_hits hits;
    (void)state;
    assert_int_equal(read_hits("[" POINT("0.25") "," POINT("1.00001") "]", true, &hits), ORI_OK);
    const struct ori_point_payload *payload = &hits.hits[0].payload;
    assert_int_equal(hits.count, 2);
    assert_true(hits.hits[0].score >= 1.0 && hits.hits[0].score <= 1.0); /* clamped, and first */
    assert_string_equal(payload->uuid, "0a000000-0000-5000-8000-000000000001");
    assert_string_equal(payload->platform, "p");
    assert_string_equal(payload->path, "p/c/1.png");
    assert_true(payload->frame_second >= 2.5 && payload->frame_second <= 2.5);
    assert_int_equal(payload->scene, 3);
    ori_hits_deinit(&hits);
    assert_int_equal(read_hits("[" POINT("7.5") "]", false, &hits), ORI_OK);
    ori_hits_deinit(&hits);
}

/* Texts at their limits and one past them. */
static void test_long_texts(void **state)
{
    static const struct {
        const char *key;
        int bytes_max;
    } rows[] = {{"platform", ORI_LIMIT_MAX_CODE_CHARS},
                {"video_code", ORI_LIMIT_MAX_CODE_CHARS},
                {"path", ORI_LIMIT_MAX_BLOB_KEY_BYTES},
                {"created_at", 31},
                {"dhash", 16}};
    const struct ori_qdrant store = store_of(true);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int past = 0; past < 2; past++) {
            static char text[2048];
            struct ori_hits hits;
            json_t *points = json_loads("[" POINT("1") "]", 0, NULL);
            json_t *payload = json_object_get(json_array_get(points, 0), "payload");
            memset(text, 'x', sizeof text);
            text[rows[i].bytes_max + past] = '\0';
            json_object_set_new(payload, rows[i].key, json_string(text));
            assert_int_equal(ori_hits_init(&hits, 1, NULL), ORI_OK);
            assert_int_equal(ori_qdrant_read_hits(&store, points, 1, &hits, NULL),
                             past ? ORI_STORE : ORI_OK);
            ori_hits_deinit(&hits);
            json_decref(points);
        }
    }
}

static void test_hostile_vectors_are_refused(void **state)
{
    static const struct {
        const char *text;
        ori_status expected;
    } rows[] = {
        {"[1,0.5]", ORI_OK},       {"[3.4e38,-3.4e38]", ORI_OK}, {"[1]", ORI_STORE},
        {"[1,2,3]", ORI_STORE},    {"[1,null]", ORI_STORE},      {"[1,\"2\"]", ORI_STORE},
        {"[1,3.5e38]", ORI_STORE}, {"[[1,2],[3,4]]", ORI_STORE}, {"{\"a\":[1,2]}", ORI_STORE},
        {"null", ORI_STORE},
    };
    const struct ori_qdrant store = store_of(true);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        float vector[DIM];
        json_t *value = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_int_equal(ori_qdrant_read_vector(&store, value, vector, NULL), rows[i].expected);
        json_decref(value);
    }
    float vector[DIM];
    assert_int_equal(ori_qdrant_read_vector(&store, NULL, vector, NULL), ORI_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_as_text),
        cmocka_unit_test(test_every_float_reads_back),
        cmocka_unit_test(test_filters_as_text),
        cmocka_unit_test(test_hostile_hits_are_refused),
        cmocka_unit_test(test_a_hit_is_read),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_hostile_vectors_are_refused),
    };
    return cmocka_run_group_tests_name("stores/vector_qdrant_json", tests, NULL, NULL);
}
