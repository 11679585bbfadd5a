#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "media/words.h"

/* What was told: level and line, one after the other. */
struct heard {
    char text[4096];
    size_t lines;
    size_t longest;
};

static void hear(void *self, enum ori_words_level level, const char *line)
{
    struct heard *heard = self;
    size_t used = strlen(heard->text);
    if (heard->lines++ < 8)
        snprintf(heard->text + used, sizeof heard->text - used, "%d:%s\n", (int)level, line);
    if (strlen(line) > heard->longest)
        heard->longest = strlen(line);
}

static void takes_lines_apart(void **state)
{
    (void)state;
    static const struct {
        const char *said; /* in pieces, split by | */
        const char *told;
    } rows[] = {
        {"", ""},
        {"\0012[h264] broken\n", "2:[h264] broken\n"},
        {"\0011a\n\0013b\n", "1:a\n3:b\n"},
        {"\0012two |pie|ces\n", "2:two pieces\n"},
        {"\001|2x|\n", "2:x\n"},
        {"no mark\n", "1:no mark\n"},
        {"no end", "1:no end\n"},
        {"a\r\nb\n\n\nc\n", "1:a\n1:b\n1:c\n"},
        {"\0012\n", ""},                                     /* a mark alone */
        {"\0010x\n\0014y\n\001z\n", "1:?0x\n1:?4y\n1:?z\n"}, /* no such levels */
        {"esc \033[31m\007 \x7f\xff\xc2\x9b\n", "1:esc ?[31m? ?????\n"},
        {"\0012level \001inside\n", "2:level ?inside\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_words words = {.used = 0};
        struct heard heard = {.lines = 0};
        const char *said = rows[i].said;
        while (*said) {
            size_t bytes = strcspn(said, "|");
            ori_words_take(&words, said, bytes, hear, &heard);
            said += bytes + (said[bytes] == '|');
        }
        ori_words_end(&words, hear, &heard);
        print_message("%zu\n", i);
        if (i == 10) /* how many marks a broken sequence gives is utf8_clean's matter */
            assert_null(strpbrk(heard.text, "\033\007\x7f"));
        else
            assert_string_equal(heard.text, rows[i].told);
        assert_int_equal(ori_words_untold(&words), 0);
    }
}

static void a_nul_does_not_hide_the_rest(void **state)
{
    (void)state;
    struct ori_words words = {.used = 0};
    struct heard heard = {.lines = 0};
    ori_words_take(&words, "a\0b\n", 4, hear, &heard);
    assert_string_equal(heard.text, "1:a?b\n");
}

static void long_lines_are_cut_and_say_so(void **state)
{
    (void)state;
    char line[2 * ORI_LIMIT_MAX_CHILD_LINE_BYTES];
    memset(line, 'x', sizeof line);
    for (size_t bytes = ORI_LIMIT_MAX_CHILD_LINE_BYTES - 1; bytes < sizeof line; bytes *= 2) {
        struct ori_words words = {.used = 0};
        struct heard heard = {.lines = 0};
        bool is_cut = bytes >= ORI_LIMIT_MAX_CHILD_LINE_BYTES;
        ori_words_take(&words, line, bytes, hear, &heard);
        ori_words_take(&words, "\nnext\n", 6, hear, &heard);
        assert_int_equal(heard.lines, 2);
        assert_int_equal(heard.longest, ORI_LIMIT_MAX_CHILD_LINE_BYTES - 1);
        assert_int_equal(strstr(heard.text, "x...\n1:next\n") != NULL, is_cut);
    }
    struct ori_words words = {.used = 0};
    struct heard heard = {.lines = 0};
    ori_words_take(&words, line, ORI_LIMIT_MAX_CHILD_LINE_BYTES, hear, &heard); /* N + 1 */
    ori_words_end(&words, hear, &heard);
    assert_non_null(strstr(heard.text, "x...\n"));
}

static void only_so_many_are_told(void **state)
{
    (void)state;
    struct ori_words words = {.used = 0};
    struct heard heard = {.lines = 0};
    for (int i = 0; i < ORI_LIMIT_MAX_CHILD_LINES; i++)
        ori_words_take(&words, "\0012x\n", 4, hear, &heard);
    assert_int_equal(heard.lines, ORI_LIMIT_MAX_CHILD_LINES);
    assert_int_equal(ori_words_untold(&words), 0);
    ori_words_take(&words, "\0012x\nmore\n", 9, hear, &heard);
    assert_int_equal(heard.lines, ORI_LIMIT_MAX_CHILD_LINES);
    assert_int_equal(ori_words_untold(&words), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_lines_apart),
        cmocka_unit_test(a_nul_does_not_hide_the_rest),
        cmocka_unit_test(long_lines_are_cut_and_say_so),
        cmocka_unit_test(only_so_many_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
