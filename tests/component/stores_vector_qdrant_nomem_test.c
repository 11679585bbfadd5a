/* The n-th allocation fails, for every n, and all later ones or it alone, in everything that is asked of
 * a Qdrant store: it comes back as ORI_NOMEM, nothing stays allocated, and the call that meets no failure
 * still works. Against a real server (tests/e2e/qdrant.py run). By nomem.h; allocations of libcurl, jansson and zlib are not among them. */
#include "stores_vector_fixture.h"
#include "nomem.h"

enum { SKIPPED = 77, POINTS = 12 };

/* One batch, so that one thread alone counts. */
static ori_status do_everything(struct ori_point *points, struct ori_error *err)
{
    struct ori_vector_store *store = NULL;
    struct ori_hits hits = {0};
    float query[DIM] = {1.0F};
    float vector[DIM];
    int64_t count = 0;
    ori_status status = open_as("test/model", DIM, false, &store, err);
    if (status == ORI_OK)
        status = ori_vector_replace_video(store, "p", "v1", points, POINTS, err);
    if (status == ORI_OK)
        status = ori_vector_count(store, NULL, &count, err);
    if (status == ORI_OK)
        status = ori_vector_search(store, query, 5, NULL, NULL, &hits, err);
    if (status == ORI_OK)
        status = ori_vector_get(store, points[0].payload.uuid, vector, err);
    if (status == ORI_OK)
        status = ori_vector_probe(store, NULL, err);
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
    return status;
}

static void test_every_allocation_fails(void **state)
{
    static struct maker makers[POINTS];
    struct ori_point points[POINTS];
    long failures = 0;
    (void)state;
    for (int i = 0; i < POINTS; i++)
        points[i] = *make_point(&makers[i], 1, i);
    for (int once = 0; once < 2; once++) {
        is_once = once != 0;
        has_failed = true;
        for (long n = 0; has_failed; n++) {
            struct ori_error err = {0};
            const long before = live;
            nomem_begin(n, is_once);
            const ori_status status = do_everything(points, &err);
            nomem_end();
            if (status != (has_failed ? ORI_NOMEM : ORI_OK))
                fail_msg("allocation %ld: %s: %s", n, ori_status_code(status), err.text);
            assert_int_equal(err.status, status);
            assert_int_equal(live, before);
            failures += has_failed;
        }
    }
    assert_true(failures > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_allocation_fails, make_collection_packed,
                                        drop_collection),
    };
    if (!getenv("ORIANE_TEST_QDRANT_URL")) {
        print_message("no server: tests/e2e/qdrant.py run starts one\n");
        return SKIPPED;
    }
    assert_int_equal(ori_net_global_init(NULL), ORI_OK);
    return cmocka_run_group_tests_name("stores/vector_qdrant without memory", tests, NULL, NULL);
}
