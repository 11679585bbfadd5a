#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/options.h"

static const struct ori_model_info model = {
    .side = 64, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = 64, .dim = 512};

static struct ori_extract_options options_of(enum ori_setting setting, const char *text)
{
    struct ori_extract_options options;
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    struct ori_setting_flag flag = {setting, text};
    struct ori_settings_sources sources = {.flags = &flag, .flags_count = 1};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    ori_options_extract(settings, &model, &options);
    ori_settings_destroy(&settings);
    return options;
}

/* Whatever the setting, the last frame and a day on screen can be told: child_message.h. */
static void durations_stay_in_the_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {{"1", 1}, {"86400", 86400}, {"31536000", 31536000}, {"0", 31536000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t duration_us = options_of(ORI_SETTING_VP_MAX_DURATION, rows[i].text).duration_us_max;
        assert_int_equal(duration_us, rows[i].seconds * 1000000);
        assert_true(duration_us <= ORI_CHILD_TIME_MAX_US - INT64_C(86400) * 1000000);
    }
}

static void speeds_by_their_names(void **state)
{
    (void)state;
    assert_int_equal(options_of(ORI_SETTING_VP_SPEED, "exact").speed, ORI_SPEED_EXACT);
    assert_int_equal(options_of(ORI_SETTING_VP_SPEED, "fast").speed, ORI_SPEED_FAST);
    assert_int_equal(options_of(ORI_SETTING_VP_SPEED, "turbo").speed, ORI_SPEED_TURBO);
}

static struct ori_msg_start start_of(enum ori_setting setting, const char *text,
                                     enum ori_child_job job)
{
    struct ori_extract_options options;
    struct ori_msg_start start;
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    struct ori_setting_flag flag = {setting, text};
    struct ori_settings_sources sources = {.flags = &flag, .flags_count = 1};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    ori_options_extract(settings, &model, &options);
    ori_options_start(settings, &options, job, 10, &start);
    ori_settings_destroy(&settings);
    return start;
}

/* The wall clock of the parent comes first: processor time is for what runs beside. */
static void the_process_gets_its_bounds(void **state)
{
    (void)state;
    static const struct {
        enum ori_setting setting;
        const char *text;
        int64_t memory_bytes;
        int64_t cpu_seconds;
    } rows[] = {
        {ORI_SETTING_VP_ITEM_TIMEOUT, "1", INT64_C(4) << 30, 2},
        {ORI_SETTING_VP_ITEM_TIMEOUT, "604800", INT64_C(4) << 30, 604801},
        {ORI_SETTING_VP_DECODE_MEMORY, "0", 0, 3601},
        {ORI_SETTING_VP_DECODE_MEMORY, "1000000", 1000000, 3601},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_msg_start start = start_of(rows[i].setting, rows[i].text, ORI_CHILD_JOB_PICTURE);
        assert_int_equal(start.memory_bytes, rows[i].memory_bytes);
        assert_int_equal(start.cpu_seconds, rows[i].cpu_seconds);
    }
}

static void a_slot_holds_the_largest_still(void **state)
{
    (void)state;
    static const char *const pixels[] = {"1024", "67108864", "1073741824"};
    for (size_t i = 0; i < sizeof pixels / sizeof pixels[0]; i++) {
        const enum ori_setting setting = ORI_SETTING_VP_MAX_PIXELS;
        int64_t pixels_max = options_of(setting, pixels[i]).pixels_max;
        uint64_t input_bytes = 3 * 64 * 64;
        struct ori_msg_start start = start_of(setting, pixels[i], ORI_CHILD_JOB_VIDEO);
        assert_true(start.slot_bytes > 3 * (uint64_t)pixels_max + input_bytes);
        assert_int_equal(start.slot_bytes % 4096, 0);
        assert_in_range(start.slots, ORI_CHILD_SLOTS_MIN, ORI_CHILD_SLOTS_MAX);
        start = start_of(setting, pixels[i], ORI_CHILD_JOB_PICTURE);
        assert_in_range(start.slot_bytes, input_bytes, input_bytes + 8192);
        /* A JPEG of noise is smaller than its samples and the headers. */
        start = start_of(setting, pixels[i], ORI_CHILD_JOB_THUMB);
        assert_in_range(start.slot_bytes, input_bytes + 65536, input_bytes + (2 << 20));
        assert_int_equal(start.slots, ORI_CHILD_SLOTS_MIN);
    }
}

/* Slots that are held at first: as many more as fit beside the others, by the pictures' size. */
static void more_slots_for_small_pictures(void **state)
{
    (void)state;
    static const struct {
        int32_t width;
        int32_t height;
        uint32_t least;
        uint32_t most;
    } rows[] = {{64, 48, 16, 16},     {854, 480, 16, 16},
                {1920, 1080, 12, 14}, {3840, 2160, 0, 1},
                {7680, 4320, 0, 0},   {ORI_CHILD_SIDE_MAX, ORI_CHILD_SIDE_MAX, 0, 0}};
    struct ori_msg_start start =
        start_of(ORI_SETTING_VP_MAX_PIXELS, "67108864", ORI_CHILD_JOB_VIDEO);
    assert_int_equal(ori_options_more_slots(&start, 64, 48), 0); /* none are held */
    const uint32_t usual = start.slots;
    ori_options_hold_slots(&start);
    assert_int_equal(start.slots - start.slots_held, usual);
    assert_in_range(start.slots, ORI_CHILD_SLOTS_MIN, ORI_CHILD_SLOTS_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_in_range(ori_options_more_slots(&start, rows[i].width, rows[i].height),
                        rows[i].least, rows[i].most);
}

/* Each word of a model about its input reaches the child. */
static void what_the_model_wants(void **state)
{
    (void)state;
    static const struct {
        struct ori_model_info model;
        struct ori_input_spec input;
    } rows[] = {
        {{.side = 64, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = 64},
         {64, ORI_INPUT_SQUASH, 64, 0, 0}},
        {{.side = 224, .fit = ORI_MODEL_FIT_SHORTER_CROP, .resize_side = 256},
         {224, ORI_INPUT_SHORTER_CROP, 256, 0, 0}},
        {{.side = 512, .fit = ORI_MODEL_FIT_SHORTER_CROP, .resize_side = 512, .is_crop_rounded = 1},
         {512, ORI_INPUT_SHORTER_CROP, 512, 1, 0}},
        {{.side = 384, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = 384, .is_bilinear = true},
         {384, ORI_INPUT_SQUASH, 384, 0, 1}},
    };
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    struct ori_settings_sources sources = {0};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_extract_options options;
        ori_options_extract(settings, &rows[i].model, &options);
        assert_memory_equal(&options.input, &rows[i].input, sizeof options.input);
    }
    ori_settings_destroy(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_stay_in_the_protocol),
        cmocka_unit_test(speeds_by_their_names),
        cmocka_unit_test(the_process_gets_its_bounds),
        cmocka_unit_test(a_slot_holds_the_largest_still),
        cmocka_unit_test(more_slots_for_small_pictures),
        cmocka_unit_test(what_the_model_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
