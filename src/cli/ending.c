#include "cli/ending.h"

enum ori_exit ori_ending(const struct ori_cli *cli, ori_status status, const struct ori_error *err)
{
    if (status == ORI_OK)
        return ORI_EXIT_OK;
    if (status == ORI_CANCELLED) {
        ori_log_say(&cli->log, "oriane: interrupted");
        return ORI_EXIT_FAILED;
    }
    if (status == ORI_USAGE || status == ORI_BAD_SETTING)
        return ori_cli_fail(cli, err); /* names what to change; a code adds nothing */
    ori_log_say(&cli->log, "oriane: %s [%s]", err->text, ori_status_code(status));
    return ORI_EXIT_FAILED;
}
