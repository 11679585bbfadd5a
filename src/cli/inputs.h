#pragma once
/* cli/inputs.h: what the operands of `oriane run` stand for: a list of videos to try.
 * Files      named files are always tried, whatever they are
 * Folders    searched in byte order, by the names' endings; hidden entries and output folders on
 *            the way are left out; links are followed, each folder is entered once; a link that
 *            leads back into a folder on the way to it is an error of its own, and the rest goes on
 * S3         s3://bucket/key is an object, s3://bucket/prefix/ all below it that are called like
 *            videos, in byte order, hidden ones left out. Two objects that would have one platform and
 *            code: the second is an error of its own
 * URLs       https://… and http://… are taken as they are: nothing is asked here
 * Twice      a file that is met twice by its absolute path is one video. Links among the folders of
 *            a path are resolved, the last name is kept: it gives the video its code
 * Errors     what cannot be searched or found is a row with a status, not the end of all
 * Ownership  the list owns its texts
 * Limits     ORI_LIMIT_MAX_INPUTS, FOLDER_DEPTH, FOLDER_ENTRIES
 * Threads    plain data; one thread at a time */
#include <stdbool.h>
#include <stddef.h>

#include "util/cancel.h"
#include "util/status.h"

struct ori_s3;

enum ori_input_kind { ORI_INPUT_FILE, ORI_INPUT_OBJECT, ORI_INPUT_URL };
struct ori_input {
    enum ori_input_kind kind;
    char *path;     /* absolute, as far as it can be found out; of what is far away its URL */
    char *shown;    /* as a person wrote it, or how it is reached from there */
    char *platform; /* of an object; NULL: not known yet, or "local" */
    char *code;     /* likewise */
    ori_status status;
    char *message; /* NULL when status is ORI_OK */
};
struct ori_inputs {
    struct ori_input *rows;
    size_t count;
};

struct ori_inputs_options {
    const char *const *operands;
    size_t operands_count;
    const char *const *skip_folders; /* not searched; need not exist */
    size_t skip_folders_count;
    struct ori_s3 *s3; /* NULL: s3:// is an error */
    const struct ori_cancel *cancel;
};

/* ORI_OK with a list, which may hold errors; ORI_CANCELLED, ORI_NOMEM, ORI_LIMIT. */
ori_status ori_inputs_collect(const struct ori_inputs_options *options,
                              struct ori_inputs *ret_inputs, struct ori_error *err);
void ori_inputs_deinit(struct ori_inputs *inputs); /* idempotent */

/* Does the name end like a video's? "a.MP4", "b.webm". */
bool ori_inputs_is_video_name(const char *name);
