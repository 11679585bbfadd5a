/* Byte-pair encoding: a piece begins as characters; the pair of neighbours whose merge comes first
 * in the list is joined, the leftmost of equals, until no pair is in the list.
 * The work of a piece of n characters is n log n: pairs wait in a heap, characters are a linked
 * list, and a pair that is gone when its turn comes is passed over.
 * Source: Sennrich et al. 2016, arXiv:1508.07909; details as in huggingface/tokenizers models/bpe */
#include "embed/tokenizer_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_unicode.h"
#include "util/limits.h"

struct merge {
    uint64_t pair; /* left id << 32 | right id */
    int32_t rank;  /* + 1; 0: the slot is free */
    int32_t id;    /* of the two joined */
};
struct affix { /* text that characters get before they are looked up */
    char *text;
    size_t bytes;
};
struct bpe {
    struct ori_tok_model model;
    struct merge *merges;
    size_t merges_slots;
    uint64_t seed;
    struct affix prefix; /* of all characters but the first */
    struct affix suffix; /* of the last one */
    int32_t unk_id;      /* -1: none, unknown characters are left out */
    bool is_unk_fused;
    bool is_byte_fallback;
    bool is_whole_first; /* ignore_merges: a piece that is a token is that token */
};
struct symbol {
    int32_t id;
    int32_t before; /* index; -1: none */
    int32_t next;
    bool is_gone; /* into its left neighbour */
};
struct pair { /* a merge that waits for its turn */
    int32_t rank;
    int32_t at; /* index of the left symbol */
    int32_t id; /* of the two joined */
};
struct word { /* a piece on its way */
    const struct bpe *bpe;
    struct symbol *symbols;
    size_t count;
    struct pair *heap;
    size_t waiting;
    bool is_unk_pending;
};

/* ---- merges ---- */

static uint64_t key_of(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

/* The slot of a pair, or the free one where it would go; NULL: too many collide. */
static struct merge *merge_of(const struct bpe *bpe, int32_t left, int32_t right)
{
    uint64_t pair = key_of(left, right);
    size_t slot = ori_tok_hash_number(bpe->seed, pair) & (bpe->merges_slots - 1);
    for (int probes = 0; probes < ORI_TOK_PROBES_MAX; probes++) {
        struct merge *merge = &bpe->merges[slot];
        if (merge->rank == 0 || merge->pair == pair)
            return merge;
        slot = (slot + 1) & (bpe->merges_slots - 1);
    }
    return NULL;
}

static const struct merge *find_merge(const struct bpe *bpe, int32_t left, int32_t right)
{
    const struct merge *merge = merge_of(bpe, left, right);
    return merge && merge->rank > 0 ? merge : NULL;
}

static ori_status init_merges(struct bpe *bpe, size_t count, struct ori_error *err)
{
    bpe->merges_slots = ori_tok_hash_slots(count);
    bpe->seed = ori_tok_hash_seed();
    bpe->merges = calloc(bpe->merges_slots, sizeof *bpe->merges);
    return bpe->merges ? ORI_OK : ori_error_set(err, ORI_NOMEM, "%zu merges", count);
}

struct half { /* of a merge, as the file writes it */
    const char *text;
    size_t bytes;
};

/* Takes a merge of two tokens; where, index: for messages. A pair named twice has its last rank. */
static ori_status add_merge(struct bpe *bpe, struct half left, struct half right, size_t index,
                            const struct ori_tok_node *node, struct ori_error *err)
{
    char joined[2 * ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES];
    int32_t left_id;
    int32_t right_id;
    int32_t id;
    if (left.bytes > ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES ||
        right.bytes > ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES)
        return ori_error_set(err, ORI_LIMIT, "%s[%zu]: a token of more than %d bytes", node->where,
                             index, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES);
    if (!ori_tok_vocab_find(&bpe->model.vocab, left.text, left.bytes, &left_id) ||
        !ori_tok_vocab_find(&bpe->model.vocab, right.text, right.bytes, &right_id))
        return ori_tok_bad(node, err, "[%zu]: \"%.*s %.*s\" joins what is no token", index,
                           (int)(left.bytes < 40 ? left.bytes : 40), left.text,
                           (int)(right.bytes < 40 ? right.bytes : 40), right.text);
    if (right.bytes < bpe->prefix.bytes)
        return ori_tok_bad(node, err, "[%zu]: shorter than continuing_subword_prefix", index);
    memcpy(joined, left.text, left.bytes);
    memcpy(joined + left.bytes, right.text + bpe->prefix.bytes, right.bytes - bpe->prefix.bytes);
    size_t bytes = left.bytes + right.bytes - bpe->prefix.bytes;
    if (!ori_tok_vocab_find(&bpe->model.vocab, joined, bytes, &id))
        return ori_tok_bad(node, err, "[%zu]: \"%.*s\" is no token", index,
                           (int)(bytes < 80 ? bytes : 80), joined);
    struct merge *merge = merge_of(bpe, left_id, right_id);
    if (!merge)
        return ori_tok_bad(node, err, "[%zu]: merges that were made to collide", index);
    *merge =
        (struct merge){.pair = key_of(left_id, right_id), .rank = (int32_t)index + 1, .id = id};
    return ORI_OK;
}

/* "left right"; exactly one blank. */
static bool halve(const char *text, size_t bytes, struct half *ret_left, struct half *ret_right)
{
    const char *blank = memchr(text, ' ', bytes);
    if (!blank)
        return false;
    *ret_left = (struct half){.text = text, .bytes = (size_t)(blank - text)};
    *ret_right = (struct half){.text = blank + 1, .bytes = bytes - ret_left->bytes - 1};
    return !memchr(ret_right->text, ' ', ret_right->bytes);
}

/* A merge is "left right" or ["left", "right"]. */
static bool read_merge(const json_t *value, struct half *ret_left, struct half *ret_right)
{
    if (json_is_string(value))
        return halve(json_string_value(value), json_string_length(value), ret_left, ret_right);
    const json_t *left = json_array_get(value, 0);
    const json_t *right = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_string(left) || !json_is_string(right))
        return false;
    *ret_left = (struct half){json_string_value(left), json_string_length(left)};
    *ret_right = (struct half){json_string_value(right), json_string_length(right)};
    return true;
}

