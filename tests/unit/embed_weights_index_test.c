/* What an index of a model's files may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "embed/weights_index.h"
#include "util/buf.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void shards_by_name(void **state)
{
    static const char *const good[] = {"model-00001-of-00002.safetensors", "a.safetensors",
                                       "model.fp16-00001-of-00002.safetensors"};
    static const char *const bad[] = {"",
                                      ".safetensors",
                                      "x.bin",
                                      "..safetensors",
                                      "../a.safetensors",
                                      "/a.safetensors",
                                      "a/b.safetensors",
                                      "a\\b.safetensors",
                                      ".a.safetensors",
                                      "-a.safetensors",
                                      "a.safetensors ",
                                      "a b.safetensors",
                                      "a.safetensors/..",
                                      "a\n.safetensors",
                                      "\xC3\xA4.safetensors",
                                      "a.SAFETENSORS"};
    char name[256];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(ori_weights_is_file_name(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (ori_weights_is_file_name(bad[i]))
            fail_msg("%s", bad[i]);
    }
    memset(name, 'a', sizeof name);
    snprintf(name + 200 - 12, 32, ".safetensors");
    assert_true(ori_weights_is_file_name(name));
    memset(name, 'a', sizeof name);
    snprintf(name + 201 - 12, 32, ".safetensors");
    assert_false(ori_weights_is_file_name(name));
}

static ori_status read_text(const char *text, struct ori_weights_index *index)
{
    struct ori_error err = {0};
    ori_status status = ori_weights_index_parse(text, strlen(text), index, &err);
    assert_int_equal(status, err.status);
    return status;
}

static void an_index(void **state)
{
    struct ori_weights_index index = {0};
    (void)state;
    assert_int_equal(read_text("{\"metadata\": {\"total_size\": 5}, \"weight_map\": {"
                               "\"a\": \"m-2.safetensors\", \"b\": \"m-1.safetensors\", "
                               "\"c\": \"m-2.safetensors\"}}",
                               &index),
                     ORI_OK);
    assert_int_equal(index.count, 2);
    assert_string_equal(index.names[0], "m-1.safetensors");
    assert_string_equal(index.names[1], "m-2.safetensors");
    ori_weights_index_deinit(&index);
    ori_weights_index_deinit(&index);
}

static void indexes_that_are_none(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "5",
        "{}",
        "{\"weight_map\": 5}",
        "{\"weight_map\": {}}",
        "{\"weight_map\": []}",
        "{\"weight_map\": {\"a\": 5}}",
        "{\"weight_map\": {\"a\": null}}",
        "{\"weight_map\": {\"a\": \"../x.safetensors\"}}",
        "{\"weight_map\": {\"a\": \"x.bin\"}}",
        "{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}",
        "{\"weight_map\": {\"a\": \"x.safetensors\"}} x",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_weights_index index = {0};
        assert_int_equal(read_text(rows[i], &index), ORI_BAD_MODEL);
        assert_int_equal(index.count, 0);
    }
}

static ori_status read_many(int count)
{
    struct ori_weights_index index = {0};
    struct ori_buf text;
    ori_buf_init(&text, 1 << 20);
    ori_buf_add_text(&text, "{\"weight_map\": {\"x\": \"s0.safetensors\"");
    for (int i = 0; i < count; i++)
        ori_buf_printf(&text, ", \"t%d\": \"s%d.safetensors\"", i, i);
    ori_buf_add_text(&text, "}}");
    ori_status status = read_text(ori_buf_text(&text), &index);
    if (status == ORI_OK)
        assert_int_equal(index.count, count);
    ori_weights_index_deinit(&index);
    ori_buf_deinit(&text);
    return status;
}

static void shards_at_n_and_n_plus_1(void **state)
{
    (void)state;
    assert_int_equal(read_many(ORI_LIMIT_MAX_MODEL_SHARDS), ORI_OK);
    assert_int_equal(read_many(ORI_LIMIT_MAX_MODEL_SHARDS + 1), ORI_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_by_name),
        cmocka_unit_test(an_index),
        cmocka_unit_test(indexes_that_are_none),
        cmocka_unit_test(shards_at_n_and_n_plus_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
