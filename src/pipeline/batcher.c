#include "pipeline/batcher.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/cond.h"
#include "util/limits.h"

#define THREADS_MAX 64
/* Longer than one decoded 1080p frame takes, so that the videos that run together meet in a batch;
 * short beside the time between two kept frames of one video. */
#define FLUSH_US 5000

struct ori_batcher {
    const struct ori_model *model;   /* immutable */
    const struct ori_cancel *cancel; /* immutable */
    struct ori_metrics *metrics;     /* immutable */
    size_t batch_size;               /* immutable */
    size_t dim;                      /* immutable */
    pthread_mutex_t lock;
    pthread_cond_t has_work; /* monotonic clock */
    pthread_cond_t has_done; /* for withdraw */
    bool is_ending;          /* lock, as all below */
    struct ori_batcher_ticket *head;
    struct ori_batcher_ticket *tail;
    size_t waiting; /* changed by set_waiting */
    int threads_count;
    pthread_t threads[THREADS_MAX]; /* owner thread */
};

/* What one embed thread works with, made before it starts. */
struct embedder {
    struct ori_batcher *batcher;
    struct ori_model_scratch *scratch;
    struct ori_batcher_ticket **tickets; /* batch_size of each */
    const uint8_t **pictures;
    float *vectors;
};

static void embedder_destroy(struct embedder **embedder)
{
    if (!*embedder)
        return;
    ori_model_scratch_destroy(&(*embedder)->scratch);
    free((*embedder)->tickets);
    free((*embedder)->pictures);
    free((*embedder)->vectors);
    free(*embedder);
    *embedder = NULL;
}

static ori_status embedder_create(struct ori_batcher *batcher, struct embedder **ret_embedder,
                                  struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct embedder *embedder = calloc(1, sizeof *embedder);
    if (!embedder) {
        status = ori_error_set(err, ORI_NOMEM, "embed thread");
        goto out;
    }
    embedder->batcher = batcher;
    embedder->tickets = calloc(batcher->batch_size, sizeof *embedder->tickets);
    embedder->pictures = calloc(batcher->batch_size, sizeof *embedder->pictures);
    embedder->vectors = calloc(batcher->batch_size * batcher->dim, sizeof *embedder->vectors);
    if (!embedder->tickets || !embedder->pictures || !embedder->vectors) {
        status = ori_error_set(err, ORI_NOMEM, "embed thread");
        goto out;
    }
    status = ori_model_scratch_create(batcher->model, &embedder->scratch, err);
    if (status != ORI_OK)
        goto out;
    *ret_embedder = embedder;
    embedder = NULL;
out:
    embedder_destroy(&embedder);
    return status;
}

/* The lock is held. */
static void set_waiting(struct ori_batcher *batcher, size_t waiting)
{
    batcher->waiting = waiting;
    ori_metrics_set(batcher->metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_EMBED,
                    (double)waiting);
}

/* The lock is held. Waits until a batch is due and takes it; 0 when the batcher ends. */
static size_t take_batch(struct embedder *embedder)
{
    struct ori_batcher *batcher = embedder->batcher;
    for (;;) {
        if (batcher->is_ending)
            return 0;
        if (batcher->waiting == 0) {
            pthread_cond_wait(&batcher->has_work, &batcher->lock);
            continue;
        }
        int64_t due_us = batcher->head->since_us + FLUSH_US;
        if (batcher->waiting >= batcher->batch_size || ori_clock_us() >= due_us)
            break;
        ori_cond_wait(&batcher->has_work, &batcher->lock, due_us);
    }
    size_t count = 0;
    while (batcher->head && count < batcher->batch_size) {
        struct ori_batcher_ticket *ticket = batcher->head;
        batcher->head = ticket->next;
        embedder->tickets[count++] = ticket;
    }
    set_waiting(batcher, batcher->waiting - count);
    if (!batcher->head)
        batcher->tail = NULL;
    return count;
}

