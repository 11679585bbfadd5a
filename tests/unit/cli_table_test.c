#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"
#include "util/limits.h"

static const struct ori_table_column columns[] = {
    {.title = "VIDEO"}, {.title = "FRAMES", .is_number = true}, {.title = "RESULT"}};

static void add(struct ori_table *table, const char *a, const char *b, const char *c)
{
    const char *const cells[] = {a, b, c};
    ori_table_add(table, cells);
}

static void check(struct ori_table *table, size_t width, const char *expected)
{
    struct ori_buf page;
    struct ori_error err = {0};
    ori_buf_init(&page, 1 << 20);
    assert_int_equal(ori_table_render(table, width, &page, &err), ORI_OK);
    assert_string_equal(ori_buf_text(&page), expected);
    ori_buf_deinit(&page);
    ori_table_deinit(table);
}

static void columns_are_as_wide_as_needed(void **state)
{
    (void)state;
    struct ori_table table;
    ori_table_init(&table, columns, 3);
    add(&table, "a.mp4", "7", "done");
    add(&table, "longer name.mp4", "12345678", "unchanged");
    check(&table, 0,
          "VIDEO              FRAMES  RESULT\n"
          "a.mp4                   7  done\n"
          "longer name.mp4  12345678  unchanged\n");
    ori_table_init(&table, columns, 3);
    check(&table, 10, "VIDEO  FRAMES  RESULT\n");
}

static void the_first_column_gives_way(void **state)
{
    (void)state;
    struct ori_table table;
    ori_table_init(&table, columns, 3);
    add(&table, "0123456789abcdefghij", "1", "ok");
    check(&table, 28,
          "VIDEO         FRAMES  RESULT\n"
          "01234...ghij       1  ok\n"); /* 12 + 2 + 6 + 2 + 6 */
    ori_table_init(&table, columns, 3);
    add(&table, "0123456789ab", "1", "ok");
    check(&table, 28,
          "VIDEO         FRAMES  RESULT\n"
          "0123456789ab       1  ok\n");
    ori_table_init(&table, columns, 3); /* a page narrower than that is wrapped by the terminal */
    add(&table, "0123456789abc", "1", "ok");
    check(&table, 1,
          "VIDEO         FRAMES  RESULT\n"
          "01234...9abc       1  ok\n");
}

static void characters_count_not_bytes(void **state)
{
    (void)state;
    struct ori_table table;
    assert_int_equal(ori_table_text_width("\xc3\xa9t\xc3\xa9"), 3);
    assert_int_equal(ori_table_text_width(""), 0);
    ori_table_init(&table, columns, 3);
    add(&table, "\xc3\xa9t\xc3\xa9.mp4", "1", "ok");
    check(&table, 0,
          "VIDEO    FRAMES  RESULT\n"
          "\xc3\xa9t\xc3\xa9.mp4       1  ok\n");
    ori_table_init(&table, columns, 3); /* no character is torn where the middle goes */
    add(&table,
        "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82"
        "\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
        "1", "ok");
    check(&table, 28,
          "VIDEO         FRAMES  RESULT\n"
          "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac..."
          "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac       1  ok\n");
}

static void foreign_text_is_cleaned(void **state)
{
    (void)state;
    struct ori_table table;
    ori_table_init(&table, columns, 3);
    add(&table, "a\nb\x1b[2J\xff", "1", "ok");
    check(&table, 0,
          "VIDEO     FRAMES  RESULT\n"
          "a?b?[2J?       1  ok\n");
}

static void rows_have_a_limit(void **state)
{
    (void)state;
    struct ori_table table;
    struct ori_buf page;
    struct ori_error err = {0};
    ori_table_init(&table, columns, 3);
    for (int i = 0; i < ORI_LIMIT_MAX_TABLE_ROWS; i++)
        add(&table, "v", "1", "ok");
    ori_buf_init(&page, 1 << 20);
    assert_int_equal(ori_table_render(&table, 0, &page, &err), ORI_OK);
    assert_null(strstr(ori_buf_text(&page), "more"));
    add(&table, "v", "1", "ok");
    add(&table, "v", "1", "ok");
    ori_buf_clear(&page);
    assert_int_equal(ori_table_render(&table, 0, &page, &err), ORI_OK);
    assert_non_null(strstr(ori_buf_text(&page), "\n... and 2 more\n"));
    ori_buf_deinit(&page);
    ori_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_needed),
        cmocka_unit_test(the_first_column_gives_way),
        cmocka_unit_test(characters_count_not_bytes),
        cmocka_unit_test(foreign_text_is_cleaned),
        cmocka_unit_test(rows_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
