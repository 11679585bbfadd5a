#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 96
#define DOC_COLUMN 6

/* Adds text word by word in lines of COLUMNS, each begun with `indent` blanks. */
static void add_wrapped(struct ori_buf *buf, size_t indent, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t bytes = strcspn(text, " \n");
        if (column > 0 && column + 1 + bytes > COLUMNS) {
            ori_buf_add_text(buf, "\n");
            column = 0;
        }
        if (column == 0) {
            ori_buf_printf(buf, "%*s", (int)indent, "");
            column = indent;
        } else {
            ori_buf_add_text(buf, " ");
            column++;
        }
        ori_buf_add(buf, text, bytes);
        column += bytes; /* bytes, not columns: the tables' texts are ASCII */
        text += bytes;
        if (*text == '\n') { /* a paragraph's own line break */
            ori_buf_add_text(buf, "\n");
            column = 0;
        }
        text += *text != '\0';
    }
    if (column > 0)
        ori_buf_add_text(buf, "\n");
}

void ori_help_overview(const struct ori_verb *const *verbs, size_t count, struct ori_buf *buf)
{
    ori_buf_add_text(buf, "oriane turns videos into searchable frames.\n\nUsage: oriane VERB "
                          "[options] ...\n\nVerbs:\n");
    for (size_t i = 0; i < count; i++) {
        if (!verbs[i]->is_hidden)
            ori_buf_printf(buf, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    }
    ori_buf_add_text(buf, "\n`oriane VERB --help` tells a verb's options and the settings.\n");
}

static void add_option(struct ori_buf *buf, const struct ori_cli_option *option)
{
    ori_buf_printf(buf, "  --%s", option->name);
    if (option->argument)
        ori_buf_printf(buf, " %s%s", option->argument, option->kind == ORI_CLI_LIST ? "..." : "");
    ori_buf_add_text(buf, "\n");
    add_wrapped(buf, DOC_COLUMN, option->doc);
}

static const char *argument_of(enum ori_setting_kind kind)
{
    switch (kind) {
    case ORI_SETTING_KIND_BOOL:
        return "";
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_REAL:
        return " NUMBER";
    case ORI_SETTING_KIND_BYTES:
        return " BYTES";
    case ORI_SETTING_KIND_CHOICE:
        return " WORD";
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_SECRET:
        return " TEXT";
    case ORI_SETTING_KIND_CROPDETECT:
        return " L:R:R";
    }
    return "";
}

/* Bounds of texts tell nobody anything: they are on the reference page. */
static bool has_telling_bounds(enum ori_setting_kind kind)
{
    return kind != ORI_SETTING_KIND_STRING && kind != ORI_SETTING_KIND_SECRET &&
           kind != ORI_SETTING_KIND_BOOL;
}

static void add_setting(struct ori_buf *buf, enum ori_setting setting)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    char flag[ORI_SETTING_FLAG_BYTES];
    struct ori_buf doc;
    ori_setting_flag(setting, flag);
    ori_buf_printf(buf, "  --%s%s", flag, argument_of(row->kind));
    if (row->kind == ORI_SETTING_KIND_BOOL)
        ori_buf_printf(buf, ", --no-%s", flag);
    ori_buf_printf(buf, "  [%s]\n", row->variable);
    ori_buf_init(&doc, buf->bytes_max);
    ori_buf_printf(&doc, "%s; ", row->doc);
    if (has_telling_bounds(row->kind)) {
        ori_setting_allowed(setting, &doc);
        ori_buf_add_text(&doc, "; ");
    }
    ori_buf_add_text(&doc, "default: ");
    ori_setting_default(setting, &doc);
    add_wrapped(buf, DOC_COLUMN, ori_buf_text(&doc));
    ori_buf_deinit(&doc);
}

static bool has_used_settings(enum ori_setting_group group)
{
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        const struct ori_setting_row *row = ori_setting_row((enum ori_setting)i);
        if (row->group == group && row->is_used)
            return true;
    }
    return false;
}

static void add_used_settings(struct ori_buf *buf)
{
    for (int group = 0; group < ORI_SETTING_GROUP_COUNT; group++) {
        if (!has_used_settings((enum ori_setting_group)group))
            continue;
        ori_buf_printf(buf, "\n%s:\n", ori_setting_group_title((enum ori_setting_group)group));
        for (int i = 0; i < ORI_SETTING_COUNT; i++) {
            const struct ori_setting_row *row = ori_setting_row((enum ori_setting)i);
            if ((int)row->group == group && row->is_used)
                add_setting(buf, (enum ori_setting)i);
        }
    }
}

static void add_later_settings(struct ori_buf *buf)
{
    struct ori_buf names;
    ori_buf_init(&names, buf->bytes_max);
    for (int i = 0; i < ORI_SETTING_COUNT; i++) {
        char flag[ORI_SETTING_FLAG_BYTES];
        if (ori_setting_row((enum ori_setting)i)->is_used)
            continue;
        ori_setting_flag((enum ori_setting)i, flag);
        ori_buf_printf(&names, "%s--%s", names.used ? " " : "", flag);
    }
    if (names.used > 0) {
        ori_buf_add_text(buf, "\nRead and checked, but not used yet:\n");
        add_wrapped(buf, 2, ori_buf_text(&names));
    }
    ori_buf_deinit(&names);
}

void ori_help_verb(const struct ori_verb *verb, struct ori_buf *buf)
{
    ori_buf_printf(buf, "Usage: oriane %s%s%s\n\n", verb->name, verb->usage[0] ? " " : "",
                   verb->usage);
    add_wrapped(buf, 0, verb->summary);
    if (verb->description) {
        ori_buf_add_text(buf, "\n");
        add_wrapped(buf, 0, verb->description);
    }
    ori_buf_add_text(buf, "\nOptions:\n");
    for (size_t i = 0; i < verb->options_count; i++)
        add_option(buf, &verb->options[i]);
    ori_buf_add_text(buf, "  --help\n");
    add_wrapped(buf, DOC_COLUMN, "this text");
    if (verb->is_bare)
        return;
    ori_buf_add_text(buf, "\n");
    add_wrapped(buf, 0,
                "Settings. Each is a flag here or the variable in brackets, in the environment or "
                "in a .env file of the working directory; flags win over the environment, that "
                "over .env. --out is short for --output-dir.");
    add_used_settings(buf);
    add_later_settings(buf);
}
