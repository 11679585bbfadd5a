#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/resources.h"
#include "util/limits.h"

#define MIB 1048576

struct threads {
    struct ori_resources *resources;
    struct ori_model *model;
    pthread_barrier_t all; /* so that all live at once */
};

static struct ori_resources *create(void)
{
    struct ori_resources *resources = NULL;
    assert_int_equal(ori_resources_create(&resources, NULL), ORI_OK);
    return resources;
}

static void a_thumbnail_comes_back(void **state)
{
    (void)state;
    struct ori_resources *resources = create();
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_false(ori_resources_thumb(resources, "a", &data, &bytes));
    ori_resources_keep_thumb(resources, "a", "one", 3);
    ori_resources_keep_thumb(resources, "b", "four", 4);
    ori_resources_keep_thumb(resources, "a", "again", 5); /* replaces */
    assert_true(ori_resources_thumb(resources, "a", &data, &bytes));
    assert_int_equal(bytes, 5);
    assert_memory_equal(data, "again", 5);
    free(data);
    ori_resources_destroy(&resources);
    assert_null(resources);
    ori_resources_destroy(&resources);
}

/* 16 of a MiB do not fit with their keys: 15 do, and the ones not used go. */
static void the_least_recently_used_goes(void **state)
{
    (void)state;
    struct ori_resources *resources = create();
    uint8_t *large = calloc(1, ORI_LIMIT_MAX_THUMB_CACHE_BYTES + 1);
    uint8_t *data = NULL;
    size_t bytes = 0;
    char key[16];
    assert_non_null(large);
    for (int i = 0; i < 15; i++) {
        snprintf(key, sizeof key, "%d", i);
        ori_resources_keep_thumb(resources, key, large, MIB);
    }
    assert_true(ori_resources_thumb(resources, "0", &data, &bytes)); /* used: 1 is the oldest now */
    free(data);
    ori_resources_keep_thumb(resources, "15", large, MIB);
    assert_false(ori_resources_thumb(resources, "1", &data, &bytes));
    assert_true(ori_resources_thumb(resources, "0", &data, &bytes));
    free(data);
    /* larger than all of the room: not kept, and nothing goes for it */
    ori_resources_keep_thumb(resources, "huge", large, ORI_LIMIT_MAX_THUMB_CACHE_BYTES);
    ori_resources_keep_thumb(resources, "huge", large, ORI_LIMIT_MAX_THUMB_CACHE_BYTES + 1);
    assert_false(ori_resources_thumb(resources, "huge", &data, &bytes));
    assert_true(ori_resources_thumb(resources, "2", &data, &bytes));
    free(data);
    free(large);
    ori_resources_destroy(&resources);
}

static void *use_scratch(void *self)
{
    struct threads *threads = self;
    struct ori_model_scratch *first = NULL;
    struct ori_model_scratch *second = NULL;
    bool is_kept = false;
    bool is_kept_again = false;
    assert_int_equal(
        ori_resources_scratch(threads->resources, threads->model, &first, &is_kept, NULL), ORI_OK);
    assert_int_equal(
        ori_resources_scratch(threads->resources, threads->model, &second, &is_kept_again, NULL),
        ORI_OK);
    pthread_barrier_wait(&threads->all);
    assert_true(is_kept ? first == second : first != second);
    assert_int_equal(is_kept, is_kept_again);
    if (!is_kept) {
        ori_model_scratch_destroy(&first);
        ori_model_scratch_destroy(&second);
        return NULL;
    }
    return first;
}

/* One thread more than there is room for, all at once: the last to come has its own. */
static void each_thread_has_its_scratch(void **state)
{
    (void)state;
    enum { THREADS = ORI_LIMIT_MAX_KEPT_SCRATCHES + 1 };
    struct threads threads = {.resources = create()};
    pthread_t ids[THREADS];
    void *found[THREADS] = {0};
    size_t kept = 0;
    assert_int_equal(
        ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = 512},
                       &threads.model, NULL),
        ORI_OK);
    assert_int_equal(pthread_barrier_init(&threads.all, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, use_scratch, &threads), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(ids[i], &found[i]);
        kept += found[i] != NULL;
        for (size_t k = 0; k < i; k++)
            assert_true(!found[i] || found[i] != found[k]);
    }
    assert_int_equal(kept, ORI_LIMIT_MAX_KEPT_SCRATCHES);
    pthread_barrier_destroy(&threads.all);
    ori_resources_destroy(&threads.resources);
    ori_model_close(&threads.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thumbnail_comes_back),
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(each_thread_has_its_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
