#include "embed/tokenizer_normalize.h"

#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_bytes.h"
#include "embed/tokenizer_charsmap.h"
#include "embed/tokenizer_steps.h"
#include "embed/tokenizer_unicode.h"

enum kind {
    NFC,
    NFD,
    NFKC,
    NFKD,
    LOWERCASE,
    REPLACE,
    PREPEND,
    STRIP,
    ACCENTS,
    NMT,
    CHARSMAP,
    BYTES
};
static const char *const names[] = {
    [NFC] = "NFC",
    [NFD] = "NFD",
    [NFKC] = "NFKC",
    [NFKD] = "NFKD",
    [LOWERCASE] = "Lowercase",
    [REPLACE] = "Replace",
    [PREPEND] = "Prepend",
    [STRIP] = "Strip",
    [ACCENTS] = "StripAccents",
    [NMT] = "Nmt",
    [CHARSMAP] = "Precompiled",
    [BYTES] = "ByteLevel",
};
static const char known[] = "NFC, NFD, NFKC, NFKD, Lowercase, Replace, Prepend, Strip, "
                            "StripAccents, Nmt, Precompiled, ByteLevel, Sequence";

struct ori_tok_normalizer {
    enum kind kind;
    struct ori_tok_pattern pattern; /* REPLACE */
    char *content;                  /* REPLACE, PREPEND */
    size_t content_bytes;
    bool is_left; /* STRIP */
    bool is_right;
    struct ori_tok_charsmap *charsmap; /* CHARSMAP */
};

/* ---- load ---- */

static ori_status load_content(const struct ori_tok_node *node, const char *key,
                               struct ori_tok_normalizer *step, struct ori_error *err)
{
    const char *text;
    ori_status status = ori_tok_text(node, key, true, ORI_LIMIT_MAX_TOKENIZER_TOKEN_BYTES, &text,
                                     &step->content_bytes, err);
    if (status != ORI_OK)
        return status;
    step->content = malloc(step->content_bytes + 1);
    if (!step->content)
        return ori_error_set(err, ORI_NOMEM, "%s", node->where);
    memcpy(step->content, text, step->content_bytes);
    step->content[step->content_bytes] = '\0';
    return ORI_OK;
}

static ori_status load_step(const struct ori_tok_node *node, const char *type,
                            struct ori_tok_normalizer *step, struct ori_error *err)
{
    struct ori_tok_node child;
    ori_status status = ORI_OK;
    size_t kind = ori_tok_name_index(type, names, sizeof names / sizeof names[0]);
    if (kind == SIZE_MAX) {
        ori_tok_child(node, "type", &child);
        return ori_tok_unsupported(&child, err, type, known);
    }
    step->kind = (enum kind)kind;
    switch (step->kind) {
    case REPLACE:
        ori_tok_child(node, "pattern", &child);
        status = ori_tok_pattern_load(&child, &step->pattern, err);
        return status == ORI_OK ? load_content(node, "content", step, err) : status;
    case PREPEND:
        return load_content(node, "prepend", step, err);
    case STRIP:
        status = ori_tok_need_flag(node, "strip_left", &step->is_left, err);
        return status == ORI_OK ? ori_tok_need_flag(node, "strip_right", &step->is_right, err)
                                : status;
    case CHARSMAP:
        return ori_tok_charsmap_open(node, &step->charsmap, err);
    case NFC:
    case NFD:
    case NFKC:
    case NFKD:
    case LOWERCASE:
    case ACCENTS:
    case NMT:
    case BYTES:
    default:
        return ORI_OK;
    }
}

ori_status ori_tok_normalizers_load(const struct ori_tok_node *node, bool is_lowercase,
                                    struct ori_tok_normalizers *ret_normalizers,
                                    struct ori_error *err)
{
    struct ori_tok_normalizers normalizers = {0};
    struct ori_tok_steps *steps = calloc(1, sizeof *steps);
    ori_status status = ORI_OK;
    if (!steps) {
        status = ori_error_set(err, ORI_NOMEM, "%s", node->where);
        goto out;
    }
    status = ori_tok_steps_load(node, "normalizers", steps, err);
    if (status != ORI_OK)
        goto out;
    normalizers.steps = calloc(steps->count + 1, sizeof *normalizers.steps);
    if (!normalizers.steps) {
        status = ori_error_set(err, ORI_NOMEM, "%s", node->where);
        goto out;
    }
    if (is_lowercase)
        normalizers.steps[normalizers.count++].kind = LOWERCASE;
    for (size_t i = 0; i < steps->count && status == ORI_OK; i++)
        status = load_step(&steps->nodes[i], steps->types[i],
                           &normalizers.steps[normalizers.count++], err);
    if (status != ORI_OK)
        goto out;
    *ret_normalizers = normalizers;
    normalizers = (struct ori_tok_normalizers){0};
out:
    ori_tok_normalizers_close(&normalizers);
    free(steps);
    return status;
}

