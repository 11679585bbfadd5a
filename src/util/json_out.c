#include "util/json_out.h"

#include <math.h>
#include <string.h>

#include "util/json_text.h"
#include "util/text.h"

#define WHOLE_DIGITS 20 /* of -9223372036854775808 */

#define KEY_BYTES 64 /* a longer key is written in pieces */

/* Behind an opening bracket, a colon or nothing no comma belongs. A text ends with its quote, so the
 * last byte cannot be one of its own. */
static bool needs_comma(const struct ori_buf *buf)
{
    char last = buf->used > 0 ? buf->data[buf->used - 1] : '[';
    return last != '{' && last != '[' && last != ':';
}

/* The comma, the key and its colon in one piece: an answer is mostly keys. */
static void begin_value(struct ori_buf *buf, const char *key)
{
    char piece[KEY_BYTES + 4];
    size_t used = 0;
    size_t bytes = key ? strlen(key) : 0;
    if (needs_comma(buf))
        piece[used++] = ',';
    if (key)
        piece[used++] = '"';
    if (bytes > KEY_BYTES) {
        ori_buf_add(buf, piece, used);
        ori_buf_add(buf, key, bytes);
        used = 0;
    } else if (bytes > 0) {
        memcpy(piece + used, key, bytes);
        used += bytes;
    }
    if (key) {
        piece[used++] = '"';
        piece[used++] = ':';
    }
    ori_buf_add(buf, piece, used);
}

void ori_json_begin_object(struct ori_buf *buf, const char *key)
{
    begin_value(buf, key);
    ori_buf_add(buf, "{", 1);
}

void ori_json_end_object(struct ori_buf *buf)
{
    ori_buf_add(buf, "}", 1);
}

void ori_json_begin_array(struct ori_buf *buf, const char *key)
{
    begin_value(buf, key);
    ori_buf_add(buf, "[", 1);
}

void ori_json_end_array(struct ori_buf *buf)
{
    ori_buf_add(buf, "]", 1);
}

void ori_json_put_text(struct ori_buf *buf, const char *key, const char *text)
{
    if (!text) {
        ori_json_put_null(buf, key);
        return;
    }
    begin_value(buf, key);
    ori_json_add_text(buf, text, strlen(text));
}

void ori_json_put_whole(struct ori_buf *buf, const char *key, int64_t value)
{
    char digits[WHOLE_DIGITS];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    begin_value(buf, key);
    ori_buf_add(buf, digits + at, sizeof digits - at);
}

void ori_json_put_real(struct ori_buf *buf, const char *key, double value)
{
    char text[ORI_TEXT_REAL_BYTES];
    if (!isfinite(value)) {
        ori_json_put_null(buf, key);
        return;
    }
    ori_text_of_real(value, text);
    begin_value(buf, key);
    ori_buf_add_text(buf, text);
}

void ori_json_put_bool(struct ori_buf *buf, const char *key, bool value)
{
    ori_json_put_raw(buf, key, value ? "true" : "false");
}

void ori_json_put_null(struct ori_buf *buf, const char *key)
{
    ori_json_put_raw(buf, key, "null");
}

void ori_json_put_raw(struct ori_buf *buf, const char *key, const char *json)
{
    begin_value(buf, key);
    ori_buf_add_text(buf, json);
}
