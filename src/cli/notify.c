#include "cli/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/supervisor.h"
#include "util/clock.h"
#include "util/utf8.h"

#define MESSAGE_BYTES 512

struct ori_notify {
    int fd;
    struct sockaddr_un address;
    socklen_t address_bytes;
    int64_t watchdog_us; /* 0: none */
    int64_t alive_at_us; /* when it was last told */
};

/* "/path", or "@name" for the abstract name space: a NUL in front instead. */
static ori_status set_address(struct ori_notify *notify, const char *socket_name,
                              struct ori_error *err)
{
    struct sockaddr_un *address = &notify->address;
    size_t bytes = strlen(socket_name);
    bool is_abstract = socket_name[0] == '@';
    if ((socket_name[0] != '/' && !is_abstract) || bytes < 2 || bytes >= sizeof address->sun_path)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "NOTIFY_SOCKET=%.120s: expected an absolute path, or @ and a name, of "
                             "at most %zu bytes",
                             socket_name, sizeof address->sun_path - 1);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, socket_name, bytes);
    if (is_abstract)
        address->sun_path[0] = '\0';
    /* An abstract name is as long as it is said to be, a path ends with its NUL. */
    notify->address_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (is_abstract ? 0 : 1));
    return ORI_OK;
}

ori_status ori_notify_create(struct ori_notify **ret_notify, struct ori_error *err)
{
    struct ori_supervisor supervisor;
    *ret_notify = NULL;
    ori_status status = ori_supervisor_read(&supervisor, err);
    if (status != ORI_OK || !supervisor.notify_socket)
        return status;
    struct ori_notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return ori_error_set(err, ORI_NOMEM, "supervisor");
    notify->watchdog_us = supervisor.watchdog_us;
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0)
        status = ori_error_set_errno(err, errno, false, "socket of the supervisor");
    else
        status = set_address(notify, supervisor.notify_socket, err);
    if (status != ORI_OK) {
        ori_notify_destroy(&notify);
        return status;
    }
    *ret_notify = notify;
    return ORI_OK;
}

void ori_notify_destroy(struct ori_notify **notify)
{
    if (!notify || !*notify)
        return;
    if ((*notify)->fd >= 0)
        close((*notify)->fd);
    free(*notify);
    *notify = NULL;
}

static void tell(struct ori_notify *notify, const char *message)
{
    ssize_t sent = 0;
    if (!notify)
        return;
    do
        sent = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->address_bytes);
    while (sent < 0 && errno == EINTR);
}

void ori_notify_ready(struct ori_notify *notify)
{
    tell(notify, "READY=1");
}

void ori_notify_reloading(struct ori_notify *notify)
{
    char message[MESSAGE_BYTES];
    /* The supervisor compares the time with that of its own signal. */
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, ori_clock_us());
    tell(notify, message);
}

void ori_notify_stopping(struct ori_notify *notify)
{
    tell(notify, "STOPPING=1");
}

void ori_notify_status(struct ori_notify *notify, const char *format, ...)
{
    char text[MESSAGE_BYTES - 16];
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ori_utf8_clean(text); /* a line end would begin another variable */
    snprintf(message, sizeof message, "STATUS=%s", text);
    tell(notify, message);
}

int ori_notify_interval_ms(const struct ori_notify *notify)
{
    if (!notify || notify->watchdog_us == 0)
        return -1;
    int64_t half_ms = notify->watchdog_us / 2000;
    return half_ms < 1 ? 1 : half_ms > INT_MAX ? INT_MAX : (int)half_ms;
}

void ori_notify_alive(struct ori_notify *notify)
{
    if (!notify || notify->watchdog_us == 0)
        return;
    int64_t now_us = ori_clock_us();
    if (notify->alive_at_us != 0 && now_us - notify->alive_at_us < notify->watchdog_us / 4)
        return;
    notify->alive_at_us = now_us;
    tell(notify, "WATCHDOG=1");
}
