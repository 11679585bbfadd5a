#include "net/egress.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "util/text.h"

#define HOST_BYTES 256 /* RFC 1035: 253 */
#define PROXY_BYTES 2048

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *first_set(const char *a, const char *b)
{
    return a[0] ? a : b;
}

/* ---- from the settings ---- */

struct ori_net_egress ori_net_egress_of(const struct ori_settings *settings)
{
    return (struct ori_net_egress){
        .http_proxy = first_set(settings->http_proxy, settings->all_proxy),
        .https_proxy = first_set(settings->https_proxy, settings->all_proxy),
        .no_proxy = settings->no_proxy,
        .ca_file = settings->ssl_cert_file,
        .ca_variable = "SSL_CERT_FILE",
        .proxies_guarded = settings->url_allow_proxy};
}

struct ori_net_egress ori_net_egress_of_s3(const struct ori_settings *settings)
{
    struct ori_net_egress egress = ori_net_egress_of(settings);
    if (settings->aws_ca_bundle[0])
        egress.ca_file = settings->aws_ca_bundle;
    if (settings->aws_ca_bundle[0] || !settings->ssl_cert_file[0])
        egress.ca_variable = "AWS_CA_BUNDLE";
    return egress;
}

static bool is_proxy_scheme(const char *scheme)
{
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strcasecmp(schemes[i], scheme) == 0)
            return true;
    }
    return false;
}

/* Read by the parser that reads it again when it is used. */
static bool is_proxy(const char *text)
{
    char *scheme = NULL;
    char *host = NULL;
    char *path = NULL;
    CURLU *parts = curl_url();
    const unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME;
    char whole[PROXY_BYTES + sizeof "http://"];
    if (strlen(text) > PROXY_BYTES || ori_text_has_control(text)) {
        curl_url_cleanup(parts);
        return false;
    }
    snprintf(whole, sizeof whole, "%s%s", strstr(text, "://") ? "" : "http://", text);
    bool is_well = parts && curl_url_set(parts, CURLUPART_URL, whole, flags) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    is_well = is_well && is_proxy_scheme(scheme) && host[0] && strcmp(path, "/") == 0;
    curl_free(scheme);
    curl_free(host);
    curl_free(path);
    curl_url_cleanup(parts);
    return is_well;
}

ori_status ori_net_egress_check(const struct ori_net_egress *egress, struct ori_error *err)
{
    const char *const proxies[] = {or_empty(egress->http_proxy), or_empty(egress->https_proxy)};
    const char *ca_file = or_empty(egress->ca_file);
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        if (proxies[i][0] && !is_proxy(proxies[i]))
            return ori_error_set(err, ORI_BAD_SETTING,
                                 "%s, or ALL_PROXY: expected a proxy like http://host:3128 or "
                                 "socks5h://host:1080, with user:password@ in front of the host "
                                 "where it asks for them",
                                 i == 0 ? "HTTP_PROXY" : "HTTPS_PROXY");
    }
    if (ca_file[0] && access(ca_file, R_OK) != 0)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "%s=%.300s: expected a file of certificates (PEM) that can be read",
                             or_empty(egress->ca_variable), ca_file);
    return ORI_OK;
}

/* ---- which way ---- */

struct target {
    char host[HOST_BYTES]; /* without brackets and without a dot at its end */
    unsigned char address[16];
    int family; /* AF_INET, AF_INET6; AF_UNSPEC: a name */
    int port;
};

static int read_address(const char *text, unsigned char ret_address[16])
{
    if (inet_pton(AF_INET, text, ret_address) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, text, ret_address) == 1 ? AF_INET6 : AF_UNSPEC;
}

static void read_target(const char *host, int port, struct target *ret_target)
{
    size_t bytes = strlen(host);
    *ret_target = (struct target){.port = port};
    if (bytes >= 2 && host[0] == '[' && host[bytes - 1] == ']') {
        host++;
        bytes -= 2;
    }
    if (bytes > 0 && host[bytes - 1] == '.')
        bytes--;
    if (bytes >= sizeof ret_target->host)
        bytes = 0; /* no name is as long: it matches nothing */
    memcpy(ret_target->host, host, bytes);
    ret_target->family = read_address(ret_target->host, ret_target->address);
}

static bool has_same_start(const unsigned char *a, const unsigned char *b, int64_t bits)
{
    const size_t whole = (size_t)bits / 8;
    const int rest = (int)(bits % 8);
    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || ((a[whole] ^ b[whole]) & (0xFF << (8 - rest) & 0xFF)) == 0);
}

