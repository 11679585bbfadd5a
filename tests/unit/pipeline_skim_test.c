/* What sizes of coded pictures say, on groups written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/skim.h"
#include "util/limits.h"

enum { KEY_BYTES = 10000 };

static struct ori_coded coded[ORI_LIMIT_MAX_GROUP_PICTURES + 1];

/* A key frame and count - 1 forward pictures of so many bytes. */
static struct ori_group_rest even(size_t count, int32_t bytes)
{
    for (size_t i = 0; i < count; i++)
        coded[i] = (struct ori_coded){(int64_t)i * 40000, i ? bytes : KEY_BYTES, true};
    return (struct ori_group_rest){.coded = coded, .count = count, .begin = 1};
}

static void nothing_but_a_key_frame(void **state)
{
    (void)state;
    struct ori_group_rest rest = even(1, 0);
    struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
    assert_true(sizes.share == 0 && sizes.spike == 0 && sizes.swell == 0 && !sizes.is_at_hand);
}

static void an_even_group(void **state)
{
    (void)state;
    struct ori_group_rest rest = even(50, 1000);
    struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
    assert_float_equal(sizes.share, 0.1, 1e-9);
    assert_float_equal(sizes.spike, 1, 1e-9);
    assert_float_equal(sizes.swell, 1, 1e-9);
    assert_false(sizes.is_at_hand);
}

/* One picture of five times the usual size: seen from before it, at hand a step before, not seen from
 * behind it, but at hand for what is shown before it and coded after. */
static void a_cut_inside(void **state)
{
    (void)state;
    for (size_t begin = 1; begin < 50; begin++) {
        struct ori_group_rest rest = even(50, 1000);
        coded[30].bytes = 5000;
        rest.begin = begin;
        struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
        assert_float_equal(sizes.spike, begin <= 30 ? 5 : 1, 1e-9);
        assert_int_equal(sizes.is_at_hand, begin + ORI_GROUP_STEP > 30 && begin <= 34);
    }
}

static void b_frames_do_not_count(void **state)
{
    (void)state;
    struct ori_group_rest rest = even(50, 1000);
    for (size_t i = 2; i < 50; i += 2) {
        coded[i].is_forward = false;
        coded[i].bytes = 10;
    }
    coded[20].bytes = 9000;
    struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
    assert_float_equal(sizes.spike, 1, 1e-9);
}

static void a_transition_swells(void **state)
{
    (void)state;
    struct ori_group_rest rest = even(50, 1000);
    for (size_t i = 20; i < 24; i++)
        coded[i].bytes = 2000;
    struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
    assert_float_equal(sizes.spike, 2, 1e-9);
    assert_float_equal(sizes.swell, 2, 1e-9);
}

/* The larger key frame is the measure, and noise in a still picture is none. */
static void what_sizes_are_held_against(void **state)
{
    (void)state;
    struct ori_frame next = {0};
    struct ori_group_rest rest = even(50, 1);
    struct ori_skim_sizes sizes = ori_skim_sizes_of(&rest);
    assert_true(sizes.spike < 0.01);
    rest = even(50, 1000);
    rest.next = &next;
    rest.next_bytes = 2000;
    sizes = ori_skim_sizes_of(&rest);
    assert_float_equal(sizes.share, 0.1, 1e-9);
    rest.next_bytes = 40000;
    sizes = ori_skim_sizes_of(&rest);
    assert_float_equal(sizes.share, 0.025, 1e-9);
}

static void the_longest_group(void **state)
{
    (void)state;
    struct ori_group_rest rest = even(ORI_LIMIT_MAX_GROUP_PICTURES, 1000);
    coded[ORI_LIMIT_MAX_GROUP_PICTURES - 1].bytes = 3000;
    assert_float_equal(ori_skim_sizes_of(&rest).spike, 3, 1e-9);
}

static void turbo_looks_at_nothing(void **state)
{
    (void)state;
    struct ori_skim skim;
    struct ori_frame newest = {0};
    struct ori_group_rest rest = even(50, 1000);
    enum ori_group_plan plan = ORI_GROUP_ALL;
    struct ori_error err = {0};
    rest.newest = &newest;
    coded[30].bytes = 90000;
    ori_skim_init(&skim, ORI_SPEED_TURBO, 0.5);
    assert_int_equal(ori_skim_ask(&skim, NULL, &rest, &plan, &err), ORI_OK);
    assert_int_equal(plan, ORI_GROUP_SKIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_a_key_frame),
        cmocka_unit_test(an_even_group),
        cmocka_unit_test(a_cut_inside),
        cmocka_unit_test(b_frames_do_not_count),
        cmocka_unit_test(a_transition_swells),
        cmocka_unit_test(what_sizes_are_held_against),
        cmocka_unit_test(the_longest_group),
        cmocka_unit_test(turbo_looks_at_nothing),
    };
    return cmocka_run_group_tests_name("pipeline_skim", tests, NULL, NULL);
}
