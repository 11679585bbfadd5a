#include "embed/tokenizer_added.h"

#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_unicode.h"
#include "util/limits.h"

struct ori_tok_added_token {
    int32_t id;
    bool is_single_word;
    bool is_left; /* takes the blanks on its left along */
    bool is_right;
    bool is_normalized;
    bool is_special;
};

/* ---- load ---- */

/* The id that the reference gives to a token: HF counts on from the highest added id, but not from
 * below the size of the vocabulary. */
static int32_t next_id(const struct ori_tok_added *added, const struct ori_tok_model *model)
{
    int32_t vocab_count = (int32_t)model->vocab_count;
    int32_t highest = -1;
    for (size_t i = 0; i < added->vocab.count; i++)
        if (added->vocab.words[i].id > highest)
            highest = added->vocab.words[i].id;
    return highest >= vocab_count || (vocab_count == 0 && highest >= 0) ? highest + 1 : vocab_count;
}

static ori_status read_flags(const struct ori_tok_node *node, struct ori_tok_added_token *token,
                             struct ori_error *err)
{
    ori_status status = ori_tok_flag(node, "single_word", false, &token->is_single_word, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "lstrip", false, &token->is_left, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "rstrip", false, &token->is_right, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "special", false, &token->is_special, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "normalized", !token->is_special, &token->is_normalized, err);
    return status;
}

static ori_status add_token(struct ori_tok_added *added, const struct ori_tok_added_token *token,
                            const char *text, size_t bytes, struct ori_error *err)
{
    ori_status status = ori_tok_vocab_add(&added->vocab, text, bytes, token->id, err);
    if (status != ORI_OK)
        return status;
    added->tokens[added->count++] = *token;
    if (token->id >= added->ids)
        added->ids = token->id + 1;
    return ORI_OK;
}

static ori_status load_token(struct ori_tok_added *added, const struct ori_tok_model *model,
                             const struct ori_tok_node *node, struct ori_error *err)
{
    struct ori_tok_added_token token = {0};
    struct ori_tok_node id_node;
    const char *text = NULL;
    size_t bytes = 0;
    int32_t known = 0;
    ori_status status = ori_tok_need_object(node, err);
    if (status == ORI_OK)
        status = ori_tok_text(node, "content", true, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES, &text,
                              &bytes, err);
    if (status == ORI_OK)
        status = read_flags(node, &token, err);
    ori_tok_child(node, "id", &id_node);
    if (status == ORI_OK)
        status = ori_tok_id(&id_node, &token.id, err);
    if (status != ORI_OK || bytes == 0)
        return status; /* an empty one is passed over, as in the reference */
    if (ori_tok_vocab_find(&added->vocab, text, bytes, &known))
        return ori_tok_bad(node, err, "\"%.40s\" is there twice", text);
    if (!ori_tok_vocab_find(&model->vocab, text, bytes, &known))
        known = next_id(added, model);
    if (token.id != known)
        return ori_tok_bad(&id_node, err, "%d, but \"%.40s\" is number %d", (int)token.id, text,
                           (int)known);
    return add_token(added, &token, text, bytes, err);
}

/* What the normalizers make of the text of a token; of two that come out alike the first counts (the
 * reference leaves that to chance). */
static ori_status normalize_key(const struct ori_tok_added *added, size_t index,
                                const struct ori_tok_normalizers *normalizers,
                                struct ori_tok_vocab *texts, struct ori_error *err)
{
    struct ori_tok_string string;
    struct ori_tok_string spare;
    struct ori_tok_meter meter;
    int32_t known;
    ori_tok_string_init(&string);
    ori_tok_string_init(&spare);
    ori_tok_meter_init(&meter);
    ori_buf_add(&string.buf, ori_tok_vocab_text(&added->vocab, index),
                added->vocab.words[index].bytes);
    ori_status status = ori_buf_finish(&string.buf, "an added token", err);
    if (status == ORI_OK)
        status = ori_tok_normalize(normalizers, &string, &spare, &meter, err);
    if (status == ORI_OK && string.buf.used == 0)
        status = ori_error_set(err, ORI_BAD_MODEL,
                               "tokenizer.json: added_tokens[%zu]: the normalizers leave nothing "
                               "of it",
                               index);
    if (status == ORI_OK &&
        !ori_tok_vocab_find(texts, ori_buf_text(&string.buf), string.buf.used, &known))
        status = ori_tok_vocab_add(texts, ori_buf_text(&string.buf), string.buf.used,
                                   (int32_t)index, err);
    ori_tok_string_deinit(&string);
    ori_tok_string_deinit(&spare);
    return status;
}

