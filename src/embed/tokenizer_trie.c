#include "embed/tokenizer_trie.h"

#include <stdlib.h>
#include <string.h>

#include "util/size.h"

struct span { /* the keys below a node: they share its first `depth` bytes */
    uint32_t begin;
    uint32_t end;
    uint32_t depth;
};

static int by_text(const void *a, const void *b)
{
    const struct ori_tok_key *left = a;
    const struct ori_tok_key *right = b;
    size_t shorter = left->bytes < right->bytes ? left->bytes : right->bytes;
    int order = memcmp(left->text, right->text, shorter);
    if (order == 0)
        order = (left->bytes > right->bytes) - (left->bytes < right->bytes);
    if (order == 0)
        order = (left->order > right->order) - (left->order < right->order);
    return order;
}

/* Nodes that the sorted keys need: the root, and each byte that the key before does not share. */
static size_t nodes_needed(const struct ori_tok_key *keys, size_t count)
{
    size_t nodes = 1;
    for (size_t i = 0; i < count; i++) {
        size_t shared = 0;
        if (i > 0)
            while (shared < keys[i].bytes && shared < keys[i - 1].bytes &&
                   keys[i].text[shared] == keys[i - 1].text[shared])
                shared++;
        nodes += keys[i].bytes - shared;
    }
    return nodes;
}

/* Hangs the children of node below it; they go to the end of the nodes made so far. */
static void expand(struct ori_tok_trie *trie, struct span *spans, size_t node,
                   const struct ori_tok_key *keys)
{
    struct span span = spans[node];
    trie->nodes[node].first = (uint32_t)trie->count;
    for (uint32_t i = span.begin; i < span.end;) {
        if (keys[i].bytes == span.depth) {
            if (trie->nodes[node].value < 0)
                trie->nodes[node].value = keys[i].value;
            i++;
            continue;
        }
        uint8_t byte = (uint8_t)keys[i].text[span.depth];
        uint32_t end = i + 1;
        while (end < span.end && (uint8_t)keys[end].text[span.depth] == byte)
            end++;
        trie->nodes[trie->count] = (struct ori_tok_trie_node){.value = -1, .byte = byte};
        spans[trie->count] = (struct span){.begin = i, .end = end, .depth = span.depth + 1};
        trie->count++;
        trie->nodes[node].count++;
        i = end;
    }
}

ori_status ori_tok_trie_build(struct ori_tok_key *keys, size_t count, struct ori_tok_trie *ret_trie,
                              struct ori_error *err)
{
    struct ori_tok_trie trie = {0};
    struct span *spans = NULL;
    ori_status status = ORI_OK;

    if (count > 0)
        qsort(keys, count, sizeof *keys, by_text);
    size_t nodes = nodes_needed(keys, count);
    if (nodes > UINT32_MAX || count > UINT32_MAX) {
        status = ori_error_set(err, ORI_LIMIT, "the tokens of a vocabulary are too long together");
        goto out;
    }
    trie.nodes = calloc(nodes, sizeof *trie.nodes);
    spans = calloc(nodes, sizeof *spans);
    if (!trie.nodes || !spans) {
        status = ori_error_set(err, ORI_NOMEM, "the tree of a vocabulary's tokens");
        goto out;
    }
    trie.nodes[0].value = -1;
    spans[0] = (struct span){.end = (uint32_t)count};
    trie.count = 1;
    for (size_t node = 0; node < trie.count; node++)
        expand(&trie, spans, node, keys);
    ORI_ASSERT(trie.count == nodes);
    *ret_trie = trie;
    trie = (struct ori_tok_trie){0};
out:
    free(spans);
    ori_tok_trie_deinit(&trie);
    return status;
}

void ori_tok_trie_deinit(struct ori_tok_trie *trie)
{
    if (!trie)
        return;
    free(trie->nodes);
    *trie = (struct ori_tok_trie){0};
}

uint32_t ori_tok_trie_step(const struct ori_tok_trie *trie, uint32_t node, uint8_t byte)
{
    uint32_t low = trie->nodes[node].first;
    uint32_t end = low + trie->nodes[node].count;
    while (low < end) {
        uint32_t middle = low + (end - low) / 2;
        if (trie->nodes[middle].byte < byte)
            low = middle + 1;
        else if (trie->nodes[middle].byte > byte)
            end = middle;
        else
            return middle;
    }
    return 0;
}
