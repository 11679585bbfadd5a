/* tests/component/stores_vector_test.c: what every vector store promises (stores/vector.h), run over
 * each implementation: the embedded one, with its fastest and its plain scan, and, where
 * ORIANE_TEST_QDRANT_URL names a server, Qdrant instead (tests/e2e/qdrant.py run). What they do not
 * have in common stands in vector_qdrant.c; is_remote tells them apart. */
#include "stores_vector_fixture.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "stores/vector_db.h"
#include "util/limits.h"
#include "util/text.h"

enum { MANY = 5000 };

static void test_search_finds_the_nearest_with_its_payload(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    for (int i = 0; i < 10; i++)
        put(store, 1, i);
    float query[DIM] = {0};
    query[3] = 4.0F; /* any length */
    query[5] = 3.0F;
    struct ori_hits hits = search(store, query, 3, NULL);
    assert_int_equal(hits.count, 3);
    assert_float_equal(hits.hits[0].score, 0.8, (is_remote ? 1e-6F : 1e-7F));
    assert_float_equal(hits.hits[1].score, 0.6, (is_remote ? 1e-6F : 1e-7F));
    assert_float_equal(hits.hits[2].score, 0.0, 1e-7);
    const struct ori_point_payload *payload = &hits.hits[0].payload;
    assert_string_equal(payload->uuid, "00000003-0000-5000-8000-000000000001");
    assert_string_equal(payload->platform, "p");
    assert_string_equal(payload->video_code, "v1");
    assert_int_equal(payload->frame_number, 3);
    assert_float_equal(payload->frame_second, 3.0, 0);
    assert_string_equal(payload->path, "p/v1/3_3.00.png");
    assert_string_equal(payload->created_at, "2026-01-01T00:00:00.000Z");
    assert_int_equal(payload->width, 640);
    assert_int_equal(payload->height, 360);
    assert_int_equal(payload->scene, 4);
    assert_string_equal(payload->dhash, "0000000000000003");
    assert_string_equal(payload->model, "test/model");
    ori_hits_deinit(&hits);
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
    ori_vector_close(&store);
}

static void test_ties_are_ordered_by_uuid(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    for (int i = 40; i >= 0; i--) /* axis 0 again and again: all the same but for the id */
        put(store, 1, i * DIM);
    float query[DIM] = {1.0F};
    /* which of them a server leaves out is its affair */
    struct ori_hits hits = search(store, query, is_remote ? 100 : 5, NULL);
    assert_int_equal(hits.count, is_remote ? 41 : 5);
    for (int i = 0; i < 5; i++) {
        assert_float_equal(hits.hits[i].score, 1.0, 0);
        assert_int_equal(hits.hits[i].payload.frame_number, i * DIM);
    }
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
}

static void test_filters(void **state)
{
    static const struct {
        const char *platform;
        const char *code;
        double second_min;
        double second_max;
        int expected;
    } rows[] = {
        {NULL, NULL, -1, -1, 60}, {"p", NULL, -1, -1, 60},  {"q", NULL, -1, -1, 0},
        {"p", "v1", -1, -1, 20},  {NULL, "v2", -1, -1, 20}, {NULL, "v9", -1, -1, 0},
        {"p", "v1", 5, -1, 15},   {"p", "v1", -1, 5, 6},    {"p", "v1", 5, 5, 1},
        {NULL, NULL, 19, -1, 3},  {NULL, NULL, 0, 0, 3},    {NULL, NULL, 6, 5, 0},
    };
    (void)state;
    struct ori_vector_store *store = open_store();
    float query[DIM] = {1.0F};
    for (int video = 0; video < 3; video++) {
        for (int i = 0; i < 20; i++)
            put(store, video, i);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ori_vector_filter filter = {rows[i].platform, rows[i].code, rows[i].second_min,
                                                 rows[i].second_max};
        struct ori_error err = {0};
        int64_t count = -1;
        assert_int_equal(ori_vector_count(store, &filter, &count, &err), ORI_OK);
        assert_int_equal(count, rows[i].expected);
        struct ori_hits hits = search(store, query, 100, &filter);
        assert_int_equal(hits.count, rows[i].expected);
        for (size_t k = 0; k < hits.count; k++) {
            const struct ori_point_payload *payload = &hits.hits[k].payload;
            assert_true(!rows[i].code || strcmp(payload->video_code, rows[i].code) == 0);
            assert_true(rows[i].second_min < 0 || payload->frame_second >= rows[i].second_min);
            assert_true(rows[i].second_max < 0 || payload->frame_second <= rows[i].second_max);
        }
        ori_hits_deinit(&hits);
    }
    ori_vector_close(&store);
}

