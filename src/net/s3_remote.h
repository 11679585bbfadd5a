#pragma once
/* net/s3_remote.h: an object of a bucket as a net/remote.h. Statuses are those of net/s3.h; replaced
 * since open is ORI_SOURCE_CHANGED.
 * Threads     any; the struct is read-only */
#include "net/remote.h"
#include "net/s3.h"

struct ori_s3_remote { /* the ops' self */
    struct ori_s3 *s3;
    struct ori_s3_name name;
};
extern const struct ori_remote_ops ori_s3_remote_ops;
