#include "embed/hub_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/redirect.h"
#include "util/clock.h"

#define ALLOWED_BYTES_MAX 8192

static const char *const kept_headers[] = {"ETag",          "X-Linked-ETag", "X-Linked-Size",
                                           "X-Repo-Commit", "Location",      "Content-Length",
                                           "Content-Range", "X-Error-Code",  NULL};

/* The kinds of network that an endpoint inside one of them may redirect to; link-local addresses,
 * where clouds keep their credentials, are in none. */
static const char loopback_networks[] = ",127.0.0.0/8,::1/128";
static const char private_networks[] = ",10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,"
                                       "fc00::/7";

void ori_hub_note(const struct ori_hub *hub, const char *format, ...)
{
    const struct ori_hub_watch *watch = &hub->options->watch;
    char text[ORI_ERROR_TEXT_MAX];
    va_list args;
    if (!watch->on_note)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    watch->on_note(watch->self, text);
}

/* ---- the way there ---- */

/* The endpoint without slashes at its end; it may have a path, but nothing behind that. */
static ori_status take_endpoint(struct ori_hub *hub, const char *endpoint, struct ori_error *err)
{
    struct ori_error cause = {0};
    size_t bytes = strlen(endpoint);
    ori_status status = ori_net_check_url(endpoint, false, NULL, &cause);
    if (status == ORI_NOMEM)
        return ori_error_set(err, status, "%s", cause.text);
    if (status != ORI_OK || strpbrk(endpoint, "?#"))
        return ori_error_set(err, ORI_BAD_SETTING, "HF_ENDPOINT: expected https://host[/path]%s%s",
                             status != ORI_OK ? ": " : "", cause.text);
    while (bytes > 0 && endpoint[bytes - 1] == '/')
        bytes--;
    hub->endpoint = strndup(endpoint, bytes);
    return hub->endpoint ? ORI_OK : ori_error_set(err, ORI_NOMEM, "hub");
}

static ori_status take_token(struct ori_hub *hub, const char *token, struct ori_error *err)
{
    if (!token || token[0] == '\0')
        return ORI_OK;
    if (asprintf(&hub->bearer, "Bearer %s", token) < 0) {
        hub->bearer = NULL;
        return ori_error_set(err, ORI_NOMEM, "hub");
    }
    return ORI_OK;
}

ori_status ori_hub_open(struct ori_hub *hub, const struct ori_hub_options *options,
                        const struct ori_hub_name *name, const struct ori_cancel *cancel,
                        struct ori_error *err)
{
    struct ori_net_client_options client = {
        .connections_max = 1, .stall_s = options->stall_s, .egress = options->egress};
    *hub = (struct ori_hub){.options = options, .cancel = cancel, .name = *name};
    ori_status status = take_endpoint(hub, options->endpoint, err);
    if (status == ORI_OK)
        status = take_token(hub, options->token, err);
    if (status == ORI_OK)
        status = ori_net_client_create(&client, &hub->near, err);
    return status;
}

void ori_hub_close(struct ori_hub *hub)
{
    ori_net_client_destroy(&hub->near);
    ori_net_client_destroy(&hub->far);
    ori_network_list_destroy(&hub->allowed);
    for (size_t i = 0; i < hub->files_count; i++)
        free(hub->files[i].name);
    free(hub->files);
    free(hub->endpoint);
    free(hub->bearer);
    free(hub->model);
    free(hub->locks);
    free(hub->snapshot);
    *hub = (struct ori_hub){0};
}

/* The networks that are open because the endpoint is in one of them. */
static const char *networks_of_peer(const char *peer)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    const struct sockaddr *address = NULL;
    if (inet_pton(AF_INET, peer, &in.sin_addr) == 1)
        address = (const struct sockaddr *)&in;
    else if (inet_pton(AF_INET6, peer, &in6.sin6_addr) == 1)
        address = (const struct sockaddr *)&in6;
    if (!address || ori_address_is_public(address))
        return "";
    return ori_address_is_loopback(address) ? loopback_networks : private_networks;
}

/* The client for other hosts, now that it is known where the endpoint is. */
static ori_status open_far(struct ori_hub *hub, const char *peer, struct ori_error *err)
{
    struct ori_net_client_options client = {
        .connections_max = 1, .stall_s = hub->options->stall_s, .egress = hub->options->egress};
    struct ori_buf text;
    if (hub->far)
        return ORI_OK;
    ori_buf_init(&text, ALLOWED_BYTES_MAX);
    ori_buf_printf(&text, "%s%s", hub->options->allow_private, networks_of_peer(peer));
    ori_status status = ori_buf_finish(&text, "URL_ALLOW_PRIVATE", err);
    if (status == ORI_OK)
        status = ori_network_list_create(ori_buf_text(&text), &hub->allowed, err);
    if (status == ORI_OK) {
        client.allowed = hub->allowed;
        status = ori_net_client_create(&client, &hub->far, err);
    }
    ori_buf_deinit(&text);
    return status;
}

/* ---- one request ---- */