static void test_replace_video_leaves_exactly_its_points(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_error err = {0};
    static struct maker makers[6];
    struct ori_point points[6];
    for (int i = 0; i < 6; i++)
        points[i] = *make_point(&makers[i], 1, i);
    put(store, 2, 0);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", points, 6, &err), ORI_OK);
    assert_int_equal(count_of(store, "v1"), 6);
    float query[DIM] = {1.0F};
    struct ori_hits hits = search(store, query, 100, NULL); /* loads the matrix */
    assert_int_equal(hits.count, 7);
    ori_hits_deinit(&hits);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", points + 2, 2, &err), ORI_OK);
    assert_int_equal(count_of(store, "v1"), 2);
    assert_int_equal(count_of(store, "v2"), 1);
    hits = search(store, query, 100, NULL);
    assert_int_equal(hits.count, 3);
    ori_hits_deinit(&hits);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", NULL, 0, &err), ORI_OK);
    assert_int_equal(count_of(store, "v1"), 0);
    assert_int_equal(count_of(store, NULL), 1);
    float vector[DIM];
    assert_int_equal(ori_vector_get(store, points[2].payload.uuid, vector, NULL), ORI_NOT_FOUND);
    ori_vector_close(&store);
}

static void test_a_replay_changes_nothing(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct maker maker;
    const char *kept = is_remote ? "later" : "2026-01-01T00:00:00.000Z";
    put(store, 1, 0);
    make_point(&maker, 1, 0);
    snprintf(maker.point.payload.created_at, sizeof maker.point.payload.created_at, "later");
    assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_OK);
    expect_created_at(store, kept);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", &maker.point, 1, NULL), ORI_OK);
    expect_created_at(store, kept);
    maker.point.payload.scene = 77;
    assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_OK);
    expect_created_at(store, "later");
    assert_int_equal(count_of(store, NULL), 1);
    ori_vector_close(&store);
}

static void test_an_upsert_replaces_vector_and_video(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct maker maker;
    float query[DIM] = {1.0F};
    float vector[DIM];
    put(store, 1, 0);
    expect_created_at(store, "2026-01-01T00:00:00.000Z");
    make_point(&maker, 1, 0);
    memset(maker.vector, 0, sizeof maker.vector);
    maker.vector[7] = 2.0F;
    snprintf(maker.code, sizeof maker.code, "moved");
    assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_OK);
    struct ori_hits hits = search(store, query, 10, NULL);
    assert_int_equal(hits.count, 1);
    assert_float_equal(hits.hits[0].score, 0.0, 0);
    assert_string_equal(hits.hits[0].payload.video_code, "moved");
    ori_hits_deinit(&hits);
    assert_int_equal(ori_vector_get(store, maker.point.payload.uuid, vector, NULL), ORI_OK);
    if (is_remote)
        maker.vector[7] = 1.0F;                               /* as the cosine wants it */
    assert_memory_equal(vector, maker.vector, sizeof vector); /* as it was given */
    assert_int_equal(count_of(store, "v1"), 0);
    assert_int_equal(count_of(store, "moved"), 1);
    ori_vector_close(&store);
}

struct seen {
    int count;
    int right; /* payloads as they were put */
    int left;  /* visits until it says stop; negative: never */
    uint8_t videos[512];
};

static int video_of(const char *code)
{
    int64_t video = -1;
    assert_true(ori_text_to_int(code + 1, &video));
    return (int)video;
}

static ori_status note_point(void *self, const struct ori_vector_seen *point, struct ori_error *err)
{
    struct seen *seen = self;
    struct maker maker;
    seen->count++;
    if (seen->left >= 0 && seen->left-- == 0)
        return ori_error_set(err, ORI_CANCELLED, "enough");
    assert_non_null(point->payload);
    assert_null(point->wrong);
    const struct ori_point_payload *found = point->payload;
    const struct ori_point_payload *put =
        &make_point(&maker, video_of(found->video_code), found->frame_number)->payload;
    assert_string_equal(point->id, put->uuid);
    assert_string_equal(point->platform, "p");
    assert_string_equal(point->video_code, put->video_code);
    seen->right += strcmp(found->uuid, put->uuid) == 0 && strcmp(found->path, put->path) == 0 &&
                   found->frame_second == put->frame_second && found->width == put->width &&
                   found->height == put->height && found->scene == put->scene &&
                   strcmp(found->dhash, put->dhash) == 0 && strcmp(found->model, put->model) == 0 &&
                   strcmp(found->created_at, put->created_at) == 0;
    return ORI_OK;
}

