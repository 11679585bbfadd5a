#pragma once
/* config/setting_value.h: one value of any kind, from text and back.
 * Promise   what write makes of a value, read takes for the same value
 * Threads   pure functions; any thread */
#include <stdbool.h>

#include "config/setting_rows.h"
#include "util/buf.h"
#include "util/status.h"

#define ORI_CROPDETECT_LIMIT_MAX 255
#define ORI_CROPDETECT_ROUND_MAX 1024
#define ORI_CROPDETECT_RESET_MAX 1000000

/* Reads text into field, an object of the C type of the row's kind. A STRING, CHOICE or SECRET
 * points into *ret_copy, malloc'ed, the caller's; it is NULL for the other kinds. ORI_BAD_SETTING
 * when the row does not allow the text, ORI_NOMEM: then nothing is written. */
ori_status ori_setting_value_read(const struct ori_setting_row *row, const char *text, void *field,
                                  char **ret_copy);

/* Whether an empty text is a value of its own here, and not the lack of one. */
bool ori_setting_value_may_be_empty(const struct ori_setting_row *row);

/* Secrets open. */
void ori_setting_value_write(const struct ori_setting_row *row, const void *field,
                             struct ori_buf *buf);
