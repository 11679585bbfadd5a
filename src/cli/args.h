#pragma once
/* cli/args.h: the words behind a verb, sorted into its own options, settings and operands.
 * Options     --name value or --name=value; "--" ends them; a lone "-" is an operand
 * Settings    as flags, unless the verb is bare; yes-or-no ones also --name and --no-name (a word
 *             behind them is taken only when it is one of 1 0 true false yes no on off)
 * Secrets     values of secret settings and options are copied, and overwritten in argv: no longer than
 *             this takes can other users of the machine see them there
 * Ownership   everything else borrows argv; the arrays and those copies are freed by deinit
 * Failure     ORI_USAGE with one line; ORI_NOMEM; nothing is written
 * Threads     plain data */
#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

struct ori_cli_values {
    const char **texts; /* of the verb's options, those of one option together, in order */
    size_t *firsts;     /* of each option, in texts */
    size_t *counts;
    struct ori_setting_flag *flags;
    size_t flags_count;
    char **operands;
    size_t operands_count;
    bool wants_help;
    char **hidden; /* copies of secrets */
    size_t hidden_count;
};

/* argv: what follows the verb. Stops at --help. */
ori_status ori_args_parse(const struct ori_verb *verb, int argc, char **argv,
                          struct ori_cli_values *ret_values, struct ori_error *err);
void ori_args_deinit(struct ori_cli_values *values); /* null-safe, idempotent */
