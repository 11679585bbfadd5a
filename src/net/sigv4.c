#include "net/sigv4.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/hash.h"
#include "util/limits.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DIGEST_BYTES 32
#define PAIRS_MAX ORI_LIMIT_MAX_SIGNED_PAIRS
#define OWN_PAIRS_MAX 6 /* X-Amz-* parameters, or headers, that signing adds */
#define KEY_TEXT_BYTES 1024

/* ---- encoding ---- */

static bool is_unreserved(unsigned char letter) /* RFC 3986, 2.3; not isalnum: no locale */
{
    return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.' ||
           letter == '~';
}

static void add_encoded(struct ori_buf *buf, const char *text, bool keeps_slash)
{
    for (; *text; text++) {
        if (is_unreserved((unsigned char)*text) || (keeps_slash && *text == '/'))
            ori_buf_add(buf, text, 1);
        else
            ori_buf_printf(buf, "%%%02X", (unsigned char)*text);
    }
}

static char *encoded(const char *text)
{
    struct ori_buf buf;
    ori_buf_init(&buf, ORI_LIMIT_MAX_NET_URL_BYTES);
    add_encoded(&buf, text, false);
    char *taken = buf.status != ORI_OK ? NULL
                  : buf.used > 0       ? ori_buf_take(&buf, NULL)
                                       : strdup("");
    ori_buf_deinit(&buf);
    return taken;
}

/* ---- names and values in order ---- */

struct pairs {
    struct own_pair {
        char *name;
        char *value;
    } rows[PAIRS_MAX + OWN_PAIRS_MAX];
    size_t count;
};

static void free_pairs(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->rows[i].name);
        free(pairs->rows[i].value);
    }
    pairs->count = 0;
}

/* Both are taken, also when they are NULL: memory ran out. */
static ori_status add_pair(struct pairs *pairs, char *name, char *value, struct ori_error *err)
{
    ORI_ASSERT(pairs->count < PAIRS_MAX + OWN_PAIRS_MAX);
    if (!name || !value) {
        free(name);
        free(value);
        return ori_error_set(err, ORI_NOMEM, "a request's signature");
    }
    pairs->rows[pairs->count].name = name;
    pairs->rows[pairs->count++].value = value;
    return ORI_OK;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct own_pair *left = a;
    const struct own_pair *right = b;
    const int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

static void sort_pairs(struct pairs *pairs)
{
    if (pairs->count > 1)
        qsort(pairs->rows, pairs->count, sizeof *pairs->rows, compare_pairs);
}

static ori_status check_counts(const struct ori_sigv4_request *request, struct ori_error *err)
{
    if (request->query_count <= PAIRS_MAX && request->headers_count <= PAIRS_MAX)
        return ORI_OK;
    return ori_error_set(err, ORI_LIMIT,
                         "more than %d parameters or headers to sign (SIGNED_PAIRS)", PAIRS_MAX);
}

static ori_status add_query(struct pairs *pairs, const struct ori_sigv4_pair *rows, size_t count,
                            struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < count && status == ORI_OK; i++)
        status = add_pair(pairs, encoded(rows[i].name), encoded(rows[i].value), err);
    return status;
}

static void print_query(const struct pairs *pairs, struct ori_buf *buf)
{
    for (size_t i = 0; i < pairs->count; i++)
        ori_buf_printf(buf, "%s%s=%s", i ? "&" : "", pairs->rows[i].name, pairs->rows[i].value);
}

