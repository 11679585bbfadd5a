/* One attempt of a fetch: a handle filled in, run by poll beside the cancel token, and what libcurl
 * said of it in the program's own words. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "net/client_priv.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/text.h"

#define CONNECT_MS 5000
#define MS_A_SECOND 1000
#define SPEED_LEAST 64 /* bytes a second */
#define POLL_MS_MAX 1000
#define PIECE_BYTES (256 << 10)

bool ori_net_is_passing(int http_status)
{
    switch (http_status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

/* ---- callbacks ---- */

/* The guard: asked for each address a name leads to, at the moment of connecting. */
static curl_socket_t open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ori_net_transfer *transfer = self;
    (void)purpose;
    if (!transfer->proxy &&
        !ori_net_is_let_through(transfer->guard, transfer->rules->allowed, &address->addr)) {
        transfer->refused++;
        return CURL_SOCKET_BAD;
    }
    /* Close-on-exec from its birth: other threads start processes. */
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->opened += fd >= 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int http_status(const struct ori_net_transfer *transfer)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static size_t take_header(char *data, size_t size, size_t count, void *self)
{
    struct ori_net_transfer *transfer = self;
    size_t bytes = size * count;
    transfer->header_bytes += bytes;
    /* The empty line, unless it ends an informational answer. */
    if (bytes <= 2 && (data[0] == '\r' || data[0] == '\n') && http_status(transfer) >= 200)
        transfer->has_head = true;
    if (transfer->header_bytes <= ORI_LIMIT_MAX_NET_HEADER_BYTES)
        return bytes;
    transfer->status =
        ori_error_set(&transfer->err, ORI_LIMIT, "the answer's headers are longer than %d bytes",
                      ORI_LIMIT_MAX_NET_HEADER_BYTES);
    return bytes + 1;
}

/* The headers the request wants to keep, as "Name\0value\0". */
static void keep_headers(const struct ori_net_transfer *transfer)
{
    struct ori_buf *kept = &transfer->answer->kept;
    const char *const *names = transfer->request->keep;
    struct curl_header *header = NULL;
    ori_buf_clear(kept);
    for (; names && *names; names++) {
        if (curl_easy_header(transfer->easy, *names, 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
            header->value[0] == '\0' || ori_text_has_control(header->value))
            continue; /* libcurl 7.88 gives an empty value as a carriage return */
        ori_buf_add(kept, *names, strlen(*names) + 1);
        ori_buf_add(kept, header->value, strlen(header->value) + 1);
    }
}

/* All of the answer but its body. Its headers are whole by now. */
static ori_status read_answer(const struct ori_net_transfer *transfer, struct ori_error *err)
{
    struct ori_net_answer *answer = transfer->answer;
    char *type = NULL;
    char *peer = NULL;
    struct curl_header *header = NULL;
    answer->status = http_status(transfer);
    if (curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type &&
        strlen(type) < sizeof answer->content_type && !ori_text_has_control(type))
        snprintf(answer->content_type, sizeof answer->content_type, "%s", type);
    if (curl_easy_header(transfer->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        answer->retry_after_ms =
            ori_net_retry_after_ms(header->value, ori_clock_wall_us() / 1000000);
    if (!transfer->proxy && /* whose own address would say nothing of who answered */
        curl_easy_getinfo(transfer->easy, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer &&
        strlen(peer) < sizeof answer->peer)
        snprintf(answer->peer, sizeof answer->peer, "%s", peer);
    keep_headers(transfer);
    return ori_buf_finish(&answer->kept, "the answer's headers", err);
}

static ori_status take_piece(struct ori_net_transfer *transfer, const char *data, size_t bytes)
{
    const struct ori_net_request *request = transfer->request;
    struct ori_error *err = &transfer->err;
    int status = http_status(transfer);
    bool is_for_caller = request->on_body && status >= 200 && status < 300;
    size_t bytes_max = request->answer_bytes_max;
    /* Where gigabytes may come piece by piece, no such refusal is collected in memory. */
    if (request->on_body && !is_for_caller && bytes_max > ORI_LIMIT_MAX_NET_REFUSAL_BYTES)
        bytes_max = ORI_LIMIT_MAX_NET_REFUSAL_BYTES;
    transfer->body_bytes += (int64_t)bytes;
    if ((uint64_t)transfer->body_bytes > bytes_max)
        return ori_error_set(err, ORI_LIMIT, "the answer is longer than %zu bytes", bytes_max);
    if (is_for_caller) {
        ori_status ready = transfer->is_delivered ? ORI_OK : read_answer(transfer, err);
        transfer->is_delivered = true;
        if (ready != ORI_OK)
            return ready;
        return request->on_body(request->on_body_self, data, bytes, err);
    }
    ori_buf_add(&transfer->answer->body, data, bytes);
    return ori_buf_finish(&transfer->answer->body, "answer", err);
}

static size_t take_body(char *data, size_t size, size_t count, void *self)
{
    struct ori_net_transfer *transfer = self;
    size_t bytes = size * count;
    if (bytes == 0)
        return 0;
    transfer->status = take_piece(transfer, data, bytes);
    return transfer->status == ORI_OK ? bytes : 0;
}

/* ---- headers ---- */

static bool is_token(const char *name)
{
    static const char letters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* RFC 9110, 5.6.2 */
    return name[0] != '\0' && strspn(name, letters) == strlen(name);
}

static ori_status add_line(struct ori_net_transfer *transfer, const char *line,
                           struct ori_error *err)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (!longer)
        return ori_error_set(err, ORI_NOMEM, "headers");
    transfer->headers = longer;
    return ORI_OK;
}

static ori_status add_header(struct ori_net_transfer *transfer, const struct ori_net_header *header,
                             struct ori_error *err)
{
    struct ori_buf line;
    if (!is_token(header->name) || ori_text_has_control(header->value))
        return ori_error_set(err, ORI_USAGE, "a header with a character that is not allowed");
    ori_buf_init(&line, ORI_LIMIT_MAX_NET_HEADER_BYTES);
    /* "Name:" would take a header away, "Name;" is libcurl's way to send one without a value. */
    ori_buf_printf(&line, header->value[0] ? "%s: %s" : "%s;%s", header->name, header->value);
    ori_status status = ori_buf_finish(&line, "a header", err);
    if (status == ORI_OK)
        status = add_line(transfer, ori_buf_text(&line), err);
    ori_buf_deinit(&line);
    return status;
}

static ori_status add_headers(struct ori_net_transfer *transfer, struct ori_error *err)
{
    const struct ori_net_request *request = transfer->request;
    bool has_type = false;
    ori_status status = ORI_OK;
    if (request->headers_count > ORI_LIMIT_MAX_NET_HEADERS)
        return ori_error_set(err, ORI_LIMIT, "more than %d headers", ORI_LIMIT_MAX_NET_HEADERS);
    for (size_t i = 0; i < request->headers_count && status == ORI_OK; i++) {
        has_type = has_type || strcasecmp(request->headers[i].name, "content-type") == 0;
        status = add_header(transfer, &request->headers[i], err);
    }
    if (status == ORI_OK)
        status = add_line(transfer, "Expect:", err); /* a round trip for nothing */
    if (status == ORI_OK && !has_type)
        status = add_line(transfer, "Content-Type:", err); /* libcurl would say it was a form */
    return status;
}

/* ---- the handle ---- */

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode set_method(CURL *easy, const struct ori_net_request *request)
{
    CURLcode code = CURLE_OK;
    bool is_get = strcmp(request->method, "GET") == 0;
    bool is_head = strcmp(request->method, "HEAD") == 0;
    bool has_body = request->body || strcmp(request->method, "POST") == 0 ||
                    strcmp(request->method, "PUT") == 0;
    if (is_head)
        SET(CURLOPT_NOBODY, 1L);
    else if (has_body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_bytes : 0));
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
    if (!is_get && !is_head)
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    return code;
}

static CURLcode set_callbacks(CURL *easy, struct ori_net_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->words);
    if (ori_log_is_on(transfer->request->log, ORI_LOG_TRACE)) {
        SET(CURLOPT_DEBUGFUNCTION, ori_net_trace);
        SET(CURLOPT_DEBUGDATA, (void *)transfer->request->log);
        SET(CURLOPT_VERBOSE, 1L);
    }
    return code;
}

/* TLS 1.2 at least, always verified; a proxy that is spoken to by TLS likewise. */
static CURLcode set_tls(CURL *easy, const struct ori_net_egress *egress)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    if (egress->ca_file[0]) {
        SET(CURLOPT_CAINFO, egress->ca_file);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_PROXY_CAINFO, egress->ca_file);
        SET(CURLOPT_PROXY_CAPATH, NULL);
    }
    return code;
}

/* Which proxy is decided before, so that the guard knows; libcurl is told, and reads no environment. */
static CURLcode set_proxy(CURL *easy, const char *proxy)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROXY, proxy ? proxy : "");
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* they are none of the answer's */
    return code;
}

