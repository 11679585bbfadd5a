#include "media/source.h"

#include <errno.h>
#include <unistd.h>

/* Cuts a request down to what lies before the end of the medium. */
static size_t bytes_before_end(struct ori_source *source, int64_t offset, size_t bytes_max)
{
    int64_t left = offset < source->size ? source->size - offset : 0;
    if ((uint64_t)left >= bytes_max)
        return bytes_max;
    source->has_read_past_end = true;
    return (size_t)left;
}

static ori_status read_at(struct ori_source *source, int64_t offset, uint8_t *data, size_t bytes,
                          size_t *ret_bytes, struct ori_error *err)
{
    if (source->ensure) {
        ori_status status = source->ensure(source->ensure_self, offset, bytes, err);
        if (status != ORI_OK)
            return status;
    }
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(source->fd, data + done, bytes - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ori_error_set_errno(err, errno, false, "reading the medium at %lld",
                                       (long long)offset);
        if (got == 0) { /* the file shrank under us */
            source->has_read_past_end = true;
            break;
        }
        done += (size_t)got;
    }
    *ret_bytes = done;
    return ORI_OK;
}

ori_status ori_source_read_at(struct ori_source *source, int64_t offset, uint8_t *data,
                              size_t bytes_max, size_t *ret_bytes, struct ori_error *err)
{
    ORI_ASSERT(source && ret_bytes && (data || bytes_max == 0));
    if (offset < 0)
        return ori_error_set(err, ORI_IO, "read at the negative offset %lld", (long long)offset);
    size_t bytes = bytes_before_end(source, offset, bytes_max);
    if (bytes == 0) {
        *ret_bytes = 0;
        return ORI_OK;
    }
    struct ori_error why = {0};
    const ori_status status = read_at(source, offset, data, bytes, ret_bytes, &why);
    if (status == ORI_OK)
        return ORI_OK;
    if (why.status == ORI_OK)
        (void)ori_error_set(&why, status, "%s", ori_status_text(status));
    if (source->failure.status == ORI_OK)
        source->failure = why;
    if (err && err->status == ORI_OK)
        *err = why;
    return status;
}

ori_status ori_source_status(const struct ori_source *source, struct ori_error *err)
{
    if (source->failure.status != ORI_OK && err && err->status == ORI_OK)
        *err = source->failure;
    return source->failure.status;
}
