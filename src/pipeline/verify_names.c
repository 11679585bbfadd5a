/* pipeline/verify_names.c: which videos were seen already: the first half of a SHA-256 of each name, in a
 * table with open addressing that is at most half full. Two names of one digest would take some 2^64
 * videos. */
#include "pipeline/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/limits.h"

#define ROOM_MIN 1024

static const uint8_t free_slot[16];

void verify_names_deinit(struct verify_names *names)
{
    free(names->digests);
    *names = (struct verify_names){0};
}

/* The digest's slot, or the free one where it would go. */
static size_t slot_of(uint8_t (*digests)[16], size_t room, const uint8_t digest[16])
{
    uint64_t start = 0;
    memcpy(&start, digest, sizeof start);
    size_t at = (size_t)start & (room - 1);
    while (memcmp(digests[at], free_slot, 16) != 0 && memcmp(digests[at], digest, 16) != 0)
        at = (at + 1) & (room - 1);
    return at;
}

static ori_status grow(struct verify_names *names, struct ori_error *err)
{
    const size_t room = names->room ? 2 * names->room : ROOM_MIN;
    uint8_t(*digests)[16] = calloc(room, sizeof *digests);
    if (!digests)
        return ori_error_set(err, ORI_NOMEM, "names of %zu videos", names->count);
    for (size_t i = 0; i < names->room; i++) {
        if (memcmp(names->digests[i], free_slot, 16) != 0)
            memcpy(digests[slot_of(digests, room, names->digests[i])], names->digests[i], 16);
    }
    free(names->digests);
    names->digests = digests;
    names->room = room;
    return ORI_OK;
}

ori_status verify_names_add(struct verify_names *names, const char *platform, const char *code,
                            bool *ret_is_new, struct ori_error *err)
{
    char text[2 * ORI_CODE_BYTES];
    uint8_t digest[ORI_HASH_BYTES_MAX];
    const int bytes = snprintf(text, sizeof text, "%s/%s", platform, code);
    ORI_ASSERT(bytes > 0 && (size_t)bytes < sizeof text);
    ori_status status = ori_hash_of(ORI_HASH_SHA256, text, (size_t)bytes, digest, err);
    if (status == ORI_OK && 2 * names->count >= names->room)
        status = grow(names, err);
    if (status != ORI_OK)
        return status;
    const size_t slot = slot_of(names->digests, names->room, digest);
    *ret_is_new = memcmp(names->digests[slot], free_slot, 16) == 0;
    if (!*ret_is_new)
        return ORI_OK;
    if (names->count == ORI_LIMIT_MAX_VERIFY_VIDEOS)
        return ori_error_set(err, ORI_LIMIT, "more than %d videos (VERIFY_VIDEOS)",
                             ORI_LIMIT_MAX_VERIFY_VIDEOS);
    memcpy(names->digests[slot], digest, 16);
    names->count++;
    return ORI_OK;
}
