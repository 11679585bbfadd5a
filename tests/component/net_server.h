#pragma once
/* A server on a free port of loopback that behaves as badly as the path asks for:
 *   /ok              200 "hello"                 /echo            200, the request as it came
 *   /deaf            reads no body, and is silent
 *   /hang            no answer ever              /trickle         a byte each 100 ms, for ever
 *   /deny/CODE/N     CODE with N bytes
 *   /flaky/N/CODE    CODE to the first N requests, then 200 "hello"
 *   /after/CODE/S    once CODE with Retry-After: S, then 200 "hello"
 *   /half            Content-Length 100, 50 bytes of it, the end
 *   /long            Content-Length 5, 20 bytes
 *   /ahead           200 "hello", and an answer that nobody has asked for
 *   /bytes/N         200, N bytes                /endless         chunks without end
 *   /head/N          200 with N bytes of headers /heads           informational answers without end
 *   /moved           302 to /ok                  /reset           the connection is reset
 *   /nothing         closes without a word       /garbage         what is no HTTP
 *   /type/N          Content-Type of N bytes     /gate            waits until the gate opens
 *   /die             200 "hello", and closes although it said keep-alive
 *   /loris           headers, a byte each 20 ms, for ever
 *   /late/MS         100 Continue at once, 200 "hello" after MS
 *   /date/S          once 503 with Retry-After: the date that is S seconds from now, then "hello" */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_THREADS_MAX 2048

struct server {
    int fd;
    int port;
    int stop; /* eventfd: readable once the server ends */
    int gate; /* eventfd: readable once /gate may answer */
    atomic_int connections;
    atomic_int requests;
    atomic_int failures; /* given out by /flaky and /after */
    atomic_int ahead;    /* answers that nobody asked for */
    atomic_int inside;   /* requests that wait at the gate */
    pthread_t accepter;
    pthread_t threads[SERVER_THREADS_MAX];
    int threads_count; /* of the accepter alone */
};
struct server_connection {
    struct server *server;
    int fd;
};

