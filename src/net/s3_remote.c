#include "net/s3_remote.h"

#include <string.h>

/* A HEAD is refused without a reason: whether it is the bucket that is not there, or the keys that
 * are wrong, a list tells. */
static ori_status tell_reason(const struct ori_s3_remote *remote, ori_status status,
                              const struct ori_wait *wait, struct ori_error *err)
{
    struct ori_error cause = {0};
    const ori_status listed = ori_s3_check(remote->s3, remote->name.bucket, wait, &cause);
    if (listed == ORI_BUCKET_MISSING || (listed == ORI_STORE_DENIED && status == listed)) {
        *err = cause;
        return listed;
    }
    if (status != ORI_NOT_FOUND)
        return status;
    *err = (struct ori_error){0};
    return ori_error_set(err, ORI_NOT_FOUND, "there is no object s3://%s/%s", remote->name.bucket,
                         remote->name.key);
}

/* Whoever opens it looks at the size himself: nothing but the head has come. */
static ori_status open_object(void *self, int64_t bytes_max, const struct ori_remote_sink *sink,
                              struct ori_remote_facts *ret_facts, const struct ori_wait *wait,
                              struct ori_error *err)
{
    const struct ori_s3_remote *remote = self;
    struct ori_s3_facts facts;
    (void)bytes_max;
    (void)sink;
    const ori_status status = ori_s3_head(remote->s3, &remote->name, &facts, wait, err);
    if (status != ORI_OK)
        return status == ORI_NOT_FOUND || status == ORI_STORE_DENIED
                   ? tell_reason(remote, status, wait, err)
                   : status;
    _Static_assert(sizeof ret_facts->etag >= sizeof facts.etag, "etag");
    *ret_facts = (struct ori_remote_facts){.bytes = facts.bytes, .modified_s = facts.modified_s};
    memcpy(ret_facts->etag, facts.etag, sizeof facts.etag);
    return ORI_OK;
}

static ori_status read_object(void *self, const char *etag, int64_t offset, void *data,
                              size_t bytes, const struct ori_wait *wait, struct ori_error *err)
{
    const struct ori_s3_remote *remote = self;
    return ori_s3_read(remote->s3, &remote->name, etag[0] ? etag : NULL, offset, data, bytes, wait,
                       err);
}

const struct ori_remote_ops ori_s3_remote_ops = {.open = open_object, .read = read_object};
