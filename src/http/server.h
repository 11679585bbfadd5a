#pragma once
/* http/server.h: the HTTP side of the server, over GNU libmicrohttpd.
 * Threads    one that speaks HTTP and never blocks: it parses, guards, answers what is INLINE, and
 *            suspends the connection of everything else until a thread of a desk has answered.
 *            Two desks, so that slow requests never hold up quick ones: DESK (the job store) and
 *            SLOW (search, pictures, what waits for a job to stop). One more watches deadlines
 * Guard      guard.h, on the first sight of a request: before any handler
 * Deadlines  from the first byte to the end of the headers, for the body, and idle: absolute, each;
 *            past one the connection is closed
 * Limits     connections in all and of one address, header bytes, URL, body by route, requests that
 *            wait for a desk: 503 with Retry-After
 * Order      create listens; stop_accepting closes the listening socket and what is idle; destroy
 *            ends running answers by their tokens and joins
 * Failure    ORI_PORT_TAKEN, ORI_BAD_SETTING (an address without a key), NOMEM, IO */
#include <stdint.h>

#include "jobs/service.h"
#include "util/status.h"

struct ori_http_server;

/* What create would refuse of the settings, before anything is opened: ORI_BAD_SETTING. */
ori_status ori_http_server_check(const struct ori_settings *settings, struct ori_error *err);

ori_status ori_http_server_create(struct ori_service *service, struct ori_http_server **ret_server,
                                  struct ori_error *err);
int ori_http_server_port(const struct ori_http_server *server); /* of API_PORT=0 the one taken */
void ori_http_server_stop_accepting(struct ori_http_server *server);
void ori_http_server_destroy(struct ori_http_server **server); /* null-safe, nulls */
