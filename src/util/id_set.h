#pragma once
/* util/id_set.h: a set of 128-bit names: hashes of texts, or what is that short by itself.
 * How        open addressing, linear probing, at most three quarters full; 21 to 43 bytes a name, and
 *            half as much again for the moment in which it grows
 * Call order a struct of zeros is an empty set; add; deinit
 * Failure    ORI_NOMEM: the set is as it was
 * Threads    plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

struct ori_id {
    uint64_t high;
    uint64_t low; /* both 0 is a name as well, the same as 0, 1 */
};
struct ori_id_set {
    struct ori_id *slots;
    size_t size; /* a power of two, or 0 */
    size_t used;
};

/* *ret_is_new: it was not there before. */
ori_status ori_id_set_add(struct ori_id_set *set, struct ori_id id, bool *ret_is_new,
                          struct ori_error *err);
bool ori_id_set_has(const struct ori_id_set *set, struct ori_id id);
void ori_id_set_deinit(struct ori_id_set *set); /* idempotent */