/* Special tokens come before others. */
static ori_status normalize_keys(const struct ori_tok_added *added,
                                 const struct ori_tok_normalizers *normalizers,
                                 struct ori_tok_vocab *texts, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < added->count && status == ORI_OK; i++)
            if (added->tokens[i].is_normalized && added->tokens[i].is_special == (pass == 0))
                status = normalize_key(added, i, normalizers, texts, err);
    return status;
}

static ori_status build_trie(const struct ori_tok_vocab *texts, struct ori_tok_trie *ret_trie,
                             struct ori_error *err)
{
    struct ori_tok_key *keys = calloc(texts->count + 1, sizeof *keys);
    if (!keys)
        return ori_error_set(err, ORI_NOMEM, "added tokens");
    for (size_t i = 0; i < texts->count; i++)
        keys[i] = (struct ori_tok_key){.text = ori_tok_vocab_text(texts, i),
                                       .bytes = texts->words[i].bytes,
                                       .value = texts->words[i].id};
    ori_status status = ori_tok_trie_build(keys, texts->count, ret_trie, err);
    free(keys);
    return status;
}

static ori_status build_tries(struct ori_tok_added *added,
                              const struct ori_tok_normalizers *normalizers, struct ori_error *err)
{
    struct ori_tok_vocab plain = {0};
    struct ori_tok_vocab normalized = {0};
    ori_status status = ori_tok_vocab_init(&plain, added->count, err);
    if (status == ORI_OK)
        status = ori_tok_vocab_init(&normalized, added->count, err);
    for (size_t i = 0; i < added->count && status == ORI_OK; i++)
        if (!added->tokens[i].is_normalized)
            status = ori_tok_vocab_add(&plain, ori_tok_vocab_text(&added->vocab, i),
                                       added->vocab.words[i].bytes, (int32_t)i, err);
    if (status == ORI_OK)
        status = normalize_keys(added, normalizers, &normalized, err);
    if (status == ORI_OK)
        status = build_trie(&plain, &added->plain, err);
    if (status == ORI_OK)
        status = build_trie(&normalized, &added->normalized, err);
    ori_tok_vocab_deinit(&plain);
    ori_tok_vocab_deinit(&normalized);
    return status;
}

static ori_status init_added(struct ori_tok_added *added, const struct ori_tok_model *model,
                             size_t count, struct ori_error *err)
{
    *added = (struct ori_tok_added){.ids = model->ids};
    ori_status status = ori_tok_vocab_init(&added->vocab, count, err);
    if (status != ORI_OK)
        return status;
    added->tokens = calloc(count + 1, sizeof *added->tokens);
    return added->tokens ? ORI_OK : ori_error_set(err, ORI_NOMEM, "added tokens");
}

ori_status ori_tok_added_load(const struct ori_tok_node *node, const struct ori_tok_model *model,
                              const struct ori_tok_normalizers *normalizers,
                              struct ori_tok_added *ret_added, struct ori_error *err)
{
    struct ori_tok_added added = {0};
    size_t count = 0;
    ori_status status = ORI_OK;
    if (node->value)
        status = ori_tok_need_array(node, ORI_LIMIT_MAX_TOKENIZER_ADDED, &count, err);
    if (status == ORI_OK)
        status = init_added(&added, model, count, err);
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        struct ori_tok_node item;
        ori_tok_item(node, i, &item);
        status = load_token(&added, model, &item, err);
    }
    if (status == ORI_OK)
        status = build_tries(&added, normalizers, err);
    if (status == ORI_OK)
        *ret_added = added;
    else
        ori_tok_added_close(&added);
    return status;
}

