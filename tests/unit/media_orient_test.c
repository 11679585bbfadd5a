#include "media/orient_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "media/video.h"

#define ONE 65536

struct matrix_case {
    const char *name;
    int32_t a, b, c, d;
    int rotation;
    bool is_mirrored;
};
static const struct matrix_case matrices[] = {
    {"upright", ONE, 0, 0, ONE, 0, false},
    {"quarter turn clockwise", 0, ONE, -ONE, 0, 90, false},
    {"half turn", -ONE, 0, 0, -ONE, 180, false},
    {"quarter turn back", 0, -ONE, ONE, 0, 270, false},
    {"left and right swapped", -ONE, 0, 0, ONE, 0, true},
    {"upside down", ONE, 0, 0, -ONE, 180, true},
    {"transposed", 0, ONE, ONE, 0, 90, true},
    {"transposed the other way", 0, -ONE, -ONE, 0, 270, true},
    {"ten degrees", 64540, 11380, -11380, 64540, 0, false},
    {"eighty degrees", 11380, 64540, -64540, 11380, 90, false},
    {"all zero", 0, 0, 0, 0, 0, false},
    {"extremes", INT32_MIN, 0, 0, INT32_MIN, 180, false},
};

static void test_matrices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        const struct matrix_case *m = &matrices[i];
        const int32_t matrix[9] = {m->a, m->b, 0, m->c, m->d, 0, 0, 0, 1 << 30};
        int rotation = -1;
        bool is_mirrored = false;
        ori_orient_from_matrix(matrix, &rotation, &is_mirrored);
        if (rotation != m->rotation || is_mirrored != m->is_mirrored)
            fail_msg("%s: %d %d", m->name, rotation, is_mirrored);
    }
}

/* The picture 1 2 3 over 4 5 6, turned by hand. */
struct turn_case {
    int rotation;
    bool is_mirrored;
    int width;
    uint8_t pixels[6];
};
static const struct turn_case turns[] = {
    {0, false, 3, {1, 2, 3, 4, 5, 6}},   {90, false, 2, {4, 1, 5, 2, 6, 3}},
    {180, false, 3, {6, 5, 4, 3, 2, 1}}, {270, false, 2, {3, 6, 2, 5, 1, 4}},
    {0, true, 3, {3, 2, 1, 6, 5, 4}},    {90, true, 2, {1, 4, 2, 5, 3, 6}},
    {180, true, 3, {4, 5, 6, 1, 2, 3}},  {270, true, 2, {6, 3, 5, 2, 4, 1}},
};

static void test_turning(void **state)
{
    (void)state;
    uint8_t from[2 * 12] = {0};
    for (int i = 0; i < 6; i++)
        memset(from + i / 3 * 12 + i % 3 * 3, i + 1, 3);
    const struct ori_rgb src = {from, 12, 3, 2};
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        const struct turn_case *t = &turns[i];
        uint8_t to[18] = {0};
        const struct ori_rgb dst = {to, 3 * t->width, t->width, 6 / t->width};
        ori_orient_rgb(&src, t->rotation, t->is_mirrored, &dst);
        for (int k = 0; k < 6; k++) {
            if (to[3 * k] != t->pixels[k] || to[3 * k + 2] != t->pixels[k])
                fail_msg("%d%s, pixel %d: %d", t->rotation, t->is_mirrored ? " mirrored" : "", k,
                         to[3 * k]);
        }
    }
}