static ori_status load_merges(struct bpe *bpe, const struct ori_tok_node *node,
                              struct ori_error *err)
{
    size_t count;
    struct ori_tok_node child;
    ori_tok_child(node, "merges", &child);
    ori_status status = ori_tok_need_array(&child, ORI_LIMIT_MAX_TOKENIZER_MERGES, &count, err);
    if (status == ORI_OK)
        status = init_merges(bpe, count, err);
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        struct half left;
        struct half right;
        if (read_merge(json_array_get(child.value, i), &left, &right))
            status = add_merge(bpe, left, right, i, &child, err);
        else
            status = ori_tok_bad(&child, err, "[%zu]: not two tokens", i);
    }
    return status;
}

/* ---- vocabulary ---- */

/* Notes an id as taken; each may stand for one token only. */
static ori_status take_id(uint8_t *taken, int32_t id, const struct ori_tok_node *node,
                          struct ori_error *err)
{
    uint8_t bit = (uint8_t)(1U << (id & 7));
    if (taken[id >> 3] & bit)
        return ori_tok_bad(node, err, "%d is the number of two tokens", (int)id);
    taken[id >> 3] |= bit;
    return ORI_OK;
}

static ori_status add_token(struct bpe *bpe, const char *text, size_t bytes, const json_t *value,
                            uint8_t *taken, const struct ori_tok_node *node, struct ori_error *err)
{
    struct ori_tok_node entry = {.value = value};
    int32_t id;
    if (bytes > ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES)
        return ori_error_set(err, ORI_LIMIT, "%s: a token of %zu bytes; at most %d are taken",
                             node->where, bytes, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES);
    memcpy(entry.where, node->where, sizeof entry.where);
    ori_status status = ori_tok_id(&entry, &id, err);
    if (status == ORI_OK)
        status = take_id(taken, id, node, err);
    if (status == ORI_OK)
        status = ori_tok_vocab_add(&bpe->model.vocab, text, bytes, id, err);
    if (status == ORI_OK && id >= bpe->model.ids)
        bpe->model.ids = id + 1;
    return status;
}

