#include "embed/tokenizer_split.h"

#include <stdlib.h>
#include <string.h>

#include "embed/tokenizer_bytes.h"
#include "embed/tokenizer_steps.h"
#include "embed/tokenizer_unicode.h"

enum kind { BYTE_LEVEL, METASPACE, SPLIT, WHITESPACE, WHITESPACE_SPLIT, PUNCTUATION, DIGITS };
static const char *const names[] = {
    [BYTE_LEVEL] = "ByteLevel",
    [METASPACE] = "Metaspace",
    [SPLIT] = "Split",
    [WHITESPACE] = "Whitespace",
    [WHITESPACE_SPLIT] = "WhitespaceSplit",
    [PUNCTUATION] = "Punctuation",
    [DIGITS] = "Digits",
};
static const char known[] =
    "ByteLevel, Metaspace, Split, Whitespace, WhitespaceSplit, Punctuation, Digits, Sequence";

enum behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS };
static const char *const behaviors[] = {
    [REMOVED] = "Removed",
    [ISOLATED] = "Isolated",
    [MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
    [MERGED_WITH_NEXT] = "MergedWithNext",
    [CONTIGUOUS] = "Contiguous",
};
static const char known_behaviors[] =
    "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous";

enum scheme { ALWAYS, FIRST, NEVER };
static const char *const schemes[] = {[ALWAYS] = "always", [FIRST] = "first", [NEVER] = "never"};

struct ori_tok_splitter {
    enum kind kind;
    struct ori_tok_pattern pattern; /* SPLIT; BYTE_LEVEL, when it cuts too */
    enum behavior behavior;         /* SPLIT, PUNCTUATION, DIGITS */
    bool is_inverted;               /* SPLIT */
    bool is_cut;                    /* BYTE_LEVEL, METASPACE */
    bool has_prefix;                /* BYTE_LEVEL */
    enum scheme scheme;             /* METASPACE */
    char replacement[5];            /* METASPACE: one character */
    size_t replacement_bytes;
};

static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
static const char clip_pattern[] = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|"
                                   "[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/* ---- load ---- */

static ori_status load_behavior(const struct ori_tok_node *node, bool is_required,
                                struct ori_tok_splitter *step, struct ori_error *err)
{
    const char *text;
    size_t bytes;
    struct ori_tok_node child;
    ori_status status =
        ori_tok_text(node, "behavior", is_required, ORI_TOK_WHERE_BYTES, &text, &bytes, err);
    if (status != ORI_OK)
        return status;
    size_t index = text
                       ? ori_tok_name_index(text, behaviors, sizeof behaviors / sizeof behaviors[0])
                       : (size_t)ISOLATED;
    if (index == SIZE_MAX) {
        ori_tok_child(node, "behavior", &child);
        return ori_tok_unsupported(&child, err, text, known_behaviors);
    }
    step->behavior = (enum behavior)index;
    return ORI_OK;
}

static ori_status load_split(const struct ori_tok_node *node, struct ori_tok_splitter *step,
                             struct ori_error *err)
{
    struct ori_tok_node child;
    ori_tok_child(node, "pattern", &child);
    ori_status status = ori_tok_pattern_load(&child, &step->pattern, err);
    if (status == ORI_OK)
        status = load_behavior(node, true, step, err);
    if (status == ORI_OK)
        status = ori_tok_need_flag(node, "invert", &step->is_inverted, err);
    return status;
}

static ori_status load_byte_level(const struct ori_tok_node *node, struct ori_tok_splitter *step,
                                  struct ori_error *err)
{
    ori_status status = ori_tok_need_flag(node, "add_prefix_space", &step->has_prefix, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "use_regex", true, &step->is_cut, err);
    if (status == ORI_OK && step->is_cut)
        status = ori_tok_pattern_compile(gpt2_pattern, sizeof gpt2_pattern - 1, node->where,
                                         &step->pattern, err);
    return status;
}

/* Before there was prepend_scheme, add_prefix_space said always or never; both may be there. */
static ori_status load_scheme(const struct ori_tok_node *node, struct ori_tok_splitter *step,
                              struct ori_error *err)
{
    const char *text;
    size_t bytes;
    bool has_prefix;
    struct ori_tok_node child;
    ori_tok_child(node, "prepend_scheme", &child);
    ori_status status =
        ori_tok_text(node, "prepend_scheme", false, ORI_TOK_WHERE_BYTES, &text, &bytes, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "add_prefix_space", true, &has_prefix, err);
    if (status != ORI_OK)
        return status;
    size_t index = text ? ori_tok_name_index(text, schemes, sizeof schemes / sizeof schemes[0])
                        : (size_t)ALWAYS;
    if (index == SIZE_MAX)
        return ori_tok_unsupported(&child, err, text, "always, first, never");
    if (!has_prefix && index != NEVER)
        return ori_tok_bad(&child, err, "is %s, but add_prefix_space is false", schemes[index]);
    step->scheme = (enum scheme)index;
    return ORI_OK;
}

static ori_status load_metaspace(const struct ori_tok_node *node, struct ori_tok_splitter *step,
                                 struct ori_error *err)
{
    const char *text;
    size_t bytes;
    uint32_t character;
    struct ori_tok_node child;
    ori_status status = load_scheme(node, step, err);
    if (status == ORI_OK)
        status = ori_tok_flag(node, "split", true, &step->is_cut, err);
    if (status == ORI_OK)
        status = ori_tok_text(node, "replacement", true, ORI_TOK_WHERE_BYTES, &text, &bytes, err);
    if (status != ORI_OK)
        return status;
    if (bytes == 0 || ori_tok_char(text, bytes, &character) != bytes || character == 0) {
        ori_tok_child(node, "replacement", &child);
        return ori_tok_bad(&child, err, "not one character");
    }
    memcpy(step->replacement, text, bytes);
    step->replacement_bytes = bytes;
    return ORI_OK;
}

static ori_status load_digits(const struct ori_tok_node *node, struct ori_tok_splitter *step,
                              struct ori_error *err)
{
    bool is_each = false;
    ori_status status = ori_tok_need_flag(node, "individual_digits", &is_each, err);
    step->behavior = is_each ? ISOLATED : CONTIGUOUS;
    return status;
}

static ori_status load_step(const struct ori_tok_node *node, const char *type,
                            struct ori_tok_splitter *step, struct ori_error *err)
{
    size_t kind = ori_tok_name_index(type, names, sizeof names / sizeof names[0]);
    if (kind == SIZE_MAX) {
        struct ori_tok_node child;
        ori_tok_child(node, "type", &child);
        return ori_tok_unsupported(&child, err, type, known);
    }
    step->kind = (enum kind)kind;
    switch (step->kind) {
    case BYTE_LEVEL:
        return load_byte_level(node, step, err);
    case METASPACE:
        return load_metaspace(node, step, err);
    case SPLIT:
        return load_split(node, step, err);
    case PUNCTUATION:
        return load_behavior(node, false, step, err);
    case DIGITS:
        return load_digits(node, step, err);
    case WHITESPACE:
    case WHITESPACE_SPLIT:
    default:
        return ORI_OK;
    }
}

ori_status ori_tok_splitters_load(const struct ori_tok_node *node,
                                  struct ori_tok_splitters *ret_splitters, struct ori_error *err)
{
    struct ori_tok_splitters splitters = {0};
    struct ori_tok_steps *steps = calloc(1, sizeof *steps);
    ori_status status = ORI_OK;
    if (!steps) {
        status = ori_error_set(err, ORI_NOMEM, "%s", node->where);
        goto out;
    }
    status = ori_tok_steps_load(node, "pretokenizers", steps, err);
    if (status != ORI_OK)
        goto out;
    splitters.steps = calloc(steps->count + 1, sizeof *splitters.steps);
    if (!splitters.steps) {
        status = ori_error_set(err, ORI_NOMEM, "%s", node->where);
        goto out;
    }
    for (size_t i = 0; i < steps->count && status == ORI_OK; i++)
        status =
            load_step(&steps->nodes[i], steps->types[i], &splitters.steps[splitters.count++], err);
    if (status != ORI_OK)
        goto out;
    *ret_splitters = splitters;
    splitters = (struct ori_tok_splitters){0};
out:
    ori_tok_splitters_close(&splitters);
    free(steps);
    return status;
}

ori_status ori_tok_splitters_clip(struct ori_tok_splitters *ret_splitters, struct ori_error *err)
{
    struct ori_tok_splitters splitters = {.steps = calloc(2, sizeof *splitters.steps), .count = 2};
    if (!splitters.steps)
        return ori_error_set(err, ORI_NOMEM, "pre-tokenizers");
    struct ori_tok_splitter *words = &splitters.steps[0];
    struct ori_tok_splitter *bytes = &splitters.steps[1];
    *words = (struct ori_tok_splitter){.kind = SPLIT, .behavior = REMOVED, .is_inverted = true};
    *bytes = (struct ori_tok_splitter){.kind = BYTE_LEVEL, .is_cut = true};
    ori_status status = ori_tok_pattern_compile(clip_pattern, sizeof clip_pattern - 1, "words",
                                                &words->pattern, err);
    if (status == ORI_OK)
        status = ori_tok_pattern_compile(gpt2_pattern, sizeof gpt2_pattern - 1, "bytes",
                                         &bytes->pattern, err);
    if (status == ORI_OK)
        *ret_splitters = splitters;
    else
        ori_tok_splitters_close(&splitters);
    return status;
}

void ori_tok_splitters_close(struct ori_tok_splitters *splitters)
{
    if (!splitters)
        return;
    for (size_t i = 0; i < splitters->count; i++)
        ori_tok_pattern_close(&splitters->steps[i].pattern);
    free(splitters->steps);
    *splitters = (struct ori_tok_splitters){0};
}

/* ---- work ---- */

void ori_tok_work_init(struct ori_tok_work *work)
{
    *work = (struct ori_tok_work){0};
    ori_tok_string_init(&work->string);
    ori_tok_string_init(&work->next_string);
    ori_tok_meter_init(&work->meter);
}

void ori_tok_work_deinit(struct ori_tok_work *work)
{
    ori_tok_string_deinit(&work->string);
    ori_tok_string_deinit(&work->next_string);
    ori_tok_pieces_deinit(&work->pieces);
    ori_tok_pieces_deinit(&work->next_pieces);
    free(work->cuts);
    work->cuts = NULL;
}

static void swap_pieces(struct ori_tok_work *work)
{
    struct ori_tok_pieces swap = work->pieces;
    work->pieces = work->next_pieces;
    work->next_pieces = swap;
    work->next_pieces.count = 0;
}

static void swap_strings(struct ori_tok_work *work)
{
    struct ori_tok_string swap = work->string;
    work->string = work->next_string;
    work->next_string = swap;
    ori_tok_string_clear(&work->next_string);
}

static ori_status add_cut(struct ori_tok_work *work, size_t begin, size_t end, bool is_match,
                          struct ori_error *err)
{
    if (work->cuts_count == work->cuts_size) {
        size_t size = work->cuts_size ? work->cuts_size * 2 : 64;
        struct ori_tok_cut *grown = realloc(work->cuts, size * sizeof *grown);
        if (!grown)
            return ori_error_set(err, ORI_NOMEM, "%zu cuts of a text", size);
        work->cuts = grown;
        work->cuts_size = size;
    }
    work->cuts[work->cuts_count++] =
        (struct ori_tok_cut){.begin = begin, .end = end, .is_match = is_match};
    return ORI_OK;
}

/* ---- finding cuts: matches and what lies between them, in order ---- */

static ori_status cut_by_pattern(struct ori_tok_work *work, const struct ori_tok_pattern *pattern,
                                 const char *text, size_t bytes, struct ori_error *err)
{
    struct ori_tok_finder finder;
    size_t done = 0;
    size_t begin;
    size_t end;
    ori_status status = ori_tok_finder_init(&finder, pattern, text, bytes, &work->meter, err);
    if (status != ORI_OK)
        return status;
    while ((status = ori_tok_finder_next(&finder, &begin, &end, err)) == ORI_OK) {
        if (begin > done)
            status = add_cut(work, done, begin, false, err);
        if (status == ORI_OK)
            status = add_cut(work, begin, end, true, err);
        if (status != ORI_OK)
            break;
        done = end;
    }
    ori_tok_finder_deinit(&finder);
    if (status == ORI_EOF)
        status = done < bytes ? add_cut(work, done, bytes, false, err) : ORI_OK;
    return status;
}

/* Each character that is of the class is a match of its own. */
static ori_status cut_by_class(struct ori_tok_work *work, bool (*is_class)(uint32_t),
                               const char *text, size_t bytes, struct ori_error *err)
{
    size_t done = 0;
    ori_status status = ORI_OK;
    for (size_t at = 0; at < bytes && status == ORI_OK;) {
        uint32_t character;
        size_t step = ori_tok_char(text + at, bytes - at, &character);
        if (is_class(character)) {
            if (at > done)
                status = add_cut(work, done, at, false, err);
            if (status == ORI_OK)
                status = add_cut(work, at, at + step, true, err);
            done = at + step;
        }
        at += step;
    }
    if (status == ORI_OK && done < bytes)
        status = add_cut(work, done, bytes, false, err);
    return status;
}

/* ---- from cuts to pieces ---- */

static bool is_of_last(enum behavior behavior, bool is_match, bool was_match)
{
    return behavior == CONTIGUOUS ? is_match == was_match : is_match && !was_match;
}

/* Joins cuts as the behaviour says, first to last or last to first; the joined ones stay in the
 * list, the others become empty. */
static void join_cuts(struct ori_tok_work *work, enum behavior behavior)
{
    bool was_match = false;
    struct ori_tok_cut *last = NULL;
    for (size_t i = 0; i < work->cuts_count; i++) {
        size_t index = behavior == MERGED_WITH_NEXT ? work->cuts_count - 1 - i : i;
        struct ori_tok_cut *cut = &work->cuts[index];
        bool is_match = cut->is_match;
        if (last && is_of_last(behavior, is_match, was_match)) {
            if (behavior == MERGED_WITH_NEXT)
                last->begin = cut->begin;
            else
                last->end = cut->end;
            cut->begin = cut->end;
        } else {
            last = cut;
        }
        was_match = is_match;
    }
}

static ori_status cuts_to_pieces(struct ori_tok_work *work, const struct ori_tok_piece *whole,
                                 enum behavior behavior, bool is_inverted, struct ori_error *err)
{
    for (size_t i = 0; i < work->cuts_count; i++)
        work->cuts[i].is_match ^= is_inverted;
    if (behavior != REMOVED && behavior != ISOLATED)
        join_cuts(work, behavior);
    ori_status status = ORI_OK;
    for (size_t i = 0; i < work->cuts_count && status == ORI_OK; i++)
        if (behavior != REMOVED || !work->cuts[i].is_match)
            status = ori_tok_pieces_add(&work->next_pieces, whole, work->cuts[i].begin,
                                        work->cuts[i].end, err);
    return status;
}

/* ---- steps ---- */

static ori_status split_piece(const struct ori_tok_splitter *step, struct ori_tok_work *work,
                              const struct ori_tok_piece *piece, struct ori_error *err)
{
    const char *text = ori_buf_text(&work->string.buf) + piece->at;
    ori_status status;
    work->cuts_count = 0;
    switch (step->kind) {
    case PUNCTUATION:
        status = cut_by_class(work, ori_tok_is_punctuation, text, piece->bytes, err);
        break;
    case DIGITS:
        status = cut_by_class(work, ori_tok_is_numeric, text, piece->bytes, err);
        break;
    case WHITESPACE:
    case WHITESPACE_SPLIT:
        status = cut_by_class(work, ori_tok_is_space, text, piece->bytes, err);
        break;
    case SPLIT:
    case BYTE_LEVEL:
    case METASPACE:
    default:
        status = cut_by_pattern(work, &step->pattern, text, piece->bytes, err);
        break;
    }
    if (status != ORI_OK)
        return status;
    return cuts_to_pieces(work, piece, step->behavior, step->is_inverted, err);
}

static ori_status split_pieces(const struct ori_tok_splitter *step, struct ori_tok_work *work,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < work->pieces.count && status == ORI_OK; i++)
        status = split_piece(step, work, &work->pieces.items[i], err);
    swap_pieces(work);
    return status;
}

