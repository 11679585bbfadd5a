/* What the endpoints of a container and of an instance say: keys, or a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/credentials_priv.h"

static void set_body(struct ori_net_answer *answer, const char *body)
{
    ori_net_answer_init(answer);
    ori_buf_init(&answer->body, ORI_LIMIT_MAX_AWS_ANSWER_BYTES);
    ori_buf_add_text(&answer->body, body);
}

static void words_are_one_line_without_odd_characters(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *word; /* NULL: refused */
    } rows[] = {
        {"role", "role"},
        {"role\nother", "role"},
        {"role\r\n", "role"},
        {"AQAEA==", "AQAEA=="},
        {"", NULL},
        {"\nrole", NULL},
        {"a role", NULL},
        {"a\trole", NULL},
        {"a\001role", NULL},
        {"a\177role", NULL},
        {"../role", NULL},
        {"role?x", NULL},
        {"role%2f", NULL},
        {"role#x", NULL},
        {"1234567", "1234567"}, /* at its limit */
        {"12345678", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_net_answer answer;
        struct ori_error err = {0};
        char word[8] = "";
        set_body(&answer, rows[i].body);
        ori_status status = ori_credentials_read_word(&answer, word, sizeof word, &err);
        if ((status == ORI_OK) != (rows[i].word != NULL))
            fail_msg("row %zu: %s", i, err.text);
        if (rows[i].word)
            assert_string_equal(word, rows[i].word);
        else
            assert_int_equal(err.status, ORI_BAD_SETTING);
        ori_net_answer_deinit(&answer);
    }
}

static void keys_are_whole_and_fit_into_headers(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_good;
        int64_t expires_s;
    } rows[] = {
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}", true, 0},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":\"2026-01-31T23:59:"
         "59Z\"}",
         true, 1769903999},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":\"tomorrow\"}", false, 0},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}", false, 0},
        {"{\"AccessKeyId\":\"A\\u0007\",\"SecretAccessKey\":\"B\"}", false, 0},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":\"t\\n\"}", false, 0},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":7}", false, 0},
        {"{\"AccessKeyId\":\"A\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}", false, 0},
        {"[]", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_net_answer answer;
        struct ori_credentials_keys keys;
        struct ori_error err = {0};
        set_body(&answer, rows[i].body);
        ori_status status = ori_credentials_read_keys(&answer, &keys, &err);
        if ((status == ORI_OK) != rows[i].is_good)
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(keys.secret_access_key, rows[i].is_good ? "B" : "");
        assert_int_equal(keys.expires_s, rows[i].expires_s);
        ori_net_answer_deinit(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_one_line_without_odd_characters),
        cmocka_unit_test(keys_are_whole_and_fit_into_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
