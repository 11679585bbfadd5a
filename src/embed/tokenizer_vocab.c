#include "embed/tokenizer_vocab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/limits.h"
#include "util/size.h"

/* Folded multiplication, as in wyhash (Wang Yi, public domain): the high half of the product into
 * the low one. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t ori_tok_hash_number(uint64_t seed, uint64_t number)
{
    return fold(number ^ seed ^ 0x9E3779B97F4A7C15U, seed ^ 0xE7037ED1A0B428DBU);
}

uint64_t ori_tok_hash(uint64_t seed, const char *text, size_t bytes)
{
    uint64_t hash = ori_tok_hash_number(seed, bytes);
    for (; bytes > 0;) {
        uint64_t part = 0;
        size_t step = bytes < sizeof part ? bytes : sizeof part;
        memcpy(&part, text, step);
        hash = ori_tok_hash_number(seed, hash ^ part);
        text += step;
        bytes -= step;
    }
    return hash;
}

uint64_t ori_tok_hash_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed; /* early at boot; the layout of memory is random too */
    return seed | 1;
}

size_t ori_tok_hash_slots(size_t count)
{
    size_t slots = 16;
    while (slots < count * 2)
        slots *= 2;
    return slots;
}

ori_status ori_tok_vocab_init(struct ori_tok_vocab *vocab, size_t words_max, struct ori_error *err)
{
    memset(vocab, 0, sizeof *vocab);
    if (words_max > 2 * (size_t)ORI_LIMIT_MAX_TOKENIZER_TOKENS)
        return ori_error_set(err, ORI_LIMIT, "a vocabulary of %zu tokens; at most %d are taken",
                             words_max, ORI_LIMIT_MAX_TOKENIZER_TOKENS);
    vocab->slots_count = ori_tok_hash_slots(words_max);
    vocab->words_max = words_max;
    vocab->seed = ori_tok_hash_seed();
    vocab->slots = calloc(vocab->slots_count, sizeof *vocab->slots);
    vocab->words = calloc(words_max ? words_max : 1, sizeof *vocab->words);
    if (!vocab->slots || !vocab->words) {
        ori_tok_vocab_deinit(vocab);
        return ori_error_set(err, ORI_NOMEM, "a vocabulary of %zu tokens", words_max);
    }
    return ORI_OK;
}

void ori_tok_vocab_deinit(struct ori_tok_vocab *vocab)
{
    if (!vocab)
        return;
    free(vocab->slots);
    free(vocab->words);
    free(vocab->text);
    memset(vocab, 0, sizeof *vocab);
}

/* The slot that holds text, or the free one where it would go; SIZE_MAX: too many collide. */
static size_t slot_of(const struct ori_tok_vocab *vocab, const char *text, size_t bytes)
{
    size_t slot = ori_tok_hash(vocab->seed, text, bytes) & (vocab->slots_count - 1);
    for (int probes = 0; probes < ORI_TOK_PROBES_MAX; probes++) {
        uint32_t index = vocab->slots[slot];
        if (index == 0)
            return slot;
        const struct ori_tok_word *word = &vocab->words[index - 1];
        if (word->bytes == bytes && memcmp(vocab->text + word->at, text, bytes) == 0)
            return slot;
        slot = (slot + 1) & (vocab->slots_count - 1);
    }
    return SIZE_MAX;
}

static ori_status reserve(struct ori_tok_vocab *vocab, size_t bytes, struct ori_error *err)
{
    size_t needed;
    if (!ori_size_add(vocab->text_used, bytes, &needed) || needed > UINT32_MAX)
        return ori_error_set(err, ORI_LIMIT, "the tokens of a vocabulary are too long together");
    if (needed <= vocab->text_size)
        return ORI_OK;
    size_t size = needed + needed / 2 + 256;
    char *grown = realloc(vocab->text, size);
    if (!grown)
        return ori_error_set(err, ORI_NOMEM, "the tokens of a vocabulary");
    vocab->text = grown;
    vocab->text_size = size;
    return ORI_OK;
}

ori_status ori_tok_vocab_add(struct ori_tok_vocab *vocab, const char *text, size_t bytes,
                             int32_t id, struct ori_error *err)
{
    size_t slot = slot_of(vocab, text, bytes);
    if (slot == SIZE_MAX)
        return ori_error_set(err, ORI_BAD_MODEL, "tokens that were made to collide");
    if (vocab->slots[slot] != 0) {
        vocab->words[vocab->slots[slot] - 1].id = id;
        return ORI_OK;
    }
    ORI_ASSERT(vocab->count < vocab->words_max);
    ori_status status = reserve(vocab, bytes, err);
    if (status != ORI_OK)
        return status;
    if (bytes > 0)
        memcpy(vocab->text + vocab->text_used, text, bytes);
    vocab->words[vocab->count] =
        (struct ori_tok_word){.at = (uint32_t)vocab->text_used, .bytes = (uint32_t)bytes, .id = id};
    vocab->text_used += bytes;
    vocab->count++;
    vocab->slots[slot] = (uint32_t)vocab->count;
    return ORI_OK;
}

bool ori_tok_vocab_find(const struct ori_tok_vocab *vocab, const char *text, size_t bytes,
                        int32_t *ret_id)
{
    if (vocab->slots_count == 0)
        return false;
    size_t slot = slot_of(vocab, text, bytes);
    if (slot == SIZE_MAX || vocab->slots[slot] == 0)
        return false;
    *ret_id = vocab->words[vocab->slots[slot] - 1].id;
    return true;
}
