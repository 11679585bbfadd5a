#pragma once
/* http/connections.h: every open connection, and the time it has left.
 * Why        libmicrohttpd's timeout is of inactivity alone: a header line a second lives for ever.
 *            Here each phase of a request has a deadline of its own, from its beginning; past it the
 *            socket is shut down and libmicrohttpd sees the end of it
 * Phases     idle (no byte of a request yet), headers (from the first byte: the kernel's count of
 *            received bytes tells), body, work (a handler's: no deadline), answer, events (none)
 * Addresses  at most ORI_LIMIT_MAX_ADDRESS_CONNECTIONS from one, this machine's own left out: a proxy
 *            stands there
 * Refused    the client of a request refused before its body was read may still be sending: a close
 *            would reset the connection and take the answer with it. Such a socket is kept, its
 *            input dropped, for two seconds or ORI_LIMIT_MAX_DROPPED_BYTES: at most
 *            ORI_LIMIT_MAX_LINGERING of them
 * Gone       a client that closes while a handler works sets the cancel token given to watch; one
 *            that closes in the middle of its request is noticed within two seconds
 * Call order create starts the watching thread; stop joins it; destroy when no connection is open
 * Threads    may_accept, open, close, phase and watch: the HTTP thread; drain, busy any
 * Precision  a deadline is met within a second */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/auth.h"
#include "metrics/metrics.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_connections;
struct ori_peer; /* one connection */

enum ori_phase {
    ORI_PHASE_IDLE,
    ORI_PHASE_HEADERS,
    ORI_PHASE_BODY,
    ORI_PHASE_WORK,
    ORI_PHASE_ANSWER,
    ORI_PHASE_EVENTS,
    ORI_PHASE_COUNT
};
struct ori_connections_options {
    int64_t limit_ms[ORI_PHASE_COUNT]; /* 0: no deadline */
    struct ori_metrics *metrics;
    void (*on_tick)(void *self, int64_t now_us); /* on the watching thread, a few times a second */
    void *on_tick_self;
};
/* The rows of util/limits_tbl.h. */
void ori_connections_defaults(struct ori_connections_options *ret_options);

ori_status ori_connections_create(const struct ori_connections_options *options,
                                  struct ori_connections **ret_connections, struct ori_error *err);
void ori_connections_stop(struct ori_connections *connections); /* idempotent */
void ori_connections_destroy(struct ori_connections **connections);

bool ori_connections_may_accept(struct ori_connections *connections,
                                const struct sockaddr *address);
/* NULL when ORI_LIMIT_MAX_CONNECTIONS are open. fd is borrowed until close. */
struct ori_peer *ori_connections_open(struct ori_connections *connections, int fd,
                                      const struct sockaddr *address);
void ori_connections_close(struct ori_connections *connections, struct ori_peer *peer);

/* The phase begins now. Headers that began with their first byte keep their deadline. */
void ori_peer_phase(struct ori_connections *connections, struct ori_peer *peer,
                    enum ori_phase phase);
/* cancel NULL ends it. */
void ori_peer_watch(struct ori_connections *connections, struct ori_peer *peer,
                    struct ori_cancel *cancel);
void ori_peer_linger(struct ori_peer *peer);
struct ori_address_key ori_peer_address(const struct ori_peer *peer);

/* Idle connections are closed from now on. */
void ori_connections_drain(struct ori_connections *connections);
size_t ori_connections_busy(struct ori_connections *connections); /* neither idle nor events */