ori_status ori_tok_normalizers_clip(struct ori_tok_normalizers *ret_normalizers,
                                    struct ori_error *err)
{
    struct ori_tok_normalizers normalizers = {.steps = calloc(3, sizeof *normalizers.steps)};
    ori_status status = ORI_OK;
    if (!normalizers.steps)
        return ori_error_set(err, ORI_NOMEM, "normalizers");
    normalizers.count = 3;
    normalizers.steps[0].kind = NFC;
    normalizers.steps[1].kind = REPLACE;
    normalizers.steps[2].kind = LOWERCASE;
    normalizers.steps[1].content = strdup(" ");
    normalizers.steps[1].content_bytes = 1;
    if (!normalizers.steps[1].content)
        status = ori_error_set(err, ORI_NOMEM, "normalizers");
    else
        status =
            ori_tok_pattern_compile("\\s+", 3, "white space", &normalizers.steps[1].pattern, err);
    if (status == ORI_OK)
        *ret_normalizers = normalizers;
    else
        ori_tok_normalizers_close(&normalizers);
    return status;
}

void ori_tok_normalizers_close(struct ori_tok_normalizers *normalizers)
{
    if (!normalizers)
        return;
    for (size_t i = 0; i < normalizers->count; i++) {
        ori_tok_pattern_close(&normalizers->steps[i].pattern);
        free(normalizers->steps[i].content);
        ori_tok_charsmap_close(&normalizers->steps[i].charsmap);
    }
    free(normalizers->steps);
    *normalizers = (struct ori_tok_normalizers){0};
}

/* ---- apply: each reads `in` and adds to `out`, which is empty ---- */

static ori_status apply_form(const struct ori_tok_string *in, enum ori_tok_form form,
                             struct ori_tok_string *out, struct ori_error *err)
{
    /* What stems from the origin is the normal form of the origin, up to the end of a character
     * that later marks went into. */
    const char *text = ori_buf_text(&in->buf);
    ori_status status = ori_tok_add_form(&out->buf, text, in->origin, form, err);
    size_t origin = out->buf.used;
    if (status != ORI_OK)
        return status;
    ori_buf_clear(&out->buf);
    status = ori_tok_add_form(&out->buf, text, in->buf.used, form, err);
    const char *normal = ori_buf_text(&out->buf);
    while (origin < out->buf.used && ((unsigned char)normal[origin] & 0xC0) == 0x80)
        origin++;
    out->origin = origin < out->buf.used ? origin : out->buf.used;
    return status;
}

static void apply_lowercase(const struct ori_tok_string *in, struct ori_tok_string *out)
{
    const char *text = ori_buf_text(&in->buf);
    for (size_t at = 0; at < in->buf.used;) {
        uint32_t character;
        uint32_t lower[2];
        size_t step = ori_tok_char(text + at, in->buf.used - at, &character);
        size_t count = ori_tok_lower(character, lower);
        for (size_t i = 0; i < count; i++)
            ori_tok_string_add_char(out, lower[i], at < in->origin);
        at += step;
    }
}

/* Adds a part of `in` as it is. */
static void add_span(struct ori_tok_string *out, const struct ori_tok_string *in, size_t begin,
                     size_t end)
{
    const char *text = ori_buf_text(&in->buf);
    size_t origin = in->origin > begin ? (in->origin < end ? in->origin : end) : begin;
    ori_tok_string_add(out, text + begin, origin - begin, true);
    ori_tok_string_add(out, text + origin, end - origin, false);
}

static ori_status apply_replace(const struct ori_tok_normalizer *normalizer,
                                const struct ori_tok_string *in, struct ori_tok_string *out,
                                struct ori_tok_meter *meter, struct ori_error *err)
{
    const char *text = ori_buf_text(&in->buf);
    struct ori_tok_finder finder;
    size_t done = 0;
    size_t begin;
    size_t end;
    ori_status status =
        ori_tok_finder_init(&finder, &normalizer->pattern, text, in->buf.used, meter, err);
    if (status != ORI_OK)
        return status;
    while ((status = ori_tok_finder_next(&finder, &begin, &end, err)) == ORI_OK) {
        if (out->buf.status != ORI_OK) /* no room for more: told by whoever finishes the buf */
            break;
        add_span(out, in, done, begin);
        /* what is put in counts as the last character of what it replaces */
        ori_tok_string_add(out, normalizer->content, normalizer->content_bytes,
                           end == 0 || end - 1 < in->origin);
        done = end;
    }
    ori_tok_finder_deinit(&finder);
    if (status != ORI_EOF && status != ORI_OK)
        return status;
    add_span(out, in, done, in->buf.used);
    return ORI_OK;
}

