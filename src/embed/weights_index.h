#pragma once
/* embed/weights_index.h: model.safetensors.index.json: in which file each tensor of a model is.
 * Read by   whoever loads a model (weights) and whoever pulls one (hub): what one takes, so does the
 *           other
 * Names     of files of weights alone, never a path: what an index names can be opened in its folder
 * Limits    ORI_LIMIT_MAX_MODEL_INDEX_BYTES (the caller's, who reads the file), MODEL_TENSORS,
 *           MODEL_SHARDS, HUB_FILE_NAME_BYTES
 * Threads   one thread at a time
 * Failure   ORI_BAD_MODEL: not what the format says; ORI_LIMIT; ORI_NOMEM; then nothing is held */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

#define ORI_WEIGHTS_FILE "model.safetensors"
#define ORI_WEIGHTS_INDEX "model.safetensors.index.json"

/* "model-00001-of-00002.safetensors" and its like: letters, digits and "-_." */
bool ori_weights_is_file_name(const char *name);

struct ori_weights_index {
    json_t *root;
    const json_t *map;  /* tensor -> file, all of them texts; inside the root */
    const char **names; /* of the files, each once, sorted; inside the root */
    size_t count;
};
ori_status ori_weights_index_parse(const char *text, size_t bytes,
                                   struct ori_weights_index *ret_index, struct ori_error *err);
void ori_weights_index_deinit(struct ori_weights_index *index); /* idempotent */
