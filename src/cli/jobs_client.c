#include "cli/jobs_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/ending.h"
#include "net/egress.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/uuid.h"

#define BASE_BYTES_MAX 1024
#define HEADERS_MAX 4
#define TIMEOUT_S 30
#define REPLAYED "Idempotency-Replayed"

/* In lower case, as the server writes them. */
bool ori_jobs_is_id(const char *text)
{
    return ori_uuid_is(text) && !strpbrk(text, "ABCDEF");
}

/* ---- the server's address ---- */

static void base_of_settings(const char *host, int64_t port, struct ori_buf *buf)
{
    struct in6_addr unused;
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    bool is_v6 = inet_pton(AF_INET6, host, &unused) == 1;
    ori_buf_printf(buf, is_v6 ? "http://[%s]:%lld" : "http://%s:%lld", host, (long long)port);
}

static void base_of_text(const char *server, struct ori_buf *buf)
{
    size_t bytes = strlen(server);
    if (!strstr(server, "://"))
        ori_buf_add_text(buf, "http://");
    while (bytes > 0 && server[bytes - 1] == '/')
        bytes--;
    ori_buf_add(buf, server, bytes);
}

ori_status ori_jobs_base(const char *server, const char *host, int64_t port, char **ret_base,
                         struct ori_error *err)
{
    struct ori_buf buf;
    struct ori_error cause = {0};
    ori_buf_init(&buf, BASE_BYTES_MAX);
    if (server)
        base_of_text(server, &buf);
    else
        base_of_settings(host, port, &buf);
    ori_status status = ori_buf_finish(&buf, "address of the server", &cause);
    const char *base = ori_buf_text(&buf);
    if (status == ORI_OK && strpbrk(base, "?#"))
        status = ori_error_set(&cause, ORI_USAGE, "a query has no place there");
    if (status == ORI_OK)
        status = ori_net_check_url(base, false, NULL, &cause);
    if (status == ORI_OK) {
        *ret_base = ori_buf_take(&buf, NULL);
        status = *ret_base ? ORI_OK : ori_error_set(err, ORI_NOMEM, "address of the server");
    } else if (status == ORI_NOMEM) {
        status = ori_error_set(err, ORI_NOMEM, "address of the server");
    } else {
        status = ori_error_set(err, ORI_USAGE, "%s: %s", server ? "--server" : "API_HOST, API_PORT",
                               cause.text);
    }
    ori_buf_deinit(&buf);
    return status;
}

ori_status ori_jobs_open(const struct ori_cli *cli, const struct ori_cancel *cancel,
                         struct ori_jobs_client *ret_client, struct ori_error *err)
{
    const struct ori_net_egress egress = ori_net_egress_of(cli->settings);
    const struct ori_net_client_options options = {.connections_max = 1, .egress = &egress};
    const char *key = ori_cli_text(cli, "key");
    *ret_client = (struct ori_jobs_client){
        .key = key ? key : ori_secret_reveal(cli->settings->api_key),
        .timeout_us = ori_cli_whole(cli, "timeout", TIMEOUT_S) * 1000000,
        .log = &cli->log,
        .cancel = cancel,
    };
    ori_status status = ori_jobs_base(ori_cli_text(cli, "server"), cli->settings->api_host,
                                      cli->settings->api_port, &ret_client->server, err);
    if (status == ORI_OK)
        status = ori_net_client_create(&options, &ret_client->net, err);
    return status;
}

void ori_jobs_close(struct ori_jobs_client *client)
{
    ori_net_client_destroy(&client->net);
    free(client->server);
    client->server = NULL;
}

enum ori_exit ori_jobs_ending(const struct ori_cli *cli, const struct ori_jobs_client *client,
                              ori_status status, const struct ori_error *err)
{
    if (status == ORI_OK || !client->code[0])
        return ori_ending(cli, status, err);
    ori_log_say(&cli->log, "oriane: %s [%s]", err->text, client->code);
    return ORI_EXIT_FAILED;
}

/* ---- answers ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && text[0] ? text : NULL;
}

/* The server's stable code, if it looks like one. */
static void read_code(const json_t *problem, char ret_code[ORI_JOBS_CODE_BYTES])
{
    const char *code = text_of(problem, "code");
    ret_code[0] = '\0';
    if (code && strlen(code) < ORI_JOBS_CODE_BYTES &&
        strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(code))
        snprintf(ret_code, ORI_JOBS_CODE_BYTES, "%s", code);
}

/* The sentence of several faults names the first one. */
static bool is_told(const char *detail, const char *field, const char *message)
{
    return strstr(detail, field) && strstr(detail, message);
}

/* Which fields are wrong, behind the sentence: validation problems name them. */
static void add_faults(const json_t *problem, const char *detail, struct ori_buf *text)
{
    size_t i = 0;
    const json_t *fault = NULL;
    json_array_foreach(json_object_get(problem, "errors"), i, fault)
    {
        const json_t *place = json_object_get(fault, "loc");
        const char *field = json_string_value(
            json_is_array(place) ? json_array_get(place, json_array_size(place) - 1) : place);
        const char *message = text_of(fault, "msg");
        if (field && message && !is_told(detail, field, message))
            ori_buf_printf(text, "; %.80s: %.200s", field, message);
    }
}

