#pragma once
/* net/egress.h: how a request leaves this machine: through which proxy, and whose certificates it
 * believes. Certificates are always verified; nothing switches that off.
 * Proxy      HTTP_PROXY for http, HTTPS_PROXY for https, ALL_PROXY where the one that fits is empty;
 *            http, https, socks4, socks4a, socks5 and socks5h, http when none is said. Never to this
 *            machine itself (localhost, names below it, 127.0.0.0/8, ::1), nor where NO_PROXY says so
 * NO_PROXY   words split by commas or blanks: "*" is every host; "example.org", ".example.org" and
 *            "*.example.org" the host and those below it; an address; a network, "10.0.0.0/8";
 *            ":8080" behind a word makes it count for that port alone
 * Guarded    through a proxy nobody here can judge the address a name leads to. So guarded requests
 *            (net/client.h) go without one, unless proxies_guarded says that the proxy is trusted to
 *            judge; literal addresses in the URL are judged here all the same
 * Ownership  texts are borrowed; a client copies them
 * Threads    pure; any thread
 * Failure    ORI_BAD_SETTING names the variable, never its value: that may hold a password */
#include <stdbool.h>

#include "config/settings.h"
#include "util/status.h"

struct ori_net_egress { /* NULL counts as "" */
    const char *http_proxy;
    const char *https_proxy;
    const char *no_proxy;
    const char *ca_file;     /* PEM, instead of the system's; "": the system's */
    const char *ca_variable; /* which setting names that file, for messages */
    bool proxies_guarded;
};

/* S3 believes AWS_CA_BUNDLE where that is set; all else, and S3 without it, SSL_CERT_FILE. */
struct ori_net_egress ori_net_egress_of(const struct ori_settings *settings);
struct ori_net_egress ori_net_egress_of_s3(const struct ori_settings *settings);

/* A proxy that is none, a file that cannot be read. A client does this too when it is made. */
ori_status ori_net_egress_check(const struct ori_net_egress *egress, struct ori_error *err);

/* The proxy for that URL, as it is set; NULL: none. */
const char *ori_net_egress_proxy(const struct ori_net_egress *egress, const char *url,
                                 bool is_guarded);
/* Whether NO_PROXY takes the host out. host: a name, or an address with or without brackets. */
bool ori_net_egress_is_exempt(const char *no_proxy, const char *host, int port);
