/* oriane serve: the API, the jobs and the console, until a signal ends it.
 * Start    settings, job store, service, listening socket: each refuses with one line that says what
 *          to do. The model comes later, by itself: /ready tells
 * Signals  SIGTERM, SIGINT: drain; running videos may end until DRAIN_TIMEOUT, then they are handed
 *          back. A second one ends the drain at once. SIGHUP: settings are read again
 * Threads  main waits; "signals" reads the signalfd, so that a second signal is heard while main
 *          drains */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "cli/notify.h"
#include "config/live.h"
#include "http/server.h"
#include "jobs/service.h"
#include "net/client.h"
#include "util/clock.h"

struct serve {
    struct ori_cli *cli;
    struct ori_cancel cancel; /* of the process; set by the second signal, and at the end */
    struct ori_live *live;
    struct ori_service *service;
    struct ori_http_server *server;
    struct ori_notify *notify;
    int fd_signals;
    int fd_wake; /* an eventfd: a signal came, or the thread is to end */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_ending; /* the thread's work is over */
    atomic_int stops;      /* SIGTERM and SIGINT so far */
    atomic_int reloads;    /* SIGHUP not yet acted on */
};

static void wake(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one);
}

static void *signals_thread(void *self)
{
    struct serve *serve = self;
    while (!atomic_load(&serve->is_ending)) {
        struct signalfd_siginfo info; /* waited for by read alone, which cannot run out of memory */
        if (read(serve->fd_signals, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo == SIGUSR1) /* our own: is_ending is set */
            continue;
        if (info.ssi_signo == SIGHUP)
            atomic_fetch_add(&serve->reloads, 1);
        else if (atomic_fetch_add(&serve->stops, 1) > 0)
            ori_cancel_set(&serve->cancel);
        wake(serve->fd_wake);
    }
    return NULL;
}

/* Before any other thread, so that all of them have these signals blocked. */
static ori_status start_signals(struct serve *serve, struct ori_error *err)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    serve->fd_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    serve->fd_signals = signalfd(-1, &mask, SFD_CLOEXEC);
    if (serve->fd_wake < 0 || serve->fd_signals < 0)
        return ori_error_set_errno(err, errno, false, "signals");
    int failed = pthread_create(&serve->thread, NULL, signals_thread, serve);
    if (failed)
        return ori_error_set_errno(err, failed, false, "signals");
    pthread_setname_np(serve->thread, "signals");
    serve->has_thread = true;
    return ORI_OK;
}

static void stop_signals(struct serve *serve)
{
    if (serve->has_thread) {
        atomic_store(&serve->is_ending, true);
        pthread_kill(serve->thread, SIGUSR1);
        pthread_join(serve->thread, NULL);
    }
    if (serve->fd_signals >= 0)
        close(serve->fd_signals);
    if (serve->fd_wake >= 0)
        close(serve->fd_wake);
}

/* What would stop a start is not taken by a running server either. */
static ori_status check(void *self, const struct ori_settings *settings, struct ori_error *err)
{
    (void)self;
    const ori_status status = ori_http_server_check(settings, err);
    return status == ORI_OK ? ori_service_check(settings, err) : status;
}

static void told(void *self, const char *variable, bool is_taken)
{
    const struct serve *serve = self;
    ori_log_event(&serve->cli->log, is_taken ? ORI_LOG_INFO : ORI_LOG_WARN,
                  is_taken ? "settings.changed" : "settings.needs_restart",
                  ORI_LOG_FIELDS(ori_log_text("variable", variable)));
}

static void reload(struct serve *serve)
{
    struct ori_error err = {0};
    enum ori_log_level level = ORI_LOG_INFO;
    ori_notify_reloading(serve->notify);
    if (ori_live_reload(serve->live, &serve->cli->sources, check, told, serve, &err) != ORI_OK) {
        ori_log_failure(&serve->cli->log, ORI_LOG_ERROR, "settings.refused", &err);
    } else {
        const struct ori_settings *settings = ori_live_ref(serve->live);
        if (ori_log_level_of(settings->log_level, &level))
            ori_log_sink_set_level(serve->cli->log.sink, level);
        ori_live_unref(serve->live, &settings);
        ori_log_event(&serve->cli->log, ORI_LOG_INFO, "settings.read", NULL);
    }
    ori_service_poke(serve->service);
    ori_notify_ready(serve->notify);
}

