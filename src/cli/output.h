#pragma once
/* cli/output.h: data to standard output, where a reader that does not read must not hold up Ctrl-C.
 * Threads   the main thread */
#include <jansson.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/cancel.h"
#include "util/status.h"

/* All of it, behind what stdio still holds; waits for the reader until the token is set.
 * ORI_OK, ORI_CANCELLED, or why it cannot be written. */
ori_status ori_output_write(const char *data, size_t bytes, const struct ori_cancel *cancel,
                            struct ori_error *err);
/* The same of a page, if all of it went in. */
ori_status ori_output_page(const struct ori_buf *page, const struct ori_cancel *cancel,
                           struct ori_error *err);
/* JSON and a newline. Takes json; NULL is memory that ran out while it was made. */
ori_status ori_output_json(json_t *json, const struct ori_cancel *cancel, struct ori_error *err);
