/* How long to wait before trying again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/backoff.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void waits(void **state)
{
    (void)state;
    static const struct {
        int attempt;
        int64_t base_us;
        int64_t max_us;
        int64_t least_us;
        int64_t most_us;
    } rows[] = {
        {1, 1000, 60000, 500, 1000},
        {2, 1000, 60000, 1000, 2000},
        {3, 1000, 60000, 2000, 4000},
        {6, 1000, 60000, 16000, 32000},
        {7, 1000, 60000, 30000, 60000},
        {8, 1000, 60000, 30000, 60000},
        {1000000000, 1000, 60000, 30000, 60000},
        {INT32_MAX, INT64_MAX, INT64_MAX, INT64_MAX / 2, INT64_MAX},
        {64, 1, INT64_MAX, INT64_C(1) << 60, INT64_C(1) << 61},
        {1, 5000, 100, 50, 100},
        {0, 1000, 60000, 500, 1000},
        {-5, 1000, 60000, 500, 1000},
        {1, 0, 60000, 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(ori_backoff_us(rows[i].attempt, rows[i].base_us, rows[i].max_us, 0),
                         rows[i].least_us);
        assert_int_equal(
            ori_backoff_us(rows[i].attempt, rows[i].base_us, rows[i].max_us, UINT32_MAX),
            rows[i].most_us);
    }
}

static void waits_between(void **state)
{
    (void)state;
    int64_t last = 0;
    for (int i = 0; i <= 16; i++) {
        uint32_t random = i == 16 ? UINT32_MAX : (uint32_t)i << 28;
        int64_t wait = ori_backoff_us(3, 1000, 60000, random);
        assert_in_range(wait, 2000, 4000);
        assert_true(wait > last);
        last = wait;
    }
}

static void random_bits_differ(void **state)
{
    (void)state;
    uint32_t ones = 0;
    uint32_t zeros = UINT32_MAX;
    for (int i = 0; i < 200; i++) { /* a bit that never changes: 32 * 2^-199 */
        uint32_t random = ori_backoff_random();
        ones |= random;
        zeros &= random;
    }
    assert_int_equal(ones, UINT32_MAX);
    assert_int_equal(zeros, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(waits), cmocka_unit_test(waits_between),
                                       cmocka_unit_test(random_bits_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