static ori_status start(struct serve *serve, struct ori_error *err)
{
    struct ori_cli *cli = serve->cli;
    /* What the API would refuse is refused before a job of the last time goes on. */
    ori_status status = ori_http_server_check(cli->settings, err);
    if (status == ORI_OK)
        status = ori_live_create(cli->settings, &serve->live, err);
    if (status != ORI_OK)
        return status;
    cli->settings = NULL; /* the snapshots own them now */
    struct ori_service_options options = {
        .live = serve->live, .log = &cli->log, .cancel = &serve->cancel};
    status = ori_service_create(&options, &serve->service, err);
    if (status == ORI_OK)
        status = ori_http_server_create(serve->service, &serve->server, err);
    return status;
}

/* Scripts read the event; a person gets something to click. */
static void announce(struct serve *serve)
{
    const struct ori_settings *settings = serve->service->settings;
    const struct ori_log *log = &serve->cli->log;
    int port = ori_http_server_port(serve->server);
    bool has_key = ori_secret_is_set(settings->api_key);
    const char *brackets = strchr(settings->api_host, ':') ? "[]" : "";
    char url[512];
    snprintf(url, sizeof url, "http://%.1s%s%.1s:%d", brackets, settings->api_host,
             brackets[0] ? brackets + 1 : "", port);
    ori_log_event(log, ORI_LOG_INFO, "server.listening",
                  ORI_LOG_FIELDS(ori_log_text("url", url), ori_log_int("port", port),
                                 ori_log_text("version", ORI_VERSION),
                                 ori_log_bool("key", has_key)));
    if (!has_key)
        ori_log_event(log, ORI_LOG_INFO, "server.open",
                      ORI_LOG_FIELDS(ori_log_text("why", "API_KEY is not set: this machine alone "
                                                         "may connect, and needs no key")));
    if (ori_log_sink_is_terminal(log->sink))
        ori_log_say(log, "oriane: the console is at %s/ui/", url);
}

/* Until the first SIGTERM or SIGINT. */
static void wait_for_stop(struct serve *serve)
{
    while (atomic_load(&serve->stops) == 0) {
        uint64_t wakes = 0;
        struct pollfd fd = {.fd = serve->fd_wake, .events = POLLIN};
        (void)!poll(&fd, 1, ori_notify_interval_ms(serve->notify));
        ori_notify_alive(serve->notify);
        (void)!read(serve->fd_wake, &wakes, sizeof wakes);
        if (atomic_exchange(&serve->reloads, 0) > 0)
            reload(serve);
    }
}

static void drain(struct serve *serve)
{
    const struct ori_settings *settings = ori_live_ref(serve->live);
    int64_t deadline_us = ori_clock_us() + settings->drain_timeout * 1000000;
    ori_notify_stopping(serve->notify);
    ori_log_event(&serve->cli->log, ORI_LOG_INFO, "server.draining",
                  ORI_LOG_FIELDS(ori_log_int("seconds", settings->drain_timeout)));
    ori_live_unref(serve->live, &settings);
    ori_service_drain(serve->service, deadline_us);
}

static enum ori_exit run_serve(struct ori_cli *cli)
{
    struct serve serve = {.cli = cli, .fd_signals = -1, .fd_wake = -1};
    struct ori_error err = {0};
    bool has_net = false;
    ori_status status = ori_cancel_init(&serve.cancel, NULL, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = start_signals(&serve, &err);
    if (status == ORI_OK) {
        status = ori_net_global_init(&err);
        has_net = status == ORI_OK;
    }
    if (status == ORI_OK)
        status = ori_notify_create(&serve.notify, &err);
    if (status == ORI_OK)
        status = start(&serve, &err);
    if (status == ORI_OK) {
        announce(&serve);
        ori_notify_ready(serve.notify);
        wait_for_stop(&serve);
        drain(&serve);
        ori_http_server_stop_accepting(serve.server);
    }
    ori_cancel_set(&serve.cancel);
    ori_http_server_destroy(&serve.server);
    ori_service_destroy(&serve.service);
    ori_live_destroy(&serve.live);
    ori_notify_destroy(&serve.notify);
    if (has_net)
        ori_net_global_deinit();
    stop_signals(&serve);
    ori_cancel_deinit(&serve.cancel);
    if (status == ORI_OK)
        ori_log_event(&cli->log, ORI_LOG_INFO, "server.stopped", NULL);
    return ori_ending(cli, status, &err);
}

const struct ori_verb ori_verb_serve = {
    .name = "serve",
    .summary = "the HTTP API, its jobs and the console",
    .usage = "[options]",
    .description =
        "Listens on API_HOST:API_PORT until SIGTERM or Ctrl-C; then running videos may end\n"
        "until DRAIN_TIMEOUT, and what waits stays in the job store. SIGHUP reads the settings\n"
        "again. Without API_KEY only this machine may connect.",
    .run = run_serve,
};
