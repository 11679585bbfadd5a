/* A table of slots under one lock, which the watching thread takes for a slice at a time. Phase and
 * deadline are one atomic word: the HTTP thread sets it for every request without the lock. A slot's
 * descriptor is valid while the lock is held and the slot is used: close, which libmicrohttpd calls
 * before it closes the descriptor, takes the lock too. */
#include "http/connections.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "http/linger.h"
#include "util/clock.h"
#include "util/limits.h"

#define SLICE 256
#define TICK_MS 250
#define LOOK_US 900000 /* first bytes of idle connections, clients that are gone */
#define BUCKETS 4096
#define NOBODY (-1)

struct ori_peer {
    atomic_ullong stand; /* see stand_of */
    bool is_used;        /* lock, as is all below but lingers, the address and its chain */
    bool has_ended;
    bool lingers; /* HTTP thread */
    int fd;
    uint64_t seen_bytes;     /* received when the connection became idle */
    unsigned long long gone; /* the stand at which the client was found gone; 0: it was not */
    struct ori_cancel *cancel;
    struct ori_address_key address; /* HTTP thread */
    bool is_local;
    int next; /* in its bucket, or among the free */
    int previous;
};

struct ori_connections {
    struct ori_connections_options options; /* immutable */
    pthread_mutex_t lock;
    pthread_t thread;
    bool has_thread;
    struct ori_cancel stop;
    atomic_bool is_draining;
    atomic_int high; /* slots from here on were never used */
    atomic_size_t count;
    int free; /* HTTP thread, as are the buckets */
    struct ori_linger linger;
    int buckets[BUCKETS];
    struct ori_peer peers[ORI_LIMIT_MAX_CONNECTIONS];
};

void ori_connections_defaults(struct ori_connections_options *ret_options)
{
    *ret_options = (struct ori_connections_options){
        .limit_ms = {[ORI_PHASE_IDLE] = ORI_LIMIT_MAX_IDLE_MS,
                     [ORI_PHASE_HEADERS] = ORI_LIMIT_MAX_HEADERS_MS,
                     [ORI_PHASE_BODY] = ORI_LIMIT_MAX_BODY_MS,
                     [ORI_PHASE_ANSWER] = ORI_LIMIT_MAX_ANSWER_MS}};
}

/* Deadline in microseconds, shifted by 3, and the phase below: changed together or not at all. */
static unsigned long long stand_of(const struct ori_connections *connections, enum ori_phase phase)
{
    int64_t limit_ms = connections->options.limit_ms[phase];
    uint64_t deadline_us =
        limit_ms > 0 ? (uint64_t)(ori_clock_us() + limit_ms * 1000) : UINT64_MAX >> 3;
    return deadline_us << 3 | (uint64_t)phase;
}

static enum ori_phase phase_of(const struct ori_peer *peer)
{
    return (enum ori_phase)(atomic_load(&peer->stand) & 7);
}

/* What the kernel has received so far; 0 where it does not say. */
static uint64_t received_bytes(int fd)
{
    struct tcp_info info;
    socklen_t bytes = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0)
        return 0;
    return info.tcpi_bytes_received;
}