static bool server_send(int fd, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t sent = send(fd, at, bytes, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

static bool server_say(int fd, const char *text)
{
    return server_send(fd, text, strlen(text));
}

/* Until wake is readable, the peer has gone, the server ends, or time is up. */
static bool server_wait(struct server_connection *connection, int wake, int ms)
{
    struct pollfd fds[3] = {{.fd = connection->fd, .events = POLLRDHUP},
                            {.fd = connection->server->stop, .events = POLLIN},
                            {.fd = wake, .events = POLLIN}};
    poll(fds, 3, ms);
    return !fds[0].revents && !fds[1].revents;
}

static bool server_answer(int fd, int code, const char *headers, const char *body)
{
    char text[1024];
    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", code,
             strlen(body), headers);
    return server_say(fd, text) && server_say(fd, body);
}

static bool server_fill(int fd, size_t bytes)
{
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    while (bytes > 0) {
        size_t now = bytes < sizeof piece ? bytes : sizeof piece;
        if (!server_send(fd, piece, now))
            return false;
        bytes -= now;
    }
    return true;
}

static bool server_for_ever(struct server_connection *connection, const char *head,
                            const char *piece, int gap_ms)
{
    bool is_well = server_say(connection->fd, head);
    while (is_well) {
        is_well = server_say(connection->fd, piece);
        is_well = is_well && server_wait(connection, -1, gap_ms);
    }
    return false;
}

/* True: the connection stays. */
static bool server_play(struct server_connection *connection, const char *request)
{
    struct server *server = connection->server;
    int fd = connection->fd;
    char path[128] = "";
    char text[256];
    long a = 0;
    long b = 0;
    sscanf(request, "%*s %127s", path);
    if (sscanf(path, "/flaky/%ld/%ld", &a, &b) == 2 && atomic_fetch_add(&server->failures, 1) < a)
        return server_answer(fd, (int)b, "Content-Type: text/plain\r\n", "not now");
    if (sscanf(path, "/after/%ld/%ld", &a, &b) == 2 && atomic_fetch_add(&server->failures, 1) < 1) {
        snprintf(text, sizeof text, "Retry-After: %ld\r\n", b);
        return server_answer(fd, (int)a, text, "later");
    }
    if (strncmp(request, "HEAD ", 5) == 0)
        return server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n");
    if (strcmp(path, "/ok") == 0 || strncmp(path, "/flaky", 6) == 0 ||
        strncmp(path, "/after", 6) == 0)
        return server_answer(fd, 200, "Content-Type: text/plain\r\n", "hello");
    if (strncmp(path, "/echo", 5) == 0)
        return server_answer(fd, 200, "", request);
    if (strcmp(path, "/hang") == 0 || strcmp(path, "/deaf") == 0)
        return server_wait(connection, -1, -1);
    if (strcmp(path, "/gate") == 0) {
        atomic_fetch_add(&server->inside, 1);
        bool is_well = server_wait(connection, server->gate, -1);
        atomic_fetch_sub(&server->inside, 1);
        return is_well && server_answer(fd, 200, "", "hello");
    }
    if (strcmp(path, "/trickle") == 0)
        return server_for_ever(connection, "HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n", "x",
                               100);
    if (strcmp(path, "/loris") == 0)
        return server_for_ever(connection, "HTTP/1.1 200 X\r\nX-Slow: ", "x", 20);
    if (sscanf(path, "/late/%ld", &a) == 1)
        return server_say(fd, "HTTP/1.1 100 Continue\r\n\r\n") &&
               server_wait(connection, -1, (int)a) && server_answer(fd, 200, "", "hello");
    if (sscanf(path, "/date/%ld", &a) == 1) {
        if (atomic_fetch_add(&server->failures, 1) > 0)
            return server_answer(fd, 200, "", "hello");
        const time_t then = time(NULL) + a;
        struct tm parts;
        strftime(text, sizeof text, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n",
                 gmtime_r(&then, &parts));
        return server_answer(fd, 503, text, "later");
    }
    if (strcmp(path, "/endless") == 0)
        return server_for_ever(connection, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n",
                               "10\r\n0123456789abcdef\r\n", 0);
    if (strcmp(path, "/heads") == 0)
        return server_for_ever(connection, "", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0);
    if (strcmp(path, "/half") == 0) {
        server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n");
        server_fill(fd, 50);
        return false;
    }
    if (strcmp(path, "/long") == 0)
        return server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nxxxxxxxxxxxxxxxxxxxx");
    if (strcmp(path, "/ahead") == 0) {
        bool is_well = server_answer(fd, 200, "", "hello") &&
                       server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\nlie");
        atomic_fetch_add(&server->ahead, 1);
        return is_well;
    }
    if (sscanf(path, "/deny/%ld/%ld", &a, &b) == 2) {
        snprintf(text, sizeof text, "HTTP/1.1 %ld X\r\nContent-Length: %ld\r\n\r\n", a, b);
        return server_say(fd, text) && server_fill(fd, (size_t)b);
    }
    if (strcmp(path, "/kept") == 0)
        return server_answer(fd, 200,
                             "etag: \"first\"\r\nETag: \"second\"\r\nX-Bad: a\tb\r\n"
                             "X-Empty:\r\nX-Other: other\r\nRetry-After: 7\r\n",
                             "hello");
    if (sscanf(path, "/bytes/%ld", &a) == 1) {
        snprintf(text, sizeof text, "HTTP/1.1 200 X\r\nContent-Length: %ld\r\n\r\n", a);
        return server_say(fd, text) && server_fill(fd, (size_t)a);
    }
    if (sscanf(path, "/head/%ld", &a) == 1) {
        static const char start[] = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n";
        server_say(fd, start);
        size_t left = (size_t)a - (sizeof start - 1) - 2;
        while (left > 0) { /* lines of 1024 bytes, the last one longer */
            size_t line = left < 2048 ? left : 1024;
            server_say(fd, "X-A: ");
            server_fill(fd, line - 7);
            server_say(fd, "\r\n");
            left -= line;
        }
        return server_say(fd, "\r\n");
    }
    if (sscanf(path, "/type/%ld", &a) == 1) {
        server_say(fd, "HTTP/1.1 200 X\r\nContent-Length: 0\r\nContent-Type: ");
        server_fill(fd, (size_t)a);
        return server_say(fd, "\r\n\r\n");
    }
    if (strcmp(path, "/moved") == 0) {
        snprintf(text, sizeof text, "Location: http://127.0.0.1:%d/ok\r\n", server->port);
        return server_answer(fd, 302, text, "");
    }
    if (strcmp(path, "/reset") == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
    if (strcmp(path, "/garbage") == 0)
        server_say(fd, "\x15\x03\x01 what is this\r\n\r\n");
    if (strcmp(path, "/die") == 0)
        server_answer(fd, 200, "Connection: keep-alive\r\n", "hello");
    return false;
}

/* Headers and the body that Content-Length tells of; false when there is no more. */
static bool server_read(struct server_connection *connection, char *request, size_t bytes_max)
{
    size_t used = 0;
    size_t wanted = 0;
    while (used + 1 < bytes_max) {
        if (!server_wait(connection, connection->fd, -1)) {
            struct pollfd stop = {.fd = connection->server->stop, .events = POLLIN};
            if (poll(&stop, 1, 0) != 0)
                return false;
        }
        ssize_t got = recv(connection->fd, request + used, bytes_max - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        request[used] = '\0';
        char *end = strstr(request, "\r\n\r\n");
        if (!end)
            continue;
        if (strncmp(strchr(request, ' '), " /deaf ", 7) == 0)
            return true;
        char *length = strcasestr(request, "\r\nContent-Length:");
        unsigned long announced = 0;
        if (length)
            sscanf(length + 17, "%lu", &announced);
        wanted = (size_t)(end + 4 - request) + announced;
        if (used >= wanted)
            return true;
    }
    return false;
}

static void *server_serve(void *self)
{
    struct server_connection *connection = self;
    char request[16384];
    while (server_read(connection, request, sizeof request)) {
        atomic_fetch_add(&connection->server->requests, 1);
        if (!server_play(connection, request))
            break;
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

static void *server_accept(void *self)
{
    struct server *server = self;
    for (;;) {
        struct pollfd fds[2] = {{.fd = server->fd, .events = POLLIN},
                                {.fd = server->stop, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents || server->threads_count >= SERVER_THREADS_MAX)
            return NULL;
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        struct server_connection *connection = malloc(sizeof *connection);
        if (fd < 0 || !connection)
            abort();
        *connection = (struct server_connection){server, fd};
        atomic_fetch_add(&server->connections, 1);
        if (pthread_create(&server->threads[server->threads_count++], NULL, server_serve,
                           connection) != 0)
            abort();
    }
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    memset(server, 0, sizeof *server);
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->gate = eventfd(0, EFD_CLOEXEC);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->stop < 0 || server->gate < 0 || server->fd < 0 ||
        bind(server->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->fd, 128) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &bytes) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->accepter, NULL, server_accept, server) != 0)
        abort();
}

static void server_open_gate(struct server *server)
{
    if (write(server->gate, &(uint64_t){1}, 8) != 8)
        abort();
}

static void server_stop(struct server *server)
{
    if (write(server->stop, &(uint64_t){1}, 8) != 8)
        abort();
    pthread_join(server->accepter, NULL);
    for (int i = 0; i < server->threads_count; i++)
        pthread_join(server->threads[i], NULL);
    close(server->fd);
    close(server->stop);
    close(server->gate);
}