static ori_status load_vocab(struct bpe *bpe, const struct ori_tok_node *node,
                             struct ori_error *err)
{
    uint8_t *taken = NULL;
    ori_status status =
        node->value ? ori_tok_need_object(node, err) : ori_tok_bad(node, err, "missing");
    if (status != ORI_OK)
        return status;
    size_t count = json_object_size(node->value);
    if (count > ORI_LIMIT_MAX_TOKENIZER_TOKENS)
        return ori_error_set(err, ORI_LIMIT, "%s: %zu tokens; at most %d are taken", node->where,
                             count, ORI_LIMIT_MAX_TOKENIZER_TOKENS);
    status = ori_tok_vocab_init(&bpe->model.vocab, count, err);
    if (status != ORI_OK)
        return status;
    taken = calloc(ORI_LIMIT_MAX_TOKENIZER_TOKENS / 8 + 1, 1);
    if (!taken)
        return ori_error_set(err, ORI_NOMEM, "%s", node->where);
    void *at = json_object_iter((json_t *)node->value);
    for (; at && status == ORI_OK; at = json_object_iter_next((json_t *)node->value, at))
        status = add_token(bpe, json_object_iter_key(at), strlen(json_object_iter_key(at)),
                           json_object_iter_value(at), taken, node, err);
    bpe->model.vocab_count = count;
    free(taken);
    return status;
}

/* ---- load ---- */

static ori_status load_affix(const struct ori_tok_node *node, const char *key, struct affix *affix,
                             struct ori_error *err)
{
    const char *text;
    ori_status status = ori_tok_text(node, key, false, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES, &text,
                                     &affix->bytes, err);
    if (status != ORI_OK || !text)
        return status;
    affix->text = malloc(affix->bytes + 1);
    if (!affix->text)
        return ori_error_set(err, ORI_NOMEM, "%s", key);
    memcpy(affix->text, text, affix->bytes);
    return ORI_OK;
}

static ori_status load_unk(struct bpe *bpe, const struct ori_tok_node *node, struct ori_error *err)
{
    const char *text;
    size_t bytes;
    struct ori_tok_node child;
    ori_status status = ori_tok_text(node, "unk_token", false, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES,
                                     &text, &bytes, err);
    if (status != ORI_OK || !text)
        return status;
    if (ori_tok_vocab_find(&bpe->model.vocab, text, bytes, &bpe->unk_id))
        return ORI_OK;
    ori_tok_child(node, "unk_token", &child);
    return ori_tok_bad(&child, err, "\"%.40s\" is no token", text);
}

/* dropout is for training: it makes ids random. */
static ori_status refuse_dropout(const struct ori_tok_node *node, struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, "dropout", &child);
    if (!child.value || (json_is_number(child.value) && json_number_value(child.value) == 0))
        return ORI_OK;
    return ori_error_set(err, ORI_UNSUPPORTED_MODEL, "%s: only null is known", child.where);
}

static ori_status load_flags(struct bpe *bpe, const struct ori_tok_node *node,
                             struct ori_error *err)
{
    ori_status status = ori_tok_flag(node, "fuse_unk", false, &bpe->is_unk_fused, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "byte_fallback", false, &bpe->is_byte_fallback, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "ignore_merges", false, &bpe->is_whole_first, err);
    return status;
}

static void close_bpe(struct ori_tok_model *model)
{
    struct bpe *bpe = (struct bpe *)model;
    ori_tok_vocab_deinit(&bpe->model.vocab);
    free(bpe->merges);
    free(bpe->prefix.text);
    free(bpe->suffix.text);
    free(bpe);
}

static ori_status tokens_of(const struct ori_tok_model *model, const char *text, size_t bytes,
                            struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                            struct ori_error *err);
static const struct ori_tok_model_ops ops = {.tokens = tokens_of, .close = close_bpe};

static ori_status create_bpe(struct bpe **ret_bpe, struct ori_error *err)
{
    struct bpe *bpe = calloc(1, sizeof *bpe);
    if (!bpe)
        return ori_error_set(err, ORI_NOMEM, "a BPE model");
    bpe->model.ops = &ops;
    bpe->unk_id = -1;
    *ret_bpe = bpe;
    return ORI_OK;
}

ori_status ori_tok_bpe_load(const struct ori_tok_node *node, struct ori_tok_model **ret_model,
                            struct ori_error *err)
{
    struct bpe *bpe = NULL;
    struct ori_tok_node child;
    ori_status status = create_bpe(&bpe, err);
    if (status != ORI_OK)
        return status;
    ori_tok_child(node, "vocab", &child);
    status = refuse_dropout(node, err);
    if (status == ORI_OK)
        status = load_flags(bpe, node, err);
    if (status == ORI_OK)
        status = load_affix(node, "continuing_subword_prefix", &bpe->prefix, err);
    if (status == ORI_OK)
        status = load_affix(node, "end_of_word_suffix", &bpe->suffix, err);
    if (status == ORI_OK)
        status = load_vocab(bpe, &child, err);
    if (status == ORI_OK)
        status = load_unk(bpe, node, err);
    if (status == ORI_OK)
        status = load_merges(bpe, node, err);
    if (status == ORI_OK)
        *ret_model = &bpe->model;
    else
        close_bpe(&bpe->model);
    return status;
}

