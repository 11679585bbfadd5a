/* One request to Qdrant and what its answer means. The HTTP client below does the waiting and the
 * repeating: every request of ours may be sent twice, for ids are functions of the input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "stores/vector_qdrant_priv.h"
#include "util/clock.h"
#include "util/json_bounds.h"
#include "util/limits.h"
#include "util/utf8.h"

#define HEADERS_MAX 3
#define HEAD_MS 20000 /* a write with wait=true is answered when it is done; seconds, under load */
#define WORDS_BYTES 240
#define GZIP_FROM_BYTES 1400 /* less fits into one packet anyway */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

int64_t ori_qdrant_deadline(int64_t ms)
{
    return ori_clock_us() + ms * 1000;
}

ori_status ori_qdrant_nonsense(const struct ori_qdrant *store, struct ori_error *err,
                               const char *what)
{
    return ori_error_set(err, ORI_STORE, "%s: an answer that is none of Qdrant's: %s", store->place,
                         what);
}

/* ---- the request ---- */

/* Level 1: digits shrink to less than half of it, and no level makes much more of them. */
static ori_status compress_body(const struct ori_buf *body, uint8_t **ret_data, size_t *ret_bytes,
                                struct ori_error *err)
{
    z_stream stream = {0};
    ori_status status = ORI_OK;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return ori_error_set(err, ORI_NOMEM, "gzip");
    const size_t bytes_max = deflateBound(&stream, (uLong)body->used);
    uint8_t *data = malloc(bytes_max);
    stream.next_in = (Bytef *)body->data;
    stream.avail_in = (uInt)body->used; /* ORI_LIMIT_MAX_QDRANT_BODY_BYTES at most */
    stream.next_out = data;
    stream.avail_out = (uInt)bytes_max;
    if (!data)
        status = ori_error_set(err, ORI_NOMEM, "gzip of %zu bytes", body->used);
    else if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        status = ori_error_set(err, ORI_INTERNAL, "gzip of %zu bytes", body->used);
    if (status == ORI_OK) {
        *ret_bytes = stream.total_out;
        *ret_data = data;
        data = NULL;
    }
    deflateEnd(&stream);
    free(data);
    return status;
}

static ori_status fetch(struct ori_qdrant *store, const struct ori_qdrant_call *call,
                        struct ori_net_answer *answer, struct ori_error *err)
{
    struct ori_net_header headers[HEADERS_MAX];
    size_t headers_count = 0;
    uint8_t *packed = NULL;
    size_t packed_bytes = 0;
    char url[ORI_LIMIT_MAX_NET_URL_BYTES];
    ori_status status = ORI_OK;
    const int written = snprintf(url, sizeof url, "%s%s", store->url, call->path);
    if (written < 0 || (size_t)written >= sizeof url)
        return ori_error_set(err, ORI_LIMIT, "QDRANT_URL is too long");
    struct ori_net_request request = {.method = call->method,
                                      .url = url,
                                      .headers = headers,
                                      .body = call->body ? call->body->data : NULL,
                                      .body_bytes = call->body ? call->body->used : 0,
                                      .is_repeatable = true,
                                      .retries = call->retries,
                                      .head_ms = HEAD_MS,
                                      .deadline_us = call->deadline_us,
                                      .answer_bytes_max = ORI_LIMIT_MAX_QDRANT_ANSWER_BYTES,
                                      .log = &store->log};
    if (store->key[0])
        headers[headers_count++] = (struct ori_net_header){"api-key", store->key};
    if (call->body)
        headers[headers_count++] = (struct ori_net_header){"Content-Type", "application/json"};
    if (call->body && store->compresses_transfers && call->body->used >= GZIP_FROM_BYTES) {
        status = compress_body(call->body, &packed, &packed_bytes, err);
        headers[headers_count++] = (struct ori_net_header){"Content-Encoding", "gzip"};
        request.body = packed;
        request.body_bytes = packed_bytes;
    }
    request.headers_count = headers_count;
    if (status == ORI_OK)
        status = ori_net_fetch(store->client, &request, call->cancel, answer, err);
    free(packed);
    return status;
}

/* ---- the answer ---- */

static ori_status parse(const struct ori_qdrant *store, const struct ori_buf *body,
                        json_t **ret_root, struct ori_error *err)
{
    struct ori_error why = {0};
    json_error_t fault;
    const char *text = ori_buf_text(body);
    if (ori_json_bounds_check("answer", text, body->used, ORI_LIMIT_MAX_QDRANT_DEPTH,
                              ORI_LIMIT_MAX_QDRANT_VALUES, &why) != ORI_OK)
        return ori_qdrant_nonsense(store, err, why.text);
    *ret_root = json_loadb(text, body->used, JSON_REJECT_DUPLICATES, &fault);
    if (*ret_root)
        return ORI_OK;
    if (json_error_code(&fault) == json_error_out_of_memory)
        return ori_error_set(err, ORI_NOMEM, "answer of Qdrant");
    ori_utf8_clean(fault.text); /* it quotes the answer */
    return ori_qdrant_nonsense(store, err, fault.text);
}