/* Runs of word characters and runs of others. */
static ori_status split_words(struct ori_tok_work *work, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < work->pieces.count && status == ORI_OK; i++) {
        const struct ori_tok_piece *piece = &work->pieces.items[i];
        const char *text = ori_buf_text(&work->string.buf) + piece->at;
        size_t begin = 0;
        bool was_word = false;
        for (size_t at = 0; at < piece->bytes && status == ORI_OK;) {
            uint32_t character;
            size_t step = ori_tok_char(text + at, piece->bytes - at, &character);
            bool is_word = ori_tok_is_word(character);
            if (is_word != was_word) {
                status = ori_tok_pieces_add(&work->next_pieces, piece, begin, at, err);
                begin = at;
                was_word = is_word;
            }
            at += step;
        }
        if (status == ORI_OK)
            status = ori_tok_pieces_add(&work->next_pieces, piece, begin, piece->bytes, err);
    }
    swap_pieces(work);
    return status;
}

static void add_blanked(struct ori_buf *buf, const char *text, size_t bytes, const char *blank)
{
    for (const char *found; (found = memchr(text, ' ', bytes)) != NULL;) {
        size_t step = (size_t)(found - text);
        ori_buf_add(buf, text, step);
        ori_buf_add_text(buf, blank);
        text += step + 1;
        bytes -= step + 1;
    }
    ori_buf_add(buf, text, bytes);
}

