#include "http/body.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/limits.h"

size_t ori_body_bytes_max(enum ori_route_body kind)
{
    switch (kind) {
    case ORI_ROUTE_JSON:
    case ORI_ROUTE_OPTIONAL_JSON:
        return ORI_LIMIT_MAX_JSON_BYTES;
    case ORI_ROUTE_UPLOAD:
        return ORI_LIMIT_MAX_UPLOAD_BYTES;
    case ORI_ROUTE_NO_BODY:
        break;
    }
    return ORI_LIMIT_MAX_IGNORED_BYTES;
}

void ori_body_init(struct ori_body *body)
{
    memset(body, 0, sizeof *body);
    body->fd = -1;
}

ori_status ori_body_begin(struct ori_body *body, struct ori_bodies *bodies,
                          enum ori_route_body kind, struct ori_error *err)
{
    body->kind = kind;
    body->bytes_max = ori_body_bytes_max(kind);
    ori_buf_init(&body->buf, body->bytes_max);
    if (kind == ORI_ROUTE_UPLOAD) {
        if (bodies->uploads == ORI_LIMIT_MAX_UPLOADS)
            return ori_error_set(err, ORI_OVERLOADED, "%d uploads come in already",
                                 ORI_LIMIT_MAX_UPLOADS);
        body->fd = memfd_create("upload", MFD_CLOEXEC);
        if (body->fd < 0)
            return ori_error_set_errno(err, errno, true, "memory for an upload");
        bodies->uploads++;
    }
    body->bodies = bodies;
    return ORI_OK;
}

static ori_status hold(struct ori_body *body, const void *data, size_t bytes, struct ori_error *err)
{
    if (body->bodies->bytes + bytes > ORI_LIMIT_MAX_BODIES_BYTES)
        return ori_error_set(err, ORI_OVERLOADED, "too many requests are being received");
    ori_status status = ORI_OK;
    if (body->kind == ORI_ROUTE_UPLOAD) {
        status = ori_fs_write_all(body->fd, data, bytes, err);
    } else {
        ori_buf_add(&body->buf, data, bytes);
        status = ori_buf_finish(&body->buf, "body", err);
    }
    if (status == ORI_OK)
        body->bodies->bytes += bytes;
    return status;
}

ori_status ori_body_add(struct ori_body *body, const void *data, size_t bytes,
                        struct ori_error *err)
{
    ORI_ASSERT(body->bodies);
    if (bytes > body->bytes_max - body->bytes)
        return ori_error_set(err, ORI_LIMIT, "the body is larger than %zu bytes", body->bytes_max);
    ori_status status = ORI_OK;
    if (body->kind != ORI_ROUTE_NO_BODY)
        status = hold(body, data, bytes, err);
    if (status == ORI_OK)
        body->bytes += bytes;
    return status;
}

void ori_body_deinit(struct ori_body *body)
{
    if (body->bodies) {
        if (body->kind != ORI_ROUTE_NO_BODY)
            body->bodies->bytes -= body->bytes;
        if (body->kind == ORI_ROUTE_UPLOAD)
            body->bodies->uploads--;
    }
    body->bodies = NULL;
    body->bytes = 0;
    ori_buf_deinit(&body->buf);
    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
}
