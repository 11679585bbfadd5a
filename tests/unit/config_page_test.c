/* The pages in the repository are the ones the table makes, and the example file is one that the
 * program takes. argv[1]: the root of the source tree. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/env_file.h"
#include "config/setting_rows.h"
#include "config/setting_value.h"
#include "config/settings.h"
#include "config/settings_page.h"
#include "util/fs.h"
#include "util/limits.h"

static void expect_page(const char *root, const char *name, void (*make)(struct ori_buf *buf))
{
    char *path = NULL;
    char *committed = NULL;
    size_t bytes = 0;
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    make(&page);
    assert_int_equal(ori_buf_finish(&page, name, NULL), ORI_OK);
    assert_int_equal(ori_fs_join(root, name, &path, NULL), ORI_OK);
    assert_int_equal(ori_fs_read_file(AT_FDCWD, path, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES, &committed,
                                      &bytes, NULL),
                     ORI_OK);
    if (strcmp(committed, ori_buf_text(&page)) != 0)
        fail_msg("%s is not what the table makes: run oriane config again", name);
    free(committed);
    free(path);
    ori_buf_deinit(&page);
}

static void the_reference_page_is_up_to_date(void **state)
{
    expect_page(*state, "docs/settings.md", ori_settings_page_markdown);
}

static void the_example_file_is_up_to_date(void **state)
{
    expect_page(*state, ".env.example", ori_settings_page_env);
}

/* "#NAME=value" to "NAME=value": every line is one the program reads, and means the default. */
static void the_example_file_says_the_defaults(void **state)
{
    (void)state;
    struct ori_buf page;
    struct ori_env_file file = {0};
    const struct ori_settings *fresh = NULL;
    ori_buf_init(&page, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    ori_settings_page_env(&page);
    for (size_t i = 0; i + 1 < page.used; i++) {
        bool is_line_start = i == 0 || page.data[i - 1] == '\n';
        if (is_line_start && page.data[i] == '#' && page.data[i + 1] != ' ')
            page.data[i] = ' ';
    }
    assert_int_equal(ori_env_file_parse(".env", page.data, page.used, &file, NULL), ORI_OK);
    assert_int_equal(file.count, ORI_SETTING_COUNT);
    struct ori_settings_sources none = {0};
    assert_int_equal(ori_settings_load(&none, &fresh, NULL), ORI_OK);
    for (size_t i = 0; i < file.count; i++) {
        enum ori_setting setting = ORI_SETTING_COUNT;
        struct ori_buf before;
        struct ori_buf after;
        char pair[256];
        const struct ori_settings *set = NULL;
        print_message("%s\n", file.rows[i].name);
        assert_true(ori_setting_find(file.rows[i].name, &setting, NULL));
        snprintf(pair, sizeof pair, "%s=%s", file.rows[i].name, file.rows[i].value);
        struct ori_settings_sources one = {.environment = (const char *const[]){pair, NULL}};
        assert_int_equal(ori_settings_load(&one, &set, NULL), ORI_OK);
        ori_buf_init(&before, ORI_LIMIT_MAX_SETTING_BYTES);
        ori_buf_init(&after, ORI_LIMIT_MAX_SETTING_BYTES);
        ori_settings_write_back(fresh, setting, &before);
        ori_settings_write_back(set, setting, &after);
        assert_string_equal(ori_buf_text(&after), ori_buf_text(&before));
        ori_buf_deinit(&before);
        ori_buf_deinit(&after);
        ori_settings_destroy(&set);
    }
    ori_settings_destroy(&fresh);
    ori_env_file_deinit(&file);
    ori_buf_deinit(&page);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return EXIT_FAILURE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(the_reference_page_is_up_to_date, argv[1]),
        cmocka_unit_test_prestate(the_example_file_is_up_to_date, argv[1]),
        cmocka_unit_test(the_example_file_says_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
