#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/auth.h"

#define BACKLOG 4096

static int open_on(const struct addrinfo *address)
{
    int on = 1;
    int off = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* past connections in TIME_WAIT */
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* "::" is every address */
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int fault = errno;
        close(fd);
        errno = fault;
        return -1;
    }
    return fd;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t bytes = sizeof address;
    if (getsockname(fd, &address.any, &bytes) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static ori_status say_why(const struct ori_settings *settings, int fault, struct ori_error *err)
{
    const char *host = settings->api_host;
    long long port = settings->api_port;
    if (fault == EADDRINUSE)
        return ori_error_set(err, ORI_PORT_TAKEN,
                             "API_PORT=%lld: another program listens on %s port %lld; API_PORT=0 "
                             "takes a free one",
                             port, host, port);
    if (fault == EADDRNOTAVAIL || fault == EAFNOSUPPORT)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_HOST=%s: expected an address of this machine", host);
    if (fault == EACCES || fault == EPERM)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_PORT=%lld: not allowed to listen there; expected 1024 to 65535",
                             port);
    return ori_error_set_errno(err, fault, true, "listening on %s port %lld", host, port);
}

static ori_status look_up(const struct ori_settings *settings, struct addrinfo **ret_found,
                          struct ori_error *err)
{
    char port[16];
    snprintf(port, sizeof port, "%lld", (long long)settings->api_port);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    int fault = getaddrinfo(settings->api_host, port, &hints, ret_found);
    if (fault != 0)
        return ori_error_set(err, ORI_BAD_SETTING,
                             "API_HOST=%s: expected an address of this machine (%s)",
                             settings->api_host, gai_strerror(fault));
    return ORI_OK;
}

ori_status ori_listen_is_loopback(const struct ori_settings *settings, bool *ret_is_loopback,
                                  struct ori_error *err)
{
    struct addrinfo *found = NULL;
    ori_status status = look_up(settings, &found, err);
    if (status != ORI_OK)
        return status;
    *ret_is_loopback = true;
    for (const struct addrinfo *at = found; at; at = at->ai_next)
        *ret_is_loopback = *ret_is_loopback && ori_auth_is_loopback(at->ai_addr);
    freeaddrinfo(found);
    return ORI_OK;
}

ori_status ori_listen(const struct ori_settings *settings, int *ret_fd, int *ret_port,
                      bool *ret_is_loopback, struct ori_error *err)
{
    struct addrinfo *found = NULL;
    ori_status status = look_up(settings, &found, err);
    if (status != ORI_OK)
        return status;
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = open_on(at);
        if (fd >= 0)
            *ret_is_loopback = ori_auth_is_loopback(at->ai_addr);
        else if (errno == EADDRINUSE)
            break; /* another family is no way round a taken port */
    }
    int why = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return say_why(settings, why, err);
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return ORI_OK;
}

long ori_listen_raise_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur > 1000000 ? 1000000 : (long)limit.rlim_cur;
}
