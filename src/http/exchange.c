#include <stdlib.h>
#include <string.h>

#include "http/exchange_priv.h"
#include "util/clock.h"

static struct ori_exchange *take(struct ori_http_server *server)
{
    if (server->spare_count > 0)
        return server->spare[--server->spare_count];
    return malloc(sizeof(struct ori_exchange));
}

struct ori_exchange *ori_exchange_create(struct ori_http_server *server,
                                         struct MHD_Connection *connection, const char *target)
{
    struct ori_exchange *exchange = take(server);
    if (!exchange)
        return NULL;
    struct ori_http_private *own = &exchange->own;
    memset(&exchange->request, 0, sizeof exchange->request);
    exchange->request.body_fd = -1;
    exchange->request.own = own;
    exchange->request.service = server->service;
    exchange->request.resources = server->resources;
    exchange->request.cancel = &server->cancel;
    exchange->request.log = server->service->log;
    ori_response_init(&exchange->response);
    own->server = server;
    own->connection = connection;
    own->peer = NULL;
    own->stage = ORI_EXCHANGE_NEW;
    own->has_cancel = false;
    own->is_allowed_origin = false;
    own->started_us = ori_clock_us();
    own->dropped_bytes = 0;
    own->answer_bytes = 0;
    own->origin = NULL;
    own->method = "";
    own->uri_error.status = ORI_OK;
    own->uri_error.native = 0;
    own->uri_error.stage = NULL;
    own->uri_error.text[0] = '\0';
    own->uri_status = ori_uri_parse(target, &own->uri, &own->uri_error);
    own->form.count = 0;
    own->form.parts = NULL;
    own->match.route = NULL;
    ori_guard_init(&own->guard);
    ori_body_init(&own->body);
    return exchange;
}

void ori_exchange_destroy(struct ori_exchange *exchange)
{
    struct ori_http_private *own = &exchange->own;
    struct ori_http_server *server = own->server;
    if (own->has_cancel) {
        ori_peer_watch(server->connections, own->peer, NULL);
        ori_cancel_deinit(&own->cancel);
    }
    if (exchange->request.settings)
        ori_live_unref(server->service->live, &exchange->request.settings);
    server->answers_bytes -= own->answer_bytes;
    ori_form_deinit(&own->form);
    ori_body_deinit(&own->body);
    ori_response_deinit(&exchange->response);
    if (server->spare_count < ORI_EXCHANGE_SPARE)
        server->spare[server->spare_count++] = exchange;
    else
        free(exchange);
}

void ori_exchange_drop_spares(struct ori_http_server *server)
{
    while (server->spare_count > 0)
        free(server->spare[--server->spare_count]);
}
