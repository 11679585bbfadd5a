/* tests/component/stores_vector_stage_test.c: vectors of another model beside a store, and the switch. */
#include "stores_vector_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "stores/vector_stage.h"
#include "util/limits.h"

enum { NEW_DIM = 40, BIG_DIM = 4000, VIDEOS = 3, FRAMES = 4 };
static int new_dim = NEW_DIM;

static const char *recipe = "f32";

static ori_status open_stage_as(const char *model, const char *digest, int dim,
                                struct ori_vector_stage **ret_stage, struct ori_error *err)
{
    const struct ori_vector_stage_options options = {.path = file,
                                                     .model = model,
                                                     .digest = digest,
                                                     .dim = dim,
                                                     .recipe = recipe,
                                                     .busy_ms = 200};
    return ori_vector_stage_open(&options, ret_stage, err);
}

static struct ori_vector_stage *open_stage(void)
{
    struct ori_vector_stage *stage = NULL;
    struct ori_error err = {0};
    if (open_stage_as("new/model", "0123456789abcdef", new_dim, &stage, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return stage;
}

static void fill(void)
{
    struct ori_vector_store *store = open_store();
    for (int video = 0; video < VIDEOS; video++) {
        for (int i = 0; i < FRAMES; i++)
            put(store, video, i);
    }
    ori_vector_close(&store);
}

static struct ori_vector_stage_points points_of(struct ori_vector_stage *stage, const char *code)
{
    struct ori_vector_stage_points points;
    struct ori_error err = {0};
    if (ori_vector_stage_points(stage, "p", code, &points, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return points;
}

/* Frame n gets the axis 5 + n of the new model. */
static ori_status put_video(struct ori_vector_stage *stage, const char *code, const char *token,
                            struct ori_error *err)
{
    struct ori_vector_stage_points points = points_of(stage, code);
    float *vectors = calloc((points.count + 1) * (size_t)new_dim, sizeof *vectors);
    assert_non_null(vectors);
    for (size_t i = 0; i < points.count; i++)
        vectors[i * (size_t)new_dim + 5 + (size_t)points.points[i].frame_number] = 1.0F;
    const ori_status status = ori_vector_stage_put(stage, "p", code, token, &points, vectors, err);
    free(vectors);
    ori_vector_stage_points_deinit(&points);
    return status;
}

static bool has(struct ori_vector_stage *stage, const char *code, const char *token)
{
    bool is_there = false;
    assert_int_equal(ori_vector_stage_has(stage, "p", code, token, &is_there, NULL), ORI_OK);
    return is_there;
}

static struct ori_vector_stage_facts facts_of(struct ori_vector_stage *stage)
{
    struct ori_vector_stage_facts facts = {0};
    assert_int_equal(ori_vector_stage_facts(stage, &facts, NULL), ORI_OK);
    return facts;
}

static bool is_stage_there(void)
{
    char name[128];
    snprintf(name, sizeof name, "%s.reindex", file);
    return access(name, F_OK) == 0;
}

/* The store as the new model's: every point of the videos with its new vector, and no others. */
static void expect_new(const char *const *codes, size_t codes_count)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    if (open_of("new/model", "0123456789abcdef", new_dim, false, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count_of(store, NULL), codes_count * FRAMES);
    for (int n = 0; n < FRAMES; n++) {
        float query[BIG_DIM] = {0};
        query[5 + n] = 1.0F;
        struct ori_hits hits = search(store, query, codes_count, NULL);
        assert_int_equal(hits.count, codes_count);
        for (size_t i = 0; i < codes_count; i++) {
            const struct ori_point_payload *payload = &hits.hits[i].payload;
            assert_true(hits.hits[i].score == 1.0);
            assert_int_equal(payload->frame_number, n);
            assert_string_equal(payload->model, "new/model");
            assert_string_equal(payload->video_code, codes[i]);
            assert_string_equal(payload->created_at, "2026-01-01T00:00:00.000Z");
            assert_int_equal(payload->width, 640);
            assert_int_equal(payload->scene, n + 1);
        }
        ori_hits_deinit(&hits);
    }
    ori_vector_close(&store);
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_STORE_MISMATCH);
}

static void expect_old(void)
{
    struct ori_vector_store *store = open_store();
    assert_int_equal(count_of(store, NULL), VIDEOS * FRAMES);
    float query[DIM] = {1.0F};
    struct ori_hits hits = search(store, query, 1, NULL);
    assert_true(hits.hits[0].score == 1.0);
    assert_string_equal(hits.hits[0].payload.model, "test/model");
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
}

static ori_status do_switch(struct ori_vector_stage *stage, struct ori_error *err)
{
    int64_t points = -1;
    int64_t removed = -1;
    ori_status status = ori_vector_stage_begin_switch(stage, 200, err);
    if (status == ORI_OK)
        status = ori_vector_stage_commit(stage, &points, &removed, err);
    if (status == ORI_OK) {
        assert_int_equal(points + removed, VIDEOS * FRAMES);
        status = ori_vector_stage_end_switch(stage, err);
    }
    return status;
}

static const char *const all[] = {"v0", "v1", "v2"};

static void put_all(struct ori_vector_stage *stage)
{
    for (int i = 0; i < VIDEOS; i++)
        assert_int_equal(put_video(stage, all[i], "t", NULL), ORI_OK);
}

static void test_a_switch(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    struct ori_vector_stage_facts facts = facts_of(stage);
    assert_string_equal(facts.model, "test/model");
    assert_int_equal(facts.dim, DIM);
    assert_int_equal(facts.points, VIDEOS * FRAMES);
    assert_false(facts.is_switched);
    put_all(stage);
    expect_old(); /* in use by others until the switch */
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    facts = facts_of(stage);
    assert_true(facts.is_switched);
    assert_string_equal(facts.model, "new/model");
    assert_string_equal(facts.digest, "0123456789abcdef");
    assert_int_equal(ori_vector_stage_finish(&stage, NULL), ORI_OK);
    assert_null(stage);
    assert_false(is_stage_there());
    expect_new(all, VIDEOS);
}

struct listing {
    int count;
    ori_status answer;
};

static ori_status note_video(void *self, const struct ori_vector_stage_video *video,
                             struct ori_error *err)
{
    struct listing *listing = self;
    (void)err;
    assert_string_equal(video->platform, "p");
    assert_string_equal(video->code, all[listing->count]);
    assert_int_equal(video->points, FRAMES);
    listing->count++;
    return listing->answer;
}

static void test_videos_and_points_are_listed(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    struct listing listing = {0};
    assert_int_equal(ori_vector_stage_list(stage, note_video, &listing, NULL), ORI_OK);
    assert_int_equal(listing.count, VIDEOS);
    listing = (struct listing){.answer = ORI_IO};
    assert_int_equal(ori_vector_stage_list(stage, note_video, &listing, NULL), ORI_IO);
    assert_int_equal(listing.count, 1);
    struct ori_vector_stage_points points = points_of(stage, "v1");
    assert_int_equal(points.count, FRAMES);
    for (int i = 0; i < FRAMES; i++) {
        const struct ori_vector_stage_point *point = &points.points[i];
        char path[64];
        snprintf(path, sizeof path, "p/v1/%d_%d.00.png", i, i);
        assert_int_equal(point->id[3], i);
        assert_int_equal(point->id[15], 1);
        assert_int_equal(point->frame_number, i);
        assert_true(point->frame_second == i);
        assert_int_equal(point->scene, i + 1);
        assert_int_equal(point->width, 640);
        assert_int_equal(point->height, 360);
        assert_string_equal(point->path, path);
        assert_string_equal(point->created_at, "2026-01-01T00:00:00.000Z");
        assert_int_equal(strlen(point->dhash), 16);
        assert_true(point->change > 0);
    }
    ori_vector_stage_points_deinit(&points);
    points = points_of(stage, "v9");
    assert_int_equal(points.count, 0);
    ori_vector_stage_points_deinit(&points);
    ori_vector_stage_close(&stage);
}

static void test_what_was_put_is_found_again(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    assert_false(has(stage, "v1", "a"));
    assert_int_equal(put_video(stage, "v1", "a", NULL), ORI_OK);
    assert_true(has(stage, "v1", "a"));
    assert_false(has(stage, "v1", "b"));
    assert_false(has(stage, "v2", "a"));
    ori_vector_stage_close(&stage);
    assert_true(is_stage_there());
    stage = open_stage();
    assert_true(has(stage, "v1", "a"));
    assert_int_equal(put_video(stage, "v1", "b", NULL), ORI_OK); /* in its place */
    assert_false(has(stage, "v1", "a"));
    assert_true(has(stage, "v1", "b"));
    assert_int_equal(ori_vector_stage_drop(stage, "p", "v1", NULL), ORI_OK);
    assert_int_equal(ori_vector_stage_drop(stage, "p", "v1", NULL), ORI_OK);
    assert_false(has(stage, "v1", "b"));
    ori_vector_stage_close(&stage);
}

static void test_another_model_begins_anew(void **state)
{
    static const struct {
        const char *model;
        const char *digest;
        int dim;
    } rows[] = {{"newer/model", "0123456789abcdef", NEW_DIM},
                {"new/model", "fedcba9876543210", NEW_DIM},
                {"new/model", NULL, NEW_DIM},
                {"new/model", "0123456789abcdef", NEW_DIM + 1}};
    (void)state;
    fill();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_vector_stage *stage = open_stage();
        assert_int_equal(put_video(stage, "v1", "t", NULL), ORI_OK);
        ori_vector_stage_close(&stage);
        assert_int_equal(open_stage_as(rows[i].model, rows[i].digest, rows[i].dim, &stage, NULL),
                         ORI_OK);
        assert_false(has(stage, "v1", "t"));
        ori_vector_stage_close(&stage);
        stage = open_stage();
        assert_false(has(stage, "v1", "t"));
        ori_vector_stage_close(&stage);
    }
}

static void test_another_recipe_begins_anew(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    ori_vector_stage_close(&stage);
    recipe = "bf16";
    stage = open_stage();
    assert_false(has(stage, "v0", "t"));
    put_all(stage);
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    recipe = "f32"; /* switched by another one: its stage is no rest of ours */
    stage = open_stage();
    struct ori_vector_stage_facts facts = facts_of(stage);
    assert_true(facts.is_switched && !facts.has_rest);
    ori_vector_stage_close(&stage);
}

/* A video that could not be embedded, or was taken back, is left out. */
static void test_what_has_no_vectors_goes(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    assert_int_equal(ori_vector_stage_drop(stage, "p", "v1", NULL), ORI_OK);
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    assert_int_equal(ori_vector_stage_finish(&stage, NULL), ORI_OK);
    expect_new((const char *const[]){"v0", "v2"}, 2);
}

/* Vectors of points that are no longer in the store are of no use, and do no harm. */
static void test_points_that_went_meanwhile(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    struct ori_vector_store *store = open_store();
    assert_int_equal(ori_vector_replace_video(store, "p", "v2", NULL, 0, NULL), ORI_OK);
    ori_vector_close(&store);
    int64_t points = 0;
    int64_t removed = 0;
    assert_int_equal(ori_vector_stage_begin_switch(stage, 200, NULL), ORI_OK);
    assert_int_equal(ori_vector_stage_commit(stage, &points, &removed, NULL), ORI_OK);
    assert_int_equal(points, 2 * FRAMES);
    assert_int_equal(removed, 0);
    ori_vector_stage_close(&stage);
    expect_new(all, 2);
}

static void test_a_store_in_use_is_not_switched(void **state)
{
    (void)state;
    fill();
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        struct ori_vector_store *store = NULL;
        struct ori_error err = {0};
        assert_int_equal(open_as("test/model", DIM, is_read_only, &store, NULL), ORI_OK);
        struct ori_vector_stage *stage = open_stage();
        put_all(stage);
        assert_int_equal(ori_vector_stage_begin_switch(stage, 200, &err), ORI_STORE_IN_USE);
        assert_int_equal(err.status, ORI_STORE_IN_USE);
        ori_vector_stage_close(&stage);
        assert_int_equal(count_of(store, NULL), VIDEOS * FRAMES);
        ori_vector_close(&store);
    }
    struct ori_vector_stage *stage = open_stage();
    assert_true(has(stage, "v0", "t"));
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    expect_new(all, VIDEOS);
}

static void test_nobody_gets_in_during_a_switch(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    limits.busy_ms = 50;
    fill();
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    assert_int_equal(ori_vector_stage_begin_switch(stage, 200, NULL), ORI_OK);
    assert_int_equal(open_as("test/model", DIM, false, &store, &err), ORI_STORE);
    assert_non_null(strstr(err.text, "busy"));
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_STORE);
    assert_int_equal(ori_vector_stage_end_switch(stage, NULL), ORI_OK); /* without a commit */
    expect_old();
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    expect_new(all, VIDEOS);
}

