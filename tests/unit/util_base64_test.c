/* The test vectors of RFC 4648 section 10, and texts that are no base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/base64.h"

static const char *const vectors[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct ori_buf buf;
        uint8_t back[8] = {0};
        size_t bytes = 99;
        ori_buf_init(&buf, 100);
        ori_base64_add(&buf, vectors[i][0], strlen(vectors[i][0]));
        assert_string_equal(ori_buf_text(&buf), vectors[i][1]);
        assert_true(ori_base64_read(vectors[i][1], strlen(vectors[i][1]), back, 6, &bytes));
        assert_int_equal(bytes, strlen(vectors[i][0]));
        assert_memory_equal(back, vectors[i][0], bytes);
        ori_buf_deinit(&buf);
    }
}

static void all_bytes_come_back(void **state)
{
    (void)state;
    uint8_t data[3000];
    uint8_t back[3000];
    size_t bytes = 0;
    struct ori_buf buf;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 167 + i / 256);
    ori_buf_init(&buf, 5000);
    ori_base64_add(&buf, data, sizeof data);
    assert_int_equal(buf.used, 4000);
    assert_true(ori_base64_read(buf.data, buf.used, back, sizeof back, &bytes));
    assert_int_equal(bytes, sizeof data);
    assert_memory_equal(back, data, sizeof data);
    assert_false(ori_base64_read(buf.data, buf.used, back, sizeof back - 1, &bytes));
    ori_buf_deinit(&buf);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",   "====", "=g==",     "Z===", "Zh==",
                                      "Zm9=", "Zm 9", "Zm9\n", "Zm-_", "Zg==Zg==", "Zm9v="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t back[16];
        size_t bytes = 0;
        assert_false(ori_base64_read(bad[i], strlen(bad[i]), back, sizeof back, &bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(all_bytes_come_back),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
