/* Desks: every item is worked on once, by threads that do not wait for each other; full is told. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/desk.h"
#include "util/limits.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int done;

static void count(void *item)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add((atomic_int *)item, 1);
    atomic_fetch_add(&done, 1);
}

static void a_full_desk_says_so_and_stop_finishes_what_waits(void **state)
{
    (void)state;
    static atomic_int items[ORI_LIMIT_MAX_DESK_WAITING + 3];
    const int threads = 2;
    struct ori_desk *desk = NULL;
    struct ori_error err = {0};
    atomic_store(&done, 0);
    pthread_mutex_lock(&gate);
    assert_int_equal(ori_desk_create("test", threads, count, &desk, &err), ORI_OK);
    int added = 0;
    while (added < ORI_LIMIT_MAX_DESK_WAITING)
        assert_int_equal(ori_desk_add(desk, &items[added++], &err), ORI_OK);
    /* what the threads have taken makes room for as many more, and no other */
    while (ori_desk_waiting(desk) > (size_t)(ORI_LIMIT_MAX_DESK_WAITING - threads))
        ;
    while (added < ORI_LIMIT_MAX_DESK_WAITING + threads)
        assert_int_equal(ori_desk_add(desk, &items[added++], &err), ORI_OK);
    assert_int_equal(ori_desk_add(desk, &items[added], &err), ORI_OVERLOADED);
    pthread_mutex_unlock(&gate);
    ori_desk_stop(desk);
    assert_int_equal(atomic_load(&done), added);
    for (int i = 0; i < added; i++)
        assert_int_equal(atomic_load(&items[i]), 1);
    assert_int_equal(ori_desk_add(desk, &items[0], NULL), ORI_OVERLOADED);
    ori_desk_destroy(&desk);
    assert_null(desk);
    ori_desk_destroy(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_desk_says_so_and_stop_finishes_what_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