static CURLcode set_rules(CURL *easy, const struct ori_net_request *request, int stall_s)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L); /* signed URLs are signed as they are */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS); /* where both ends agree on it */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancelled fetch does not wait for the name service */
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)(request->connect_ms > 0 ? request->connect_ms : CONNECT_MS));
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SPEED_LEAST);
    SET(CURLOPT_LOW_SPEED_TIME, (long)stall_s);
    if (request->answer_bytes_max > 0 && request->answer_bytes_max <= INT64_MAX)
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->answer_bytes_max);
    if (request->on_body) /* a long one, most likely: fewer, larger pieces */
        SET(CURLOPT_BUFFERSIZE, (long)PIECE_BYTES);
    /* On a kept connection that turns out to be dead libcurl sends the request once more. */
    if (!request->is_repeatable)
        SET(CURLOPT_FRESH_CONNECT, 1L);
    return code;
}

static ori_status prepare(struct ori_net_slot *slot, struct ori_net_transfer *transfer,
                          struct ori_error *err)
{
    const struct ori_net_rules *rules = transfer->rules;
    CURL *easy = slot->easy;
    CURLcode code = CURLE_OK;
    ori_status status = add_headers(transfer, err);
    if (status != ORI_OK)
        return status;
    code = set_callbacks(easy, transfer);
    if (code == CURLE_OK)
        code = set_rules(easy, transfer->request, rules->stall_s);
    if (code == CURLE_OK)
        code = set_tls(easy, &rules->egress);
    if (code == CURLE_OK)
        code = set_proxy(easy, transfer->proxy);
    if (code == CURLE_OK)
        code = set_method(easy, transfer->request);
    SET(CURLOPT_URL, transfer->request->url);
    SET(CURLOPT_USERAGENT, rules->user_agent);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    if (code == CURLE_OUT_OF_MEMORY)
        return ori_error_set(err, ORI_NOMEM, "HTTP request");
    if (code != CURLE_OK)
        return ori_error_set(err, ORI_INTERNAL, "HTTP request: %s", curl_easy_strerror(code));
    return ORI_OK;
}

