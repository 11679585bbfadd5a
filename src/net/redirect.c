#include "net/redirect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "net/client_priv.h"
#include "util/limits.h"

bool ori_net_is_redirect(int http_status)
{
    switch (http_status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return true;
    default:
        return false;
    }
}

static bool is_absolute(const char *location)
{
    return strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0;
}

/* A reference relative to `from`, resolved by the parser of libcurl. */
static ori_status resolve(const char *from, const char *location, char **ret_url,
                          struct ori_error *err)
{
    char *url = NULL;
    ori_status status = ORI_OK;
    CURLU *parts = curl_url();
    if (!parts)
        return ori_error_set(err, ORI_NOMEM, "redirect");
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, from, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK)
        code = curl_url_set(parts, CURLUPART_URL, location, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_URL, &url, 0);
    if (code == CURLUE_OK)
        *ret_url = strdup(url);
    if (code == CURLUE_OUT_OF_MEMORY || (code == CURLUE_OK && !*ret_url))
        status = ori_error_set(err, ORI_NOMEM, "redirect");
    else if (code != CURLUE_OK)
        status = ori_error_set(err, ORI_URL_REFUSED, "a redirect leads to what is no URL");
    curl_free(url);
    curl_url_cleanup(parts);
    return status;
}

ori_status ori_net_redirect(const char *from, const char *location, char **ret_url,
                            struct ori_error *err)
{
    char *url = NULL;
    ori_status status = ORI_OK;
    if (!location || location[0] == '\0')
        return ori_error_set(err, ORI_URL_REFUSED, "a redirect without a Location");
    if (strnlen(location, ORI_LIMIT_MAX_NET_URL_BYTES + 1) > ORI_LIMIT_MAX_NET_URL_BYTES)
        return ori_error_set(err, ORI_URL_REFUSED, "a redirect to a URL longer than %d bytes",
                             ORI_LIMIT_MAX_NET_URL_BYTES);
    if (!is_absolute(location)) {
        status = resolve(from, location, &url, err);
    } else {
        url = strdup(location); /* as it is: a signed URL is signed as it is written */
        if (!url)
            status = ori_error_set(err, ORI_NOMEM, "redirect");
    }
    if (status == ORI_OK)
        status = ori_net_check_long_url(url, ORI_NET_GUARD_NONE, NULL, err);
    if (status == ORI_OK && strncasecmp(from, "https:", 6) == 0 &&
        strncasecmp(url, "https:", 6) != 0)
        status = ori_error_set(err, ORI_URL_REFUSED, "a redirect from https down to http");
    if (status == ORI_OK) {
        *ret_url = url;
        url = NULL;
    }
    free(url);
    return status;
}

/* "scheme://host:port" in lower case, the port always said; NULL when it is none or memory ran out.
 * curl_free. */
static char *origin_of(const char *url)
{
    char *origin = NULL;
    CURLU *parts = curl_url();
    bool is_well = parts &&
                   curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                   curl_url_set(parts, CURLUPART_PATH, NULL, 0) == CURLUE_OK &&
                   curl_url_set(parts, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
                   curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_URL, &origin, CURLU_DEFAULT_PORT) == CURLUE_OK;
    curl_url_cleanup(parts);
    return is_well ? origin : NULL;
}

bool ori_net_is_same_origin(const char *a, const char *b)
{
    char *origin_a = is_absolute(a) ? origin_of(a) : NULL;
    char *origin_b = is_absolute(b) ? origin_of(b) : NULL;
    bool is_same = origin_a && origin_b && strcasecmp(origin_a, origin_b) == 0;
    curl_free(origin_a);
    curl_free(origin_b);
    return is_same;
}
