/* Which URLs from outside this client takes. Read by the parser of libcurl itself, so that what is
 * judged here is what is connected to later. */
#include "net/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "net/client_priv.h"
#include "util/limits.h"
#include "util/text.h"

#define HOST_BYTES_MAX 253 /* RFC 1035, without the root's dot */

/* Sets ORI_URL_REFUSED with why; texts name no part of the URL, which may hold a secret. */
#define REFUSE(err, ...) ori_error_set((err), ORI_URL_REFUSED, __VA_ARGS__)

static ori_status check_characters(const char *url, size_t bytes_max, struct ori_error *err)
{
    size_t bytes = strnlen(url, bytes_max + 1);
    if (bytes == 0)
        return REFUSE(err, "the URL is empty");
    if (bytes > bytes_max)
        return REFUSE(err, "the URL is longer than %zu bytes", bytes_max);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= ' ' || c >= 0x7F || c == '\\')
            return REFUSE(err, "the URL has a character at %zu that must be percent-encoded", i);
    }
    return ORI_OK;
}

static const char *words_of(CURLUcode code)
{
    switch ((int)code) {
    case CURLUE_USER_NOT_ALLOWED:
        return "a user name or password inside a URL is not taken";
    case CURLUE_BAD_PORT_NUMBER:
        return "the URL's port is not a number from 1 to 65535";
    case CURLUE_UNSUPPORTED_SCHEME:
    case CURLUE_BAD_SCHEME:
        return "the URL is neither http nor https";
    case CURLUE_NO_HOST:
    case CURLUE_BAD_HOSTNAME:
    case CURLUE_BAD_IPV6:
        return "the URL has no legal host";
    default:
        return "this is not an http or https URL";
    }
}

static bool is_scheme(const char *scheme)
{
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/* The host as a literal address, in whatever way the C library would read one: libcurl makes dotted
 * decimals of 0x7f.1 and its like, but not where they are percent-encoded, nor with a dot at the end,
 * which a proxy may overlook. */
static bool read_literal(const char *host, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];
    char name[HOST_BYTES_MAX + 2];
    snprintf(name, sizeof name, "%s", host);
    const size_t name_bytes = strlen(name);
    if (name_bytes > 0 && name[name_bytes - 1] == '.')
        name[name_bytes - 1] = '\0';
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_aton(name, &in.sin_addr) != 0) {
        memcpy(ret_address, &in, sizeof in);
        return true;
    }
    if (host[0] != '[')
        return false;
    size_t bytes = strcspn(host + 1, "]%");
    if (bytes >= sizeof text)
        return false;
    memcpy(text, host + 1, bytes);
    text[bytes] = '\0';
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        return false;
    memcpy(ret_address, &in6, sizeof in6);
    return true;
}

enum ori_net_guard ori_net_guard_of(const char *url, bool is_guarded, bool is_plain_listed)
{
    if (!is_guarded)
        return ORI_NET_GUARD_NONE;
    return is_plain_listed && strncasecmp(url, "https:", 6) != 0 ? ORI_NET_GUARD_LISTED
                                                                 : ORI_NET_GUARD_PUBLIC;
}

bool ori_net_is_let_through(enum ori_net_guard guard, const struct ori_network_list *allowed,
                            const struct sockaddr *address)
{
    switch (guard) {
    case ORI_NET_GUARD_PUBLIC:
        return ori_address_is_allowed(allowed, address);
    case ORI_NET_GUARD_LISTED:
        return ori_address_is_listed(allowed, address);
    case ORI_NET_GUARD_NONE:
        break;
    }
    return true;
}