static bool is_gone(int fd)
{
    struct pollfd look = {fd, POLLRDHUP, 0};
    return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* The lock is held. */
static void end_peer(struct ori_peer *peer)
{
    if (!peer->has_ended)
        shutdown(peer->fd, SHUT_RDWR);
    peer->has_ended = true;
}

/* libmicrohttpd may miss the end of a client that closed right behind the last bytes it sent: the
 * kernel tells of both at once. Nothing unread, and nothing changed from one look to the next: the rest
 * of this request will never come. */
static void look_for_end(struct ori_peer *peer, unsigned long long stand)
{
    int unread = 0;
    bool is_over = is_gone(peer->fd) && ioctl(peer->fd, FIONREAD, &unread) == 0 && unread == 0;
    if (is_over && peer->gone == stand)
        end_peer(peer);
    peer->gone = is_over ? stand : 0;
}

static void look_closer(struct ori_connections *connections, struct ori_peer *peer)
{
    unsigned long long stand = atomic_load(&peer->stand);
    enum ori_phase phase = (enum ori_phase)(stand & 7);
    if (phase == ORI_PHASE_IDLE) {
        uint64_t now_bytes = received_bytes(peer->fd);
        if (peer->seen_bytes == UINT64_MAX)
            peer->seen_bytes = now_bytes;
        /* the HTTP thread may have gone on meanwhile: then its word stands */
        if (now_bytes > peer->seen_bytes)
            atomic_compare_exchange_strong(&peer->stand, &stand,
                                           stand_of(connections, ORI_PHASE_HEADERS));
    } else if (phase == ORI_PHASE_HEADERS || phase == ORI_PHASE_BODY) {
        look_for_end(peer, stand);
    } else if (phase == ORI_PHASE_EVENTS && is_gone(peer->fd)) {
        end_peer(peer); /* the next heartbeat fails, where it would have been the second */
    } else if (phase == ORI_PHASE_WORK && peer->cancel && is_gone(peer->fd)) {
        ori_cancel_set(peer->cancel);
    }
}

static void watch_peer(struct ori_connections *connections, struct ori_peer *peer, int64_t now_us,
                       bool is_closer)
{
    if (!peer->is_used || peer->has_ended)
        return;
    if (is_closer)
        look_closer(connections, peer);
    bool is_idle = phase_of(peer) == ORI_PHASE_IDLE;
    if ((uint64_t)now_us >= atomic_load(&peer->stand) >> 3 ||
        (is_idle && atomic_load(&connections->is_draining)))
        end_peer(peer);
}

static void watch_all(struct ori_connections *connections, int64_t now_us, bool is_closer)
{
    int high = atomic_load(&connections->high);
    for (int from = 0; from < high; from += SLICE) {
        pthread_mutex_lock(&connections->lock);
        for (int i = from; i < high && i < from + SLICE; i++)
            watch_peer(connections, &connections->peers[i], now_us, is_closer);
        pthread_mutex_unlock(&connections->lock);
    }
}

static void *watch(void *self)
{
    struct ori_connections *connections = self;
    int64_t looked_us = 0;
    while (!ori_cancel_is_set(&connections->stop)) {
        ori_linger_wait(&connections->linger, connections->stop.fd, TICK_MS);
        int64_t now_us = ori_clock_us();
        bool is_closer = now_us - looked_us >= LOOK_US;
        if (is_closer)
            looked_us = now_us;
        watch_all(connections, now_us, is_closer);
        if (connections->options.on_tick)
            connections->options.on_tick(connections->options.on_tick_self, now_us);
    }
    return NULL;
}

ori_status ori_connections_create(const struct ori_connections_options *options,
                                  struct ori_connections **ret_connections, struct ori_error *err)
{
    struct ori_connections *connections = calloc(1, sizeof *connections);
    if (!connections)
        return ori_error_set(err, ORI_NOMEM, "table of connections");
    connections->options = *options;
    connections->free = NOBODY;
    for (int i = 0; i < BUCKETS; i++)
        connections->buckets[i] = NOBODY;
    ori_status status = ori_cancel_init(&connections->stop, NULL, err);
    if (status != ORI_OK) {
        free(connections);
        return status;
    }
    pthread_mutex_init(&connections->lock, NULL);
    ori_linger_init(&connections->linger);
    int fault = pthread_create(&connections->thread, NULL, watch, connections);
    connections->has_thread = fault == 0;
    if (fault != 0) {
        status = ori_error_set_errno(err, fault, false, "thread that watches connections");
        ori_connections_destroy(&connections);
        return status;
    }
    pthread_setname_np(connections->thread, "http-watch");
    *ret_connections = connections;
    return ORI_OK;
}

void ori_connections_stop(struct ori_connections *connections)
{
    if (!connections->has_thread)
        return;
    ori_cancel_set(&connections->stop);
    pthread_join(connections->thread, NULL);
    connections->has_thread = false;
}

void ori_connections_destroy(struct ori_connections **connections)
{
    if (!connections || !*connections)
        return;
    ori_connections_stop(*connections);
    ori_linger_deinit(&(*connections)->linger);
    pthread_mutex_destroy(&(*connections)->lock);
    ori_cancel_deinit(&(*connections)->stop);
    free(*connections);
    *connections = NULL;
}

static int *bucket_of(struct ori_connections *connections, struct ori_address_key key)
{
    uint64_t mixed = (key.high ^ key.low * UINT64_C(0x9e3779b97f4a7c15));
    mixed ^= mixed >> 29;
    return &connections->buckets[mixed % BUCKETS];
}

bool ori_connections_may_accept(struct ori_connections *connections, const struct sockaddr *address)
{
    if (atomic_load(&connections->is_draining))
        return false;
    if (ori_auth_is_loopback(address))
        return true;
    struct ori_address_key key = ori_address_key(address);
    int count = 0;
    for (int i = *bucket_of(connections, key); i != NOBODY; i = connections->peers[i].next) {
        const struct ori_peer *peer = &connections->peers[i];
        count += peer->address.high == key.high && peer->address.low == key.low;
    }
    return count < ORI_LIMIT_MAX_ADDRESS_CONNECTIONS;
}

static struct ori_peer *take_slot(struct ori_connections *connections)
{
    if (connections->free != NOBODY) {
        struct ori_peer *peer = &connections->peers[connections->free];
        connections->free = peer->next;
        return peer;
    }
    int high = atomic_load(&connections->high);
    if (high == ORI_LIMIT_MAX_CONNECTIONS)
        return NULL;
    atomic_store(&connections->high, high + 1);
    return &connections->peers[high];
}

static void chain(struct ori_connections *connections, struct ori_peer *peer)
{
    int *bucket = bucket_of(connections, peer->address);
    peer->previous = NOBODY;
    peer->next = *bucket;
    *bucket = (int)(peer - connections->peers);
    if (peer->next != NOBODY)
        connections->peers[peer->next].previous = *bucket;
}

static void unchain(struct ori_connections *connections, struct ori_peer *peer)
{
    if (peer->previous == NOBODY)
        *bucket_of(connections, peer->address) = peer->next;
    else
        connections->peers[peer->previous].next = peer->next;
    if (peer->next != NOBODY)
        connections->peers[peer->next].previous = peer->previous;
}

struct ori_peer *ori_connections_open(struct ori_connections *connections, int fd,
                                      const struct sockaddr *address)
{
    struct ori_peer *peer = take_slot(connections);
    if (!peer)
        return NULL;
    pthread_mutex_lock(&connections->lock);
    peer->fd = fd;
    peer->is_used = true;
    peer->has_ended = false;
    peer->lingers = false;
    peer->seen_bytes = 0;
    peer->gone = 0;
    peer->cancel = NULL;
    atomic_store(&peer->stand, stand_of(connections, ORI_PHASE_IDLE));
    pthread_mutex_unlock(&connections->lock);
    peer->address = ori_address_key(address);
    peer->is_local = ori_auth_is_loopback(address);
    if (!peer->is_local)
        chain(connections, peer);
    size_t count = atomic_fetch_add(&connections->count, 1) + 1;
    ori_metrics_set(connections->options.metrics, ORI_METRIC_HTTP_CONNECTIONS, 0, (double)count);
    return peer;
}

void ori_connections_close(struct ori_connections *connections, struct ori_peer *peer)
{
    if (!peer->is_local)
        unchain(connections, peer);
    pthread_mutex_lock(&connections->lock);
    bool lingers = peer->lingers && !peer->has_ended;
    int fd = peer->fd;
    peer->is_used = false;
    peer->fd = -1;
    peer->cancel = NULL;
    pthread_mutex_unlock(&connections->lock);
    if (lingers)
        ori_linger_add(&connections->linger, fd);
    peer->next = connections->free;
    connections->free = (int)(peer - connections->peers);
    size_t count = atomic_fetch_sub(&connections->count, 1) - 1;
    ori_metrics_set(connections->options.metrics, ORI_METRIC_HTTP_CONNECTIONS, 0, (double)count);
}

void ori_peer_phase(struct ori_connections *connections, struct ori_peer *peer,
                    enum ori_phase phase)
{
    if (phase == ORI_PHASE_HEADERS && phase_of(peer) == ORI_PHASE_HEADERS)
        return;
    if (phase == ORI_PHASE_IDLE) {
        pthread_mutex_lock(&connections->lock);
        peer->seen_bytes = UINT64_MAX; /* the watching thread asks the kernel, not this one */
        pthread_mutex_unlock(&connections->lock);
    }
    atomic_store(&peer->stand, stand_of(connections, phase));
}

void ori_peer_watch(struct ori_connections *connections, struct ori_peer *peer,
                    struct ori_cancel *cancel)
{
    pthread_mutex_lock(&connections->lock);
    peer->cancel = cancel;
    pthread_mutex_unlock(&connections->lock);
}

void ori_peer_linger(struct ori_peer *peer)
{
    peer->lingers = true;
}

struct ori_address_key ori_peer_address(const struct ori_peer *peer)
{
    return peer->address;
}

void ori_connections_drain(struct ori_connections *connections)
{
    atomic_store(&connections->is_draining, true);
}

size_t ori_connections_busy(struct ori_connections *connections)
{
    size_t busy = 0;
    pthread_mutex_lock(&connections->lock);
    for (int i = 0; i < atomic_load(&connections->high); i++) {
        const struct ori_peer *peer = &connections->peers[i];
        enum ori_phase phase = phase_of(peer);
        busy += peer->is_used && !peer->has_ended &&
                (phase == ORI_PHASE_WORK || phase == ORI_PHASE_ANSWER);
    }
    pthread_mutex_unlock(&connections->lock);
    return busy;
}
