#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "vision/thumb.h"
#include "vision_pictures.h"

/* A plane whose last sample is the last byte before a page that must not be touched, with rubbish
 * between its rows. */
struct fenced {
    struct ori_plane plane;
    uint8_t *pages;
    size_t size;
};

static struct fenced fence(int width, int height, int padding, uint64_t seed)
{
    struct fenced fenced = {0};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ptrdiff_t stride = width + padding;
    size_t used = (size_t)stride * (size_t)(height - 1) + (size_t)width;
    size_t pages = (used + page - 1) / page;
    fenced.size = (pages + 1) * page;
    fenced.pages =
        mmap(NULL, fenced.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(fenced.pages, MAP_FAILED);
    uint8_t *data = fenced.pages + pages * page - used;
    for (size_t i = 0; i < used; i++)
        data[i] = (uint8_t)picture_random(&seed);
    assert_int_equal(mprotect(fenced.pages + pages * page, page, PROT_NONE), 0);
    fenced.plane = (struct ori_plane){data, stride, width, height};
    return fenced;
}

static void unfence(struct fenced *fenced)
{
    munmap(fenced->pages, fenced->size);
}

static void check_twins(int width, int height, int padding, int factor_x, int factor_y)
{
    struct fenced fenced = fence(width, height, padding, (uint64_t)(width * 7 + height));
    size_t n = (size_t)(width / factor_x) * (size_t)(height / factor_y);
    uint8_t *fast = malloc(n + 1); /* of exactly the right size, but for n == 0 */
    uint8_t *plain = malloc(n + 1);
    assert_non_null(fast);
    assert_non_null(plain);
    fast[n] = 0xA5;
    ori_shrink(&fenced.plane, factor_x, factor_y, fast);
    ori_shrink_reference(&fenced.plane, factor_x, factor_y, plain);
    assert_int_equal(fast[n], 0xA5);
    if (n && memcmp(fast, plain, n) != 0)
        fail_msg("%d x %d + %d by %d x %d differs", width, height, padding, factor_x, factor_y);
    free(fast);
    free(plain);
    unfence(&fenced);
}

static void shrink_equals_its_plain_twin(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1},    {2, 2},    {3, 5},     {16, 16},  {17, 31},
                                   {1, 5000}, {5000, 1}, {127, 129}, {255, 63}, {641, 361},
                                   {2047, 9}, {2048, 9}, {2049, 9},  {4097, 5}, {99, 700}};
    static const int factors[][2] = {{1, 1},   {2, 2},   {3, 2},    {2, 3},   {7, 5},   {15, 15},
                                     {1, 40},  {40, 1},  {64, 64},  {1, 257}, {16, 16}, {17, 15},
                                     {1, 258}, {9, 300}, {2048, 1}, {2049, 1}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
            check_twins(sizes[s][0], sizes[s][1], 0, factors[f][0], factors[f][1]);
            check_twins(sizes[s][0], sizes[s][1], (int)(s * 5 + f), factors[f][0], factors[f][1]);
        }
    }
    check_twins(3840, 2160, 64, 30, 30);
    uint64_t seed = 4;
    for (int i = 0; i < 300; i++) {
        int width = 1 + picture_random_below(&seed, 300);
        int height = 1 + picture_random_below(&seed, 300);
        check_twins(width, height, picture_random_below(&seed, 40),
                    1 + picture_random_below(&seed, width),
                    1 + picture_random_below(&seed, height));
    }
}

/* 257 rows of 255 are the largest sum that fits the fast variant's 16 bits. */
static void shrink_does_not_overflow(void **state)
{
    (void)state;
    static const int factors[][2] = {{1, 257},   {1, 258}, {2, 257}, {255, 257},
                                     {256, 256}, {16, 16}, {17, 15}};
    enum { WIDTH = 512, HEIGHT = 520 };
    uint8_t *white = malloc(WIDTH * HEIGHT);
    uint8_t *out = malloc(WIDTH * HEIGHT);
    assert_non_null(white);
    assert_non_null(out);
    memset(white, 255, WIDTH * HEIGHT);
    struct ori_plane plane = {white, WIDTH, WIDTH, HEIGHT};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        int n = (WIDTH / factors[f][0]) * (HEIGHT / factors[f][1]);
        ori_shrink(&plane, factors[f][0], factors[f][1], out);
        for (int i = 0; i < n; i++)
            assert_int_equal(out[i], 255);
    }
    free(white);
    free(out);
}

static void shrink_rounds_to_the_nearest(void **state)
{
    (void)state;
    static const uint8_t samples[] = {1, 2, 9, 0, 0, 1, 9, 10, 77}; /* 3 x 3 */
    const struct ori_plane plane = {samples, 3, 3, 3};
    uint8_t out[9] = {0};
    ori_shrink(&plane, 2, 2, out);
    assert_int_equal(out[0], 1); /* (1 + 2 + 0 + 0 + 2) / 4: 0.75 */
    ori_shrink(&plane, 2, 1, out);
    assert_int_equal(out[0], 2); /* 1.5 */
    assert_int_equal(out[1], 0);
    assert_int_equal(out[2], 10); /* 9.5 */
    ori_shrink(&plane, 3, 3, out);
    assert_int_equal(out[0], 12); /* 109 / 9: 12.1 */
}

