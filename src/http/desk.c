#include "http/desk.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/limits.h"
#include "util/queue.h"

#define DESK_THREADS_MAX 64

struct ori_desk {
    struct ori_queue *queue;
    ori_desk_fn work;
    int threads_count;
    pthread_t threads[DESK_THREADS_MAX];
};

static void *serve(void *self)
{
    struct ori_desk *desk = self;
    void *item = NULL;
    while (ori_queue_pop(desk->queue, NULL, ORI_CLOCK_NO_DEADLINE, &item, NULL) == ORI_OK)
        desk->work(item);
    return NULL;
}

ori_status ori_desk_create(const char *name, int threads, ori_desk_fn work,
                           struct ori_desk **ret_desk, struct ori_error *err)
{
    ORI_ASSERT(threads >= 1 && threads <= DESK_THREADS_MAX && work);
    ori_status status = ORI_OK;
    struct ori_desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        return ori_error_set(err, ORI_NOMEM, "desk");
    desk->work = work;
    status = ori_queue_create(ORI_LIMIT_MAX_DESK_WAITING, SIZE_MAX, NULL, &desk->queue, err);
    while (status == ORI_OK && desk->threads_count < threads) {
        pthread_t *thread = &desk->threads[desk->threads_count];
        int fault = pthread_create(thread, NULL, serve, desk);
        if (fault != 0) {
            status = ori_error_set_errno(err, fault, false, "thread of the desk %s", name);
            break;
        }
        pthread_setname_np(*thread, name);
        desk->threads_count++;
    }
    if (status == ORI_OK) {
        *ret_desk = desk;
        desk = NULL;
    }
    ori_desk_destroy(&desk);
    return status;
}

void ori_desk_stop(struct ori_desk *desk)
{
    if (!desk->queue)
        return;
    ori_queue_end(desk->queue);
    for (int i = 0; i < desk->threads_count; i++)
        pthread_join(desk->threads[i], NULL);
    desk->threads_count = 0;
}

void ori_desk_destroy(struct ori_desk **desk)
{
    if (!desk || !*desk)
        return;
    ori_desk_stop(*desk);
    ori_queue_destroy(&(*desk)->queue);
    free(*desk);
    *desk = NULL;
}

ori_status ori_desk_add(struct ori_desk *desk, void *item, struct ori_error *err)
{
    if (ori_queue_push(desk->queue, item, 0, NULL, 0) == ORI_OK)
        return ORI_OK;
    return ori_error_set(err, ORI_OVERLOADED, "too many requests wait already");
}

size_t ori_desk_waiting(struct ori_desk *desk)
{
    return ori_queue_items(desk->queue);
}
