/* Many videos over a few threads, with a child that plays scripts. */
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
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

#include "pipeline/runner.h"
#include "pipeline_actor.h"
#include "util/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
enum { WORKS_MAX = 64, PATIENCE_MS = 30000 };

static struct {
    char root[64];
    const struct ori_settings *settings;
    struct ori_model *model;
    struct ori_batcher *batcher;
    struct ori_item_environment environment;
    struct ori_cancel cancel;
} world;
static struct ori_runner_work works[WORKS_MAX];
static char paths[WORKS_MAX][128];

static int make_world(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {{ORI_SETTING_VP_MAX_PIXELS, "65536"}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = COUNT_OF(flags)};
    snprintf(world.root, sizeof world.root, "/tmp/oriane-runner-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    assert_int_equal(ori_settings_load(&sources, &world.settings, &err), ORI_OK);
    assert_int_equal(
        ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = 512},
                       &world.model, &err),
        ORI_OK);
    assert_int_equal(ori_cancel_init(&world.cancel, NULL, &err), ORI_OK);
    struct ori_batcher_options batching = {.model = world.model, .batch_size = 8, .threads = 1};
    assert_int_equal(ori_batcher_create(&batching, &world.batcher, &err), ORI_OK);
    world.environment = (struct ori_item_environment){
        .settings = world.settings, .model = ori_model_info(world.model), .batcher = world.batcher};
    assert_int_equal(ori_blob_open_fs("frames", false, &world.environment.blobs, &err), ORI_OK);
    struct ori_vector_options storing = {
        .path = "vectors.db", .model = "builtin/visual-512", .dim = 512, .threads = 1};
    assert_int_equal(ori_vector_open_embedded(&storing, &world.environment.vectors, &err), ORI_OK);
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
    ori_vector_close(&world.environment.vectors);
    ori_blob_close(&world.environment.blobs);
    ori_batcher_destroy(&world.batcher);
    ori_cancel_deinit(&world.cancel);
    ori_model_close(&world.model);
    ori_settings_destroy(&world.settings);
    return chdir("/") == 0 ? nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static void write_video(size_t i, const char *script)
{
    snprintf(paths[i], sizeof paths[i], "%s/%zu.mp4", world.root, i);
    FILE *file = fopen(paths[i], "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    works[i] = (struct ori_runner_work){.path = paths[i], .platform = "local"};
}

static struct ori_runner *start(size_t count, int workers, bool is_forced)
{
    struct ori_error err = {0};
    struct ori_runner *runner = NULL;
    struct ori_runner_options options = {.environment = &world.environment,
                                         .cancel = &world.cancel,
                                         .works = works,
                                         .works_count = count,
                                         .workers = workers,
                                         .is_forced = is_forced};
    assert_int_equal(ori_runner_start(&options, &runner, &err), ORI_OK);
    return runner;
}

/* Takes results until all is done; how many ended in which way, by work. */
static size_t take_all(struct ori_runner *runner, ori_status *statuses, bool *skipped)
{
    size_t taken = 0;
    while (!ori_runner_is_done(runner)) {
        struct ori_runner_result *result = ori_runner_take(runner);
        if (!result) {
            struct pollfd ready = {.fd = ori_runner_fd(runner), .events = POLLIN};
            assert_true(poll(&ready, 1, PATIENCE_MS) > 0 || ori_runner_is_done(runner));
            continue;
        }
        statuses[result->work] = result->item.status;
        skipped[result->work] = result->item.is_skipped;
        assert_string_equal(result->item.manifest.platform, "local");
        taken++;
        ori_runner_result_destroy(&result);
        assert_null(result);
    }
    return taken;
}

#define WELL "info\nframe 0 10\nframe 2000 20\nscene 0 9000\ndone\n"

static void every_video_once(void **state)
{
    (void)state;
    static const int workers[] = {1, 2, 7, 256};
    enum { COUNT = 40 };
    for (size_t i = 0; i < COUNT; i++)
        write_video(i, i % 5 == 3 ? "info\ncrash\n" : WELL);
    works[7].status = ORI_DIRECTORY_LOOP;
    works[7].message = "it leads back";
    for (size_t w = 0; w < COUNT_OF(workers); w++) {
        ori_status statuses[COUNT];
        bool skipped[COUNT];
        struct ori_runner_progress progress;
        for (size_t i = 0; i < COUNT; i++)
            statuses[i] = ORI_STATUS_COUNT;
        struct ori_runner *runner = start(COUNT, workers[w], w % 2 == 0);
        assert_int_equal(take_all(runner, statuses, skipped), COUNT);
        ori_runner_progress(runner, &progress);
        ori_runner_stop(&runner);
        ori_runner_stop(&runner);
        for (size_t i = 0; i < COUNT; i++) {
            ori_status wanted = i == 7       ? ORI_DIRECTORY_LOOP
                                : i % 5 == 3 ? ORI_CHILD_CRASHED
                                             : ORI_OK;
            assert_int_equal(statuses[i], wanted);
            assert_int_equal(skipped[i], wanted == ORI_OK && w % 2 == 1);
        }
        assert_int_equal(progress.ended, COUNT);
        assert_int_equal(progress.failed, 9);
        assert_int_equal(progress.skipped, w % 2 == 1 ? 31 : 0);
        assert_int_equal(progress.frames, w % 2 == 1 ? 0 : 62);
        assert_int_equal(progress.running, 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
}

static void nothing_to_do(void **state)
{
    (void)state;
    struct ori_runner *runner = start(0, 4, false);
    assert_true(ori_runner_is_done(runner));
    assert_null(ori_runner_take(runner));
    ori_runner_stop(&runner);
}

/* Nobody takes results: the workers wait, and stop does not. */
static void results_do_not_pile_up(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct ori_runner_progress progress = {0};
    for (size_t i = 0; i < COUNT; i++) {
        write_video(i, WELL);
        works[i].status = ORI_NOT_FOUND; /* ends at once */
    }
    struct ori_runner *runner = start(COUNT, 1, false);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (progress.ended < 4 && ori_clock_us() < deadline_us)
        ori_runner_progress(runner, &progress);
    (void)!ori_cancel_wait(NULL, 50); /* time to do wrong, if it would */
    ori_runner_progress(runner, &progress);
    assert_int_equal(progress.ended, 4); /* as many as may wait for one worker */
    struct ori_runner_result *result = ori_runner_take(runner);
    assert_non_null(result);
    ori_runner_result_destroy(&result);
    while (progress.ended < 5 && ori_clock_us() < deadline_us)
        ori_runner_progress(runner, &progress);
    assert_int_equal(progress.ended, 5);
    ori_runner_stop(&runner);
}

/* Last: the token stays set. */
static void cancelled(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    ori_status statuses[COUNT];
    bool skipped[COUNT];
    struct ori_runner_progress progress = {0};
    for (size_t i = 0; i < COUNT; i++) {
        statuses[i] = ORI_STATUS_COUNT;
        write_video(i, "info\nhang\n");
    }
    struct ori_runner *runner = start(COUNT, 3, true);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (progress.running < 3 && ori_clock_us() < deadline_us)
        ori_runner_progress(runner, &progress);
    ori_cancel_set(&world.cancel);
    assert_int_equal(take_all(runner, statuses, skipped), 3);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(statuses[i], i < 3 ? ORI_CANCELLED : ORI_STATUS_COUNT);
    ori_runner_stop(&runner);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(int argc, char **argv)
{
    if (actor_is_called(argc, argv))
        return actor_play();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_video_once),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(results_do_not_pile_up),
        cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
