/* How an attempt ended, in the program's own words: which status, whether it may pass by itself, and
 * what a person can do about it. */
#include <string.h>

#include "net/client_priv.h"
#include "util/text.h"

#define PROXY_WANTS_USER 407

/* ---- Retry-After ---- */

int64_t ori_net_retry_after_ms(const char *value, int64_t now_s)
{
    int64_t seconds = 0;
    if (value[0] != '\0' && strspn(value, "0123456789") == strlen(value))
        return ori_text_to_int(value, &seconds) && seconds <= INT32_MAX ? seconds * 1000 : -1;
    const time_t then = curl_getdate(value, NULL);
    if (then < 0 || then - now_s > INT32_MAX)
        return -1;
    return then > now_s ? (then - now_s) * 1000 : 0;
}

/* ---- certificates ---- */

/* The verification's result, of the server's certificate or of the proxy's, as OpenSSL numbers them
 * (X509_V_ERR_*). */
static long verify_result(const struct ori_net_transfer *transfer)
{
    long server = 0;
    long proxy = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &server);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &proxy);
    return server != 0 ? server : proxy;
}

static ori_status tell_certificate(const struct ori_net_transfer *transfer, const char *words,
                                   struct ori_error *err)
{
    enum {
        FINE,
        NOT_JUDGED, /* what libcurl leaves when it finds another host's name */
        NOT_YET_VALID = 9,
        EXPIRED,
        SELF_SIGNED = 18,
        IN_CHAIN,
        NO_ISSUER,
        NO_LEAF
    };
    const int code = CURLE_PEER_FAILED_VERIFICATION;
    switch (verify_result(transfer)) {
    case SELF_SIGNED:
    case IN_CHAIN:
    case NO_ISSUER:
    case NO_LEAF:
        return ori_error_set(err, ORI_NETWORK,
                             "%s: nobody that is believed here has signed it; if it is yours, name "
                             "the file with its authority's certificate by %s (curl %d)",
                             words, transfer->rules->egress.ca_variable, code);
    case EXPIRED:
    case NOT_YET_VALID:
        return ori_error_set(err, ORI_NETWORK,
                             "%s: renew it, or set this machine's clock (curl %d)", words, code);
    case FINE:
    case NOT_JUDGED:
        return ori_error_set(err, ORI_NETWORK,
                             "%s: the certificate is another host's; use a name that stands in it "
                             "(curl %d)",
                             words, code);
    default:
        return ori_error_set(err, ORI_NETWORK, "%s (curl %d)", words, code);
    }
}

/* ---- proxies ---- */

static ori_status tell_proxy(long status, struct ori_error *err)
{
    if (status == PROXY_WANTS_USER)
        return ori_error_set(err, ORI_NETWORK,
                             "the proxy asks for a user and a password, or for other ones (407): "
                             "http://user:password@host:port in HTTP_PROXY or HTTPS_PROXY");
    return ori_error_set(err, ORI_NETWORK, "the proxy refuses to go there (%ld)", status);
}

ori_status ori_net_check_proxy_answer(const struct ori_net_transfer *transfer,
                                      struct ori_error *err)
{
    if (!transfer->proxy || transfer->answer->status != PROXY_WANTS_USER)
        return ORI_OK;
    return tell_proxy(PROXY_WANTS_USER, err);
}

/* ---- libcurl's results ---- */

struct outcome {
    ori_status status;
    bool can_repeat;
};

static struct outcome outcome_of(CURLcode result, const struct ori_net_transfer *transfer)
{
    switch ((int)result) {
    case CURLE_OPERATION_TIMEDOUT:
        return (struct outcome){ORI_TIMEOUT, true};
    case CURLE_OUT_OF_MEMORY:
        return (struct outcome){ORI_NOMEM, false};
    case CURLE_FILESIZE_EXCEEDED:
        return (struct outcome){ORI_LIMIT, false};
    case CURLE_URL_MALFORMAT:
        return (struct outcome){ORI_URL_REFUSED, false};
    case CURLE_COULDNT_CONNECT:
        if (transfer->refused > 0 && transfer->opened == 0)
            return (struct outcome){ORI_URL_REFUSED, false};
        return (struct outcome){ORI_NETWORK, true};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return (struct outcome){ORI_NETWORK, true};
    default:
        return (struct outcome){ORI_NETWORK, false};
    }
}

bool ori_net_is_nobody_there(const struct ori_error *err)
{
    return err->status == ORI_NETWORK &&
           (err->native == CURLE_COULDNT_CONNECT || err->native == CURLE_COULDNT_RESOLVE_HOST);
}

ori_status ori_net_fail(CURLcode result, struct ori_net_transfer *transfer, struct ori_error *err)
{
    long tunnel = 0;
    if (transfer->status != ORI_OK) { /* one of our callbacks ended it, and said why */
        if (err && err->status == ORI_OK)
            *err = transfer->err;
        return ori_error_set(err, transfer->status, "%s", ori_status_text(transfer->status));
    }
    struct outcome outcome = outcome_of(result, transfer);
    const char *words = transfer->words[0] ? transfer->words : curl_easy_strerror(result);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    transfer->can_repeat = outcome.can_repeat && !transfer->is_delivered;
    if (err && err->status == ORI_OK)
        err->native = (int)result;
    if (tunnel >= 300) {
        transfer->can_repeat = ori_net_is_passing((int)tunnel);
        return tell_proxy(tunnel, err);
    }
    if (result == CURLE_PEER_FAILED_VERIFICATION)
        return tell_certificate(transfer, words, err);
    if (result == CURLE_SSL_CONNECT_ERROR && strstr(words, "wrong version number")) {
        transfer->can_repeat = false;
        return ori_error_set(err, ORI_NETWORK,
                             "no TLS is spoken there: is it http://? %s (curl %d)", words,
                             (int)result);
    }
    if (result == CURLE_SSL_CACERT_BADFILE && transfer->rules->egress.ca_file[0])
        return ori_error_set(err, ORI_NETWORK, "%s=%.300s: no certificates can be read there",
                             transfer->rules->egress.ca_variable, transfer->rules->egress.ca_file);
    if (outcome.status == ORI_URL_REFUSED && transfer->refused > 0)
        words = transfer->guard == ORI_NET_GUARD_LISTED
                    ? "plain http, and the name leads to an address that is not in "
                      "URL_ALLOW_PRIVATE"
                    : "the name leads to an address that is not public, nor in "
                      "URL_ALLOW_PRIVATE";
    else if (outcome.status == ORI_LIMIT)
        words = "the answer is longer than allowed";
    return ori_error_set(err, outcome.status, "%s (curl %d)", words, (int)result);
}
