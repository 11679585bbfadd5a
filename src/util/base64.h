#pragma once
/* util/base64.h: bytes as base64 text and back.
 * Source   RFC 4648 section 4, padding included; nothing else is read: no blanks, no torn ends, no
 *          bits behind the last byte
 * Threads  pure; any thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

void ori_base64_add(struct ori_buf *buf, const void *data, size_t bytes);
/* False, and nothing is promised of ret_data, when text is not base64 or gives over bytes_max. */
bool ori_base64_read(const char *text, size_t length, uint8_t *ret_data, size_t bytes_max,
                     size_t *ret_bytes);