static void test_two_at_work_on_one_store(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    struct ori_vector_stage *second = NULL;
    struct ori_error err = {0};
    assert_int_equal(open_stage_as("new/model", "0123456789abcdef", NEW_DIM, &second, &err),
                     ORI_STORE_IN_USE);
    assert_non_null(strstr(err.text, "another `oriane reindex`"));
    assert_null(second);
    assert_int_equal(put_video(stage, "v0", "t", NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    stage = open_stage();
    ori_vector_stage_close(&stage);
}

static void test_a_store_that_needs_nothing(void **state)
{
    (void)state;
    struct ori_vector_stage *stage = NULL;
    assert_int_equal(open_stage_as("new/model", NULL, NEW_DIM, &stage, NULL), ORI_NOT_FOUND);
    assert_false(is_stage_there());
    const int fd = open(file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_stage_as("new/model", NULL, NEW_DIM, &stage, NULL), ORI_NOT_FOUND);
    fill();
    assert_int_equal(open_stage_as("test/model", NULL, DIM, &stage, NULL), ORI_OK);
    struct ori_vector_stage_facts facts = facts_of(stage);
    assert_true(facts.is_switched);
    assert_false(facts.has_rest);
    assert_false(is_stage_there()); /* and none is made */
    assert_int_equal(ori_vector_stage_finish(&stage, NULL), ORI_OK);
    expect_old();
}

/* Switched, then killed before the rest was done: the next one sees that. */
static void test_a_rest_is_seen(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    assert_int_equal(do_switch(stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    stage = open_stage();
    struct ori_vector_stage_facts facts = facts_of(stage);
    assert_true(facts.is_switched);
    assert_true(facts.has_rest);
    assert_int_equal(ori_vector_stage_finish(&stage, NULL), ORI_OK);
    assert_false(is_stage_there());
    stage = open_stage();
    facts = facts_of(stage);
    assert_true(facts.is_switched && !facts.has_rest);
    ori_vector_stage_close(&stage);
}

static void test_bad_vectors_are_refused(void **state)
{
    (void)state;
    fill();
    struct ori_vector_stage *stage = open_stage();
    struct ori_vector_stage_points points = points_of(stage, "v0");
    float *vectors = calloc(FRAMES * NEW_DIM, sizeof *vectors);
    assert_non_null(vectors);
    assert_int_equal(put_video(stage, "v0", "t", NULL), ORI_OK);
    for (int i = 0; i < FRAMES; i++)
        vectors[i * NEW_DIM] = 1.0F;
    vectors[2 * NEW_DIM] = 0.0F; /* zeros alone */
    assert_int_equal(ori_vector_stage_put(stage, "p", "v0", "u", &points, vectors, NULL),
                     ORI_BAD_VECTOR);
    vectors[2 * NEW_DIM] = 1.0F / 0.0F;
    assert_int_equal(ori_vector_stage_put(stage, "p", "v0", "u", &points, vectors, NULL),
                     ORI_BAD_VECTOR);
    assert_true(has(stage, "v0", "t")); /* nothing of it happened */
    vectors[2 * NEW_DIM] = 1.0F;
    assert_int_equal(ori_vector_stage_put(stage, "p", "v0", "u", &points, vectors, NULL), ORI_OK);
    free(vectors);
    ori_vector_stage_points_deinit(&points);
    ori_vector_stage_close(&stage);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void test_a_stage_that_is_not_ours(void **state)
{
    static const struct {
        const char *sql;
        const char *words;
    } rows[] = {{"PRAGMA application_id = 7", "another program"},
                {"PRAGMA user_version = 2", "version 2"},
                {"CREATE VIEW mine AS SELECT 1", "damaged"},
                {"DELETE FROM stage", "damaged"}};
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s.reindex", file);
    fill();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_vector_stage *stage = open_stage();
        struct ori_error err = {0};
        ori_vector_stage_close(&stage);
        run_sql(path, rows[i].sql);
        assert_int_not_equal(open_stage_as("new/model", NULL, NEW_DIM, &stage, &err), ORI_OK);
        assert_non_null(strstr(err.text, rows[i].words));
        assert_true(is_stage_there());
        unlink(path);
    }
    struct ori_vector_stage *stage = open_stage();
    put_all(stage);
    ori_vector_stage_close(&stage);
    run_sql(path, "UPDATE vectors SET vector = x'0102' WHERE rowid = 7");
    struct ori_error err = {0};
    stage = open_stage();
    assert_int_equal(do_switch(stage, &err), ORI_STORE);
    assert_non_null(strstr(err.text, "damaged"));
    ori_vector_stage_close(&stage);
    expect_old();
}

static void test_limits(void **state)
{
    (void)state;
    struct ori_vector_stage *stage = NULL;
    char model[ORI_LIMIT_MAX_VECTOR_MODEL_BYTES + 2] = "";
    fill();
    memset(model, 'm', ORI_LIMIT_MAX_VECTOR_MODEL_BYTES + 1);
    assert_int_equal(open_stage_as(model, NULL, NEW_DIM, &stage, NULL), ORI_LIMIT);
    model[ORI_LIMIT_MAX_VECTOR_MODEL_BYTES] = '\0';
    assert_int_equal(open_stage_as(model, NULL, NEW_DIM, &stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
    assert_int_equal(open_stage_as("m", NULL, 0, &stage, NULL), ORI_LIMIT);
    assert_int_equal(open_stage_as("m", NULL, ORI_LIMIT_MAX_VECTOR_DIM + 1, &stage, NULL),
                     ORI_LIMIT);
    assert_int_equal(open_stage_as("m", NULL, ORI_LIMIT_MAX_VECTOR_DIM, &stage, NULL), ORI_OK);
    ori_vector_stage_close(&stage);
}

static void test_a_set_token_stops_a_switch(void **state)
{
    (void)state;
    struct ori_vector_store *store = open_store();
    struct ori_cancel cancel;
    int64_t count = 0;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    for (int i = 0; i < 1100; i++) /* more than are moved between two looks at the token */
        put(store, 1, i);
    ori_vector_close(&store);
    const struct ori_vector_stage_options options = {
        .path = file, .model = "new/model", .dim = 2000, .cancel = &cancel};
    struct ori_vector_stage *stage = NULL;
    assert_int_equal(ori_vector_stage_open(&options, &stage, NULL), ORI_OK);
    struct ori_vector_stage_points points = points_of(stage, "v1");
    float *vectors = calloc(1100 * 2000, sizeof *vectors);
    assert_non_null(vectors);
    for (size_t i = 0; i < 1100; i++)
        vectors[i * 2000] = 1.0F;
    assert_int_equal(ori_vector_stage_put(stage, "p", "v1", "t", &points, vectors, NULL), ORI_OK);
    free(vectors);
    ori_vector_stage_points_deinit(&points);
    assert_int_equal(ori_vector_stage_begin_switch(stage, 200, NULL), ORI_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_vector_stage_commit(stage, &count, &count, NULL), ORI_CANCELLED);
    ori_vector_stage_close(&stage);
    ori_cancel_deinit(&cancel);
    store = open_store();
    assert_int_equal(count_of(store, NULL), 1100);
    ori_vector_close(&store);
}

/* Killed at any moment: the store is the old one whole or the new one whole. */
static void test_killed_at_any_moment(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    int switched = 0;
    for (int round = 0; round < 20; round++) {
        int how = 0;
        int ends[2];
        fill();
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct ori_vector_stage *stage = open_stage();
            put_all(stage);
            (void)!write(ends[1], "x", 1);
            _exit(do_switch(stage, NULL) == ORI_OK ? 0 : 1);
        }
        char byte = 0;
        assert_int_equal(read(ends[0], &byte, 1), 1);
        usleep((useconds_t)(next_random(&seed) % 8000)); /* the moment of death, no more */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &how, 0), child);
        close(ends[0]);
        close(ends[1]);
        struct ori_vector_stage *stage = open_stage();
        const bool is_done = facts_of(stage).is_switched;
        switched += is_done;
        if (!is_done) {
            assert_true(has(stage, "v2", "t"));
            assert_int_equal(do_switch(stage, NULL), ORI_OK);
        }
        assert_int_equal(ori_vector_stage_finish(&stage, NULL), ORI_OK);
        expect_new(all, VIDEOS);
        remove_folder(state);
        make_folder(state);
    }
    print_message("%d of 20 had switched\n", switched);
}

/* In a child with a mount namespace of its own: a tmpfs over the folder that fills up. */
static int switch_on_a_full_disk(void)
{
    struct ori_vector_stage *stage = NULL;
    struct ori_error err = {0};
    int done = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, "size=1m") != 0)
        return 77;
    new_dim = BIG_DIM; /* more than what closing the store's side files leaves free */
    fill();
    stage = open_stage();
    put_all(stage);
    char name[128];
    snprintf(name, sizeof name, "%s/ballast", folder);
    const int fd = open(name, O_CREAT | O_WRONLY, 0600);
    static char zeros[4096];
    while (fd >= 0 && write(fd, zeros, sizeof zeros) > 0)
        done++;
    close(fd);
    ori_status status = do_switch(stage, &err);
    if (done == 0 || status != ORI_DISK_FULL)
        return 1;
    ori_vector_stage_close(&stage);
    if (unlink(name) != 0)
        return 2;
    expect_old();
    stage = open_stage();
    if (!has(stage, "v0", "t") || do_switch(stage, NULL) != ORI_OK)
        return 3;
    ori_vector_stage_close(&stage);
    expect_new(all, VIDEOS);
    return 0;
}

static void test_a_full_disk(void **state)
{
    (void)state;
    int how = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(switch_on_a_full_disk());
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == 77) {
        print_message("skipped: may not mount a file system\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(how), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_switch),
        IN_FOLDER(test_videos_and_points_are_listed),
        IN_FOLDER(test_what_was_put_is_found_again),
        IN_FOLDER(test_another_model_begins_anew),
        IN_FOLDER(test_another_recipe_begins_anew),
        IN_FOLDER(test_what_has_no_vectors_goes),
        IN_FOLDER(test_points_that_went_meanwhile),
        IN_FOLDER(test_a_store_in_use_is_not_switched),
        IN_FOLDER(test_nobody_gets_in_during_a_switch),
        IN_FOLDER(test_two_at_work_on_one_store),
        IN_FOLDER(test_a_store_that_needs_nothing),
        IN_FOLDER(test_a_rest_is_seen),
        IN_FOLDER(test_bad_vectors_are_refused),
        IN_FOLDER(test_a_stage_that_is_not_ours),
        IN_FOLDER(test_limits),
        IN_FOLDER(test_a_set_token_stops_a_switch),
        IN_FOLDER(test_killed_at_any_moment),
        IN_FOLDER(test_a_full_disk),
    };
    return cmocka_run_group_tests_name("stores/vector stage", tests, NULL, NULL);
}
