#pragma once
/* embed/tokenizer_trie.h: which keys a text begins with, byte by byte.
 * Call order  build; walk at will: node = 0, then ori_tok_trie_step for each byte; deinit
 * Ownership   the trie owns its nodes and keeps nothing of the keys
 * Threads     read-only after build, any thread
 * Failure     ORI_NOMEM, ORI_LIMIT (more bytes in all keys than 2^32) */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

struct ori_tok_key {
    const char *text;
    uint32_t bytes; /* > 0 */
    int32_t value;  /* >= 0 */
    uint32_t order; /* of equal keys the one with the lowest counts */
};
struct ori_tok_trie_node {
    uint32_t first; /* of its children, which lie together in the order of their bytes */
    int32_t value;  /* -1: no key ends here */
    uint16_t count;
    uint8_t byte; /* that leads here */
};
struct ori_tok_trie {
    struct ori_tok_trie_node *nodes;
    size_t count;
};

/* Sorts keys. */
ori_status ori_tok_trie_build(struct ori_tok_key *keys, size_t count, struct ori_tok_trie *ret_trie,
                              struct ori_error *err);
void ori_tok_trie_deinit(struct ori_tok_trie *trie); /* null-safe, idempotent */

/* The node one byte further; 0 (the root, which nothing leads to) when there is none. */
uint32_t ori_tok_trie_step(const struct ori_tok_trie *trie, uint32_t node, uint8_t byte);
