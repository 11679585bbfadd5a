#pragma once
/* cli/cli.h: the command line: which verb, its options, the settings, the exit code.
 * A verb      is one const struct ori_verb in its own file and a row of verbs_tbl.h
 * Order       parse, load the settings, make the log, run the verb, flush standard output
 * Exit        0 well, 1 something failed and said what, 2 wrong usage or a bad setting
 * Output      data on stdout by stdio; whether it could be written is looked at after the verb (and
 *             by ori_cli_flush where a verb wants to stop early); everything for people about the
 *             run goes through ori_log_say, so that it never tears the progress line
 * Ownership   whatever the accessors return lives until the verb returns
 * Threads     the main thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "log/log.h"
#include "util/status.h"

enum ori_exit { ORI_EXIT_OK = 0, ORI_EXIT_FAILED = 1, ORI_EXIT_USAGE = 2 };

enum ori_cli_option_kind {
    ORI_CLI_SWITCH, /* --json */
    ORI_CLI_TEXT,   /* --image FILE: the last one counts */
    ORI_CLI_WHOLE,  /* --limit N: a whole number from min to max */
    ORI_CLI_LIST    /* --image A B --image C: takes what follows up to the next option */
};
struct ori_cli_option {
    const char *name; /* without its dashes */
    enum ori_cli_option_kind kind;
    const char *argument; /* how help calls it: "FILE"; NULL for a switch */
    int64_t min;
    int64_t max;
    const char *doc; /* one line */
    bool is_secret;  /* its value is hidden from who looks at the command line */
};

struct ori_cli;
struct ori_verb {
    const char *name;
    const char *summary;     /* one line of `oriane --help` */
    const char *usage;       /* what follows "oriane NAME": "[options] VIDEO|DIR..." */
    const char *description; /* paragraphs of the verb's help; may be NULL */
    const struct ori_cli_option *options;
    size_t options_count;
    size_t operands_max; /* SIZE_MAX: any number */
    bool is_hidden;
    bool is_bare; /* no settings, no .env, no setting flags */
    enum ori_exit (*run)(struct ori_cli *cli);
};

struct ori_cli_values; /* private */
struct ori_cli {
    const struct ori_verb *verb;
    const struct ori_settings *settings; /* NULL for a bare verb, or once the verb took them over */
    struct ori_settings_sources sources; /* where they came from, to read them again */
    struct ori_log log;                  /* its sink is standard error */
    char **operands;                     /* borrowed from argv */
    size_t operands_count;
    struct ori_cli_values *values;
};

/* name: one of the verb's own options, else an assert. */
bool ori_cli_has(const struct ori_cli *cli, const char *name);
const char *ori_cli_text(const struct ori_cli *cli, const char *name); /* NULL when not given */
int64_t ori_cli_whole(const struct ori_cli *cli, const char *name, int64_t otherwise);
const char *const *ori_cli_list(const struct ori_cli *cli, const char *name, size_t *ret_count);

/* Says "oriane: text of err" and gives the exit code that fits its status. */
enum ori_exit ori_cli_fail(const struct ori_cli *cli, const struct ori_error *err);
/* Says "oriane VERB: ..." and where the help is; ORI_EXIT_USAGE. */
enum ori_exit ori_cli_usage(const struct ori_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether all of standard output so far could be written; ORI_IO or ORI_DISK_FULL in err. */
ori_status ori_cli_flush(struct ori_error *err);

/* The whole program but for signals. environment: environ. Returns the exit code. */
int ori_cli_main(int argc, char **argv, const char *const *environment);

#define ORI_VERB_ROW(name) extern const struct ori_verb ori_verb_##name;
#include "cli/verbs_tbl.h"
#undef ORI_VERB_ROW
