#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/json_text.h"

static void grows_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct ori_buf buf;
    struct ori_error err = {0};
    ori_buf_init(&buf, 1000);
    assert_string_equal(ori_buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        ori_buf_add(&buf, "x", 1);
    assert_int_equal(ori_buf_finish(&buf, "page", &err), ORI_OK);
    assert_int_equal(strlen(ori_buf_text(&buf)), 1000);
    ori_buf_add(&buf, "", 0);
    assert_int_equal(buf.status, ORI_OK);
    ori_buf_add(&buf, "x", 1); /* N + 1 */
    assert_int_equal(ori_buf_finish(&buf, "page", &err), ORI_LIMIT);
    assert_string_equal(err.text, "page: more than 1000 bytes");
    assert_int_equal(buf.used, 1000);
    ori_buf_clear(&buf);
    ori_buf_printf(&buf, "%s=%d", "a", 5);
    assert_string_equal(ori_buf_text(&buf), "a=5");
    ori_buf_deinit(&buf);
    ori_buf_deinit(&buf);
}

static void printf_fits_or_fails_whole(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 4);
    ori_buf_printf(&buf, "%d", 1234);
    assert_int_equal(buf.status, ORI_OK);
    ori_buf_clear(&buf);
    ori_buf_printf(&buf, "%d", 12345);
    assert_int_equal(buf.status, ORI_LIMIT);
    assert_int_equal(buf.used, 0);
    ori_buf_add_text(&buf, "x"); /* after a failure nothing goes in */
    assert_int_equal(buf.used, 0);
    ori_buf_deinit(&buf);
}

static void huge_sums_are_refused(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, SIZE_MAX);
    ori_buf_add(&buf, "ab", 2);
    ori_buf_add(&buf, "x", SIZE_MAX - 2); /* never read: the sum is looked at first */
    assert_int_equal(buf.status, ORI_LIMIT);
    ori_buf_deinit(&buf);
}

static void take_gives_the_bytes_away(void **state)
{
    (void)state;
    struct ori_buf buf;
    size_t bytes = 7;
    ori_buf_init(&buf, 10);
    char *empty = ori_buf_take(&buf, &bytes);
    assert_string_equal(empty, "");
    assert_int_equal(bytes, 0);
    free(empty);
    ori_buf_add(&buf, "a\0b", 3);
    char *data = ori_buf_take(&buf, &bytes);
    assert_int_equal(bytes, 3);
    assert_memory_equal(data, "a\0b", 4);
    assert_int_equal(buf.used, 0);
    free(data);
    ori_buf_deinit(&buf);
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"", "\"\""},
        {"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
        {"\n\r\t\001\x7F", "\"\\n\\r\\t\\u0001\\u007f\""},
        {"\xC3\xA4\xF0\x9F\x8E\xAC", "\"\xC3\xA4\xF0\x9F\x8E\xAC\""},
        {"\xC2\x9B", "\"\\u009b\""},
        {"\xFF\xE2\x82", "\"\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_buf buf;
        ori_buf_init(&buf, 1000);
        ori_json_add_text(&buf, rows[i].text, strlen(rows[i].text));
        assert_string_equal(ori_buf_text(&buf), rows[i].expected);
        ori_buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_maximum_and_no_further),
        cmocka_unit_test(printf_fits_or_fails_whole),
        cmocka_unit_test(huge_sums_are_refused),
        cmocka_unit_test(take_gives_the_bytes_away),
        cmocka_unit_test(json_strings_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