/* merges.txt: a merge a line; lines that begin with #version are none. */
static ori_status read_merges(struct bpe *bpe, const char *text, size_t bytes,
                              struct ori_error *err)
{
    struct ori_tok_node node;
    size_t lines = 0;
    size_t index = 0;
    ori_tok_root(NULL, "merges.txt", &node);
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    if (lines > ORI_LIMIT_MAX_TOKENIZER_MERGES)
        return ori_error_set(err, ORI_LIMIT, "merges.txt: %zu lines; at most %d are taken", lines,
                             ORI_LIMIT_MAX_TOKENIZER_MERGES);
    ori_status status = init_merges(bpe, lines + 1, err);
    for (size_t at = 0; at < bytes && status == ORI_OK;) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', bytes - at);
        size_t length = newline ? (size_t)(newline - line) : bytes - at;
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        struct half left;
        struct half right;
        if (length >= 8 && memcmp(line, "#version", 8) == 0)
            continue;
        if (halve(line, length, &left, &right))
            status = add_merge(bpe, left, right, index++, &node, err);
        else
            status = ori_tok_bad(&node, err, "[%zu]: not two tokens", index);
    }
    return status;
}

ori_status ori_tok_bpe_clip(const struct ori_tok_node *vocab, const char *merges,
                            size_t merges_bytes, struct ori_tok_model **ret_model,
                            struct ori_error *err)
{
    static const char unk_token[] = "<|endoftext|>";
    struct bpe *bpe = NULL;
    ori_status status = create_bpe(&bpe, err);
    if (status != ORI_OK)
        return status;
    bpe->suffix.text = strdup("</w>");
    bpe->suffix.bytes = 4;
    if (!bpe->suffix.text)
        status = ori_error_set(err, ORI_NOMEM, "a BPE model");
    if (status == ORI_OK)
        status = load_vocab(bpe, vocab, err);
    if (status == ORI_OK &&
        !ori_tok_vocab_find(&bpe->model.vocab, unk_token, sizeof unk_token - 1, &bpe->unk_id))
        status = ori_tok_bad(vocab, err, "%s is not in it", unk_token);
    if (status == ORI_OK)
        status = read_merges(bpe, merges, merges_bytes, err);
    if (status == ORI_OK)
        *ret_model = &bpe->model;
    else
        close_bpe(&bpe->model);
    return status;
}

/* ---- heap: lowest rank first, then leftmost ---- */

static bool is_before(struct pair a, struct pair b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(struct word *word, struct pair pair)
{
    size_t at = word->waiting++;
    for (; at > 0 && is_before(pair, word->heap[(at - 1) / 2]); at = (at - 1) / 2)
        word->heap[at] = word->heap[(at - 1) / 2];
    word->heap[at] = pair;
}

static struct pair pop(struct word *word)
{
    struct pair top = word->heap[0];
    struct pair last = word->heap[--word->waiting];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < word->waiting; at = child) {
        if (child + 1 < word->waiting && is_before(word->heap[child + 1], word->heap[child]))
            child++;
        if (!is_before(word->heap[child], last))
            break;
        word->heap[at] = word->heap[child];
    }
    word->heap[at] = last;
    return top;
}

/* ---- tokens ---- */

static void push_pair(struct word *word, int32_t left, int32_t right)
{
    const struct merge *merge =
        find_merge(word->bpe, word->symbols[left].id, word->symbols[right].id);
    if (merge)
        push(word, (struct pair){.rank = merge->rank, .at = left, .id = merge->id});
}

static void add_symbol(struct word *word, int32_t id)
{
    int32_t at = (int32_t)word->count++;
    word->symbols[at] = (struct symbol){.id = id, .before = at - 1, .next = -1};
    if (at > 0)
        word->symbols[at - 1].next = at;
}

static void add_pending_unk(struct word *word)
{
    if (word->is_unk_pending)
        add_symbol(word, word->bpe->unk_id);
    word->is_unk_pending = false;
}