static void apply_prepend(const struct ori_tok_normalizer *normalizer,
                          const struct ori_tok_string *in, struct ori_tok_string *out)
{
    if (in->buf.used > 0)
        ori_tok_string_add(out, normalizer->content, normalizer->content_bytes, in->origin > 0);
    add_span(out, in, 0, in->buf.used);
}

static void apply_strip(const struct ori_tok_normalizer *normalizer,
                        const struct ori_tok_string *in, struct ori_tok_string *out)
{
    const char *text = ori_buf_text(&in->buf);
    size_t begin = 0;
    size_t end = in->buf.used;
    uint32_t character;
    while (normalizer->is_left && begin < end) {
        size_t step = ori_tok_char(text + begin, end - begin, &character);
        if (!ori_tok_is_space(character))
            break;
        begin += step;
    }
    while (normalizer->is_right && end > begin) {
        size_t at = end - 1;
        while (((unsigned char)text[at] & 0xC0) == 0x80)
            at--;
        ori_tok_char(text + at, end - at, &character);
        if (!ori_tok_is_space(character))
            break;
        end = at;
    }
    add_span(out, in, begin, end);
}

static void apply_accents(const struct ori_tok_string *in, struct ori_tok_string *out)
{
    const char *text = ori_buf_text(&in->buf);
    for (size_t at = 0; at < in->buf.used;) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, in->buf.used - at, &character);
        if (!ori_tok_is_mark(character))
            ori_tok_string_add(out, text + at, step, at < in->origin);
        at += step;
    }
}

/* SentencePiece's nmt rules: control characters go, other blanks become the blank. */
static bool is_nmt_control(uint32_t c)
{
    return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
}

static bool is_nmt_blank(uint32_t c)
{
    return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
}

static void apply_nmt(const struct ori_tok_string *in, struct ori_tok_string *out)
{
    const char *text = ori_buf_text(&in->buf);
    for (size_t at = 0; at < in->buf.used;) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, in->buf.used - at, &character);
        if (is_nmt_blank(character))
            ori_tok_string_add_char(out, ' ', at < in->origin);
        else if (!is_nmt_control(character))
            ori_tok_string_add(out, text + at, step, at < in->origin);
        at += step;
    }
}

static ori_status apply(const struct ori_tok_normalizer *normalizer,
                        const struct ori_tok_string *in, struct ori_tok_string *out,
                        struct ori_tok_meter *meter, struct ori_error *err)
{
    switch (normalizer->kind) {
    case NFC:
        return apply_form(in, ORI_TOK_NFC, out, err);
    case NFD:
        return apply_form(in, ORI_TOK_NFD, out, err);
    case NFKC:
        return apply_form(in, ORI_TOK_NFKC, out, err);
    case NFKD:
        return apply_form(in, ORI_TOK_NFKD, out, err);
    case LOWERCASE:
        apply_lowercase(in, out);
        return ORI_OK;
    case REPLACE:
        return apply_replace(normalizer, in, out, meter, err);
    case PREPEND:
        apply_prepend(normalizer, in, out);
        return ORI_OK;
    case STRIP:
        apply_strip(normalizer, in, out);
        return ORI_OK;
    case ACCENTS:
        apply_accents(in, out);
        return ORI_OK;
    case NMT:
        apply_nmt(in, out);
        return ORI_OK;
    case CHARSMAP:
        return ori_tok_charsmap_apply(normalizer->charsmap, ori_buf_text(&in->buf), in->buf.used,
                                      in->origin, out, err);
    case BYTES:
    default:
        ori_tok_add_byte_chars(out, ori_buf_text(&in->buf), in->buf.used, in->origin);
        return ORI_OK;
    }
}

ori_status ori_tok_normalize(const struct ori_tok_normalizers *normalizers,
                             struct ori_tok_string *string, struct ori_tok_string *spare,
                             struct ori_tok_meter *meter, struct ori_error *err)
{
    for (size_t i = 0; i < normalizers->count; i++) {
        ori_tok_string_clear(spare);
        ori_status status = apply(&normalizers->steps[i], string, spare, meter, err);
        if (status == ORI_OK)
            status = ori_buf_finish(&spare->buf, "the text after a normalizer", err);
        if (status != ORI_OK)
            return status;
        struct ori_tok_string swap = *string;
        *string = *spare;
        *spare = swap;
    }
    return ORI_OK;
}
