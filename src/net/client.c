#include "net/client_priv.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/backoff.h"
#include "util/clock.h"
#include "util/limits.h"

#define STALL_S 30
#define BACKOFF_BASE_US 200000
#define BACKOFF_MAX_US 20000000

struct ori_net_client {
    const struct ori_network_list *allowed; /* immutable, as all but the slots */
    char *user_agent;
    int stall_s;
    int turns; /* eventfd: as much as there are idle slots; a fetch takes one or waits for one */
    size_t slots_count;
    pthread_mutex_t lock;
    struct ori_net_slot *slots; /* is_busy is guarded by lock; the rest by whoever set it */
};

ori_status ori_net_global_init(struct ori_error *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return ori_error_set(err, ORI_INTERNAL, "libcurl: %s", curl_easy_strerror(code));
    return ORI_OK;
}

void ori_net_global_deinit(void)
{
    curl_global_cleanup();
}

void ori_net_answer_init(struct ori_net_answer *ret_answer)
{
    *ret_answer = (struct ori_net_answer){.retry_after_ms = -1};
    ori_buf_init(&ret_answer->body, 0);
    ori_buf_init(&ret_answer->kept, ORI_LIMIT_MAX_NET_HEADER_BYTES);
}

void ori_net_answer_deinit(struct ori_net_answer *answer)
{
    ori_buf_deinit(&answer->body);
    ori_buf_deinit(&answer->kept);
}

