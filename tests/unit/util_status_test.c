#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/status.h"
#include "util/text.h"

static void every_row_is_sound(void **state)
{
    (void)state;
    for (int i = 0; i < ORI_STATUS_COUNT; i++) {
        ori_status status = (ori_status)i;
        const char *code = ori_status_code(status);
        print_message("%s\n", code);
        assert_true(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(code));
        assert_true(code[0] && ori_status_text(status)[0]);
        assert_in_range(ori_status_http(status), 200, 599);
        assert_int_equal(ori_status_from_code(code), i); /* so codes are unique */
    }
    assert_int_equal(ori_status_from_code("no such code"), ORI_INTERNAL);
    assert_string_equal(ori_status_code((ori_status)ORI_STATUS_COUNT), "internal_error");
    assert_true(ori_status_is_retryable(ORI_NOMEM));
    assert_false(ori_status_is_retryable(ORI_NOT_MEDIA));
}

static void the_first_cause_wins(void **state)
{
    (void)state;
    struct ori_error err = {0};
    ori_error_context(&err, "too early");
    assert_string_equal(err.text, "");
    assert_int_equal(ori_error_set(&err, ORI_LIMIT, "more than %d", 5), ORI_LIMIT);
    assert_int_equal(ori_error_set(&err, ORI_IO, "later"), ORI_IO);
    assert_int_equal(err.status, ORI_LIMIT);
    ori_error_context(&err, "file %s", "x");
    assert_string_equal(err.text, "file x: more than 5");
    assert_int_equal(ori_error_set(NULL, ORI_IO, "nobody listens"), ORI_IO);
}

static void errno_finds_its_status(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        bool is_write;
        ori_status expected;
    } rows[] = {
        {ENOENT, false, ORI_NOT_FOUND},     {EACCES, false, ORI_NOT_READABLE},
        {EACCES, true, ORI_NOT_WRITABLE},   {EROFS, true, ORI_NOT_WRITABLE},
        {ENOSPC, true, ORI_DISK_FULL},      {EDQUOT, true, ORI_DISK_FULL},
        {EFBIG, true, ORI_DISK_FULL},       {ENOMEM, false, ORI_NOMEM},
        {ELOOP, false, ORI_DIRECTORY_LOOP}, {EIO, true, ORI_IO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        assert_int_equal(ori_error_set_errno(&err, rows[i].errnum, rows[i].is_write, "%s", "f"),
                         rows[i].expected);
        assert_int_equal(err.native, rows[i].errnum);
        assert_memory_equal(err.text, "f: ", 3);
        assert_string_equal(err.text + 3, strerror(rows[i].errnum));
    }
}

/* Cut at its maximum, wherever that falls, the text is UTF-8 and one line. */
static void long_texts_are_cut_whole(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8E\xAC"};
    for (size_t letter = 0; letter < 4; letter++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char text[2 * ORI_ERROR_TEXT_MAX + 16] = "";
            size_t used = 0;
            for (; used < lead; used++)
                text[used] = '-';
            while (used < ORI_ERROR_TEXT_MAX + 8)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s", letters[letter]);
            struct ori_error err = {0};
            assert_int_equal(ori_error_set(&err, ORI_IO, "%s", text), ORI_IO);
            size_t bytes = strlen(err.text);
            assert_in_range(bytes, ORI_ERROR_TEXT_MAX - 4, ORI_ERROR_TEXT_MAX - 1);
            assert_true(ori_text_is_utf8(err.text, bytes));
            assert_memory_equal(err.text, text, bytes);
            ori_error_context(&err, "front");
            assert_true(ori_text_is_utf8(err.text, strlen(err.text)));
        }
    }
}

static void foreign_bytes_steer_nothing(void **state)
{
    (void)state;
    struct ori_error err = {0};
    assert_int_equal(ori_error_set(&err, ORI_IO, "%s", "a\nb\033[2J\xFF\xC2\x9B!"), ORI_IO);
    assert_false(ori_text_has_control(err.text));
    assert_true(ori_text_is_utf8(err.text, strlen(err.text)));
    assert_null(strstr(err.text, "\xC2\x9B"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_sound),          cmocka_unit_test(the_first_cause_wins),
        cmocka_unit_test(errno_finds_its_status),      cmocka_unit_test(long_texts_are_cut_whole),
        cmocka_unit_test(foreign_bytes_steer_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