/* Puts prefix before a piece, which counts as its first character, and blank for its blanks. */
static ori_status rewrite_piece(struct ori_tok_work *work, const struct ori_tok_piece *piece,
                                const char *prefix, const char *blank, struct ori_error *err)
{
    const char *text = ori_buf_text(&work->string.buf) + piece->at;
    struct ori_buf *buf = &work->next_string.buf;
    struct ori_tok_piece whole = {.at = buf->used};
    ori_buf_add_text(buf, prefix);
    add_blanked(buf, text, piece->origin, blank);
    whole.origin = piece->origin > 0 ? buf->used - whole.at : 0;
    add_blanked(buf, text + piece->origin, piece->bytes - piece->origin, blank);
    ori_status status = ori_buf_finish(buf, "the text after a pre-tokenizer", err);
    if (status != ORI_OK)
        return status;
    whole.bytes = buf->used - whole.at;
    status = ori_tok_pieces_add(&work->next_pieces, &whole, 0, whole.bytes, err);
    if (status == ORI_OK) /* it was not cut out of another piece */
        work->next_pieces.items[work->next_pieces.count - 1].is_beginning = piece->is_beginning;
    return status;
}

static bool is_begun_with(const char *text, size_t bytes, const char *with, char or_with)
{
    size_t length = strlen(with);
    return (bytes >= length && memcmp(text, with, length) == 0) ||
           (bytes > 0 && text[0] == or_with);
}

