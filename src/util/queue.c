/* A ring of items under one lock, one condition for each side. A cancel token has a descriptor and
 * no condition, so a wait that has a token is cut into slices and looks at it between them. */
#include "util/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/cond.h"
#include "util/limits.h"
#include "util/size.h"

#define SLICE_US 50000

struct slot {
    void *item;
    size_t bytes;
};

struct ori_queue {
    pthread_mutex_t lock;
    pthread_cond_t has_item;
    pthread_cond_t has_room;
    size_t items_max; /* immutable, as are bytes_max and drop */
    size_t bytes_max;
    ori_queue_drop_fn drop;
    size_t first; /* this and what follows: guarded by lock */
    size_t items;
    size_t bytes;
    ori_status end; /* ORI_OK while open */
    struct ori_error cause;
    struct slot slots[];
};

ori_status ori_queue_create(size_t items_max, size_t bytes_max, ori_queue_drop_fn drop,
                            struct ori_queue **ret_queue, struct ori_error *err)
{
    ORI_ASSERT(items_max >= 1 && items_max <= ORI_LIMIT_MAX_QUEUE_ITEMS);
    struct ori_queue *queue = calloc(1, sizeof *queue + items_max * sizeof queue->slots[0]);
    if (!queue)
        return ori_error_set(err, ORI_NOMEM, "queue");
    ori_cond_init(&queue->has_item);
    ori_cond_init(&queue->has_room);
    pthread_mutex_init(&queue->lock, NULL); /* cannot fail with default attributes */
    queue->items_max = items_max;
    queue->bytes_max = bytes_max;
    queue->drop = drop;
    *ret_queue = queue;
    return ORI_OK;
}

static struct slot take_first(struct ori_queue *queue)
{
    struct slot slot = queue->slots[queue->first];
    queue->first = (queue->first + 1) % queue->items_max;
    queue->items--;
    queue->bytes -= slot.bytes;
    return slot;
}

void ori_queue_destroy(struct ori_queue **queue)
{
    if (!queue || !*queue)
        return;
    struct ori_queue *dead = *queue;
    *queue = NULL;
    while (dead->items > 0) {
        struct slot slot = take_first(dead);
        if (dead->drop)
            dead->drop(slot.item);
    }
    pthread_cond_destroy(&dead->has_room);
    pthread_cond_destroy(&dead->has_item);
    pthread_mutex_destroy(&dead->lock);
    free(dead);
}

/* Waits on a condition for a while: ORI_OK means look again. The lock is held. */
static ori_status wait_on(struct ori_queue *queue, pthread_cond_t *condition,
                          const struct ori_cancel *cancel, int64_t deadline_us)
{
    if (ori_cancel_is_set(cancel))
        return ORI_CANCELLED;
    int64_t now_us = ori_clock_us();
    if (now_us >= deadline_us)
        return ORI_AGAIN;
    int64_t until_us = deadline_us;
    if (cancel && deadline_us - now_us > SLICE_US)
        until_us = now_us + SLICE_US;
    ori_cond_wait(condition, &queue->lock, until_us);
    return ORI_OK;
}

static bool has_room_for(const struct ori_queue *queue, size_t bytes)
{
    size_t sum = 0;
    if (queue->items == 0)
        return true;
    return queue->items < queue->items_max && ori_size_add(queue->bytes, bytes, &sum) &&
           sum <= queue->bytes_max;
}

ori_status ori_queue_push(struct ori_queue *queue, void *item, size_t bytes,
                          const struct ori_cancel *cancel, int64_t deadline_us)
{
    ori_status status = ORI_OK;
    pthread_mutex_lock(&queue->lock);
    while (queue->end == ORI_OK && status == ORI_OK && !has_room_for(queue, bytes))
        status = wait_on(queue, &queue->has_room, cancel, deadline_us);
    if (queue->end != ORI_OK)
        status = queue->end;
    if (status == ORI_OK) {
        size_t last = (queue->first + queue->items) % queue->items_max;
        queue->slots[last] = (struct slot){.item = item, .bytes = bytes};
        queue->items++;
        queue->bytes += bytes;
        pthread_cond_signal(&queue->has_item);
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

ori_status ori_queue_pop(struct ori_queue *queue, const struct ori_cancel *cancel,
                         int64_t deadline_us, void **ret_item, struct ori_error *err)
{
    ori_status status = ORI_OK;
    pthread_mutex_lock(&queue->lock);
    while (queue->items == 0 && queue->end == ORI_OK && status == ORI_OK)
        status = wait_on(queue, &queue->has_item, cancel, deadline_us);
    if (queue->items > 0) {
        status = ORI_OK;
        *ret_item = take_first(queue).item;
        pthread_cond_broadcast(&queue->has_room); /* waiters differ in bytes: all look again */
    } else if (queue->end != ORI_OK) {
        status = queue->end;
        if (status != ORI_EOF && err && err->status == ORI_OK)
            *err = queue->cause;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

static void close_with(struct ori_queue *queue, ori_status end, const struct ori_error *cause)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->end == ORI_OK) {
        queue->end = end;
        if (cause)
            queue->cause = *cause;
    }
    pthread_cond_broadcast(&queue->has_item);
    pthread_cond_broadcast(&queue->has_room);
    pthread_mutex_unlock(&queue->lock);
}

void ori_queue_end(struct ori_queue *queue)
{
    close_with(queue, ORI_EOF, NULL);
}

void ori_queue_fail(struct ori_queue *queue, const struct ori_error *cause)
{
    ORI_ASSERT(cause && cause->status != ORI_OK);
    close_with(queue, cause->status, cause);
}

size_t ori_queue_items(struct ori_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t items = queue->items;
    pthread_mutex_unlock(&queue->lock);
    return items;
}

size_t ori_queue_bytes(struct ori_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t bytes = queue->bytes;
    pthread_mutex_unlock(&queue->lock);
    return bytes;
}
