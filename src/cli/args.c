#include "cli/args.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/text.h"

struct given { /* one occurrence of an own option */
    size_t option;
    const char *text; /* NULL for a switch */
};

struct parse {
    const struct ori_verb *verb;
    int argc;
    char **argv;
    int at; /* the next word */
    struct given *given;
    size_t given_count;
    struct ori_cli_values values;
    struct ori_error *err;
};

/* A word "--name" or "--name=value", taken apart. */
struct word {
    char name[ORI_SETTING_FLAG_BYTES];
    const char *value; /* behind "=", or NULL */
};

static ori_status split_word(struct parse *parse, const char *text, struct word *ret_word)
{
    const char *name = text + 2;
    size_t bytes = strcspn(name, "=");
    if (bytes == 0 || bytes >= sizeof ret_word->name)
        return ori_error_set(parse->err, ORI_USAGE, "%s: no such option", text);
    memcpy(ret_word->name, name, bytes);
    ret_word->name[bytes] = '\0';
    ret_word->value = name[bytes] == '=' ? name + bytes + 1 : NULL;
    return ORI_OK;
}

static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] == '-';
}

/* The value of an option: behind its "=", or the next word. */
static ori_status take_value(struct parse *parse, const struct word *word, const char **ret_text)
{
    if (word->value) {
        *ret_text = word->value;
        return ORI_OK;
    }
    if (parse->at >= parse->argc || is_option(parse->argv[parse->at]))
        return ori_error_set(parse->err, ORI_USAGE, "--%s: a value is missing", word->name);
    *ret_text = parse->argv[parse->at++];
    return ORI_OK;
}

static void add_given(struct parse *parse, size_t option, const char *text)
{
    parse->given[parse->given_count++] = (struct given){.option = option, .text = text};
}

static void take_list_rest(struct parse *parse, size_t option)
{
    while (parse->at < parse->argc && !is_option(parse->argv[parse->at]))
        add_given(parse, option, parse->argv[parse->at++]);
}

static ori_status check_whole(struct parse *parse, const struct ori_cli_option *option,
                              const char *text)
{
    int64_t value = 0;
    if (ori_text_to_int(text, &value) && value >= option->min && value <= option->max)
        return ORI_OK;
    return ori_error_set(parse->err, ORI_USAGE,
                         "--%s=%s: expected a whole number from %lld to %lld", option->name, text,
                         (long long)option->min, (long long)option->max);
}

static ori_status take_own(struct parse *parse, size_t index, const struct word *word)
{
    const struct ori_cli_option *option = &parse->verb->options[index];
    if (option->kind == ORI_CLI_SWITCH) {
        if (word->value)
            return ori_error_set(parse->err, ORI_USAGE, "--%s takes no value", word->name);
        add_given(parse, index, NULL);
        return ORI_OK;
    }
    const char *text = NULL;
    ori_status status = take_value(parse, word, &text);
    if (status == ORI_OK && option->kind == ORI_CLI_WHOLE)
        status = check_whole(parse, option, text);
    if (status != ORI_OK)
        return status;
    add_given(parse, index, text);
    if (option->kind == ORI_CLI_LIST && !word->value)
        take_list_rest(parse, index);
    return ORI_OK;
}

static ori_status take_setting(struct parse *parse, enum ori_setting setting,
                               const struct word *word, bool is_negated)
{
    const char *text = NULL;
    bool ignored = false;
    if (ori_setting_row(setting)->kind == ORI_SETTING_KIND_BOOL && !word->value) {
        text = is_negated ? "0" : "1";
        if (!is_negated && parse->at < parse->argc &&
            ori_text_to_bool(parse->argv[parse->at], &ignored))
            text = parse->argv[parse->at++];
    } else {
        ori_status status = take_value(parse, word, &text);
        if (status != ORI_OK)
            return status;
    }
    parse->values.flags[parse->values.flags_count++] =
        (struct ori_setting_flag){.setting = setting, .text = text};
    return ORI_OK;
}

/* "no-local-mode": the yes-or-no setting behind it. */
static bool find_negated(const char *name, enum ori_setting *ret_setting)
{
    return strncmp(name, "no-", 3) == 0 && ori_setting_find_flag(name + 3, ret_setting) &&
           ori_setting_row(*ret_setting)->kind == ORI_SETTING_KIND_BOOL;
}

