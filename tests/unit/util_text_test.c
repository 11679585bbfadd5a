#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/limits.h"
#include "util/size.h"
#include "util/text.h"
#include "util/utf8.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define INT_UNTOUCHED INT64_C(-777)

static void reads_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected;
        bool is_read;
    } rows[] = {
        {"0", 0, true},
        {"-1", -1, true},
        {"+7", 7, true},
        {"007", 7, true},
        {"9223372036854775807", INT64_MAX, true},
        {"-9223372036854775808", INT64_MIN, true},
        {"9223372036854775808", 0, false},
        {"-9223372036854775809", 0, false},
        {"", 0, false},
        {"-", 0, false},
        {"+-1", 0, false},
        {" 1", 0, false},
        {"1 ", 0, false},
        {"1.0", 0, false},
        {"0x10", 0, false},
        {"1e3", 0, false},
        {"abc", 0, false},
        {"1\n", 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = INT_UNTOUCHED;
        print_message("[%s]\n", rows[i].text);
        assert_int_equal(ori_text_to_int(rows[i].text, &value), rows[i].is_read);
        assert_true(value == (rows[i].is_read ? rows[i].expected : INT_UNTOUCHED));
    }
}

static void reads_real_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double expected;
        bool is_read;
    } rows[] = {
        {"0.22", 0.22, true},   {"-1.5e3", -1500, true}, {".5", 0.5, true},   {"5.", 5, true},
        {"1e-400", 0, true},    {"1e400", 0, false},     {"inf", 0, false},   {"-inf", 0, false},
        {"nan", 0, false},      {"NAN(1)", 0, false},    {"0x1p3", 0, false}, {"", 0, false},
        {"1,5", 0, false},      {" 1", 0, false},        {"1 ", 0, false},    {"1e", 0, false},
        {"1.2.3", 0, false},    {"--1", 0, false},       {"e", 0, false},     {".", 0, false},
        {"infinity", 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double value = -777;
        print_message("[%s]\n", rows[i].text);
        assert_int_equal(ori_text_to_real(rows[i].text, &value), rows[i].is_read);
        assert_true(value == (rows[i].is_read ? rows[i].expected : -777));
    }
}

static void reads_yes_and_no(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "true", "TRUE", "yes", "On"};
    static const char *const no[] = {"0", "false", "False", "NO", "off"};
    static const char *const neither[] = {"", "2", "y", "t", "truee", " 1", "01", "-1"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        bool value = false;
        assert_true(ori_text_to_bool(yes[i], &value) && value);
        value = true;
        assert_true(ori_text_to_bool(no[i], &value) && !value);
    }
    for (size_t i = 0; i < COUNT_OF(neither); i++) {
        bool value = true;
        assert_false(ori_text_to_bool(neither[i], &value));
        assert_true(value);
    }
}

static void reads_byte_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"8388608", 8388608},
        {"64b", 64},
        {"1k", 1024},
        {"1kB", 1024},
        {"1KiB", 1024},
        {"8M", 8388608},
        {"2GiB", INT64_C(2147483648)},
        {"2 GiB", INT64_C(2147483648)},
        {"1TB", INT64_C(1099511627776)},
        {"1P", INT64_C(1125899906842624)},
        {"8191P", INT64_C(8191) << 50},
        {"8192P", -1}, /* 2^63 */
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", -1},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {"M", -1},
        {"1X", -1},
        {"1MM", -1},
        {"1Mi", -1},
        {"1.5G", -1},
        {"1 ", -1},
        {"1  k", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = -1;
        print_message("[%s]\n", rows[i].text);
        assert_int_equal(ori_text_to_bytes(rows[i].text, &value), rows[i].expected >= 0);
        assert_true(value == rows[i].expected);
    }
}

static void writes_reals_that_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text; /* NULL: only read back */
    } rows[] = {
        {0, "0"},       {10, "10"},           {0.22, "0.22"},    {600, "600"},
        {0.1, "0.1"},   {1.0 / 3, NULL},      {1e300, "1e+300"}, {5e-324, NULL},
        {-2.5, "-2.5"}, {1234567, "1234567"}, {0.1 + 0.2, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[ORI_TEXT_REAL_BYTES];
        double back = 0;
        ori_text_of_real(rows[i].value, text);
        if (rows[i].text)
            assert_string_equal(text, rows[i].text);
        assert_true(ori_text_to_real(text, &back));
        assert_memory_equal(&back, &rows[i].value, sizeof back);
    }
}

static void knows_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_utf8;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"\xC3\xA4", true},
        {"\xE2\x82\xAC", true},
        {"\xF0\x9F\x8E\xAC", true},
        {"\xF4\x8F\xBF\xBF", true},  /* U+10FFFF */
        {"\xF4\x90\x80\x80", false}, /* one past it */
        {"\xED\x9F\xBF", true},      /* U+D7FF */
        {"\xED\xA0\x80", false},     /* the first surrogate */
        {"\xEE\x80\x80", true},      /* U+E000 */
        {"\xC1\xBF", false},         /* overlong */
        {"\xC2\x80", true},          /* the shortest of two bytes */
        {"\xE0\x9F\xBF", false},
        {"\xE0\xA0\x80", true},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF0\x90\x80\x80", true},
        {"\x80", false},
        {"\xC3", false},
        {"\xE2\x82", false},
        {"\xF0\x9F\x8E", false},
        {"\xC3(", false},
        {"\xFF", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("row %zu\n", i);
        assert_int_equal(ori_text_is_utf8(rows[i].text, strlen(rows[i].text)), rows[i].is_utf8);
    }
    assert_true(ori_text_is_utf8("a\0b", 3));
}

