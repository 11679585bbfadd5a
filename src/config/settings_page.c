#include "config/settings_page.h"

#include <string.h>

#include "config/live.h"
#include "config/setting_rows.h"
#include "util/limits.h"

static const char markdown_head[] =
    "# Settings\n"
    "\n"
    "A command-line flag wins over an environment variable, that over a line of `.env` in the\n"
    "working directory, and that over the default. A bad value stops the start with one line that\n"
    "names the variable, the value and what is allowed. An empty value counts as not set, unless\n"
    "empty is allowed. `oriane config` shows the values in force and where each comes from.\n"
    "\n"
    "A yes-or-no setting may stand alone as a flag: `--local-mode`, `--no-local-mode`. Secrets "
    "are\n"
    "better kept out of flags: a shell remembers them, and until the program hides them, which it "
    "does\n"
    "first of all, other users of a machine can see them.\n"
    "\n"
    "*Live*: `oriane serve` takes a new value on SIGHUP; every other setting needs a restart.\n"
    "\n"
    "*Not used yet*: read, checked and shown, but nothing looks at the value in this version.\n"
    "\n"
    "This page is made by `oriane config --markdown`.\n";

static const char env_head[] =
    "# Settings of oriane: copy to .env, take the # away, change the value.\n"
    "# The environment wins over this file, command-line flags win over both.\n"
    "# (live): `oriane serve` takes a new value on SIGHUP; the others need a restart.\n"
    "# Made by `oriane config --env-example`.\n";

/* Text for a cell of a table: | would end it. */
static void add_cell(struct ori_buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            ori_buf_add(buf, "\\", 1);
        ori_buf_add(buf, text, 1);
    }
}

static void add_allowed(struct ori_buf *buf, enum ori_setting setting)
{
    struct ori_buf text;
    ori_buf_init(&text, buf->bytes_max);
    ori_setting_allowed(setting, &text);
    add_cell(buf, ori_buf_text(&text));
    ori_buf_deinit(&text);
}

/* Where the default is a value and not a description of one. */
static bool has_plain_default(const struct ori_setting_row *row)
{
    return row->default_text[0] != '\0' && row->default_text[0] != '{';
}

static void add_markdown_row(struct ori_buf *buf, enum ori_setting setting)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    char flag[ORI_SETTING_FLAG_BYTES];
    ori_setting_flag(setting, flag);
    const char *tick = has_plain_default(row) ? "`" : "";
    ori_buf_printf(buf, "| `%s` | `--%s` | %s", row->variable, flag, tick);
    ori_setting_default(setting, buf);
    ori_buf_printf(buf, "%s | ", tick);
    add_cell(buf, row->doc);
    if (!row->is_used)
        ori_buf_add_text(buf, " *(not used yet)*");
    if (ori_live_has(setting))
        ori_buf_add_text(buf, " *(live)*");
    ori_buf_add_text(buf, " | ");
    add_allowed(buf, setting);
    ori_buf_add_text(buf, " |\n");
}

void ori_settings_page_markdown(struct ori_buf *buf)
{
    ori_buf_add_text(buf, markdown_head);
    for (int group = 0; group < ORI_SETTING_GROUP_COUNT; group++) {
        ori_buf_printf(buf, "\n## %s\n\n", ori_setting_group_title((enum ori_setting_group)group));
        ori_buf_add_text(buf, "| Variable | Flag | Default | Meaning | Allowed |\n"
                              "|---|---|---|---|---|\n");
        for (int i = 0; i < ORI_SETTING_COUNT; i++) {
            if ((int)ori_setting_row((enum ori_setting)i)->group == group)
                add_markdown_row(buf, (enum ori_setting)i);
        }
    }
}

static void add_env_row(struct ori_buf *buf, enum ori_setting setting)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    ori_buf_printf(buf, "\n# %s%s%s\n# ", row->doc, row->is_used ? "" : " (not used yet)",
                   ori_live_has(setting) ? " (live)" : "");
    ori_setting_allowed(setting, buf);
    if (!has_plain_default(row)) {
        ori_buf_add_text(buf, "; default: ");
        ori_setting_default(setting, buf);
        ori_buf_printf(buf, "\n#%s=", row->variable);
        if (strncmp(row->default_text, "{home}/", 7) == 0) /* empty would be another thing: none */
            ori_setting_default(setting, buf);
        ori_buf_add_text(buf, "\n");
        return;
    }
    const char *quote = strpbrk(row->default_text, " #'\"\\") ? "\"" : "";
    ori_buf_printf(buf, "\n#%s=%s%s%s\n", row->variable, quote, row->default_text, quote);
}

void ori_settings_page_env(struct ori_buf *buf)
{
    ori_buf_add_text(buf, env_head);
    for (int group = 0; group < ORI_SETTING_GROUP_COUNT; group++) {
        ori_buf_printf(buf, "\n# ---- %s ----\n",
                       ori_setting_group_title((enum ori_setting_group)group));
        for (int i = 0; i < ORI_SETTING_COUNT; i++) {
            if ((int)ori_setting_row((enum ori_setting)i)->group == group)
                add_env_row(buf, (enum ori_setting)i);
        }
    }
}
