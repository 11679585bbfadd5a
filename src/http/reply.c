/* Turns what a handler filled in into an answer of libmicrohttpd's, with the headers that every
 * answer has, and says in the log and in the metrics that it went out. */
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "http/cors.h"
#include "http/exchange_priv.h"
#include "util/clock.h"
#include "util/limits.h"

#define STREAM_BLOCK_BYTES 8192
#define SMALL_BYTES 65536 /* an answer that is never refused: a refusal is one itself */

/* for pages that bring their own scripts and pictures, and nothing from elsewhere */
#define PAGE_POLICY                                                                                \
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "         \
    "form-action 'self'; frame-ancestors 'none'"

static struct MHD_Response *from_memory(size_t bytes, const void *data,
                                        enum MHD_ResponseMemoryMode mode)
{
    return MHD_create_response_from_buffer(bytes, (void *)(uintptr_t)data, mode);
}

/* What the body consists of passes to the answer; on failure it stays. */
static struct MHD_Response *make_answer(struct ori_http_response *response)
{
    struct MHD_Response *answer = NULL;
    switch (response->kind) {
    case ORI_ANSWER_BUF: {
        answer = from_memory(response->body.used, response->body.data, MHD_RESPMEM_MUST_FREE);
        if (answer)
            ori_buf_init(&response->body, 0); /* given away */
        break;
    }
    case ORI_ANSWER_GIVEN:
        answer = from_memory(response->data_bytes, response->data, MHD_RESPMEM_MUST_FREE);
        break;
    case ORI_ANSWER_STATIC:
        answer = from_memory(response->data_bytes, response->data, MHD_RESPMEM_PERSISTENT);
        break;
    case ORI_ANSWER_EVENTS:
        answer =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, ori_stream_read,
                                              response->stream, ori_stream_close);
        break;
    case ORI_ANSWER_EMPTY:
        answer = from_memory(0, "", MHD_RESPMEM_PERSISTENT);
        break;
    }
    if (answer && response->kind != ORI_ANSWER_BUF) {
        response->stream = NULL;
        response->kind = ORI_ANSWER_EMPTY;
    }
    return answer;
}

static void add(struct MHD_Response *answer, const char *name, const char *value)
{
    /* without memory a header is missing; the answer goes out still */
    (void)MHD_add_response_header(answer, name, value);
}

static void add_retry(struct MHD_Response *answer, const struct ori_http_response *response)
{
    bool wants = response->retry_after > 0 || response->status == 503 || response->status == 429;
    if (!wants || ori_response_header(response, "Retry-After"))
        return;
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", response->retry_after > 0 ? response->retry_after : 5);
    add(answer, "Retry-After", seconds);
}

static void add_origin(struct MHD_Response *answer, const struct ori_http_private *own)
{
    if (own->origin)
        add(answer, "Vary", "Origin");
    if (!own->is_allowed_origin)
        return;
    add(answer, "Access-Control-Allow-Origin", own->origin);
    add(answer, "Access-Control-Expose-Headers", ORI_CORS_ANSWER_HEADERS);
}

static void add_headers(struct MHD_Response *answer, struct ori_exchange *exchange)
{
    const struct ori_http_response *response = &exchange->response;
    const char *value = NULL;
    const char *name = NULL;
    while ((name = ori_response_next(response, name, &value)))
        add(answer, name, value);
    if (response->content_type[0] != '\0')
        add(answer, "Content-Type", response->content_type);
    add(answer, "X-Request-Id", exchange->request.request_id);
    add(answer, "X-Content-Type-Options", "nosniff");
    add(answer, "Referrer-Policy", "no-referrer");
    if (!ori_response_header(response, "Cache-Control"))
        add(answer, "Cache-Control", "no-store");
    if (strncmp(response->content_type, "text/html", 9) == 0 &&
        !ori_response_header(response, "Content-Security-Policy"))
        add(answer, "Content-Security-Policy", PAGE_POLICY);
    add_retry(answer, response);
    add_origin(answer, &exchange->own);
    if (response->closes || atomic_load(&exchange->own.server->is_draining))
        add(answer, "Connection", "close");
}

static void tell(const struct ori_exchange *exchange, int status)
{
    const struct ori_http_private *own = &exchange->own;
    const struct ori_service *service = own->server->service;
    int64_t took_us = ori_clock_us() - own->started_us;
    ori_metrics_add(service->metrics, ORI_METRIC_HTTP_REQUESTS, status / 100 - 1, 1);
    ori_metrics_observe(service->metrics, ORI_METRIC_HTTP_SECONDS, 0, (double)took_us / 1e6);
    enum ori_log_level level = status >= 500 ? ORI_LOG_INFO : ORI_LOG_DEBUG;
    if (!ori_log_is_on(&exchange->request.log, level))
        return;
    ori_log_event(
        &exchange->request.log, level, "http.request",
        ORI_LOG_FIELDS(ori_log_text("method", own->method),
                       ori_log_text("path", exchange->request.path ? exchange->request.path : ""),
                       ori_log_int("status", status),
                       ori_log_real("ms", (double)(took_us / 10) / 100)));
}

/* A body that did not fit, or headers that did not, are answers that cannot be given. */
static void check(struct ori_exchange *exchange)
{
    struct ori_http_response *response = &exchange->response;
    struct ori_error err = {0};
    if (ori_buf_finish(&response->headers, "headers of the answer", &err) == ORI_OK &&
        (response->kind != ORI_ANSWER_BUF ||
         ori_buf_finish(&response->body, "the answer", &err) == ORI_OK))
        return;
    if (err.status == ORI_LIMIT)
        err.status = ORI_INTERNAL; /* the client's request was not too large */
    ori_http_fail(&exchange->request, response, &err);
}

static size_t held_bytes(const struct ori_http_response *response)
{
    if (response->kind == ORI_ANSWER_BUF)
        return response->body.used;
    return response->kind == ORI_ANSWER_GIVEN ? response->data_bytes : 0;
}

/* An answer lies in memory until its client has taken it, and clients take their time. */
static void account(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_response *response = &exchange->response;
    size_t bytes = held_bytes(response);
    if (bytes > SMALL_BYTES && own->server->answers_bytes + bytes > ORI_LIMIT_MAX_ANSWERS_BYTES) {
        struct ori_error err = {0};
        (void)ori_error_set(&err, ORI_OVERLOADED, "too many long answers are going out");
        ori_http_fail(&exchange->request, response, &err);
        bytes = held_bytes(response);
    }
    own->answer_bytes = bytes;
    own->server->answers_bytes += bytes;
}

enum MHD_Result ori_exchange_reply(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_response *response = &exchange->response;
    check(exchange);
    account(exchange);
    bool has_events = response->kind == ORI_ANSWER_EVENTS;
    struct MHD_Response *answer = make_answer(response);
    if (!answer)
        return MHD_NO;
    add_headers(answer, exchange);
    if (own->peer)
        ori_peer_phase(own->server->connections, own->peer,
                       has_events ? ORI_PHASE_EVENTS : ORI_PHASE_ANSWER);
    own->stage = ORI_EXCHANGE_ANSWERED;
    enum MHD_Result result =
        MHD_queue_response(own->connection, (unsigned)response->status, answer);
    MHD_destroy_response(answer);
    tell(exchange, response->status);
    return result;
}