static void put_many(struct ori_vector_store *store, int video, int n)
{
    struct maker *makers = calloc((size_t)n, sizeof *makers);
    struct ori_point *points = calloc((size_t)n, sizeof *points);
    struct ori_error err = {0};
    assert_non_null(makers);
    assert_non_null(points);
    for (int i = 0; i < n; i++)
        points[i] = *make_point(&makers[i], video, i);
    if (ori_vector_upsert(store, points, (size_t)n, &err) != ORI_OK)
        fail_msg("%s", err.text);
    free(points);
    free(makers);
}

static void test_points_of_a_video_one_by_one(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct seen seen = {.left = -1};
    assert_int_equal(ori_vector_list_points(store, "p", "v1", note_point, &seen, NULL, NULL),
                     ORI_OK);
    assert_int_equal(seen.count, 0);
    put_many(store, 1, 1001); /* one more than a page */
    put_many(store, 2, 3);
    assert_int_equal(ori_vector_list_points(store, "p", "v1", note_point, &seen, NULL, NULL),
                     ORI_OK);
    assert_int_equal(seen.count, 1001);
    assert_int_equal(seen.right, 1001);
    seen = (struct seen){.left = 2};
    assert_int_equal(ori_vector_list_points(store, "p", "v1", note_point, &seen, NULL, NULL),
                     ORI_CANCELLED);
    assert_int_equal(seen.count, 3);
    assert_int_equal(ori_vector_list_points(store, "", "v1", note_point, &seen, NULL, NULL),
                     ORI_USAGE);
    ori_vector_close(&store);
}

static ori_status note_video(void *self, const struct ori_vector_seen *point, struct ori_error *err)
{
    struct seen *seen = self;
    const int video = video_of(point->video_code);
    assert_null(point->payload);
    assert_string_equal(point->platform, "p");
    assert_true(video >= 0 && video < 512);
    seen->videos[video] = 1;
    seen->count++;
    if (seen->left >= 0 && seen->left-- == 0)
        return ori_error_set(err, ORI_CANCELLED, "enough");
    return ORI_OK;
}

static struct ori_vector_store *walked;

static ori_status note_video_and_look(void *self, const struct ori_vector_seen *point,
                                      struct ori_error *err)
{
    const struct seen *seen = self;
    if (seen->count % 100 == 0) /* as is promised, the store may be called */
        assert_int_equal(count_of(walked, point->video_code), 4);
    return note_video(self, point, err);
}

static void test_videos_one_by_one(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct seen seen = {.left = -1};
    assert_int_equal(ori_vector_list_videos(store, note_video, &seen, NULL, NULL), ORI_OK);
    assert_int_equal(seen.count, 0);
    for (int video = 0; video < 300; video++) /* more than a page of either store */
        put_many(store, video, 4);
    walked = store;
    assert_int_equal(ori_vector_list_videos(store, note_video_and_look, &seen, NULL, NULL), ORI_OK);
    for (int video = 0; video < 512; video++)
        assert_int_equal(seen.videos[video], video < 300);
    assert_true(seen.count >= 300 && seen.count <= 1200);
    seen = (struct seen){.left = 260};
    assert_int_equal(ori_vector_list_videos(store, note_video, &seen, NULL, NULL), ORI_CANCELLED);
    assert_int_equal(seen.count, 261);
    ori_vector_close(&store);
}

