#pragma once
/* An HTTP server on a free port of loopback that says what the test tells it, request by request, and
 * remembers what it was asked. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIPTED_THREADS_MAX 512
#define SCRIPTED_HEAD_BYTES 16384
#define SCRIPTED_ASKED_MAX 64

/* number: of the request, from 0. What it writes is sent as it is; false: then the connection ends. */
typedef bool (*scripted_play)(int number, const char *head, FILE *out);

static struct {
    int fd;
    int port;
    int stop; /* eventfd */
    scripted_play play;
    atomic_int delay_ms; /* before each answer */
    atomic_int requests;
    atomic_int open; /* connections at this moment */
    atomic_int open_most;
    pthread_mutex_t lock;
    char asked[SCRIPTED_ASKED_MAX][SCRIPTED_HEAD_BYTES]; /* lock */
    pthread_t accepter;
    pthread_t threads[SCRIPTED_THREADS_MAX];
    int threads_count;
} scripted = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool scripted_wait(int fd, int ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN | POLLRDHUP},
                            {.fd = scripted.stop, .events = POLLIN}};
    poll(fds, 2, ms);
    return !fds[1].revents;
}

static bool scripted_send(int fd, const char *data, size_t bytes)
{
    for (size_t sent = 0; sent < bytes;) {
        ssize_t now = send(fd, data + sent, bytes - sent, MSG_NOSIGNAL);
        if (now <= 0)
            return false;
        sent += (size_t)now;
    }
    return true;
}

/* The head, NUL-ended; the body is passed over. */
static bool scripted_read(int fd, char head[SCRIPTED_HEAD_BYTES])
{
    size_t used = 0;
    char *end = NULL;
    while (!end) {
        if (used + 1 >= SCRIPTED_HEAD_BYTES || !scripted_wait(fd, -1))
            return false;
        ssize_t got = recv(fd, head + used, SCRIPTED_HEAD_BYTES - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        head[used] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    unsigned long body = 0;
    const char *length = strcasestr(head, "\r\nContent-Length:");
    if (length && length < end)
        sscanf(length + 17, "%lu", &body);
    size_t have = used - (size_t)(end + 4 - head);
    end[4] = '\0';
    while (have < body) {
        char piece[65536];
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static void *scripted_serve(void *self)
{
    int fd = (int)(intptr_t)self;
    char *head = malloc(SCRIPTED_HEAD_BYTES);
    int open = atomic_fetch_add(&scripted.open, 1) + 1;
    int most = atomic_load(&scripted.open_most);
    while (open > most && !atomic_compare_exchange_weak(&scripted.open_most, &most, open)) {
    }
    bool stays = head != NULL;
    while (stays && scripted_read(fd, head)) {
        char *answer = NULL;
        size_t bytes = 0;
        int number = atomic_fetch_add(&scripted.requests, 1);
        if (number < SCRIPTED_ASKED_MAX) {
            pthread_mutex_lock(&scripted.lock);
            memcpy(scripted.asked[number], head, SCRIPTED_HEAD_BYTES);
            pthread_mutex_unlock(&scripted.lock);
        }
        FILE *out = open_memstream(&answer, &bytes);
        stays = scripted.play(number, head, out);
        fclose(out);
        if (atomic_load(&scripted.delay_ms))
            scripted_wait(scripted.stop, atomic_load(&scripted.delay_ms));
        stays = scripted_send(fd, answer, bytes) && stays;
        free(answer);
    }
    atomic_fetch_sub(&scripted.open, 1);
    close(fd);
    free(head);
    return NULL;
}

static void *scripted_accept(void *self)
{
    (void)self;
    while (scripted_wait(scripted.fd, -1) && scripted.threads_count < SCRIPTED_THREADS_MAX) {
        int fd = accept4(scripted.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || pthread_create(&scripted.threads[scripted.threads_count++], NULL,
                                     scripted_serve, (void *)(intptr_t)fd) != 0)
            abort();
    }
    return NULL;
}

static int scripted_start(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    (void)state;
    atomic_store(&scripted.delay_ms, 0);
    atomic_store(&scripted.requests, 0);
    atomic_store(&scripted.open, 0);
    atomic_store(&scripted.open_most, 0);
    scripted.threads_count = 0;
    memset(scripted.asked, 0, sizeof scripted.asked);
    scripted.stop = eventfd(0, EFD_CLOEXEC);
    scripted.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (scripted.stop < 0 || scripted.fd < 0 ||
        bind(scripted.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(scripted.fd, 128) != 0 ||
        getsockname(scripted.fd, (struct sockaddr *)&address, &bytes) != 0)
        return -1;
    scripted.port = ntohs(address.sin_port);
    return pthread_create(&scripted.accepter, NULL, scripted_accept, NULL);
}

static int scripted_end(void **state)
{
    (void)state;
    if (write(scripted.stop, &(uint64_t){1}, 8) != 8)
        return -1;
    pthread_join(scripted.accepter, NULL);
    for (int i = 0; i < scripted.threads_count; i++)
        pthread_join(scripted.threads[i], NULL);
    close(scripted.fd);
    close(scripted.stop);
    return 0;
}

static bool scripted_say(FILE *out, int status, const char *headers, const char *body)
{
    fprintf(out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers,
            body);
    return true;
}

/* The value of a header of request number i; "" for none. */
static inline const char *scripted_header(int i, const char *name, char ret_value[512])
{
    char line[128];
    ret_value[0] = '\0';
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(scripted.asked[i], line);
    if (at)
        snprintf(ret_value, 512, "%.*s", (int)strcspn(at + strlen(line), "\r"), at + strlen(line));
    return ret_value;
}
