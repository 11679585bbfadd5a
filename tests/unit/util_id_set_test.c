/* A set of 128-bit names: what was added is there once, whatever the names look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/id_set.h"

enum { MANY = 200000 };

static void add(struct ori_id_set *set, uint64_t high, uint64_t low, bool is_new)
{
    struct ori_error err = {0};
    bool was_new = !is_new;
    assert_int_equal(ori_id_set_add(set, (struct ori_id){high, low}, &was_new, &err), ORI_OK);
    assert_int_equal(was_new, is_new);
}

static void nothing_is_in_an_empty_one(void **state)
{
    struct ori_id_set set = {0};
    (void)state;
    assert_false(ori_id_set_has(&set, (struct ori_id){0, 0}));
    assert_false(ori_id_set_has(&set, (struct ori_id){1, 2}));
    ori_id_set_deinit(&set);
    ori_id_set_deinit(&set);
}

/* Numbers one behind the other, in either half: as inodes of a device are. */
static void many(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        struct ori_id_set set = {0};
        for (uint64_t round = 0; round < 2; round++) {
            for (uint64_t i = 1; i <= MANY; i++)
                add(&set, half ? i : 2049, half ? 2049 : i, round == 0);
        }
        assert_int_equal(set.used, MANY);
        assert_true(set.used <= set.size / 4 * 3 && set.size <= 4 * MANY);
        for (uint64_t i = 1; i <= MANY; i++)
            assert_true(ori_id_set_has(&set, (struct ori_id){half ? i : 2049, half ? 2049 : i}));
        assert_false(ori_id_set_has(&set, (struct ori_id){2049, MANY + 1}));
        ori_id_set_deinit(&set);
    }
}

static void both_halves_count_and_zero_is_a_name(void **state)
{
    struct ori_id_set set = {0};
    (void)state;
    add(&set, 1, 2, true);
    add(&set, 2, 1, true);
    add(&set, 1, 1, true);
    add(&set, 2, 2, true);
    add(&set, 1, 2, false);
    add(&set, 0, 0, true);
    add(&set, 0, 0, false);
    add(&set, 0, 1, false); /* the same, as the header says */
    assert_true(ori_id_set_has(&set, (struct ori_id){0, 0}));
    assert_int_equal(set.used, 5);
    ori_id_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_in_an_empty_one),
        cmocka_unit_test(many),
        cmocka_unit_test(both_halves_count_and_zero_is_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
