#include "embed/hub_files.h"

#include <string.h>

#include "embed/weights_index.h"
#include "util/limits.h"

static const char *const wanted[] = {
    "config.json",     "preprocessor_config.json", "processor_config.json", ORI_WEIGHTS_FILE,
    ORI_WEIGHTS_INDEX, "tokenizer.json",           "tokenizer_config.json", "vocab.json",
    "merges.txt",      "special_tokens_map.json"};

bool ori_hub_is_wanted(const char *name)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strcmp(wanted[i], name) == 0)
            return true;
    }
    return false;
}

int64_t ori_hub_bytes_max(const char *name)
{
    if (ori_weights_is_file_name(name))
        return ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES;
    return strcmp(name, ORI_WEIGHTS_INDEX) == 0 ? ORI_LIMIT_MAX_MODEL_INDEX_BYTES
                                                : ORI_LIMIT_MAX_HUB_SMALL_FILE_BYTES;
}
