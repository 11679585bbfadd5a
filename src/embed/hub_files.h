#pragma once
/* embed/hub_files.h: which files of a model are pulled.
 * Chosen    config.json, preprocessor_config.json, model.safetensors or else
 *           model.safetensors.index.json with the shards it names, tokenizer.json,
 *           tokenizer_config.json, special_tokens_map.json, vocab.json, merges.txt; nothing else, so
 *           whatever names a hub sends, no other is ever made a path
 * Threads   pure; any thread
 * Failure   ORI_BAD_MODEL: not what the format says; ORI_LIMIT; ORI_NOMEM */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/limits.h"
#include "util/status.h"

#define ORI_HUB_WEIGHTS "model.safetensors"
#define ORI_HUB_INDEX "model.safetensors.index.json"

/* Whether a file of that name is pulled from every model that has it; the index only where there are
 * no weights in one piece, which is the caller's to see. */
bool ori_hub_is_wanted(const char *name);
/* Whether a name may be that of a shard: "model-00001-of-00002.safetensors" and its like, no path,
 * at most ORI_LIMIT_MAX_HUB_FILE_NAME_BYTES. */
bool ori_hub_is_shard(const char *name);
int64_t ori_hub_bytes_max(const char *name); /* that such a file may have */

struct ori_hub_shards {
    char **names; /* each once, in the order of the index */
    size_t count;
};
/* The names of model.safetensors.index.json's weight_map; at most ORI_LIMIT_MAX_HUB_SHARDS. */
ori_status ori_hub_shards_read(const char *data, size_t bytes, struct ori_hub_shards *ret_shards,
                               struct ori_error *err);
void ori_hub_shards_deinit(struct ori_hub_shards *shards); /* idempotent */