struct size_case {
    int width, height;
    enum picture_chroma chroma;
    double downscale;
    int thumb_width, thumb_height, chroma_width, chroma_height;
};

static void thumbs_have_the_promised_sizes(void **state)
{
    (void)state;
    static const struct size_case cases[] = {
        {426, 240, PICTURE_420, 1, 106, 60, 53, 30},
        {640, 360, PICTURE_420, 1, 128, 72, 64, 36},
        {1280, 720, PICTURE_420, 1, 128, 72, 64, 36},
        {1920, 1080, PICTURE_420, 1, 128, 72, 64, 36},
        {1920, 1080, PICTURE_422, 1, 128, 72, 64, 36},
        {1920, 1080, PICTURE_444, 1, 128, 72, 64, 36},
        {1080, 1920, PICTURE_420, 1, 72, 128, 36, 64},
        {1920, 1080, PICTURE_GREY, 1, 128, 72, 0, 0},
        {3840, 2160, PICTURE_420, 1, 128, 72, 64, 36},
        {7680, 4320, PICTURE_420, 1, 128, 72, 64, 36},
        {129, 128, PICTURE_444, 1, 64, 64, 32, 32},
        {128, 128, PICTURE_444, 1, 128, 128, 64, 64},
        {128, 72, PICTURE_420, 0.5, 64, 36, 32, 18},
        {640, 360, PICTURE_420, 0.1, 64, 36, 32, 18},
        {40, 40, PICTURE_420, 0.1, 20, 20, 10, 10}, /* 16 samples a side are left to tiny ones */
        {16, 16, PICTURE_420, 0.1, 16, 16, 8, 8},
        {1, 1, PICTURE_444, 0.5, 1, 1, 0, 0},
        {1, 5000, PICTURE_420, 1, 1, 128, 0, 0},
        {5000, 1, PICTURE_GREY, 1, 128, 1, 0, 0},
    };
    struct ori_thumb thumb;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct size_case *c = &cases[i];
        struct picture picture;
        picture_init(&picture, c->width, c->height, c->chroma);
        ori_thumb_make(picture.planes, c->downscale, &thumb);
        if (thumb.width != c->thumb_width || thumb.height != c->thumb_height ||
            thumb.chroma_width != c->chroma_width || thumb.chroma_height != c->chroma_height)
            fail_msg("%d x %d gives %d x %d and %d x %d", c->width, c->height, thumb.width,
                     thumb.height, thumb.chroma_width, thumb.chroma_height);
        picture_deinit(&picture);
    }
}

static void thumbs_stay_within_their_maxima_and_the_planes(void **state)
{
    (void)state;
    struct ori_thumb thumb;
    uint64_t seed = 9;
    static const int longest[] = {20, 140, 700, 3000};
    for (int i = 0; i < 400; i++) {
        int width = 1 + picture_random_below(&seed, longest[i % 4]);
        int height = 1 + picture_random_below(&seed, longest[i / 4 % 4]);
        int shift = picture_random_below(&seed, 2);
        int chroma_width = (width + shift) >> shift;
        int chroma_height = (height + (shift & i)) >> (shift & i);
        struct fenced y = fence(width, height, i % 7, seed);
        struct fenced u = fence(chroma_width, chroma_height, 0, seed + 1);
        struct fenced v = fence(chroma_width, chroma_height, 3, seed + 2);
        struct ori_plane planes[3] = {y.plane, u.plane, v.plane};
        ori_thumb_make(planes, (i % 10 + 1) / 10.0, &thumb);
        assert_in_range(thumb.width, 1, ORI_THUMB_SIDE_MAX);
        assert_in_range(thumb.height, 1, ORI_THUMB_SIDE_MAX);
        assert_in_range(thumb.chroma_width, 0, ORI_THUMB_CHROMA_SIDE_MAX);
        assert_in_range(thumb.chroma_height, 0, ORI_THUMB_CHROMA_SIDE_MAX);
        assert_true(thumb.std >= 0 && thumb.std <= 128 && thumb.mean >= 0 && thumb.mean <= 255);
        unfence(&y);
        unfence(&u);
        unfence(&v);
    }
}

static void moments_are_those_of_the_samples(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_thumb thumb;
    picture_init(&picture, 64, 64, PICTURE_444);
    picture_rect(&picture, (struct ori_box){0, 0, 32, 64}, (const uint8_t[3]){40, 100, 90});
    picture_rect(&picture, (struct ori_box){32, 0, 32, 64}, (const uint8_t[3]){60, 110, 150});
    picture_thumb(&picture, &thumb);
    assert_true(thumb.mean == 50 && thumb.std == 10);
    assert_true(thumb.chroma_std == 30); /* V's, the larger */
    assert_int_equal(thumb.luma[0], 40);
    assert_int_equal(thumb.luma[63], 60);
    assert_int_equal(thumb.chroma[0][0], 100);
    assert_int_equal(thumb.chroma[1][31], 150);
    picture_deinit(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrink_equals_its_plain_twin),
        cmocka_unit_test(shrink_does_not_overflow),
        cmocka_unit_test(shrink_rounds_to_the_nearest),
        cmocka_unit_test(thumbs_have_the_promised_sizes),
        cmocka_unit_test(thumbs_stay_within_their_maxima_and_the_planes),
        cmocka_unit_test(moments_are_those_of_the_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
