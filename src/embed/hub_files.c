#include "embed/hub_files.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const wanted[] = {
    "config.json", "preprocessor_config.json", "processor_config.json", ORI_HUB_WEIGHTS,
    ORI_HUB_INDEX, "tokenizer.json",           "tokenizer_config.json", "vocab.json",
    "merges.txt",  "special_tokens_map.json"};

static const char shard_end[] = ".safetensors";

bool ori_hub_is_wanted(const char *name)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strcmp(wanted[i], name) == 0)
            return true;
    }
    return false;
}

bool ori_hub_is_shard(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_.";
    size_t bytes = strlen(name);
    size_t end_bytes = sizeof shard_end - 1;
    return bytes > end_bytes && bytes <= ORI_LIMIT_MAX_HUB_FILE_NAME_BYTES && name[0] != '.' &&
           name[0] != '-' && strspn(name, letters) == bytes &&
           strcmp(name + bytes - end_bytes, shard_end) == 0;
}

int64_t ori_hub_bytes_max(const char *name)
{
    if (ori_hub_is_shard(name))
        return ORI_LIMIT_MAX_HUB_WEIGHTS_BYTES;
    return strcmp(name, ORI_HUB_INDEX) == 0 ? ORI_LIMIT_MAX_HUB_INDEX_BYTES
                                            : ORI_LIMIT_MAX_HUB_SMALL_FILE_BYTES;
}

static ori_status refuse(const char *what, struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_MODEL, "%s: %s", ORI_HUB_INDEX, what);
}

/* The names as keys of *ret_set, so that each is there once. */
static ori_status collect(const json_t *map, json_t *set, struct ori_error *err)
{
    const char *tensor = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || strlen(name) != json_string_length(value) || !ori_hub_is_shard(name))
            return refuse("weight_map names what is no file of weights", err);
        if (json_object_set_new(set, name, json_true()) != 0)
            return ori_error_set(err, ORI_NOMEM, "%s", ORI_HUB_INDEX);
        if (json_object_size(set) > ORI_LIMIT_MAX_HUB_SHARDS)
            return ori_error_set(err, ORI_LIMIT, "%s names more than %d files", ORI_HUB_INDEX,
                                 ORI_LIMIT_MAX_HUB_SHARDS);
    }
    return json_object_size(set) > 0 ? ORI_OK : refuse("weight_map is empty", err);
}

static ori_status copy_names(json_t *set, struct ori_hub_shards *shards, struct ori_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;
    shards->names = calloc(json_object_size(set), sizeof *shards->names);
    if (!shards->names)
        return ori_error_set(err, ORI_NOMEM, "%s", ORI_HUB_INDEX);
    json_object_foreach(set, name, value)
    {
        char *copy = strdup(name);
        if (!copy)
            return ori_error_set(err, ORI_NOMEM, "%s", ORI_HUB_INDEX);
        shards->names[shards->count++] = copy;
    }
    return ORI_OK;
}

ori_status ori_hub_shards_read(const char *data, size_t bytes, struct ori_hub_shards *ret_shards,
                               struct ori_error *err)
{
    struct ori_hub_shards shards = {0};
    json_error_t cause;
    ori_status status = ORI_OK;
    json_t *set = json_object();
    json_t *index = json_loadb(data, bytes, JSON_REJECT_DUPLICATES, &cause);
    const json_t *map = json_object_get(index, "weight_map");
    if (!set)
        status = ori_error_set(err, ORI_NOMEM, "%s", ORI_HUB_INDEX);
    else if (!index && json_error_code(&cause) == json_error_out_of_memory)
        status = ori_error_set(err, ORI_NOMEM, "%s", ORI_HUB_INDEX);
    else if (!index)
        status = refuse(cause.text, err);
    else if (!json_is_object(map))
        status = refuse("there is no weight_map", err);
    else
        status = collect(map, set, err);
    if (status == ORI_OK)
        status = copy_names(set, &shards, err);
    if (status == ORI_OK) {
        *ret_shards = shards;
        shards = (struct ori_hub_shards){0};
    }
    ori_hub_shards_deinit(&shards);
    json_decref(index);
    json_decref(set);
    return status;
}

void ori_hub_shards_deinit(struct ori_hub_shards *shards)
{
    for (size_t i = 0; i < shards->count; i++)
        free(shards->names[i]);
    free(shards->names);
    *shards = (struct ori_hub_shards){0};
}
