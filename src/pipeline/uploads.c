#include "pipeline/uploads.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/cond.h"

/* Oldest first. */
struct line {
    struct ori_upload *head;
    struct ori_upload *tail;
    int count;
};

struct ori_uploads {
    struct ori_blob_store *store; /* immutable */
    struct ori_wait wait;         /* immutable */
    int threads_max;              /* immutable; 1: none, add puts */
    int fd;                       /* immutable; eventfd, -1 without threads */
    struct ori_cancel stop;       /* of what runs; only with threads */
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    pthread_cond_t has_ended; /* monotonic clock; a put, while the whole is ending */
    struct line waiting;      /* lock, as all below */
    struct line done;
    bool has_failed;
    bool is_ending;
    int idle;
    int running;
    int threads_count; /* owner thread */
    pthread_t threads[ORI_UPLOADS_AT_ONCE];
};

static void push(struct line *line, struct ori_upload *upload)
{
    upload->next = NULL;
    if (line->tail)
        line->tail->next = upload;
    else
        line->head = upload;
    line->tail = upload;
    line->count++;
}

static struct ori_upload *pop(struct line *line)
{
    struct ori_upload *upload = line->head;
    if (!upload)
        return NULL;
    line->head = upload->next;
    line->count--;
    if (!line->head)
        line->tail = NULL;
    return upload;
}

static void put(const struct ori_uploads *uploads, struct ori_upload *upload)
{
    const int64_t begin_us = ori_clock_us();
    upload->status = ori_blob_put(uploads->store, upload->key, upload->data, upload->bytes,
                                  upload->content_type, &uploads->wait, &upload->error);
    upload->put_us = ori_clock_us() - begin_us;
}

/* The lock is held. */
static void deliver(struct ori_uploads *uploads, struct ori_upload *upload)
{
    const uint64_t one = 1;
    push(&uploads->done, upload);
    if (uploads->fd < 0)
        return;
    const ssize_t written = write(uploads->fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one); /* far from the counter's maximum */
}

/* The lock is held. The failure was delivered before: nobody sees what it stopped first. */
static void stop_waiting(struct ori_uploads *uploads)
{
    struct ori_upload *upload = NULL;
    uploads->has_failed = true;
    while ((upload = pop(&uploads->waiting))) {
        upload->status = ori_error_set(&upload->error, ORI_CANCELLED, "an upload before it failed");
        deliver(uploads, upload);
    }
}

static void *upload_thread(void *self)
{
    struct ori_uploads *uploads = self;
    pthread_mutex_lock(&uploads->lock);
    for (;;) {
        struct ori_upload *upload = uploads->is_ending ? NULL : pop(&uploads->waiting);
        if (upload) {
            uploads->running++;
            pthread_mutex_unlock(&uploads->lock);
            put(uploads, upload);
            pthread_mutex_lock(&uploads->lock);
            uploads->running--;
            deliver(uploads, upload);
            if (upload->status != ORI_OK)
                stop_waiting(uploads);
            pthread_cond_signal(&uploads->has_ended);
            continue;
        }
        if (uploads->is_ending)
            break;
        uploads->idle++;
        pthread_cond_wait(&uploads->has_work, &uploads->lock);
        uploads->idle--;
    }
    pthread_mutex_unlock(&uploads->lock);
    return NULL;
}

/* Both or none. */
static ori_status open_signals(struct ori_uploads *uploads, struct ori_error *err)
{
    ori_status status = ori_cancel_init(&uploads->stop, NULL, err);
    if (status != ORI_OK)
        return status;
    uploads->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (uploads->fd < 0) {
        status = ori_error_set_errno(err, errno, false, "uploads of one video");
        ori_cancel_deinit(&uploads->stop);
    }
    uploads->wait.cancel = &uploads->stop;
    return status;
}