/* kept: "Name\0value\0" one behind the other. */
const char *ori_net_answer_header(const struct ori_net_answer *answer, const char *name)
{
    const char *at = ori_buf_text(&answer->kept);
    const char *end = at + answer->kept.used;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* ---- the pool ---- */

ori_status ori_net_client_create(const struct ori_net_client_options *options,
                                 struct ori_net_client **ret_client, struct ori_error *err)
{
    ORI_ASSERT(options->connections_max >= 1 &&
               options->connections_max <= ORI_LIMIT_MAX_NET_CONNECTIONS);
    ori_status status = ORI_OK;
    struct ori_net_client *client = calloc(1, sizeof *client);
    if (!client)
        return ori_error_set(err, ORI_NOMEM, "HTTP client");
    pthread_mutex_init(&client->lock, NULL); /* cannot fail with default attributes */
    client->allowed = options->allowed;
    client->stall_s = options->stall_s > 0 ? options->stall_s : STALL_S;
    client->slots_count = (size_t)options->connections_max;
    client->slots = calloc(client->slots_count, sizeof *client->slots);
    client->user_agent = strdup(options->user_agent ? options->user_agent : "oriane/" ORI_VERSION);
    client->turns =
        eventfd((unsigned)options->connections_max, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (client->turns < 0)
        status = ori_error_set_errno(err, errno, false, "HTTP client");
    else if (!client->slots || !client->user_agent)
        status = ori_error_set(err, ORI_NOMEM, "HTTP client");
    if (status == ORI_OK) {
        *ret_client = client;
        client = NULL;
    }
    ori_net_client_destroy(&client);
    return status;
}

void ori_net_client_destroy(struct ori_net_client **client)
{
    if (!client || !*client)
        return;
    struct ori_net_client *old = *client;
    for (size_t i = 0; old->slots && i < old->slots_count; i++) {
        ORI_ASSERT(!old->slots[i].is_busy);
        curl_easy_cleanup(old->slots[i].easy);
        curl_multi_cleanup(old->slots[i].multi);
    }
    if (old->turns >= 0)
        close(old->turns);
    pthread_mutex_destroy(&old->lock);
    free(old->slots);
    free(old->user_agent);
    free(old);
    *client = NULL;
}

static enum ori_net_guard guard_of(const struct ori_net_request *request)
{
    return ori_net_guard_of(request->url, request->is_guarded, request->is_plain_listed);
}

/* What must be the same for a connection to be used again. Requests with different guards never
 * share one: the guard judges addresses when it connects. Empty: too long to remember. */
static void origin_of(const struct ori_net_request *request, char *ret_origin, size_t bytes_max)
{
    const char *host = strstr(request->url, "://");
    size_t bytes = host ? strlen(request->url) - strlen(host) + 3 : 0;
    bytes += host ? strcspn(host + 3, "/?#") : 0;
    int written = snprintf(ret_origin, bytes_max, "%d%.*s", (int)guard_of(request),
                           (int)(bytes < bytes_max ? bytes : 0), request->url);
    if (bytes == 0 || bytes >= bytes_max || written < 0 || (size_t)written >= bytes_max)
        ret_origin[0] = '\0';
}

/* Is a the better idle slot? One with a connection to there, then one never used, then the one
 * whose connection has been idle longest. */
static bool is_better(const struct ori_net_slot *a, const struct ori_net_slot *b,
                      const char *origin)
{
    bool fits_a = origin[0] && strcmp(a->origin, origin) == 0;
    bool fits_b = origin[0] && strcmp(b->origin, origin) == 0;
    if (fits_a != fits_b)
        return fits_a;
    return fits_a ? a->used_us > b->used_us : a->used_us < b->used_us;
}

static struct ori_net_slot *choose_slot(struct ori_net_client *client, const char *origin)
{
    struct ori_net_slot *best = NULL;
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < client->slots_count; i++) {
        struct ori_net_slot *slot = &client->slots[i];
        if (!slot->is_busy && (!best || is_better(slot, best, origin)))
            best = slot;
    }
    ORI_ASSERT(best); /* a turn was taken for it */
    best->is_busy = true;
    pthread_mutex_unlock(&client->lock);
    return best;
}

static void give_back(struct ori_net_client *client, struct ori_net_slot *slot)
{
    uint64_t one = 1;
    pthread_mutex_lock(&client->lock);
    slot->used_us = ori_clock_us();
    slot->is_busy = false;
    pthread_mutex_unlock(&client->lock);
    ssize_t written = write(client->turns, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one); /* never above connections_max */
}

static ori_status wait_for_turn(struct ori_net_client *client, const struct ori_cancel *cancel,
                                int64_t deadline_us, struct ori_error *err)
{
    for (;;) {
        uint64_t one = 0;
        if (ori_cancel_is_set(cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        if (read(client->turns, &one, sizeof one) == (ssize_t)sizeof one)
            return ORI_OK;
        if (ori_clock_us() >= deadline_us)
            return ori_error_set(err, ORI_TIMEOUT, "no connection was free in time");
        struct pollfd fds[2] = {{.fd = client->turns, .events = POLLIN},
                                {.fd = cancel ? cancel->fd : -1, .events = POLLIN}};
        if (poll(fds, 2, ori_clock_poll_ms(deadline_us)) < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, false, "waiting for a connection");
    }
}

/* Is there a connection that can be used for that? Not one that has something to say although
 * nobody asked: it has died, or its bytes would be taken for the next answer. */
static bool is_usable(const struct ori_net_slot *slot, const char *origin)
{
    if (origin[0] == '\0' || strcmp(slot->origin, origin) != 0)
        return false;
    struct pollfd unasked = {.fd = slot->socket, .events = POLLIN};
    return slot->socket == CURL_SOCKET_BAD || poll(&unasked, 1, 0) == 0;
}

/* Its handles, when there are none yet; a connection that is of no use is closed. */
static ori_status open_slot(struct ori_net_slot *slot, const char *origin, struct ori_error *err)
{
    if (slot->multi && !is_usable(slot, origin)) {
        curl_multi_cleanup(slot->multi);
        slot->multi = NULL;
    }
    if (!slot->easy)
        slot->easy = curl_easy_init();
    if (!slot->multi) {
        slot->multi = curl_multi_init();
        slot->origin[0] = '\0';
        slot->socket = CURL_SOCKET_BAD;
    }
    if (!slot->easy || !slot->multi ||
        curl_multi_setopt(slot->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK ||
        curl_multi_setopt(slot->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L) != CURLM_OK)
        return ori_error_set(err, ORI_NOMEM, "HTTP handle");
    snprintf(slot->origin, sizeof slot->origin, "%s", origin);
    return ORI_OK;
}

/* ---- one fetch ---- */

static ori_status attempt_once(struct ori_net_client *client, struct ori_net_transfer *transfer,
                               struct ori_error *err)
{
    const struct ori_net_request *request = transfer->request;
    char origin[sizeof((struct ori_net_slot *)0)->origin];
    ori_status status = wait_for_turn(client, transfer->cancel, request->deadline_us, err);
    if (status != ORI_OK)
        return status;
    origin_of(request, origin, sizeof origin);
    struct ori_net_slot *slot = choose_slot(client, origin);
    status = open_slot(slot, origin, err);
    if (status == ORI_OK)
        status = ori_net_attempt(slot, transfer, client->user_agent, client->stall_s, err);
    give_back(client, slot);
    return status;
}

/* Empty again, with room for the body. */
static void clear_answer(const struct ori_net_request *request, struct ori_net_answer *answer,
                         int attempts)
{
    ori_net_answer_deinit(answer);
    ori_net_answer_init(answer);
    ori_buf_init(&answer->body, request->answer_bytes_max);
    answer->attempts = attempts;
}

/* Until the next attempt. ORI_AGAIN: the deadline would come first, so there is none. */
static ori_status wait_before(const struct ori_net_transfer *transfer, int attempts,
                              struct ori_error *err)
{
    int64_t wait_us =
        ori_backoff_us(attempts, BACKOFF_BASE_US, BACKOFF_MAX_US, ori_backoff_random());
    int64_t asked_ms = transfer->answer->retry_after_ms;
    int64_t deadline_us = transfer->request->deadline_us;
    int64_t asked_ms_max = transfer->request->wait_ms_max;
    if (asked_ms_max > 0 && asked_ms > asked_ms_max)
        return ORI_AGAIN;
    if (asked_ms >= 0 && asked_ms * 1000 > wait_us)
        wait_us = asked_ms * 1000;
    int64_t now_us = ori_clock_us();
    if (deadline_us <= now_us || wait_us >= deadline_us - now_us)
        return ORI_AGAIN;
    int64_t end_us = now_us + wait_us;
    while (ori_clock_us() < end_us) {
        if (ori_cancel_wait(transfer->cancel, ori_clock_poll_ms(end_us)) == ORI_CANCELLED)
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
    return ORI_OK;
}

/* "GET http://host:80: words"; the path stays out, for some carry secrets. */
static void add_context(const struct ori_net_request *request, struct ori_error *err)
{
    const char *host = strstr(request->url, "://");
    size_t bytes = host ? (size_t)(host - request->url) + 3 + strcspn(host + 3, "/?#") : 0;
    if (bytes > 0 && bytes < 200)
        ori_error_context(err, "%s %.*s", request->method, (int)bytes, request->url);
}

static ori_status fetch(struct ori_net_client *client, struct ori_net_transfer *transfer,
                        struct ori_error *err)
{
    const struct ori_net_request *request = transfer->request;
    int attempts_max = request->is_repeatable && request->retries > 0 ? request->retries + 1 : 1;
    struct ori_net_transfer clean = *transfer;
    for (int attempts = 1;; attempts++) {
        struct ori_error one = {0};
        *transfer = clean;
        clear_answer(request, transfer->answer, attempts);
        ori_status status = attempt_once(client, transfer, &one);
        bool is_passing =
            status == ORI_OK ? ori_net_is_passing(transfer->answer->status) : transfer->can_repeat;
        ori_status wait = is_passing && attempts < attempts_max && !transfer->is_delivered
                              ? wait_before(transfer, attempts, err)
                              : ORI_AGAIN;
        if (wait == ORI_CANCELLED)
            return wait;
        if (wait == ORI_AGAIN) {
            if (status != ORI_OK && err && err->status == ORI_OK)
                *err = one;
            return status;
        }
    }
}

ori_status ori_net_fetch(struct ori_net_client *client, const struct ori_net_request *request,
                         const struct ori_cancel *cancel, struct ori_net_answer *answer,
                         struct ori_error *err)
{
    struct ori_net_transfer transfer = {.request = request,
                                        .allowed = client->allowed,
                                        .guard = guard_of(request),
                                        .cancel = cancel,
                                        .answer = answer};
    ori_status status = ori_net_check_long_url(request->url, transfer.guard, client->allowed, err);
    if (status == ORI_OK)
        status = fetch(client, &transfer, err);
    if (status != ORI_OK)
        add_context(request, err);
    return status;
}