static ori_status check_host(const char *host, enum ori_net_guard guard,
                             const struct ori_network_list *allowed, struct ori_error *err)
{
    struct sockaddr_storage address;
    if (host[0] == '\0' || strlen(host) > HOST_BYTES_MAX + 1)
        return REFUSE(err, "the URL has no legal host");
    if (!read_literal(host, &address) ||
        ori_net_is_let_through(guard, allowed, (const struct sockaddr *)&address))
        return ORI_OK;
    return guard == ORI_NET_GUARD_LISTED
               ? REFUSE(err, "the URL is plain http to %s, which is not in URL_ALLOW_PRIVATE", host)
               : REFUSE(err, "the URL leads to %s, which is not public, nor in URL_ALLOW_PRIVATE",
                        host);
}

static ori_status check_parts(CURLU *parts, enum ori_net_guard guard,
                              const struct ori_network_list *allowed, struct ori_error *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *zone = NULL;
    int64_t number = 0;
    ori_status status = ORI_OK;
    CURLUcode code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    (void)curl_url_get(parts, CURLUPART_ZONEID, &zone, 0);
    if (code != CURLUE_OK)
        status = code == CURLUE_OUT_OF_MEMORY ? ori_error_set(err, ORI_NOMEM, "URL")
                                              : REFUSE(err, "%s", words_of(code));
    else if (!is_scheme(scheme))
        status = REFUSE(err, "%s", words_of(CURLUE_UNSUPPORTED_SCHEME));
    else if (!ori_text_to_int(port, &number) || number < 1 || number > 65535)
        status = REFUSE(err, "%s", words_of(CURLUE_BAD_PORT_NUMBER));
    else if (zone)
        status = REFUSE(err, "an address with a zone means something on one machine alone");
    else
        status = check_host(host, guard, allowed, err);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(zone);
    return status;
}

static ori_status check_url(const char *url, size_t bytes_max, enum ori_net_guard guard,
                            const struct ori_network_list *allowed, struct ori_error *err)
{
    ori_status status = check_characters(url, bytes_max, err);
    if (status != ORI_OK)
        return status;
    /* libcurl would guess http for a text without a scheme, and take one slash for two. */
    size_t slashes = strncasecmp(url, "http://", 7) == 0    ? 7
                     : strncasecmp(url, "https://", 8) == 0 ? 8
                                                            : 0;
    if (slashes == 0 || url[slashes] == '/')
        return REFUSE(err, "this is not an http or https URL");
    if (memchr(url + slashes, '@', strcspn(url + slashes, "/?#")))
        return REFUSE(err, "%s", words_of(CURLUE_USER_NOT_ALLOWED));
    CURLU *parts = curl_url();
    if (!parts)
        return ori_error_set(err, ORI_NOMEM, "URL");
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK)
        status = check_parts(parts, guard, allowed, err);
    else if (code == CURLUE_OUT_OF_MEMORY)
        status = ori_error_set(err, ORI_NOMEM, "URL");
    else
        status = REFUSE(err, "%s", words_of(code));
    curl_url_cleanup(parts);
    return status;
}

ori_status ori_net_check_url(const char *url, bool is_guarded,
                             const struct ori_network_list *allowed, struct ori_error *err)
{
    return check_url(url, ORI_LIMIT_MAX_URL_BYTES, ori_net_guard_of(url, is_guarded, false),
                     allowed, err);
}

ori_status ori_net_check_plain_listed(const char *url, const struct ori_network_list *allowed,
                                      struct ori_error *err)
{
    const enum ori_net_guard guard = ori_net_guard_of(url, true, true);
    ori_status status = check_url(url, ORI_LIMIT_MAX_URL_BYTES, guard, allowed, err);
    if (status == ORI_OK && guard == ORI_NET_GUARD_LISTED && ori_network_list_is_empty(allowed))
        status = REFUSE(err, "plain http goes to networks in URL_ALLOW_PRIVATE alone, and there is "
                             "none: use https");
    return status;
}

ori_status ori_net_check_long_url(const char *url, enum ori_net_guard guard,
                                  const struct ori_network_list *allowed, struct ori_error *err)
{
    return check_url(url, ORI_LIMIT_MAX_NET_URL_BYTES, guard, allowed, err);
}
