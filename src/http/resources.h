#pragma once
/* http/resources.h: what handlers keep between requests: working memory of the model, thumbnails.
 * Call order  create; handlers use it; destroy when none runs any more, before the service goes:
 *             the working memory borrows the service's model
 * Scratches   one a thread, made at its first search: a scratch stays on its own thread
 *             (embed/model.h). Threads past the table's end get one for the one search
 * Thumbnails  the least recently used go when there are more than ORI_LIMIT_MAX_THUMB_CACHE_BYTES.
 *             A key names what was made of what, so that nothing in it can be stale
 * Threads     any */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/model.h"
#include "util/status.h"

struct ori_resources;

ori_status ori_resources_create(struct ori_resources **ret_resources, struct ori_error *err);
void ori_resources_destroy(struct ori_resources **resources); /* null-safe, nulls */

/* The calling thread's scratch. *ret_is_kept false: the caller destroys it. */
ori_status ori_resources_scratch(struct ori_resources *resources, const struct ori_model *model,
                                 struct ori_model_scratch **ret_scratch, bool *ret_is_kept,
                                 struct ori_error *err);

/* True: *ret_data is a malloc'ed copy, the caller frees. */
bool ori_resources_thumb(struct ori_resources *resources, const char *key, uint8_t **ret_data,
                         size_t *ret_bytes);
/* Copies; a thumbnail that cannot be kept (memory, larger than the cache) is not, and that is
 * all. */
void ori_resources_keep_thumb(struct ori_resources *resources, const char *key, const void *data,
                              size_t bytes);
