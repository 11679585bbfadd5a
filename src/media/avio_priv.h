#pragma once
/* media/avio_priv.h: a source as libav's own I/O object.
 * Call order  init; use pb; deinit when the AVFormatContext is gone
 * Ownership   borrows the source; owns pb and its buffer
 * Limits      one buffer of 64 KiB
 * Failure     libav sees AVERROR(EIO) and may take it for the end of the file: after every libav
 *             call that read, look at status */
#include <libavformat/avio.h>

#include "media/source.h"

struct ori_avio {
    struct ori_source *source;
    AVIOContext *pb;
    int64_t position;
    ori_status status; /* first failed read, and its cause */
    struct ori_error error;
};

ori_status ori_avio_init(struct ori_avio *avio, struct ori_source *source, struct ori_error *err);
void ori_avio_deinit(struct ori_avio *avio); /* idempotent */
/* Gives the first failed read to the caller; ORI_OK when every read went well. */
ori_status ori_avio_status(const struct ori_avio *avio, struct ori_error *err);
