#pragma once
/* util/json_out.h: JSON written as it comes, for answers too long for a tree of values.
 * Call order  begin and end in pairs; in an object each value has a key, in an array key is NULL.
 *             The comma between two values is put by itself. The buf is asked once, at its end
 * Keys        this program's own words, written as they are; texts are escaped
 *             (util/json_text.h)
 * Source      RFC 8259
 * Threads     plain data; one thread at a time */
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

void ori_json_begin_object(struct ori_buf *buf, const char *key);
void ori_json_end_object(struct ori_buf *buf);
void ori_json_begin_array(struct ori_buf *buf, const char *key);
void ori_json_end_array(struct ori_buf *buf);

void ori_json_put_text(struct ori_buf *buf, const char *key, const char *text); /* NULL: null */
void ori_json_put_whole(struct ori_buf *buf, const char *key, int64_t value);
void ori_json_put_real(struct ori_buf *buf, const char *key, double value); /* not finite: null */
void ori_json_put_bool(struct ori_buf *buf, const char *key, bool value);
void ori_json_put_null(struct ori_buf *buf, const char *key);
/* json: one value, well formed. */
void ori_json_put_raw(struct ori_buf *buf, const char *key, const char *json);