/* ---- the run ---- */

/* Monotonic: when the head of the answer must be there; INT64_MAX: not yet, or no longer, bounded. A
 * peer that takes the connection and is silent, or says its headers byte by byte, is found by this. */
static int64_t head_deadline_us(struct ori_net_transfer *transfer)
{
    const struct ori_net_request *request = transfer->request;
    curl_off_t connected_us = 0;
    curl_off_t uploaded = 0;
    if (request->head_ms <= 0 || transfer->has_head)
        return INT64_MAX;
    if (transfer->sent_us == 0) {
        const bool is_sent =
            curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us) ==
                CURLE_OK &&
            curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) == CURLE_OK &&
            connected_us > 0 && (!request->body || (uint64_t)uploaded >= request->body_bytes);
        if (!is_sent)
            return INT64_MAX;
        transfer->sent_us = ori_clock_us();
    }
    return transfer->sent_us + (int64_t)request->head_ms * MS_A_SECOND;
}

static ori_status check_waiting(struct ori_net_transfer *transfer, struct ori_error *err)
{
    if (ori_cancel_is_set(transfer->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (ori_clock_us() >= transfer->request->deadline_us)
        return ori_error_set(err, ORI_TIMEOUT, "no whole answer within the time allowed");
    if (ori_clock_us() >= head_deadline_us(transfer)) {
        transfer->can_repeat = true;
        return ori_error_set(err, ORI_TIMEOUT,
                             "the server took the request and did not begin to answer within %d ms",
                             transfer->request->head_ms);
    }
    return ORI_OK;
}

static ori_status wait_for_more(CURLM *multi, struct ori_net_transfer *transfer,
                                struct ori_error *err)
{
    const int64_t head_us = head_deadline_us(transfer);
    const int64_t deadline_us = transfer->request->deadline_us;
    const struct ori_cancel *cancel = transfer->cancel;
    struct curl_waitfd extra = {.fd = cancel ? cancel->fd : -1, .events = CURL_WAIT_POLLIN};
    int wait_ms = ori_clock_poll_ms(head_us < deadline_us ? head_us : deadline_us);
    if (wait_ms < 0 || wait_ms > POLL_MS_MAX)
        wait_ms = POLL_MS_MAX;
    CURLMcode code = curl_multi_poll(multi, &extra, cancel ? 1 : 0, wait_ms, NULL);
    if (code != CURLM_OK)
        return ori_error_set(err, code == CURLM_OUT_OF_MEMORY ? ORI_NOMEM : ORI_INTERNAL,
                             "waiting for an answer: %s", curl_multi_strerror(code));
    return check_waiting(transfer, err);
}

static CURLcode result_of(CURLM *multi)
{
    int left = 0;
    CURLMsg *message = curl_multi_info_read(multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_GOT_NOTHING;
}

/* To the end of the transfer, whatever it is: *ret_result. Another status: it was broken off. */
static ori_status run(CURLM *multi, struct ori_net_transfer *transfer, CURLcode *ret_result,
                      struct ori_error *err)
{
    int running = 1;
    ori_status status = check_waiting(transfer, err);
    while (status == ORI_OK) {
        CURLMcode code = curl_multi_perform(multi, &running);
        if (code != CURLM_OK)
            return ori_error_set(err, code == CURLM_OUT_OF_MEMORY ? ORI_NOMEM : ORI_INTERNAL,
                                 "HTTP: %s", curl_multi_strerror(code));
        if (!running) {
            *ret_result = result_of(multi);
            return ORI_OK;
        }
        status = wait_for_more(multi, transfer, err);
    }
    return status;
}

/* ---- all of it ---- */

ori_status ori_net_attempt(struct ori_net_slot *slot, struct ori_net_transfer *transfer,
                           struct ori_error *err)
{
    CURLcode result = CURLE_OK;
    long version = 0;
    transfer->easy = slot->easy;
    ori_status status = prepare(slot, transfer, err);
    if (status != ORI_OK)
        goto out;
    CURLMcode code = curl_multi_add_handle(slot->multi, slot->easy);
    if (code != CURLM_OK) {
        status = ori_error_set(err, ORI_NOMEM, "HTTP: %s", curl_multi_strerror(code));
        goto out;
    }
    status = run(slot->multi, transfer, &result, err);
    if (status == ORI_OK && result != CURLE_OK)
        status = ori_net_fail(result, transfer, err);
    else if (status == ORI_OK && !transfer->is_delivered)
        status = read_answer(transfer, err);
    if (status == ORI_OK)
        status = ori_net_check_proxy_answer(transfer, err);
    slot->socket = CURL_SOCKET_BAD;
    if (status == ORI_OK)
        (void)curl_easy_getinfo(slot->easy, CURLINFO_ACTIVESOCKET, &slot->socket);
    slot->is_h2 = curl_easy_getinfo(slot->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK &&
                  version == CURL_HTTP_VERSION_2_0;
    (void)curl_multi_remove_handle(slot->multi, slot->easy);
out:
    /* It points to our stack. The connection is the multi's and stays. After a name that was not found
     * libcurl 7.88 keeps a handle's buffer, and then refuses another size of it for ever: so a handle
     * that failed is made anew. */
    if (status == ORI_OK) {
        curl_easy_reset(slot->easy);
    } else {
        curl_easy_cleanup(slot->easy);
        slot->easy = NULL;
    }
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    return status;
}