static void test_points_of_that_video_are_deleted(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_vector_store *reader = NULL;
    struct maker makers[4];
    char ids[4][ORI_UUID_TEXT_BYTES];
    const char(*const_ids)[ORI_UUID_TEXT_BYTES] = (const char(*)[ORI_UUID_TEXT_BYTES])ids;
    struct ori_error err = {0};
    put_many(store, 1, 3);
    put_many(store, 2, 2);
    memcpy(ids[0], make_point(&makers[0], 1, 0)->payload.uuid, sizeof ids[0]);
    memcpy(ids[1], make_point(&makers[1], 2, 0)->payload.uuid, sizeof ids[1]);  /* another's */
    memcpy(ids[2], make_point(&makers[2], 1, 77)->payload.uuid, sizeof ids[2]); /* not there */
    memcpy(ids[3], make_point(&makers[3], 1, 2)->payload.uuid, sizeof ids[3]);
    assert_int_equal(ori_vector_delete_points(store, "p", "v1", const_ids, 0, NULL, NULL), ORI_OK);
    assert_int_equal(count_of(store, NULL), 5);
    if (ori_vector_delete_points(store, "p", "v1", const_ids, 4, NULL, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count_of(store, "v1"), 1);
    assert_int_equal(count_of(store, "v2"), 2);
    assert_int_equal(count_of(store, NULL), 3);
    ids[0][0] = 'x';
    assert_int_equal(ori_vector_delete_points(store, "p", "v1", const_ids, 1, NULL, NULL),
                     ORI_USAGE);
    assert_int_equal(open_as("test/model", DIM, true, &reader, NULL), ORI_OK);
    assert_int_equal(ori_vector_delete_points(reader, "p", "v1", const_ids + 1, 1, NULL, NULL),
                     ORI_NOT_WRITABLE);
    ori_vector_close(&reader);
    float query[DIM] = {0, 1.0F}; /* and a search finds what is left */
    struct ori_hits hits = search(store, query, 10, NULL);
    assert_int_equal(hits.count, 3);
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
}

static void test_bad_vectors_and_points_are_refused(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    struct ori_vector_store *store = open_store();
    struct maker makers[2];
    struct ori_point points[2];
    struct ori_hits hits = {0};
    float query[DIM] = {0};
    assert_int_equal(ori_vector_search(store, query, 1, NULL, NULL, &hits, NULL), ORI_BAD_VECTOR);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        points[0] = *make_point(&makers[0], 1, 0); /* good: but it is all or nothing */
        points[1] = *make_point(&makers[1], 1, 1);
        makers[1].vector[DIM - 1] = bad[i];
        assert_int_equal(ori_vector_upsert(store, points, 2, NULL), ORI_BAD_VECTOR);
        query[0] = bad[i];
        assert_int_equal(ori_vector_search(store, query, 1, NULL, NULL, &hits, NULL),
                         ORI_BAD_VECTOR);
    }
    make_point(&makers[0], 1, 0);
    makers[0].vector[0] = 0.0F;
    assert_int_equal(ori_vector_upsert(store, &makers[0].point, 1, NULL), ORI_BAD_VECTOR);
    make_point(&makers[0], 1, 0);
    makers[0].point.payload.uuid[3] = 'x';
    assert_int_equal(ori_vector_upsert(store, &makers[0].point, 1, NULL), ORI_USAGE);
    make_point(&makers[0], 1, 0);
    makers[0].point.payload.frame_second = NAN;
    assert_int_equal(ori_vector_upsert(store, &makers[0].point, 1, NULL), ORI_USAGE);
    assert_int_equal(
        ori_vector_replace_video(store, "p", "v2", make_point(&makers[0], 1, 0), 1, NULL),
        ORI_USAGE);
    assert_int_equal(ori_vector_get(store, "not an id", query, NULL), ORI_NOT_FOUND);
    assert_int_equal(count_of(store, NULL), 0);
    ori_vector_close(&store);
}

/* The smallest and largest numbers are directions like any other. */
static void test_extreme_lengths(void **state)
{
    static const float lengths[] = {1e-45F, 1e-30F, 1e30F, 3e38F};
    (void)state;
    struct ori_vector_store *store = open_store();
    for (int i = 0; i < 4; i++) {
        struct maker maker;
        make_point(&maker, 1, i);
        maker.vector[i] = lengths[i];
        assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_OK);
    }
    for (int i = 0; i < 4; i++) {
        float query[DIM] = {0};
        query[i] = lengths[3 - i];
        struct ori_hits hits = search(store, query, 1, NULL);
        assert_int_equal(hits.hits[0].payload.frame_number, i);
        assert_float_equal(hits.hits[0].score, 1.0, (is_remote ? 1e-6F : 0.0F));
        ori_hits_deinit(&hits);
    }
    ori_vector_close(&store);
}

