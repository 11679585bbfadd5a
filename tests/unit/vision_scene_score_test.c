/* ffmpeg's scene score by hand: the smaller of the mean difference and of its change, in hundreds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/scene_score.h"

enum { WIDTH = 5000, HEIGHT = 3, GAP = 7 }; /* more than one step, odd, rows with a gap */

static uint8_t bytes[HEIGHT * (WIDTH + GAP)];
static uint16_t words[HEIGHT * (WIDTH + GAP)];

static double push(struct ori_scene_score *score, const void *data, int width, int level_step,
                   int depth)
{
    double found = -1;
    struct ori_error err = {0};
    struct ori_samples samples = {.data = data,
                                  .stride = (WIDTH + GAP) * (depth > 8 ? 2 : 1),
                                  .width = width,
                                  .height = HEIGHT,
                                  .depth = depth};
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(bytes[i] + level_step);
        words[i] = (uint16_t)(words[i] + level_step);
    }
    assert_int_equal(ori_scene_score_push(score, &samples, &found, &err), ORI_OK);
    return found;
}

static struct ori_scene_score *begin(void)
{
    struct ori_scene_score *score = NULL;
    struct ori_error err = {0};
    memset(bytes, 0, sizeof bytes);
    memset(words, 0, sizeof words);
    assert_int_equal(ori_scene_score_create(&score, &err), ORI_OK);
    return score;
}

static void test_numbers_worked_by_hand(void **state)
{
    (void)state;
    struct ori_scene_score *score = begin();
    assert_float_equal(push(score, bytes, WIDTH, 0, 8), 0, 0);
    assert_float_equal(push(score, bytes, WIDTH, 30, 8), 0.3, 1e-7); /* 30, was 0 */
    assert_float_equal(push(score, bytes, WIDTH, 30, 8), 0, 0);      /* 30, was 30 */
    assert_float_equal(push(score, bytes, WIDTH, 40, 8), 0.1, 1e-7); /* 40, was 30 */
    assert_float_equal(push(score, bytes, WIDTH, 150, 8), 1, 0);     /* 150, was 40: over */
    assert_float_equal(push(score, bytes, WIDTH, 2, 8), 0.02, 1e-7); /* 252: the mafd is less */
    ori_scene_score_destroy(&score);
}

static void test_ten_bits_count_a_quarter(void **state)
{
    (void)state;
    struct ori_scene_score *score = begin();
    assert_float_equal(push(score, words, WIDTH, 0, 10), 0, 0);
    assert_float_equal(push(score, words, WIDTH, 30, 10), 0.075, 1e-7);
    ori_scene_score_destroy(&score);
}

static void test_another_size_begins_anew(void **state)
{
    (void)state;
    struct ori_scene_score *score = begin();
    push(score, bytes, WIDTH, 0, 8);
    assert_float_equal(push(score, bytes, WIDTH, 50, 8), 0.5, 1e-7);
    assert_float_equal(push(score, bytes, WIDTH - 1, 50, 8), 0, 0);
    assert_float_equal(push(score, bytes, WIDTH - 1, 20, 8), 0.2, 1e-7); /* the 50 is forgotten */
    assert_float_equal(push(score, words, WIDTH - 1, 20, 10), 0, 0);
    ori_scene_score_destroy(&score);
}

static void test_samples_outside_do_not_count(void **state)
{
    (void)state;
    struct ori_scene_score *score = begin();
    push(score, bytes, WIDTH, 0, 8);
    for (int y = 0; y < HEIGHT; y++)
        memset(bytes + y * (WIDTH + GAP) + WIDTH, 255, GAP);
    assert_float_equal(push(score, bytes, WIDTH, 0, 8), 0, 0);
    bytes[WIDTH - 1] = 150; /* one sample of 15,000 */
    assert_float_equal(push(score, bytes, WIDTH, 0, 8), 150.0 / (WIDTH * HEIGHT) / 100, 1e-9);
    ori_scene_score_destroy(&score);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_worked_by_hand),
        cmocka_unit_test(test_ten_bits_count_a_quarter),
        cmocka_unit_test(test_another_size_begins_anew),
        cmocka_unit_test(test_samples_outside_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
