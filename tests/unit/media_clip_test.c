/* The words of VP_CROP_ENCODER, VP_CROP_PRESET and VP_CROP_TUNE, and the formats of samples: each row of
 * each table is one that the encoders of this libav know. What the clip itself is like is for
 * tests/e2e/test_cropped.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libavutil/opt.h>

#include "config/settings.h"
#include "media/clip_priv.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Every word that a setting allows has a row, and the words next to them have none. */
static void settings_and_tables_agree(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int (*find)(const char *word);
    } rows[] = {
#define ORI_SETTING_GROUP_ROW(...)
#define ORI_SETTING_ALIAS_ROW(...)
#define ORI_SETTING_ROW(variable, field, kind, default, min, max, words, ...)                      \
    {#variable "=" words, NULL},
#include "config/settings_tbl.h"
    };
    static const struct {
        const char *variable;
        int (*find)(const char *word);
    } tables[] = {{"VP_CROP_ENCODER=", ori_clip_encoder_find},
                  {"VP_CROP_PRESET=", ori_clip_preset_find},
                  {"VP_CROP_TUNE=", ori_clip_tune_find}};
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        const size_t bytes = strlen(tables[t].variable);
        int found = 0;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            char words[1024];
            char *rest = words;
            if (strncmp(rows[i].words, tables[t].variable, bytes) != 0)
                continue;
            snprintf(words, sizeof words, "%s", rows[i].words + bytes);
            for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
                assert_int_equal(tables[t].find(word), found++); /* in the same order */
        }
        assert_true(found >= 5);
        assert_int_equal(tables[t].find(""), -1);
        assert_int_equal(tables[t].find("P1"), -1);
    }
}

static void samples(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat format;
        enum ori_clip_samples samples;
    } rows[] = {
        {AV_PIX_FMT_YUV420P, ORI_CLIP_420_8},    {AV_PIX_FMT_NV12, ORI_CLIP_420_8},
        {AV_PIX_FMT_GRAY8, ORI_CLIP_420_8},      {AV_PIX_FMT_YUV410P, ORI_CLIP_420_8},
        {AV_PIX_FMT_YUV422P, ORI_CLIP_422_8},    {AV_PIX_FMT_YUYV422, ORI_CLIP_422_8},
        {AV_PIX_FMT_YUV411P, ORI_CLIP_422_8},    {AV_PIX_FMT_YUV444P, ORI_CLIP_444_8},
        {AV_PIX_FMT_RGB24, ORI_CLIP_444_8},      {AV_PIX_FMT_PAL8, ORI_CLIP_444_8},
        {AV_PIX_FMT_YUV420P10, ORI_CLIP_420_10}, {AV_PIX_FMT_P010, ORI_CLIP_420_10},
        {AV_PIX_FMT_GRAY16, ORI_CLIP_420_10},    {AV_PIX_FMT_YUV422P10, ORI_CLIP_422_10},
        {AV_PIX_FMT_YUV444P12, ORI_CLIP_444_10}, {AV_PIX_FMT_GBRP10, ORI_CLIP_444_10},
        {AV_PIX_FMT_NONE, ORI_CLIP_420_8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(ori_clip_samples_of(rows[i].format), rows[i].samples);
    for (int i = 0; i < ORI_CLIP_SAMPLES_COUNT; i++)
        assert_int_equal(ori_clip_samples_of(ori_clip_format((enum ori_clip_samples)i)), i);
}

/* Encoders of a GPU cannot be opened everywhere, but what they would be told can be asked for. */
static void nvenc_knows_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *nvenc;
    } presets[] =
        {
#define ORI_CLIP_PRESET_ROW(word, nvenc, x26x) {word, nvenc},
#include "media/clip_tbl.h"
        },
      tunes[] = {
#define ORI_CLIP_TUNE_ROW(word, nvenc, x264, x265, x265_more) {word, nvenc},
#include "media/clip_tbl.h"
      };
    static const char *const names[] = {"h264_nvenc", "hevc_nvenc"};
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(names[n]);
        if (!codec) {
            print_message("%s: not in this build of libav\n", names[n]);
            continue;
        }
        AVCodecContext *encoder = avcodec_alloc_context3(codec);
        assert_non_null(encoder);
        for (size_t i = 0; i < COUNT_OF(presets); i++)
            assert_int_equal(av_opt_set(encoder->priv_data, "preset", presets[i].nvenc, 0), 0);
        for (size_t i = 0; i < COUNT_OF(tunes); i++)
            assert_int_equal(av_opt_set(encoder->priv_data, "tune", tunes[i].nvenc, 0), 0);
        assert_int_equal(av_opt_set(encoder->priv_data, "rc", "vbr", 0), 0);
        assert_int_equal(av_opt_set(encoder->priv_data, "rc", "constqp", 0), 0);
        assert_int_equal(av_opt_set(encoder->priv_data, "cq", "51", 0), 0);
        assert_int_equal(av_opt_set(encoder->priv_data, "qp", "0", 0), 0);
        assert_true(av_opt_set(encoder->priv_data, "preset", "veryslow", 0) < 0);
        avcodec_free_context(&encoder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_tables_agree),
        cmocka_unit_test(samples),
        cmocka_unit_test(nvenc_knows_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