static ori_status apply_metaspace(const struct ori_tok_splitter *step, struct ori_tok_work *work,
                                  struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < work->pieces.count && status == ORI_OK; i++) {
        const struct ori_tok_piece *piece = &work->pieces.items[i];
        const char *text = ori_buf_text(&work->string.buf) + piece->at;
        bool is_wanted = step->scheme == ALWAYS || (step->scheme == FIRST && piece->is_beginning);
        bool is_there = is_begun_with(text, piece->bytes, step->replacement, ' ');
        status = rewrite_piece(work, piece, is_wanted && !is_there ? step->replacement : "",
                               step->replacement, err);
    }
    swap_strings(work);
    swap_pieces(work);
    if (status != ORI_OK || !step->is_cut)
        return status;
    struct ori_tok_splitter cutter = {
        .kind = SPLIT,
        .behavior = MERGED_WITH_NEXT,
        .pattern = {.text = (char *)step->replacement, .bytes = step->replacement_bytes}};
    return split_pieces(&cutter, work, err);
}

static ori_status apply_byte_level(const struct ori_tok_splitter *step, struct ori_tok_work *work,
                                   struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; step->has_prefix && i < work->pieces.count && status == ORI_OK; i++) {
        const struct ori_tok_piece *piece = &work->pieces.items[i];
        const char *text = ori_buf_text(&work->string.buf) + piece->at;
        bool is_there = is_begun_with(text, piece->bytes, " ", ' ');
        status = rewrite_piece(work, piece, is_there ? "" : " ", " ", err);
    }
    if (step->has_prefix) {
        swap_strings(work);
        swap_pieces(work);
    }
    if (status == ORI_OK && step->is_cut) {
        struct ori_tok_splitter cutter = {
            .kind = SPLIT, .behavior = ISOLATED, .pattern = step->pattern};
        status = split_pieces(&cutter, work, err);
    }
    for (size_t i = 0; i < work->pieces.count && status == ORI_OK; i++) {
        struct ori_tok_piece *piece = &work->pieces.items[i];
        const char *text = ori_buf_text(&work->string.buf) + piece->at;
        piece->at = work->next_string.buf.used;
        ori_tok_add_byte_chars(&work->next_string, text, piece->origin, 0);
        size_t origin = work->next_string.buf.used - piece->at;
        ori_tok_add_byte_chars(&work->next_string, text + piece->origin,
                               piece->bytes - piece->origin, 0);
        piece->origin = origin;
        piece->bytes = work->next_string.buf.used - piece->at;
        status = ori_buf_finish(&work->next_string.buf, "the text after a pre-tokenizer", err);
    }
    swap_strings(work);
    return status;
}

