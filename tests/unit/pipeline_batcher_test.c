/* The batcher with the real model that needs no weights. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed/model.h"
#include "pipeline/batcher.h"
#include "util/limits.h"

enum { PICTURES = 24, PATIENCE_MS = 30000 };

static struct {
    struct ori_model *model;
    struct ori_model_info info;
    size_t picture_bytes;
    uint8_t *pictures; /* PICTURES of them */
    float *expected;   /* their vectors, each embedded alone */
} world;

static uint8_t *picture(size_t i)
{
    return world.pictures + i % PICTURES * world.picture_bytes;
}

static float *expected(size_t i)
{
    return world.expected + i % PICTURES * (size_t)world.info.dim;
}

static int make_world(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_model_scratch *scratch = NULL;
    assert_int_equal(
        ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = 512},
                       &world.model, &err),
        ORI_OK);
    world.info = ori_model_info(world.model);
    world.picture_bytes = 3 * (size_t)world.info.side * (size_t)world.info.side;
    world.pictures = malloc(PICTURES * world.picture_bytes);
    world.expected = calloc(PICTURES * (size_t)world.info.dim, sizeof(float));
    assert_non_null(world.pictures);
    assert_non_null(world.expected);
    for (size_t i = 0; i < PICTURES * world.picture_bytes; i++)
        world.pictures[i] = (uint8_t)((i * (i / world.picture_bytes + 3)) >> 3);
    assert_int_equal(ori_model_scratch_create(world.model, &scratch, &err), ORI_OK);
    for (size_t i = 0; i < PICTURES; i++) {
        const uint8_t *one[] = {picture(i)};
        assert_int_equal(ori_model_embed_pictures(scratch, one, 1, NULL, expected(i), &err),
                         ORI_OK);
    }
    ori_model_scratch_destroy(&scratch);
    return 0;
}

static int drop_world(void **state)
{
    (void)state;
    ori_model_close(&world.model);
    free(world.pictures);
    free(world.expected);
    return 0;
}

static struct ori_batcher *make_batcher(size_t batch_size, int threads,
                                        const struct ori_cancel *cancel)
{
    struct ori_error err = {0};
    struct ori_batcher *batcher = NULL;
    struct ori_batcher_options options = {
        .model = world.model, .cancel = cancel, .batch_size = batch_size, .threads = threads};
    assert_int_equal(ori_batcher_create(&options, &batcher, &err), ORI_OK);
    return batcher;
}

/* Hands in `count` pictures, a few at a time, and checks each vector that comes back. */
static void work_through(struct ori_batcher *batcher, size_t count, size_t seed)
{
    enum { WINDOW = 5 };
    struct ori_batcher_ticket tickets[WINDOW] = {0};
    size_t which[WINDOW] = {0};
    bool is_lent[WINDOW] = {false};
    float vectors[WINDOW][512];
    struct ori_batcher_inbox inbox;
    struct ori_error err = {0};
    size_t sent = 0;
    size_t back = 0;
    assert_int_equal(ori_batcher_inbox_init(batcher, &inbox, &err), ORI_OK);
    while (back < count) {
        for (size_t i = 0; i < WINDOW && sent < count; i++) {
            if (is_lent[i])
                continue;
            which[i] = seed + sent++;
            is_lent[i] = true;
            tickets[i].picture = picture(which[i]);
            tickets[i].vector = vectors[i];
            assert_int_equal(ori_batcher_submit(&inbox, &tickets[i], &err), ORI_OK);
        }
        struct pollfd ready = {.fd = inbox.fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        struct ori_batcher_ticket *ticket = NULL;
        while ((ticket = ori_batcher_collect(&inbox))) {
            size_t i = (size_t)(ticket - tickets);
            assert_int_equal(ticket->status, ORI_OK);
            assert_memory_equal(vectors[i], expected(which[i]),
                                (size_t)world.info.dim * sizeof(float));
            is_lent[i] = false;
            back++;
        }
    }
    struct pollfd quiet = {.fd = inbox.fd, .events = POLLIN};
    assert_int_equal(poll(&quiet, 1, 0), 0); /* all collected: nothing to wake for */
    ori_batcher_inbox_deinit(&inbox);
    ori_batcher_inbox_deinit(&inbox);
}

static void vectors_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 8, 64, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ori_batcher *batcher = make_batcher(sizes[i], 1, NULL);
        work_through(batcher, 23, i);
        ori_batcher_destroy(&batcher);
        ori_batcher_destroy(&batcher);
    }
}

struct item {
    struct ori_batcher *batcher;
    size_t seed;
};

static void *item_thread(void *self)
{
    const struct item *item = self;
    work_through(item->batcher, 60, item->seed);
    return NULL;
}

