#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "util/json_out.h"
#include "util/json_text.h"

static void commas_come_by_themselves(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 4096);
    ori_json_begin_object(&buf, NULL);
    ori_json_put_text(&buf, "brackets", "{[:,");
    ori_json_begin_array(&buf, "list");
    ori_json_put_whole(&buf, NULL, 1);
    ori_json_put_text(&buf, NULL, "[");
    ori_json_begin_object(&buf, NULL);
    ori_json_end_object(&buf);
    ori_json_begin_array(&buf, NULL);
    ori_json_end_array(&buf);
    ori_json_put_null(&buf, NULL);
    ori_json_end_array(&buf);
    ori_json_put_bool(&buf, "yes", true);
    ori_json_put_bool(&buf, "no", false);
    ori_json_put_real(&buf, "real", 11.88);
    ori_json_put_raw(&buf, "raw", "[1,2]");
    ori_json_end_object(&buf);
    assert_string_equal(ori_buf_text(&buf),
                        "{\"brackets\":\"{[:,\",\"list\":[1,\"[\",{},[],null],\"yes\":true,"
                        "\"no\":false,\"real\":11.88,\"raw\":[1,2]}");
    ori_buf_deinit(&buf);
}

/* Keys around the size up to which they are written in one piece. */
static void keys_of_any_length(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 70; bytes++) {
        struct ori_buf buf;
        char key[80];
        memset(key, 'k', bytes);
        key[bytes] = '\0';
        ori_buf_init(&buf, 4096);
        ori_json_begin_object(&buf, NULL);
        ori_json_put_whole(&buf, "first", 1);
        ori_json_put_whole(&buf, key, 7);
        ori_json_end_object(&buf);
        json_t *back = json_loads(ori_buf_text(&buf), 0, NULL);
        assert_int_equal(json_object_size(back), 2);
        assert_int_equal(json_integer_value(json_object_get(back, key)), 7);
        json_decref(back);
        ori_buf_deinit(&buf);
    }
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *expected;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {1000, "1000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct ori_buf buf;
    ori_buf_init(&buf, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ori_buf_clear(&buf);
        ori_json_put_whole(&buf, NULL, rows[i].value);
        assert_string_equal(ori_buf_text(&buf), rows[i].expected);
    }
    static const double reals[] = {0, -0.5, 1e300, 1e-300, 0.1, 12345678.9, 3.0};
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        ori_buf_clear(&buf);
        ori_json_put_real(&buf, NULL, reals[i]);
        json_t *back = json_loads(ori_buf_text(&buf), JSON_DECODE_ANY, NULL);
        assert_true(json_is_number(back));
        assert_true(json_number_value(back) == reals[i]);
        json_decref(back);
    }
    static const double nowhere[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        ori_buf_clear(&buf);
        ori_json_put_real(&buf, NULL, nowhere[i]);
        assert_string_equal(ori_buf_text(&buf), "null");
    }
    ori_buf_deinit(&buf);
}

/* Random bytes, and random texts of letters with a few odd ones between: what comes out is one JSON
 * string, and where the bytes were UTF-8 it is the same text. */
static void any_bytes_become_a_text(void **state)
{
    (void)state;
    static const char odd[] = "\"\\\n\t\x01\x7F\xC2\x85\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC";
    struct ori_buf buf;
    uint32_t random = 12345;
    ori_buf_init(&buf, 65536);
    for (int round = 0; round < 2000; round++) {
        char text[64];
        size_t bytes = 0;
        while (bytes + 4 < sizeof text) {
            random = random * 1664525U + 1013904223U;
            unsigned char c = (unsigned char)(random >> 24);
            if (round % 2 == 0)
                text[bytes++] = (char)(c ? c : 1);
            else if (c < 200)
                text[bytes++] = (char)('a' + c % 26);
            else if (c < 230)
                text[bytes++] = odd[c % 6];
            else {
                memcpy(text + bytes, odd + 8, 2);
                bytes += 2;
            }
        }
        text[bytes] = '\0';
        ori_buf_clear(&buf);
        ori_json_add_text(&buf, text, bytes);
        json_t *back = json_loads(ori_buf_text(&buf), JSON_DECODE_ANY, NULL);
        assert_true(json_is_string(back));
        if (round % 2 == 1)
            assert_string_equal(json_string_value(back), text);
        json_decref(back);
    }
    ori_buf_deinit(&buf);
}

static void a_full_buf_says_so_once(void **state)
{
    (void)state;
    struct ori_buf buf;
    struct ori_error err = {0};
    ori_buf_init(&buf, 8);
    ori_json_begin_array(&buf, NULL);
    for (int i = 0; i < 100; i++)
        ori_json_put_whole(&buf, NULL, i);
    ori_json_end_array(&buf);
    assert_int_equal(ori_buf_finish(&buf, "list", &err), ORI_LIMIT);
    ori_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_come_by_themselves), cmocka_unit_test(keys_of_any_length),
        cmocka_unit_test(numbers_read_back),         cmocka_unit_test(any_bytes_become_a_text),
        cmocka_unit_test(a_full_buf_says_so_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
