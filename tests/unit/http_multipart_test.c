/* Forms: what browsers and curl send, what nobody should, limits, and any bytes at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/multipart.h"
#include "util/buf.h"

#define CD "Content-Disposition: form-data; "

static ori_status parse(const char *data, size_t bytes, struct ori_form *form)
{
    struct ori_error err = {0};
    memset(form, 0, sizeof *form);
    /* an exact copy: a read past its end shows under the sanitizer */
    char *copy = malloc(bytes + (bytes == 0));
    memcpy(copy, data, bytes);
    ori_status status = ori_form_parse(copy, bytes, "XX", form, &err);
    free(copy);
    if (status != ORI_OK) {
        assert_true(err.text[0] != '\0');
        assert_null(form->parts);
    }
    return status;
}

static void boundaries_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *boundary; /* NULL: none */
    } rows[] = {
        {"multipart/form-data; boundary=XX", "XX"},
        {"Multipart/Form-Data;boundary=\"a b\"", "a b"},
        {"multipart/form-data; charset=utf-8; BOUNDARY=----W1", "----W1"},
        {"multipart/form-data; boundary=\"a:b?=(c)\" ", "a:b?=(c)"},
        {"multipart/form-data; boundary="
         "1234567890123456789012345678901234567890123456789012345678901234567890",
         "1234567890123456789012345678901234567890123456789012345678901234567890"},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901",
         NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a ", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=\"a\xc3\xa9\"", NULL},
        {"multipart/form-data; boundary=\"a\"b", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-datax; boundary=a", NULL},
        {"multipart/mixed; boundary=a", NULL},
        {"application/json", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char boundary[ORI_FORM_BOUNDARY_BYTES];
        bool is_found = ori_form_boundary(rows[i].type, boundary);
        if (is_found != (rows[i].boundary != NULL))
            fail_msg("%s", rows[i].type ? rows[i].type : "NULL");
        if (is_found)
            assert_string_equal(boundary, rows[i].boundary);
    }
}

static void parts_are_found_where_they_lie(void **state)
{
    (void)state;
    static const char data[] = "--XX\r\n" CD "name=\"limit\"\r\n\r\n12\xc3\xa9\r\n"
                               "--XX  \r\ncontent-disposition:form-data; name=\"file\"; "
                               "filename=\"C:\\a\\b \\\"c.png\"\r\n"
                               "Content-Type: image/png\r\nX-Other: y\r\n\r\n"
                               "\x89PNG\r\n\0--X\r\n--Y\r\n\r\n"
                               "--XX\r\n" CD "name=empty\r\n\r\n\r\n"
                               "--XX\r\n" CD "name=bare\r\n\r\n--XX--\r\n";
    struct ori_form form;
    assert_int_equal(parse(data, sizeof data - 1, &form), ORI_OK);
    assert_int_equal(form.count, 4);
    const struct ori_form_part *file = ori_form_find(&form, "file");
    assert_non_null(file);
    assert_string_equal(file->file_name, "b \"c.png");
    assert_string_equal(file->content_type, "image/png");
    assert_null(file->text);
    assert_int_equal(file->bytes, 17);
    assert_memory_equal(data + file->offset, "\x89PNG\r\n\0--X\r\n--Y\r\n", 17);
    assert_string_equal(ori_form_find(&form, "limit")->text, "12\xc3\xa9");
    assert_string_equal(ori_form_find(&form, "empty")->text, "");
    assert_string_equal(ori_form_find(&form, "bare")->text, "");
    assert_null(ori_form_find(&form, "other"));
    ori_form_deinit(&form);
    assert_int_equal(parse("--XX--", 6, &form), ORI_OK);
    assert_int_equal(form.count, 0);
    ori_form_deinit(&form);
}

