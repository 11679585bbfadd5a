#pragma once
/* embed/tokenizer_vocab.h: tokens by their text: a hash table over one block of bytes.
 * Call order  init; add; find at will; deinit
 * Ownership   copies the texts
 * Threads     read-only after the last add, any thread
 * Failure     ORI_LIMIT, ORI_NOMEM; ORI_BAD_MODEL when texts are made to collide
 * Hash        seeded at random for each table, so that a file cannot choose who collides */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

struct ori_tok_word {
    uint32_t at;
    uint32_t bytes;
    int32_t id;
};
struct ori_tok_vocab {
    struct ori_tok_word *words; /* in the order they were added */
    size_t count;
    size_t words_max;
    char *text;
    size_t text_used;
    size_t text_size;
    uint32_t *slots; /* index of a word + 1; 0: free */
    size_t slots_count;
    uint64_t seed;
};

/* Room for words_max words. */
ori_status ori_tok_vocab_init(struct ori_tok_vocab *vocab, size_t words_max, struct ori_error *err);
void ori_tok_vocab_deinit(struct ori_tok_vocab *vocab); /* null-safe, idempotent */

/* A text that is there already gets the new id. */
ori_status ori_tok_vocab_add(struct ori_tok_vocab *vocab, const char *text, size_t bytes,
                             int32_t id, struct ori_error *err);
bool ori_tok_vocab_find(const struct ori_tok_vocab *vocab, const char *text, size_t bytes,
                        int32_t *ret_id);
static inline const char *ori_tok_vocab_text(const struct ori_tok_vocab *vocab, size_t index)
{
    return vocab->text + vocab->words[index].at;
}

/* For other tables of this kind: 64 well mixed bits of bytes or of a number. */
uint64_t ori_tok_hash(uint64_t seed, const char *text, size_t bytes);
uint64_t ori_tok_hash_number(uint64_t seed, uint64_t number);
uint64_t ori_tok_hash_seed(void);
/* Slots of a table that is at most half full: a power of two. */
size_t ori_tok_hash_slots(size_t count);
#define ORI_TOK_PROBES_MAX 1024 /* a well mixed table needs a tenth of that */
