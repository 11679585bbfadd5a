#include "embed/tokenizer_charsmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_unicode.h"
#include "util/limits.h"
#include "util/text.h"

enum { GRAPHEME_BYTES_MAX = 5 }; /* that are looked up whole */

struct ori_tok_charsmap {
    uint8_t *data;
    const uint8_t *tree;
    size_t units;
    const char *replacements; /* valid UTF-8 */
    size_t replacements_bytes;
    char where[ORI_TOK_WHERE_BYTES];
};
/* What a text becomes, and how far the reference has come in it by its own reckoning. */
struct pass {
    const struct ori_tok_charsmap *charsmap;
    const char *text;
    size_t bytes;
    size_t origin;
    size_t read;
    struct ori_tok_string *string;
};

/* ---- base64, RFC 4648 with padding ---- */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Bytes written, at most text_bytes / 4 * 3; SIZE_MAX when text is no base64. */
static size_t decode_base64(const char *text, size_t text_bytes, uint8_t *ret)
{
    size_t used = 0;
    if (text_bytes % 4 != 0)
        return SIZE_MAX;
    size_t padding = text_bytes && text[text_bytes - 1] == '=' ? 1 : 0;
    padding += padding && text[text_bytes - 2] == '=' ? 1 : 0;
    for (size_t i = 0; i < text_bytes; i += 4) {
        uint32_t group = 0;
        size_t digits = i + 4 == text_bytes ? 4 - padding : 4;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < digits ? digit_of(text[i + k]) : 0;
            if (digit < 0)
                return SIZE_MAX;
            group = group << 6 | (uint32_t)digit;
        }
        for (size_t k = 0; k + 1 < digits; k++)
            ret[used++] = (uint8_t)(group >> (16 - 8 * k));
    }
    return used;
}

/* ---- open ---- */

static uint32_t unit_at(const struct ori_tok_charsmap *charsmap, size_t index)
{
    const uint8_t *at = charsmap->tree + 4 * index;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static ori_status read_layout(struct ori_tok_charsmap *charsmap, size_t bytes,
                              const struct ori_tok_node *node, struct ori_error *err)
{
    if (bytes < 4)
        return ori_tok_bad(node, err, "%zu bytes are no charsmap", bytes);
    charsmap->tree = charsmap->data;
    size_t tree_bytes = unit_at(charsmap, 0);
    if (tree_bytes < 4 || tree_bytes % 4 != 0 || tree_bytes > bytes - 4)
        return ori_tok_bad(node, err, "a tree of %zu bytes in a charsmap of %zu", tree_bytes,
                           bytes);
    charsmap->tree = charsmap->data + 4;
    charsmap->units = tree_bytes / 4;
    charsmap->replacements = (const char *)charsmap->tree + tree_bytes;
    charsmap->replacements_bytes = bytes - 4 - tree_bytes;
    if (charsmap->replacements_bytes > 0 &&
        !ori_text_is_utf8(charsmap->replacements, charsmap->replacements_bytes))
        return ori_tok_bad(node, err, "replacements that are not UTF-8");
    return ORI_OK;
}

ori_status ori_tok_charsmap_open(const struct ori_tok_node *node,
                                 struct ori_tok_charsmap **ret_charsmap, struct ori_error *err)
{
    struct ori_tok_charsmap *charsmap = NULL;
    const char *text;
    size_t bytes;
    struct ori_tok_node child;
    ori_tok_child(node, "precompiled_charsmap", &child);
    ori_status status = ori_tok_text(node, "precompiled_charsmap", true,
                                     ORI_LIMIT_MAX_TOKENIZER_CHARSMAP_BYTES, &text, &bytes, err);
    if (status != ORI_OK)
        return status;
    charsmap = calloc(1, sizeof *charsmap);
    if (charsmap)
        charsmap->data = malloc(bytes / 4 * 3 + 1);
    if (!charsmap || !charsmap->data) {
        status = ori_error_set(err, ORI_NOMEM, "%s", child.where);
        goto out;
    }
    size_t decoded = decode_base64(text, bytes, charsmap->data);
    if (decoded == SIZE_MAX) {
        status = ori_tok_bad(&child, err, "not base64");
        goto out;
    }
    status = read_layout(charsmap, decoded, &child, err);
    if (status != ORI_OK)
        goto out;
    snprintf(charsmap->where, sizeof charsmap->where, "%s", child.where);
    *ret_charsmap = charsmap;
    charsmap = NULL;
out:
    ori_tok_charsmap_close(&charsmap);
    return status;
}

void ori_tok_charsmap_close(struct ori_tok_charsmap **charsmap)
{
    if (!charsmap || !*charsmap)
        return;
    free((*charsmap)->data);
    free(*charsmap);
    *charsmap = NULL;
}

/* ---- apply ---- */

/* darts-clone's double-array units: bit 8 has a leaf, low 8 bits and bit 31 label, the rest offset */
static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & (1U << 9)) >> 6);
}