ori_status ori_jobs_refusal(int http_status, const char *content_type, const char *body,
                            size_t bytes, char ret_code[ORI_JOBS_CODE_BYTES], struct ori_error *err)
{
    json_t *problem = json_loadb(body, bytes, 0, NULL);
    const char *detail = text_of(problem, "detail");
    bool is_well = http_status >= 200 && http_status < 300;
    struct ori_buf text;
    ori_buf_init(&text, 65536);
    read_code(problem, ret_code);
    if (is_well)
        ori_buf_add_text(&text, "the server's answer is no JSON object: is this oriane?");
    else if (!detail)
        ori_buf_printf(&text, "the server answered %d and does not say why (%s)", http_status,
                       content_type[0] ? content_type : "no content type");
    else
        ori_buf_printf(&text, "%.300s", detail);
    if (!is_well && detail)
        add_faults(problem, detail, &text);
    if (http_status == 401)
        ori_buf_add_text(&text, " (--key or API_KEY names the key)");
    ori_status status = ori_error_set(err, ORI_NETWORK, "%s", ori_buf_text(&text));
    ori_buf_deinit(&text);
    json_decref(problem);
    return status;
}

/* Unreachable: what to do about it, in front of libcurl's words. */
static void add_advice(const struct ori_jobs_client *client, ori_status status,
                       struct ori_error *err)
{
    if (ori_net_is_nobody_there(err))
        ori_error_context(err,
                          "no server there: start one by `oriane serve`, or name it by --server");
    else if (status == ORI_TIMEOUT)
        ori_error_context(err, "%s did not answer in time", client->server);
    else if (status == ORI_LIMIT)
        ori_error_context(err, "%s", client->server);
}

static ori_status read_answer(struct ori_jobs_client *client, const struct ori_net_answer *answer,
                              json_t **ret_answer, struct ori_error *err)
{
    const char *body = ori_buf_text(&answer->body);
    size_t bytes = answer->body.used;
    json_t *json = NULL;
    if (answer->status >= 200 && answer->status < 300)
        json = json_loadb(body, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return ori_jobs_refusal(answer->status, answer->content_type, body, bytes, client->code,
                                err);
    }
    *ret_answer = json;
    return ORI_OK;
}

static json_t *read_faults(const struct ori_net_answer *answer)
{
    json_t *problem =
        json_loadb(ori_buf_text(&answer->body), answer->body.used, JSON_REJECT_DUPLICATES, NULL);
    json_t *errors = json_object_get(problem, "errors");
    json_t *faults = json_is_array(errors) ? json_incref(errors) : NULL;
    json_decref(problem);
    return faults;
}

static size_t add_headers(const struct ori_jobs_client *client,
                          const struct ori_jobs_request *asked, struct ori_net_header *headers)
{
    size_t count = 0;
    headers[count++] = (struct ori_net_header){"Accept", "application/json"};
    if (client->key && client->key[0])
        headers[count++] = (struct ori_net_header){"X-API-Key", client->key};
    if (asked->body)
        headers[count++] = (struct ori_net_header){"Content-Type", "application/json"};
    if (asked->idempotency_key)
        headers[count++] = (struct ori_net_header){"Idempotency-Key", asked->idempotency_key};
    return count;
}

ori_status ori_jobs_ask(struct ori_jobs_client *client, const struct ori_jobs_request *asked,
                        struct ori_jobs_answer *ret_answer, struct ori_error *err)
{
    static const char *const keep[] = {REPLAYED, NULL};
    struct ori_buf url;
    struct ori_net_answer answer;
    struct ori_net_header headers[HEADERS_MAX];
    struct ori_net_request request = {.method = asked->method,
                                      .headers = headers,
                                      .headers_count = add_headers(client, asked, headers),
                                      .body = asked->body,
                                      .body_bytes = asked->body_bytes,
                                      .is_repeatable = asked->retries > 0 || asked->idempotency_key,
                                      .retries = asked->retries,
                                      .deadline_us = ori_clock_us() + client->timeout_us,
                                      .answer_bytes_max = ORI_LIMIT_MAX_CLI_ANSWER_BYTES,
                                      .log = client->log,
                                      .keep = keep};
    *ret_answer = (struct ori_jobs_answer){.retry_after_ms = -1};
    client->code[0] = '\0';
    ori_net_answer_init(&answer);
    ori_buf_init(&url, ORI_LIMIT_MAX_URL_BYTES);
    ori_buf_printf(&url, "%s%s", client->server, asked->path);
    ori_status status = ori_buf_finish(&url, "URL", err);
    request.url = ori_buf_text(&url);
    if (status == ORI_OK)
        status = ori_net_fetch(client->net, &request, client->cancel, &answer, err);
    if (status == ORI_OK) {
        ret_answer->http_status = answer.status;
        ret_answer->retry_after_ms = answer.retry_after_ms;
        ret_answer->is_replay = ori_net_answer_header(&answer, REPLAYED) != NULL;
        status = read_answer(client, &answer, &ret_answer->json, err);
        if (status != ORI_OK && asked->wants_faults)
            ret_answer->faults = read_faults(&answer);
        ret_answer->is_passing = ori_net_is_passing(answer.status);
    } else {
        ret_answer->is_passing = status == ORI_NETWORK || status == ORI_TIMEOUT;
        add_advice(client, status, err);
    }
    ori_net_answer_deinit(&answer);
    ori_buf_deinit(&url);
    return status;
}

ori_status ori_jobs_call(struct ori_jobs_client *client, const char *method, const char *path,
                         int retries, json_t **ret_answer, struct ori_error *err)
{
    const struct ori_jobs_request request = {.method = method, .path = path, .retries = retries};
    struct ori_jobs_answer answer;
    ori_status status = ori_jobs_ask(client, &request, &answer, err);
    if (status == ORI_OK)
        *ret_answer = answer.json;
    return status;
}
