#pragma once
/* embed/tokenizer_model.h: pieces of text to token ids: BPE or Unigram.
 * Call order  load; for each thread: scratch init; tokens at will; scratch deinit; close
 * Threads     a model is read-only after load, any thread; a scratch stays on its own
 * Failure     ORI_BAD_MODEL and ORI_UNSUPPORTED_MODEL name the key; ORI_LIMIT, ORI_NOMEM
 * Source      huggingface/tokenizers, models/bpe and models/unigram: same results, ties included */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/tokenizer_json.h"
#include "embed/tokenizer_vocab.h"
#include "util/status.h"

struct ori_tok_ids {
    int32_t *items;
    size_t count;
    size_t size;
};
struct ori_tok_scratch { /* memory that a model keeps from piece to piece */
    void *memory[3];
    size_t bytes[3];
};
struct ori_tok_model;

/* How a model is made: what its JSON says, or what a file in its place is known to mean. */
struct ori_tok_model_ops {
    ori_status (*tokens)(const struct ori_tok_model *model, const char *text, size_t bytes,
                         struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                         struct ori_error *err);
    void (*close)(struct ori_tok_model *model);
};
struct ori_tok_model { /* what all models have, first in each */
    const struct ori_tok_model_ops *ops;
    struct ori_tok_vocab vocab;
    int32_t ids;        /* are below this */
    size_t vocab_count; /* of the vocabulary, as the reference counts it */
};

/* node: the key model. */
ori_status ori_tok_model_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                              struct ori_error *err);
void ori_tok_model_close(struct ori_tok_model **model); /* null-safe, nulls */

ori_status ori_tok_bpe_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                            struct ori_error *err);
/* CLIP's: vocab.json, merges.txt (both read already), "</w>" behind each word. */
ori_status ori_tok_bpe_clip(const struct ori_tok_node *vocab, const char *merges,
                            size_t merges_bytes, struct ori_tok_model **ret_model,
                            struct ori_error *err);
ori_status ori_tok_unigram_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                                struct ori_error *err);

/* Adds the ids of a piece; bytes > 0. */
ori_status ori_tok_model_tokens(const struct ori_tok_model *model, const char *text, size_t bytes,
                                struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                                struct ori_error *err);

void ori_tok_scratch_deinit(struct ori_tok_scratch *scratch);
/* At least count * bytes of memory, not cleared; ORI_NOMEM. */
ori_status ori_tok_scratch_take(struct ori_tok_scratch *scratch, int which, size_t count,
                                size_t bytes, void **ret_memory, struct ori_error *err);
ori_status ori_tok_ids_add(struct ori_tok_ids *ids, int32_t id, struct ori_error *err);

/* "<0x0A>" for byte 10: how byte_fallback calls bytes. */
#define ORI_TOK_BYTE_NAME_BYTES 7
void ori_tok_byte_name(uint8_t byte, char ret_name[ORI_TOK_BYTE_NAME_BYTES]);
