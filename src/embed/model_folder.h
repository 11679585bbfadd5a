#pragma once
/* embed/model_folder.h: from CLIP_MODEL to the folder with the model's files.
 * Order     a folder of that name, absolute or relative to the working directory, is the model; else
 *           the text is a name on a hub, looked for in the cache by its revision, or by "main", or,
 *           where main has no safetensors and another revision is known to have them, by that
 * Network   none: what is not here is said with the command that brings it
 * Threads   any
 * Failure   ORI_MODEL_MISSING: not here, or without config.json or safetensors (pytorch_model.bin is
 *           never loaded); ORI_NOMEM, ORI_IO, ORI_LIMIT */
#include "util/status.h"

/* hub_cache: HF_HUB_CACHE; NULL: only folders are looked at. *ret_folder is malloc'ed, the caller
 * frees. */
ori_status ori_model_folder_find(const char *name, const char *hub_cache, char **ret_folder,
                                 struct ori_error *err);
