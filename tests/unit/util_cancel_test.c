#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/cancel.h"
#include "util/clock.h"

static bool is_readable(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* process > job a, b; job a > item a1, a2 */
struct tree {
    struct ori_cancel process;
    struct ori_cancel a;
    struct ori_cancel b;
    struct ori_cancel a1;
    struct ori_cancel a2;
};

static void plant(struct tree *tree)
{
    assert_int_equal(ori_cancel_init(&tree->process, NULL, NULL), ORI_OK);
    assert_int_equal(ori_cancel_init(&tree->a, &tree->process, NULL), ORI_OK);
    assert_int_equal(ori_cancel_init(&tree->b, &tree->process, NULL), ORI_OK);
    assert_int_equal(ori_cancel_init(&tree->a1, &tree->a, NULL), ORI_OK);
    assert_int_equal(ori_cancel_init(&tree->a2, &tree->a, NULL), ORI_OK);
}

static void fell(struct tree *tree)
{
    ori_cancel_deinit(&tree->a1); /* not in the order of init, so that links are mended */
    ori_cancel_deinit(&tree->a2);
    ori_cancel_deinit(&tree->b);
    ori_cancel_deinit(&tree->a);
    ori_cancel_deinit(&tree->process);
}

static void set_reaches_what_is_below_alone(void **state)
{
    (void)state;
    struct tree tree;
    int before = open_descriptors();
    plant(&tree);
    assert_false(ori_cancel_is_set(&tree.a1));
    ori_cancel_set(&tree.a);
    ori_cancel_set(&tree.a); /* idempotent */
    assert_true(ori_cancel_is_set(&tree.a) && is_readable(tree.a.fd));
    assert_true(ori_cancel_is_set(&tree.a1) && is_readable(tree.a1.fd));
    assert_true(ori_cancel_is_set(&tree.a2) && is_readable(tree.a2.fd));
    assert_false(ori_cancel_is_set(&tree.b) || is_readable(tree.b.fd));
    assert_false(ori_cancel_is_set(&tree.process) || is_readable(tree.process.fd));
    ori_cancel_set(&tree.process);
    assert_true(ori_cancel_is_set(&tree.b) && is_readable(tree.b.fd));
    fell(&tree);
    assert_int_equal(open_descriptors(), before);
}

static void a_child_of_a_set_token_is_born_set(void **state)
{
    (void)state;
    struct ori_cancel parent;
    struct ori_cancel child;
    assert_int_equal(ori_cancel_init(&parent, NULL, NULL), ORI_OK);
    ori_cancel_set(&parent);
    assert_int_equal(ori_cancel_init(&child, &parent, NULL), ORI_OK);
    assert_true(ori_cancel_is_set(&child) && is_readable(child.fd));
    ori_cancel_deinit(&child);
    ori_cancel_deinit(&parent);
}

static void *set_it(void *token)
{
    ori_cancel_set(token);
    return NULL;
}

static void wait_ends_by_set_or_by_time(void **state)
{
    (void)state;
    struct ori_cancel parent;
    struct ori_cancel child;
    pthread_t thread;
    assert_false(ori_cancel_is_set(NULL));
    assert_int_equal(ori_cancel_wait(NULL, 1), ORI_AGAIN);
    assert_int_equal(ori_cancel_init(&parent, NULL, NULL), ORI_OK);
    assert_int_equal(ori_cancel_init(&child, &parent, NULL), ORI_OK);
    int64_t start_us = ori_clock_us();
    assert_int_equal(ori_cancel_wait(&child, 20), ORI_AGAIN);
    assert_true(ori_clock_us() - start_us >= 20000);
    assert_int_equal(ori_cancel_wait(&child, 0), ORI_AGAIN);
    assert_int_equal(pthread_create(&thread, NULL, set_it, &parent), 0);
    assert_int_equal(ori_cancel_wait(&child, -1), ORI_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(ori_cancel_wait(&child, 0), ORI_CANCELLED);
    ori_cancel_deinit(&child);
    ori_cancel_deinit(&parent);
}

/* Children come and go on several threads while the root is set: no lost wakeup, no torn list. */
static void *come_and_go(void *parent)
{
    for (int i = 0; i < 500; i++) {
        struct ori_cancel child;
        if (ori_cancel_init(&child, parent, NULL) != ORI_OK)
            return parent;
        if (i == 499 && ori_cancel_wait(&child, -1) != ORI_CANCELLED)
            return parent;
        ori_cancel_deinit(&child);
    }
    return NULL;
}

static void survives_many_threads(void **state)
{
    (void)state;
    struct ori_cancel root;
    pthread_t threads[4];
    assert_int_equal(ori_cancel_init(&root, NULL, NULL), ORI_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &root), 0);
    ori_cancel_set(&root);
    for (size_t i = 0; i < 4; i++) {
        void *result = &root;
        pthread_join(threads[i], &result);
        assert_null(result);
    }
    ori_cancel_deinit(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_reaches_what_is_below_alone),
        cmocka_unit_test(a_child_of_a_set_token_is_born_set),
        cmocka_unit_test(wait_ends_by_set_or_by_time),
        cmocka_unit_test(survives_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
