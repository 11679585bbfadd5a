#pragma once
/* embed/hub_files.h: which files of a model are pulled.
 * Chosen    config.json, preprocessor_config.json, model.safetensors or else
 *           model.safetensors.index.json with the shards it names, tokenizer.json,
 *           tokenizer_config.json, special_tokens_map.json, vocab.json, merges.txt; nothing else, so
 *           whatever names a hub sends, no other is ever made a path
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stdint.h>

/* Whether a file of that name is pulled from every model that has it; the index only where there are
 * no weights in one piece, which is the caller's to see. */
bool ori_hub_is_wanted(const char *name);
int64_t ori_hub_bytes_max(const char *name); /* that such a file may have */
