/* libmicrohttpd calls access once with the headers, once for each piece of the body, once behind it,
 * and once more after a resume. An answer can be queued at the first of these calls or at the last,
 * not between: what is refused in the middle of its body is refused at its end. */
#include "http/handler.h"

#include <string.h>
#include <sys/mman.h>

#include "http/exchange_priv.h"
#include "util/limits.h"

enum MHD_Result ori_handler_accept(void *self, const struct sockaddr *address, socklen_t bytes)
{
    (void)bytes;
    struct ori_http_server *server = self;
    if (ori_connections_may_accept(server->connections, address))
        return MHD_YES;
    ori_metrics_add(server->service->metrics, ORI_METRIC_HTTP_REFUSED, 0, 1);
    return MHD_NO;
}

void ori_handler_connection(void *self, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct ori_http_server *server = self;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        int socket_fd = fd->connect_fd;
        const union MHD_ConnectionInfo *address =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        *context = ori_connections_open(server->connections, socket_fd, address->client_addr);
    } else if (*context) {
        ori_connections_close(server->connections, *context);
        *context = NULL;
    }
}

void *ori_handler_target(void *self, const char *target, struct MHD_Connection *connection)
{
    struct ori_http_server *server = self;
    struct ori_exchange *exchange = ori_exchange_create(server, connection, target);
    if (!exchange)
        return NULL;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    exchange->own.peer = info ? info->socket_context : NULL;
    if (exchange->own.peer)
        ori_peer_phase(server->connections, exchange->own.peer, ORI_PHASE_HEADERS);
    return exchange;
}

void ori_handler_completed(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct ori_http_server *server = self;
    struct ori_exchange *exchange = *context;
    *context = NULL;
    if (!exchange)
        return;
    if (exchange->own.peer)
        ori_peer_phase(server->connections, exchange->own.peer, ORI_PHASE_IDLE);
    ori_exchange_destroy(exchange);
}

/* The form is looked at before the handler: it may rely on it. */
static ori_status read_form(struct ori_exchange *exchange, struct ori_error *err)
{
    struct ori_http_private *own = &exchange->own;
    char boundary[ORI_FORM_BOUNDARY_BYTES];
    size_t bytes = own->body.bytes;
    if (bytes == 0 ||
        !ori_form_boundary(ori_http_header(&exchange->request, "Content-Type"), boundary))
        return ori_error_set(err, ORI_USAGE, "the form has no parts");
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, own->body.fd, 0);
    if (data == MAP_FAILED)
        return ori_error_set(err, ORI_NOMEM, "form");
    ori_status status = ori_form_parse(data, bytes, boundary, &own->form, err);
    munmap(data, bytes);
    return status;
}

static void handle(struct ori_exchange *exchange)
{
    struct ori_http_request *request = &exchange->request;
    struct ori_error err = {0};
    if (request->route->body == ORI_ROUTE_UPLOAD && read_form(exchange, &err) != ORI_OK) {
        ori_http_fail(request, &exchange->response, &err);
        return;
    }
    request->route->handle(request, &exchange->response);
}

void ori_handler_work(void *self)
{
    struct ori_exchange *exchange = self;
    struct ori_http_private *own = &exchange->own;
    if (ori_cancel_is_set(&own->server->cancel)) {
        struct ori_error err = {0};
        (void)ori_error_set(&err, ORI_NOT_READY, "the server is stopping");
        ori_http_fail(&exchange->request, &exchange->response, &err);
    } else {
        handle(exchange);
    }
    own->stage = ORI_EXCHANGE_READY;
    MHD_resume_connection(own->connection);
}

/* A token of its own where work is long enough to be ended by a client that leaves. */
static void make_cancel(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    own->has_cancel = own->match.route->where == ORI_ROUTE_SLOW && own->peer &&
                      ori_cancel_init(&own->cancel, &own->server->cancel, NULL) == ORI_OK;
    if (!own->has_cancel)
        return;
    exchange->request.cancel = &own->cancel;
    ori_peer_watch(own->server->connections, own->peer, &own->cancel);
}

static enum MHD_Result to_desk(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_server *server = own->server;
    bool is_slow = own->match.route->where == ORI_ROUTE_SLOW;
    struct ori_error err = {0};
    make_cancel(exchange);
    if (own->peer)
        ori_peer_phase(server->connections, own->peer, ORI_PHASE_WORK);
    own->stage = ORI_EXCHANGE_DESK;
    /* first: the desk may resume before add returns */
    MHD_suspend_connection(own->connection);
    if (ori_desk_add(is_slow ? server->slow : server->desk, exchange, &err) == ORI_OK)
        return MHD_YES;
    ori_http_fail(&exchange->request, &exchange->response, &err);
    own->stage = ORI_EXCHANGE_READY;
    MHD_resume_connection(own->connection);
    return MHD_YES;
}