static ori_status fetch_once(struct ori_hub *hub, const struct ori_hub_ask *ask, const char *url,
                             bool is_near, struct ori_net_answer *answer, struct ori_error *err)
{
    char range[64];
    struct ori_net_header headers[3] = {{"Accept-Encoding", "identity"}};
    size_t count = 1;
    if (ask->first_byte > 0) {
        snprintf(range, sizeof range, "bytes=%lld-", (long long)ask->first_byte);
        headers[count++] = (struct ori_net_header){"Range", range};
    }
    if (is_near && hub->bearer)
        headers[count++] = (struct ori_net_header){"Authorization", hub->bearer};
    struct ori_net_request request = {.method = ask->method,
                                      .url = url,
                                      .headers = headers,
                                      .headers_count = count,
                                      .is_guarded = !is_near,
                                      .is_repeatable = true,
                                      .retries = ask->retries,
                                      .wait_ms_max = ORI_LIMIT_MAX_HUB_WAIT_MS,
                                      .head_ms = hub->options->stall_s * 1000,
                                      .deadline_us = ask->deadline_us,
                                      .answer_bytes_max = ask->bytes_max,
                                      .log = hub->options->log,
                                      .keep = kept_headers,
                                      .on_body = ask->on_body,
                                      .on_body_self = ask->on_body_self};
    return ori_net_fetch(is_near ? hub->near : hub->far, &request, hub->cancel, answer, err);
}

/* The answer to a HEAD that says by itself what the file is: the one it redirects to need not be
 * asked, and may not even know. */
static bool is_link(const struct ori_net_answer *answer, const char *next, const char *endpoint)
{
    if (ori_net_answer_header(answer, "X-Linked-ETag"))
        return true;
    return !ori_net_is_same_origin(next, endpoint) && ori_net_answer_header(answer, "ETag");
}

ori_status ori_hub_fetch(struct ori_hub *hub, const struct ori_hub_ask *ask,
                         struct ori_net_answer *answer, struct ori_error *err)
{
    char *url = strdup(ask->url);
    ori_status status = url ? ORI_OK : ori_error_set(err, ORI_NOMEM, "hub");
    for (int hops = 0; status == ORI_OK; hops++) {
        char *next = NULL;
        bool is_near = ori_net_is_same_origin(url, hub->endpoint);
        status = fetch_once(hub, ask, url, is_near, answer, err);
        if (status != ORI_OK || !ori_net_is_redirect(answer->status))
            break;
        if (hops == ORI_LIMIT_MAX_HUB_REDIRECTS) {
            status = ori_error_set(err, ORI_URL_REFUSED, "the hub redirects more than %d times",
                                   ORI_LIMIT_MAX_HUB_REDIRECTS);
            break;
        }
        status = ori_net_redirect(url, ori_net_answer_header(answer, "Location"), &next, err);
        if (status == ORI_OK && is_near)
            status = open_far(hub, answer->peer, err);
        if (status == ORI_OK && ask->stops_at_link && is_link(answer, next, hub->endpoint)) {
            free(next);
            break;
        }
        free(url);
        url = next;
    }
    free(url);
    return status;
}

/* ---- refusals ---- */

static ori_status refuse_locked(const struct ori_hub *hub, int http, const char *code,
                                struct ori_error *err)
{
    const char *repo = hub->name.repo;
    if (strcmp(code, "GatedRepo") == 0)
        return ori_error_set(err, ORI_NOT_READABLE,
                             "%s is gated (%d): accept its terms at %s/%s, then set HF_TOKEN to a "
                             "token of that account",
                             repo, http, hub->endpoint, repo);
    if (hub->bearer)
        return ori_error_set(
            err, ORI_NOT_READABLE,
            "%s: the hub refuses (%d): there is no such model, or HF_TOKEN may not "
            "read it",
            repo, http);
    return ori_error_set(err, ORI_NOT_READABLE,
                         "%s: the hub refuses (%d): there is no such model, or it is private or "
                         "gated and needs HF_TOKEN",
                         repo, http);
}

static ori_status refuse_missing(const struct ori_hub *hub, const char *file, const char *code,
                                 struct ori_error *err)
{
    const char *repo = hub->name.repo;
    const char *revision = hub->name.revision;
    if (file)
        return ori_error_set(err, ORI_NOT_FOUND, "%s@%s: %s is not there (404)", repo, revision,
                             file);
    if (strcmp(code, "RevisionNotFound") == 0)
        return ori_error_set(err, ORI_NOT_FOUND, "%s has no revision %s (404)", repo, revision);
    if (strcmp(code, "RepoNotFound") == 0)
        return ori_error_set(err, ORI_NOT_FOUND, "there is no model %s at %s (404)", repo,
                             hub->endpoint);
    return ori_error_set(err, ORI_NOT_FOUND,
                         "there is no model %s, or it has no revision %s, at %s "
                         "(404)",
                         repo, revision, hub->endpoint);
}

ori_status ori_hub_refuse(const struct ori_hub *hub, const struct ori_net_answer *answer,
                          const char *file, struct ori_error *err)
{
    const char *code = ori_net_answer_header(answer, "X-Error-Code");
    switch (answer->status) {
    case 401:
    case 403:
        return refuse_locked(hub, answer->status, code ? code : "", err);
    case 404:
        return refuse_missing(hub, file, code ? code : "", err);
    case 429:
        return ori_error_set(err, ORI_NETWORK,
                             "%s: the hub has had too many requests from here (429); try again "
                             "later%s",
                             hub->name.repo, hub->bearer ? "" : ", or set HF_TOKEN");
    default:
        return ori_error_set(err, ORI_NETWORK, "%s: the hub answers with HTTP status %d%s%s",
                             hub->name.repo, answer->status, file ? " for " : "", file ? file : "");
    }
}
