#include "http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"

#define LINGER_US 2000000
#define ROUND_BYTES 1048576

void ori_linger_init(struct ori_linger *linger)
{
    memset(linger, 0, sizeof *linger);
    pthread_mutex_init(&linger->lock, NULL);
    linger->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void ori_linger_deinit(struct ori_linger *linger)
{
    for (size_t i = 0; i < linger->count; i++)
        close(linger->rows[i].fd);
    linger->count = 0;
    if (linger->wake_fd >= 0)
        close(linger->wake_fd);
    pthread_mutex_destroy(&linger->lock);
}

void ori_linger_add(struct ori_linger *linger, int fd)
{
    pthread_mutex_lock(&linger->lock);
    int own = -1;
    if (linger->count < ORI_LIMIT_MAX_LINGERING)
        own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own >= 0) {
        linger->rows[linger->count].fd = own;
        linger->rows[linger->count].deadline_us = ori_clock_us() + LINGER_US;
        linger->rows[linger->count].bytes = 0;
        linger->count++;
    }
    pthread_mutex_unlock(&linger->lock);
    if (own >= 0 && linger->wake_fd >= 0)
        eventfd_write(linger->wake_fd, 1);
}

/* False: nothing more will come, or it has taken long enough. The lock is held. */
static bool drop_input(struct ori_linger *linger, size_t i, int64_t now_us)
{
    for (size_t round = 0; round < ROUND_BYTES;) {
        /* with MSG_TRUNC the kernel drops the bytes of a TCP stream itself */
        ssize_t got = recv(linger->rows[i].fd, NULL, ROUND_BYTES, MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0)
            return false;
        round += (size_t)got;
        linger->rows[i].bytes += (size_t)got;
    }
    return now_us < linger->rows[i].deadline_us &&
           linger->rows[i].bytes < ORI_LIMIT_MAX_DROPPED_BYTES;
}

void ori_linger_wait(struct ori_linger *linger, int stop_fd, int timeout_ms)
{
    struct pollfd looks[ORI_LIMIT_MAX_LINGERING + 2];
    looks[0] = (struct pollfd){stop_fd, POLLIN, 0};
    looks[1] = (struct pollfd){linger->wake_fd, POLLIN, 0};
    pthread_mutex_lock(&linger->lock);
    size_t count = linger->count;
    for (size_t i = 0; i < count; i++)
        looks[i + 2] = (struct pollfd){linger->rows[i].fd, POLLIN, 0};
    pthread_mutex_unlock(&linger->lock);
    if (poll(looks, count + 2, timeout_ms) > 0 && (looks[1].revents & POLLIN)) {
        eventfd_t ignored;
        eventfd_read(linger->wake_fd, &ignored);
    }
    int64_t now_us = ori_clock_us();
    pthread_mutex_lock(&linger->lock);
    for (size_t i = linger->count; i-- > 0;) {
        if (drop_input(linger, i, now_us))
            continue;
        close(linger->rows[i].fd);
        linger->rows[i] = linger->rows[--linger->count];
    }
    pthread_mutex_unlock(&linger->lock);
}