/* A header's name in lower case, its value without blanks around it and with single ones inside. */
static ori_status add_header(struct pairs *pairs, const char *name, const char *value,
                             struct ori_error *err)
{
    char *lower = strdup(name);
    char *trimmed = strdup(value);
    for (char *at = lower; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    char *to = trimmed;
    for (const char *from = trimmed; from && *from; from++) {
        const bool is_blank = *from == ' ' || *from == '\t';
        if (!is_blank)
            *to++ = *from;
        else if (to > trimmed && to[-1] != ' ')
            *to++ = ' ';
    }
    if (trimmed) {
        to -= to > trimmed && to[-1] == ' ';
        *to = '\0';
    }
    return add_pair(pairs, lower, trimmed, err);
}

/* ---- the signature ---- */

struct scope {
    char time[ORI_SIGV4_TIME_BYTES]; /* 20130524T000000Z */
    char day[9];
    char text[192]; /* day/region/service/aws4_request */
};

static ori_status make_scope(const struct ori_sigv4_request *request, struct scope *scope,
                             struct ori_error *err)
{
    const time_t seconds = (time_t)request->time_s;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) ||
        strftime(scope->time, sizeof scope->time, "%Y%m%dT%H%M%SZ", &parts) != 16)
        return ori_error_set(err, ORI_INTERNAL, "a time that cannot be signed");
    memcpy(scope->day, scope->time, 8);
    scope->day[8] = '\0';
    const int bytes = snprintf(scope->text, sizeof scope->text, "%s/%s/%s/aws4_request", scope->day,
                               request->region, request->service);
    if (bytes < 0 || (size_t)bytes >= sizeof scope->text)
        return ori_error_set(err, ORI_LIMIT, "the name of a region is too long");
    return ORI_OK;
}

static bool hmac(const void *key, size_t key_bytes, const char *text, uint8_t digest[DIGEST_BYTES])
{
    unsigned bytes = 0;
    return HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text, strlen(text),
                digest, &bytes) &&
           bytes == DIGEST_BYTES;
}

static ori_status sign_text(const struct ori_sigv4_keys *keys,
                            const struct ori_sigv4_request *request, const struct scope *scope,
                            const char *text, char ret_hex[2 * DIGEST_BYTES + 1],
                            struct ori_error *err)
{
    char secret[KEY_TEXT_BYTES];
    uint8_t key[DIGEST_BYTES];
    uint8_t digest[DIGEST_BYTES];
    const int bytes = snprintf(secret, sizeof secret, "AWS4%s", keys->secret_access_key);
    ori_status status = ORI_OK;
    if (bytes < 0 || (size_t)bytes >= sizeof secret)
        status = ori_error_set(err, ORI_LIMIT, "a secret access key of more than %zu bytes",
                               sizeof secret - sizeof "AWS4");
    else if (!hmac(secret, (size_t)bytes, scope->day, digest) ||
             !hmac(digest, sizeof digest, request->region, key) ||
             !hmac(key, sizeof key, request->service, digest) ||
             !hmac(digest, sizeof digest, "aws4_request", key) ||
             !hmac(key, sizeof key, text, digest))
        status = ori_error_set(err, ORI_INTERNAL, "libcrypto: HMAC-SHA-256 failed");
    if (status == ORI_OK)
        ori_hash_hex(digest, sizeof digest, ret_hex);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(key, sizeof key);
    return status;
}

static void add_names(const struct pairs *headers, struct ori_buf *buf)
{
    for (size_t i = 0; i < headers->count; i++)
        ori_buf_printf(buf, "%s%s", i ? ";" : "", headers->rows[i].name);
}

/* The canonical request, and the text to sign that its hash is in. */
static ori_status text_to_sign(const struct ori_sigv4_request *request, const struct scope *scope,
                               const struct pairs *query, const struct pairs *headers,
                               const char *payload, struct ori_buf *ret_text, struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    char hex[2 * DIGEST_BYTES + 1];
    struct ori_buf canonical;
    ori_buf_init(&canonical, 2 * ORI_LIMIT_MAX_NET_URL_BYTES + ORI_LIMIT_MAX_NET_HEADER_BYTES);
    ori_buf_printf(&canonical, "%s\n", request->method);
    add_encoded(&canonical, request->path, true);
    ori_buf_add_text(&canonical, "\n");
    print_query(query, &canonical);
    ori_buf_add_text(&canonical, "\n");
    for (size_t i = 0; i < headers->count; i++)
        ori_buf_printf(&canonical, "%s:%s\n", headers->rows[i].name, headers->rows[i].value);
    ori_buf_add_text(&canonical, "\n");
    add_names(headers, &canonical);
    ori_buf_printf(&canonical, "\n%s", payload);
    ori_status status = ori_buf_finish(&canonical, "a request's signature", err);
    if (status == ORI_OK)
        status = ori_hash_of(ORI_HASH_SHA256, canonical.data, canonical.used, digest, err);
    if (status == ORI_OK) {
        ori_hash_hex(digest, DIGEST_BYTES, hex);
        ori_buf_printf(ret_text, ALGORITHM "\n%s\n%s\n%s", scope->time, scope->text, hex);
        status = ori_buf_finish(ret_text, "a request's signature", err);
    }
    ori_buf_deinit(&canonical);
    return status;
}

