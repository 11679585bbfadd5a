#include "embed/tokenizer_pattern.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <oniguruma.h>

#include "embed/tokenizer_unicode.h"
#include "util/limits.h"

/* A pattern of a real model needs a step back or two a character. */
enum { RETRIES_MAX = 1000000, STACK_MAX = 1000000, SECONDS_MAX = 2, SEARCHES_A_LOOK = 32 };

static const char known_kinds[] = "String, Regex";

static void start_engine(void)
{
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
}

/* ---- classes as the reference knows them ---- */

static void add_newer(struct ori_buf *buf, enum ori_tok_newer which)
{
    size_t count;
    const struct ori_tok_range *newer = ori_tok_newer(which, &count);
    for (size_t i = 0; i < count; i++)
        ori_buf_printf(buf, "\\x{%X}-\\x{%X}", (unsigned)newer[i].first, (unsigned)newer[i].last);
}

/* A class inside a class is their union, so inside brackets a class of its own will do. Outside, \w
 * must stay as it is: Oniguruma's [\w] knows less of Latin-1. */
static void add_widened(struct ori_buf *buf, const char *class, bool is_negated, bool is_inside,
                        enum ori_tok_newer which)
{
    bool is_bare = !is_inside && which == ORI_TOK_NEWER_WORDS;
    if (is_bare)
        ori_buf_printf(buf, is_negated ? "(?:(?!\\w)[^" : "(?:\\w|[");
    else
        ori_buf_printf(buf, "[%s%s", is_negated ? "^" : "", class);
    add_newer(buf, which);
    ori_buf_add_text(buf, is_bare ? "])" : "]");
}

