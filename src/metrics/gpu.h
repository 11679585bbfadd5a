#pragma once
/* metrics/gpu.h: memory and load of NVIDIA GPUs, where there are any.
 * How        NVML, the driver's own library, found at run time: the program neither needs nor links
 *            it. Without driver or GPU the page says that there are 0
 * Threads    open and close: the owner; render any (NVML is thread-safe)
 * Failure    none: a figure that cannot be had is left out
 * Limits     ORI_LIMIT_MAX_GPUS are looked at
 * Source     NVIDIA Management Library (NVML) API reference */
#include <stdbool.h>

#include "util/buf.h"

struct ori_gpu;

/* library: NULL for the driver's; a path for tests. *ret_gpu NULL: there is none. */
void ori_gpu_open(const char *library, struct ori_gpu **ret_gpu);
void ori_gpu_close(struct ori_gpu **gpu); /* null-safe, nulls */

/* gpu NULL: a count of 0. With has_figures false the count alone. */
void ori_gpu_render(const struct ori_gpu *gpu, bool has_figures, struct ori_buf *page);
