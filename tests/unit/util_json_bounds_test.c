/* tests/unit/util_json_bounds_test.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "util/json_bounds.h"

static void test_at_the_bounds_and_past_them(void **state)
{
    static const struct {
        const char *text;
        size_t depth; /* the least that passes */
        size_t values;
    } rows[] = {
        {"", 0, 1},
        {"1", 0, 1},
        {"[]", 1, 2},
        {"[1,2,3]", 1, 4},
        {"{\"a\":1,\"b\":2}", 1, 5},
        {"[[[]]]", 3, 4},
        {"[[],[]]", 2, 5},
        {"\"[[[,,,\"", 0, 1},
        {"\"\\\"[[[\"", 0, 1},
        {"]]]][", 1, 2},
        {"\"\\", 0, 1},
        {"[\"", 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].text;
        const size_t bytes = strlen(text);
        struct ori_error err = {0};
        assert_int_equal(
            ori_json_bounds_check("x", text, bytes, rows[i].depth, rows[i].values, &err), ORI_OK);
        if (rows[i].values > 1)
            assert_int_equal(
                ori_json_bounds_check("x", text, bytes, rows[i].depth, rows[i].values - 1, NULL),
                ORI_LIMIT);
        if (rows[i].depth > 0)
            assert_int_equal(
                ori_json_bounds_check("x", text, bytes, rows[i].depth - 1, rows[i].values, NULL),
                ORI_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_at_the_bounds_and_past_them)};
    return cmocka_run_group_tests_name("util/json_bounds", tests, NULL, NULL);
}
