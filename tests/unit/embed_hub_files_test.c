/* Which files of a model are pulled, and what an index of shards may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "embed/hub_files.h"
#include "util/buf.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void wanted_and_not(void **state)
{
    static const char *const wanted[] = {"config.json",
                                         "preprocessor_config.json",
                                         "model.safetensors",
                                         "tokenizer.json",
                                         "vocab.json",
                                         "model.safetensors.index.json",
                                         "merges.txt",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json"};
    static const char *const others[] = {"pytorch_model.bin",
                                         "flax_model.msgpack",
                                         "model.onnx",
                                         "README.md",
                                         "Config.json",
                                         "./config.json",
                                         "../config.json",
                                         "sub/config.json",
                                         "config.json/",
                                         "config.json ",
                                         "",
                                         "model-00001-of-00002.safetensors",
                                         "/config.json",
                                         "open_clip_pytorch_model.bin"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        assert_true(ori_hub_is_wanted(wanted[i]));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(ori_hub_is_wanted(others[i]));
}

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
        assert_true(ori_hub_is_shard(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (ori_hub_is_shard(bad[i]))
            fail_msg("%s", bad[i]);
    }
    memset(name, 'a', sizeof name);
    snprintf(name + 200 - 12, 32, ".safetensors");
    assert_true(ori_hub_is_shard(name));
    memset(name, 'a', sizeof name);
    snprintf(name + 201 - 12, 32, ".safetensors");
    assert_false(ori_hub_is_shard(name));
}

static ori_status read_text(const char *text, struct ori_hub_shards *shards)
{
    struct ori_error err = {0};
    ori_status status = ori_hub_shards_read(text, strlen(text), shards, &err);
    assert_int_equal(status, err.status);
    return status;
}

static void an_index(void **state)
{
    struct ori_hub_shards shards = {0};
    (void)state;
    assert_int_equal(read_text("{\"metadata\": {\"total_size\": 5}, \"weight_map\": {"
                               "\"a\": \"m-2.safetensors\", \"b\": \"m-1.safetensors\", "
                               "\"c\": \"m-2.safetensors\"}}",
                               &shards),
                     ORI_OK);
    assert_int_equal(shards.count, 2);
    assert_string_equal(shards.names[0], "m-2.safetensors");
    assert_string_equal(shards.names[1], "m-1.safetensors");
    ori_hub_shards_deinit(&shards);
    ori_hub_shards_deinit(&shards);
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
        struct ori_hub_shards shards = {0};
        assert_int_equal(read_text(rows[i], &shards), ORI_BAD_MODEL);
        assert_int_equal(shards.count, 0);
    }
}

static ori_status read_many(int count)
{
    struct ori_hub_shards shards = {0};
    struct ori_buf text;
    ori_buf_init(&text, 1 << 20);
    ori_buf_add_text(&text, "{\"weight_map\": {\"x\": \"s0.safetensors\"");
    for (int i = 0; i < count; i++)
        ori_buf_printf(&text, ", \"t%d\": \"s%d.safetensors\"", i, i);
    ori_buf_add_text(&text, "}}");
    ori_status status = read_text(ori_buf_text(&text), &shards);
    if (status == ORI_OK)
        assert_int_equal(shards.count, count);
    ori_hub_shards_deinit(&shards);
    ori_buf_deinit(&text);
    return status;
}

static void shards_at_n_and_n_plus_1(void **state)
{
    (void)state;
    assert_int_equal(read_many(ORI_LIMIT_MAX_HUB_SHARDS), ORI_OK);
    assert_int_equal(read_many(ORI_LIMIT_MAX_HUB_SHARDS + 1), ORI_LIMIT);
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(ori_hub_bytes_max("config.json"), ORI_LIMIT_MAX_HUB_SMALL_FILE_BYTES);
    assert_int_equal(ori_hub_bytes_max("model.safetensors"), ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES);
    assert_int_equal(ori_hub_bytes_max("model.safetensors.index.json"),
                     ORI_LIMIT_MAX_HUB_INDEX_BYTES);
    assert_int_equal(ori_hub_bytes_max("m-1.safetensors"), ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted_and_not),
        cmocka_unit_test(shards_by_name),
        cmocka_unit_test(an_index),
        cmocka_unit_test(indexes_that_are_none),
        cmocka_unit_test(shards_at_n_and_n_plus_1),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests_name("embed/hub_files", tests, NULL, NULL);
}
