#include "media/avio_priv.h"

#include <errno.h>
#include <limits.h>

#include <libavutil/error.h>
#include <libavutil/mem.h>

enum { BUFFER_BYTES = 64 * 1024 };

static int read_packet(void *self, uint8_t *data, int bytes_max)
{
    struct ori_avio *avio = self;
    size_t bytes = 0;
    if (bytes_max <= 0)
        return AVERROR(EINVAL);
    if (avio->status != ORI_OK)
        return AVERROR(EIO);
    avio->status = ori_source_read_at(avio->source, avio->position, data, (size_t)bytes_max, &bytes,
                                      &avio->error);
    if (avio->status != ORI_OK)
        return AVERROR(EIO);
    if (bytes == 0)
        return AVERROR_EOF;
    avio->position += (int64_t)bytes;
    return (int)bytes;
}

/* Behind the end is a legal place, as with lseek: the next read there finds the end of the file. */
static int64_t seek(void *self, int64_t offset, int whence)
{
    struct ori_avio *avio = self;
    int64_t base = 0;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return avio->source->size;
    if (whence == SEEK_CUR)
        base = avio->position;
    else if (whence == SEEK_END)
        base = avio->source->size;
    else if (whence != SEEK_SET)
        return AVERROR(EINVAL);
    int64_t target = 0;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return AVERROR(EINVAL);
    avio->position = target;
    return target;
}

ori_status ori_avio_init(struct ori_avio *avio, struct ori_source *source, struct ori_error *err)
{
    *avio = (struct ori_avio){.source = source};
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    if (!buffer)
        return ori_error_set(err, ORI_NOMEM, "read buffer");
    avio->pb = avio_alloc_context(buffer, BUFFER_BYTES, 0, avio, read_packet, NULL, seek);
    if (!avio->pb) {
        av_free(buffer);
        return ori_error_set(err, ORI_NOMEM, "read buffer");
    }
    return ORI_OK;
}

void ori_avio_deinit(struct ori_avio *avio)
{
    if (avio->pb)
        av_freep(&avio->pb->buffer); /* libav may have put another in its place */
    avio_context_free(&avio->pb);
}

ori_status ori_avio_status(const struct ori_avio *avio, struct ori_error *err)
{
    if (avio->status == ORI_OK)
        return ORI_OK;
    if (err && err->status == ORI_OK)
        *err = avio->error;
    return avio->status;
}
