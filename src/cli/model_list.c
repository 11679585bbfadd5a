/* oriane model list. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/model_actions.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "embed/hub_cache.h"
#include "embed/model_config.h"
#include "embed/model_facts.h"
#include "util/limits.h"

#define COMMIT_SHOWN 12

static const struct ori_table_column columns[] = {
    {"MODEL", false}, {"REVISION", false}, {"COMMIT", false},
    {"SIZE", true},   {"FAMILY", false},   {"USABLE", false},
};

struct list {
    struct ori_table table;
    json_t *models;
};

/* NULL: usable, as far as can be said without loading it. The text may be the one in err. */
static const char *fault_of(const char *folder, struct ori_error *err)
{
    struct ori_model_config config;
    const char *fault = ori_model_folder_fault(folder);
    size_t prefix = strlen(folder);
    if (fault || ori_model_config_load(folder, &config, err) == ORI_OK)
        return fault;
    bool has_folder = strncmp(err->text, folder, prefix) == 0 && err->text[prefix] == ':';
    return err->text + (has_folder ? prefix + strspn(err->text + prefix, ": ") : 0);
}

static ori_status visit(void *self, const struct ori_hub_snapshot *snapshot, struct ori_error *err)
{
    struct list *list = self;
    char family[ORI_MODEL_FAMILY_BYTES];
    char licence[ORI_MODEL_LICENCE_BYTES];
    char commit[COMMIT_SHOWN + 1];
    char size[ORI_PROGRESS_SIZE_BYTES];
    ori_model_folder_family(snapshot->folder, family);
    ori_model_folder_licence(snapshot->folder, licence);
    struct ori_error cause = {0};
    const char *fault = fault_of(snapshot->folder, &cause);
    snprintf(commit, sizeof commit, "%.*s", COMMIT_SHOWN, snapshot->commit);
    ori_progress_size(snapshot->bytes, size);
    const char *cells[] = {snapshot->repo,
                           snapshot->revisions[0] ? snapshot->revisions : "-",
                           commit,
                           size,
                           family[0] ? family : "-",
                           fault ? fault : "yes"};
    ori_table_add(&list->table, cells);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:s?, s:s?, s:b, s:s?}", "name", snapshot->repo, "revisions",
        snapshot->revisions, "commit", snapshot->commit, "folder", snapshot->folder, "bytes",
        (json_int_t)snapshot->bytes, "family", family[0] ? family : NULL, "licence",
        licence[0] ? licence : NULL, "is_usable", fault == NULL, "fault", fault);
    return json_array_append_new(list->models, json) == 0
               ? ORI_OK
               : ori_error_set(err, ORI_NOMEM, "models as JSON");
}

static ori_status print_table(struct ori_model_verb *verb, const struct list *list,
                              const char *cache, struct ori_error *err)
{
    struct ori_buf page;
    ori_status status = ORI_OK;
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    if (list->table.rows == 0)
        ori_buf_printf(&page, "no models in %s\n", cache);
    else
        status =
            ori_table_render(&list->table, ori_table_terminal_width(STDOUT_FILENO), &page, err);
    if (status == ORI_OK)
        status = ori_output_page(&page, &verb->session.cancel, err);
    ori_buf_deinit(&page);
    return status;
}

ori_status ori_model_verb_list(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err)
{
    const char *cache = verb->cli->settings->hf_hub_cache;
    struct list list = {.models = json_array()};
    ori_status status = ORI_OK;
    (void)operand;
    ori_table_init(&list.table, columns, sizeof columns / sizeof columns[0]);
    if (!list.models)
        status = ori_error_set(err, ORI_NOMEM, "models as JSON");
    if (status == ORI_OK)
        status = ori_hub_cache_visit(cache, visit, &list, err);
    if (status == ORI_OK && ori_cli_has(verb->cli, "json"))
        status = ori_output_json(json_pack("{s:s, s:O}", "cache", cache, "models", list.models),
                                 &verb->session.cancel, err);
    else if (status == ORI_OK)
        status = print_table(verb, &list, cache, err);
    json_decref(list.models);
    ori_table_deinit(&list.table);
    return status;
}
