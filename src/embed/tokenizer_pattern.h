#pragma once
/* embed/tokenizer_pattern.h: what Replace and Split look for: a text, or a regular expression of
 * Oniguruma, the engine of the reference.
 * Call order  open; a finder for each text; close
 * Ownership   the pattern owns its text; a finder borrows pattern and text and must be deinitialised
 * Threads     a pattern is read-only after open, any thread; a finder stays on its own
 * Limits      ORI_LIMIT_MAX_TOKENIZER_PATTERN_BYTES; steps back of one search, and processor time of
 *             all searches that share a meter: past them ORI_BAD_MODEL, the pattern is at fault
 * Newer       \p{L}, \p{N} and \w are widened to what the reference's Oniguruma knows; other classes
 *             and \b are those of this system's */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/tokenizer_json.h"
#include "util/status.h"

struct re_pattern_buffer;
struct re_registers;
struct OnigMatchParamStruct;

struct ori_tok_pattern {
    char *text; /* when it is no regular expression */
    size_t bytes;
    struct re_pattern_buffer *regex;
    char where[ORI_TOK_WHERE_BYTES];
};
struct ori_tok_meter { /* of one text: what its searches may take together */
    int64_t deadline_us;
    unsigned searches;
};
struct ori_tok_finder {
    const struct ori_tok_pattern *pattern;
    const char *text;
    size_t bytes;
    size_t at;       /* where the next search begins; past bytes: at the end */
    size_t last_end; /* of the match before; SIZE_MAX: none */
    struct ori_tok_meter *meter;
    struct re_registers *region;
    struct OnigMatchParamStruct *limits;
};

/* {"String": "..."} or {"Regex": "..."} */
ori_status ori_tok_pattern_load(const struct ori_tok_node *node,
                                struct ori_tok_pattern *ret_pattern, struct ori_error *err);
ori_status ori_tok_pattern_compile(const char *regex, size_t bytes, const char *where,
                                   struct ori_tok_pattern *ret_pattern, struct ori_error *err);
void ori_tok_pattern_close(struct ori_tok_pattern *pattern); /* null-safe, idempotent */

void ori_tok_meter_init(struct ori_tok_meter *meter);
ori_status ori_tok_finder_init(struct ori_tok_finder *finder, const struct ori_tok_pattern *pattern,
                               const char *text, size_t bytes, struct ori_tok_meter *meter,
                               struct ori_error *err);
void ori_tok_finder_deinit(struct ori_tok_finder *finder); /* null-safe, idempotent */
/* The next match, not before the end of the last one; an empty match right behind a match is none.
 * ORI_EOF: there is none. */
ori_status ori_tok_finder_next(struct ori_tok_finder *finder, size_t *ret_begin, size_t *ret_end,
                               struct ori_error *err);
