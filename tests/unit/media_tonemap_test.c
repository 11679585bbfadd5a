#include "media/tonemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

static void assert_near(double got, double expected, double tolerance, const char *what)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: %.9g, expected %.9g", what, got, expected);
}

/* BT.2100 table 4, worked with a calculator. */
static void test_pq(void **state)
{
    (void)state;
    static const struct {
        double code, nits;
    } rows[] = {
        {0.0, 0.0},        {0.25, 5.154176},   {0.5, 92.2457},     {0.508078, 100.0},
        {0.580689, 203.0}, {0.751827, 1000.0}, {0.902572, 4000.0}, {1.0, 10000.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_near(ori_pq_to_nits(rows[i].code), rows[i].nits, 1e-4 * rows[i].nits + 1e-4, "pq");
        if (rows[i].nits > 0)
            assert_near(ori_pq_from_nits(rows[i].nits), rows[i].code, 2e-6, "pq inverse");
    }
}

/* BT.2100 table 5: the pieces meet at 1/2, and 75 % is reference white at 1000 cd/m2. */
static void test_hlg(void **state)
{
    (void)state;
    assert_near(ori_hlg_to_scene(0.0), 0.0, 1e-12, "black");
    assert_near(ori_hlg_to_scene(0.25), 0.0625 / 3.0, 1e-12, "square root part");
    assert_near(ori_hlg_to_scene(0.5), 1.0 / 12.0, 1e-9, "the joint");
    assert_near(ori_hlg_to_scene(0.5000001), 1.0 / 12.0, 1e-6, "behind the joint");
    assert_near(ori_hlg_to_scene(1.0), 1.0, 1e-6, "peak");
    assert_near(1000.0 * pow(ori_hlg_to_scene(0.75), 1.2), 203.0, 0.5, "reference white");
}

static void test_curve(void **state)
{
    (void)state;
    /* From 1000 to 203: most = 0.580689 / 0.751827 = 0.772371, knee at 1.5 * most - 0.5 =
     * 0.658556 of the peak's code: 0.495121, 87.9 cd/m2. Below it nothing changes. */
    assert_near(ori_tone_curve(0.0, 1000, 203), 0.0, 1e-9, "black");
    assert_near(ori_tone_curve(36.0, 1000, 203), 36.0, 1e-9, "mid grey");
    assert_near(ori_tone_curve(87.0, 1000, 203), 87.0, 1e-9, "below the knee");
    /* Reference white: t = (0.772371 - 0.658556) / 0.341444 = 0.333334; the spline gives
     * 0.740741 * 0.658556 + 0.148148 * 0.341444 + 0.259260 * 0.772371 = 0.738645 of the peak's
     * code, 0.555335: 159.0 cd/m2. */
    assert_near(ori_tone_curve(203.0, 1000, 203), 159.04, 0.05, "white");
    assert_near(ori_tone_curve(1000.0, 1000, 203), 203.0, 1e-6, "peak");
    assert_near(ori_tone_curve(5000.0, 1000, 203), 203.0, 1e-6, "past the peak");
    assert_near(ori_tone_curve(150.0, 203, 203), 150.0, 1e-6, "no room, no change");
    double last = -1.0;
    for (int i = 0; i <= 1000; i++) {
        double now = ori_tone_curve(4.0 * i, 4000, 203);
        assert_true(now >= last && now <= 203.0 + 1e-9);
        last = now;
    }
}

static void map_one(const struct ori_tonemap *tonemap, double r, double g, double b, uint8_t to[3])
{
    const uint16_t from[3] = {(uint16_t)lround(r * 65535), (uint16_t)lround(g * 65535),
                              (uint16_t)lround(b * 65535)};
    ori_tonemap_row(tonemap, from, to, 1);
}

static void test_grey_rows(void **state)
{
    (void)state;
    static const struct {
        enum ori_transfer transfer;
        double code;
        int grey; /* sRGB: 255 * (1.055 * (light / 203) ^ (1 / 2.4) - 0.055) */
    } rows[] = {
        {ORI_TRANSFER_PQ, 0.0, 0},
        {ORI_TRANSFER_PQ, 0.410897, 118}, /* 36.54 cd/m2: 18 % of white -> 0.4614 */
        {ORI_TRANSFER_PQ, 0.580689, 229}, /* 203 -> 159.0: 0.7834 -> 0.8980 */
        {ORI_TRANSFER_PQ, 0.751827, 255}, /* peak */
        {ORI_TRANSFER_PQ, 1.0, 255},
        {ORI_TRANSFER_HLG, 0.0, 0},
        {ORI_TRANSFER_HLG, 0.38, 101}, /* 0.38^2 / 3 = 0.048133; ^ 1.2 * 1000 = 26.24 cd/m2 */
        {ORI_TRANSFER_HLG, 0.75, 229},
        {ORI_TRANSFER_HLG, 1.0, 255},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ori_tonemap *tonemap = NULL;
        struct ori_error err = {0};
        uint8_t to[3] = {0};
        assert_int_equal(ori_tonemap_create(rows[i].transfer, 1000, true, &tonemap, &err), ORI_OK);
        map_one(tonemap, rows[i].code, rows[i].code, rows[i].code, to);
        for (int c = 0; c < 3; c++)
            assert_near(to[c], rows[i].grey, 1.0, "grey");
        ori_tonemap_destroy(&tonemap);
        assert_null(tonemap);
    }
}

/* Hues: a red of BT.2020 is more than BT.709 can show, and stays red; channels keep their order. */
static void test_colours(void **state)
{
    (void)state;
    struct ori_tonemap *wide = NULL;
    struct ori_tonemap *narrow = NULL;
    struct ori_error err = {0};
    uint8_t to[3];
    assert_int_equal(ori_tonemap_create(ORI_TRANSFER_PQ, 0, true, &wide, &err), ORI_OK);
    assert_int_equal(ori_tonemap_create(ORI_TRANSFER_PQ, 0, false, &narrow, &err), ORI_OK);
    map_one(wide, 0.58, 0.0, 0.0, to);
    assert_true(to[0] == 255 && to[1] == 0 && to[2] == 0);
    map_one(narrow, 0.58, 0.0, 0.0, to);
    assert_true(to[0] > 220 && to[0] < 235 && to[1] == 0 && to[2] == 0);
    map_one(wide, 0.5, 0.45, 0.4, to);
    assert_true(to[0] > to[1] && to[1] > to[2] && to[2] > 60);
    ori_tonemap_destroy(&wide);
    ori_tonemap_destroy(&narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pq),      cmocka_unit_test(test_hlg),
        cmocka_unit_test(test_curve),   cmocka_unit_test(test_grey_rows),
        cmocka_unit_test(test_colours),
    };
    return cmocka_run_group_tests_name("media_tonemap", tests, NULL, NULL);
}