static void many_items_at_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct ori_batcher *batcher = make_batcher(8, threads, NULL);
        struct item items[6];
        pthread_t handles[6];
        for (size_t i = 0; i < 6; i++) {
            items[i] = (struct item){.batcher = batcher, .seed = i};
            assert_int_equal(pthread_create(&handles[i], NULL, item_thread, &items[i]), 0);
        }
        for (size_t i = 0; i < 6; i++)
            pthread_join(handles[i], NULL);
        ori_batcher_destroy(&batcher);
    }
}

static void withdrawn_at_any_moment(void **state)
{
    (void)state;
    struct ori_batcher *batcher = make_batcher(4, 2, NULL);
    for (size_t round = 0; round < 200; round++) {
        struct ori_batcher_ticket tickets[12] = {0};
        float vectors[12][512];
        struct ori_batcher_inbox inbox;
        struct ori_batcher_inbox other;
        struct ori_batcher_ticket stays = {0};
        float stays_vector[512];
        struct ori_error err = {0};
        assert_int_equal(ori_batcher_inbox_init(batcher, &inbox, &err), ORI_OK);
        assert_int_equal(ori_batcher_inbox_init(batcher, &other, &err), ORI_OK);
        for (size_t i = 0; i < round % 13; i++) {
            tickets[i].picture = picture(i);
            tickets[i].vector = vectors[i];
            assert_int_equal(ori_batcher_submit(&inbox, &tickets[i], &err), ORI_OK);
            if (i == 5) {
                stays.picture = picture(7);
                stays.vector = stays_vector;
                assert_int_equal(ori_batcher_submit(&other, &stays, &err), ORI_OK);
            }
        }
        if (round % 3 == 0)
            (void)ori_batcher_collect(&inbox);
        ori_batcher_withdraw(&inbox);
        assert_null(ori_batcher_collect(&inbox));
        ori_batcher_inbox_deinit(&inbox);
        if (round % 13 > 5) { /* another item's ticket is not touched */
            struct pollfd ready = {.fd = other.fd, .events = POLLIN};
            assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
            assert_ptr_equal(ori_batcher_collect(&other), &stays);
            assert_memory_equal(stays_vector, expected(7), sizeof stays_vector);
        }
        ori_batcher_inbox_deinit(&other);
    }
    ori_batcher_destroy(&batcher);
}

static void cancel_reaches_the_tickets(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct ori_error err = {0};
    struct ori_batcher_inbox inbox;
    struct ori_batcher_ticket ticket = {0};
    float vector[512];
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    struct ori_batcher *batcher = make_batcher(8, 1, &cancel);
    assert_int_equal(ori_batcher_inbox_init(batcher, &inbox, &err), ORI_OK);
    ori_cancel_set(&cancel);
    ticket.picture = picture(0);
    ticket.vector = vector;
    assert_int_equal(ori_batcher_submit(&inbox, &ticket, &err), ORI_OK);
    struct pollfd ready = {.fd = inbox.fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    assert_ptr_equal(ori_batcher_collect(&inbox), &ticket);
    assert_int_equal(ticket.status, ORI_CANCELLED);
    ori_batcher_inbox_deinit(&inbox);
    ori_batcher_destroy(&batcher);
    ori_cancel_deinit(&cancel);
}

static void the_queue_has_an_end(void **state)
{
    (void)state;
    /* The embed thread takes some meanwhile: so many fit for sure, and not so many more. */
    size_t count = ORI_LIMIT_MAX_EMBED_WAITING;
    struct ori_batcher *batcher = make_batcher(1, 1, NULL);
    struct ori_batcher_inbox inbox;
    struct ori_error err = {0};
    size_t more = 100000;
    struct ori_batcher_ticket *tickets = calloc(count + more, sizeof *tickets);
    float *vector = calloc(512, sizeof *vector);
    assert_non_null(tickets);
    assert_int_equal(ori_batcher_inbox_init(batcher, &inbox, &err), ORI_OK);
    ori_status status = ORI_OK;
    size_t i = 0;
    for (; i < count + more && status == ORI_OK; i++) {
        tickets[i].picture = picture(0);
        tickets[i].vector = vector;
        status = ori_batcher_submit(&inbox, &tickets[i], &err);
        if (i < count)
            assert_int_equal(status, ORI_OK);
    }
    assert_int_equal(status, ORI_LIMIT);
    ori_batcher_inbox_deinit(&inbox); /* withdraws thousands */
    ori_batcher_destroy(&batcher);
    free(vector);
    free(tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_do_not_depend_on_the_batch),
        cmocka_unit_test(many_items_at_once),
        cmocka_unit_test(withdrawn_at_any_moment),
        cmocka_unit_test(cancel_reaches_the_tickets),
        cmocka_unit_test(the_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