/* No lock: tickets in a batch are the batch's alone. */
static void embed_batch(struct embedder *embedder, size_t count)
{
    struct ori_batcher *batcher = embedder->batcher;
    struct ori_error error = {0};
    for (size_t i = 0; i < count; i++)
        embedder->pictures[i] = embedder->tickets[i]->picture;
    ori_status status = ori_model_embed_pictures(embedder->scratch, embedder->pictures, count,
                                                 batcher->cancel, embedder->vectors, &error);
    if (status == ORI_OK) {
        ori_metrics_add(batcher->metrics, ORI_METRIC_EMBED_BATCHES, 0, 1);
        ori_metrics_add(batcher->metrics, ORI_METRIC_EMBEDDINGS, 0, (double)count);
    }
    for (size_t i = 0; i < count; i++) {
        struct ori_batcher_ticket *ticket = embedder->tickets[i];
        ticket->status = status;
        ticket->error = error;
        if (status == ORI_OK)
            memcpy(ticket->vector, embedder->vectors + i * batcher->dim,
                   batcher->dim * sizeof *ticket->vector);
    }
}

/* The lock is held. */
static void deliver(struct ori_batcher_ticket *ticket)
{
    struct ori_batcher_inbox *inbox = ticket->inbox;
    ticket->next = NULL;
    if (inbox->done_tail)
        inbox->done_tail->next = ticket;
    else
        inbox->done_head = ticket;
    inbox->done_tail = ticket;
    inbox->lent--;
    uint64_t one = 1;
    ssize_t written = write(inbox->fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one); /* far from the counter's maximum */
}

static void *embed_thread(void *self)
{
    struct embedder *embedder = self;
    struct ori_batcher *batcher = embedder->batcher;
    pthread_mutex_lock(&batcher->lock);
    for (;;) {
        size_t count = take_batch(embedder);
        if (count == 0)
            break;
        pthread_mutex_unlock(&batcher->lock);
        embed_batch(embedder, count);
        pthread_mutex_lock(&batcher->lock);
        for (size_t i = 0; i < count; i++)
            deliver(embedder->tickets[i]);
        pthread_cond_broadcast(&batcher->has_done);
    }
    pthread_mutex_unlock(&batcher->lock);
    embedder_destroy(&embedder);
    return NULL;
}

static ori_status start_thread(struct ori_batcher *batcher, struct ori_error *err)
{
    struct embedder *embedder = NULL;
    ori_status status = embedder_create(batcher, &embedder, err);
    if (status != ORI_OK)
        return status;
    int failed =
        pthread_create(&batcher->threads[batcher->threads_count], NULL, embed_thread, embedder);
    if (failed) {
        embedder_destroy(&embedder);
        return ori_error_set_errno(err, failed, false, "starting an embed thread");
    }
    char name[16];
    snprintf(name, sizeof name, "embed-%d", batcher->threads_count % THREADS_MAX);
    pthread_setname_np(batcher->threads[batcher->threads_count], name);
    batcher->threads_count++;
    return ORI_OK;
}

static void init_locks(struct ori_batcher *batcher)
{
    pthread_mutex_init(&batcher->lock, NULL); /* these do not fail on Linux */
    ori_cond_init(&batcher->has_work);
    pthread_cond_init(&batcher->has_done, NULL);
}

ori_status ori_batcher_create(const struct ori_batcher_options *options,
                              struct ori_batcher **ret_batcher, struct ori_error *err)
{
    ORI_ASSERT(options && options->model && ret_batcher && options->batch_size > 0 &&
               options->threads > 0 && options->threads <= THREADS_MAX);
    struct ori_model_info info = ori_model_info(options->model);
    ori_status status = ORI_OK;
    struct ori_batcher *batcher = calloc(1, sizeof *batcher);
    if (!batcher)
        return ori_error_set(err, ORI_NOMEM, "batcher");
    batcher->model = options->model;
    batcher->cancel = options->cancel;
    batcher->metrics = options->metrics;
    batcher->dim = (size_t)info.dim;
    batcher->batch_size =
        options->batch_size < info.batch_max ? options->batch_size : info.batch_max;
    init_locks(batcher);
    for (int i = 0; i < options->threads && status == ORI_OK; i++)
        status = start_thread(batcher, err);
    if (status != ORI_OK) {
        ori_batcher_destroy(&batcher);
        return status;
    }
    *ret_batcher = batcher;
    return ORI_OK;
}

