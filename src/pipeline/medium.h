#pragma once
/* pipeline/medium.h: a local file opened to be handed to a decode child.
 * Threads   any */
#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

/* Regular files alone, links followed; never hangs on a FIFO or wakes a device. bytes_max 0: any.
 * The descriptor is the caller's to close. ORI_NOT_FOUND, NOT_READABLE, NOT_A_FILE, EMPTY_FILE,
 * LIMIT. The texts do not name the path: whoever shows them does. */
ori_status ori_medium_open(const char *path, int64_t bytes_max, int *ret_fd, int64_t *ret_bytes,
                           struct ori_error *err);

/* Whether a file's name ends like one of a container this program reads: "clip.MP4". */
bool ori_medium_is_video_name(const char *name);
