/* Which files of a model are pulled, and how big each may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "embed/hub_files.h"
#include "util/limits.h"

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

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(ori_hub_bytes_max("config.json"), ORI_LIMIT_MAX_HUB_SMALL_FILE_BYTES);
    assert_int_equal(ori_hub_bytes_max("model.safetensors"), ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES);
    assert_int_equal(ori_hub_bytes_max("model.safetensors.index.json"),
                     ORI_LIMIT_MAX_MODEL_INDEX_BYTES);
    assert_int_equal(ori_hub_bytes_max("m-1.safetensors"), ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wanted_and_not),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests_name("embed/hub_files", tests, NULL, NULL);
}
