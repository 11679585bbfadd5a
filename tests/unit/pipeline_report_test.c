/* The report page stays bounded, whatever is told to it, and is whole or not there. */
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

#include "pipeline/report_priv.h"
#include "util/fs.h"

#define FOLDER "/tmp/oriane-report-XXXXXX"
#define SECOND INT64_C(1000000)

static char folder[] = FOLDER;
static char path[64];
static const struct ori_settings settings = {.vp_scene_detector = "auto",
                                             .vp_scene_thresh = 0.22,
                                             .vp_speed = "exact",
                                             .vp_frame_format = "png",
                                             .vp_enable_crop = true,
                                             .vp_enable_dedup = true,
                                             .vp_dhash_size = 8};
static const struct ori_msg_info info = {.codec = "h264", .container = "mp4", .frame_rate = 25};
static struct ori_manifest manifest;
static struct ori_report *report;
static const struct ori_report_facts facts = {
    .settings = &settings, .manifest = &manifest, .info = &info, .frames_decoded = 7, .seconds = 1};

static int begin(void **state)
{
    struct ori_error err = {0};
    (void)state;
    memcpy(folder, FOLDER, sizeof FOLDER);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.html", folder);
    ori_manifest_init(&manifest);
    manifest.width = 64;
    manifest.height = 48;
    manifest.duration_us = 100 * SECOND;
    return ori_report_create(&report, &err) == ORI_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ori_report_destroy(&report);
    ori_report_destroy(&report);
    ori_manifest_deinit(&manifest);
    unlink(path);
    return rmdir(folder); /* no part is left */
}

static void add_scores(uint32_t count, uint32_t peak)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct ori_msg_score score = {
            .type = ORI_MSG_SCORE, .pts_us = i, .score = i == peak ? 0.9 : 0.1};
        ori_report_add_score(report, &score);
    }
}

