#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND INT64_C(1000000)

static void shares_and_time_left(void **state)
{
    (void)state;
    static const struct {
        struct ori_progress progress;
        int percent;
        int64_t left_us;
    } rows[] = {
        {{.total = 0}, 100, -1},
        {{.total = 4}, 0, -1},
        {{.total = 4, .ended = 1, .elapsed_us = 10 * SECOND}, 25, 30 * SECOND},
        {{.total = 4, .ended = 1, .running_share = 1, .elapsed_us = 10 * SECOND}, 50, 10 * SECOND},
        {{.total = 4, .ended = 4, .elapsed_us = 10 * SECOND}, 100, 0},
        {{.total = 4, .ended = 1, .elapsed_us = SECOND}, 25, -1}, /* too early to tell */
        /* What was skipped took no time: one of two is done, in ten seconds. */
        {{.total = 10, .ended = 9, .skipped = 8, .elapsed_us = 10 * SECOND}, 90, 10 * SECOND},
        {{.total = 10, .ended = 8, .skipped = 8, .elapsed_us = 10 * SECOND}, 80, -1},
        {{.total = 10, .ended = 10, .skipped = 10, .elapsed_us = 10 * SECOND}, 100, -1},
        {{.total = 1, .running_share = 7, .elapsed_us = 10 * SECOND}, 100, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("row %zu\n", i);
        assert_int_equal((int)(100 * ori_progress_share(&rows[i].progress)), rows[i].percent);
        assert_int_equal(ori_progress_left_us(&rows[i].progress), rows[i].left_us);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *expected;
    } rows[] = {
        {0, "0:00"},
        {499999, "0:00"},
        {500000, "0:01"},
        {59 * SECOND, "0:59"},
        {60 * SECOND, "1:00"},
        {3599 * SECOND, "59:59"},
        {3600 * SECOND, "1:00:00"},
        {INT64_C(366) * 86400 * SECOND, "8784:00:00"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[ORI_DURATION_BYTES];
        ori_progress_duration(rows[i].us, text);
        assert_string_equal(text, rows[i].expected);
    }
}

static void lines(void **state)
{
    (void)state;
    static const struct ori_progress half = {.total = 9,
                                             .ended = 4,
                                             .running_share = 0.5,
                                             .frames = 57,
                                             .media_us = 1230 * SECOND,
                                             .elapsed_us = 100 * SECOND};
    static const struct {
        size_t width;
        const char *expected;
    } rows[] = {
        {200, "[##############--------------]  4/9 videos   50%  57 frames  12.3x  1:40 left"},
        {60, "[#####------]  4/9 videos   50%  57 frames  12.3x  1:40 left"},
        {55, "4/9 videos   50%  57 frames  12.3x  1:40 left"},
        {44, "4/9 videos   50%  57 frames  12.3x"},
        {16, "4/9 videos   50%"},
        {15, "4/9 videos"},
        {9, ""},
        {0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[ORI_PROGRESS_BYTES];
        ori_progress_render(&half, rows[i].width, line);
        assert_string_equal(line, rows[i].expected);
    }
}

/* Numbers as large as they come: never longer than asked for. */
static void never_too_wide(void **state)
{
    (void)state;
    static const struct ori_progress huge = {.total = SIZE_MAX / 2,
                                             .ended = SIZE_MAX / 4,
                                             .running_share = 256,
                                             .frames = UINT64_MAX,
                                             .media_us = INT64_MAX,
                                             .elapsed_us = 3 * SECOND};
    for (size_t width = 0; width < 600; width++) {
        char line[ORI_PROGRESS_BYTES];
        ori_progress_render(&huge, width, line);
        assert_true(strlen(line) <= width && strlen(line) < sizeof line);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *expected;
    } rows[] = {{0, "0 bytes"},
                {1, "1 bytes"},
                {999, "999 bytes"},
                {1000, "1.0 kB"},
                {4240, "4.2 kB"},
                {9949, "9.9 kB"},
                {9950, "10 kB"},
                {605156676, "605 MB"},
                {999400, "999 kB"},
                {999500, "1.0 MB"},
                {1711000000, "1.7 GB"},
                {137438953472, "137 GB"},
                {INT64_C(5) * 1000 * 1000 * 1000 * 1000, "5.0 TB"},
                {INT64_MAX, "9223372 TB"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[ORI_PROGRESS_SIZE_BYTES];
        ori_progress_size(rows[i].bytes, text);
        assert_string_equal(text, rows[i].expected);
    }
}

static void lines_of_a_load(void **state)
{
    (void)state;
    static const struct ori_progress_load half = {.file = "model.safetensors",
                                                  .bytes = 302000000,
                                                  .bytes_total = 604000000,
                                                  .bytes_loaded = 200000000,
                                                  .elapsed_us = 10 * SECOND};
    static const struct {
        size_t width;
        const char *expected;
    } rows[] = {
        {200, "[##############--------------]  model.safetensors   50%  302 MB of 604 MB  20 MB/s  "
              "0:15 left"},
        {60, "model.safetensors   50%  302 MB of 604 MB  20 MB/s"},
        {16, ""},
    };
    char line[ORI_PROGRESS_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ori_progress_render_load(&half, rows[i].width, line);
        assert_string_equal(line, rows[i].expected);
    }
    struct ori_progress_load early = half;
    early.elapsed_us = SECOND; /* too early for a speed */
    ori_progress_render_load(&early, 50, line);
    assert_string_equal(line, "model.safetensors   50%  302 MB of 604 MB");
    static const struct ori_progress_load odd[] = {
        {.file = "x"},
        {.file = "x", .bytes = 5, .bytes_total = 3, .bytes_loaded = 1, .elapsed_us = 3 * SECOND},
        {.file = "x",
         .bytes = -5,
         .bytes_total = INT64_MAX,
         .bytes_loaded = 1,
         .elapsed_us = INT64_MAX},
        {.file =
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         .bytes = INT64_MAX,
         .bytes_total = INT64_MAX,
         .bytes_loaded = INT64_MAX,
         .elapsed_us = 3 * SECOND},
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        for (size_t width = 0; width < 300; width++) {
            ori_progress_render_load(&odd[i], width, line);
            assert_true(strlen(line) <= width && strlen(line) < sizeof line);
        }
    }
}

static void lines_of_a_submit(void **state)
{
    static const struct {
        struct ori_progress_submit submit;
        size_t width;
        const char *expected;
    } rows[] = {
        {{.videos = 2000, .share = 0.5, .jobs = 2, .elapsed_us = 4 * SECOND},
         79,
         "[##############--------------]  2000 posted   50%  2 jobs  0:04 left"},
        {{.videos = 10, .share = -1, .jobs = 1, .elapsed_us = 4 * SECOND}, 79, "10 posted  1 job"},
        {{.trouble = "waiting for the server", .share = 0, .elapsed_us = 4 * SECOND},
         40,
         "waiting for the server  0 posted    0%"},
        {{.videos = 5, .total = 20, .jobs = 3, .jobs_ended = 1, .failed = 2},
         60,
         "[####------------]  5/20 videos   25%  1 of 3 jobs  2 failed"},
        {{.videos = 20, .total = 20, .jobs = 1, .jobs_ended = 1},
         31,
         "20/20 videos  100%  1 of 1 jobs"},
    };
    char line[ORI_PROGRESS_BYTES];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ori_progress_render_submit(&rows[i].submit, rows[i].width, line);
        assert_string_equal(line, rows[i].expected);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t width = 0; width < 300; width++) {
            ori_progress_render_submit(&rows[i].submit, width, line);
            assert_true(strlen(line) <= width && strlen(line) < sizeof line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_and_time_left),
        cmocka_unit_test(durations),
        cmocka_unit_test(lines),
        cmocka_unit_test(never_too_wide),
        cmocka_unit_test(sizes),
        cmocka_unit_test(lines_of_a_load),
        cmocka_unit_test(lines_of_a_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