static void test_limits_of_texts_and_calls(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    static char text[2048];
    const struct {
        size_t bytes_max;
        size_t offset;
    } rows[] = {
        {ORI_LIMIT_MAX_CODE_CHARS, offsetof(struct ori_point_payload, platform)},
        {ORI_LIMIT_MAX_CODE_CHARS, offsetof(struct ori_point_payload, video_code)},
        {ORI_LIMIT_MAX_BLOB_KEY_BYTES, offsetof(struct ori_point_payload, path)},
        {ORI_LIMIT_MAX_VECTOR_MODEL_BYTES, offsetof(struct ori_point_payload, model)},
    };
    /* a point of another model would be found and refused by the search below */
    const size_t rows_count = sizeof rows / sizeof rows[0] - is_remote;
    for (size_t i = 0; i < rows_count; i++) {
        struct maker maker;
        struct ori_error err = {0};
        make_point(&maker, 1, (int)i);
        const char *const at = text;
        memcpy((char *)&maker.point.payload + rows[i].offset, &at, sizeof at);
        memset(text, 'x', sizeof text);
        text[rows[i].bytes_max] = '\0';
        assert_int_equal(ori_vector_upsert(store, &maker.point, 1, &err), ORI_OK);
        text[rows[i].bytes_max] = 'x';
        text[rows[i].bytes_max + 1] = '\0';
        assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_LIMIT);
        text[0] = '\0';
        assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_USAGE);
    }
    float query[DIM] = {1.0F};
    struct ori_hits hits = search(store, query, ORI_LIMIT_MAX_SEARCH_HITS, NULL);
    assert_int_equal(hits.count, rows_count);
    ori_hits_deinit(&hits);
    assert_int_equal(
        ori_vector_search(store, query, ORI_LIMIT_MAX_SEARCH_HITS + 1, NULL, NULL, &hits, NULL),
        ORI_LIMIT);
    assert_int_equal(ori_vector_search(store, query, 0, NULL, NULL, &hits, NULL), ORI_LIMIT);
    struct maker maker;
    assert_int_equal(
        ori_vector_upsert(store, make_point(&maker, 1, 1), ORI_LIMIT_MAX_VECTOR_CALL + 1, NULL),
        ORI_LIMIT); /* refused before the first is looked at */
    ori_vector_close(&store);
}

static void test_another_model_or_size_is_told(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    /* the size of a collection stays what it was made with */
    assert_int_equal(open_as("old/model", DIM + !is_remote, false, &store, &err), ORI_OK);
    ori_vector_close(&store);
    store = open_store(); /* nothing in it: it may be filled by another model */
    put(store, 1, 0);
    ori_vector_close(&store);
    assert_int_equal(open_as("old/model", DIM, false, &store, &err), ORI_STORE_MISMATCH);
    assert_non_null(strstr(err.text, "test/model"));
    assert_non_null(strstr(err.text, "old/model"));
    assert_non_null(strstr(err.text, is_remote ? "QDRANT_COLLECTION" : "`oriane reindex`"));
    assert_int_equal(open_as("test/model", DIM + 1, true, &store, NULL), ORI_STORE_MISMATCH);
    store = open_store();
    assert_int_equal(count_of(store, NULL), 1);
    ori_vector_close(&store);
}

/* Opens, or says what the refusal must say. */
static void expect_refused(const char *digest, bool is_read_only, const char *words)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    assert_int_equal(open_of("test/model", digest, DIM, is_read_only, &store, &err),
                     ORI_STORE_MISMATCH);
    assert_null(store);
    if (!strstr(err.text, words) || !strstr(err.text, "test/model") ||
        !strstr(err.text, is_remote ? "QDRANT_COLLECTION" : "`oriane reindex`"))
        fail_msg("%s", err.text);
}

static void expect_opens(const char *digest, bool is_read_only)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    if (open_of("test/model", digest, DIM, is_read_only, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    ori_vector_close(&store);
}

static void test_other_weights_of_the_same_name_are_told(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    assert_int_equal(open_of("test/model", "0123456789abcdef", DIM, false, &store, NULL), ORI_OK);
    expect_opens("fedcba9876543210", false); /* nothing in it yet */
    put(store, 1, 0);
    ori_vector_close(&store);
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        expect_opens("0123456789abcdef", is_read_only);
        expect_refused("fedcba9876543210", is_read_only, "0123456789abcdef");
        expect_refused("fedcba9876543210", is_read_only, "fedcba9876543210");
        expect_refused(NULL, is_read_only, "0123456789abcdef");
    }
}

static void test_a_store_without_digest_takes_the_first(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store(); /* of a model that has none */
    put(store, 1, 0);
    ori_vector_close(&store);
    expect_opens("0123456789abcdef", true); /* who only reads may, and notes nothing */
    expect_opens("fedcba9876543210", true);
    expect_opens("0123456789abcdef", false);
    expect_refused("fedcba9876543210", false, "0123456789abcdef");
    expect_refused("fedcba9876543210", true, "0123456789abcdef");
    expect_opens("0123456789abcdef", true);
}

