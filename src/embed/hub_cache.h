#pragma once
/* embed/hub_cache.h: models that lie in a cache of huggingface_hub's layout.
 * Layout    CACHE/models--org--name/refs/REVISION       the commit a revision meant when pulled
 *                                  /snapshots/COMMIT/FILE   links into blobs
 *                                  /blobs/ETAG          the bytes, by their hash
 *                                  /.oriane/COMMIT.json what this program knows of a pull: licence
 *           CACHE/.locks/models--org--name/ETAG.lock    held while a blob is written
 * Source    huggingface_hub, guide "Understand caching"
 * Trust     none in what the files say: sizes are limited, commits are checked before they make a path
 * Threads   any; nothing is kept between calls
 * Failure   a status and its cause; ORI_NOT_FOUND where a thing is simply not there */
#include <stdbool.h>
#include <stdint.h>

#include "embed/hub_name.h"
#include "util/status.h"

/* The folder of a snapshot that a revision leads to, whatever it holds; malloc'ed, the caller frees.
 * ORI_NOT_FOUND: nothing of that revision was ever pulled. */
ori_status ori_hub_cache_snapshot(const char *cache, const char *repo, const char *revision,
                                  char **ret_folder, struct ori_error *err);

/* One snapshot of a cache; texts live for the visit. */
struct ori_hub_snapshot {
    const char *repo;
    const char *revisions; /* "main, refs/pr/66"; "" when none leads there any more */
    const char *commit;
    const char *folder;
    int64_t bytes; /* of its files, links followed */
    int64_t files;
};
/* All snapshots by name, then commit. visit: a status other than ORI_OK ends it with that. A cache
 * that is not there has none. ORI_LIMIT: more than ORI_LIMIT_MAX_HUB_MODELS. */
ori_status ori_hub_cache_visit(const char *cache,
                               ori_status (*visit)(void *self,
                                                   const struct ori_hub_snapshot *snapshot,
                                                   struct ori_error *err),
                               void *self, struct ori_error *err);
