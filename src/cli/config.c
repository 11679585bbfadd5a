/* oriane config: the settings in force, and the pages made from their table. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "config/settings_page.h"
#include "util/limits.h"

/* The value as JSON has it; what must not be shown is a string. NULL when memory ran out. */
static json_t *json_of_value(const struct ori_settings *settings, enum ori_setting setting,
                             const char *shown)
{
    const void *field = ori_settings_field(settings, setting);
    switch (ori_setting_row(setting)->kind) {
    case ORI_SETTING_KIND_BOOL:
        return json_boolean(*(const bool *)field);
    case ORI_SETTING_KIND_INT:
    case ORI_SETTING_KIND_BYTES:
        return json_integer(*(const int64_t *)field);
    case ORI_SETTING_KIND_REAL:
        return json_real(*(const double *)field);
    case ORI_SETTING_KIND_STRING:
    case ORI_SETTING_KIND_CHOICE:
    case ORI_SETTING_KIND_SECRET:
    case ORI_SETTING_KIND_CROPDETECT:
        return json_string(shown);
    }
    return NULL;
}

static ori_status add_json(json_t *all, const struct ori_settings *settings,
                           enum ori_setting setting, struct ori_error *err)
{
    const struct ori_setting_row *row = ori_setting_row(setting);
    struct ori_buf shown;
    ori_buf_init(&shown, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    ori_settings_show(settings, setting, &shown);
    json_t *one = NULL;
    if (shown.status == ORI_OK)
        one = json_pack("{s:o, s:s, s:b}", "value",
                        json_of_value(settings, setting, ori_buf_text(&shown)), "origin",
                        ori_setting_origin_text(ori_settings_origin(settings, setting)), "used",
                        row->is_used);
    ori_buf_deinit(&shown);
    if (!one || json_object_set_new(all, row->variable, one) != 0)
        return ori_error_set(err, ORI_NOMEM, "settings as JSON");
    return ORI_OK;
}

static ori_status print_json(const struct ori_settings *settings, struct ori_error *err)
{
    ori_status status = ORI_OK;
    char *text = NULL;
    json_t *all = json_object();
    if (!all)
        return ori_error_set(err, ORI_NOMEM, "settings as JSON");
    for (int i = 0; i < ORI_SETTING_COUNT && status == ORI_OK; i++)
        status = add_json(all, settings, (enum ori_setting)i, err);
    if (status == ORI_OK) {
        text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        if (text)
            puts(text);
        else
            status = ori_error_set(err, ORI_NOMEM, "settings as JSON");
    }
    free(text);
    json_decref(all);
    return status;
}

static ori_status print_table(const struct ori_settings *settings, struct ori_error *err)
{
    struct ori_buf shown;
    ori_status status = ORI_OK;
    ori_buf_init(&shown, 4 * ORI_LIMIT_MAX_SETTING_BYTES);
    printf("%-29s %-29s %s\n", "NAME", "VALUE", "ORIGIN");
    for (int i = 0; i < ORI_SETTING_COUNT && status == ORI_OK; i++) {
        enum ori_setting setting = (enum ori_setting)i;
        const struct ori_setting_row *row = ori_setting_row(setting);
        ori_buf_clear(&shown);
        ori_settings_show(settings, setting, &shown);
        status = ori_buf_finish(&shown, row->variable, err);
        printf("%-29s %-29s %s%s\n", row->variable, ori_buf_text(&shown),
               ori_setting_origin_text(ori_settings_origin(settings, setting)),
               row->is_used ? "" : "  (not used yet)");
    }
    ori_buf_deinit(&shown);
    return status;
}

static ori_status print_page(void (*make)(struct ori_buf *buf), struct ori_error *err)
{
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_SETTINGS_PAGE_BYTES);
    make(&page);
    ori_status status = ori_buf_finish(&page, "page of the settings", err);
    if (status == ORI_OK)
        fputs(ori_buf_text(&page), stdout);
    ori_buf_deinit(&page);
    return status;
}

static enum ori_exit run_config(struct ori_cli *cli)
{
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    if (ori_cli_has(cli, "json") + ori_cli_has(cli, "markdown") + ori_cli_has(cli, "env-example") >
        1)
        return ori_cli_usage(cli, "--json, --markdown and --env-example go one at a time");
    if (ori_cli_has(cli, "json"))
        status = print_json(cli->settings, &err);
    else if (ori_cli_has(cli, "markdown"))
        status = print_page(ori_settings_page_markdown, &err);
    else if (ori_cli_has(cli, "env-example"))
        status = print_page(ori_settings_page_env, &err);
    else
        status = print_table(cli->settings, &err);
    return status == ORI_OK ? ORI_EXIT_OK : ori_cli_fail(cli, &err);
}

static const struct ori_cli_option options[] = {
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc =
         "one JSON object: {\"NAME\": {\"value\": ..., \"origin\": \"default\", \"used\": true}}"},
    {.name = "markdown", .kind = ORI_CLI_SWITCH, .doc = "the reference page, docs/settings.md"},
    {.name = "env-example", .kind = ORI_CLI_SWITCH, .doc = "the example file, .env.example"},
};

const struct ori_verb ori_verb_config = {
    .name = "config",
    .summary = "show every setting, its value and where it comes from",
    .usage = "[options]",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .run = run_config,
};
