#pragma once
/* net/client_priv.h: inside the HTTP client: one attempt of a fetch, what its end means, and its
 * words in the log.
 * Transfer   what libcurl's callbacks share during one attempt; on the stack of the fetch
 * Threads    one attempt, one thread; a slot belongs to the fetch that took it */
#include <curl/curl.h>

#include "net/client.h"
#include "net/egress.h"

/* A warm handle. Each has a multi of its own with room for one connection: so a fetch waits by
 * poll with its cancel token beside the sockets, connections are kept, and no lock is shared. */
struct ori_net_slot {
    CURLM *multi; /* NULL until first used */
    CURL *easy;
    char origin[64 + 256]; /* of its connection: guard, scheme, host, port */
    curl_socket_t socket;  /* of that connection, kept by libcurl; CURL_SOCKET_BAD: none known */
    int64_t used_us;
    bool is_h2; /* that connection speaks HTTP/2 */
    bool is_busy;
};

/* What all fetches of a client have in common; immutable. */
struct ori_net_rules {
    const struct ori_network_list *allowed;
    char *user_agent;
    int stall_s;
    struct ori_net_egress egress; /* its texts are the client's */
};

/* Which addresses a request may go to. */
enum ori_net_guard {
    ORI_NET_GUARD_NONE,
    ORI_NET_GUARD_PUBLIC, /* public ones and those of the list */
    ORI_NET_GUARD_LISTED  /* those of the list */
};

struct ori_net_transfer {
    const struct ori_net_request *request;
    const struct ori_net_rules *rules;
    const struct ori_cancel *cancel;
    struct ori_net_answer *answer;
    const char *proxy; /* NULL: none */
    CURL *easy;
    int64_t body_bytes;
    size_t header_bytes;
    enum ori_net_guard guard;
    bool has_head;     /* the answer's last header has come */
    int64_t sent_us;   /* when the request's last byte had left; 0: it has not */
    bool is_delivered; /* on_body has seen something of this fetch: it cannot be begun again */
    int refused;       /* addresses the guard said no to */
    int opened;        /* sockets it let pass */
    bool can_repeat;   /* out: the failure may pass by itself */
    ori_status status; /* out: why a callback ended the attempt */
    struct ori_error err;
    struct curl_slist *headers;
    char words[CURL_ERROR_SIZE];
};

/* Fills in the handle and runs it to its end. ORI_OK: there is an answer, of whatever status. */
ori_status ori_net_attempt(struct ori_net_slot *slot, struct ori_net_transfer *transfer,
                           struct ori_error *err);

/* What libcurl's result other than CURLE_OK means, in the program's words; sets can_repeat. While the
 * handle still has the transfer. */
ori_status ori_net_fail(CURLcode result, struct ori_net_transfer *transfer, struct ori_error *err);
/* An answer of a proxy instead of one from behind it: a failure. ORI_OK otherwise. */
ori_status ori_net_check_proxy_answer(const struct ori_net_transfer *transfer,
                                      struct ori_error *err);

/* Milliseconds that a Retry-After asks for: seconds, or a date (RFC 9110, 10.2.3); a date that has
 * passed is 0. -1: neither. */
int64_t ori_net_retry_after_ms(const char *value, int64_t now_s);

/* What its URL and its flags make of a request. */
enum ori_net_guard ori_net_guard_of(const char *url, bool is_guarded, bool is_plain_listed);
bool ori_net_is_let_through(enum ori_net_guard guard, const struct ori_network_list *allowed,
                            const struct sockaddr *address);

/* ori_net_check_url for URLs that this program made or was redirected to: the text may have
 * ORI_LIMIT_MAX_NET_URL_BYTES, for signed ones are long. */
ori_status ori_net_check_long_url(const char *url, enum ori_net_guard guard,
                                  const struct ori_network_list *allowed, struct ori_error *err);

/* CURLOPT_DEBUGFUNCTION; userptr is the request's log. */
int ori_net_trace(CURL *easy, curl_infotype type, char *data, size_t bytes, void *userptr);
