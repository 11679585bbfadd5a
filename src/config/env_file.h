#pragma once
/* config/env_file.h: the lines of a .env file.
 * Grammar    a line is empty, a # comment, or [export ]NAME=value. A bare value ends at the line's
 *            end or at a # behind a blank, blanks around it dropped. 'single' quotes take \' and
 *            \\, "double" quotes \n \r \t \" \\ and \$; any other backslash stands for itself.
 *            Behind a closing quote only a comment may follow. A quote ends on its line. CRLF and a
 *            byte order mark are fine. $NAME is not filled in. A name given twice: the last counts
 * Hostile    NUL, invalid UTF-8, lines, values and files past their limit are refused
 * Ownership  the rows own their texts until deinit; path and data are borrowed for the call
 * Failure    ORI_BAD_SETTING "PATH:LINE: ...", ORI_NOMEM; nothing is written
 * Threads    pure; any thread */
#include <stddef.h>

#include "util/status.h"

struct ori_env_row {
    const char *name;
    const char *value;
    int line; /* from 1 */
};

struct ori_env_file {
    struct ori_env_row *rows; /* in the file's order */
    size_t count;
    char *texts; /* private */
};

ori_status ori_env_file_parse(const char *path, const char *data, size_t bytes,
                              struct ori_env_file *ret_file, struct ori_error *err);
/* A missing file gives no rows. Also ORI_NOT_READABLE, ORI_NOT_A_FILE, ORI_LIMIT, ORI_IO. */
ori_status ori_env_file_read(const char *path, struct ori_env_file *ret_file,
                             struct ori_error *err);
void ori_env_file_deinit(struct ori_env_file *file); /* null-safe, idempotent */