static void test_a_digest_at_its_limit(void **state)
{
    (void)state;
    char digest[ORI_VECTOR_DIGEST_BYTES + 1] = "";
    struct ori_vector_store *store = NULL;
    memset(digest, 'a', ORI_VECTOR_DIGEST_BYTES);
    assert_int_equal(open_of("test/model", digest, DIM, false, &store, NULL), ORI_LIMIT);
    digest[ORI_VECTOR_DIGEST_BYTES - 1] = '\0';
    assert_int_equal(open_of("test/model", digest, DIM, false, &store, NULL), ORI_OK);
    put(store, 1, 0);
    ori_vector_close(&store);
    expect_opens(digest, false);
    digest[ORI_VECTOR_DIGEST_BYTES - 2] = 'b'; /* the last digit counts */
    expect_refused(digest, false, "aaaa");
}

/* Two stores open on the same empty place; the first to write decides. */
static void test_the_first_to_write_decides_the_model(void **state)
{
    (void)state;
    struct ori_vector_store *late = NULL;
    struct ori_hits hits = {0};
    struct maker maker;
    float query[DIM] = {1.0F};
    assert_int_equal(open_as("late/model", DIM, false, &late, NULL), ORI_OK);
    struct ori_vector_store *store = open_store();
    put(store, 1, 0);
    assert_int_equal(ori_vector_upsert(late, make_point(&maker, 1, 1), 1, NULL),
                     ORI_STORE_MISMATCH);
    assert_int_equal(ori_vector_search(late, query, 1, NULL, NULL, &hits, NULL),
                     ORI_STORE_MISMATCH);
    ori_vector_close(&late);
    ori_vector_close(&store);
}

static void test_what_another_store_writes_is_seen(void **state)
{
    (void)state;
    struct ori_vector_store *reader = open_store();
    struct ori_vector_store *writer = open_store();
    float query[DIM] = {1.0F};
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 5; i++)
            put(writer, round, i);
        struct ori_hits hits = search(reader, query, 100, NULL);
        assert_int_equal(hits.count, 5 * (round + 1));
        ori_hits_deinit(&hits);
    }
    assert_int_equal(ori_vector_replace_video(writer, "p", "v0", NULL, 0, NULL), ORI_OK);
    put(writer, 9, 0); /* as many removed as added would hide in a count alone */
    struct maker makers[4];
    struct ori_point points[4];
    for (int i = 0; i < 4; i++)
        points[i] = *make_point(&makers[i], 9, i + 1);
    assert_int_equal(ori_vector_upsert(writer, points, 4, NULL), ORI_OK);
    struct ori_hits hits = search(reader, query, 100, NULL);
    assert_int_equal(hits.count, 20);
    for (size_t i = 0; i < hits.count; i++)
        assert_string_not_equal(hits.hits[i].payload.video_code, "v0");
    ori_hits_deinit(&hits);
    ori_vector_close(&reader);
    ori_vector_close(&writer);
}

static void test_a_set_token_stops_a_search(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_cancel cancel;
    struct ori_hits hits = {0};
    float query[DIM] = {1.0F};
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    put(store, 1, 0);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_vector_search(store, query, 1, NULL, &cancel, &hits, NULL), ORI_CANCELLED);
    ori_cancel_deinit(&cancel);
    expect_created_at(store, "2026-01-01T00:00:00.000Z"); /* and the store is none the worse */
    ori_vector_close(&store);
}

static void random_vector(uint64_t *seed, float *vector)
{
    for (int i = 0; i < DIM; i++)
        vector[i] = (float)((double)(next_random(seed) >> 11) * 0x1p-52 - 1.0);
}

