/* Unigram: of all ways to cut a piece into tokens the one whose scores add up highest (Viterbi over
 * the byte positions). A character that is no token costs ten more than the worst token.
 * Source: Kudo 2018, arXiv:1804.10959; sums in the order of huggingface/tokenizers models/unigram, so
 * that ties and rounding come out alike */
#include "embed/tokenizer_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_trie.h"
#include "embed/tokenizer_unicode.h"
#include "util/limits.h"

static const double unk_penalty = 10.0;

struct unigram {
    struct ori_tok_model model;
    struct ori_tok_trie trie;
    double *scores; /* by id */
    double unk_score;
    int32_t unk_id; /* -1: none */
    bool is_byte_fallback;
    char where[ORI_TOK_WHERE_BYTES];
};
struct best { /* way to a position */
    double score;
    uint32_t begin; /* of its last token */
    int32_t id;     /* of it; -1: no way leads here */
};
struct stretch { /* of the text, that becomes one token or bytes */
    uint32_t begin;
    uint32_t end;
};

/* ---- load ---- */

/* The reference reads a decimal number as digits times or by a power of ten, each rounded, which is
 * not always the nearest double. Files hold the shortest digits that mean a number. */
static double as_reference_reads(double score)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, score);
        if (strtod(text, NULL) == score)
            break;
    }
    uint64_t significand = 0;
    int exponent = 0;
    char *at = text + (text[0] == '-');
    for (bool is_fraction = false; (*at >= '0' && *at <= '9') || *at == '.'; at++) {
        if (*at == '.') {
            is_fraction = true;
            continue;
        }
        significand = significand * 10 + (uint64_t)(*at - '0');
        exponent -= is_fraction;
    }
    exponent += (int)strtol(at + 1, NULL, 10);
    for (; significand > 0 && significand % 10 == 0 && exponent < 0; exponent++)
        significand /= 10;
    if (exponent < -300 || exponent > 300)
        return score;
    double value = exponent < 0 ? (double)significand / pow(10, -exponent)
                                : (double)significand * pow(10, exponent);
    return text[0] == '-' ? -value : value;
}

static ori_status load_token(struct unigram *unigram, const struct ori_tok_node *entry, size_t id,
                             double *worst, struct ori_error *err)
{
    const json_t *text = json_array_get(entry->value, 0);
    const json_t *score = json_array_get(entry->value, 1);
    if (json_array_size(entry->value) != 2 || !json_is_string(text) || !json_is_number(score))
        return ori_tok_bad(entry, err, "not a token and its score");
    size_t bytes = json_string_length(text);
    if (bytes > ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES)
        return ori_error_set(err, ORI_LIMIT, "%s: a token of %zu bytes; at most %d are taken",
                             entry->where, bytes, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES);
    unigram->scores[id] = as_reference_reads(json_number_value(score));
    if (unigram->scores[id] < *worst)
        *worst = unigram->scores[id];
    return ori_tok_vocab_add(&unigram->model.vocab, json_string_value(text), bytes, (int32_t)id,
                             err);
}

static ori_status load_tokens(struct unigram *unigram, const struct ori_tok_node *node,
                              struct ori_error *err)
{
    size_t count = 0;
    double worst = INFINITY;
    struct ori_tok_node entry;
    ori_status status = ori_tok_need_array(node, ORI_LIMIT_MAX_TOKENIZER_TOKENS, &count, err);
    if (status == ORI_OK)
        status = ori_tok_vocab_init(&unigram->model.vocab, count, err);
    if (status != ORI_OK)
        return status;
    unigram->scores = calloc(count + 1, sizeof *unigram->scores);
    if (!unigram->scores)
        return ori_error_set(err, ORI_NOMEM, "%s", node->where);
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        ori_tok_item(node, i, &entry);
        status = load_token(unigram, &entry, i, &worst, err);
    }
    unigram->unk_score = worst - unk_penalty;
    unigram->model.ids = (int32_t)count;
    unigram->model.vocab_count = count;
    return status;
}

static ori_status load_unk(struct unigram *unigram, const struct ori_tok_node *node,
                           struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, "unk_id", &child);
    if (!child.value)
        return ORI_OK;
    ori_status status = ori_tok_id(&child, &unigram->unk_id, err);
    if (status == ORI_OK && unigram->unk_id >= unigram->model.ids)
        return ori_tok_bad(&child, err, "%d, but there are %d tokens", (int)unigram->unk_id,
                           (int)unigram->model.ids);
    return status;
}

static ori_status build_trie(struct unigram *unigram, struct ori_error *err)
{
    const struct ori_tok_vocab *vocab = &unigram->model.vocab;
    size_t count = 0;
    struct ori_tok_key *keys = calloc(vocab->count + 1, sizeof *keys);
    if (!keys)
        return ori_error_set(err, ORI_NOMEM, "the tree of a vocabulary's tokens");
    for (size_t i = 0; i < vocab->count; i++)
        if (vocab->words[i].bytes > 0)
            keys[count++] = (struct ori_tok_key){.text = ori_tok_vocab_text(vocab, i),
                                                 .bytes = vocab->words[i].bytes,
                                                 .value = vocab->words[i].id};
    ori_status status = ori_tok_trie_build(keys, count, &unigram->trie, err);
    free(keys);
    return status;
}

static void close_unigram(struct ori_tok_model *model)
{
    struct unigram *unigram = (struct unigram *)model;
    ori_tok_vocab_deinit(&unigram->model.vocab);
    ori_tok_trie_deinit(&unigram->trie);
    free(unigram->scores);
    free(unigram);
}

