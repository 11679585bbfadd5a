/* What a handler fills in, and what reply.c sends. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/exchange_priv.h"
#include "util/limits.h"
#include "util/text.h"

void ori_response_init(struct ori_http_response *response)
{
    memset(response, 0, sizeof *response);
    response->status = 200;
    ori_buf_init(&response->headers, ORI_LIMIT_MAX_ANSWER_HEADER_BYTES);
    ori_buf_init(&response->body, ORI_LIMIT_MAX_ANSWER_BYTES);
}

static void drop_body(struct ori_http_response *response)
{
    ori_buf_deinit(&response->body);
    ori_buf_init(&response->body, ORI_LIMIT_MAX_ANSWER_BYTES);
    if (response->kind == ORI_ANSWER_GIVEN)
        free((void *)(uintptr_t)response->data);
    if (response->stream)
        ori_stream_close(response->stream);
    response->stream = NULL;
    response->data = NULL;
    response->data_bytes = 0;
    response->content_type[0] = '\0';
    response->kind = ORI_ANSWER_EMPTY;
}

void ori_response_deinit(struct ori_http_response *response)
{
    drop_body(response);
    ori_buf_deinit(&response->headers);
}

void ori_response_clear(struct ori_http_response *response)
{
    bool closes = response->closes;
    ori_response_deinit(response);
    ori_response_init(response);
    response->closes = closes;
}

const char *ori_response_next(const struct ori_http_response *response, const char *name,
                              const char **ret_value)
{
    const char *next = ori_buf_text(&response->headers);
    const char *end = next + response->headers.used;
    if (name) {
        const char *value = name + strlen(name) + 1;
        next = value + strlen(value) + 1;
    }
    if (!response->headers.data || next >= end)
        return NULL;
    *ret_value = next + strlen(next) + 1;
    return next;
}

const char *ori_response_header(const struct ori_http_response *response, const char *name)
{
    const char *value = NULL;
    const char *at = NULL;
    while ((at = ori_response_next(response, at, &value))) {
        if (strcasecmp(at, name) == 0)
            return value;
    }
    return NULL;
}

void ori_http_set_status(struct ori_http_response *response, int status)
{
    ORI_ASSERT(status >= 200 && status <= 599);
    response->status = status;
}

void ori_http_set_header(struct ori_http_response *response, const char *name, const char *value)
{
    ORI_ASSERT(!ori_text_has_control(name) && !ori_text_has_control(value) && name[0] != '\0');
    ori_buf_add(&response->headers, name, strlen(name) + 1);
    ori_buf_add(&response->headers, value, strlen(value) + 1);
}

static void set_type(struct ori_http_response *response, const char *content_type)
{
    size_t bytes = strlen(content_type);
    ORI_ASSERT(bytes < sizeof response->content_type && !ori_text_has_control(content_type));
    memcpy(response->content_type, content_type, bytes + 1);
}

struct ori_buf *ori_http_body(struct ori_http_response *response, const char *content_type)
{
    if (response->kind != ORI_ANSWER_BUF) {
        drop_body(response);
        response->kind = ORI_ANSWER_BUF;
    }
    set_type(response, content_type);
    return &response->body;
}

static int add_json(const char *text, size_t bytes, void *body)
{
    ori_buf_add(body, text, bytes);
    return 0;
}

void ori_http_json(struct ori_http_response *response, json_t *value)
{
    struct ori_buf *body = ori_http_body(response, "application/json");
    ori_buf_clear(body);
    if (!value || json_dump_callback(value, add_json, body, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        body->status = ORI_NOMEM;
    json_decref(value);
}

void ori_http_static(struct ori_http_response *response, const char *content_type, const void *data,
                     size_t bytes)
{
    drop_body(response);
    response->kind = ORI_ANSWER_STATIC;
    set_type(response, content_type);
    response->data = data;
    response->data_bytes = bytes;
}

void ori_http_give(struct ori_http_response *response, const char *content_type, void *data,
                   size_t bytes)
{
    drop_body(response);
    response->kind = ORI_ANSWER_GIVEN;
    set_type(response, content_type);
    response->data = data;
    response->data_bytes = bytes;
}

/* RFC 9110 section 13.1.2: weak comparison, a list of quoted tags, or "*" */
static bool has_tag(const char *list, const char *etag)
{
    size_t wanted = strlen(etag);
    const char *at = list + strspn(list, " \t");
    if (at[0] == '*')
        return true;
    while (*at != '\0') {
        at += strspn(at, " \t,");
        if (at[0] == 'W' && at[1] == '/')
            at += 2;
        if (*at++ != '"')
            return false;
        const char *end = strchr(at, '"');
        if (!end)
            return false;
        if ((size_t)(end - at) == wanted && memcmp(at, etag, wanted) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

bool ori_http_cached(const struct ori_http_request *request, struct ori_http_response *response,
                     const char *etag, const char *cache_control)
{
    char quoted[160];
    ORI_ASSERT(strlen(etag) < sizeof quoted - 3 && !strchr(etag, '"'));
    size_t bytes = strlen(etag);
    quoted[0] = '"';
    memcpy(quoted + 1, etag, bytes);
    memcpy(quoted + 1 + bytes, "\"", 2);
    ori_http_set_header(response, "ETag", quoted);
    ori_http_set_header(response, "Cache-Control", cache_control);
    const char *given = ori_http_header(request, "If-None-Match");
    if (!given || !has_tag(given, etag))
        return false;
    drop_body(response);
    response->status = 304;
    return true;
}

ori_status ori_http_events(const struct ori_http_request *request,
                           struct ori_http_response *response,
                           const struct ori_listener_options *options, struct ori_error *err)
{
    struct ori_http_private *own = request->own;
    struct ori_stream *stream = NULL;
    ori_status status = ori_stream_open(&own->server->streams, own->connection,
                                        request->service->hub, options, &stream, err);
    if (status != ORI_OK)
        return status;
    drop_body(response);
    response->kind = ORI_ANSWER_EVENTS;
    set_type(response, "text/event-stream");
    ori_http_set_header(response, "X-Accel-Buffering", "no");
    response->stream = stream;
    return ORI_OK;
}