static double cosine(const float *a, const float *b)
{
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < DIM; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static int compare_scores(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left > right ? -1 : left < right;
}

static void test_search_is_exact(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    uint64_t seed = 7;
    struct maker *makers = calloc(MANY, sizeof *makers);
    struct ori_point *points = calloc(MANY, sizeof *points);
    double *scores = calloc(MANY, sizeof *scores);
    for (int i = 0; i < MANY; i++) {
        make_point(&makers[i], i / 100, i);
        random_vector(&seed, makers[i].vector);
        points[i] = makers[i].point;
    }
    assert_int_equal(ori_vector_upsert(store, points, MANY, NULL), ORI_OK);
    for (int round = 0; round < 5; round++) {
        float query[DIM];
        random_vector(&seed, query);
        for (int i = 0; i < MANY; i++)
            scores[i] = cosine(query, makers[i].vector);
        struct ori_hits hits = search(store, query, 50, NULL);
        for (size_t k = 0; k < 50; k++) {
            const int i = hits.hits[k].payload.frame_number;
            assert_float_equal(hits.hits[k].score, scores[i], 1e-6);
        }
        qsort(scores, MANY, sizeof *scores, compare_scores);
        for (size_t k = 0; k < 50; k++)
            assert_float_equal(hits.hits[k].score, scores[k], 1e-6);
        ori_hits_deinit(&hits);
    }
    free(makers);
    free(points);
    free(scores);
    ori_vector_close(&store);
}

struct crowd {
    struct ori_vector_store *store;
    atomic_bool is_over;
    atomic_int failures;
};

static void *search_on(void *self)
{
    struct crowd *crowd = self;
    float query[DIM] = {1.0F};
    do {
        struct ori_hits hits = {0};
        struct ori_error err = {0};
        if (ori_vector_search(crowd->store, query, 20, NULL, NULL, &hits, &err) != ORI_OK)
            atomic_fetch_add(&crowd->failures, 1);
        for (size_t i = 1; i < hits.count; i++) {
            if (hits.hits[i].score > hits.hits[i - 1].score)
                atomic_fetch_add(&crowd->failures, 1);
        }
        ori_hits_deinit(&hits);
    } while (!atomic_load(&crowd->is_over));
    return NULL;
}

static void *write_on(void *self)
{
    struct crowd *crowd = self;
    for (int round = 0; round < 10; round++) {
        struct maker makers[8];
        struct ori_point points[8];
        for (int i = 0; i < 8; i++)
            points[i] = *make_point(&makers[i], 50, i + round);
        if (ori_vector_replace_video(crowd->store, "p", "v50", points, 8, NULL) != ORI_OK)
            atomic_fetch_add(&crowd->failures, 1);
    }
    return NULL;
}

static void test_many_may_search_while_two_write(void **state)
{
    (void)state;
    struct crowd crowd = {.store = open_store()};
    pthread_t searchers[3];
    pthread_t writers[2];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&searchers[i], NULL, search_on, &crowd), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_on, &crowd), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&crowd.is_over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(searchers[i], NULL);
    assert_int_equal(atomic_load(&crowd.failures), 0);
    assert_int_equal(count_of(crowd.store, "v50"), 8);
    ori_vector_close(&crowd.store);
}

/* ---- processes ---- */

static void write_in_child(int who)
{
    struct ori_vector_store *store = NULL;
    if (open_as("test/model", DIM, false, &store, NULL) != ORI_OK)
        _exit(2);
    for (int round = 0; round < 20; round++) {
        struct maker maker;
        if (ori_vector_upsert(store, make_point(&maker, who, round), 1, NULL) != ORI_OK)
            _exit(3);
    }
    ori_vector_close(&store);
    _exit(0);
}

static void test_two_processes_make_and_fill_a_store(void **state)
{
    (void)state;
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            write_in_child(i);
    }
    for (int i = 0; i < 3; i++) {
        int how = 0;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), 0);
    }
    struct ori_vector_store *store = open_store();
    assert_int_equal(count_of(store, NULL), 60);
    ori_vector_close(&store);
}

enum { VIDEOS = 4, GENERATIONS = 1000000 };

static int points_of_generation(int generation)
{
    return 2 + generation % 5;
}

/* Replaces one video after the other, for ever; acked[v] is what was said to be done. */
static void replace_in_child(atomic_int *acked, int pipe_end)
{
    struct ori_vector_store *store = NULL;
    if (open_as("test/model", DIM, false, &store, NULL) != ORI_OK)
        _exit(2);
    for (int round = 0; round < GENERATIONS; round++) {
        const int video = round % VIDEOS;
        const int generation = atomic_load(&acked[video]) + 1;
        struct maker makers[8];
        struct ori_point points[8];
        const int n = points_of_generation(generation);
        for (int i = 0; i < n; i++) {
            points[i] = *make_point(&makers[i], video, i + generation % 3);
            points[i].payload.scene = generation;
        }
        if (ori_vector_replace_video(store, "p", makers[0].code, points, (size_t)n, NULL) != ORI_OK)
            _exit(3);
        atomic_store(&acked[video], generation);
        if (round == 0 && write(pipe_end, "x", 1) != 1)
            _exit(4);
    }
    _exit(5);
}

static void expect_whole_videos(atomic_int *acked)
{
    struct ori_vector_store *store = open_store();
    for (int video = 0; video < VIDEOS; video++) {
        char code[32];
        snprintf(code, sizeof code, "v%d", video);
        const struct ori_vector_filter filter = {NULL, code, -1, -1};
        float query[DIM] = {1.0F};
        struct ori_hits hits = search(store, query, 100, &filter);
        int generation = atomic_load(&acked[video]);
        if (hits.count > 0 && hits.hits[0].payload.scene == generation + 1)
            generation++; /* done, but killed before it could be said */
        assert_int_equal(hits.count, generation > 0 ? points_of_generation(generation) : 0);
        for (size_t i = 0; i < hits.count; i++)
            assert_int_equal(hits.hits[i].payload.scene, generation);
        atomic_store(&acked[video], generation);
        ori_hits_deinit(&hits);
    }
    ori_vector_close(&store);
}