static enum MHD_Result dispatch(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_request *request = &exchange->request;
    enum ori_route_body kind = own->match.route->body;
    if (kind == ORI_ROUTE_JSON || kind == ORI_ROUTE_OPTIONAL_JSON) {
        request->body = ori_buf_text(&own->body.buf);
        request->body_bytes = own->body.buf.used;
    } else if (kind == ORI_ROUTE_UPLOAD) {
        request->body_fd = own->body.fd;
        request->body_bytes = own->body.bytes;
    }
    if (own->match.route->where != ORI_ROUTE_INLINE)
        return to_desk(exchange);
    handle(exchange);
    return ori_exchange_reply(exchange);
}

/* The next call brings the body, or its end at once. An answer queued before that call would close
 * the connection, body or not. */
static void await(struct ori_exchange *exchange, enum ori_exchange_stage stage)
{
    exchange->own.stage = stage;
    if (exchange->own.peer)
        ori_peer_phase(exchange->own.server->connections, exchange->own.peer, ORI_PHASE_BODY);
}

/* A short body is read to its end, and the connection lives on; past a long one it is closed. */
static enum MHD_Result refuse(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    if (exchange->response.status >= 400)
        ori_metrics_add(own->server->service->metrics, ORI_METRIC_HTTP_REFUSED, 0, 1);
    bool has_body = own->guard.is_chunked || own->guard.content_length > 0;
    bool is_short = !own->guard.is_chunked &&
                    own->guard.content_length <= ORI_LIMIT_MAX_IGNORED_BYTES &&
                    !MHD_lookup_connection_value(own->connection, MHD_HEADER_KIND, "Expect");
    if (is_short && !exchange->response.closes) {
        await(exchange, ORI_EXCHANGE_REFUSED);
        return MHD_YES;
    }
    if (has_body && own->peer)
        ori_peer_linger(own->peer);
    exchange->response.closes = true;
    return ori_exchange_reply(exchange);
}

static enum MHD_Result begin(struct ori_exchange *exchange, const char *method, const char *version)
{
    if (!ori_exchange_admit(exchange, method, version))
        return refuse(exchange);
    await(exchange, ORI_EXCHANGE_BODY);
    return MHD_YES;
}

static enum MHD_Result take_body(struct ori_exchange *exchange, const char *data, size_t *bytes)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_error err = {0};
    if (own->stage == ORI_EXCHANGE_BODY && ori_body_add(&own->body, data, *bytes, &err) != ORI_OK) {
        ori_http_fail(&exchange->request, &exchange->response, &err);
        exchange->response.closes = true;
        ori_body_deinit(&own->body);
        own->stage = ORI_EXCHANGE_REFUSED;
        ori_metrics_add(own->server->service->metrics, ORI_METRIC_HTTP_REFUSED, 0, 1);
    }
    if (own->stage == ORI_EXCHANGE_REFUSED) {
        own->dropped_bytes += *bytes;
        if (own->dropped_bytes > ORI_LIMIT_MAX_DROPPED_BYTES)
            return MHD_NO; /* closes without the answer: it has been sending for long */
    }
    *bytes = 0;
    return MHD_YES;
}

enum MHD_Result ori_handler_access(void *self, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *data,
                                   size_t *bytes, void **context)
{
    (void)self;
    (void)connection;
    (void)path;
    struct ori_exchange *exchange = *context;
    if (!exchange)
        return MHD_NO; /* no memory when the request line came */
    switch (exchange->own.stage) {
    case ORI_EXCHANGE_NEW:
        return begin(exchange, method, version);
    case ORI_EXCHANGE_BODY:
        return *bytes > 0 ? take_body(exchange, data, bytes) : dispatch(exchange);
    case ORI_EXCHANGE_REFUSED:
        return *bytes > 0 ? take_body(exchange, data, bytes) : ori_exchange_reply(exchange);
    case ORI_EXCHANGE_READY:
        return ori_exchange_reply(exchange);
    case ORI_EXCHANGE_DESK:
    case ORI_EXCHANGE_ANSWERED:
        break;
    }
    return MHD_YES;
}
