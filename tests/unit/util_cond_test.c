/* Waits end at their deadline or at a signal, whatever the wall clock says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/cond.h"

struct world {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_said;
};

static void *say(void *self)
{
    struct world *world = self;
    pthread_mutex_lock(&world->lock);
    world->is_said = true;
    pthread_cond_signal(&world->cond);
    pthread_mutex_unlock(&world->lock);
    return NULL;
}

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    struct world world = {.lock = PTHREAD_MUTEX_INITIALIZER};
    ori_cond_init(&world.cond);
    static const int64_t waits_us[] = {-5000000, 0, 1, 30000};
    pthread_mutex_lock(&world.lock);
    for (size_t i = 0; i < sizeof waits_us / sizeof waits_us[0]; i++) {
        int64_t begun_us = ori_clock_us();
        int64_t deadline_us = begun_us + waits_us[i];
        do
            ori_cond_wait(&world.cond, &world.lock, deadline_us);
        while (ori_clock_us() < deadline_us);
        assert_true(ori_clock_us() - begun_us < 10000000);
    }
    pthread_mutex_unlock(&world.lock);
    pthread_cond_destroy(&world.cond);
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    static const int64_t deadlines_us[] = {ORI_CLOCK_NO_DEADLINE, ORI_CLOCK_NO_DEADLINE - 1};
    for (size_t i = 0; i < 2; i++) {
        struct world world = {.lock = PTHREAD_MUTEX_INITIALIZER};
        pthread_t thread;
        ori_cond_init(&world.cond);
        pthread_mutex_lock(&world.lock);
        assert_int_equal(pthread_create(&thread, NULL, say, &world), 0);
        while (!world.is_said)
            ori_cond_wait(&world.cond, &world.lock, deadlines_us[i]);
        pthread_mutex_unlock(&world.lock);
        pthread_join(thread, NULL);
        pthread_cond_destroy(&world.cond);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_deadline_ends_the_wait),
                                       cmocka_unit_test(a_signal_ends_the_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
