#include "http/auth.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "util/hash.h"
#include "util/limits.h"

#define MINUTE_US INT64_C(60000000)
#define LOGIN_BYTES 1400 /* user and password of the most the settings allow */

static bool is_equal(const char *given, size_t given_bytes, const char *wanted)
{
    uint8_t a[ORI_HASH_BYTES_MAX];
    uint8_t b[ORI_HASH_BYTES_MAX];
    if (ori_hash_of(ORI_HASH_SHA256, given, given_bytes, a, NULL) != ORI_OK ||
        ori_hash_of(ORI_HASH_SHA256, wanted, strlen(wanted), b, NULL) != ORI_OK)
        return false;
    return CRYPTO_memcmp(a, b, sizeof a) == 0;
}

static enum ori_auth_verdict check_key(const struct ori_settings *settings, bool is_loopback,
                                       const char *key)
{
    if (!ori_secret_is_set(settings->api_key))
        return is_loopback ? ORI_AUTH_OK : ORI_AUTH_NO_KEY;
    if (!key || key[0] == '\0')
        return ORI_AUTH_NO_KEY;
    return is_equal(key, strlen(key), ori_secret_reveal(settings->api_key)) ? ORI_AUTH_OK
                                                                            : ORI_AUTH_WRONG_KEY;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4, padding where there must be some. False when it is none or does not fit. */
static bool decode_base64(const char *text, char *ret_data, size_t size, size_t *ret_bytes)
{
    size_t chars = strcspn(text, "=");
    size_t padding = strlen(text) - chars;
    if ((chars + padding) % 4 != 0 || padding > 2 || strspn(text + chars, "=") != padding)
        return false;
    unsigned bits = 0;
    int held = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < chars; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (bytes == size)
            return false;
        ret_data[bytes++] = (char)(bits >> held & 0xff);
    }
    *ret_bytes = bytes;
    return true;
}

static enum ori_auth_verdict check_login(const struct ori_settings *settings,
                                         const char *authorization)
{
    if (settings->api_username[0] == '\0')
        return ORI_AUTH_OK;
    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
        return ORI_AUTH_NO_LOGIN;
    char login[LOGIN_BYTES];
    size_t bytes = 0;
    const char *at = authorization + 6 + strspn(authorization + 6, " ");
    if (!decode_base64(at, login, sizeof login, &bytes))
        return ORI_AUTH_WRONG_LOGIN;
    const char *colon = memchr(login, ':', bytes);
    if (!colon)
        return ORI_AUTH_WRONG_LOGIN;
    /* both are compared whatever the first says */
    bool is_user = is_equal(login, (size_t)(colon - login), settings->api_username);
    bool is_password = is_equal(colon + 1, bytes - (size_t)(colon + 1 - login),
                                ori_secret_reveal(settings->api_password));
    OPENSSL_cleanse(login, sizeof login);
    bool is_set = ori_secret_is_set(settings->api_password);
    return (is_user & is_password & is_set) ? ORI_AUTH_OK : ORI_AUTH_WRONG_LOGIN;
}

/* Prometheus sends a key this way alone. RFC 6750 section 2.1; NULL when there is none. */
static const char *bearer_of(const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    return authorization + 7 + strspn(authorization + 7, " ");
}

enum ori_auth_verdict ori_auth_check(const struct ori_settings *settings, enum ori_route_auth auth,
                                     bool is_loopback, const struct ori_auth_headers *headers)
{
    switch (auth) {
    case ORI_ROUTE_OPEN:
        return ORI_AUTH_OK;
    case ORI_ROUTE_BASIC:
        return check_login(settings, headers->authorization);
    case ORI_ROUTE_METRICS:
        if (!settings->metrics_auth)
            return ORI_AUTH_OK;
        return check_key(settings, is_loopback,
                         headers->key ? headers->key : bearer_of(headers->authorization));
    case ORI_ROUTE_KEY:
        break;
    }
    return check_key(settings, is_loopback, headers->key);
}

bool ori_auth_is_local_host(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    if (!host)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t bytes = strlen(names[i]);
        if (strncasecmp(host, names[i], bytes) != 0)
            continue;
        const char *port = host + bytes;
        if (*port == '\0')
            return true;
        size_t digits = strspn(port + (*port == ':'), "0123456789");
        return *port == ':' && digits >= 1 && digits <= 5 && port[1 + digits] == '\0';
    }
    return false;
}

struct ori_address_key ori_address_key(const struct sockaddr *address)
{
    struct ori_address_key key = {0, 0};
    if (address->sa_family == AF_INET) {
        key.low = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        key.high = 1; /* no IPv6 network is ::1/64 */
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *ip =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(ip)) {
            key.high = 1;
            key.low = (uint64_t)ip->s6_addr[12] << 24 | (uint64_t)ip->s6_addr[13] << 16 |
                      (uint64_t)ip->s6_addr[14] << 8 | ip->s6_addr[15];
        } else {
            for (int i = 0; i < 8; i++)
                key.high = key.high << 8 | ip->s6_addr[i];
            key.low = UINT64_MAX;
        }
    }
    return key;
}

bool ori_auth_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *ip =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_LOOPBACK(ip))
            return true;
    }
    struct ori_address_key key = ori_address_key(address);
    return key.high == 1 && key.low >> 24 == 127;
}

int ori_guesses_add(struct ori_guesses *guesses, struct ori_address_key who, int64_t now_us)
{
    int oldest = 0;
    for (int i = 0; i < ORI_AUTH_GUESSERS; i++) {
        if (guesses->rows[i].since_us < guesses->rows[oldest].since_us)
            oldest = i;
        if (guesses->rows[i].since_us == 0 || guesses->rows[i].who.high != who.high ||
            guesses->rows[i].who.low != who.low)
            continue;
        int64_t left_us = guesses->rows[i].since_us + MINUTE_US - now_us;
        if (left_us <= 0) {
            guesses->rows[i].since_us = now_us;
            guesses->rows[i].count = 1;
            return 0;
        }
        if (guesses->rows[i].count >= ORI_LIMIT_MAX_WRONG_KEYS)
            return (int)(left_us / 1000000) + 1;
        guesses->rows[i].count++;
        return 0;
    }
    guesses->rows[oldest].who = who;
    guesses->rows[oldest].since_us = now_us;
    guesses->rows[oldest].count = 1;
    return 0;
}
