/* oriane model: bring models here, look at those that are. */
#include <string.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "cli/model_actions.h"
#include "util/text.h"

static const struct action {
    const char *name;
    bool has_name;
    ori_status (*run)(struct ori_model_verb *verb, const char *operand, struct ori_error *err);
} actions[] = {{"pull", true, ori_model_verb_pull},
               {"list", false, ori_model_verb_list},
               {"info", true, ori_model_verb_info}};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

static enum ori_exit check_words(struct ori_cli *cli, const struct action **ret_action)
{
    if (cli->operands_count == 0)
        return ori_cli_usage(cli, "say what to do: pull, list or info");
    *ret_action = find_action(cli->operands[0]);
    if (!*ret_action)
        return ori_cli_usage(cli, "%s: expected pull, list or info", cli->operands[0]);
    if (cli->operands_count != ((*ret_action)->has_name ? 2 : 1))
        return ori_cli_usage(
            cli, (*ret_action)->has_name ? "%s: give the name of one model" : "%s takes no operand",
            cli->operands[0]);
    if ((*ret_action)->has_name && cli->operands[1][0] == '\0')
        return ori_cli_usage(cli, "%s: the name is empty", cli->operands[0]);
    if ((*ret_action)->has_name && (!ori_text_is_utf8(cli->operands[1], strlen(cli->operands[1])) ||
                                    ori_text_has_control(cli->operands[1])))
        return ori_cli_usage(cli, "%s: the name is no UTF-8 text without control characters",
                             cli->operands[0]);
    return ORI_EXIT_OK;
}

static enum ori_exit run_model(struct ori_cli *cli)
{
    struct ori_model_verb verb = {.cli = cli};
    struct ori_error err = {0};
    const struct action *action = NULL;
    enum ori_exit code = check_words(cli, &action);
    if (code != ORI_EXIT_OK)
        return code;
    ori_status status = ori_session_begin(&verb.session, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = action->run(&verb, action->has_name ? cli->operands[1] : NULL, &err);
    ori_session_end(&verb.session);
    return ori_ending(cli, status, &err);
}

static const struct ori_cli_option options[] = {
    {.name = "json", .kind = ORI_CLI_SWITCH, .doc = "one JSON object on standard output"},
};

const struct ori_verb ori_verb_model = {
    .name = "model",
    .summary = "the models of this machine: bring one here, list them, look at one",
    .usage = "[options] pull NAME[@REVISION] | list | info NAME",
    .description = "pull brings a model from the hub (HF_ENDPOINT) into the cache (HF_HUB_CACHE), "
                   "the one that "
                   "Hugging Face's own tools use; a pull that broke off goes on where it ended. "
                   "list shows what "
                   "is there and whether it can be used. info opens a model, a folder or a "
                   "built-in one too, and "
                   "measures how many pictures a second one thread embeds.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = 2,
    .run = run_model,
};
