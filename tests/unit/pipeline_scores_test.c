/* A file of scores is whole or not there: written, given up, and on a disk that is full. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/scores.h"

#define FOLDER "/tmp/oriane-scores-XXXXXX"

static char folder[] = FOLDER;
static char path[64];
static const struct ori_settings settings = {.vp_scene_detector = "auto",
                                             .vp_scene_thresh = 0.22,
                                             .vp_solid_std = 5,
                                             .vp_downscale = 0.5,
                                             .vp_speed = "exact"};
static struct ori_msg_look look = {
    .type = ORI_MSG_LOOK, .width = 128, .height = 128, .chroma_width = 64, .chroma_height = 64};

static void write_frames(struct ori_scores_writer *writer, int count)
{
    uint32_t noise = 1;
    for (int i = 0; i < count; i++) {
        const struct ori_msg_score score = {
            .type = ORI_MSG_SCORE, .has_score = 1, .pts_us = 40000 * (int64_t)i, .score = 0.1};
        for (size_t k = 0; k < sizeof look.samples; k++)
            look.samples[k] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
        ori_scores_add(writer, &score);
        ori_scores_add_look(writer, &look);
    }
}

static struct ori_scores_writer *begin(void)
{
    struct ori_scores_writer *writer = NULL;
    struct ori_error err = {0};
    struct ori_manifest manifest;
    ori_manifest_init(&manifest);
    snprintf(manifest.source_name, sizeof manifest.source_name, "a \"b\".mp4");
    assert_int_equal(ori_scores_create(path, &settings, &manifest, &writer, &err), ORI_OK);
    return writer;
}

static void assert_is_empty(void)
{
    assert_int_equal(rmdir(folder), 0);
    memcpy(folder, FOLDER, sizeof FOLDER);
    assert_non_null(mkdtemp(folder));
}

static void whole_noise_comes_back(void **state)
{
    (void)state;
    struct ori_scores_found found;
    struct ori_error err = {0};
    struct ori_scores_writer *writer = begin();
    assert_int_equal(access(path, F_OK), -1); /* not before it is whole */
    write_frames(writer, 50);
    assert_int_equal(ori_scores_finish(&writer, 2000000, &err), ORI_OK);
    assert_null(writer);
    assert_int_equal(ori_scores_find(path, &settings, NULL, &found, &err), ORI_OK);
    assert_string_equal(found.source, "a \"b\".mp4");
    assert_int_equal(found.frames, 50);
    assert_int_equal(found.end_us, 2000000);
    assert_int_equal(found.scenes[found.scenes_count - 1].end_us, 2000000);
    ori_scores_found_deinit(&found);
    assert_int_equal(unlink(path), 0);
}

static void one_given_up_leaves_nothing(void **state)
{
    (void)state;
    struct ori_scores_writer *writer = begin();
    write_frames(writer, 3);
    ori_scores_discard(&writer);
    ori_scores_discard(&writer);
    assert_is_empty();
}

/* A file that may not grow stands for the disk that is full. */
static void a_full_disk_is_told_at_the_end(void **state)
{
    (void)state;
    struct rlimit limit = {0};
    struct ori_error err = {0};
    struct ori_scores_writer *writer = begin();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {.rlim_cur = 100000, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    write_frames(writer, 100);
    ori_status status = ori_scores_finish(&writer, 4000000, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, ORI_DISK_FULL);
    assert_non_null(strstr(err.text, path));
    assert_is_empty();
}

static int begin_all(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    return 0;
}

static int begin_one(void **state)
{
    (void)state;
    return snprintf(path, sizeof path, "%s/a.jsonl", folder) > 0 ? 0 : -1;
}

static int end_all(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole_noise_comes_back, begin_one),
        cmocka_unit_test_setup(one_given_up_leaves_nothing, begin_one),
        cmocka_unit_test_setup(a_full_disk_is_told_at_the_end, begin_one),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
