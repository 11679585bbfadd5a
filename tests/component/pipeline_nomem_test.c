/* The n-th allocation of the calling thread fails, and all later ones (is_once: it alone), for
 * every n: each call comes back as ORI_NOMEM with nothing leaked, and what it was about to store is
 * not half there. By nomem.h. jansson's allocations are counted but never fail: its parser
 * (2.14, lex_unget_unsave) asserts that a buffer has grown. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

#include <jansson.h>

#include <cmocka.h>

#include "cli/inputs.h"
#include "cli/run_report.h"
#include "net/client.h"
#include "net/s3.h"
#include "pipeline/item.h"
#include "pipeline/picture.h"
#include "pipeline/reindex.h"
#include "pipeline/verify.h"
#include "pipeline_actor.h"
#include "scripted_server.h"
#include "util/fs.h"
#include "nomem.h"

static void *json_malloc(size_t bytes)
{
    return counted(__real_malloc(bytes));
}

static struct {
    char root[64];
    const struct ori_settings *settings;
    struct ori_model *model;
    struct ori_model_info info;
    struct ori_batcher *batcher;
    struct ori_blob_store *blobs; /* where items go: a folder, or bucket for one of the tests */
    struct ori_s3 *s3;
    struct ori_vector_store *vectors;
    bool is_forced;
} world;

static const char video_path[] = "video.mp4";

static void write_video(const char *path, const char *script)
{
    struct ori_error err = {0};
    assert_int_equal(ori_fs_write_file(AT_FDCWD, path, script, strlen(script), &err), ORI_OK);
}

static int make_world(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_MAX_PIXELS, "65536"},
                                       {ORI_SETTING_VP_FRAMES_DIR, "frames"},
                                       {ORI_SETTING_VECTOR_DB, "reindex.db"},
                                       {ORI_SETTING_VP_MAX_WORKERS, "1"}};
    struct ori_settings_sources sources = {.flags = flags,
                                           .flags_count = sizeof flags / sizeof flags[0]};
    json_set_alloc_funcs(json_malloc, __wrap_free);
    snprintf(world.root, sizeof world.root, "/tmp/oriane-nomem-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    assert_int_equal(ori_settings_load(&sources, &world.settings, &err), ORI_OK);
    assert_int_equal(
        ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = 512},
                       &world.model, &err),
        ORI_OK);
    world.info = ori_model_info(world.model);
    struct ori_batcher_options batching = {.model = world.model, .batch_size = 8, .threads = 1};
    assert_int_equal(ori_batcher_create(&batching, &world.batcher, &err), ORI_OK);
    assert_int_equal(ori_blob_open_fs("frames", false, &world.blobs, &err), ORI_OK);
    struct ori_vector_options storing = {
        .path = "vectors.db", .model = "builtin/visual-512", .dim = 512, .threads = 1};
    assert_int_equal(ori_vector_open_embedded(&storing, &world.vectors, &err), ORI_OK);
    write_video(video_path, "info\nwarning\nframe 0 10\nframe 1000 20\nscene 0 9000\ndone\n");
    write_video("picture.png", "picture 7\ndone\n");
    assert_int_equal(ori_fs_make_folders("tree/a/b", &err), ORI_OK);
    write_video("tree/a/b/x.mp4", "x");
    write_video("tree/y.mp4", "y");
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
    ori_vector_close(&world.vectors);
    ori_blob_close(&world.blobs);
    ori_batcher_destroy(&world.batcher);
    ori_model_close(&world.model);
    ori_settings_destroy(&world.settings);
    return chdir("/") == 0 ? nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static int64_t points(void)
{
    int64_t count = 0;
    struct ori_error err = {0};
    struct ori_vector_filter filter = {
        .platform = "local", .video_code = "v-1", .second_min = -1, .second_max = -1};
    assert_int_equal(ori_vector_count(world.vectors, &filter, &count, &err), ORI_OK);
    return count;
}

static ori_status run_item(struct ori_error *err)
{
    char path[128];
    struct ori_item_result result;
    snprintf(path, sizeof path, "%s/%s", world.root, video_path);
    struct ori_item_environment environment = {.settings = world.settings,
                                               .model = world.info,
                                               .batcher = world.batcher,
                                               .blobs = world.blobs,
                                               .vectors = world.vectors};
    struct ori_item_request request = {
        .path = path, .platform = "local", .code = "v-1", .is_forced = world.is_forced};
    ori_item_result_init(&result);
    ori_status status = ori_item_run(&environment, &request, NULL, &result);
    *err = result.error;
    if (status == ORI_OK) {
        size_t bytes = 0;
        char *line = ori_run_report_json(&result, "video.mp4", &bytes);
        status = line ? ORI_OK : ori_error_set(err, ORI_NOMEM, "line");
        free(line);
    }
    ori_item_result_deinit(&result);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return status;
}

