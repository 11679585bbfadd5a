#pragma once
/* stores/vector_slots.h: a hash table from keys kept elsewhere to small numbers.
 * It stores (hash, number) pairs alone; whether a number's key is the wanted one, the caller says.
 * Call order  init; find, add, remove at will; deinit
 * Threads     plain data; one writer, or many readers
 * Hostile     hashes are salted, so that a made-up file cannot make all keys collide
 * Failure     add: false when memory ran out, then nothing changed
 * Source      open addressing with linear probing and backward-shift deletion: Knuth, The Art of
 *             Computer Programming vol. 3, 6.4, algorithm R */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORI_SLOTS_NONE UINT32_MAX

struct ori_slots_entry {
    uint32_t hash;
    uint32_t number; /* ORI_SLOTS_NONE: free */
};
struct ori_slots {
    struct ori_slots_entry *entries;
    size_t size; /* 0 or a power of two */
    size_t used;
    uint64_t salt;
};

typedef bool (*ori_slots_equal_fn)(const void *self, uint32_t number, const void *key);

void ori_slots_init(struct ori_slots *slots);
void ori_slots_deinit(struct ori_slots *slots); /* idempotent */
void ori_slots_clear(struct ori_slots *slots);  /* empty, memory kept */

uint32_t ori_slots_hash(const struct ori_slots *slots, const void *key, size_t bytes);
/* The number whose key equals key, or ORI_SLOTS_NONE. */
uint32_t ori_slots_find(const struct ori_slots *slots, uint32_t hash, ori_slots_equal_fn equal,
                        const void *self, const void *key);
/* The key must not be there yet. */
bool ori_slots_add(struct ori_slots *slots, uint32_t hash, uint32_t number);
/* The pair (hash, number) must be there; renumber gives it another number. */
void ori_slots_remove(struct ori_slots *slots, uint32_t hash, uint32_t number);
void ori_slots_renumber(struct ori_slots *slots, uint32_t hash, uint32_t from, uint32_t to);
