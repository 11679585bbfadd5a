#pragma once
/* cli/ending.h: how a verb that works on something says why it ends, in one line with the code.
 * Threads   the main thread */
#include "cli/cli.h"
#include "util/status.h"

/* ORI_OK: says nothing. ORI_CANCELLED: "oriane: interrupted". A failure: "oriane: text [code]". */
enum ori_exit ori_ending(const struct ori_cli *cli, ori_status status, const struct ori_error *err);
