#pragma once
/* http/auth.h: who may ask: a key, Basic for the reference page, and the Host of a keyless server.
 * Key        X-API-Key against API_KEY, digests compared in constant time: neither the length nor the
 *            place of the first wrong character shows in the time it takes
 * Basic      API_USERNAME and API_PASSWORD, compared likewise. A user without a password lets nobody
 *            in: an empty password is no password
 * Keyless    on loopback alone, and only for a Host that is loopback: a name that somebody's DNS
 *            points at 127.0.0.1 would bring a web page's requests in. From a page of another origin
 *            nothing is changed either. A server that listens elsewhere and loses its key on reload
 *            lets nobody in
 * Guessing   after ORI_LIMIT_MAX_WRONG_KEYS wrong keys from one address in a minute the next wrong ones
 *            get 429; the right key still works, so that nobody is locked out by a neighbour. At most
 *            GUESSERS addresses are remembered: the least recent goes
 * Threads    a limiter: one thread; the rest any */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/settings.h"
#include "http/route.h"

enum ori_auth_verdict {
    ORI_AUTH_OK,
    ORI_AUTH_NO_KEY,
    ORI_AUTH_WRONG_KEY,
    ORI_AUTH_NO_LOGIN, /* Basic */
    ORI_AUTH_WRONG_LOGIN
};
struct ori_auth_headers {
    const char *key; /* X-API-Key, NULL: none, likewise below */
    const char *authorization;
};
/* is_loopback: where the server listens. */
enum ori_auth_verdict ori_auth_check(const struct ori_settings *settings, enum ori_route_auth auth,
                                     bool is_loopback, const struct ori_auth_headers *headers);

/* "localhost", "127.0.0.1", "[::1]", each with any port. */
bool ori_auth_is_local_host(const char *host);
bool ori_auth_is_loopback(const struct sockaddr *address);

/* An address as a number that tells clients apart: IPv6 by its /64, IPv4 inside IPv6 as IPv4. */
struct ori_address_key {
    uint64_t high;
    uint64_t low;
};
struct ori_address_key ori_address_key(const struct sockaddr *address);

#define ORI_AUTH_GUESSERS 256
struct ori_guesses {
    struct {
        struct ori_address_key who;
        int64_t since_us; /* 0: free */
        int count;
    } rows[ORI_AUTH_GUESSERS];
};
/* Counts a wrong key. 0, or the seconds after which it may be tried again. */
int ori_guesses_add(struct ori_guesses *guesses, struct ori_address_key who, int64_t now_us);
