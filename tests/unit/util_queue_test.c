#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/limits.h"
#include "util/queue.h"

#define NOW 0 /* a deadline that has passed */

static int dropped;
static void drop(void *item)
{
    (void)item;
    dropped++;
}

static char items[8];

static void is_bounded_in_items_and_bytes(void **state)
{
    (void)state;
    struct ori_queue *queue = NULL;
    void *item = NULL;
    assert_int_equal(ori_queue_create(3, 100, NULL, &queue, NULL), ORI_OK);
    assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, NULL), ORI_AGAIN);
    assert_int_equal(ori_queue_push(queue, &items[0], 60, NULL, NOW), ORI_OK);
    assert_int_equal(ori_queue_push(queue, &items[1], 41, NULL, NOW), ORI_AGAIN); /* N + 1 bytes */
    assert_int_equal(ori_queue_push(queue, &items[1], 40, NULL, NOW), ORI_OK);
    assert_int_equal(ori_queue_push(queue, &items[2], 0, NULL, NOW), ORI_OK);
    assert_int_equal(ori_queue_push(queue, &items[3], 0, NULL, NOW), ORI_AGAIN); /* N + 1 items */
    assert_int_equal(ori_queue_items(queue), 3);
    assert_int_equal(ori_queue_bytes(queue), 100);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, NULL), ORI_OK);
        assert_ptr_equal(item, &items[i]);
    }
    assert_int_equal(ori_queue_bytes(queue), 0);
    assert_int_equal(ori_queue_push(queue, &items[4], 1000, NULL, NOW), ORI_OK); /* alone: goes */
    assert_int_equal(ori_queue_push(queue, &items[5], 0, NULL, NOW), ORI_AGAIN);
    assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, NULL), ORI_OK);
    ori_queue_destroy(&queue);
    assert_null(queue);
}

static void end_travels_behind_the_items(void **state)
{
    (void)state;
    struct ori_queue *queue = NULL;
    void *item = NULL;
    assert_int_equal(ori_queue_create(4, 100, NULL, &queue, NULL), ORI_OK);
    assert_int_equal(ori_queue_push(queue, &items[0], 1, NULL, NOW), ORI_OK);
    ori_queue_end(queue);
    assert_int_equal(ori_queue_push(queue, &items[1], 1, NULL, NOW), ORI_EOF);
    assert_int_equal(ori_queue_pop(queue, NULL, ORI_CLOCK_NO_DEADLINE, &item, NULL), ORI_OK);
    assert_int_equal(ori_queue_pop(queue, NULL, ORI_CLOCK_NO_DEADLINE, &item, NULL), ORI_EOF);
    ori_queue_destroy(&queue);
}

static void failure_carries_its_cause(void **state)
{
    (void)state;
    struct ori_queue *queue = NULL;
    void *item = NULL;
    struct ori_error cause = {0};
    struct ori_error err = {0};
    assert_int_equal(ori_error_set(&cause, ORI_DISK_FULL, "no room"), ORI_DISK_FULL);
    assert_int_equal(ori_queue_create(4, 100, NULL, &queue, NULL), ORI_OK);
    assert_int_equal(ori_queue_push(queue, &items[0], 1, NULL, NOW), ORI_OK);
    ori_queue_fail(queue, &cause);
    ori_queue_end(queue); /* the first counts */
    assert_int_equal(ori_queue_push(queue, &items[1], 1, NULL, NOW), ORI_DISK_FULL);
    assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, &err), ORI_OK);
    assert_int_equal(err.status, ORI_OK);
    assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, &err), ORI_DISK_FULL);
    assert_string_equal(err.text, "no room");
    ori_queue_destroy(&queue);
}

static void destroy_drops_what_is_left(void **state)
{
    (void)state;
    struct ori_queue *queue = NULL;
    void *item = NULL;
    dropped = 0;
    assert_int_equal(ori_queue_create(3, 100, drop, &queue, NULL), ORI_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ori_queue_push(queue, &items[i], 1, NULL, NOW), ORI_OK);
    assert_int_equal(ori_queue_pop(queue, NULL, NOW, &item, NULL), ORI_OK);
    ori_queue_destroy(&queue);
    assert_int_equal(dropped, 2);
    ori_queue_destroy(&queue);
    ori_queue_destroy(NULL);
}

struct waiter {
    struct ori_queue *queue;
    struct ori_cancel *cancel;
    ori_status status;
};

static void *wait_for_an_item(void *self)
{
    struct waiter *waiter = self;
    void *item = NULL;
    waiter->status =
        ori_queue_pop(waiter->queue, waiter->cancel, ORI_CLOCK_NO_DEADLINE, &item, NULL);
    return NULL;
}

