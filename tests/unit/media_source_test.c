#include "media/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const char *text)
{
    int fd = memfd_create("source", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

struct read_case {
    int64_t offset;
    size_t bytes;
    const char *expected; /* NULL: ORI_IO */
    bool is_past_end;
};
static const struct read_case reads[] = {
    {0, 4, "0123", false},       {6, 4, "6789", false},    {6, 5, "6789", true},
    {9, 1, "9", false},          {10, 1, "", true},        {11, 1, "", true},
    {10, 0, "", false},          {INT64_MAX, 4, "", true}, {-1, 4, NULL, false},
    {INT64_MIN, 4, NULL, false},
};

static void test_reads(void **state)
{
    (void)state;
    int fd = file_of("0123456789");
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        struct ori_source source = {.fd = fd, .size = 10};
        struct ori_error err = {0};
        uint8_t data[16] = {0};
        size_t got = 99;
        ori_status status =
            ori_source_read_at(&source, reads[i].offset, data, reads[i].bytes, &got, &err);
        if (!reads[i].expected) {
            assert_int_equal(status, ORI_IO);
            assert_int_equal(got, 99);
            continue;
        }
        assert_int_equal(status, ORI_OK);
        assert_int_equal(got, strlen(reads[i].expected));
        assert_memory_equal(data, reads[i].expected, got);
        assert_int_equal(source.has_read_past_end, reads[i].is_past_end);
    }
    close(fd);
}

static void test_a_file_that_shrank(void **state)
{
    (void)state;
    int fd = file_of("0123456789");
    struct ori_source source = {.fd = fd, .size = 20};
    uint8_t data[16];
    size_t got = 0;
    assert_int_equal(ori_source_read_at(&source, 5, data, 15, &got, NULL), ORI_OK);
    assert_int_equal(got, 5);
    assert_true(source.has_read_past_end);
    close(fd);
}

static void test_a_bad_descriptor(void **state)
{
    (void)state;
    struct ori_source source = {.fd = -1, .size = 20};
    struct ori_error err = {0};
    uint8_t data[4];
    size_t got = 0;
    assert_int_equal(ori_source_read_at(&source, 0, data, 4, &got, &err), ORI_IO);
    assert_int_equal(err.status, ORI_IO);
}

struct asked {
    int count;
    int64_t offset;
    size_t bytes;
    ori_status answer;
};
static ori_status ensure(void *self, int64_t offset, size_t bytes, struct ori_error *err)
{
    struct asked *asked = self;
    asked->count++;
    asked->offset = offset;
    asked->bytes = bytes;
    return asked->answer == ORI_OK ? ORI_OK : ori_error_set(err, asked->answer, "no such range");
}

/* A remote medium is asked for exactly the bytes that exist, and its refusal comes back. */
static void test_ensure(void **state)
{
    (void)state;
    struct asked asked = {0};
    int fd = file_of("0123456789");
    struct ori_source source = {.fd = fd, .size = 10, .ensure = ensure, .ensure_self = &asked};
    struct ori_error err = {0};
    uint8_t data[16];
    size_t got = 0;
    assert_int_equal(ori_source_read_at(&source, 8, data, 16, &got, &err), ORI_OK);
    assert_int_equal(got, 2);
    assert_int_equal(asked.offset, 8);
    assert_int_equal(asked.bytes, 2);
    assert_int_equal(ori_source_read_at(&source, 10, data, 16, &got, &err), ORI_OK);
    assert_int_equal(asked.count, 1);
    asked.answer = ORI_TIMEOUT;
    assert_int_equal(ori_source_read_at(&source, 0, data, 16, &got, &err), ORI_TIMEOUT);
    assert_string_equal(err.text, "no such range");
    asked.answer = ORI_OK; /* the first failure is remembered, and no later success undoes it */
    struct ori_error later = {0};
    assert_int_equal(ori_source_read_at(&source, 0, data, 16, &got, NULL), ORI_OK);
    assert_int_equal(ori_source_status(&source, &later), ORI_TIMEOUT);
    assert_string_equal(later.text, "no such range");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_a_file_that_shrank),
        cmocka_unit_test(test_a_bad_descriptor),
        cmocka_unit_test(test_ensure),
    };
    return cmocka_run_group_tests_name("media_source", tests, NULL, NULL);
}