static ori_status load_picture(struct ori_error *err)
{
    uint8_t *input = NULL;
    struct ori_picture_request request = {
        .path = "picture.png", .settings = world.settings, .model = &world.info};
    ori_status status = ori_picture_load(&request, NULL, &input, err);
    assert_int_equal(status == ORI_OK, input != NULL);
    if (input)
        assert_int_equal(input[0], 7);
    free(input);
    return status;
}

static ori_status collect_inputs(struct ori_error *err)
{
    static const char *const operands[] = {"tree", "video.mp4", "missing.mp4"};
    struct ori_inputs inputs;
    struct ori_inputs_options options = {.operands = operands, .operands_count = 3};
    ori_status status = ori_inputs_collect(&options, &inputs, err);
    if (status == ORI_OK && !has_failed)
        assert_int_equal(inputs.count, 4);
    ori_inputs_deinit(&inputs);
    return status;
}

static ori_status make_batcher(struct ori_error *err)
{
    struct ori_batcher *batcher = NULL;
    struct ori_batcher_options options = {.model = world.model, .batch_size = 8, .threads = 1};
    ori_status status = ori_batcher_create(&options, &batcher, err);
    ori_batcher_destroy(&batcher);
    return status;
}

/* How many allocations the call makes; each of them has failed once. */
static long fail_each(ori_status (*call)(struct ori_error *err))
{
    for (long n = 0;; n++) {
        struct ori_error err = {0};
        assert_true(n < 20000);
        live = 0;
        nomem_begin(n, is_once);
        ori_status status = call(&err);
        nomem_end();
        if (!has_failed) {
            assert_int_equal(status, ORI_OK);
            return n;
        }
        if (status != ORI_NOMEM)
            fail_msg("allocation %ld: %s: %s", n, ori_status_code(status), err.text);
        assert_int_equal(err.status, ORI_NOMEM);
        assert_int_equal(live, 0);
    }
}

static void a_first_run(void **state)
{
    (void)state;
    struct ori_error err = {0};
    world.is_forced = true;
    assert_int_equal(run_item(&err), ORI_OK);
    long count = fail_each(run_item);
    print_message("%ld allocations\n", count);
    assert_true(count > 15);
    assert_int_equal(points(), 2);
}

/* What was done before is there whatever happens to the run that would have looked at it. */
static ori_status run_done_item(struct ori_error *err)
{
    ori_status status = run_item(err);
    assert_int_equal(access("frames/local/v-1/1_0.00.png", F_OK), 0);
    assert_int_equal(access("frames/local/v-1/2_1.00.png", F_OK), 0);
    assert_int_equal(access("frames/local/v-1/manifest.json", F_OK), 0);
    return status;
}

static void a_run_with_nothing_to_do(void **state)
{
    (void)state;
    world.is_forced = false;
    is_once = true;
    assert_true(fail_each(run_done_item) > 3);
    is_once = false;
    assert_true(fail_each(run_done_item) > 3);
    assert_int_equal(points(), 2);
}

/* A bucket that is empty and takes what it is given. */
static bool play_bucket(int number, const char *head, FILE *out)
{
    (void)number;
    if (strncmp(head, "GET /b?", 7) == 0)
        return scripted_say(out, 200, "", "<ListBucketResult></ListBucketResult>");
    if (strncmp(head, "GET ", 4) == 0)
        return scripted_say(out, 404, "", "<Error><Code>NoSuchKey</Code></Error>");
    return scripted_say(out, strncmp(head, "PUT ", 4) == 0 ? 200 : 204, "", "");
}

/* Its frames go up by threads, from more slots than a folder's need. */
static void a_run_into_a_bucket(void **state)
{
    char endpoint[64];
    struct ori_error err = {0};
    struct ori_blob_store *folder = world.blobs;
    struct ori_credentials *credentials = NULL;
    const struct ori_credentials_options keys = {.access_key_id = "id",
                                                 .secret_access_key = "secret",
                                                 .session_token = "token",
                                                 .profile = "default",
                                                 .credentials_file = "",
                                                 .config_file = "",
                                                 .container_path = "",
                                                 .container_url = "",
                                                 .container_token = "",
                                                 .container_token_file = ""};
    scripted.play = play_bucket;
    assert_int_equal(scripted_start(state), 0);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", scripted.port);
    assert_int_equal(ori_credentials_create(&keys, NULL, &credentials, &err), ORI_OK);
    const struct ori_s3_options options = {.endpoint = endpoint,
                                           .credentials = credentials,
                                           .region = "us-east-1",
                                           .connections_max = 4,
                                           .multipart_threshold = 8 << 20};
    assert_int_equal(ori_s3_create(&options, &world.s3, &err), ORI_OK);
    const struct ori_blob_s3_options store = {
        .s3 = world.s3, .bucket = "b", .lock_folder = "locks"};
    assert_int_equal(ori_blob_open_s3(&store, &world.blobs, &err), ORI_OK);
    world.is_forced = true;
    assert_int_equal(run_item(&err), ORI_OK);
    const long count = fail_each(run_item);
    print_message("%ld allocations\n", count);
    assert_true(count > 30);
    assert_int_equal(points(), 2);
    ori_blob_close(&world.blobs);
    ori_s3_destroy(&world.s3);
    ori_credentials_destroy(&credentials);
    world.blobs = folder;
    assert_int_equal(scripted_end(state), 0);
}

