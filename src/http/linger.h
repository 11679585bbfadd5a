#pragma once
/* http/linger.h: sockets whose answer is out, and whose client is still sending.
 * How        what comes is dropped unread until the client closes, for two seconds or
 *            ORI_LIMIT_MAX_DROPPED_BYTES: then the answer has reached it, or never will
 * Call order init; add; wait again and again; deinit closes what is left
 * Threads    add one, wait another
 * Source     RFC 9112 section 9.6 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "util/limits.h"

struct ori_linger {
    pthread_mutex_t lock;
    int wake_fd;  /* -1: none could be made; new sockets wait for the next round */
    size_t count; /* lock, as are the rows */
    struct {
        int fd;
        int64_t deadline_us;
        size_t bytes;
    } rows[ORI_LIMIT_MAX_LINGERING];
};

void ori_linger_init(struct ori_linger *linger);
void ori_linger_deinit(struct ori_linger *linger);
/* Keeps a duplicate of fd; does nothing when there is no room. */
void ori_linger_add(struct ori_linger *linger, int fd);
/* Drops what comes, until stop_fd is readable or timeout_ms has passed. */
void ori_linger_wait(struct ori_linger *linger, int stop_fd, int timeout_ms);
