#pragma once
/* http/request.h: what a handler is given and what it fills in.
 * Handler    reads the request, fills the response by the functions below, returns. Runs on the
 *            HTTP thread (INLINE) or on a thread of a desk; never both
 * Texts      all checked: UTF-8, no NUL; path parameters and query are decoded and legal by their
 *            kind before a handler is called
 * Body       whole in memory for JSON; a file in memory (memfd) for an upload, whose form is known
 *            to be well made before the handler is called; never larger than the route allows
 * Ownership  everything belongs to the request; a response's bytes are the response's
 * Errors     ori_http_fail gives problem+json from an ori_error: status and code by
 *            util/status_tbl.h, the text as detail. ori_http_problem for what needs more */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/route.h"
#include "jobs/service.h"
#include "log/log.h"
#include "util/buf.h"
#include "util/cancel.h"
#include "util/status.h"

#define ORI_HTTP_ID_BYTES 65

struct ori_resources; /* http/resources.h: the server's, made and destroyed with it */

struct ori_http_request {
    const struct ori_route *route;
    enum ori_http_method method; /* HEAD is given to handlers as GET */
    bool is_head;
    const char *path; /* decoded, without the trailing slash */
    char request_id[ORI_HTTP_ID_BYTES];
    struct ori_service *service;
    struct ori_resources *resources;
    const struct ori_settings *settings; /* the live snapshot for this request */
    const struct ori_cancel *cancel;     /* client gone (where that is seen), server ends */
    struct ori_log log;                  /* carries the request id */
    const char *body;                    /* JSON routes: body_bytes, NUL behind; else NULL */
    size_t body_bytes;
    int body_fd; /* UPLOAD routes: the whole body, a memfd of the request; -1 otherwise */
    struct ori_http_private *own;
};

/* Path parameter by its name in the route ("job_id", "platform"...): else an assert. */
const char *ori_http_param(const struct ori_http_request *request, const char *name);
/* Query parameter, NULL when not given; given twice, the first. */
const char *ori_http_query(const struct ori_http_request *request, const char *name);
/* Header by name, any case, NULL when not given. */
const char *ori_http_header(const struct ori_http_request *request, const char *name);

int ori_http_port(const struct ori_http_request *request); /* that the server listens on */

struct ori_http_response; /* one a request */

void ori_http_set_status(struct ori_http_response *response, int status); /* 200 at first */
/* name, value: no control characters, else an assert. */
void ori_http_set_header(struct ori_http_response *response, const char *name, const char *value);
/* The body, to be filled by the handler; bounded by ORI_LIMIT_MAX_ANSWER_BYTES. */
struct ori_buf *ori_http_body(struct ori_http_response *response, const char *content_type);
/* The value as body, application/json; steals the reference. NULL is ORI_NOMEM. */
void ori_http_json(struct ori_http_response *response, json_t *value);
/* Static bytes that outlive the server, without a copy. */
void ori_http_static(struct ori_http_response *response, const char *content_type, const void *data,
                     size_t bytes);
/* malloc'ed bytes, given away. */
void ori_http_give(struct ori_http_response *response, const char *content_type, void *data,
                   size_t bytes);
/* A strong entity tag and its Cache-Control; answers 304 when the request's If-None-Match has it:
 * true, and the handler returns. etag without quotes. */
bool ori_http_cached(const struct ori_http_request *request, struct ori_http_response *response,
                     const char *etag, const char *cache_control);
/* The body comes from a listener (jobs/hub.h), which is taken over; text/event-stream. The listener is
 * made by the function with its on_more. ORI_OK, or a failure that was not yet answered. */
ori_status ori_http_events(const struct ori_http_request *request,
                           struct ori_http_response *response,
                           const struct ori_listener_options *options, struct ori_error *err);

/* problem+json (RFC 9457) {type, title, status, detail, code, instance, request_id}; 503 and 429 get
 * Retry-After. Replaces whatever the response had. */
void ori_http_fail(const struct ori_http_request *request, struct ori_http_response *response,
                   const struct ori_error *err);
void ori_http_problem(const struct ori_http_request *request, struct ori_http_response *response,
                      int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Faults of a request's fields, collected so that all are told at once. */
struct ori_http_faults {
    json_t *list; /* [{loc, type, msg}]; NULL: none so far */
    size_t count; /* past ORI_LIMIT_MAX_FAULTS they are counted only */
};
void ori_http_faults_init(struct ori_http_faults *ret_faults);
void ori_http_faults_deinit(struct ori_http_faults *faults);
/* loc: "body.items.3.code", as a path; type: "missing", "string_type", "int_range"... */
void ori_http_fault(struct ori_http_faults *faults, const char *loc, const char *type,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* 422 with errors[] when there are any: true, and the handler returns. */
bool ori_http_faulty(const struct ori_http_request *request, struct ori_http_response *response,
                     const struct ori_http_faults *faults);

/* The body as JSON: an object, strict (no duplicate keys, UTF-8, ORI_LIMIT_MAX_JSON_DEPTH). NULL: the
 * problem is in the response already: 400 for what is no JSON, 422 for what is no object. */
json_t *ori_http_json_body(const struct ori_http_request *request,
                           struct ori_http_response *response);
/* Whole number of the query from min to max; a fault otherwise. */
int64_t ori_http_query_whole(const struct ori_http_request *request, const char *name, int64_t min,
                             int64_t max, int64_t otherwise, struct ori_http_faults *faults);

/* A part of a multipart/form-data upload by its field name: where it lies in body_fd.
 * ORI_USAGE (no such part, no boundary, a malformed body), ORI_LIMIT. */
struct ori_http_part {
    int64_t offset;
    int64_t bytes;
    char file_name[256]; /* cleaned; "" when not said */
    char content_type[128];
};
ori_status ori_http_part(const struct ori_http_request *request, const char *field,
                         struct ori_http_part *ret_part, struct ori_error *err);
/* A plain field of the form (no file name, no type of its own): text, NULL when not given. Each is UTF-8
 * of at most ORI_LIMIT_MAX_FORM_TEXT_BYTES, checked before the handler is called. */
const char *ori_http_form_text(const struct ori_http_request *request, const char *name);
