#pragma once
/* http/json_body.h: JSON from outside, bounded before it is parsed.
 * Why       jansson recurses up to 2,048 levels and needs up to 250 bytes of memory for a value that
 *           takes two of text: depth and values are counted first, without memory, and only what is
 *           within ORI_LIMIT_MAX_JSON_DEPTH and ORI_LIMIT_MAX_JSON_VALUES is parsed
 * Strict    no duplicate keys, no NUL, no bad UTF-8, nothing behind the value
 * Threads   any */
#include <jansson.h>
#include <stddef.h>

#include "util/status.h"

/* ORI_OK, or ORI_BAD_JSON. Says nothing about whether text is JSON. */
ori_status ori_json_bounded(const char *text, size_t bytes, struct ori_error *err);
/* ret_value: a new reference. ORI_BAD_JSON with line and column. */
ori_status ori_json_parse(const char *text, size_t bytes, json_t **ret_value,
                          struct ori_error *err);
