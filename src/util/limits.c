#include "util/limits.h"

static const struct ori_limit rows[] = {
#define ORI_LIMIT_ROW(name, value, unit, what) {#name, (value), (unit), (what)},
#include "util/limits_tbl.h"
#undef ORI_LIMIT_ROW
};

const struct ori_limit *ori_limits(size_t *ret_count)
{
    *ret_count = sizeof rows / sizeof rows[0];
    return rows;
}