static ori_status signature_of(const struct ori_sigv4_keys *keys,
                               const struct ori_sigv4_request *request, const struct scope *scope,
                               const struct pairs *query, const struct pairs *headers,
                               const char *payload, char ret_hex[2 * DIGEST_BYTES + 1],
                               struct ori_error *err)
{
    struct ori_buf text;
    ori_buf_init(&text, sizeof scope->text + 256);
    ori_status status = text_to_sign(request, scope, query, headers, payload, &text, err);
    if (status == ORI_OK)
        status = sign_text(keys, request, scope, ori_buf_text(&text), ret_hex, err);
    ori_buf_deinit(&text);
    return status;
}

/* ---- what callers see ---- */

static bool has_token(const struct ori_sigv4_keys *keys)
{
    return keys->session_token && keys->session_token[0] != '\0';
}

static ori_status print_target(const struct ori_sigv4_request *request, const struct pairs *query,
                               struct ori_buf *ret_target, struct ori_error *err)
{
    ORI_ASSERT(request->path[0] == '/');
    add_encoded(ret_target, request->path, true);
    if (query->count > 0)
        ori_buf_add_text(ret_target, "?");
    print_query(query, ret_target);
    return ori_buf_finish(ret_target, "the URL of a signed request", err);
}

ori_status ori_sigv4_target(const struct ori_sigv4_request *request, struct ori_buf *ret_target,
                            struct ori_error *err)
{
    struct pairs query = {.count = 0};
    ori_status status = check_counts(request, err);
    if (status == ORI_OK)
        status = add_query(&query, request->query, request->query_count, err);
    sort_pairs(&query);
    if (status == ORI_OK)
        status = print_target(request, &query, ret_target, err);
    free_pairs(&query);
    return status;
}

static ori_status collect_headers(const struct ori_sigv4_keys *keys,
                                  const struct ori_sigv4_request *request,
                                  const struct scope *scope, struct pairs *headers,
                                  struct ori_error *err)
{
    ori_status status = add_header(headers, "host", request->host, err);
    if (status == ORI_OK)
        status = add_header(headers, "x-amz-content-sha256", request->payload, err);
    if (status == ORI_OK)
        status = add_header(headers, "x-amz-date", scope->time, err);
    if (status == ORI_OK && has_token(keys))
        status = add_header(headers, "x-amz-security-token", keys->session_token, err);
    for (size_t i = 0; i < request->headers_count && status == ORI_OK; i++)
        status = add_header(headers, request->headers[i].name, request->headers[i].value, err);
    sort_pairs(headers);
    return status;
}

ori_status ori_sigv4_sign(const struct ori_sigv4_keys *keys,
                          const struct ori_sigv4_request *request,
                          struct ori_buf *ret_authorization, char ret_date[ORI_SIGV4_TIME_BYTES],
                          struct ori_error *err)
{
    struct pairs query = {.count = 0};
    struct pairs headers = {.count = 0};
    struct scope scope;
    char hex[2 * DIGEST_BYTES + 1];
    ori_status status = check_counts(request, err);
    if (status == ORI_OK)
        status = make_scope(request, &scope, err);
    if (status == ORI_OK)
        status = add_query(&query, request->query, request->query_count, err);
    sort_pairs(&query);
    if (status == ORI_OK)
        status = collect_headers(keys, request, &scope, &headers, err);
    if (status == ORI_OK)
        status = signature_of(keys, request, &scope, &query, &headers, request->payload, hex, err);
    if (status == ORI_OK) {
        ori_buf_printf(ret_authorization,
                       ALGORITHM " Credential=%s/%s, SignedHeaders=", keys->access_key_id,
                       scope.text);
        add_names(&headers, ret_authorization);
        ori_buf_printf(ret_authorization, ", Signature=%s", hex);
        status = ori_buf_finish(ret_authorization, "a request's signature", err);
    }
    if (status == ORI_OK)
        memcpy(ret_date, scope.time, sizeof scope.time);
    free_pairs(&query);
    free_pairs(&headers);
    return status;
}

