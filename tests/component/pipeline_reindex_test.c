/* The stored frames of a small store embedded again: real stores, the real descriptor under other
 * names, and a child that does what its medium tells it (pipeline_actor.h): each still is a script. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/item.h"
#include "pipeline/reindex.h"
#include "pipeline_actor.h"
#include "util/fs.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NEW "new/model"
#define WEIGHTS "0123456789abcdef"

enum { VIDEOS = 4 };
static const char *const codes[VIDEOS] = {"a", "b", "c", "empty"};

struct world {
    char root[64];
    const struct ori_settings *settings;
    struct ori_engine engine; /* of the new model */
    struct ori_vector_store *old;
};
static struct world world;

static ori_status open_store(const char *model, struct ori_vector_store **ret_store,
                             struct ori_error *err)
{
    const struct ori_vector_options options = {.path = world.settings->vector_db,
                                               .model = model,
                                               .digest = strcmp(model, NEW) == 0 ? WEIGHTS : "",
                                               .dim = 512,
                                               .threads = 1};
    return ori_vector_open_embedded(&options, ret_store, err);
}

static void open_old(void)
{
    struct ori_error err = {0};
    if (open_store("old/model", &world.old, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

/* ---- the videos ---- */

static void write_text(const char *path, const char *text)
{
    struct ori_error err = {0};
    assert_int_equal(ori_fs_write_file(AT_FDCWD, path, text, strlen(text), &err), ORI_OK);
}

static void write_still(const char *code, const char *file, const char *script)
{
    char path[256];
    char padded[101]; /* as long as the manifest says that the still is */
    snprintf(path, sizeof path, "frames/local/%s/%s", code, file);
    memset(padded, '\n', sizeof padded - 1);
    padded[sizeof padded - 1] = '\0';
    memcpy(padded, script, strlen(script));
    write_text(path, script[0] ? padded : "");
}

static void run_video(const struct ori_model_info *model, struct ori_vector_store *store,
                      const char *code, const char *script, struct ori_item_result *result)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.mp4", world.root, code);
    write_text(path, script);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    const struct ori_item_environment environment = {.settings = world.settings,
                                                     .model = *model,
                                                     .batcher = world.engine.batcher,
                                                     .blobs = world.engine.blobs,
                                                     .vectors = store};
    const struct ori_item_request request = {.path = path, .platform = "local", .code = code};
    ori_item_result_init(result);
    (void)!ori_item_run(&environment, &request, NULL, result);
}

#define THREE "info\nframe 0 10\nframe 1234 20\nframe 5000 30\nscene 0 9000\ndone\n"
#define NONE "info\nscene 0 9000\ndone\n"

static const char *script_of(const char *code)
{
    return strcmp(code, "empty") == 0 ? NONE : THREE;
}

/* As `oriane run` with the old model would leave it, but that the stills are scripts. */
static void make_video(const char *code)
{
    struct ori_item_result result;
    struct ori_model_info model = world.engine.model_info;
    model.name = "old/model";
    model.digest = "";
    run_video(&model, world.old, code, script_of(code), &result);
    if (result.status != ORI_OK)
        fail_msg("%s", result.error.text);
    ori_item_result_deinit(&result);
    if (strcmp(code, "empty") == 0)
        return;
    write_still(code, "1_0.00.png", "picture 10\ndone\n");
    write_still(code, "2_1.23.png", "picture 20\ndone\n");
    write_still(code, "3_5.00.png", "picture 30\ndone\n");
}

/* Would `oriane run` with the new model have nothing to do? */
static bool is_done_for_new(const char *code)
{
    struct ori_vector_store *store = NULL;
    struct ori_item_result result;
    struct ori_error err = {0};
    if (open_store(NEW, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    run_video(&world.engine.model_info, store, code, script_of(code), &result);
    const bool is_skipped = result.status == ORI_OK && result.is_skipped;
    ori_item_result_deinit(&result);
    ori_vector_close(&store);
    return is_skipped;
}

static int make_world(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_MAX_PIXELS, "65536"},
                                       {ORI_SETTING_VP_OUTPUT_DIR, "."},
                                       {ORI_SETTING_VP_MAX_WORKERS, "2"},
                                       {ORI_SETTING_VP_BATCH_SIZE, "2"},
                                       {ORI_SETTING_CLIP_MODEL, "builtin/visual-512"}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = COUNT_OF(flags)};
    world = (struct world){0};
    snprintf(world.root, sizeof world.root, "/tmp/oriane-reindex-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    assert_int_equal(mkdir("frames", 0777), 0);
    assert_int_equal(ori_settings_load(&sources, &world.settings, &err), ORI_OK);
    if (ori_engine_open(world.settings, ORI_ENGINE_REINDEX, NULL, NULL, NULL, &world.engine,
                        &err) != ORI_OK)
        fail_msg("%s", err.text);
    world.engine.model_info.name = NEW;
    world.engine.model_info.digest = WEIGHTS;
    open_old();
    for (int i = 0; i < VIDEOS; i++)
        make_video(codes[i]);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int drop_world(void **state)
{
    (void)state;
    ori_vector_close(&world.old);
    ori_engine_close(&world.engine);
    ori_settings_destroy(&world.settings);
    return chdir("/") == 0 ? nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

/* ---- a reindex ---- */

struct call {
    struct ori_cancel *cancel;
    void (*on_progress)(void *self, const struct ori_reindex_progress *progress);
    ori_status status;
    struct ori_error err;
    struct ori_reindex_report report;
};

static void reindex(struct call *call)
{
    struct ori_cancel own;
    assert_int_equal(ori_cancel_init(&own, NULL, NULL), ORI_OK);
    const struct ori_reindex_options options = {.settings = world.settings,
                                                .engine = &world.engine,
                                                .cancel = call->cancel ? call->cancel : &own,
                                                .wait_ms = 100,
                                                .on_progress = call->on_progress,
                                                .on_progress_self = call};
    call->err = (struct ori_error){0};
    call->status = ori_reindex_run(&options, &call->report, &call->err);
    assert_int_equal(call->err.status, call->status);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
    ori_cancel_deinit(&own);
}

static void expect(struct call *call, ori_status status, size_t embedded, size_t resumed,
                   size_t failed)
{
    if (call->status != status)
        fail_msg("%s: %s", ori_status_code(call->status), call->err.text);
    assert_int_equal(ori_reindex_report_count(&call->report, ORI_REINDEX_EMBEDDED), embedded);
    assert_int_equal(ori_reindex_report_count(&call->report, ORI_REINDEX_RESUMED), resumed);
    assert_int_equal(ori_reindex_report_count(&call->report, ORI_REINDEX_FAILED), failed);
}

/* What a picture of one value gives. */
static void vector_of(int value, float *ret_vector)
{
    struct ori_model_scratch *scratch = NULL;
    const size_t side = (size_t)world.engine.model_info.side;
    uint8_t *picture = malloc(3 * side * side);
    assert_non_null(picture);
    memset(picture, value, 3 * side * side);
    assert_int_equal(ori_model_scratch_create(world.engine.model, &scratch, NULL), ORI_OK);
    assert_int_equal(ori_model_embed_pictures(scratch, (const uint8_t *const[]){picture}, 1, NULL,
                                              ret_vector, NULL),
                     ORI_OK);
    ori_model_scratch_destroy(&scratch);
    free(picture);
}

static void expect_vector(struct ori_vector_store *store, const char *key, int value)
{
    float wanted[512];
    float there[512];
    char id[ORI_UUID_TEXT_BYTES];
    struct ori_error err = {0};
    ori_uuid_of_key(key, id);
    if (ori_vector_get(store, id, there, &err) != ORI_OK)
        fail_msg("%s: %s", key, err.text);
    vector_of(value, wanted);
    assert_memory_equal(wanted, there, sizeof wanted);
}

static int64_t count_points(struct ori_vector_store *store)
{
    int64_t count = 0;
    assert_int_equal(ori_vector_count(store, NULL, &count, NULL), ORI_OK);
    return count;
}

/* The store of the new model: these videos with the vectors of their stills. */
static void expect_switched(const char *const *there, size_t count)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    if (open_store(NEW, &store, &err) != ORI_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        char key[64];
        snprintf(key, sizeof key, "local/%s/1_0.00.png", there[i]);
        expect_vector(store, key, 10);
        snprintf(key, sizeof key, "local/%s/2_1.23.png", there[i]);
        expect_vector(store, key, 20);
        snprintf(key, sizeof key, "local/%s/3_5.00.png", there[i]);
        expect_vector(store, key, 30);
    }
    assert_int_equal(count_points(store), 3 * count);
    ori_vector_close(&store);
    assert_int_equal(access("vectors.db.reindex", F_OK), -1);
}

static void expect_unswitched(void)
{
    open_old();
    assert_int_equal(count_points(world.old), 9);
    ori_vector_close(&world.old);
}

/* ---- the tests ---- */

static void all_is_embedded_again(void **state)
{
    (void)state;
    struct call call = {0};
    ori_vector_close(&world.old);
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    assert_true(call.report.had_work);
    assert_true(call.report.is_switched);
    assert_string_equal(call.report.model_before, "old/model");
    assert_int_equal(call.report.dim_before, 512);
    assert_int_equal(call.report.frames, 9);
    assert_int_equal(call.report.points, 9);
    assert_int_equal(call.report.manifests, 4);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(call.report.videos[i].platform, "local");
        assert_string_equal(call.report.videos[i].code, codes[i]);
        assert_int_equal(call.report.videos[i].frames, 3);
    }
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
    for (int i = 0; i < VIDEOS; i++)
        assert_true(is_done_for_new(codes[i]));

    reindex(&call); /* nothing is left to do */
    expect(&call, ORI_OK, 0, 0, 0);
    assert_false(call.report.had_work);
    assert_false(call.report.is_switched);
    assert_int_equal(call.report.manifests, 0);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
}

static void there_and_back(void **state)
{
    (void)state;
    struct call call = {0};
    char *before = NULL;
    char *after = NULL;
    size_t bytes = 0;
    assert_int_equal(
        ori_fs_read_file(AT_FDCWD, "frames/local/a/manifest.json", 1 << 20, &before, &bytes, NULL),
        ORI_OK);
    ori_vector_close(&world.old);
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    ori_reindex_report_deinit(&call.report);
    world.engine.model_info.name = "old/model";
    world.engine.model_info.digest = "";
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    ori_reindex_report_deinit(&call.report);
    assert_int_equal(
        ori_fs_read_file(AT_FDCWD, "frames/local/a/manifest.json", 1 << 20, &after, &bytes, NULL),
        ORI_OK);
    assert_string_equal(before, after); /* its time too */
    free(before);
    free(after);
    expect_unswitched();
}

static void broken_stills_leave_a_video_out(void **state)
{
    (void)state;
    static const struct {
        const char *script; /* NULL: the still is gone */
        ori_status status;
    } rows[] = {
        {NULL, ORI_NOT_FOUND},          {"", ORI_EMPTY_FILE},
        {"fail\n", ORI_DECODE},         {"nonsense\n", ORI_CHILD_PROTOCOL},
        {"crash\n", ORI_CHILD_CRASHED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct call call = {0};
        print_message("%s\n", ori_status_code(rows[i].status));
        if (rows[i].script)
            write_still("b", "2_1.23.png", rows[i].script);
        else
            assert_int_equal(unlink("frames/local/b/2_1.23.png"), 0);
        ori_vector_close(&world.old);
        reindex(&call);
        expect(&call, ORI_OK, 2, 0, 1);
        assert_true(call.report.is_switched);
        assert_int_equal(call.report.points, 6);
        const struct ori_reindex_video *video = &call.report.videos[1];
        assert_string_equal(video->code, "b");
        assert_int_equal(video->end, ORI_REINDEX_FAILED);
        assert_int_equal(video->status, rows[i].status);
        assert_non_null(strstr(video->reason, "local/b/2_1.23.png"));
        ori_reindex_report_deinit(&call.report);
        expect_switched((const char *const[]){"a", "c"}, 2);
        assert_true(is_done_for_new("a"));
        assert_false(is_done_for_new("b")); /* and that made it whole again */
        drop_world(state);
        make_world(state);
    }
}

static void when_all_is_broken_nothing_is_switched(void **state)
{
    (void)state;
    struct call call = {0};
    for (int i = 0; i < 3; i++)
        write_still(codes[i], "2_1.23.png", "fail\n");
    ori_vector_close(&world.old);
    reindex(&call);
    expect(&call, ORI_DECODE, 0, 0, 3);
    assert_false(call.report.is_switched);
    assert_non_null(strstr(call.err.text, "VP_FRAMES_DIR"));
    ori_reindex_report_deinit(&call.report);
    expect_unswitched();
    for (int i = 0; i < 3; i++)
        write_still(codes[i], "2_1.23.png", "picture 20\ndone\n");
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
}

static void somebody_else_has_the_store(void **state)
{
    (void)state;
    struct call call = {0};
    reindex(&call);
    expect(&call, ORI_STORE_IN_USE, 3, 0, 0);
    assert_false(call.report.is_switched);
    assert_non_null(strstr(call.err.text, "run `oriane reindex` again"));
    ori_reindex_report_deinit(&call.report);
    assert_int_equal(count_points(world.old), 9);

    /* It goes on working: one video of before, and one more. */
    struct ori_item_result result;
    struct ori_model_info model = world.engine.model_info;
    model.name = "old/model";
    model.digest = "";
    run_video(&model, world.old, "a", "info\nframe 0 40\nscene 0 9000\ndone\n", &result);
    assert_int_equal(result.status, ORI_OK);
    assert_false(result.is_skipped);
    ori_item_result_deinit(&result);
    write_still("a", "1_0.00.png", "picture 40\ndone\n");
    make_video("d");
    ori_vector_close(&world.old);

    reindex(&call);
    expect(&call, ORI_OK, 2, 2, 0);
    assert_int_equal(call.report.frames, 4);
    assert_int_equal(call.report.points, 10);
    ori_reindex_report_deinit(&call.report);
    struct ori_vector_store *store = NULL;
    assert_int_equal(open_store(NEW, &store, NULL), ORI_OK);
    expect_vector(store, "local/a/1_0.00.png", 40);
    expect_vector(store, "local/d/2_1.23.png", 20);
    ori_vector_close(&store);
}

/* A run that was killed has left a manifest that is not complete: its points are embedded as they
 * are, and the next run does it again. */
static void a_manifest_that_is_not_complete(void **state)
{
    (void)state;
    struct call call = {0};
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(
        ori_fs_read_file(AT_FDCWD, "frames/local/b/manifest.json", 1 << 20, &text, &bytes, NULL),
        ORI_OK);
    char *word = strstr(text, "\"complete\": true");
    assert_non_null(word);
    memcpy(word, "\"complete\":false", strlen("\"complete\":false"));
    write_text("frames/local/b/manifest.json", text);
    free(text);
    assert_int_equal(unlink("frames/local/c/manifest.json"), 0);
    ori_vector_close(&world.old);
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    assert_int_equal(call.report.manifests, 2);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
    assert_true(is_done_for_new("a"));
    assert_false(is_done_for_new("b"));
    assert_false(is_done_for_new("c"));
}

/* A manifest that speaks of other frames than the store: it stays, and its video is run again. */
static void a_manifest_of_other_frames(void **state)
{
    (void)state;
    struct call call = {0};
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(
        ori_fs_read_file(AT_FDCWD, "frames/local/b/manifest.json", 1 << 20, &text, &bytes, NULL),
        ORI_OK);
    char *word = strstr(text, "\"dhash\": \"0000000000000014\"");
    assert_non_null(word);
    word[strlen("\"dhash\": \"")] = 'f';
    write_text("frames/local/b/manifest.json", text);
    free(text);
    ori_vector_close(&world.old);
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    assert_int_equal(call.report.manifests, 3);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
    assert_false(is_done_for_new("b"));
}

/* Videos that were made with other settings than those of now are not taken for such of now. */
static void settings_of_before_are_not_those_of_now(void **state)
{
    (void)state;
    struct call call = {0};
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_MAX_PIXELS, "65536"},
                                       {ORI_SETTING_VP_OUTPUT_DIR, "."},
                                       {ORI_SETTING_VP_SCENE_THRESH, "0.5"}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = COUNT_OF(flags)};
    const struct ori_settings *before = world.settings;
    ori_vector_close(&world.old);
    assert_int_equal(ori_settings_load(&sources, &world.settings, &err), ORI_OK);
    reindex(&call);
    expect(&call, ORI_OK, 3, 0, 0);
    ori_reindex_report_deinit(&call.report);
    assert_false(is_done_for_new("a"));
    ori_settings_destroy(&world.settings);
    world.settings = before;
    assert_true(is_done_for_new("b"));
}

static void stop_at_once(void *self, const struct ori_reindex_progress *progress)
{
    struct call *call = self;
    if (progress->stage == ORI_REINDEX_EMBED)
        ori_cancel_set(call->cancel);
}

static void stop_at_the_manifests(void *self, const struct ori_reindex_progress *progress)
{
    struct call *call = self;
    if (progress->stage == ORI_REINDEX_SWITCH)
        ori_cancel_set(call->cancel);
}

static void a_stop_is_gone_on_from(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct call call = {.cancel = &cancel, .on_progress = stop_at_once};
    write_still("c", "3_5.00.png", "hang\n");
    ori_vector_close(&world.old);
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    reindex(&call);
    assert_int_equal(call.status, ORI_CANCELLED);
    assert_false(call.report.is_switched);
    const size_t done = ori_reindex_report_count(&call.report, ORI_REINDEX_EMBEDDED);
    ori_reindex_report_deinit(&call.report);
    ori_cancel_deinit(&cancel);
    expect_unswitched();

    write_still("c", "3_5.00.png", "picture 30\ndone\n");
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    call.on_progress = stop_at_the_manifests;
    reindex(&call);
    expect(&call, ORI_CANCELLED, 3 - done, done, 0);
    assert_false(call.report.is_switched);
    ori_reindex_report_deinit(&call.report);
    ori_cancel_deinit(&cancel);
    expect_unswitched();

    call = (struct call){0};
    reindex(&call);
    expect(&call, ORI_OK, 0, 3, 0);
    assert_int_equal(call.report.frames, 0);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
}

static void stop_after_the_switch(void *self, const struct ori_reindex_progress *progress)
{
    struct call *call = self;
    if (progress->stage == ORI_REINDEX_MANIFESTS)
        ori_cancel_set(call->cancel);
}

/* Switched, then stopped: only manifests are left to do. */
static void the_rest_after_a_switch(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct call call = {.cancel = &cancel, .on_progress = stop_after_the_switch};
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(
        ori_fs_read_file(AT_FDCWD, "frames/local/b/manifest.json", 1 << 20, &text, &bytes, NULL),
        ORI_OK);
    ori_vector_close(&world.old);
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    reindex(&call);
    expect(&call, ORI_CANCELLED, 3, 0, 0);
    assert_true(call.report.is_switched);
    ori_reindex_report_deinit(&call.report);
    ori_cancel_deinit(&cancel);
    assert_int_equal(access("vectors.db.reindex", F_OK), 0);
    write_text("frames/local/b/manifest.json", text); /* as if it had not been its turn yet */
    free(text);

    call = (struct call){0};
    reindex(&call);
    expect(&call, ORI_OK, 0, 0, 0);
    assert_true(call.report.had_work);
    assert_false(call.report.is_switched);
    assert_true(call.report.manifests >= 1);
    ori_reindex_report_deinit(&call.report);
    expect_switched(codes, 3);
    for (int i = 0; i < VIDEOS; i++)
        assert_true(is_done_for_new(codes[i]));
}

static void nothing_is_stored(void **state)
{
    (void)state;
    struct call call = {0};
    ori_vector_close(&world.old);
    assert_int_equal(unlink("vectors.db"), 0);
    reindex(&call);
    expect(&call, ORI_NOT_FOUND, 0, 0, 0);
    ori_reindex_report_deinit(&call.report);
    assert_int_equal(access("vectors.db", F_OK), -1);
    assert_int_equal(access("vectors.db.reindex", F_OK), -1);
    open_old();
    ori_vector_close(&world.old);
    reindex(&call); /* a store without points */
    expect(&call, ORI_OK, 0, 0, 0);
    assert_false(call.report.had_work);
    ori_reindex_report_deinit(&call.report);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)

int main(int argc, char **argv)
{
    if (actor_is_called(argc, argv))
        return actor_play();
    const struct CMUnitTest tests[] = {
        IN_WORLD(all_is_embedded_again),
        IN_WORLD(there_and_back),
        IN_WORLD(broken_stills_leave_a_video_out),
        IN_WORLD(when_all_is_broken_nothing_is_switched),
        IN_WORLD(somebody_else_has_the_store),
        IN_WORLD(a_manifest_that_is_not_complete),
        IN_WORLD(a_manifest_of_other_frames),
        IN_WORLD(settings_of_before_are_not_those_of_now),
        IN_WORLD(a_stop_is_gone_on_from),
        IN_WORLD(the_rest_after_a_switch),
        IN_WORLD(nothing_is_stored),
    };
    return cmocka_run_group_tests_name("pipeline/reindex", tests, NULL, NULL);
}
