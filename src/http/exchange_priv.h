#pragma once
/* http/exchange_priv.h: one request and its answer, inside.
 * Life      made when the request line has been read, released when libmicrohttpd is done with the
 *           request; kept for the next one meanwhile, as most of it need not be cleared
 * Threads   the HTTP thread; between add to a desk and resume the desk's thread alone */
#include <microhttpd.h>
#include <stdatomic.h>

#include "http/auth.h"
#include "http/body.h"
#include "http/connections.h"
#include "http/desk.h"
#include "http/guard.h"
#include "http/multipart.h"
#include "http/request.h"
#include "http/streams.h"
#include "http/uri.h"

enum ori_answer_kind {
    ORI_ANSWER_EMPTY,
    ORI_ANSWER_BUF,
    ORI_ANSWER_STATIC,
    ORI_ANSWER_GIVEN,
    ORI_ANSWER_EVENTS
};
struct ori_http_response {
    int status;
    enum ori_answer_kind kind;
    bool closes;     /* the connection, after this answer */
    int retry_after; /* seconds; 0: what the status asks for */
    char content_type[128];
    struct ori_buf body;
    const void *data; /* STATIC; GIVEN: to be freed */
    size_t data_bytes;
    struct ori_stream *stream;
    struct ori_buf headers; /* name NUL value NUL ... */
};
void ori_response_init(struct ori_http_response *response);
void ori_response_clear(struct ori_http_response *response); /* as after init */
void ori_response_deinit(struct ori_http_response *response);
/* The header a handler has set, NULL for none. */
const char *ori_response_header(const struct ori_http_response *response, const char *name);
/* Steps through name and value; start with NULL. */
const char *ori_response_next(const struct ori_http_response *response, const char *name,
                              const char **ret_value);

enum ori_exchange_stage {
    ORI_EXCHANGE_NEW,     /* headers are not there yet */
    ORI_EXCHANGE_BODY,    /* the body comes in */
    ORI_EXCHANGE_REFUSED, /* the answer is there, the rest of the body is dropped */
    ORI_EXCHANGE_DESK,    /* suspended */
    ORI_EXCHANGE_READY,   /* the answer is there */
    ORI_EXCHANGE_ANSWERED
};

#define ORI_EXCHANGE_SPARE 64

struct ori_http_server {
    struct ori_service *service;
    struct ori_resources *resources;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int port;
    bool is_loopback;
    bool has_cancel;
    bool has_streams;
    struct ori_cancel cancel; /* below the process's: running answers end */
    atomic_bool is_draining;
    struct ori_desk *desk;
    struct ori_desk *slow;
    struct ori_connections *connections;
    struct ori_streams streams;
    struct ori_bodies bodies; /* HTTP thread, as is all below */
    size_t answers_bytes;     /* of answers that are going out */
    struct ori_guesses guesses;
    uint64_t id_state[2];
    size_t spare_count;
    struct ori_exchange *spare[ORI_EXCHANGE_SPARE];
};

struct ori_http_private {
    struct ori_http_server *server;
    struct MHD_Connection *connection;
    struct ori_peer *peer;
    enum ori_exchange_stage stage;
    bool has_cancel;
    bool is_allowed_origin;
    int64_t started_us;
    size_t dropped_bytes;
    size_t answer_bytes; /* counted in the server's answers_bytes */
    const char *origin;  /* headers, borrowed from libmicrohttpd */
    const char *method;
    ori_status uri_status;
    struct ori_error uri_error;
    struct ori_guard guard;
    struct ori_body body;
    struct ori_cancel cancel;
    struct ori_form form;
    struct ori_route_match match;
    struct ori_uri uri;
};
struct ori_exchange {
    struct ori_http_request request;
    struct ori_http_response response;
    struct ori_http_private own;
};

/* exchange.c */
struct ori_exchange *ori_exchange_create(struct ori_http_server *server,
                                         struct MHD_Connection *connection, const char *target);
void ori_exchange_destroy(struct ori_exchange *exchange); /* keeps it as spare when there is room */
void ori_exchange_drop_spares(struct ori_http_server *server);

/* admission.c: looks at the headers. False: refused, the response says why. */
bool ori_exchange_admit(struct ori_exchange *exchange, const char *method, const char *version);

/* reply.c: queues the answer. */
enum MHD_Result ori_exchange_reply(struct ori_exchange *exchange);
