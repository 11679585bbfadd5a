#pragma once
/* util/json_text.h: any bytes as a JSON string, where a whole JSON library would be too much.
 * Source   RFC 8259 section 7; DEL and U+0080 to U+009F are escaped as well, so that a line shown
 *          on a terminal cannot steer it; what is not UTF-8 becomes U+FFFD
 * Threads  pure; any thread */
#include <stddef.h>

#include "util/buf.h"

/* Adds the string with its quotes. */
void ori_json_add_text(struct ori_buf *buf, const char *text, size_t bytes);