/* word: "10.0.0.1", "::1", or either with "/bits". */
static bool is_in_network(const struct target *target, char *word)
{
    unsigned char network[16] = {0};
    char *slash = strchr(word, '/');
    if (slash)
        *slash = '\0';
    const int family = read_address(word, network);
    int64_t bits = family == AF_INET ? 32 : 128;
    const int64_t bits_max = bits;
    if (family == AF_UNSPEC || family != target->family)
        return false;
    if (slash && (!ori_text_to_int(slash + 1, &bits) || bits < 0 || bits > bits_max))
        return false;
    return has_same_start(network, target->address, bits);
}

/* The host itself, or one below it. */
static bool is_below(const char *host, const char *domain)
{
    const size_t host_bytes = strlen(host);
    const size_t domain_bytes = strlen(domain);
    if (domain_bytes == 0 || host_bytes < domain_bytes ||
        strcasecmp(host + host_bytes - domain_bytes, domain) != 0)
        return false;
    return host_bytes == domain_bytes || host[host_bytes - domain_bytes - 1] == '.';
}

/* Takes ":port" and brackets off; false: it is for another port. */
static bool cut_port(char **word, int port)
{
    int64_t number = 0;
    char *text = *word;
    char *colon = strrchr(text, ':');
    char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const bool has_port = colon && (bracket ? colon == bracket + 1 : colon == strchr(text, ':'));
    if (has_port && ori_text_to_int(colon + 1, &number)) {
        *colon = '\0';
        if (number != port)
            return false;
    }
    if (bracket) {
        *bracket = '\0';
        *word = text + 1;
    }
    return true;
}

static bool is_named(const struct target *target, char *word)
{
    if (strcmp(word, "*") == 0)
        return true;
    if (!cut_port(&word, target->port))
        return false;
    if (target->family != AF_UNSPEC)
        return is_in_network(target, word);
    if (strncmp(word, "*.", 2) == 0)
        word++;
    if (word[0] == '.')
        word++;
    const size_t bytes = strlen(word);
    if (bytes > 0 && word[bytes - 1] == '.')
        word[bytes - 1] = '\0';
    return is_below(target->host, word);
}

static bool is_exempt(const char *no_proxy, const struct target *target)
{
    static const char separators[] = ", \t";
    for (no_proxy += strspn(no_proxy, separators); *no_proxy;) {
        char word[HOST_BYTES + 16];
        const size_t bytes = strcspn(no_proxy, separators);
        if (bytes < sizeof word) { /* longer than any host is none */
            memcpy(word, no_proxy, bytes);
            word[bytes] = '\0';
            if (is_named(target, word))
                return true;
        }
        no_proxy += bytes;
        no_proxy += strspn(no_proxy, separators);
    }
    return false;
}

bool ori_net_egress_is_exempt(const char *no_proxy, const char *host, int port)
{
    struct target target;
    read_target(host, port, &target);
    return is_exempt(no_proxy, &target);
}

static bool is_this_machine(const struct target *target)
{
    static const unsigned char loopback6[16] = {[15] = 1};
    switch (target->family) {
    case AF_INET:
        return target->address[0] == 127;
    case AF_INET6:
        return memcmp(target->address, loopback6, sizeof loopback6) == 0;
    default:
        return is_below(target->host, "localhost"); /* RFC 6761, 6.3 */
    }
}

/* False: no URL, or no memory; then there is no request either. */
static bool read_url(const char *url, struct target *ret_target)
{
    char *host = NULL;
    char *port = NULL;
    int64_t number = 0;
    CURLU *parts = curl_url();
    const bool is_well =
        parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        ori_text_to_int(port, &number);
    if (is_well)
        read_target(host, (int)number, ret_target);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return is_well;
}

const char *ori_net_egress_proxy(const struct ori_net_egress *egress, const char *url,
                                 bool is_guarded)
{
    struct target target;
    const bool is_tls = strncasecmp(url, "https:", 6) == 0;
    const char *proxy = or_empty(is_tls ? egress->https_proxy : egress->http_proxy);
    if (proxy[0] == '\0' || (is_guarded && !egress->proxies_guarded) || !read_url(url, &target) ||
        is_this_machine(&target) || is_exempt(or_empty(egress->no_proxy), &target))
        return NULL;
    return proxy;
}
