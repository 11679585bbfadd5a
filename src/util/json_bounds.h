#pragma once
/* util/json_bounds.h: how deep and how many, known before a JSON library builds it.
 * Why      jansson makes a value for each it meets, by recursion: a peer's short text can be much
 *          memory and much stack
 * Threads  pure; any thread */
#include <stddef.h>

#include "util/status.h"

/* ORI_LIMIT, naming what, when the text nests deeper than depth_max or has more than values_max
 * values, keys counted with them. Says nothing of whether it is JSON. */
ori_status ori_json_bounds_check(const char *what, const char *text, size_t bytes, size_t depth_max,
                                 size_t values_max, struct ori_error *err);