static void test_killed_at_any_moment_each_video_is_whole(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    atomic_int *acked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(acked, MAP_FAILED);
    for (int round = 0; round < 12; round++) {
        int ends[2];
        char byte = 0;
        int how = 0;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            replace_in_child(acked, ends[1]);
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);     /* it is at work */
        usleep((useconds_t)(next_random(&seed) % 40000)); /* the moment of death, no more */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        close(ends[0]);
        expect_whole_videos(acked);
    }
    munmap(acked, 4096);
}

#define EMBEDDED(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
#define EMBEDDED_PLAIN(test)                                                                       \
    {                                                                                              \
#test "_plain", test, make_folder_plain, remove_folder, NULL                               \
    }
#define EVERY(test) EMBEDDED(test), EMBEDDED_PLAIN(test)
#define REMOTE(test) cmocka_unit_test_setup_teardown(test, make_collection, drop_collection)
#define REMOTE_PACKED(test)                                                                        \
    {                                                                                              \
#test "_packed", test, make_collection_packed, drop_collection, NULL                       \
    }

static int run_remote(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(test_search_finds_the_nearest_with_its_payload),
        REMOTE(test_ties_are_ordered_by_uuid),
        REMOTE(test_filters),
        REMOTE(test_replace_video_leaves_exactly_its_points),
        REMOTE(test_a_replay_changes_nothing),
        REMOTE(test_an_upsert_replaces_vector_and_video),
        REMOTE(test_points_of_a_video_one_by_one),
        REMOTE(test_videos_one_by_one),
        REMOTE(test_points_of_that_video_are_deleted),
        REMOTE(test_bad_vectors_and_points_are_refused),
        REMOTE(test_extreme_lengths),
        REMOTE(test_limits_of_texts_and_calls),
        REMOTE(test_another_model_or_size_is_told),
        REMOTE(test_other_weights_of_the_same_name_are_told),
        REMOTE(test_a_store_without_digest_takes_the_first),
        REMOTE(test_a_digest_at_its_limit),
        REMOTE(test_the_first_to_write_decides_the_model),
        REMOTE(test_what_another_store_writes_is_seen),
        REMOTE(test_a_set_token_stops_a_search),
        REMOTE(test_search_is_exact),
        REMOTE_PACKED(test_search_is_exact),
        REMOTE(test_many_may_search_while_two_write),
        REMOTE(test_two_processes_make_and_fill_a_store),
    };
    assert_int_equal(ori_net_global_init(NULL), ORI_OK);
    return cmocka_run_group_tests_name("stores/vector over Qdrant", tests, NULL, NULL);
}

int main(void)
{
    if (getenv("ORIANE_TEST_QDRANT_URL"))
        return run_remote();
    const struct CMUnitTest tests[] = {
        EVERY(test_search_finds_the_nearest_with_its_payload),
        EVERY(test_ties_are_ordered_by_uuid),
        EVERY(test_filters),
        EVERY(test_replace_video_leaves_exactly_its_points),
        EVERY(test_a_replay_changes_nothing),
        EVERY(test_an_upsert_replaces_vector_and_video),
        EVERY(test_points_of_a_video_one_by_one),
        EVERY(test_videos_one_by_one),
        EVERY(test_points_of_that_video_are_deleted),
        EVERY(test_bad_vectors_and_points_are_refused),
        EVERY(test_extreme_lengths),
        EVERY(test_limits_of_texts_and_calls),
        EVERY(test_another_model_or_size_is_told),
        EVERY(test_other_weights_of_the_same_name_are_told),
        EVERY(test_a_store_without_digest_takes_the_first),
        EVERY(test_a_digest_at_its_limit),
        EVERY(test_the_first_to_write_decides_the_model),
        EVERY(test_what_another_store_writes_is_seen),
        EVERY(test_a_set_token_stops_a_search),
        EVERY(test_search_is_exact),
        EVERY(test_many_may_search_while_two_write),
        EVERY(test_two_processes_make_and_fill_a_store),
        EVERY(test_killed_at_any_moment_each_video_is_whole),
    };
    return cmocka_run_group_tests_name("stores/vector", tests, NULL, NULL);
}