static ori_status apply(const struct ori_tok_splitter *step, struct ori_tok_work *work,
                        struct ori_error *err)
{
    switch (step->kind) {
    case BYTE_LEVEL:
        return apply_byte_level(step, work, err);
    case METASPACE:
        return apply_metaspace(step, work, err);
    case WHITESPACE: { /* blanks away, then words from signs */
        ori_status status = split_pieces(step, work, err);
        return status == ORI_OK ? split_words(work, err) : status;
    }
    case SPLIT:
    case WHITESPACE_SPLIT:
    case PUNCTUATION:
    case DIGITS:
    default:
        return split_pieces(step, work, err);
    }
}

ori_status ori_tok_split(const struct ori_tok_splitters *splitters, const char *text,
                         const struct ori_tok_piece *part, struct ori_tok_work *work,
                         struct ori_error *err)
{
    ori_tok_string_clear(&work->string);
    ori_tok_string_clear(&work->next_string);
    work->pieces.count = 0;
    work->next_pieces.count = 0;
    ori_buf_add(&work->string.buf, text + part->at, part->bytes);
    ori_status status = ori_buf_finish(&work->string.buf, "a part of the text", err);
    if (status != ORI_OK)
        return status;
    /* part says itself whether it is the beginning: what lies before its origin counts */
    struct ori_tok_piece whole = *part;
    whole.at = 0;
    status = ori_tok_pieces_add(&work->pieces, &whole, 0, whole.bytes, err);
    if (status == ORI_OK)
        work->pieces.items[0].is_beginning = part->is_beginning;
    for (size_t i = 0; i < splitters->count && status == ORI_OK; i++)
        status = apply(&splitters->steps[i], work, err);
    return status;
}
