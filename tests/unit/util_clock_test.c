#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/clock.h"

static void writes_rfc3339(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_us;
        const char *expected;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.000Z"},
        {1000, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951827696123456), "2000-02-29T12:34:56.123Z"},
        {INT64_C(4102444799999999), "2099-12-31T23:59:59.999Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000000), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ORI_CLOCK_TEXT_BYTES];
        ori_clock_rfc3339(rows[i].wall_us, text);
        assert_string_equal(text, rows[i].expected);
    }
}

static void goes_forward(void **state)
{
    (void)state;
    int64_t before_us = ori_clock_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = ori_clock_us();
        assert_true(now_us >= before_us);
        before_us = now_us;
    }
    assert_true(ori_clock_wall_us() > INT64_C(1700000000000000)); /* after 2023 */
}

static void deadlines_become_poll_times(void **state)
{
    (void)state;
    int64_t now_us = ori_clock_us();
    assert_int_equal(ori_clock_poll_ms(ORI_CLOCK_NO_DEADLINE), -1);
    assert_int_equal(ori_clock_poll_ms(0), 0);
    assert_int_equal(ori_clock_poll_ms(now_us - 1), 0);
    assert_in_range(ori_clock_poll_ms(now_us + 60000000), 1, 60000);
    assert_int_equal(ori_clock_poll_ms(ORI_CLOCK_NO_DEADLINE - 1), INT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_rfc3339),
        cmocka_unit_test(goes_forward),
        cmocka_unit_test(deadlines_become_poll_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
