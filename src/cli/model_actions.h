#pragma once
/* cli/model_actions.h: what `oriane model` can do, one file each: model_pull.c, model_list.c,
 * model_info.c; and what they share (model.c).
 * Threads   the main thread */
#include <jansson.h>

#include "cli/cli.h"
#include "util/buf.h"
#include "util/cancel.h"

struct ori_model_verb {
    struct ori_cli *cli;
    struct ori_cancel cancel;
};

/* operand: the model's name; NULL for list. */
ori_status ori_model_verb_pull(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);
ori_status ori_model_verb_list(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);
ori_status ori_model_verb_info(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);

ori_status ori_model_verb_print(struct ori_model_verb *verb, const struct ori_buf *page,
                                struct ori_error *err);
/* Takes json; NULL is memory that ran out. */
ori_status ori_model_verb_print_json(struct ori_model_verb *verb, json_t *json,
                                     struct ori_error *err);
