#pragma once
/* net/client_priv.h: inside the HTTP client: one attempt of a fetch, and its words in the log.
 * Transfer   what libcurl's callbacks share during one attempt; on the stack of the fetch
 * Threads    one attempt, one thread; a slot belongs to the fetch that took it */
#include <curl/curl.h>

#include "net/client.h"

/* A warm handle. Each has a multi of its own with room for one connection: so a fetch waits by
 * poll with its cancel token beside the sockets, connections are kept, and no lock is shared. */
struct ori_net_slot {
    CURLM *multi; /* NULL until first used */
    CURL *easy;
    char origin[64 + 256]; /* of its connection: guard, scheme, host, port */
    curl_socket_t socket;  /* of that connection, kept by libcurl; CURL_SOCKET_BAD: none known */
    int64_t used_us;
    bool is_busy;
};

/* Which addresses a request may go to. */
enum ori_net_guard {
    ORI_NET_GUARD_NONE,
    ORI_NET_GUARD_PUBLIC, /* public ones and those of the list */
    ORI_NET_GUARD_LISTED  /* those of the list */
};

struct ori_net_transfer {
    const struct ori_net_request *request;
    const struct ori_network_list *allowed;
    const struct ori_cancel *cancel;
    struct ori_net_answer *answer;
    CURL *easy;
    int64_t body_bytes;
    size_t header_bytes;
    enum ori_net_guard guard;
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
                           const char *user_agent, int stall_s, struct ori_error *err);

/* What its URL and its flags make of a request. */
enum ori_net_guard ori_net_guard_of(const char *url, bool is_guarded, bool is_plain_listed);
bool ori_net_is_let_through(enum ori_net_guard guard, const struct ori_network_list *allowed,
                            const struct sockaddr *address);

/* ori_net_check_url for URLs that this program made or was redirected to: the text may have
 * ORI_LIMIT_MAX_NET_URL_BYTES, for signed ones are long. */
ori_status ori_net_check_long_url(const char *url, enum ori_net_guard guard,
                                  const struct ori_network_list *allowed, struct ori_error *err);

/* Whether an answer of that HTTP status is worth another attempt. */
bool ori_net_is_passing(int http_status);

/* CURLOPT_DEBUGFUNCTION; userptr is the request's log. */
int ori_net_trace(CURL *easy, curl_infotype type, char *data, size_t bytes, void *userptr);
