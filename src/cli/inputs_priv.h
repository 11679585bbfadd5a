#pragma once
/* cli/inputs_priv.h: what files, folders and what is far away share; for src/cli/inputs*.c alone. */
#include "cli/inputs.h"
#include "util/id_set.h"

struct ori_inputs_level; /* inputs.c: one folder on the way down */

/* What collecting keeps beside the rows. */
struct ori_inputs_collector {
    const struct ori_inputs_options *options;
    struct ori_inputs *inputs;
    size_t room;
    size_t *table; /* index of a row + 1; 0: free */
    size_t table_size;
    struct ori_id_set folders; /* entered before, by device and inode */
    struct ori_id_set remotes; /* platform and code of what is far away */
    struct ori_inputs_level *levels;
    size_t depth;
};

/* A row, unless its path is there already. cause: NULL for a video to try. *ret_row: the new one,
 * until the next; NULL when there is none; may be NULL. */
ori_status ori_inputs_add(struct ori_inputs_collector *collector, const char *path,
                          const char *shown, const struct ori_error *cause,
                          struct ori_input **ret_row, struct ori_error *err);

/* An operand that is a URL. */
ori_status ori_inputs_collect_remote(struct ori_inputs_collector *collector, const char *operand,
                                     struct ori_error *err);
