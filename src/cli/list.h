#pragma once
/* cli/list.h: a list of videos, read entry by entry.
 * Forms      text    a line each: "platform/code", or that, blanks and a URL (the rest of the line);
 *                    empty lines and those that begin with '#' are passed over
 *            CSV     RFC 4180 with a header that names platform, code and perhaps url, in any order
 *                    and letter case, among others that are ignored; split by ',', ';' or tabs, as
 *                    the header is
 *            JSON    an array of {"platform", "code", "url"}, an object with such an array in
 *                    "items", or objects one behind the other (JSON lines); other keys are ignored
 *            Told apart by how it begins. A UTF-8 BOM, CRLF and a missing last newline are fine
 * Bad entry  told with its line, and the next one follows. A quote of CSV that does not end costs its
 *            own line alone; a JSON array that is broken between its elements ends the list
 * Memory     that of one entry, whatever the list
 * Limits     ORI_LIMIT_MAX_LIST_ENTRY_BYTES, LIST_BYTES
 * Threads    one at a time */
#include <stdbool.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/limits.h"
#include "util/status.h"

enum ori_list_format { ORI_LIST_ANY, ORI_LIST_TEXT, ORI_LIST_CSV, ORI_LIST_JSON };

struct ori_list_row {
    char platform[ORI_LIMIT_MAX_CODE_CHARS + 1];
    char code[ORI_LIMIT_MAX_CODE_CHARS + 1];
    char url[ORI_LIMIT_MAX_URL_BYTES + 1]; /* "": none */
    int64_t line;                          /* where the entry begins, from 1 */
};

struct ori_list;

/* path "-": standard input. NOT_FOUND and its like, NOT_A_FILE for a folder, LIMIT. */
ori_status ori_list_open(const char *path, enum ori_list_format format,
                         const struct ori_cancel *cancel, struct ori_list **ret_list,
                         struct ori_error *err);
/* The same of a descriptor that is open; it stays the caller's and outlives the list. */
ori_status ori_list_open_fd(int fd, enum ori_list_format format, const struct ori_cancel *cancel,
                            struct ori_list **ret_list, struct ori_error *err);
void ori_list_close(struct ori_list **list); /* null-safe, nulls */

/* ORI_OK: a legal row. ORI_EOF: there are no more. ORI_USAGE: an entry that is none, "line 7: ...";
 * the next call goes on behind it. Else the list ends there: BAD_LIST, LIMIT, IO, CANCELLED, NOMEM. */
ori_status ori_list_next(struct ori_list *list, struct ori_list_row *ret_row,
                         struct ori_error *err);

/* How much was read, of how much: 0 when nobody knows, for a pipe. */
void ori_list_progress(const struct ori_list *list, int64_t *ret_bytes, int64_t *ret_bytes_total);

/* Whether platform, code and url (may be "") are what a server takes. ORI_USAGE says which is not. */
ori_status ori_list_check(const char *platform, const char *code, const char *url,
                          struct ori_error *err);
