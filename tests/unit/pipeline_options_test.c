#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/options.h"

static const struct ori_model_info model = {.side = 64, .fit = ORI_MODEL_FIT_SQUASH, .dim = 512};

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

static void a_slot_holds_the_largest_still(void **state)
{
    (void)state;
    static const char *const pixels[] = {"1024", "67108864", "1073741824"};
    for (size_t i = 0; i < sizeof pixels / sizeof pixels[0]; i++) {
        struct ori_extract_options options = options_of(ORI_SETTING_VP_MAX_PIXELS, pixels[i]);
        uint64_t input_bytes = 3 * 64 * 64;
        struct ori_msg_start start;
        ori_options_start(&options, ORI_CHILD_JOB_VIDEO, 10, &start);
        assert_true(start.slot_bytes > 3 * (uint64_t)options.pixels_max + input_bytes);
        assert_int_equal(start.slot_bytes % 4096, 0);
        assert_in_range(start.slots, ORI_CHILD_SLOTS_MIN, ORI_CHILD_SLOTS_MAX);
        ori_options_start(&options, ORI_CHILD_JOB_PICTURE, 10, &start);
        assert_in_range(start.slot_bytes, input_bytes, input_bytes + 8192);
        /* A JPEG of noise is smaller than its samples and the headers. */
        ori_options_start(&options, ORI_CHILD_JOB_THUMB, 10, &start);
        assert_in_range(start.slot_bytes, input_bytes + 65536, input_bytes + (2 << 20));
        assert_int_equal(start.slots, ORI_CHILD_SLOTS_MIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_stay_in_the_protocol),
        cmocka_unit_test(a_slot_holds_the_largest_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
