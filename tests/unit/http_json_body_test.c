/* JSON bodies: depth and values at their limits, strictness, and no way round by strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/json_body.h"
#include "util/limits.h"

static ori_status parse(const char *text)
{
    json_t *value = NULL;
    struct ori_error err = {0};
    ori_status status = ori_json_parse(text, strlen(text), &value, &err);
    if (status == ORI_OK)
        assert_non_null(value);
    else
        assert_true(err.text[0] != '\0');
    json_decref(value);
    return status;
}

static void strict_json_alone_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       " [1, 2.5, -3e2, true, null, \"\\u00e9\"] ",
                                       "{\"a\":{\"b\":[\"]}[{\"]}}",
                                       "5",
                                       "\"a\"",
                                       "9223372036854775807"};
    static const char *const bad[] = {"",
                                      "{",
                                      "{} {}",
                                      "[1,]",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"\\u0061\":2}",
                                      "01",
                                      "+1",
                                      "1e999",
                                      "9223372036854775808",
                                      "NaN",
                                      "\"\\ud800\"",
                                      "\"\xff\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\\u0000\"",
                                      "\"a\nb\"",
                                      "{'a':1}",
                                      "\xef\xbb\xbf{}",
                                      "// a\n{}",
                                      "\"unclosed",
                                      "\"\\"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(parse(good[i]), ORI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i]) != ORI_BAD_JSON)
            fail_msg("taken: %s", bad[i]);
    }
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char text[2 * (ORI_LIMIT_MAX_JSON_DEPTH + 1) + 1];
    for (int depth = ORI_LIMIT_MAX_JSON_DEPTH; depth <= ORI_LIMIT_MAX_JSON_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(parse(text), depth <= ORI_LIMIT_MAX_JSON_DEPTH ? ORI_OK : ORI_BAD_JSON);
    }
    /* brackets in strings are no depth, escaped quotes do not end them */
    char quoted[200] = "\"\\\"";
    memset(quoted + 3, '[', 100);
    memcpy(quoted + 103, "\"", 2);
    assert_int_equal(parse(quoted), ORI_OK);
}

static void values_have_a_limit(void **state)
{
    (void)state;
    /* "[1,1,...]": the array counts two, each comma one */
    size_t ones = ORI_LIMIT_MAX_JSON_VALUES - 1;
    char *text = malloc(2 * ones + 4);
    text[0] = '[';
    for (size_t i = 0; i < ones; i++)
        memcpy(text + 1 + 2 * i, "1,", 2);
    memcpy(text + 2 * ones, "]", 2);
    struct ori_error err = {0};
    assert_int_equal(ori_json_bounded(text, strlen(text), &err), ORI_OK);
    memcpy(text + 2 * ones, ",1]", 4);
    assert_int_equal(ori_json_bounded(text, strlen(text), &err), ORI_BAD_JSON);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strict_json_alone_is_taken),
                                       cmocka_unit_test(depth_has_a_limit),
                                       cmocka_unit_test(values_have_a_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