void ori_batcher_destroy(struct ori_batcher **batcher)
{
    if (!batcher || !*batcher)
        return;
    struct ori_batcher *it = *batcher;
    pthread_mutex_lock(&it->lock);
    ORI_ASSERT(it->waiting == 0);
    it->is_ending = true;
    pthread_cond_broadcast(&it->has_work);
    pthread_mutex_unlock(&it->lock);
    for (int i = 0; i < it->threads_count; i++)
        pthread_join(it->threads[i], NULL);
    pthread_cond_destroy(&it->has_done);
    pthread_cond_destroy(&it->has_work);
    pthread_mutex_destroy(&it->lock);
    free(it);
    *batcher = NULL;
}

ori_status ori_batcher_inbox_init(struct ori_batcher *batcher, struct ori_batcher_inbox *ret_inbox,
                                  struct ori_error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ori_error_set_errno(err, errno, false, "inbox for vectors");
    *ret_inbox = (struct ori_batcher_inbox){.fd = fd, .batcher = batcher};
    return ORI_OK;
}

void ori_batcher_inbox_deinit(struct ori_batcher_inbox *inbox)
{
    if (!inbox->batcher)
        return;
    ori_batcher_withdraw(inbox);
    close(inbox->fd);
    *inbox = (struct ori_batcher_inbox){.fd = -1};
}

size_t ori_batcher_waiting(struct ori_batcher *batcher)
{
    pthread_mutex_lock(&batcher->lock);
    size_t waiting = batcher->waiting;
    pthread_mutex_unlock(&batcher->lock);
    return waiting;
}

ori_status ori_batcher_submit(struct ori_batcher_inbox *inbox, struct ori_batcher_ticket *ticket,
                              struct ori_error *err)
{
    struct ori_batcher *batcher = inbox->batcher;
    ori_status status = ORI_OK;
    ticket->status = ORI_AGAIN;
    ticket->error = (struct ori_error){0};
    ticket->inbox = inbox;
    ticket->next = NULL;
    ticket->since_us = ori_clock_us();
    pthread_mutex_lock(&batcher->lock);
    if (batcher->waiting >= ORI_LIMIT_MAX_EMBED_WAITING) {
        status = ORI_LIMIT;
    } else {
        if (batcher->tail)
            batcher->tail->next = ticket;
        else
            batcher->head = ticket;
        batcher->tail = ticket;
        set_waiting(batcher, batcher->waiting + 1);
        inbox->lent++;
        pthread_cond_signal(&batcher->has_work);
    }
    pthread_mutex_unlock(&batcher->lock);
    if (status != ORI_OK)
        return ori_error_set(err, status, "more than %d frames wait for the model",
                             ORI_LIMIT_MAX_EMBED_WAITING);
    return ORI_OK;
}

struct ori_batcher_ticket *ori_batcher_collect(struct ori_batcher_inbox *inbox)
{
    struct ori_batcher *batcher = inbox->batcher;
    pthread_mutex_lock(&batcher->lock);
    struct ori_batcher_ticket *ticket = inbox->done_head;
    if (ticket) {
        inbox->done_head = ticket->next;
        if (!inbox->done_head) { /* empty again: the descriptor is quiet until the next one */
            uint64_t count = 0;
            inbox->done_tail = NULL;
            (void)!read(inbox->fd, &count, sizeof count);
        }
    }
    pthread_mutex_unlock(&batcher->lock);
    return ticket;
}

/* The lock is held. Unlinks what this inbox has in the queue. */
static void unqueue(struct ori_batcher *batcher, struct ori_batcher_inbox *inbox)
{
    struct ori_batcher_ticket **link = &batcher->head;
    batcher->tail = NULL;
    while (*link) {
        if ((*link)->inbox == inbox) {
            *link = (*link)->next;
            set_waiting(batcher, batcher->waiting - 1);
            inbox->lent--;
        } else {
            batcher->tail = *link;
            link = &(*link)->next;
        }
    }
}

void ori_batcher_withdraw(struct ori_batcher_inbox *inbox)
{
    struct ori_batcher *batcher = inbox->batcher;
    pthread_mutex_lock(&batcher->lock);
    unqueue(batcher, inbox);
    while (inbox->lent > 0)
        pthread_cond_wait(&batcher->has_done, &batcher->lock);
    pthread_mutex_unlock(&batcher->lock);
    while (ori_batcher_collect(inbox))
        ;
}
