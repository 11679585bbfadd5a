#pragma once
/* embed/model_facts.h: what a model folder says of itself before it is loaded.
 * Trust     none: sizes are limited, texts that are none of a licence or family count as not known
 * Threads   any; nothing is kept between calls */
#include <stdbool.h>

#include "util/status.h"

#define ORI_MODEL_LICENCE_BYTES 64
#define ORI_MODEL_FAMILY_BYTES 64

/* Why it cannot be used: "no config.json"; NULL: all files that a model needs are there (whether they
 * are any good is for the loader to say). Static text. */
const char *ori_model_folder_fault(const char *folder);

/* The licence: as a pull wrote it down, else as README.md says in its front matter; "" not known. */
void ori_model_folder_licence(const char *folder, char ret_licence[ORI_MODEL_LICENCE_BYTES]);
/* model_type of config.json: "clip"; "" not known. */
void ori_model_folder_family(const char *folder, char ret_family[ORI_MODEL_FAMILY_BYTES]);

/* Writes down the licence of a snapshot of a cache (embed/hub_cache.h), for the call above. */
ori_status ori_model_folder_keep_licence(const char *folder, const char *licence,
                                         struct ori_error *err);
/* Whether a text may be a licence's or family's name: letters, digits, "-", "_", ".", "+". */
bool ori_model_is_word(const char *text);
/* Whether a licence forbids commercial use: "cc-by-nc-4.0". */
bool ori_model_is_non_commercial(const char *licence);