/* What a refusal says, fit to be shown: "status": {"error": text}, or plain text as 401 has it. */
static void words_of(const struct ori_qdrant *store, const struct ori_net_answer *answer,
                     char ret_words[WORDS_BYTES])
{
    struct ori_error ignored = {0};
    json_t *root = NULL;
    const char *words = ori_buf_text(&answer->body);
    if (parse(store, &answer->body, &root, &ignored) == ORI_OK) {
        const char *told =
            json_string_value(json_object_get(json_object_get(root, "status"), "error"));
        words = told ? told : "";
    }
    snprintf(ret_words, WORDS_BYTES, "%s", words);
    json_decref(root);
    ori_utf8_clean(ret_words); /* and what the cut left of a character */
}

static ori_status refusal_of(int http, const char *words)
{
    switch (http) {
    case 404:
        return ORI_NOT_FOUND;
    case 413:
        return ORI_LIMIT;
    case 408:
    case 425:
    case 429:
        return ORI_STORE_DOWN;
    case 409:
        return ORI_STORE;
    default:
        break;
    }
    if (http >= 500)
        return ORI_STORE_DOWN;
    /* its body limit, which is answered so and not by 413 */
    if (http == 400 && strstr(words, "larger than allowed"))
        return ORI_LIMIT;
    if (http == 400 && strstr(words, "dimension error"))
        return ORI_STORE_MISMATCH;
    return ORI_STORE_DENIED;
}

static ori_status refuse(struct ori_qdrant *store, const struct ori_net_answer *answer,
                         struct ori_error *err)
{
    char words[WORDS_BYTES];
    words_of(store, answer, words);
    const int http = answer->status;
    const char *hint = "";
    if (http == 401 || http == 403)
        atomic_store(&store->is_settled,
                     false); /* until it says something else, nothing is begun */
    if (http == 401 || http == 403)
        hint = store->key[0] ? ": it does not take QDRANT_KEY" : ": it wants a key, set QDRANT_KEY";
    else if (http == 404 && answer->body.used == 0)
        hint = ": is QDRANT_URL the address of a Qdrant server?";
    if (err && err->status == ORI_OK)
        err->native = http;
    return ori_error_set(err, refusal_of(http, words), "%s: Qdrant answers %d%s%s%s", store->place,
                         http, hint, words[0] ? ": " : "", words);
}

static ori_status read_result(const struct ori_qdrant *store, const struct ori_net_answer *answer,
                              json_t **ret_result, struct ori_error *err)
{
    json_t *root = NULL;
    ori_status status = parse(store, &answer->body, &root, err);
    if (status != ORI_OK)
        return status;
    const char *how = json_string_value(json_object_get(root, "status"));
    json_t *result = json_object_get(root, "result");
    if (!how || strcmp(how, "ok") != 0 || !result)
        status = ori_qdrant_nonsense(store, err, "neither ok nor a result");
    else if (ret_result)
        *ret_result = json_incref(result);
    json_decref(root);
    return status;
}

static ori_status call_once(struct ori_qdrant *store, const struct ori_qdrant_call *call,
                            json_t **ret_result, int *ret_http, struct ori_error *err)
{
    struct ori_net_answer answer;
    ori_net_answer_init(&answer);
    ori_status status = fetch(store, call, &answer, err);
    *ret_http = status == ORI_OK ? answer.status : 0;
    if (status == ORI_LIMIT) /* of its answer: not to be taken for one of our request */
        status = err->status = ORI_STORE;
    if (status == ORI_NETWORK)
        status = err->status = ORI_STORE_DOWN;
    if (status != ORI_OK)
        ori_error_context(err, "Qdrant");
    else if (answer.status >= 200 && answer.status < 300)
        status = read_result(store, &answer, ret_result, err);
    else
        status = refuse(store, &answer, err);
    ori_net_answer_deinit(&answer);
    return status;
}

ori_status ori_qdrant_call(struct ori_qdrant *store, const struct ori_qdrant_call *call,
                           json_t **ret_result, int *ret_http, struct ori_error *err)
{
    struct ori_error why = {0};
    int http = 0;
    ori_status status = call_once(store, call, ret_result, &http, &why);
    if (status == ORI_NOT_FOUND && !call->is_about_collection) {
        /* somebody dropped it while we ran, or this is its first use */
        why = (struct ori_error){0};
        status = ori_qdrant_ensure(store, call->cancel, call->deadline_us, &why);
        if (status == ORI_OK)
            status = call_once(store, call, ret_result, &http, &why);
        if (status == ORI_NOT_FOUND && !store->is_read_only)
            status = why.status = ORI_STORE; /* gone again: not a point that is not there */
    }
    if (ret_http)
        *ret_http = http;
    if (status != ORI_OK && err && err->status == ORI_OK)
        *err = why;
    return status;
}
