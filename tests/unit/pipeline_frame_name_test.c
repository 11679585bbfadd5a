#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/child_proto.h"
#include "pipeline/frame_name.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void makes_names(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        int64_t pts_us;
        const char *extension;
        const char *expected;
    } rows[] = {
        {1, 0, "png", "1_0.00.png"},
        {2, 4999, "png", "2_0.00.png"},
        {2, 5000, "png", "2_0.01.png"},
        {12, 11880000, "jpg", "12_11.88.jpg"},
        {3, 994999, "webp", "3_0.99.webp"},
        {3, 995000, "webp", "3_1.00.webp"},
        {3, 59999999, "png", "3_60.00.png"},
        {4, 3600000000, "png", "4_3600.00.png"},
        {UINT32_MAX, ORI_CHILD_TIME_MAX_US, "webp", "4294967295_31622400.00.webp"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char file[ORI_FRAME_FILE_BYTES];
        char again[ORI_FRAME_FILE_BYTES + 8];
        ori_frame_name_make(rows[i].n, rows[i].pts_us, rows[i].extension, file);
        assert_string_equal(file, rows[i].expected);
        assert_true(ori_frame_name_is_frame(file));
        /* The number in JSON and payload, printed the way the contract names files. */
        snprintf(again, sizeof again, "%u_%.2f.%s", rows[i].n,
                 ori_frame_name_second(rows[i].pts_us), rows[i].extension);
        assert_string_equal(again, file);
    }
}

/* Over many times: name and number never disagree. */
static void name_and_number_agree(void **state)
{
    (void)state;
    for (int64_t pts_us = 0; pts_us < INT64_C(40000000000); pts_us += 13333337) {
        char file[ORI_FRAME_FILE_BYTES];
        char again[64];
        ori_frame_name_make(7, pts_us, "png", file);
        snprintf(again, sizeof again, "7_%.2f.png", ori_frame_name_second(pts_us));
        assert_string_equal(file, again);
    }
}

static void knows_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool is_frame;
    } rows[] = {
        {"1_0.00.png", true},
        {"0_0.00.jpg", true},
        {"007_12345.67.webp", true},
        {"99999999999999999999_0.00.png", true},
        {"", false},
        {"1_0.00.jpeg", false},
        {"1_0.00.PNG", false},
        {"1_0.00.png ", false},
        {" 1_0.00.png", false},
        {"1_0.00.png.part", false},
        {".1_0.00.png", false},
        {"1_0.0.png", false},
        {"1_0.000.png", false},
        {"1_.00.png", false},
        {"_0.00.png", false},
        {"1-0.00.png", false},
        {"1_0,00.png", false},
        {"a1_0.00.png", false},
        {"1a_0.00.png", false},
        {"-1_0.00.png", false},
        {"1_-1.00.png", false},
        {"1_0.00.", false},
        {"1_0.00", false},
        {"1_0", false},
        {"1", false},
        {"manifest.json", false},
        {"cover.png", false},
        {"1_0.00.png/x", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("[%s]\n", rows[i].file);
        assert_int_equal(ori_frame_name_is_frame(rows[i].file), rows[i].is_frame);
    }
}

static void knows_its_clips(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool is_clip;
    } rows[] = {
        {"cropped_1920x800.mp4", true},
        {"cropped_0x0.mp4", true},
        {"cropped.mp4", false},
        {"cropped_.mp4", false},
        {"cropped_x800.mp4", false},
        {"cropped_1920x.mp4", false},
        {"cropped_1920.mp4", false},
        {"cropped_1920x800.mp4.part", false},
        {"cropped_1920x800.MP4", false},
        {"cropped_-1x800.mp4", false},
        {"my_cropped_2x2.mp4", false},
        {"cropped_1920x800_x.mp4", false},
        {".cropped_1920x800.mp4", false},
        {"cropped_19.2x800.mp4", false},
        {"1_0.00.png", false},
        {"", false},
    };
    char file[ORI_FRAME_FILE_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("[%s]\n", rows[i].file);
        assert_int_equal(ori_frame_name_is_clip(rows[i].file), rows[i].is_clip);
        assert_int_equal(ori_frame_name_is_ours(rows[i].file),
                         rows[i].is_clip || ori_frame_name_is_frame(rows[i].file));
    }
    ori_frame_name_make_clip(ORI_CHILD_SIDE_MAX, ORI_CHILD_SIDE_MAX, file);
    assert_string_equal(file, "cropped_131072x131072.mp4");
    assert_true(ori_frame_name_is_clip(file));
    /* as long as a name of ours can be, and one character longer */
    char longest[ORI_FRAME_FILE_BYTES + 1];
    memset(longest, '1', sizeof longest);
    memcpy(longest + 1, "_", 1);
    memcpy(longest + ORI_FRAME_FILE_BYTES - 1 - 7, ".00.png", 8);
    assert_true(ori_frame_name_is_ours(longest));
    memset(longest, '1', sizeof longest);
    memcpy(longest + 1, "_", 1);
    memcpy(longest + ORI_FRAME_FILE_BYTES - 7, ".00.png", 8);
    assert_true(ori_frame_name_is_frame(longest));
    assert_false(ori_frame_name_is_ours(longest));
}

static void longest_key(void **state)
{
    (void)state;
    char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
    char file[ORI_FRAME_FILE_BYTES];
    char key[ORI_OBJECT_KEY_BYTES];
    memset(code, 'c', sizeof code - 1);
    code[sizeof code - 1] = '\0';
    memset(file, '1', sizeof file - 1);
    file[sizeof file - 1] = '\0';
    ori_frame_name_key(code, code, file, key);
    assert_int_equal(strlen(key), 2 * ORI_LIMIT_MAX_CODE_CHARS + 2 + ORI_FRAME_FILE_BYTES - 1);
    ori_frame_name_key("local", "v-1", "1_0.00.png", key);
    assert_string_equal(key, "local/v-1/1_0.00.png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_names),   cmocka_unit_test(name_and_number_agree),
        cmocka_unit_test(knows_its_own), cmocka_unit_test(knows_its_clips),
        cmocka_unit_test(longest_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