/* What the query of a presigned URL says beside the signature itself. */
static ori_status add_presigned(const struct ori_sigv4_keys *keys, const struct scope *scope,
                                int expires_s, const struct pairs *headers, struct pairs *query,
                                struct ori_error *err)
{
    char credential[512];
    char expires[16];
    struct ori_buf names;
    const int bytes =
        snprintf(credential, sizeof credential, "%s/%s", keys->access_key_id, scope->text);
    if (bytes < 0 || (size_t)bytes >= sizeof credential)
        return ori_error_set(err, ORI_LIMIT, "an access key id that is too long");
    snprintf(expires, sizeof expires, "%d", expires_s);
    ori_buf_init(&names, ORI_LIMIT_MAX_NET_HEADER_BYTES);
    add_names(headers, &names);
    const struct ori_sigv4_pair rows[] = {
        {"X-Amz-Algorithm", ALGORITHM},
        {"X-Amz-Credential", credential},
        {"X-Amz-Date", scope->time},
        {"X-Amz-Expires", expires},
        {"X-Amz-SignedHeaders", ori_buf_text(&names)},
        {"X-Amz-Security-Token", keys->session_token},
    };
    ori_status status = ori_buf_finish(&names, "signed headers", err);
    if (status == ORI_OK)
        status = add_query(query, rows, has_token(keys) ? 6 : 5, err);
    sort_pairs(query);
    ori_buf_deinit(&names);
    return status;
}

ori_status ori_sigv4_presign(const struct ori_sigv4_keys *keys,
                             const struct ori_sigv4_request *request, int expires_s,
                             struct ori_buf *ret_target, struct ori_error *err)
{
    ORI_ASSERT(expires_s >= 1 && expires_s <= ORI_SIGV4_EXPIRES_MAX);
    struct pairs query = {.count = 0};
    struct pairs headers = {.count = 0};
    struct scope scope;
    char hex[2 * DIGEST_BYTES + 1];
    ori_status status = check_counts(request, err);
    if (status == ORI_OK)
        status = make_scope(request, &scope, err);
    if (status == ORI_OK)
        status = add_header(&headers, "host", request->host, err);
    for (size_t i = 0; i < request->headers_count && status == ORI_OK; i++)
        status = add_header(&headers, request->headers[i].name, request->headers[i].value, err);
    sort_pairs(&headers);
    if (status == ORI_OK)
        status = add_query(&query, request->query, request->query_count, err);
    if (status == ORI_OK)
        status = add_presigned(keys, &scope, expires_s, &headers, &query, err);
    if (status == ORI_OK)
        status =
            signature_of(keys, request, &scope, &query, &headers, ORI_SIGV4_UNSIGNED, hex, err);
    if (status == ORI_OK)
        status = print_target(request, &query, ret_target, err);
    if (status == ORI_OK) {
        ori_buf_printf(ret_target, "&X-Amz-Signature=%s", hex);
        status = ori_buf_finish(ret_target, "the URL of a signed request", err);
    }
    free_pairs(&query);
    free_pairs(&headers);
    return status;
}

ori_status ori_sigv4_payload(const void *data, size_t bytes,
                             char ret_payload[ORI_SIGV4_PAYLOAD_BYTES], struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    const ori_status status = ori_hash_of(ORI_HASH_SHA256, bytes ? data : "", bytes, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, DIGEST_BYTES, ret_payload);
    return status;
}
