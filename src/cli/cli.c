#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/help.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/text.h"

#define ENV_FILE ".env"

static enum ori_exit run_help(struct ori_cli *cli);
static enum ori_exit run_version(struct ori_cli *cli);

const struct ori_verb ori_verb_help = {
    .name = "help",
    .summary = "what there is, or what a verb takes: oriane help VERB",
    .usage = "[VERB]",
    .operands_max = 1,
    .is_bare = true,
    .run = run_help,
};

const struct ori_verb ori_verb_version = {
    .name = "version",
    .summary = "the version of this program",
    .usage = "",
    .is_bare = true,
    .run = run_version,
};

static const struct ori_verb *const verbs[] = {
#define ORI_VERB_ROW(name) &ori_verb_##name,
#include "cli/verbs_tbl.h"
#undef ORI_VERB_ROW
};

#define VERBS_COUNT (sizeof verbs / sizeof verbs[0])

/* Which of the verb's options that is; asking for another is our own mistake. */
static size_t index_of(const struct ori_cli *cli, const char *name)
{
    size_t i = 0;
    while (i < cli->verb->options_count && strcmp(cli->verb->options[i].name, name) != 0)
        i++;
    ORI_ASSERT(i < cli->verb->options_count);
    return i;
}

bool ori_cli_has(const struct ori_cli *cli, const char *name)
{
    return cli->values->counts[index_of(cli, name)] > 0;
}

const char *const *ori_cli_list(const struct ori_cli *cli, const char *name, size_t *ret_count)
{
    size_t i = index_of(cli, name);
    *ret_count = cli->values->counts[i];
    return cli->values->texts + cli->values->firsts[i];
}

const char *ori_cli_text(const struct ori_cli *cli, const char *name)
{
    size_t count = 0;
    const char *const *texts = ori_cli_list(cli, name, &count);
    return count > 0 ? texts[count - 1] : NULL;
}

int64_t ori_cli_whole(const struct ori_cli *cli, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    const char *text = ori_cli_text(cli, name);
    ORI_ASSERT(!text || ori_text_to_int(text, &value)); /* the parser has checked it */
    return value;
}

static enum ori_exit exit_of(ori_status status)
{
    return status == ORI_USAGE || status == ORI_BAD_SETTING ? ORI_EXIT_USAGE : ORI_EXIT_FAILED;
}

enum ori_exit ori_cli_fail(const struct ori_cli *cli, const struct ori_error *err)
{
    ori_log_say(cli ? &cli->log : NULL, "oriane: %s", err->text);
    return exit_of(err->status);
}

enum ori_exit ori_cli_usage(const struct ori_cli *cli, const char *format, ...)
{
    char text[ORI_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ori_log_say(&cli->log, "oriane %s: %s (oriane %s --help tells more)", cli->verb->name, text,
                cli->verb->name);
    return ORI_EXIT_USAGE;
}

ori_status ori_cli_flush(struct ori_error *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return ORI_OK;
    /* A write that failed earlier left its mark on the stream but not its errno. */
    return ori_error_set_errno(err, errno ? errno : EIO, true, "standard output");
}

static const struct ori_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    }
    return NULL;
}

static enum ori_exit refuse_verb(const char *name)
{
    const char *names[VERBS_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        if (!verbs[i]->is_hidden)
            names[count++] = verbs[i]->name;
    }
    if (name[0] == '-') {
        ori_log_say(NULL, "oriane: %s: options stand behind a verb (oriane --help lists the verbs)",
                    name);
        return ORI_EXIT_USAGE;
    }
    const char *nearest = ori_text_nearest(name, names, count);
    if (nearest)
        ori_log_say(NULL, "oriane: %s: no such verb; did you mean %s?", name, nearest);
    else
        ori_log_say(NULL, "oriane: %s: no such verb (oriane --help lists them)", name);
    return ORI_EXIT_USAGE;
}

/* A page, or what went wrong with it. */
static enum ori_exit print_page(FILE *stream, const struct ori_buf *page)
{
    struct ori_error err = {0};
    if (ori_buf_finish(page, "help", &err) != ORI_OK)
        return ori_cli_fail(NULL, &err);
    fputs(ori_buf_text(page), stream); /* a failure is seen by the flush at the end */
    return ORI_EXIT_OK;
}

