#pragma once
/* cli/model_actions.h: what `oriane model` can do, one file each: model_pull.c, model_list.c,
 * model_info.c.
 * Threads   the main thread */
#include "cli/cli.h"
#include "cli/session.h"

struct ori_model_verb {
    struct ori_cli *cli;
    struct ori_session session;
};

/* operand: the model's name; NULL for list. */
ori_status ori_model_verb_pull(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);
ori_status ori_model_verb_list(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);
ori_status ori_model_verb_info(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err);
