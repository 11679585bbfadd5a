#pragma once
/* net/client.h: the one HTTP client of the program, over libcurl.
 * Call order  global_init once, in main, before threads; create; fetch from any thread; destroy
 *             when no fetch runs
 * Pool        connections are kept and used again, connections_max at most at once; a fetch beyond
 *             that waits for its turn
 * Guard       with is_guarded the address a name leads to is judged at the moment of connecting
 *             (net/address.h), so that no second answer of the name service gets past it; with
 *             is_plain_listed too plain http goes to addresses of the list alone, through no proxy;
 *             http and https alone, no proxy unless that was allowed (net/egress.h). Redirects are
 *             followed for nobody
 * Proxy, TLS  as the egress of the options says; certificates are always verified
 * HTTP/2      over TLS, where the server offers it. One request at a time on each connection, so
 *             that connections_max means the same with both: see docs/adr/0008
 * Retry       connection failures, 408, 425, 429, 500, 502, 503, 504 are tried again
 *             `retries` times with exponential backoff and jitter; Retry-After is obeyed up to
 *             the deadline; would the wait go past that, the last answer or failure is the result.
 *             Only for requests that may be repeated: the caller says so. Others never go over a
 *             kept connection either, for on one that has died they would be sent twice
 * Limits      bytes of the answer's body and headers; time to connect, TLS and the way through a proxy
 *             counted in; time from the request's last byte to the answer's last header; time in
 *             all; and a least speed: a peer that trickles is dropped
 * Cancel      noticed within 200 ms
 * Failure     NETWORK (curl's words and code, and what to do where it is known), TIMEOUT,
 *             URL_REFUSED, LIMIT, CANCELLED, NOMEM. An answer of whatever HTTP status is ORI_OK
 * Log         curl's own messages at trace, with the prefix of the log in the request; header
 *             values that are secret never appear */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"
#include "net/address.h"
#include "util/buf.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_net_client;
struct ori_net_egress;

struct ori_net_client_options {
    const struct ori_network_list *allowed; /* for guarded requests; borrowed; may be NULL */
    int connections_max;                    /* 1..1000 */
    const char *user_agent;                 /* NULL: "oriane/VERSION" */
    int stall_s;                            /* slower than 64 bytes a second for so long; 0: 30 */
    const struct ori_net_egress *egress;    /* copied; NULL: no proxy, the system's certificates */
};

ori_status ori_net_global_init(struct ori_error *err);
void ori_net_global_deinit(void);

/* ORI_BAD_SETTING: the egress is none (net/egress.h). */
ori_status ori_net_client_create(const struct ori_net_client_options *options,
                                 struct ori_net_client **ret_client, struct ori_error *err);
void ori_net_client_destroy(struct ori_net_client **client); /* null-safe, nulls */

struct ori_net_header {
    const char *name;
    const char *value; /* a control character in either is ORI_USAGE */
};
struct ori_net_request {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" */
    const char *url;
    const struct ori_net_header *headers;
    size_t headers_count;
    const void *body; /* NULL: none */
    size_t body_bytes;
    bool is_guarded;
    bool is_plain_listed; /* with is_guarded: http, unlike https, only where the list says so */
    bool is_repeatable;
    int retries;
    int connect_ms;            /* 0: 5 s */
    int head_ms;               /* from the request's last byte to the answer's last header; 0: as
                                  long as a stall may be */
    int64_t wait_ms_max;       /* longest Retry-After that is obeyed; 0: any up to the deadline */
    int64_t deadline_us;       /* of the monotonic clock, over all attempts and waits */
    size_t answer_bytes_max;   /* of the body */
    const struct ori_log *log; /* may be NULL */
    const char *const *keep;   /* names of the answer's headers that are kept, NULL at the end;
                                  NULL: none */
    /* NULL: the body is collected in the answer. Else called with each piece of a 2xx answer
     * instead (what other answers say is still collected); a status other than ORI_OK ends the fetch
     * with it. Once it was called, the fetch is not tried again. When it is, all fields of the
     * answer but the body are filled in. */
    ori_status (*on_body)(void *self, const void *data, size_t bytes, struct ori_error *err);
    void *on_body_self;
};
#define ORI_NET_PEER_BYTES 64
struct ori_net_answer {
    int status; /* HTTP */
    struct ori_buf body;
    char content_type[128];
    int64_t retry_after_ms; /* -1: not said */
    int attempts;
    char peer
        [ORI_NET_PEER_BYTES]; /* the address that answered, "192.0.2.1"; "" unknown, or a proxy was between */
    struct ori_buf kept; /* private: ori_net_answer_header */
};
void ori_net_answer_init(struct ori_net_answer *ret_answer);
void ori_net_answer_deinit(struct ori_net_answer *answer); /* idempotent */
/* The value of a header that was kept, in whatever case its name came, of several the first; it
 * lives as long as the answer. NULL: the answer had none, an empty one, or one with a control
 * character. */
const char *ori_net_answer_header(const struct ori_net_answer *answer, const char *name);

ori_status ori_net_fetch(struct ori_net_client *client, const struct ori_net_request *request,
                         const struct ori_cancel *cancel, struct ori_net_answer *answer,
                         struct ori_error *err);

/* Whether a fetch ended so because nobody listens there, or nobody knows the name. */
bool ori_net_is_nobody_there(const struct ori_error *err);
/* Whether an answer of that HTTP status is worth another attempt. */
bool ori_net_is_passing(int http_status);

/* Whether a text from outside is an http or https URL this client would take: a host, no user or
 * password, a legal port, no control characters, at most ORI_LIMIT_MAX_URL_BYTES. ORI_URL_REFUSED
 * says what is wrong. With is_guarded also refuses literal addresses that are not allowed. */
ori_status ori_net_check_url(const char *url, bool is_guarded,
                             const struct ori_network_list *allowed, struct ori_error *err);
/* The same for a request with is_plain_listed. A name is judged when it is connected to; but without
 * any network in the list no plain http URL is taken. */
ori_status ori_net_check_plain_listed(const char *url, const struct ori_network_list *allowed,
                                      struct ori_error *err);