static ori_status refuse_tree(const struct ori_tok_charsmap *charsmap, struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_MODEL, "%s: the tree leads out of itself", charsmap->where);
}

/* The first entry that text begins with; *ret_found NULL: there is none. */
static ori_status look_up(const struct ori_tok_charsmap *charsmap, const char *text, size_t bytes,
                          const char **ret_found, size_t *ret_bytes, struct ori_error *err)
{
    size_t index = offset_of(unit_at(charsmap, 0));
    *ret_found = NULL;
    *ret_bytes = 0;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)text[i];
        index ^= byte;
        if (index >= charsmap->units)
            return refuse_tree(charsmap, err);
        uint32_t unit = unit_at(charsmap, index);
        if ((unit & (1U << 31 | 0xFF)) != byte)
            return ORI_OK;
        index ^= offset_of(unit);
        if (!(unit >> 8 & 1))
            continue;
        if (index >= charsmap->units)
            return refuse_tree(charsmap, err);
        size_t at = unit_at(charsmap, index) & ~(1U << 31);
        if (at > charsmap->replacements_bytes ||
            (at < charsmap->replacements_bytes &&
             ((uint8_t)charsmap->replacements[at] & 0xC0) == 0x80))
            return refuse_tree(charsmap, err);
        *ret_found = charsmap->replacements + at;
        *ret_bytes = strnlen(*ret_found, charsmap->replacements_bytes - at);
        return ORI_OK;
    }
    return ORI_OK;
}

static size_t count_chars(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((uint8_t)text[i] & 0xC0) != 0x80;
    return count;
}

static void read_chars(struct pass *pass, size_t count)
{
    uint32_t character;
    for (; count > 0 && pass->read < pass->bytes; count--)
        pass->read += ori_tok_char(pass->text + pass->read, pass->bytes - pass->read, &character);
}

/* Characters go one for one; what is too much was put in behind the last one, what is too little was
 * taken away from behind the character before, or, where there is none, counts as still unread. */
static void add_replacement(struct pass *pass, const char *found, size_t found_bytes,
                            size_t old_count)
{
    size_t new_count = 0;
    for (size_t at = 0; at < found_bytes; new_count++) {
        uint32_t character;
        size_t step = ori_tok_char(found + at, found_bytes - at, &character);
        bool is_insert = new_count >= old_count;
        size_t source = is_insert && pass->read > 0 ? pass->read - 1 : pass->read;
        ori_tok_string_add_char(pass->string, character, source < pass->origin);
        if (!is_insert)
            read_chars(pass, 1);
        at += step;
    }
    if (new_count < old_count && pass->string->buf.used > 0)
        read_chars(pass, old_count - new_count);
}

static ori_status add_grapheme(struct pass *pass, size_t at, size_t bytes, struct ori_error *err)
{
    const char *text = pass->text + at;
    const char *found = NULL;
    size_t found_bytes = 0;
    ori_status status = ORI_OK;
    if (bytes <= GRAPHEME_BYTES_MAX)
        status = look_up(pass->charsmap, text, bytes, &found, &found_bytes, err);
    if (status == ORI_OK && found) {
        add_replacement(pass, found, found_bytes, count_chars(text, bytes));
        return ORI_OK;
    }
    for (size_t i = 0; i < bytes && status == ORI_OK;) {
        uint32_t character;
        size_t step = ori_tok_char(text + i, bytes - i, &character);
        status = look_up(pass->charsmap, text + i, step, &found, &found_bytes, err);
        if (status == ORI_OK && found) {
            add_replacement(pass, found, found_bytes, 1);
        } else if (status == ORI_OK) {
            ori_tok_string_add(pass->string, text + i, step, pass->read < pass->origin);
            read_chars(pass, 1);
        }
        i += step;
    }
    return status;
}

ori_status ori_tok_charsmap_apply(const struct ori_tok_charsmap *charsmap, const char *text,
                                  size_t bytes, size_t origin, struct ori_tok_string *string,
                                  struct ori_error *err)
{
    struct pass pass = {
        .charsmap = charsmap, .text = text, .bytes = bytes, .origin = origin, .string = string};
    ori_status status = ORI_OK;
    for (size_t at = 0; at < bytes && status == ORI_OK;) {
        size_t step = ori_tok_grapheme(text + at, bytes - at);
        status = add_grapheme(&pass, at, step, err);
        at += step;
    }
    return status;
}
