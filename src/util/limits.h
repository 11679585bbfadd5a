#pragma once
/* util/limits.h: the rows of limits_tbl.h as constants ORI_LIMIT_MAX_<NAME>, and as a list.
 * Each constant is an int when its value fits one, a long otherwise. */
#include <stddef.h>
#include <stdint.h>

#define ORI_LIMIT_ROW(name, value, unit, what) enum { ORI_LIMIT_MAX_##name = (value) };
#include "util/limits_tbl.h"
#undef ORI_LIMIT_ROW

struct ori_limit {
    const char *name;
    int64_t value;
    const char *unit;
    const char *what;
};

/* All rows, static memory. */
const struct ori_limit *ori_limits(size_t *ret_count);
