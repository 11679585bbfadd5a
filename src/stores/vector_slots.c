#include "stores/vector_slots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "util/status.h"

enum { SIZE_MIN = 64 };

static void make_free(struct ori_slots_entry *entries, size_t size)
{
    for (size_t i = 0; i < size; i++)
        entries[i] = (struct ori_slots_entry){0, ORI_SLOTS_NONE};
}

void ori_slots_init(struct ori_slots *slots)
{
    *slots = (struct ori_slots){0};
    if (getrandom(&slots->salt, sizeof slots->salt, GRND_NONBLOCK) != sizeof slots->salt)
        slots->salt = (uint64_t)time(NULL) ^ (uintptr_t)slots; /* early boot: better than none */
}

void ori_slots_deinit(struct ori_slots *slots)
{
    free(slots->entries);
    slots->entries = NULL;
    slots->size = 0;
    slots->used = 0;
}

void ori_slots_clear(struct ori_slots *slots)
{
    make_free(slots->entries, slots->size);
    slots->used = 0;
}

static uint64_t mix(uint64_t a, uint64_t b) /* the 128-bit product folded */
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t ori_slots_hash(const struct ori_slots *slots, const void *key, size_t bytes)
{
    const uint8_t *at = key;
    uint64_t hash = slots->salt ^ bytes;
    while (bytes > 0) {
        uint64_t word = 0;
        const size_t step = bytes < sizeof word ? bytes : sizeof word;
        memcpy(&word, at, step);
        hash = mix(hash ^ word ^ 0x9E3779B97F4A7C15U, slots->salt | 1U) + 0xD1B54A32D192ED03U;
        at += step;
        bytes -= step;
    }
    hash = mix(hash, 0xC2B2AE3D27D4EB4FU);
    return (uint32_t)(hash ^ (hash >> 32));
}

uint32_t ori_slots_find(const struct ori_slots *slots, uint32_t hash, ori_slots_equal_fn equal,
                        const void *self, const void *key)
{
    if (slots->size == 0)
        return ORI_SLOTS_NONE;
    const size_t mask = slots->size - 1;
    for (size_t i = hash & mask; slots->entries[i].number != ORI_SLOTS_NONE; i = (i + 1) & mask) {
        const struct ori_slots_entry entry = slots->entries[i];
        if (entry.hash == hash && equal(self, entry.number, key))
            return entry.number;
    }
    return ORI_SLOTS_NONE;
}

static void put(struct ori_slots_entry *entries, size_t size, struct ori_slots_entry entry)
{
    size_t i = entry.hash & (size - 1);
    while (entries[i].number != ORI_SLOTS_NONE)
        i = (i + 1) & (size - 1);
    entries[i] = entry;
}

static bool grow(struct ori_slots *slots)
{
    const size_t size = slots->size ? 2 * slots->size : SIZE_MIN;
    struct ori_slots_entry *entries = reallocarray(NULL, size, sizeof *entries);
    if (!entries)
        return false;
    make_free(entries, size);
    for (size_t i = 0; i < slots->size; i++) {
        if (slots->entries[i].number != ORI_SLOTS_NONE)
            put(entries, size, slots->entries[i]);
    }
    free(slots->entries);
    slots->entries = entries;
    slots->size = size;
    return true;
}

bool ori_slots_add(struct ori_slots *slots, uint32_t hash, uint32_t number)
{
    if (2 * (slots->used + 1) > slots->size && !grow(slots))
        return false;
    put(slots->entries, slots->size, (struct ori_slots_entry){hash, number});
    slots->used++;
    return true;
}

static size_t place_of(const struct ori_slots *slots, uint32_t hash, uint32_t number)
{
    const size_t mask = slots->size - 1;
    size_t i = hash & mask;
    while (slots->entries[i].number != number) {
        ORI_ASSERT(slots->entries[i].number != ORI_SLOTS_NONE);
        i = (i + 1) & mask;
    }
    return i;
}

void ori_slots_remove(struct ori_slots *slots, uint32_t hash, uint32_t number)
{
    const size_t mask = slots->size - 1;
    size_t hole = place_of(slots, hash, number);
    for (size_t i = (hole + 1) & mask; slots->entries[i].number != ORI_SLOTS_NONE;
         i = (i + 1) & mask) {
        const size_t home = slots->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* may move back as far as the hole */
            slots->entries[hole] = slots->entries[i];
            hole = i;
        }
    }
    slots->entries[hole].number = ORI_SLOTS_NONE;
    slots->used--;
}

void ori_slots_renumber(struct ori_slots *slots, uint32_t hash, uint32_t from, uint32_t to)
{
    slots->entries[place_of(slots, hash, from)].number = to;
}