ori_status ori_tok_added_clip(const struct ori_tok_model *model, int32_t *ret_start,
                              int32_t *ret_end, struct ori_tok_added *ret_added,
                              struct ori_error *err)
{
    static const char *const texts[] = {"<|startoftext|>", "<|endoftext|>"};
    static const struct ori_tok_normalizers none = {0};
    struct ori_tok_added added = {0};
    ori_status status = init_added(&added, model, 2, err);
    for (size_t i = 0; i < 2 && status == ORI_OK; i++) {
        struct ori_tok_added_token token = {.is_special = true};
        if (!ori_tok_vocab_find(&model->vocab, texts[i], strlen(texts[i]), &token.id))
            status = ori_error_set(err, ORI_BAD_MODEL, "vocab.json: %s is not in it", texts[i]);
        else
            status = add_token(&added, &token, texts[i], strlen(texts[i]), err);
    }
    if (status == ORI_OK)
        status = build_tries(&added, &none, err);
    if (status == ORI_OK) {
        *ret_start = added.tokens[0].id;
        *ret_end = added.tokens[1].id;
        *ret_added = added;
    } else {
        ori_tok_added_close(&added);
    }
    return status;
}

void ori_tok_added_close(struct ori_tok_added *added)
{
    if (!added)
        return;
    free(added->tokens);
    ori_tok_vocab_deinit(&added->vocab);
    ori_tok_trie_deinit(&added->plain);
    ori_tok_trie_deinit(&added->normalized);
    *added = (struct ori_tok_added){0};
}

/* ---- find ---- */

static bool is_word_before(const char *text, size_t end)
{
    uint32_t character;
    size_t at = end;
    if (end == 0)
        return false;
    do
        at--;
    while (((unsigned char)text[at] & 0xC0) == 0x80);
    ori_tok_char(text + at, end - at, &character);
    return ori_tok_is_word(character);
}

static bool is_word_at(const char *text, size_t bytes, size_t at)
{
    uint32_t character;
    if (at == bytes)
        return false;
    ori_tok_char(text + at, bytes - at, &character);
    return ori_tok_is_word(character);
}

static size_t skip_blanks_left(const char *text, size_t end, size_t stop)
{
    while (end > stop) {
        uint32_t character;
        size_t at = end;
        do
            at--;
        while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80);
        ori_tok_char(text + at, end - at, &character);
        if (at < stop || !ori_tok_is_space(character))
            break;
        end = at;
    }
    return end;
}

static size_t skip_blanks_right(const char *text, size_t bytes, size_t at)
{
    while (at < bytes) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, bytes - at, &character);
        if (!ori_tok_is_space(character))
            break;
        at += step;
    }
    return at;
}

/* Bytes of the longest key at text; 0: none. */
static size_t match_at(const struct ori_tok_trie *trie, const char *text, size_t bytes,
                       int32_t *ret_index)
{
    size_t longest = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < bytes; i++) {
        node = ori_tok_trie_step(trie, node, (uint8_t)text[i]);
        if (node == 0)
            break;
        if (trie->nodes[node].value >= 0) {
            longest = i + 1;
            *ret_index = trie->nodes[node].value;
        }
    }
    return longest;
}

bool ori_tok_added_next(const struct ori_tok_added *added, bool is_normalized, const char *text,
                        size_t bytes, size_t *at, size_t done, struct ori_tok_found *ret_found)
{
    const struct ori_tok_trie *trie = is_normalized ? &added->normalized : &added->plain;
    while (trie->count > 1 && *at < bytes) {
        int32_t index = 0;
        size_t begin = *at;
        size_t length = match_at(trie, text + begin, bytes - begin, &index);
        if (length == 0) {
            (*at)++;
            continue;
        }
        size_t end = begin + length;
        const struct ori_tok_added_token *token = &added->tokens[index];
        *at = end;
        if (token->is_single_word && (is_word_before(text, begin) || is_word_at(text, bytes, end)))
            continue;
        if (token->is_left)
            begin = begin > done ? skip_blanks_left(text, begin, done) : done;
        if (token->is_right)
            end = skip_blanks_right(text, bytes, end);
        if (begin >= end) /* all of it went along with the token before */
            continue;
        *ret_found = (struct ori_tok_found){.begin = begin, .end = end, .id = token->id};
        return true;
    }
    return false;
}

bool ori_tok_added_id(const struct ori_tok_added *added, const struct ori_tok_model *model,
                      const char *text, size_t bytes, int32_t *ret_id)
{
    return ori_tok_vocab_find(&added->vocab, text, bytes, ret_id) ||
           ori_tok_vocab_find(&model->vocab, text, bytes, ret_id);
}