static enum ori_exit print_overview(FILE *stream)
{
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    ori_help_overview(verbs, VERBS_COUNT, &page);
    enum ori_exit code = print_page(stream, &page);
    ori_buf_deinit(&page);
    return code;
}

static enum ori_exit print_verb_help(const struct ori_verb *verb)
{
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    ori_help_verb(verb, &page);
    enum ori_exit code = print_page(stdout, &page);
    ori_buf_deinit(&page);
    return code;
}

static enum ori_exit run_help(struct ori_cli *cli)
{
    if (cli->operands_count == 0)
        return print_overview(stdout);
    const struct ori_verb *verb = find_verb(cli->operands[0]);
    return verb ? print_verb_help(verb) : refuse_verb(cli->operands[0]);
}

static enum ori_exit run_version(struct ori_cli *cli)
{
    (void)cli;
    puts("oriane " ORI_VERSION);
    return ORI_EXIT_OK;
}

static ori_status load_settings(struct ori_cli *cli, const char *const *environment,
                                struct ori_error *err)
{
    cli->sources = (struct ori_settings_sources){.flags = cli->values->flags,
                                                 .flags_count = cli->values->flags_count,
                                                 .environment = environment,
                                                 .env_file = ENV_FILE};
    return ori_settings_load(&cli->sources, &cli->settings, err);
}

static void say_warnings(const struct ori_cli *cli)
{
    size_t count = cli->settings ? ori_settings_warning_count(cli->settings) : 0;
    for (size_t i = 0; i < count && ori_log_is_on(&cli->log, ORI_LOG_WARN); i++)
        ori_log_say(&cli->log, "oriane: warning: %s", ori_settings_warning(cli->settings, i));
}

static ori_status open_log(struct ori_cli *cli, struct ori_error *err)
{
    enum ori_log_level level = ORI_LOG_INFO;
    if (cli->settings && !ori_log_level_of(cli->settings->log_level, &level))
        return ori_error_set(err, ORI_INTERNAL, "LOG_LEVEL: the log does not know %s",
                             cli->settings->log_level);
    return ori_log_sink_create(STDERR_FILENO, level, ORI_LOG_AUTO, &cli->log.sink, err);
}

static enum ori_exit run_verb(struct ori_cli *cli, int argc, char **argv,
                              const char *const *environment)
{
    struct ori_error err = {0};
    ori_status status = ori_args_parse(cli->verb, argc, argv, cli->values, &err);
    if (status == ORI_USAGE)
        return ori_cli_usage(cli, "%s", err.text);
    if (status == ORI_OK && cli->values->wants_help)
        return print_verb_help(cli->verb);
    if (status == ORI_OK && !cli->verb->is_bare) {
        status = load_settings(cli, environment, &err);
        if (status != ORI_OK && status != ORI_NOMEM) /* whatever is wrong with .env is usage too */
            err.status = ORI_BAD_SETTING;
    }
    if (status == ORI_OK)
        status = open_log(cli, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    cli->operands = cli->values->operands;
    cli->operands_count = cli->values->operands_count;
    say_warnings(cli);
    return cli->verb->run(cli);
}

static enum ori_exit dispatch(int argc, char **argv, const char *const *environment)
{
    if (argc < 2) {
        print_overview(stderr);
        return ORI_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct ori_verb *verb = find_verb(name);
    if (!verb)
        return refuse_verb(name);
    struct ori_cli_values values = {0};
    struct ori_cli cli = {.verb = verb, .values = &values};
    enum ori_exit code = run_verb(&cli, argc - 2, argv + 2, environment);
    ori_log_sink_destroy(&cli.log.sink);
    ori_settings_destroy(&cli.settings);
    ori_args_deinit(&values);
    return code;
}

int ori_cli_main(int argc, char **argv, const char *const *environment)
{
    struct ori_error err = {0};
    enum ori_exit code = dispatch(argc, argv, environment);
    if (ori_cli_flush(&err) != ORI_OK && code == ORI_EXIT_OK)
        return ori_cli_fail(NULL, &err);
    return code;
}
