#include "util/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"

static struct ori_cancel *root_of(struct ori_cancel *cancel)
{
    while (cancel->parent)
        cancel = cancel->parent;
    return cancel;
}

static void set_one(struct ori_cancel *cancel)
{
    if (atomic_exchange(&cancel->is_set, true))
        return;
    uint64_t one = 1;
    ssize_t written = write(cancel->fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one); /* the counter was 0: it cannot be full */
}

/* The token after this one in a walk over top and all below it; NULL at the end. */
static struct ori_cancel *next_of(struct ori_cancel *cancel, const struct ori_cancel *top)
{
    if (cancel->first_child)
        return cancel->first_child;
    while (cancel != top) {
        if (cancel->next_sibling)
            return cancel->next_sibling;
        cancel = cancel->parent;
    }
    return NULL;
}

static void attach(struct ori_cancel *cancel, struct ori_cancel *parent)
{
    struct ori_cancel *root = root_of(parent);
    pthread_mutex_lock(&root->lock);
    cancel->next_sibling = parent->first_child;
    parent->first_child = cancel;
    if (atomic_load(&parent->is_set))
        set_one(cancel);
    pthread_mutex_unlock(&root->lock);
}

ori_status ori_cancel_init(struct ori_cancel *cancel, struct ori_cancel *parent,
                           struct ori_error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "cancel token");
    *cancel = (struct ori_cancel){.parent = parent, .fd = fd};
    pthread_mutex_init(&cancel->lock, NULL); /* cannot fail with default attributes */
    if (parent)
        attach(cancel, parent);
    return ORI_OK;
}

void ori_cancel_deinit(struct ori_cancel *cancel)
{
    ORI_ASSERT(!cancel->first_child);
    if (cancel->parent) {
        struct ori_cancel *root = root_of(cancel);
        pthread_mutex_lock(&root->lock);
        struct ori_cancel **link = &cancel->parent->first_child;
        while (*link != cancel)
            link = &(*link)->next_sibling;
        *link = cancel->next_sibling;
        pthread_mutex_unlock(&root->lock);
    }
    pthread_mutex_destroy(&cancel->lock);
    close(cancel->fd);
    cancel->fd = -1;
}

void ori_cancel_set(struct ori_cancel *cancel)
{
    struct ori_cancel *root = root_of(cancel);
    pthread_mutex_lock(&root->lock);
    for (struct ori_cancel *at = cancel; at; at = next_of(at, cancel))
        set_one(at);
    pthread_mutex_unlock(&root->lock);
}

bool ori_cancel_is_set(const struct ori_cancel *cancel)
{
    return cancel && atomic_load(&cancel->is_set);
}

ori_status ori_cancel_wait(const struct ori_cancel *cancel, int timeout_ms)
{
    int64_t deadline_us =
        timeout_ms < 0 ? ORI_CLOCK_NO_DEADLINE : ori_clock_us() + (int64_t)timeout_ms * 1000;
    struct pollfd ready = {.fd = cancel ? cancel->fd : -1, .events = POLLIN};
    for (;;) {
        int count = poll(&ready, 1, ori_clock_poll_ms(deadline_us));
        if (ori_cancel_is_set(cancel))
            return ORI_CANCELLED;
        if (count == 0 && ori_clock_us() >= deadline_us)
            return ORI_AGAIN;
    }
}
