#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/signature.h"
#include "vision_pictures.h"

/* The mean of samples [left, right) x [top, bottom), by another road than the product's. */
static double mean_of(const struct ori_plane *plane, int left, int right, int top, int bottom)
{
    double sum = 0;
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++)
            sum += plane->data[y * plane->stride + x];
    }
    return sum / ((double)(bottom - top) * (right - left));
}

static void area_average_is_exact(void **state)
{
    (void)state;
    static const uint8_t samples[] = {
        10, 20, 30,  40,  99, /* */
        12, 22, 32,  42,  99, /* */
        0,  1,  255, 254, 99, /* */
    };
    const struct ori_plane plane = {samples, 5, 4, 3};
    uint16_t cells[12];
    ori_area_average(&plane, NULL, 2, 1, cells);
    assert_int_equal(cells[0], (16 * (10 + 20 + 12 + 22 + 0 + 1) + 3) / 6);
    assert_int_equal(cells[1], (16 * (30 + 40 + 32 + 42 + 255 + 254) + 3) / 6);
    ori_area_average(&plane, &(struct ori_box){1, 1, 2, 2}, 1, 1, cells);
    assert_int_equal(cells[0], 4 * (22 + 32 + 1 + 255));
    ori_area_average(&plane, NULL, 4, 3, cells);
    for (int i = 0; i < 12; i++)
        assert_int_equal(cells[i], 16 * samples[i / 4 * 5 + i % 4]);
    ori_area_average(&plane, &(struct ori_box){3, 2, 1, 1}, 2, 2, cells); /* fewer samples than */
    for (int i = 0; i < 4; i++)                                           /* cells */
        assert_int_equal(cells[i], 16 * 254);
}

/* Brighter to the right in the upper half, darker in the lower: bits known without computing. */
static void dhash_of_gradients(void **state)
{
    (void)state;
    struct picture picture;
    picture_init(&picture, 90, 80, PICTURE_GREY);
    for (int y = 0; y < 80; y++) {
        for (int x = 0; x < 90; x++)
            picture.samples[0][y * 90 + x] = (uint8_t)(y < 40 ? 2 * x : 255 - 2 * x);
    }
    struct ori_dhash hash = ori_dhash_make(&picture.planes[0], NULL, 8);
    assert_true(hash.bits[0] == UINT64_C(0xFFFFFFFF00000000));
    assert_true(hash.bits[1] == 0 && hash.bits[3] == 0);
    const struct ori_box upper = {10, 0, 60, 40};
    hash = ori_dhash_make(&picture.planes[0], &upper, 16);
    for (int i = 0; i < 4; i++)
        assert_true(hash.bits[i] == UINT64_MAX);
    hash = ori_dhash_make(&picture.planes[0], NULL, 2);
    assert_true(hash.bits[0] == UINT64_C(0xC000000000000000));
    picture_fill(&picture, (const uint8_t[3]){77, 0, 0});
    hash = ori_dhash_make(&picture.planes[0], NULL, 8);
    assert_true(hash.bits[0] == 0); /* equal is not brighter */
    picture_deinit(&picture);
}

static void dhash_agrees_with_another_computation(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 60; i++) {
        struct picture picture;
        picture_init(&picture, 40 + picture_random_below(&seed, 200),
                     40 + picture_random_below(&seed, 200), PICTURE_GREY);
        picture_texture(&picture, (uint64_t)i);
        struct ori_box box = {picture_random_below(&seed, 10), picture_random_below(&seed, 10), 0,
                              0};
        box.w = picture.width - box.x - picture_random_below(&seed, 10);
        box.h = picture.height - box.y - picture_random_below(&seed, 10);
        int size = 2 + i % (ORI_DHASH_SIZE_MAX - 1);
        struct ori_dhash hash = ori_dhash_make(&picture.planes[0], &box, size);
        for (int bit = 0; bit < size * size; bit++) {
            int y = bit / size;
            double cells[2];
            for (int k = 0; k < 2; k++)
                cells[k] =
                    mean_of(&picture.planes[0], box.x + (bit % size + k) * box.w / (size + 1),
                            box.x + (bit % size + k + 1) * box.w / (size + 1),
                            box.y + y * box.h / size, box.y + (y + 1) * box.h / size);
            if (cells[1] - cells[0] < 0.07 && cells[1] - cells[0] > -0.07)
                continue; /* nearer than sixteenths of a code value tell apart */
            int is_set = (hash.bits[bit / 64] >> (63 - bit % 64)) & 1;
            assert_int_equal(is_set, cells[1] > cells[0]);
        }
        picture_deinit(&picture);
    }
}

