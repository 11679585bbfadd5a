#pragma once
/* http/multipart.h: a multipart/form-data body, taken apart without being changed.
 * Strict    the first boundary begins the body (a preamble is refused: no form has one), every part
 *           has one Content-Disposition "form-data" with a name, each name comes once, the last
 *           boundary is there and nothing but blanks and line ends follows it
 * Limits    ORI_LIMIT_MAX_FORM_PARTS, _FORM_HEADER_BYTES, _FORM_TEXT_BYTES for a plain field
 * Cost      one pass; memory is the table of parts and the plain fields
 * Ownership the form owns its texts; data are borrowed for the call
 * Threads   plain data
 * Source    RFC 7578, RFC 2046 section 5.1.1 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/limits.h"
#include "util/status.h"

#define ORI_FORM_NAME_BYTES 128
#define ORI_FORM_BOUNDARY_BYTES 71 /* 70 characters, RFC 2046 */

struct ori_form_part {
    char name[ORI_FORM_NAME_BYTES];
    char file_name[256];
    char content_type[128];
    int64_t offset;
    int64_t bytes;
    char *text; /* of a plain field: neither file name nor type; else NULL */
};
struct ori_form {
    size_t count;
    struct ori_form_part *parts;
};

/* The boundary of "multipart/form-data; boundary=..."; false when the type is another one, or the
 * boundary is missing or not legal. */
bool ori_form_boundary(const char *content_type, char ret_boundary[ORI_FORM_BOUNDARY_BYTES]);
/* ORI_USAGE (malformed), ORI_LIMIT, ORI_NOMEM; ret_form is empty then. */
ori_status ori_form_parse(const char *data, size_t bytes, const char *boundary,
                          struct ori_form *ret_form, struct ori_error *err);
void ori_form_deinit(struct ori_form *form); /* null-safe, idempotent on a zeroed form */
const struct ori_form_part *ori_form_find(const struct ori_form *form, const char *name);