static void cleans_foreign_text(void **state)
{
    (void)state;
    char text[] = "a\033[31m\xFF\xC2\x9B\xC3\xA4\n";
    ori_utf8_clean(text);
    assert_string_equal(text, "a?[31m???\xC3\xA4?");
}

static void counts_steps_between_words(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t expected;
    } rows[] = {
        {"", "", 0},       {"", "abc", 3},    {"kitten", "sitting", 3}, {"flaw", "lawn", 2},
        {"ABC", "abc", 0}, {"abc", "acb", 2}, {"run", "run", 0},        {"saturday", "sunday", 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(ori_text_distance(rows[i].a, rows[i].b), rows[i].expected);
        assert_int_equal(ori_text_distance(rows[i].b, rows[i].a), rows[i].expected);
    }
    char longest[ORI_LIMIT_MAX_NEAREST_CHARS + 2];
    memset(longest, 'x', sizeof longest);
    longest[ORI_LIMIT_MAX_NEAREST_CHARS] = '\0';
    assert_int_equal(ori_text_distance(longest, "x"), ORI_LIMIT_MAX_NEAREST_CHARS - 1);
    longest[ORI_LIMIT_MAX_NEAREST_CHARS] = 'x';
    longest[ORI_LIMIT_MAX_NEAREST_CHARS + 1] = '\0';
    assert_true(ori_text_distance(longest, "x") == SIZE_MAX);
    assert_true(ori_text_distance("x", longest) == SIZE_MAX);
}

static void finds_the_nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"run", "search", "embed", "config", "version", "help"};
    static const struct {
        const char *word;
        const char *expected;
    } rows[] = {
        {"serch", "search"}, {"SEARCH", "search"}, {"confg", "config"}, {"hlep", "help"},
        {"xyzzy", NULL},     {"rum", "run"},       {"q", NULL},         {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *nearest = ori_text_nearest(rows[i].word, names, COUNT_OF(names));
        print_message("[%s] %s\n", rows[i].word, nearest ? nearest : "-");
        if (rows[i].expected)
            assert_string_equal(nearest ? nearest : "", rows[i].expected);
        else
            assert_null(nearest);
    }
    assert_null(ori_text_nearest("run", names, 0));
}

static void tells_codes_from_other_text(void **state)
{
    (void)state;
    char code[ORI_LIMIT_MAX_CODE_CHARS + 2];
    static const char *const good[] = {"a", "A-b_c.9", "-", "_", "a.", "0"};
    static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a b", "\xC3\xA4", "a\n", "a:"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(ori_text_is_code(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(ori_text_is_code(bad[i]));
    memset(code, 'c', sizeof code);
    code[ORI_LIMIT_MAX_CODE_CHARS] = '\0';
    assert_true(ori_text_is_code(code));
    code[ORI_LIMIT_MAX_CODE_CHARS] = 'c';
    code[ORI_LIMIT_MAX_CODE_CHARS + 1] = '\0';
    assert_false(ori_text_is_code(code));
}

static void makes_codes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t chars_max;
        const char *expected;
    } rows[] = {
        {"clip", 128, "clip"},          {"My Holiday (1)", 128, "My_Holiday_1_"},
        {"..secret", 128, "_.secret"},  {"", 128, "_"},
        {"\xC3\xA4\xC3\xB6", 128, "_"}, {"a/../b", 128, "a_.._b"},
        {"abcdef", 3, "abc"},           {"abcdef", 6, "abcdef"},
        {"a__b", 128, "a__b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
        ori_text_make_code(rows[i].text, rows[i].chars_max, code);
        assert_string_equal(code, rows[i].expected);
        assert_true(ori_text_is_code(code));
    }
}

static void checks_sizes(void **state)
{
    (void)state;
    size_t size = 5;
    assert_true(ori_size_mul(SIZE_MAX / 2, 2, &size) && size == SIZE_MAX - 1);
    assert_false(ori_size_mul(SIZE_MAX / 2 + 1, 2, &size));
    assert_true(size == SIZE_MAX - 1);
    assert_true(ori_size_add(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    assert_false(ori_size_add(SIZE_MAX, 1, &size));
    assert_true(size == SIZE_MAX);
}

static void every_limit_is_told_once(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ori_limit *rows = ori_limits(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        print_message("%s\n", rows[i].name);
        assert_true(rows[i].value > 0);
        assert_true(rows[i].unit[0] && rows[i].what[0]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rows[i].name, rows[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(reads_real_numbers),
        cmocka_unit_test(reads_yes_and_no),
        cmocka_unit_test(reads_byte_sizes),
        cmocka_unit_test(writes_reals_that_read_back),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(cleans_foreign_text),
        cmocka_unit_test(counts_steps_between_words),
        cmocka_unit_test(finds_the_nearest_name),
        cmocka_unit_test(tells_codes_from_other_text),
        cmocka_unit_test(makes_codes),
        cmocka_unit_test(checks_sizes),
        cmocka_unit_test(every_limit_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