static void malformed_forms_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "-",
        "--XX",
        "--XXX\r\n",
        "--XY--",
        "preamble\r\n--XX--",
        "\r\n--XX--",
        "--XX\n" CD "name=a\n\nb\n--XX--",
        "--XX\r\n",
        "--XX\r\n\r\n",
        "--XX\r\n\r\nb\r\n--XX--",
        "--XX\r\nContent-Type: a/b\r\n\r\nb\r\n--XX--",
        "--XX\r\n" CD "name=a\r\n\r\nb",
        "--XX\r\n" CD "name=a\r\n\r\nb\r\n--XX",
        "--XX\r\n" CD "name=a\r\n\r\nb\r\n--XX-",
        "--XX\r\n" CD "name=a\r\n\r\nb\r\n--XX--trailing",
        "--XX\r\n" CD "name=a\r\n\r\nb\r\n--XXX\r\n\r\n--XX--",
        "--XX\r\n" CD "name=a\r\n\r\nb\r\n--XX\r\n" CD "name=a\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a; name=b\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "filename=a\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=\"a\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a b\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=\"\xff\"\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a\r\n" CD "name=b\r\n\r\nc\r\n--XX--",
        "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a\r\nX: \x01\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a\rb\r\n\r\nc\r\n--XX--",
        "--XX\r\n" CD "name=a\r\n\r\n\xff\r\n--XX--",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_form form;
        if (parse(rows[i], strlen(rows[i]), &form) != ORI_USAGE)
            fail_msg("taken: %s", rows[i]);
    }
    struct ori_form form;
    static const char nul[] = "--XX\r\n" CD "name=a\r\n\r\nb\0c\r\n--XX--";
    assert_int_equal(parse(nul, sizeof nul - 1, &form), ORI_USAGE);
}

static ori_status parse_made(int parts, int header_bytes, int text_bytes)
{
    struct ori_buf buf;
    ori_buf_init(&buf, 1 << 20);
    for (int i = 0; i < parts; i++) {
        ori_buf_printf(&buf, "--XX\r\n" CD "name=n%d\r\n", i);
        if (header_bytes > 0)
            ori_buf_printf(&buf, "X: %0*d\r\n", header_bytes, 0);
        ori_buf_printf(&buf, "\r\n%0*d\r\n", text_bytes, 0);
    }
    ori_buf_add_text(&buf, "--XX--");
    struct ori_form form;
    ori_status status = parse(buf.data, buf.used, &form);
    if (status == ORI_OK)
        assert_int_equal(form.count, parts);
    ori_form_deinit(&form);
    ori_buf_deinit(&buf);
    return status;
}

static void limits_hold(void **state)
{
    (void)state;
    assert_int_equal(parse_made(ORI_LIMIT_MAX_FORM_PARTS, 0, 1), ORI_OK);
    assert_int_equal(parse_made(ORI_LIMIT_MAX_FORM_PARTS + 1, 0, 1), ORI_LIMIT);
    assert_int_equal(parse_made(1, 0, ORI_LIMIT_MAX_FORM_TEXT_BYTES), ORI_OK);
    assert_int_equal(parse_made(1, 0, ORI_LIMIT_MAX_FORM_TEXT_BYTES + 1), ORI_LIMIT);
    int others = (int)strlen(CD "name=n0\r\nX: \r\n");
    assert_int_equal(parse_made(1, ORI_LIMIT_MAX_FORM_HEADER_BYTES - others, 1), ORI_OK);
    assert_int_equal(parse_made(1, ORI_LIMIT_MAX_FORM_HEADER_BYTES - others + 1, 1), ORI_LIMIT);
}

/* Changed in any byte, or cut anywhere, a form is taken or refused, and parts lie inside it. */
static void damage_is_survived(void **state)
{
    (void)state;
    static const char data[] = "--XX\r\n" CD "name=\"a\"; filename=\"x\"\r\nContent-Type: i/p\r\n"
                               "\r\nbody\r\n--XX\r\n" CD "name=b\r\n\r\nc\r\n--XX--\r\n";
    struct ori_form form;
    for (size_t cut = 0; cut < sizeof data; cut++) {
        (void)!parse(data, cut, &form);
        ori_form_deinit(&form);
    }
    for (size_t at = 0; at < sizeof data - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char copy[sizeof data];
            memcpy(copy, data, sizeof data);
            copy[at] = (char)byte;
            if (parse(copy, sizeof data - 1, &form) != ORI_OK)
                continue;
            for (size_t i = 0; i < form.count; i++) {
                assert_true(form.parts[i].offset >= 0 && form.parts[i].bytes >= 0);
                assert_true(form.parts[i].offset + form.parts[i].bytes <= (int64_t)sizeof data - 1);
            }
            ori_form_deinit(&form);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_read), cmocka_unit_test(parts_are_found_where_they_lie),
        cmocka_unit_test(malformed_forms_are_refused), cmocka_unit_test(limits_hold),
        cmocka_unit_test(damage_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
