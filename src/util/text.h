#pragma once
/* util/text.h: checks and conversions of text from outside.
 * Numbers   the whole text or nothing: no blanks, no sign twice, no hex, no "inf" or "nan"
 * Failure   false, and nothing is written
 * Threads   pure functions; any thread */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool ori_text_to_int(const char *text, int64_t *ret_value);
bool ori_text_to_real(const char *text, double *ret_value); /* finite; decimal, exponent allowed */
bool ori_text_to_bool(const char *text, bool *ret_value);   /* 1 0 true false yes no on off */
bool ori_text_to_bytes(const char *text, int64_t *ret_value); /* 64, 64k, 64KiB, 8M, 2GiB, 1TB */

/* A short text that ori_text_to_real reads back as the same number: "10", "0.22". */
#define ORI_TEXT_REAL_BYTES 32
void ori_text_of_real(double value, char ret_text[ORI_TEXT_REAL_BYTES]);

bool ori_text_is_utf8(const void *data, size_t bytes); /* RFC 3629: no overlong, no surrogates */
/* Bytes of the valid UTF-8 sequence at data, 1..4; 0 when there is none. bytes > 0. */
size_t ori_text_utf8_step(const void *data, size_t bytes);
bool ori_text_has_control(const char *text); /* bytes below 0x20, or 0x7F */

/* Steps (insert, delete, replace a byte) from one word to the other, letter case ignored;
 * SIZE_MAX when one has more than ORI_LIMIT_MAX_NEAREST_CHARS bytes. */
size_t ori_text_distance(const char *a, const char *b);
/* The one of count names that is nearest to word, or NULL when none is near enough to be meant. */
const char *ori_text_nearest(const char *word, const char *const *names, size_t count);

/* Whether text is 1..128 characters of [A-Za-z0-9._-], not starting with a dot. */
bool ori_text_is_code(const char *text);
/* Makes such a code of any bytes: what is not allowed becomes '_' (a run of them one), a dot at
 * the start too; cut at chars_max, 1..128; "_" when nothing is left. ret_code: chars_max + 1. */
void ori_text_make_code(const char *text, size_t chars_max, char *ret_code);
