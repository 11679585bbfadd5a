#include "embed/weights_index.h"

#include <stdlib.h>
#include <string.h>

#include "embed/model_json.h"
#include "util/limits.h"

bool ori_weights_is_file_name(const char *name)
{
    static const char ending[] = ".safetensors";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_.";
    const size_t bytes = strlen(name);
    return bytes >= sizeof ending && bytes <= ORI_LIMIT_MAX_HUB_FILE_NAME_BYTES && name[0] != '.' &&
           name[0] != '-' && strspn(name, letters) == bytes &&
           strcmp(name + bytes - (sizeof ending - 1), ending) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The file names of the map, sorted, each once. */
static ori_status collect_names(struct ori_weights_index *index, struct ori_error *err)
{
    const char *tensor = NULL;
    json_t *value = NULL;
    size_t count = 0;
    json_object_foreach((json_t *)index->map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || strlen(name) != json_string_length(value) || !ori_weights_is_file_name(name))
            return ori_error_set(err, ORI_BAD_MODEL,
                                 "%s: tensor %.100s: \"%.100s\" is not the name of a safetensors "
                                 "file in the folder",
                                 ORI_WEIGHTS_INDEX, tensor, name ? name : "(no text)");
        index->names[count++] = name;
    }
    if (count == 0)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: weight_map names no tensor",
                             ORI_WEIGHTS_INDEX);
    qsort(index->names, count, sizeof *index->names, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(index->names[i], index->names[index->count - 1]) != 0)
            index->names[index->count++] = index->names[i];
    }
    if (index->count > ORI_LIMIT_MAX_MODEL_SHARDS)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d files", ORI_WEIGHTS_INDEX,
                             ORI_LIMIT_MAX_MODEL_SHARDS);
    return ORI_OK;
}

static ori_status look_at_map(struct ori_weights_index *index, struct ori_error *err)
{
    index->map = json_object_get(index->root, "weight_map");
    if (!json_is_object(index->map))
        return ori_error_set(err, ORI_BAD_MODEL, "%s: no object weight_map", ORI_WEIGHTS_INDEX);
    const size_t tensors = json_object_size(index->map);
    if (tensors > ORI_LIMIT_MAX_MODEL_TENSORS)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d tensors", ORI_WEIGHTS_INDEX,
                             ORI_LIMIT_MAX_MODEL_TENSORS);
    index->names = calloc(tensors + 1, sizeof *index->names);
    if (!index->names)
        return ori_error_set(err, ORI_NOMEM, "%s", ORI_WEIGHTS_INDEX);
    return collect_names(index, err);
}

ori_status ori_weights_index_parse(const char *text, size_t bytes,
                                   struct ori_weights_index *ret_index, struct ori_error *err)
{
    static const struct ori_model_json_bounds bounds = {
        .values_max = 4 * ORI_LIMIT_MAX_MODEL_TENSORS, .depth_max = 8};
    struct ori_weights_index index = {0};
    ori_status status =
        ori_model_json_parse(ORI_WEIGHTS_INDEX, text, bytes, &bounds, &index.root, err);
    if (status == ORI_OK)
        status = look_at_map(&index, err);
    if (status == ORI_OK) {
        *ret_index = index;
        index = (struct ori_weights_index){0};
    }
    ori_weights_index_deinit(&index);
    return status;
}

void ori_weights_index_deinit(struct ori_weights_index *index)
{
    free(index->names);
    json_decref(index->root);
    *index = (struct ori_weights_index){0};
}
