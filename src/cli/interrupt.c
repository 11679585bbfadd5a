#include "cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define AGAIN_MS 100

struct ori_interrupt {
    struct ori_cancel *cancel;
    sigset_t mask_before;
    bool has_mask;
    bool has_thread;
    pthread_t thread;
    int fd_signals;
    int fd_stop; /* an eventfd */
};

static void *signals_thread(void *self)
{
    struct ori_interrupt *interrupt = self;
    for (;;) {
        struct pollfd fds[2] = {{.fd = interrupt->fd_stop, .events = POLLIN},
                                {.fd = interrupt->fd_signals, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0) {
            (void)ori_cancel_wait(NULL, AGAIN_MS); /* memory is out; signals matter later too */
            continue;
        }
        if (fds[0].revents)
            return NULL;
        struct signalfd_siginfo info;
        if (fds[1].revents && read(interrupt->fd_signals, &info, sizeof info) > 0)
            ori_cancel_set(interrupt->cancel);
    }
}

ori_status ori_interrupt_start(struct ori_cancel *cancel, struct ori_interrupt **ret_interrupt,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    sigset_t mask;
    struct ori_interrupt *interrupt = calloc(1, sizeof *interrupt);
    if (!interrupt)
        return ori_error_set(err, ORI_NOMEM, "signals");
    interrupt->cancel = cancel;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    interrupt->fd_stop = eventfd(0, EFD_CLOEXEC);
    interrupt->fd_signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (interrupt->fd_stop < 0 || interrupt->fd_signals < 0) {
        status = ori_error_set_errno(err, errno, false, "signals");
        goto out;
    }
    interrupt->has_mask = pthread_sigmask(SIG_BLOCK, &mask, &interrupt->mask_before) == 0;
    int failed = pthread_create(&interrupt->thread, NULL, signals_thread, interrupt);
    if (failed) {
        status = ori_error_set_errno(err, failed, false, "signals");
        goto out;
    }
    pthread_setname_np(interrupt->thread, "signals");
    interrupt->has_thread = true;
    *ret_interrupt = interrupt;
    interrupt = NULL;
out:
    ori_interrupt_stop(&interrupt);
    return status;
}

void ori_interrupt_stop(struct ori_interrupt **interrupt)
{
    if (!interrupt || !*interrupt)
        return;
    struct ori_interrupt *it = *interrupt;
    if (it->has_thread) {
        uint64_t one = 1;
        ssize_t written = write(it->fd_stop, &one, sizeof one);
        ORI_ASSERT(written == (ssize_t)sizeof one);
        pthread_join(it->thread, NULL);
    }
    if (it->has_mask) /* what came in the last moment is delivered now, and ends us: fine */
        pthread_sigmask(SIG_SETMASK, &it->mask_before, NULL);
    if (it->fd_signals >= 0)
        close(it->fd_signals);
    if (it->fd_stop >= 0)
        close(it->fd_stop);
    free(it);
    *interrupt = NULL;
}
