/* Content-Range, as it is and as it must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/content_range.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t first;
        int64_t last;
        int64_t total;
    } rows[] = {
        {"bytes 0-0/1", 0, 0, 1},
        {"bytes 0-499/1234", 0, 499, 1234},
        {"Bytes 500-1233/1234", 500, 1233, 1234},
        {"bytes 0-499/*", 0, 499, -1},
        {"bytes */1234", -1, -1, 1234},
        {"bytes */0", -1, -1, 0},
        {"bytes 007-008/0009", 7, 8, 9},
        {"bytes 0-9223372036854775806/9223372036854775807", 0, INT64_MAX - 1, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_content_range range;
        if (!ori_content_range_read(rows[i].text, &range))
            fail_msg("'%s'", rows[i].text);
        assert_int_equal(range.first, rows[i].first);
        assert_int_equal(range.last, rows[i].last);
        assert_int_equal(range.total, rows[i].total);
    }
}

static void no_ranges(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "bytes",
        "bytes ",
        "bytes 0-1",
        "bytes 0-1/",
        "bytes 0-1/x",
        "bytes 0-1/2 ",
        "bytes 0-1/2,3-4/5",
        "bytes  0-1/2",
        "bytes=0-1/2",
        "bytes 0-1/1",
        "bytes 2-1/3",
        "bytes -1/3",
        "bytes 0-/3",
        "bytes +0-1/3",
        "bytes 0--1/3",
        "bytes 0-1/-3",
        "bytes */*",
        "bytes */",
        "bytes *-1/3",
        "bytes 0x0-0x1/3",
        "items 0-1/3",
        "bytes 0-1/9223372036854775808",
        "bytes 0-9223372036854775808/*",
        "bytes 0-1/99999999999999999999999",
        "bytes 00000000000000000000-1/3",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_content_range range = {.first = 77};
        if (ori_content_range_read(rows[i], &range))
            fail_msg("'%s'", rows[i]);
        assert_int_equal(range.first, 77);
    }
    struct ori_content_range range;
    assert_false(ori_content_range_read(NULL, &range));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges), cmocka_unit_test(no_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