static void a_picture(void **state)
{
    (void)state;
    assert_true(fail_each(load_picture) >= 2);
}

static void inputs(void **state)
{
    (void)state;
    assert_true(fail_each(collect_inputs) > 10);
}

static void a_batcher(void **state)
{
    (void)state;
    assert_true(fail_each(make_batcher) > 3);
}

/* A store by "old/model" of one point, whose still is a script; no manifest. */
static void make_old_store(void)
{
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    float vector[512] = {1.0F};
    const struct ori_vector_options options = {
        .path = "reindex.db", .model = "old/model", .dim = 512, .threads = 1};
    struct ori_point point = {.vector = vector,
                              .payload = {.platform = "local",
                                          .video_code = "r-1",
                                          .frame_number = 1,
                                          .path = "local/r-1/1_0.00.png",
                                          .scene = 1,
                                          .model = "old/model"}};
    (void)unlink("reindex.db");
    (void)unlink("reindex.db-wal"); /* of one that was cut short: it would be played into the new */
    (void)unlink("reindex.db.reindex");
    (void)unlink("reindex.db.reindex-wal");
    ori_uuid_of_key(point.payload.path, point.payload.uuid);
    assert_int_equal(ori_fs_make_folders("frames/local/r-1", &err), ORI_OK);
    write_video("frames/local/r-1/1_0.00.png", "picture 7\ndone\n");
    assert_int_equal(ori_vector_open_embedded(&options, &store, &err), ORI_OK);
    assert_int_equal(ori_vector_upsert(store, &point, 1, &err), ORI_OK);
    ori_vector_close(&store);
}

/* The thread that drives it: the workers have memory. */
static ori_status reindex(struct ori_error *err)
{
    struct ori_reindex_report report;
    struct ori_cancel cancel;
    struct ori_engine engine = {.model = world.model,
                                .model_info = world.info,
                                .batcher = world.batcher,
                                .blobs = world.blobs};
    const struct ori_reindex_options options = {
        .settings = world.settings, .engine = &engine, .cancel = &cancel, .wait_ms = 100};
    is_watched = false;
    make_old_store();
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    live = 0;
    is_watched = true;
    const ori_status status = ori_reindex_run(&options, &report, err);
    if (status == ORI_OK && !has_failed)
        assert_int_equal(report.points, 1);
    ori_reindex_report_deinit(&report);
    ori_cancel_deinit(&cancel);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return status;
}

static void a_reindex(void **state)
{
    (void)state;
    is_once = true;
    assert_true(fail_each(reindex) > 30);
    is_once = false;
    long count = fail_each(reindex);
    print_message("%ld allocations\n", count);
    assert_true(count > 30);
}

static ori_status take(void *self, const struct ori_verify_result *result, struct ori_error *err)
{
    size_t *ok = self;
    (void)err;
    *ok += result->end == ORI_VERIFY_OK;
    return ORI_OK;
}

/* Likewise: those that list and look have memory. */
static ori_status verify(struct ori_error *err)
{
    struct ori_cancel cancel;
    struct ori_engine engine = {.model = world.model,
                                .model_info = world.info,
                                .batcher = world.batcher,
                                .blobs = world.blobs,
                                .objects = {.local = world.blobs},
                                .vectors = world.vectors};
    size_t ok = 0;
    const struct ori_verify_name name = {.platform = "local", .code = "v-1"};
    const struct ori_verify_options options = {.settings = world.settings,
                                               .engine = &engine,
                                               .cancel = &cancel,
                                               .names = &name,
                                               .names_count = 1,
                                               .on_result = take,
                                               .self = &ok};
    is_watched = false;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    live = 0;
    is_watched = true;
    const ori_status status = ori_verify_run(&options, err);
    live = 0; /* results are made by workers and freed here */
    if (status == ORI_OK)
        assert_int_equal(ok, 1);
    ori_cancel_deinit(&cancel);
    return status;
}

static void a_verify(void **state)
{
    (void)state;
    world.is_forced = true;
    struct ori_error err = {0};
    assert_int_equal(run_item(&err), ORI_OK);
    assert_true(fail_each(verify) >= 2);
}

int main(int argc, char **argv)
{
    if (actor_is_called(argc, argv))
        return actor_play();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_run),
        cmocka_unit_test(a_run_with_nothing_to_do),
        cmocka_unit_test(a_run_into_a_bucket),
        cmocka_unit_test(a_picture),
        cmocka_unit_test(inputs),
        cmocka_unit_test(a_batcher),
        cmocka_unit_test(a_reindex),
        cmocka_unit_test(a_verify),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, make_world, drop_world);
    ori_net_global_deinit();
    return failed;
}