static void distance_counts_bits(void **state)
{
    (void)state;
    struct ori_dhash a = {{0, 0, 0, 0}};
    struct ori_dhash b = {{1, 0x8000000000000000, 0xF0, 0}};
    assert_int_equal(ori_dhash_distance(&a, &a), 0);
    assert_int_equal(ori_dhash_distance(&a, &b), 6);
    b = (struct ori_dhash){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    assert_int_equal(ori_dhash_distance(&a, &b), 256);
}

enum { FAINT = 1 }; /* 25 brighter than what is behind it */

struct change {
    const char *name;
    double gain, offset, noise;
    int object_side; /* of a square put into the picture, samples */
    uint8_t object[3];
    bool is_same;
};

static void is_same_forgives_coding_and_light_alone(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"nothing", 1, 0, 0, 0, {0}, true},
        {"coding noise", 1, 0, 2, 0, {0}, true},
        {"a little light", 1, 5, 1, 0, {0}, true},
        {"a little less light", 1, -5, 1, 0, {0}, true},
        {"much light", 1, 12, 0, 0, {0}, false},
        {"another contrast", 0.5, 60, 0, 0, {0}, false},
        {"a bright object of 5 %", 1, 0, 0, 70, {240, 128, 128}, false},
        {"a dark object of 5 %", 1, 0, 0, 70, {20, 128, 128}, false},
        {"a small object", 1, 0, 0, 24, {245, 128, 128}, false},
        {"a small object that hardly shows", 1, 0, 0, 24, {FAINT}, false},
    };
    struct picture picture;
    picture_init(&picture, 320, 240, PICTURE_420);
    for (uint64_t seed = 0; seed < 4; seed++) {
        for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
            const struct change *change = &changes[i];
            struct ori_signature before, after;
            picture_texture(&picture, seed);
            picture_light(&picture, 0.6, 50);
            ori_signature_make(picture.planes, NULL, &before);
            uint8_t object[3] = {change->object[0], change->object[1], change->object[2]};
            if (object[0] == FAINT) { /* on a quiet ground, which it is the only thing on */
                picture_fill(&picture, (const uint8_t[3]){100, 128, 128});
                ori_signature_make(picture.planes, NULL, &before);
                memcpy(object, (const uint8_t[3]){125, 128, 128}, 3);
            }
            picture_light(&picture, change->gain, change->offset);
            picture_noise(&picture, change->noise, seed);
            picture_rect(&picture,
                         (struct ori_box){100, 80, change->object_side, change->object_side},
                         object);
            ori_signature_make(picture.planes, NULL, &after);
            if (ori_signature_is_same(&before, &after) != change->is_same ||
                ori_signature_is_same(&after, &before) != change->is_same)
                fail_msg("%s, picture %d", change->name, (int)seed);
        }
    }
    picture_deinit(&picture);
}

static void colour_alone_tells_apart(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_signature before, after;
    picture_init(&picture, 320, 240, PICTURE_420);
    picture_texture(&picture, 1);
    ori_signature_make(picture.planes, NULL, &before);
    for (int y = 30; y < 60; y++)
        memset(picture.samples[1] + y * 160 + 50, 220, 40);
    ori_signature_make(picture.planes, NULL, &after);
    assert_false(ori_signature_is_same(&before, &after));
    picture_deinit(&picture);
}

/* What lies outside the box does not count, to the sample; what lies inside does. */
static void boxes_are_exact(void **state)
{
    (void)state;
    static const struct ori_box boxes[] = {
        {0, 0, 64, 64}, {136, 116, 64, 64}, {7, 3, 101, 77}, {198, 178, 2, 2}, {199, 179, 1, 1}};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        struct picture picture, other;
        struct ori_signature a, b;
        picture_init(&picture, 200, 180, PICTURE_444);
        picture_init(&other, 200, 180, PICTURE_444);
        picture_texture(&picture, 1);
        picture_texture(&other, 2);
        for (int p = 0; p < 3; p++) {
            for (int y = 0; y < boxes[i].h; y++) {
                ptrdiff_t at = (ptrdiff_t)(boxes[i].y + y) * 200 + boxes[i].x;
                memcpy(other.samples[p] + at, picture.samples[p] + at, (size_t)boxes[i].w);
            }
        }
        ori_signature_make(picture.planes, &boxes[i], &a);
        ori_signature_make(other.planes, &boxes[i], &b);
        assert_memory_equal(&a, &b, sizeof a);
        other.samples[0][boxes[i].y * 200 + boxes[i].x] ^= 0x80;
        ori_signature_make(other.planes, &boxes[i], &b);
        assert_memory_not_equal(&a, &b, sizeof a);
        picture_deinit(&picture);
        picture_deinit(&other);
    }
}

/* Every small box of every small picture, for AddressSanitizer: nothing outside is read. */
static void small_boxes_stay_inside(void **state)
{
    (void)state;
    for (int side = 1; side < 8; side++) {
        struct picture picture;
        picture_init(&picture, side, 8 - side, side % 2 ? PICTURE_420 : PICTURE_422);
        for (int i = 0; i < side * (8 - side); i++) {
            struct ori_signature signature;
            struct ori_box box = {i % side, i / side, 1 + i % (side - i % side), 1};
            ori_signature_make(picture.planes, &box, &signature);
            assert_int_equal(signature.luma[1023], 16);
            assert_int_equal(signature.chroma[1][255], 128);
            assert_true(ori_dhash_make(&picture.planes[0], &box, 16).bits[0] == 0);
        }
        picture_deinit(&picture);
    }
}

static void grey_pictures_have_grey_chroma(void **state)
{
    (void)state;
    struct picture picture;
    struct ori_signature signature;
    picture_init(&picture, 50, 40, PICTURE_GREY);
    picture_texture(&picture, 1);
    ori_signature_make(picture.planes, NULL, &signature);
    for (int i = 0; i < ORI_SIGNATURE_CHROMA * ORI_SIGNATURE_CHROMA; i++) {
        assert_int_equal(signature.chroma[0][i], 128);
        assert_int_equal(signature.chroma[1][i], 128);
    }
    assert_true(ori_signature_is_same(&signature, &signature));
    picture_deinit(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(area_average_is_exact),
        cmocka_unit_test(dhash_of_gradients),
        cmocka_unit_test(dhash_agrees_with_another_computation),
        cmocka_unit_test(distance_counts_bits),
        cmocka_unit_test(is_same_forgives_coding_and_light_alone),
        cmocka_unit_test(colour_alone_tells_apart),
        cmocka_unit_test(boxes_are_exact),
        cmocka_unit_test(small_boxes_stay_inside),
        cmocka_unit_test(grey_pictures_have_grey_chroma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