ori_status ori_uploads_create(struct ori_blob_store *store, const struct ori_wait *wait,
                              struct ori_uploads **ret_uploads, struct ori_error *err)
{
    ORI_ASSERT(store && ret_uploads);
    const int puts_max = ori_blob_puts_max(store);
    ori_status status = ORI_OK;
    struct ori_uploads *uploads = calloc(1, sizeof *uploads);
    if (!uploads)
        return ori_error_set(err, ORI_NOMEM, "uploads of one video");
    uploads->store = store;
    uploads->fd = -1;
    uploads->threads_max = puts_max < ORI_UPLOADS_AT_ONCE ? puts_max : ORI_UPLOADS_AT_ONCE;
    if (wait)
        uploads->wait = *wait;
    pthread_mutex_init(&uploads->lock, NULL); /* these do not fail on Linux */
    pthread_cond_init(&uploads->has_work, NULL);
    ori_cond_init(&uploads->has_ended);
    if (uploads->threads_max > 1)
        status = open_signals(uploads, err);
    if (status == ORI_OK) {
        *ret_uploads = uploads;
        uploads = NULL;
    }
    ori_uploads_destroy(&uploads, 0);
    return status;
}

void ori_uploads_destroy(struct ori_uploads **uploads, int grace_ms)
{
    if (!uploads || !*uploads)
        return;
    struct ori_uploads *it = *uploads;
    pthread_mutex_lock(&it->lock);
    it->is_ending = true;
    pthread_cond_broadcast(&it->has_work);
    const int64_t deadline_us = ori_clock_us() + (int64_t)grace_ms * 1000;
    while (it->running > 0 && ori_clock_us() < deadline_us)
        ori_cond_wait(&it->has_ended, &it->lock, deadline_us);
    pthread_mutex_unlock(&it->lock);
    if (it->fd >= 0)
        ori_cancel_set(&it->stop);
    for (int i = 0; i < it->threads_count; i++)
        pthread_join(it->threads[i], NULL);
    if (it->fd >= 0) {
        ori_cancel_deinit(&it->stop);
        close(it->fd);
    }
    pthread_cond_destroy(&it->has_work);
    pthread_cond_destroy(&it->has_ended);
    pthread_mutex_destroy(&it->lock);
    free(it);
    *uploads = NULL;
}

int ori_uploads_fd(const struct ori_uploads *uploads)
{
    return uploads->fd;
}

/* One more upload is about to wait: a thread for it, where there can be one. False: there is none at
 * all. The lock is held. A thread that was woken is idle until it has the lock. */
static bool wake_thread(struct ori_uploads *uploads)
{
    const int count = uploads->threads_count;
    if (uploads->idle <= uploads->waiting.count && count < uploads->threads_max &&
        pthread_create(&uploads->threads[count], NULL, upload_thread, uploads) == 0) {
        pthread_setname_np(uploads->threads[count], "upload");
        uploads->threads_count++;
    }
    pthread_cond_signal(&uploads->has_work);
    return uploads->threads_count > 0;
}

void ori_uploads_add(struct ori_uploads *uploads, struct ori_upload *upload)
{
    upload->status = ORI_OK;
    upload->error = (struct ori_error){0};
    upload->put_us = 0;
    pthread_mutex_lock(&uploads->lock);
    const bool is_late = uploads->has_failed;
    const bool has_thread = !is_late && uploads->threads_max > 1 && wake_thread(uploads);
    if (has_thread)
        push(&uploads->waiting, upload);
    pthread_mutex_unlock(&uploads->lock);
    if (has_thread)
        return;
    if (is_late)
        upload->status = ori_error_set(&upload->error, ORI_CANCELLED, "an upload before it failed");
    else
        put(uploads, upload);
    pthread_mutex_lock(&uploads->lock);
    uploads->has_failed = uploads->has_failed || upload->status != ORI_OK;
    deliver(uploads, upload);
    pthread_mutex_unlock(&uploads->lock);
}

struct ori_upload *ori_uploads_collect(struct ori_uploads *uploads)
{
    pthread_mutex_lock(&uploads->lock);
    struct ori_upload *upload = pop(&uploads->done);
    if (upload && !uploads->done.head && uploads->fd >= 0) { /* quiet until the next one */
        uint64_t count = 0;
        (void)!read(uploads->fd, &count, sizeof count);
    }
    pthread_mutex_unlock(&uploads->lock);
    return upload;
}
