#pragma once
/* embed/hub_name.h: names of models on a hub: "org/name" or "name", with "@revision" or without.
 * Accepts   what huggingface_hub's validate_repo_id does: letters, digits, "-", "_", ".", each half
 *           of at most ORI_LIMIT_MAX_HUB_NAME_CHARS; no "--", no "..", neither at the start nor at
 *           the end "-" or ".", no ".git" at the end. Revisions: the same letters in parts divided
 *           by "/", no part that starts with a dot or ends with ".lock", no ".."
 * Promise   such a name makes a path that stays below the folder it is put under
 * Threads   pure; any thread */
#include <stdbool.h>

#include "util/limits.h"

#define ORI_HUB_MAIN "main"
#define ORI_HUB_REPO_BYTES (2 * ORI_LIMIT_MAX_HUB_NAME_CHARS + 2)
#define ORI_HUB_REVISION_BYTES (ORI_LIMIT_MAX_HUB_REVISION_CHARS + 1)
#define ORI_HUB_FOLDER_BYTES (ORI_HUB_REPO_BYTES + 16)
#define ORI_HUB_COMMIT_CHARS 40

struct ori_hub_name {
    char repo[ORI_HUB_REPO_BYTES];
    char revision[ORI_HUB_REVISION_BYTES]; /* ORI_HUB_MAIN when the name has none */
    bool has_revision;
};

/* False, and nothing is written, when text is no such name. */
bool ori_hub_name_parse(const char *text, struct ori_hub_name *ret_name);

/* "models--org--name": its folder in a cache. */
void ori_hub_name_folder(const char *repo, char ret_folder[ORI_HUB_FOLDER_BYTES]);
/* The other way; false for a folder that is none of a model. */
bool ori_hub_name_of_folder(const char *folder, char ret_repo[ORI_HUB_REPO_BYTES]);

bool ori_hub_is_commit(const char *revision); /* 40 hex digits in lower case */

/* The revision that has a model's safetensors where its main branch has none; NULL: not known. */
const char *ori_hub_known_revision(const char *repo);