/* A symbol for each byte, if all of them are tokens. */
static bool add_bytes(struct word *word, const char *text, size_t bytes)
{
    int32_t id;
    char name[ORI_TOK_BYTE_NAME_BYTES];
    for (size_t i = 0; i < bytes; i++) {
        ori_tok_byte_name((uint8_t)text[i], name);
        if (!ori_tok_vocab_find(&word->bpe->model.vocab, name, sizeof name - 1, &id))
            return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        ori_tok_byte_name((uint8_t)text[i], name);
        if (ori_tok_vocab_find(&word->bpe->model.vocab, name, sizeof name - 1, &id))
            add_symbol(word, id);
    }
    return true;
}

/* An unknown character waits for the next one: the reference puts bytes before it. */
static void add_character(struct word *word, const char *text, size_t bytes)
{
    const struct bpe *bpe = word->bpe;
    int32_t id;
    if (ori_tok_vocab_find(&bpe->model.vocab, text, bytes, &id)) {
        add_pending_unk(word);
        add_symbol(word, id);
    } else if (bpe->is_byte_fallback && add_bytes(word, text, bytes)) {
        return;
    } else if (bpe->unk_id >= 0) {
        if (!bpe->is_unk_fused)
            add_pending_unk(word);
        word->is_unk_pending = true;
    }
}

static void add_characters(struct word *word, const char *text, size_t bytes)
{
    const struct bpe *bpe = word->bpe;
    char affixed[2 * ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES + 4];
    for (size_t at = 0; at < bytes;) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, bytes - at, &character);
        size_t prefix = at > 0 ? bpe->prefix.bytes : 0;
        size_t suffix = at + step == bytes ? bpe->suffix.bytes : 0;
        if (prefix + suffix == 0) {
            add_character(word, text + at, step);
        } else {
            if (prefix > 0)
                memcpy(affixed, bpe->prefix.text, prefix);
            memcpy(affixed + prefix, text + at, step);
            if (suffix > 0)
                memcpy(affixed + prefix + step, bpe->suffix.text, suffix);
            add_character(word, affixed, prefix + step + suffix);
        }
        at += step;
    }
    add_pending_unk(word);
}

static void merge_all(struct word *word)
{
    for (size_t i = 0; i + 1 < word->count; i++)
        push_pair(word, (int32_t)i, (int32_t)i + 1);
    while (word->waiting > 0) {
        struct pair top = pop(word);
        struct symbol *left = &word->symbols[top.at];
        if (left->is_gone || left->next < 0)
            continue;
        struct symbol *right = &word->symbols[left->next];
        const struct merge *merge = find_merge(word->bpe, left->id, right->id);
        if (!merge || merge->id != top.id)
            continue; /* they were joined with others meanwhile */
        left->id = top.id;
        left->next = right->next;
        right->is_gone = true;
        if (left->next >= 0)
            word->symbols[left->next].before = top.at;
        if (left->before >= 0)
            push_pair(word, left->before, top.at);
        if (left->next >= 0)
            push_pair(word, top.at, left->next);
    }
}

static ori_status tokens_of(const struct ori_tok_model *model, const char *text, size_t bytes,
                            struct ori_tok_scratch *scratch, struct ori_tok_ids *ids,
                            struct ori_error *err)
{
    const struct bpe *bpe = (const struct bpe *)model;
    struct word word = {.bpe = bpe};
    void *symbols;
    void *heap;
    int32_t id;
    if (bpe->is_whole_first && ori_tok_vocab_find(&bpe->model.vocab, text, bytes, &id))
        return ori_tok_ids_add(ids, id, err);
    /* a symbol a byte at most, one more an affix byte; each merge takes one away and adds two pairs */
    size_t symbols_max = bytes;
    if (bpe->is_byte_fallback)
        symbols_max = bytes * (1 + bpe->prefix.bytes) + bpe->suffix.bytes;
    if (symbols_max > 4 * (size_t)ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a word of %zu bytes", symbols_max);
    ori_status status =
        ori_tok_scratch_take(scratch, 0, symbols_max, sizeof *word.symbols, &symbols, err);
    if (status == ORI_OK)
        status = ori_tok_scratch_take(scratch, 1, 3 * symbols_max, sizeof *word.heap, &heap, err);
    if (status != ORI_OK)
        return status;
    word.symbols = symbols;
    word.heap = heap;
    add_characters(&word, text, bytes);
    merge_all(&word);
    for (size_t i = 0; i < word.count && status == ORI_OK; i++)
        if (!word.symbols[i].is_gone)
            status = ori_tok_ids_add(ids, word.symbols[i].id, err);
    return status;
}