static void *wait_for_room(void *self)
{
    struct waiter *waiter = self;
    waiter->status =
        ori_queue_push(waiter->queue, &items[1], 1, waiter->cancel, ORI_CLOCK_NO_DEADLINE);
    return NULL;
}

static void cancel_ends_both_waits(void **state)
{
    (void)state;
    static void *(*const waits[])(void *) = {wait_for_an_item, wait_for_room};
    for (size_t i = 0; i < 2; i++) {
        struct ori_cancel cancel;
        struct waiter waiter = {.cancel = &cancel};
        pthread_t thread;
        assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
        assert_int_equal(ori_queue_create(1, 100, NULL, &waiter.queue, NULL), ORI_OK);
        if (i == 1)
            assert_int_equal(ori_queue_push(waiter.queue, &items[0], 1, NULL, NOW), ORI_OK);
        assert_int_equal(pthread_create(&thread, NULL, waits[i], &waiter), 0);
        int64_t start_us = ori_clock_us();
        ori_cancel_set(&cancel);
        pthread_join(thread, NULL);
        assert_true(ori_clock_us() - start_us <
                    10000000); /* 50 ms; the rest is for slow machines */
        assert_int_equal(waiter.status, ORI_CANCELLED);
        ori_queue_destroy(&waiter.queue);
        ori_cancel_deinit(&cancel);
    }
}

static void end_wakes_both_waits(void **state)
{
    (void)state;
    static void *(*const waits[])(void *) = {wait_for_an_item, wait_for_room};
    for (size_t i = 0; i < 2; i++) {
        struct waiter waiter = {0};
        pthread_t thread;
        assert_int_equal(ori_queue_create(1, 100, NULL, &waiter.queue, NULL), ORI_OK);
        if (i == 1)
            assert_int_equal(ori_queue_push(waiter.queue, &items[0], 1, NULL, NOW), ORI_OK);
        assert_int_equal(pthread_create(&thread, NULL, waits[i], &waiter), 0);
        ori_queue_end(waiter.queue);
        pthread_join(thread, NULL);
        assert_int_equal(waiter.status, ORI_EOF);
        ori_queue_destroy(&waiter.queue);
    }
}

#define PRODUCERS 3
#define EACH 2000

struct traffic {
    struct ori_queue *queue;
    unsigned char *seen; /* one for each item pushed */
};

static void *produce(void *self)
{
    struct traffic *traffic = self;
    for (int i = 0; i < EACH; i++) {
        if (ori_queue_push(traffic->queue, traffic->seen + i, (size_t)i % 7, NULL,
                           ORI_CLOCK_NO_DEADLINE) != ORI_OK)
            return self;
    }
    return NULL;
}

static void *consume(void *self)
{
    struct traffic *traffic = self;
    void *item = NULL;
    while (ori_queue_pop(traffic->queue, NULL, ORI_CLOCK_NO_DEADLINE, &item, NULL) == ORI_OK)
        __atomic_add_fetch((unsigned char *)item, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    unsigned char *seen = calloc(PRODUCERS * EACH, 1);
    struct traffic traffic[PRODUCERS];
    pthread_t producers[PRODUCERS];
    pthread_t consumers[2];
    struct ori_queue *queue = NULL;
    assert_non_null(seen);
    assert_int_equal(ori_queue_create(5, 12, NULL, &queue, NULL), ORI_OK);
    for (size_t i = 0; i < PRODUCERS; i++) {
        traffic[i] = (struct traffic){.queue = queue, .seen = seen + i * EACH};
        assert_int_equal(pthread_create(&producers[i], NULL, produce, &traffic[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, &traffic[0]), 0);
    for (size_t i = 0; i < PRODUCERS; i++) {
        void *result = &traffic;
        pthread_join(producers[i], &result);
        assert_null(result);
    }
    ori_queue_end(queue);
    for (size_t i = 0; i < 2; i++)
        pthread_join(consumers[i], NULL);
    for (size_t i = 0; i < PRODUCERS * EACH; i++)
        assert_int_equal(seen[i], 1);
    ori_queue_destroy(&queue);
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_bounded_in_items_and_bytes),
        cmocka_unit_test(end_travels_behind_the_items),
        cmocka_unit_test(failure_carries_its_cause),
        cmocka_unit_test(destroy_drops_what_is_left),
        cmocka_unit_test(cancel_ends_both_waits),
        cmocka_unit_test(end_wakes_both_waits),
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
