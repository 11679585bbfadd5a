#pragma once
/* http/body.h: a request's body as it comes in, never more of it than allowed.
 * Kinds     ignored (counted and dropped), in memory (JSON), a memfd (uploads)
 * Limits    of its own; all bodies together ORI_LIMIT_MAX_BODIES_BYTES; ORI_LIMIT_MAX_UPLOADS at once
 * Failure   ORI_LIMIT (too large), ORI_OVERLOADED (all together, uploads), NOMEM, IO; what comes
 *           after a failure is dropped by the caller
 * Threads   the HTTP thread adds and releases; reading is for whoever has the request */
#include <stddef.h>

#include "http/route.h"
#include "util/buf.h"
#include "util/status.h"

struct ori_bodies {
    size_t bytes; /* of all bodies that are held */
    int uploads;
};
struct ori_body {
    struct ori_bodies *bodies; /* NULL: not begun */
    enum ori_route_body kind;
    size_t bytes;
    size_t bytes_max;
    struct ori_buf buf; /* JSON */
    int fd;             /* upload */
};

void ori_body_init(struct ori_body *body);
ori_status ori_body_begin(struct ori_body *body, struct ori_bodies *bodies,
                          enum ori_route_body kind, struct ori_error *err);
ori_status ori_body_add(struct ori_body *body, const void *data, size_t bytes,
                        struct ori_error *err);
void ori_body_deinit(struct ori_body *body); /* idempotent */

/* What a route of that kind takes at most. */
size_t ori_body_bytes_max(enum ori_route_body kind);
