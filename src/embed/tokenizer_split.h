#pragma once
/* embed/tokenizer_split.h: the pre-tokenizers of tokenizer.json, a list of steps that cut a text
 * into pieces (and may rewrite them).
 * Call order  load; for each thread: work init; begin, split, read pieces; work deinit; close
 * Threads     the steps are read-only after load, any thread; a work stays on its own
 * Failure     ORI_BAD_MODEL and ORI_UNSUPPORTED_MODEL name the key; ORI_LIMIT past
 *             ORI_LIMIT_MAX_TOKENIZER_TEXT_BYTES; ORI_NOMEM
 * Source      huggingface/tokenizers, pre_tokenizers: same names, same results */
#include <stdbool.h>
#include <stddef.h>

#include "embed/tokenizer_json.h"
#include "embed/tokenizer_pattern.h"
#include "embed/tokenizer_text.h"
#include "util/status.h"

struct ori_tok_splitter; /* one step */
struct ori_tok_splitters {
    struct ori_tok_splitter *steps;
    size_t count;
};
struct ori_tok_cut { /* a stretch of a piece that a pattern matched, or one between matches */
    size_t begin;
    size_t end;
    bool is_match;
};
struct ori_tok_work {
    struct ori_tok_string string; /* that the pieces lie in */
    struct ori_tok_string next_string;
    struct ori_tok_pieces pieces;
    struct ori_tok_pieces next_pieces;
    struct ori_tok_cut *cuts;
    size_t cuts_count;
    size_t cuts_size;
    struct ori_tok_meter meter;
};

/* node: the key pre_tokenizer; there may be none. */
ori_status ori_tok_splitters_load(const struct ori_tok_node *node,
                                  struct ori_tok_splitters *ret_splitters, struct ori_error *err);
/* Words, digits and signs by a pattern, then bytes: what CLIP's tokenizer does. */
ori_status ori_tok_splitters_clip(struct ori_tok_splitters *ret_splitters, struct ori_error *err);
void ori_tok_splitters_close(struct ori_tok_splitters *splitters); /* null-safe, idempotent */

void ori_tok_work_init(struct ori_tok_work *work);
void ori_tok_work_deinit(struct ori_tok_work *work);
/* Makes a part of a string (`part`, borrowed for the call) the one piece of work, and cuts it. */
ori_status ori_tok_split(const struct ori_tok_splitters *splitters, const char *text,
                         const struct ori_tok_piece *part, struct ori_tok_work *work,
                         struct ori_error *err);