/* Bytes of an escape at text that was widened into buf; 0: it is none of those. */
static size_t widen(struct ori_buf *buf, const char *text, size_t bytes, bool is_inside)
{
    static const struct {
        const char *escape;
        const char *class;
        bool is_negated;
        enum ori_tok_newer which;
    } rows[] = {
        {"\\p{L}", "\\p{L}", false, ORI_TOK_NEWER_LETTERS},
        {"\\P{L}", "\\p{L}", true, ORI_TOK_NEWER_LETTERS},
        {"\\p{^L}", "\\p{L}", true, ORI_TOK_NEWER_LETTERS},
        {"\\p{N}", "\\p{N}", false, ORI_TOK_NEWER_NUMBERS},
        {"\\P{N}", "\\p{N}", true, ORI_TOK_NEWER_NUMBERS},
        {"\\p{^N}", "\\p{N}", true, ORI_TOK_NEWER_NUMBERS},
        {"\\w", "\\w", false, ORI_TOK_NEWER_WORDS},
        {"\\W", "\\w", true, ORI_TOK_NEWER_WORDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strlen(rows[i].escape);
        if (length <= bytes && memcmp(text, rows[i].escape, length) == 0) {
            add_widened(buf, rows[i].class, rows[i].is_negated, is_inside, rows[i].which);
            return length;
        }
    }
    return 0;
}

/* How deep in brackets the pattern is behind text[at]; a ] right behind [ or [^ is a character. */
static size_t depth_behind(const char *text, size_t at, size_t depth)
{
    if (text[at] == '[')
        return depth + 1;
    if (text[at] != ']' || depth == 0)
        return depth;
    size_t before = at > 0 && text[at - 1] == '^' ? at - 1 : at;
    return before > 0 && text[before - 1] == '[' ? depth : depth - 1;
}

static void add_pattern(struct ori_buf *buf, const char *text, size_t bytes)
{
    size_t depth = 0;
    for (size_t i = 0; i < bytes;) {
        bool is_escape = text[i] == '\\';
        size_t step = is_escape ? widen(buf, text + i, bytes - i, depth > 0) : 0;
        if (step == 0) { /* an escape is copied whole: what it escapes is no backslash again */
            step = is_escape && i + 1 < bytes ? 2 : 1;
            ori_buf_add(buf, text + i, step);
        }
        if (!is_escape)
            depth = depth_behind(text, i, depth);
        i += step;
    }
}

/* ---- patterns ---- */

static ori_status refuse_regex(int code, OnigErrorInfo *fault, const char *where,
                               struct ori_error *err)
{
    OnigUChar words[ONIG_MAX_ERROR_MESSAGE_LEN];
    if (code == ONIGERR_MEMORY)
        return ori_error_set(err, ORI_NOMEM, "%s", where);
    int length = onig_error_code_to_str(words, code, fault);
    words[length > 0 && length < ONIG_MAX_ERROR_MESSAGE_LEN ? length : 0] = '\0';
    struct ori_tok_node node;
    ori_tok_root(NULL, where, &node);
    return ori_tok_bad(&node, err, "%s", (const char *)words);
}

ori_status ori_tok_pattern_compile(const char *regex, size_t bytes, const char *where,
                                   struct ori_tok_pattern *ret_pattern, struct ori_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct ori_tok_pattern pattern = {0};
    struct ori_buf buf;
    ori_buf_init(&buf, ORI_LIMIT_MAX_TOKENIZER_PATTERN_BYTES * (size_t)512);
    add_pattern(&buf, regex, bytes);
    ori_status status = ori_buf_finish(&buf, "pattern", err);
    if (status != ORI_OK)
        goto out;
    pthread_once(&once, start_engine);
    OnigErrorInfo fault = {0};
    const OnigUChar *text = (const OnigUChar *)ori_buf_text(&buf);
    int code = onig_new(&pattern.regex, text, text + buf.used, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                        ONIG_SYNTAX_DEFAULT, &fault);
    if (code != ONIG_NORMAL) {
        pattern.regex = NULL;
        status = refuse_regex(code, &fault, where, err);
        goto out;
    }
    snprintf(pattern.where, sizeof pattern.where, "%s", where);
    *ret_pattern = pattern;
out:
    ori_buf_deinit(&buf);
    return status;
}

ori_status ori_tok_pattern_load(const struct ori_tok_node *node,
                                struct ori_tok_pattern *ret_pattern, struct ori_error *err)
{
    const char *text;
    size_t bytes;
    if (!node->value)
        return ori_tok_bad(node, err, "missing");
    ori_status status = ori_tok_need_object(node, err);
    if (status != ORI_OK)
        return status;
    bool is_regex = json_object_get(node->value, "Regex") != NULL;
    if (!is_regex && !json_object_get(node->value, "String"))
        return ori_tok_bad(node, err, "none of %s", known_kinds);
    status = ori_tok_text(node, is_regex ? "Regex" : "String", true,
                          ORI_LIMIT_MAX_TOKENIZER_PATTERN_BYTES, &text, &bytes, err);
    if (status != ORI_OK)
        return status;
    if (is_regex)
        return ori_tok_pattern_compile(text, bytes, node->where, ret_pattern, err);
    struct ori_tok_pattern pattern = {.bytes = bytes};
    pattern.text = malloc(bytes + 1);
    if (!pattern.text)
        return ori_error_set(err, ORI_NOMEM, "%s", node->where);
    memcpy(pattern.text, text, bytes);
    pattern.text[bytes] = '\0';
    snprintf(pattern.where, sizeof pattern.where, "%s", node->where);
    *ret_pattern = pattern;
    return ORI_OK;
}

void ori_tok_pattern_close(struct ori_tok_pattern *pattern)
{
    if (!pattern)
        return;
    free(pattern->text);
    if (pattern->regex)
        onig_free(pattern->regex);
    *pattern = (struct ori_tok_pattern){0};
}

/* ---- finding ---- */

static int64_t thread_us(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

void ori_tok_meter_init(struct ori_tok_meter *meter)
{
    meter->deadline_us = thread_us() + SECONDS_MAX * (int64_t)1000000;
    meter->searches = 0;
}

ori_status ori_tok_finder_init(struct ori_tok_finder *finder, const struct ori_tok_pattern *pattern,
                               const char *text, size_t bytes, struct ori_tok_meter *meter,
                               struct ori_error *err)
{
    *finder = (struct ori_tok_finder){
        .pattern = pattern, .text = text, .bytes = bytes, .last_end = SIZE_MAX, .meter = meter};
    if (!pattern->regex)
        return ORI_OK;
    finder->region = onig_region_new();
    finder->limits = onig_new_match_param();
    if (!finder->region || !finder->limits) {
        ori_tok_finder_deinit(finder);
        return ori_error_set(err, ORI_NOMEM, "%s", pattern->where);
    }
    onig_initialize_match_param(finder->limits);
    onig_set_match_stack_limit_size_of_match_param(finder->limits, STACK_MAX);
    onig_set_retry_limit_in_match_of_match_param(finder->limits, RETRIES_MAX);
    onig_set_retry_limit_in_search_of_match_param(finder->limits, RETRIES_MAX);
    return ORI_OK;
}

void ori_tok_finder_deinit(struct ori_tok_finder *finder)
{
    if (!finder)
        return;
    if (finder->region)
        onig_region_free(finder->region, 1);
    if (finder->limits)
        onig_free_match_param(finder->limits);
    finder->region = NULL;
    finder->limits = NULL;
}

static ori_status find_text(const struct ori_tok_finder *finder, size_t *ret_begin, size_t *ret_end)
{
    const struct ori_tok_pattern *pattern = finder->pattern;
    const char *found = pattern->bytes == 0
                            ? finder->text + finder->at
                            : memmem(finder->text + finder->at, finder->bytes - finder->at,
                                     pattern->text, pattern->bytes);
    if (!found)
        return ORI_EOF;
    *ret_begin = (size_t)(found - finder->text);
    *ret_end = *ret_begin + pattern->bytes;
    return ORI_OK;
}

static ori_status refuse_steps(const struct ori_tok_finder *finder, struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_MODEL, "%s: the pattern takes too many steps",
                         finder->pattern->where);
}

static ori_status find_regex(struct ori_tok_finder *finder, size_t *ret_begin, size_t *ret_end,
                             struct ori_error *err)
{
    const OnigUChar *text = (const OnigUChar *)finder->text;
    const OnigUChar *end = text + finder->bytes;
    onig_region_clear(finder->region);
    int code = onig_search_with_param(finder->pattern->regex, text, end, text + finder->at, end,
                                      finder->region, ONIG_OPTION_NONE, finder->limits);
    if (code == ONIG_MISMATCH)
        return ORI_EOF;
    if (code == ONIGERR_MEMORY)
        return ori_error_set(err, ORI_NOMEM, "%s", finder->pattern->where);
    bool is_look = ++finder->meter->searches % SEARCHES_A_LOOK == 0;
    if (code < 0 || (is_look && thread_us() > finder->meter->deadline_us))
        return refuse_steps(finder, err);
    *ret_begin = (size_t)finder->region->beg[0];
    *ret_end = (size_t)finder->region->end[0];
    /* \K and lookbehind may put a match before the place where the search began */
    if (*ret_begin < finder->at || *ret_end < *ret_begin || *ret_end > finder->bytes)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: the pattern matches backwards",
                             finder->pattern->where);
    return ORI_OK;
}

ori_status ori_tok_finder_next(struct ori_tok_finder *finder, size_t *ret_begin, size_t *ret_end,
                               struct ori_error *err)
{
    while (finder->at <= finder->bytes) {
        size_t begin = 0;
        size_t end = 0;
        ori_status status = finder->pattern->regex ? find_regex(finder, &begin, &end, err)
                                                   : find_text(finder, &begin, &end);
        if (status != ORI_OK)
            return status;
        if (begin == end &&
            end == finder->last_end) { /* nothing right behind a match is no match */
            uint32_t character;
            finder->at += finder->at < finder->bytes
                              ? ori_tok_char(finder->text + finder->at, finder->bytes - finder->at,
                                             &character)
                              : 1;
            continue;
        }
        finder->at = end;
        finder->last_end = end;
        *ret_begin = begin;
        *ret_end = end;
        return ORI_OK;
    }
    return ORI_EOF;
}