static ori_status refuse_unknown(struct parse *parse, const struct word *word)
{
    char flags[ORI_SETTING_COUNT][ORI_SETTING_FLAG_BYTES];
    const char *names[ORI_SETTING_COUNT + ORI_LIMIT_MAX_CLI_OPTIONS];
    size_t count = 0;
    for (size_t i = 0; i < parse->verb->options_count; i++)
        names[count++] = parse->verb->options[i].name;
    for (int i = 0; i < ORI_SETTING_COUNT && !parse->verb->is_bare; i++) {
        ori_setting_flag((enum ori_setting)i, flags[i]);
        names[count++] = flags[i];
    }
    const char *nearest = ori_text_nearest(word->name, names, count);
    return ori_error_set(parse->err, ORI_USAGE, "--%s: no such option%s%s%s", word->name,
                         nearest ? "; did you mean --" : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

static ori_status take_option(struct parse *parse, const char *text)
{
    struct word word = {0};
    enum ori_setting setting = 0;
    ori_status status = split_word(parse, text, &word);
    if (status != ORI_OK)
        return status;
    for (size_t i = 0; i < parse->verb->options_count; i++) {
        if (strcmp(parse->verb->options[i].name, word.name) == 0)
            return take_own(parse, i, &word);
    }
    if (!parse->verb->is_bare) {
        if (ori_setting_find_flag(word.name, &setting))
            return take_setting(parse, setting, &word, false);
        if (!word.value && find_negated(word.name, &setting))
            return take_setting(parse, setting, &word, true);
    }
    return refuse_unknown(parse, &word);
}

static ori_status take_operand(struct parse *parse, char *text)
{
    if (parse->values.operands_count == parse->verb->operands_max)
        return ori_error_set(parse->err, ORI_USAGE, "%s: one word too many", text);
    parse->values.operands[parse->values.operands_count++] = text;
    return ORI_OK;
}

static ori_status take_words(struct parse *parse)
{
    ori_status status = ORI_OK;
    bool has_ended = false; /* by "--" */
    while (parse->at < parse->argc && status == ORI_OK) {
        char *text = parse->argv[parse->at++];
        if (has_ended || text[0] != '-' || text[1] == '\0') {
            status = take_operand(parse, text);
        } else if (strcmp(text, "--") == 0) {
            has_ended = true;
        } else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            parse->values.wants_help = true;
            return ORI_OK;
        } else if (is_option(text)) {
            status = take_option(parse, text);
        } else {
            status = ori_error_set(parse->err, ORI_USAGE, "%s: no such option", text);
        }
    }
    return status;
}

/* Puts the occurrences of each option together. */
static void sort_given(struct parse *parse)
{
    size_t used = 0;
    for (size_t i = 0; i < parse->verb->options_count; i++) {
        parse->values.firsts[i] = used;
        for (size_t k = 0; k < parse->given_count; k++) {
            if (parse->given[k].option == i)
                parse->values.texts[used++] = parse->given[k].text;
        }
        parse->values.counts[i] = used - parse->values.firsts[i];
    }
}

/* A text of argv becomes a copy of our own, and asterisks to whoever looks at the command line. */
static ori_status hide(struct ori_cli_values *values, const char **text, struct ori_error *err)
{
    char *shown = (char *)*text; /* argv is the program's to write */
    char *copy = strdup(*text);
    if (!copy)
        return ori_error_set(err, ORI_NOMEM, "command line");
    memset(shown, '*', strlen(shown));
    values->hidden[values->hidden_count++] = copy;
    *text = copy;
    return ORI_OK;
}

static ori_status hide_secrets(struct parse *parse)
{
    struct ori_cli_values *values = &parse->values;
    ori_status status = ORI_OK;
    for (size_t i = 0; i < values->flags_count && status == ORI_OK; i++) {
        struct ori_setting_flag *flag = &values->flags[i];
        if (ori_setting_row(flag->setting)->kind == ORI_SETTING_KIND_SECRET)
            status = hide(values, &flag->text, parse->err);
    }
    for (size_t i = 0; i < parse->verb->options_count; i++) {
        for (size_t k = 0; k < values->counts[i] && status == ORI_OK; k++) {
            if (parse->verb->options[i].is_secret)
                status = hide(values, &values->texts[values->firsts[i] + k], parse->err);
        }
    }
    return status;
}

static bool allocate(struct parse *parse)
{
    struct ori_cli_values *values = &parse->values;
    size_t words = (size_t)parse->argc + 1; /* never 0 */
    size_t options = parse->verb->options_count + 1;
    parse->given = calloc(words, sizeof parse->given[0]);
    values->texts = calloc(words, sizeof values->texts[0]);
    values->flags = calloc(words, sizeof values->flags[0]);
    values->operands = calloc(words, sizeof values->operands[0]);
    values->hidden = calloc(words, sizeof values->hidden[0]);
    values->firsts = calloc(options, sizeof values->firsts[0]);
    values->counts = calloc(options, sizeof values->counts[0]);
    return parse->given && values->texts && values->flags && values->operands && values->firsts &&
           values->counts && values->hidden;
}

ori_status ori_args_parse(const struct ori_verb *verb, int argc, char **argv,
                          struct ori_cli_values *ret_values, struct ori_error *err)
{
    ORI_ASSERT(verb->options_count <= ORI_LIMIT_MAX_CLI_OPTIONS);
    struct parse parse = {.verb = verb, .argc = argc, .argv = argv, .err = err};
    ori_status status = ORI_OK;
    if (!allocate(&parse)) {
        status = ori_error_set(err, ORI_NOMEM, "command line");
        goto out;
    }
    status = take_words(&parse);
    if (status != ORI_OK)
        goto out;
    sort_given(&parse);
    status = hide_secrets(&parse);
    if (status != ORI_OK)
        goto out;
    *ret_values = parse.values;
    parse.values = (struct ori_cli_values){0};
out:
    free(parse.given);
    ori_args_deinit(&parse.values);
    return status;
}

void ori_args_deinit(struct ori_cli_values *values)
{
    if (!values)
        return;
    free(values->texts);
    free(values->firsts);
    free(values->counts);
    free(values->flags);
    free(values->operands);
    for (size_t i = 0; i < values->hidden_count; i++) {
        explicit_bzero(values->hidden[i], strlen(values->hidden[i]));
        free(values->hidden[i]);
    }
    free(values->hidden);
    *values = (struct ori_cli_values){0};
}
