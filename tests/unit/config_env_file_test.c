#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/env_file.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void one_line_gives_one_value(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *value; /* of A; NULL: no variable */
    } rows[] = {
        {"", NULL},
        {"   \t", NULL},
        {"# A=1", NULL},
        {"  # A=1", NULL},
        {"A=1", "1"},
        {"  A=1  ", "1"},
        {"A = 1", "1"},
        {"A=", ""},
        {"A= # nothing", ""},
        {"A=#1", ""},
        {"A=1#2", "1#2"},
        {"A=1 # 2", "1"},
        {"A=1\t#2", "1"},
        {"A=two words", "two words"},
        {"A=a=b=c", "a=b=c"},
        {"A=it's", "it's"},
        {"A=\\n", "\\n"},
        {"A=$B", "$B"},
        {"export A=1", "1"},
        {"export\t A=1", "1"},
        {"A=''", ""},
        {"A=\"\"", ""},
        {"A='a b # c'", "a b # c"},
        {"A=' x '", " x "},
        {"A='\\' \\\\ \\n \"'", "' \\ \\n \""},
        {"A=\"\\\" \\\\ \\n\\r\\t \\$B \\x '\"", "\" \\ \n\r\t $B \\x '"},
        {"A=\"a\" # b", "a"},
        {"A=\"a\"#b", "a"},
        {"A=\xC3\xA4", "\xC3\xA4"},
        {"A=1\r", "1"},
        {"A='1'\r", "1"},
        {"\xEF\xBB\xBF"
         "A=1",
         "1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_env_file file = {0};
        struct ori_error err = {0};
        print_message("[%s]\n", rows[i].line);
        assert_int_equal(
            ori_env_file_parse(".env", rows[i].line, strlen(rows[i].line), &file, &err), ORI_OK);
        assert_int_equal(file.count, rows[i].value != NULL);
        if (rows[i].value) {
            assert_string_equal(file.rows[0].name, "A");
            assert_string_equal(file.rows[0].value, rows[i].value);
            assert_int_equal(file.rows[0].line, 1);
        }
        ori_env_file_deinit(&file);
        ori_env_file_deinit(&file);
    }
}

static void bad_files_name_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes; /* 0: strlen */
        const char *expected;
    } rows[] = {
        {"A=1\nB\n", 0, ".env:2: expected NAME=value"},
        {"=1", 0, ".env:1: expected NAME=value"},
        {"1A=1", 0, ".env:1: expected NAME=value"},
        {"A B=1", 0, ".env:1: expected NAME=value"},
        {"export", 0, ".env:1: expected NAME=value"},
        {"exportA", 0, ".env:1: expected NAME=value"},
        {"A-B=1", 0, ".env:1: expected NAME=value"},
        {"\n\nA='x", 0, ".env:3: a quote is not closed on its line"},
        {"A=\"x\ny\"", 0, ".env:1: a quote is not closed on its line"},
        {"A=\"x\\\"", 0, ".env:1: a quote is not closed on its line"},
        {"A='x' y", 0, ".env:1: only a comment may follow the closing quote"},
        {"A='x''y'", 0, ".env:1: only a comment may follow the closing quote"},
        {"A=1\nB=\xFF\n", 0, ".env:2: not UTF-8"},
        {"A=1\nB=\0\n", 8, ".env:2: a NUL byte"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_env_file file = {0};
        struct ori_error err = {0};
        size_t bytes = rows[i].bytes ? rows[i].bytes : strlen(rows[i].text);
        assert_int_equal(ori_env_file_parse(".env", rows[i].text, bytes, &file, &err),
                         ORI_BAD_SETTING);
        assert_string_equal(err.text, rows[i].expected);
        assert_null(file.rows);
    }
}

static void lines_keep_their_order(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "A=1\r\n\r\n# c\r\nexport B=\"2\"\r\nA=3";
    struct ori_env_file file = {0};
    assert_int_equal(ori_env_file_parse(".env", text, sizeof text - 1, &file, NULL), ORI_OK);
    assert_int_equal(file.count, 3);
    assert_string_equal(file.rows[1].name, "B");
    assert_string_equal(file.rows[1].value, "2");
    assert_int_equal(file.rows[1].line, 4);
    assert_string_equal(file.rows[2].value, "3");
    ori_env_file_deinit(&file);
}

