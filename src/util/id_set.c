#include "util/id_set.h"

#include <stdlib.h>

#define SIZE_FIRST 64

static struct ori_id stored_as(struct ori_id id)
{
    if (id.high == 0 && id.low == 0)
        id.low = 1;
    return id;
}

static bool is_free(struct ori_id slot)
{
    return slot.high == 0 && slot.low == 0;
}

/* Where it is, or the free slot where it would be. Names need not be random: multiplied by two odd
 * numbers (of the golden ratio and of the square root of 3), folded. */
static size_t place_of(const struct ori_id_set *set, struct ori_id id)
{
    uint64_t mixed = id.high * UINT64_C(0x9E3779B97F4A7C15) ^ id.low * UINT64_C(0xBB67AE8584CAA73B);
    size_t at = (size_t)(mixed ^ mixed >> 32) & (set->size - 1);
    while (!is_free(set->slots[at]) &&
           (set->slots[at].high != id.high || set->slots[at].low != id.low))
        at = (at + 1) & (set->size - 1);
    return at;
}

static ori_status grow(struct ori_id_set *set, struct ori_error *err)
{
    struct ori_id_set bigger = {.size = set->size ? 2 * set->size : SIZE_FIRST, .used = set->used};
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots)
        return ori_error_set(err, ORI_NOMEM, "a set of %zu names", set->used);
    for (size_t i = 0; i < set->size; i++) {
        if (!is_free(set->slots[i]))
            bigger.slots[place_of(&bigger, set->slots[i])] = set->slots[i];
    }
    free(set->slots);
    *set = bigger;
    return ORI_OK;
}

ori_status ori_id_set_add(struct ori_id_set *set, struct ori_id id, bool *ret_is_new,
                          struct ori_error *err)
{
    if (set->used >= set->size / 4 * 3) {
        ori_status status = grow(set, err);
        if (status != ORI_OK)
            return status;
    }
    id = stored_as(id);
    const size_t at = place_of(set, id);
    *ret_is_new = is_free(set->slots[at]);
    if (*ret_is_new) {
        set->slots[at] = id;
        set->used++;
    }
    return ORI_OK;
}

bool ori_id_set_has(const struct ori_id_set *set, struct ori_id id)
{
    return set->size > 0 && !is_free(set->slots[place_of(set, stored_as(id))]);
}

void ori_id_set_deinit(struct ori_id_set *set)
{
    free(set->slots);
    *set = (struct ori_id_set){0};
}
