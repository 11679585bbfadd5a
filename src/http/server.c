#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/cors.h"
#include "http/exchange_priv.h"
#include "http/handler.h"
#include "http/listen.h"
#include "http/resources.h"
#include "util/limits.h"

#define DESK_THREADS 4
#define SLOW_THREADS 8
#define CONNECTION_BYTES 32768 /* libmicrohttpd's memory of one: line, headers, answer's headers */
#define SILENCE_S 90    /* without a byte either way: longer than any deadline but an answer's */
#define OTHER_FILES 256 /* descriptors that are no connections: stores, children, logs */
#define LAST_ANSWERS_MS 1000

static void __attribute__((format(printf, 2, 0)))
log_library(void *self, const char *format, va_list arguments)
{
    const struct ori_http_server *server = self;
    char text[256];
    if (!ori_log_is_on(&server->service->log, ORI_LOG_DEBUG))
        return;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    ori_log_event(&server->service->log, ORI_LOG_DEBUG, "http.microhttpd",
                  ORI_LOG_FIELDS(ori_log_text("text", text)));
}

/* The target is decoded by uri.h, from what was sent: here it stays as it is. */
static size_t leave_escapes(void *self, struct MHD_Connection *connection, char *text)
{
    (void)self;
    (void)connection;
    return strlen(text);
}

static ori_status start_library(struct ori_http_server *server, struct ori_error *err)
{
    long files = ori_listen_raise_files();
    long room = files > 2 * OTHER_FILES ? files - OTHER_FILES : files / 2;
    unsigned connections =
        room < ORI_LIMIT_MAX_CONNECTIONS ? (unsigned)room : ORI_LIMIT_MAX_CONNECTIONS;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        ori_handler_accept, server, ori_handler_access, server, MHD_OPTION_EXTERNAL_LOGGER,
        log_library, server, MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, ori_handler_target, server, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escapes, server, MHD_OPTION_NOTIFY_COMPLETED, ori_handler_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, ori_handler_connection, server,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_END);
    if (!server->daemon)
        return ori_error_set(err, ORI_IO, "libmicrohttpd did not start");
    return ORI_OK;
}

static void on_tick(void *self, int64_t now_us)
{
    struct ori_http_server *server = self;
    ori_streams_beat(&server->streams, now_us);
    ori_metrics_set(server->service->metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_DESK,
                    (double)ori_desk_waiting(server->desk));
    ori_metrics_set(server->service->metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_SLOW,
                    (double)ori_desk_waiting(server->slow));
}

/* A header's value loses its blanks on the way: such a key could never be given. */
static bool has_blank_end(const char *key)
{
    const size_t bytes = strlen(key);
    return bytes > 0 && (strchr(" \t", key[0]) || strchr(" \t", key[bytes - 1]));
}

static ori_status check_login(const struct ori_settings *settings, struct ori_error *err)
{
    if (ori_secret_is_set(settings->api_key) && has_blank_end(ori_secret_reveal(settings->api_key)))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_KEY=***: expected no blank at its beginning or end, as no client "
                             "could send it");
    if (settings->api_username[0] != '\0' && !ori_secret_is_set(settings->api_password))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_PASSWORD=: expected a password, as API_USERNAME is set");
    if (strchr(settings->api_username, ':'))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_USERNAME=%s: expected no colon, as it ends the name in a login",
                             settings->api_username);
    return ORI_OK;
}

static ori_status check_settings(const struct ori_settings *settings, bool is_loopback,
                                 struct ori_error *err)
{
    if (!is_loopback && !ori_secret_is_set(settings->api_key))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_HOST=%s: expected an address of this machine alone "
                             "(127.0.0.1), or an API_KEY",
                             settings->api_host);
    const char *bad = NULL;
    size_t bytes = 0;
    if (!ori_cors_is_list(settings->cors_origins, &bad, &bytes))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "CORS_ORIGINS: %.*s: expected origins as browsers send them, such as "
                             "https://app.example.org or http://localhost:3000, or *",
                             (int)(bytes < 256 ? bytes : 256), bad);
    return check_login(settings, err);
}

ori_status ori_http_server_check(const struct ori_settings *settings, struct ori_error *err)
{
    bool is_loopback = false;
    ori_status status = ori_listen_is_loopback(settings, &is_loopback, err);
    return status == ORI_OK ? check_settings(settings, is_loopback, err) : status;
}