/* `lead`, then c so often that the whole has `bytes` bytes. */
static ori_status parse_filled(const char *lead, char c, size_t bytes, struct ori_error *err)
{
    struct ori_env_file file = {0};
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memset(text, c, bytes);
    memcpy(text, lead, strlen(lead));
    ori_status status = ori_env_file_parse(".env", text, bytes, &file, err);
    ori_env_file_deinit(&file);
    free(text);
    return status;
}

static void limits_hold_at_n_and_n_plus_1(void **state)
{
    (void)state;
    static const struct {
        const char *lead;
        char c;
        size_t bytes;
        const char *expected;
    } rows[] = {
        {"A=", 'x', 2 + ORI_LIMIT_MAX_SETTING_BYTES, ".env:1: the value is too long"},
        {"#", 'x', ORI_LIMIT_MAX_ENV_LINE_BYTES, ".env:1: the line is too long"},
        {"#", '\n', ORI_LIMIT_MAX_ENV_FILE_BYTES, ".env: more than 262144 bytes"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        assert_int_equal(parse_filled(rows[i].lead, rows[i].c, rows[i].bytes, &err), ORI_OK);
        assert_int_equal(parse_filled(rows[i].lead, rows[i].c, rows[i].bytes + 1, &err),
                         ORI_BAD_SETTING);
        assert_string_equal(err.text, rows[i].expected);
    }
    static char many[4 * (ORI_LIMIT_MAX_ENV_FILE_ROWS + 1) + 1];
    for (size_t i = 0; i <= ORI_LIMIT_MAX_ENV_FILE_ROWS; i++)
        memcpy(many + 4 * i, "A=1\n", 5);
    struct ori_env_file file = {0};
    struct ori_error err = {0};
    assert_int_equal(ori_env_file_parse(".env", many, 4 * ORI_LIMIT_MAX_ENV_FILE_ROWS, &file, &err),
                     ORI_OK);
    assert_int_equal(file.count, ORI_LIMIT_MAX_ENV_FILE_ROWS);
    ori_env_file_deinit(&file);
    assert_int_equal(
        ori_env_file_parse(".env", many, 4 * (ORI_LIMIT_MAX_ENV_FILE_ROWS + 1), &file, &err),
        ORI_BAD_SETTING);
    assert_string_equal(err.text, ".env:1001: too many variables");
}

/* Whatever bytes come, the parser ends, stays inside them and gives UTF-8 rows or an error. */
static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "A=='\"\\#\n\r \t\xC3\xA4\xFFx\0$export ";
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[40];
        struct ori_env_file file = {0};
        struct ori_error err = {0};
        seed = seed * 1664525 + 1013904223;
        size_t bytes = (seed >> 16) % sizeof text;
        for (size_t i = 0; i < bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        char *exact = malloc(bytes + 1); /* so that a sanitizer sees a step outside */
        assert_non_null(exact);
        memcpy(exact, text, bytes);
        ori_status status = ori_env_file_parse(".env", exact, bytes, &file, &err);
        free(exact);
        assert_true(status == ORI_OK || (status == ORI_BAD_SETTING && err.text[0]));
        for (size_t i = 0; i < file.count; i++)
            assert_true(file.rows[i].name[0] && strlen(file.rows[i].value) <= bytes);
        ori_env_file_deinit(&file);
    }
}

static void a_missing_file_is_no_file(void **state)
{
    (void)state;
    struct ori_env_file file = {0};
    struct ori_error err = {0};
    assert_int_equal(ori_env_file_read("/proc/self/no-such-file", &file, &err), ORI_OK);
    assert_int_equal(file.count, 0);
    assert_int_equal(ori_env_file_read("/tmp", &file, &err), ORI_NOT_A_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_gives_one_value), cmocka_unit_test(bad_files_name_their_line),
        cmocka_unit_test(lines_keep_their_order),   cmocka_unit_test(limits_hold_at_n_and_n_plus_1),
        cmocka_unit_test(random_bytes_do_no_harm),  cmocka_unit_test(a_missing_file_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