static ori_status tokens_of(const struct ori_tok_model *model, const char *text, size_t bytes,
                            struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                            struct ori_error *err);
static const struct ori_tok_model_ops ops = {.tokens = tokens_of, .close = close_unigram};

ori_status ori_tok_unigram_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                                struct ori_error *err)
{
    struct ori_tok_node child;
    struct unigram *unigram = calloc(1, sizeof *unigram);
    if (!unigram)
        return ori_error_set(err, ORI_NOMEM, "a Unigram model");
    unigram->model.ops = &ops;
    unigram->unk_id = -1;
    memcpy(unigram->where, node->where, sizeof unigram->where);
    ori_tok_child(node, "vocab", &child);
    ori_status status = load_tokens(unigram, &child, err);
    if (status == ORI_OK)
        status = load_unk(unigram, node, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "byte_fallback", false, &unigram->is_byte_fallback, err);
    if (status == ORI_OK)
        status = build_trie(unigram, err);
    if (status == ORI_OK)
        *ret_model = &unigram->model;
    else
        close_unigram(&unigram->model);
    return status;
}

/* ---- tokens ---- */

static void offer(struct best *best, double score, size_t begin, int32_t id)
{
    if (best->id < 0 || score > best->score)
        *best = (struct best){.score = score, .begin = (uint32_t)begin, .id = id};
}

static ori_status refuse_unknown(const struct unigram *unigram, struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_MODEL,
                         "%s.unk_id: there is none, and the text has a character that is no token",
                         unigram->where);
}

/* best[i], for each position that a character begins at or the text ends at. */
static ori_status find_best(const struct unigram *unigram, const char *text, size_t bytes,
                            struct best *best, struct ori_error *err)
{
    for (size_t i = 0; i <= bytes; i++)
        best[i].id = -1;
    best[0].score = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, bytes - at, &character);
        bool has_single = false;
        double score = best[at].score;
        uint32_t node = 0;
        for (size_t end = at; end < bytes;) {
            node = ori_tok_trie_step(&unigram->trie, node, (uint8_t)text[end]);
            if (node == 0)
                break;
            end++;
            int32_t id = unigram->trie.nodes[node].value;
            if (id < 0)
                continue;
            offer(&best[end], unigram->scores[id] + score, at, id);
            has_single |= end - at == step;
        }
        if (!has_single) {
            if (unigram->unk_id < 0)
                return refuse_unknown(unigram, err);
            offer(&best[at + step], unigram->unk_score + score, at, unigram->unk_id);
        }
        at += step;
    }
    return ORI_OK;
}

/* Stretches of the best way, last first; neighbours that are unknown become one. */
static size_t walk_back(const struct unigram *unigram, const struct best *best, size_t bytes,
                        struct stretch *stretches)
{
    size_t count = 0;
    bool was_unknown = false;
    for (size_t end = bytes; end > 0; end = best[end].begin) {
        bool is_unknown = unigram->unk_id >= 0 && best[end].id == unigram->unk_id;
        if (is_unknown && was_unknown)
            stretches[count - 1].begin = best[end].begin;
        else
            stretches[count++] = (struct stretch){.begin = best[end].begin, .end = (uint32_t)end};
        was_unknown = is_unknown;
    }
    return count;
}

static bool has_all_bytes(const struct unigram *unigram, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char name[ORI_TOK_BYTE_NAME_BYTES];
        int32_t id;
        ori_tok_byte_name((uint8_t)text[i], name);
        if (!ori_tok_vocab_find(&unigram->model.vocab, name, sizeof name - 1, &id))
            return false;
    }
    return true;
}

static ori_status add_stretch(const struct unigram *unigram, const char *text, size_t bytes,
                              struct ori_tok_ids *ids, struct ori_error *err)
{
    int32_t id;
    ori_status status = ORI_OK;
    if (ori_tok_vocab_find(&unigram->model.vocab, text, bytes, &id))
        return ori_tok_ids_add(ids, id, err);
    if (!unigram->is_byte_fallback || !has_all_bytes(unigram, text, bytes))
        return unigram->unk_id >= 0 ? ori_tok_ids_add(ids, unigram->unk_id, err)
                                    : refuse_unknown(unigram, err);
    for (size_t i = 0; i < bytes && status == ORI_OK; i++) {
        char name[ORI_TOK_BYTE_NAME_BYTES];
        ori_tok_byte_name((uint8_t)text[i], name);
        if (ori_tok_vocab_find(&unigram->model.vocab, name, sizeof name - 1, &id))
            status = ori_tok_ids_add(ids, id, err);
    }
    return status;
}

static ori_status tokens_of(const struct ori_tok_model *model, const char *text, size_t bytes,
                            struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                            struct ori_error *err)
{
    const struct unigram *unigram = (const struct unigram *)model;
    void *best;
    void *memory;
    ori_status status =
        ori_tok_scratch_take(scratch, 0, bytes + 1, sizeof(struct best), &best, err);
    if (status == ORI_OK)
        status = ori_tok_scratch_take(scratch, 1, bytes + 1, sizeof(struct stretch), &memory, err);
    if (status == ORI_OK)
        status = find_best(unigram, text, bytes, best, err);
    if (status != ORI_OK)
        return status;
    struct stretch *stretches = memory;
    size_t count = walk_back(unigram, best, bytes, stretches);
    for (; count > 0 && status == ORI_OK; count--) {
        struct stretch stretch = stretches[count - 1];
        status = add_stretch(unigram, text + stretch.begin, stretch.end - stretch.begin, ids, err);
    }
    return status;
}