/* upright_box and the turned picture agree: cutting after turning is turning after cutting. */
static void test_boxes_follow_pixels(void **state)
{
    (void)state;
    enum { W = 70, H = 5 };
    uint8_t from[3 * W * H];
    uint8_t to[3 * W * H];
    for (int i = 0; i < W * H; i++) {
        from[3 * i] = (uint8_t)(i % W);
        from[3 * i + 1] = (uint8_t)(i / W);
        from[3 * i + 2] = 0;
    }
    const struct ori_rgb src = {from, 3 * W, W, H};
    const struct ori_box box = {7, 1, 11, 3};
    for (int k = 0; k < 8; k++) {
        struct ori_video_info info = {
            .width = W, .height = H, .rotation = k % 4 * 90, .is_mirrored = k > 3};
        bool is_sideways = k % 2;
        struct ori_rgb dst = {to, 3 * (is_sideways ? H : W), is_sideways ? H : W,
                              is_sideways ? W : H};
        ori_orient_rgb(&src, info.rotation, info.is_mirrored, &dst);
        struct ori_box up = ori_video_upright_box(&info, &box);
        assert_int_equal(up.w, is_sideways ? box.h : box.w);
        for (int y = 0; y < dst.height; y++) {
            for (int x = 0; x < dst.width; x++) {
                const uint8_t *p = to + y * dst.stride + 3 * x;
                bool is_in =
                    p[0] >= box.x && p[0] < box.x + box.w && p[1] >= box.y && p[1] < box.y + box.h;
                bool is_in_up = x >= up.x && x < up.x + up.w && y >= up.y && y < up.y + up.h;
                assert_int_equal(is_in, is_in_up);
            }
        }
    }
}

struct size_case {
    int rotation, sar_num, sar_den;
    struct ori_box box;
    int width, height;
};
static const struct size_case sizes[] = {
    {0, 1, 1, {0, 0, 720, 576}, 720, 576},    {90, 1, 1, {0, 0, 720, 576}, 576, 720},
    {0, 16, 15, {0, 0, 720, 576}, 768, 576},  {0, 8, 9, {0, 0, 720, 480}, 720, 540},
    {90, 16, 15, {0, 0, 720, 576}, 576, 768}, {0, 4, 3, {3, 5, 1, 1}, 1, 1},
    {0, 8, 1, {0, 0, 101, 3}, 808, 3},        {180, 1, 8, {0, 0, 3, 101}, 3, 808},
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct size_case *s = &sizes[i];
        struct ori_video_info info = {.width = s->box.w,
                                      .height = s->box.h,
                                      .rotation = s->rotation,
                                      .sar_num = s->sar_num,
                                      .sar_den = s->sar_den};
        int width = 0;
        int height = 0;
        ori_frame_rgb_size(&info, &s->box, &width, &height);
        assert_int_equal(width, s->width);
        assert_int_equal(height, s->height);
        ori_frame_rgb_size(&info, NULL, &width, &height);
        assert_int_equal(width, s->width);
    }
}

/* Flat stays flat, doubling lands on Keys' weights, and nothing leaves 0..255. */
static void test_stretching(void **state)
{
    (void)state;
    struct ori_error err = {0};
    uint8_t from[4 * 3];
    uint8_t to[8 * 3];
    const uint8_t row[4] = {0, 0, 255, 255};
    for (int i = 0; i < 12; i++)
        from[i] = row[i / 3];
    const struct ori_rgb wide = {from, 12, 4, 1};
    const struct ori_rgb wider = {to, 24, 8, 1};
    const struct ori_rgb tall = {from, 3, 1, 4};
    const struct ori_rgb taller = {to, 3, 1, 8};
    /* Pixel 3 lies a quarter behind source pixel 1: weights -9/128, 111/128, 29/128, -3/128;
     * 255 * (29 - 3) / 128 = 51.8. The others by symmetry; -3 and 258 are clamped. */
    const uint8_t expected[8] = {0, 0, 0, 52, 203, 255, 255, 255};
    assert_int_equal(ori_orient_stretch(&wide, &wider, &err), ORI_OK);
    for (int i = 0; i < 24; i++)
        assert_int_equal(to[i], expected[i / 3]);
    memset(to, 9, sizeof to);
    assert_int_equal(ori_orient_stretch(&tall, &taller, &err), ORI_OK);
    for (int i = 0; i < 24; i++)
        assert_int_equal(to[i], expected[i / 3]);
    memset(from, 200, sizeof from);
    assert_int_equal(ori_orient_stretch(&wide, &wider, &err), ORI_OK);
    for (int i = 0; i < 24; i++)
        assert_int_equal(to[i], 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_turning),
        cmocka_unit_test(test_boxes_follow_pixels),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_stretching),
    };
    return cmocka_run_group_tests_name("media_orient", tests, NULL, NULL);
}
