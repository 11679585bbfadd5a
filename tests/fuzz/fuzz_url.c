/* URLs from outside. Lines: a URL; the Location of an answer to it; networks that are allowed; words of
 * NO_PROXY and of CORS_ORIGINS. Whatever spelling passes the guard, the address that the name service
 * and the connection would make of it is one that may be gone to. */
#include <netdb.h>
#include <stdio.h>
#include <strings.h>

#include <curl/curl.h>

#include "cli/remote_name.h"
#include "fuzz_input.h"
#include "http/cors.h"
#include "jobs/source.h"
#include "net/client_priv.h"
#include "net/egress.h"
#include "net/redirect.h"
#include "util/limits.h"

/* The address that the URL's host is without asking anybody, as libcurl and the C library read it:
 * false for a name. */
static bool read_address(const char *url, struct sockaddr_storage *ret_address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *host = NULL;
    CURLU *parts = curl_url();
    MUST(parts);
    bool is_address = curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                      curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    if (is_address && host[0] == '[') {
        memmove(host, host + 1, strlen(host));
        host[strcspn(host, "]")] = '\0';
    }
    is_address = is_address && getaddrinfo(host, NULL, &hints, &found) == 0;
    if (is_address)
        memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    if (found)
        freeaddrinfo(found);
    curl_free(host);
    curl_url_cleanup(parts);
    return is_address;
}

static void check_taken(const char *url, bool is_plain, const struct ori_network_list *allowed)
{
    struct sockaddr_storage address;
    const bool is_tls = strncasecmp(url, "https://", 8) == 0;
    MUST(is_tls || strncasecmp(url, "http://", 7) == 0);
    MUST(!strpbrk(url, " \t\r\n\\") && !ori_text_has_control(url));
    if (!read_address(url, &address))
        return;
    if (is_plain && !is_tls)
        MUST(ori_address_is_listed(allowed, (const struct sockaddr *)&address));
    else
        MUST(ori_address_is_allowed(allowed, (const struct sockaddr *)&address));
}

static void check_url(const char *url, const struct ori_network_list *allowed)
{
    const struct ori_source_rules rules = {.allowed = allowed};
    const struct ori_source_rules local = {.allowed = allowed, .is_local = true};
    struct ori_error err = {0};
    struct ori_error plain_err = {0};
    const ori_status status = ori_net_check_url(url, true, allowed, &err);
    const ori_status plain = ori_net_check_plain_listed(url, allowed, &plain_err);
    if (status == ORI_OK)
        check_taken(url, false, allowed);
    else
        fuzz_check_failure(status, &err);
    if (plain == ORI_OK)
        check_taken(url, true, allowed);
    else
        fuzz_check_failure(plain, &plain_err);
    MUST(status != ORI_OK || ori_net_check_url(url, false, NULL, NULL) == ORI_OK);
    if (ori_remote_is_http(url)) {
        MUST((ori_source_check_url(url, &rules, NULL) == ORI_OK) == (plain == ORI_OK));
        MUST(ori_source_check_url(url, &local, NULL) != ORI_OK);
    }
}

/* ---- what is no http ---- */

static void check_source(const char *url)
{
    const struct ori_source_rules rules = {.is_local = true};
    char bucket[ORI_REMOTE_BUCKET_BYTES];
    char platform[ORI_CODE_BYTES];
    char code[ORI_CODE_BYTES];
    const char *key = NULL;
    struct ori_error err = {0};
    if (ori_source_check_url(url, &rules, &err) != ORI_OK) {
        MUST(err.text[0] != '\0');
        return;
    }
    MUST(ori_text_is_utf8(url, strlen(url)) && !ori_text_has_control(url));
    if (!ori_remote_is_s3(url)) { /* a path, which stays below its folder */
        MUST(strcmp(url, "..") != 0 && strncmp(url, "../", 3) != 0 && !strstr(url, "/../"));
        MUST(strlen(url) < 3 || strcmp(url + strlen(url) - 3, "/..") != 0);
        return;
    }
    MUST(ori_remote_split(url, bucket, &key, NULL) == ORI_OK && key[0] != '\0');
    MUST(ori_remote_name(url, key, ORI_REMOTE_PLATFORM, platform, code, NULL) == ORI_OK);
    MUST(ori_text_is_code(platform) && ori_text_is_code(code));
    (void)ori_remote_is_video_key(key, "");
}

/* ---- where it leads, and by which way ---- */

static void check_redirect(const char *from, const char *location)
{
    struct ori_error err = {0};
    char *url = NULL;
    const ori_status status = ori_net_redirect(from, location, &url, &err);
    if (status != ORI_OK) {
        MUST(!url);
        fuzz_check_failure(status, &err);
        return;
    }
    MUST(ori_net_check_long_url(url, ORI_NET_GUARD_NONE, NULL, NULL) == ORI_OK);
    MUST(strncasecmp(from, "https:", 6) != 0 || strncasecmp(url, "https:", 6) == 0);
    MUST(ori_net_is_same_origin(url, url));
    MUST(ori_net_is_same_origin(from, url) == ori_net_is_same_origin(url, from));
    free(url);
}

static void check_egress(const char *url, const char *words)
{
    const struct ori_net_egress egress = {
        .http_proxy = words, .https_proxy = "socks5h://proxy:1", .no_proxy = words};
    struct sockaddr_storage address;
    struct ori_error err = {0};
    const ori_status status = ori_net_egress_check(&egress, &err);
    if (status != ORI_OK)
        fuzz_check_failure(status, &err);
    MUST(!ori_net_egress_proxy(&egress, url, true)); /* guarded: nobody could judge the address */
    const char *proxy = ori_net_egress_proxy(&egress, url, false);
    if (proxy && !strchr(url, '%') && read_address(url, &address))
        MUST(!ori_address_is_loopback((const struct sockaddr *)&address) ||
             address.ss_family == AF_INET6); /* ::ffff:127.0.0.1 is spelled on purpose */
}

static void check_origins(const char *origins, const char *url)
{
    const char *bad = NULL;
    size_t bad_bytes = 0;
    if (!ori_cors_is_list(origins, &bad, &bad_bytes))
        MUST(bad >= origins && bad_bytes > 0 && bad + bad_bytes <= origins + strlen(origins));
    if (ori_cors_allows(origins, url))
        MUST(strchr(origins, '*') || strcasestr(origins, url));
    MUST(!ori_cors_allows(origins, "null") || strchr(origins, '*'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_network_list *allowed = NULL;
    struct ori_error err = {0};
    char *text = fuzz_text(data, bytes);
    char *rest = text;
    const char *url = fuzz_line(&rest);
    const char *location = fuzz_line(&rest);
    const char *networks = fuzz_line(&rest);
    const char *words = fuzz_line(&rest);
    const ori_status status = ori_network_list_create(networks, &allowed, &err);
    if (status != ORI_OK)
        MUST(!allowed && err.status == status && err.text[0]);
    check_url(url, allowed);
    check_source(url);
    check_redirect(url, location);
    check_egress(url, words);
    check_origins(words, url);
    ori_network_list_destroy(&allowed);
    free(text);
    return 0;
}