static ori_status start_threads(struct ori_http_server *server, struct ori_error *err)
{
    ori_status status =
        ori_desk_create("http-desk", DESK_THREADS, ori_handler_work, &server->desk, err);
    if (status == ORI_OK)
        status = ori_desk_create("http-slow", SLOW_THREADS, ori_handler_work, &server->slow, err);
    if (status != ORI_OK)
        return status;
    struct ori_connections_options options;
    ori_connections_defaults(&options);
    options.metrics = server->service->metrics;
    options.on_tick = on_tick;
    options.on_tick_self = server;
    return ori_connections_create(&options, &server->connections, err);
}

static ori_status open_all(struct ori_http_server *server, struct ori_error *err)
{
    const struct ori_settings *settings = server->service->settings;
    if (getrandom(server->id_state, sizeof server->id_state, 0) != (ssize_t)sizeof server->id_state)
        return ori_error_set(err, ORI_IO, "no random numbers");
    ori_status status =
        ori_listen(settings, &server->listen_fd, &server->port, &server->is_loopback, err);
    if (status == ORI_OK)
        status = check_settings(settings, server->is_loopback, err);
    if (status == ORI_OK)
        status = ori_cancel_init(&server->cancel, server->service->cancel, err);
    server->has_cancel = status == ORI_OK;
    if (status == ORI_OK)
        status = ori_resources_create(&server->resources, err);
    if (status == ORI_OK)
        status = start_threads(server, err);
    if (status == ORI_OK)
        status = start_library(server, err);
    return status;
}

ori_status ori_http_server_create(struct ori_service *service, struct ori_http_server **ret_server,
                                  struct ori_error *err)
{
    ORI_ASSERT(service && ret_server);
    struct ori_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return ori_error_set(err, ORI_NOMEM, "HTTP server");
    server->service = service;
    server->listen_fd = -1;
    ori_streams_init(&server->streams);
    ori_status status = open_all(server, err);
    if (status == ORI_OK) {
        *ret_server = server;
        server = NULL;
    }
    ori_http_server_destroy(&server);
    return status;
}

int ori_http_server_port(const struct ori_http_server *server)
{
    return server->port;
}

void ori_http_server_stop_accepting(struct ori_http_server *server)
{
    if (atomic_exchange(&server->is_draining, true))
        return;
    if (server->daemon)
        MHD_quiesce_daemon(server->daemon);
    /* not closed, as the library's thread may still look at it; but nobody is let in any more */
    if (server->listen_fd >= 0)
        shutdown(server->listen_fd, SHUT_RDWR);
    if (server->connections)
        ori_connections_drain(server->connections);
}

/* Answers that are made, or nearly, reach their clients; those of a stuck client do not count. */
static void wait_for_answers(struct ori_http_server *server)
{
    for (int waited_ms = 0; waited_ms < LAST_ANSWERS_MS; waited_ms += 10) {
        if (ori_connections_busy(server->connections) == 0)
            return;
        (void)ori_cancel_wait(NULL, 10);
    }
}

void ori_http_server_destroy(struct ori_http_server **server)
{
    if (!server || !*server)
        return;
    struct ori_http_server *own = *server;
    ori_http_server_stop_accepting(own);
    if (own->has_cancel)
        ori_cancel_set(&own->cancel);
    if (own->desk)
        ori_desk_stop(own->desk);
    if (own->slow)
        ori_desk_stop(own->slow);
    if (own->daemon)
        wait_for_answers(own);
    /* the watching thread wakes streams, and the library wants none asleep */
    if (own->connections)
        ori_connections_stop(own->connections);
    ori_streams_end(&own->streams);
    if (own->daemon)
        MHD_stop_daemon(own->daemon);
    if (own->listen_fd >= 0)
        close(own->listen_fd);
    ori_connections_destroy(&own->connections);
    ori_desk_destroy(&own->desk);
    ori_desk_destroy(&own->slow);
    ori_resources_destroy(&own->resources);
    ori_streams_deinit(&own->streams);
    if (own->has_cancel)
        ori_cancel_deinit(&own->cancel);
    ori_exchange_drop_spares(own);
    free(own);
    *server = NULL;
}