static size_t count_of(const char *page, const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(page, what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

static char *written(void)
{
    struct ori_error err = {0};
    char *page = NULL;
    size_t bytes = 0;
    assert_int_equal(ori_report_finish(report, &facts, path, &err), ORI_OK);
    assert_int_equal(ori_fs_read_file(-1, path, ORI_LIMIT_MAX_REPORT_BYTES, &page, &bytes, &err),
                     ORI_OK);
    return page;
}

static void points_are_as_many_as_fit(void **state)
{
    (void)state;
    add_scores(ORI_LIMIT_MAX_REPORT_POINTS, 0);
    assert_int_equal(report->points_count, ORI_LIMIT_MAX_REPORT_POINTS);
    assert_int_equal(report->frames_a_point, 1);
    const struct ori_msg_score more = {.pts_us = ORI_LIMIT_MAX_REPORT_POINTS, .score = 0.5};
    ori_report_add_score(report, &more);
    assert_int_equal(report->points_count, ORI_LIMIT_MAX_REPORT_POINTS / 2 + 1);
    assert_int_equal(report->frames_a_point, 2);
}

static void a_peak_survives_in_a_long_video(void **state)
{
    (void)state;
    add_scores(3000000, 1234567);
    size_t peaks = 0;
    int64_t peak_us = -1;
    for (size_t i = 0; i < report->points_count; i++) {
        if (report->points[i].score > 0.5F) {
            peak_us = report->points[i].pts_us;
            peaks++;
        }
        assert_true(i == 0 || report->points[i].pts_us ==
                                  report->points[i - 1].pts_us + report->frames_a_point);
    }
    assert_true(report->points_count <= ORI_LIMIT_MAX_REPORT_POINTS &&
                report->points_count > ORI_LIMIT_MAX_REPORT_POINTS / 2 - 1);
    assert_int_equal(peaks, 1);
    assert_true(peak_us <= 1234567 && peak_us + report->frames_a_point > 1234567);
}

static void add_scenes(size_t count)
{
    struct ori_error err = {0};
    for (size_t i = 0; i < count; i++) {
        const struct ori_manifest_scene scene = {.start_us = (int64_t)i * 1000,
                                                 .end_us = (int64_t)(i + 1) * 1000};
        assert_int_equal(ori_manifest_add_scene(&manifest, &scene, &err), ORI_OK);
    }
}

static void scenes_are_listed_up_to_their_number(void **state)
{
    (void)state;
    add_scenes(ORI_LIMIT_MAX_REPORT_SCENES);
    char *page = written();
    assert_int_equal(count_of(page, "<section class=\"scene\""), ORI_LIMIT_MAX_REPORT_SCENES);
    assert_null(strstr(page, "scenes are listed"));
    free(page);
    const struct ori_manifest_scene scene = {.start_us = 99 * SECOND, .end_us = 100 * SECOND};
    struct ori_error err = {0};
    assert_int_equal(ori_manifest_add_scene(&manifest, &scene, &err), ORI_OK);
    page = written();
    assert_int_equal(count_of(page, "<section class=\"scene\""), ORI_LIMIT_MAX_REPORT_SCENES);
    assert_non_null(strstr(page, "The first 5000 of 5001 scenes are listed"));
    free(page);
}

static void a_full_page_is_within_its_limit(void **state)
{
    (void)state;
    static struct ori_msg_shot shot = {.kind = ORI_SHOT_KEPT,
                                       .scene = 1,
                                       .width = 320,
                                       .height = 320,
                                       .bytes = ORI_LIMIT_MAX_CHILD_SHOT_BYTES};
    struct ori_error err = {0};
    add_scenes(ORI_LIMIT_MAX_REPORT_SCENES);
    for (uint32_t n = 1; n <= ORI_LIMIT_MAX_CHILD_SHOTS_KEPT; n++) {
        const struct ori_manifest_frame frame = {.n = n, .scene = 1};
        assert_int_equal(ori_manifest_add_frame(&manifest, &frame, &err), ORI_OK);
        shot.n = n;
        ori_report_add_shot(report, &shot);
    }
    shot.kind = ORI_SHOT_DROPPED; /* each beside the picture of a kept one */
    for (uint32_t n = 1; n <= ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED; n++)
        ori_report_add_shot(report, &shot);
    shot.kind = ORI_SHOT_WHOLE;
    manifest.has_crop = true;
    manifest.crop = (struct ori_box){.w = 64, .h = 40};
    for (uint32_t n = 1; n <= ORI_LIMIT_MAX_CHILD_SHOTS_WHOLE; n++)
        ori_report_add_shot(report, &shot);
    char *page = written();
    assert_int_equal(count_of(page, "data:image/jpeg"), ORI_LIMIT_MAX_CHILD_SHOTS_KEPT +
                                                            2 * ORI_LIMIT_MAX_CHILD_SHOTS_DROPPED +
                                                            ORI_LIMIT_MAX_CHILD_SHOTS_WHOLE);
    free(page);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    struct ori_error err = {0};
    snprintf(manifest.source_name, sizeof manifest.source_name, "<script>\"&'</title>.mp4");
    assert_int_equal(ori_manifest_add_warning(&manifest, "truncated", "<img src=x>", &err), ORI_OK);
    char *page = written();
    assert_non_null(strstr(page, "&lt;script&gt;&quot;&amp;&#39;&lt;/title&gt;.mp4"));
    assert_non_null(strstr(page, "&lt;img src=x&gt;"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img"));
    free(page);
}

static void times_are_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{0, "0:00.00"},
                {4999, "0:00.00"},
                {5000, "0:00.01"},
                {59994999, "0:59.99"},
                {59995000, "1:00.00"},
                {3599 * SECOND, "59:59.00"},
                {3600 * SECOND, "1:00:00.00"},
                {ORI_CHILD_TIME_MAX_US, "8784:00:00.00"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[REPORT_TIME_BYTES];
        report_time(rows[i].us, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* A file that may not grow stands for the disk that is full. */
static void a_full_disk_leaves_the_page_of_before(void **state)
{
    (void)state;
    struct rlimit limit = {0};
    struct ori_error err = {0};
    char *before = written();
    add_scenes(1000);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ori_status status = ori_report_finish(report, &facts, path, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, ORI_DISK_FULL);
    assert_non_null(strstr(err.text, path));
    char *after = NULL;
    size_t bytes = 0;
    assert_int_equal(ori_fs_read_file(-1, path, 1 << 20, &after, &bytes, &err), ORI_OK);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(points_are_as_many_as_fit, begin, end),
        cmocka_unit_test_setup_teardown(a_peak_survives_in_a_long_video, begin, end),
        cmocka_unit_test_setup_teardown(scenes_are_listed_up_to_their_number, begin, end),
        cmocka_unit_test_setup_teardown(a_full_page_is_within_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(texts_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(times_are_as_people_write_them, begin, end),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_page_of_before, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
