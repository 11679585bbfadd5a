/* tests/unit/stores_job_states_test.c: the states of jobs and items: every row, and every change that has
 * no row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "stores/jobs.h"

static void test_words(void **state)
{
    static const char *const jobs[] = {"pending", "running", "completed", "failed", "stopped"};
    static const char *const items[] = {"waiting", "processing", "success", "failed", "stopped"};
    (void)state;
    assert_int_equal(ORI_JOB_STATE_COUNT, 5);
    assert_int_equal(ORI_ITEM_STATE_COUNT, 5);
    for (int i = 0; i < 5; i++) {
        enum ori_job_state found = ORI_JOB_STATE_COUNT;
        assert_string_equal(ori_job_state_word((enum ori_job_state)i), jobs[i]);
        assert_string_equal(ori_item_state_word((enum ori_item_state)i), items[i]);
        assert_true(ori_job_state_of(jobs[i], &found));
        assert_int_equal(found, i);
    }
}

static void test_words_that_are_no_state(void **state)
{
    static const char *const words[] = {"", "Pending", "pending ", "pend", "waiting", "success"};
    enum ori_job_state found = ORI_JOB_FAILED;
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_false(ori_job_state_of(words[i], &found));
    assert_int_equal(found, ORI_JOB_FAILED);
}

/* A row from, a column to, in the order of the states: '+' there is a row for it. */
static void test_changes_of_jobs(void **state)
{
    static const char *const allowed[] = {
        /* to: pending running completed failed stopped */
        ".+..+", /* pending */
        "..+++", /* running */
        ".....", /* completed */
        "+....", /* failed */
        "+....", /* stopped */
    };
    (void)state;
    for (int from = 0; from < 5; from++) {
        for (int to = 0; to < 5; to++)
            assert_int_equal(ori_job_may_move((enum ori_job_state)from, (enum ori_job_state)to),
                             allowed[from][to] == '+');
    }
}

static void test_changes_of_items(void **state)
{
    static const char *const allowed[] = {
        /* to: waiting processing success failed stopped */
        ".+..+", /* waiting */
        "+.+++", /* processing */
        ".....", /* success */
        "+....", /* failed */
        "+....", /* stopped */
    };
    (void)state;
    for (int from = 0; from < 5; from++) {
        for (int to = 0; to < 5; to++)
            assert_int_equal(ori_item_may_move((enum ori_item_state)from, (enum ori_item_state)to),
                             allowed[from][to] == '+');
    }
}

static void test_every_row_is_possible(void **state)
{
    int rows = 0;
    (void)state;
#define ORI_JOB_MOVE_ROW(from, to, when)                                                           \
    assert_true(ori_job_may_move(ORI_JOB_##from, ORI_JOB_##to));                                   \
    assert_true(strlen(when) > 0);                                                                 \
    rows++;
#define ORI_ITEM_MOVE_ROW(from, to, when)                                                          \
    assert_true(ori_item_may_move(ORI_ITEM_##from, ORI_ITEM_##to));                                \
    assert_true(strlen(when) > 0);                                                                 \
    rows++;
#include "stores/job_states_tbl.h"
    assert_int_equal(rows, 7 + 8);
}

static void test_postgres_is_not_there_yet(void **state)
{
    static const char *const paths[] = {"postgres://h/db", "postgresql://h/db", "postgres"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct ori_job_store_options options = {.path = paths[i], .readers = 1};
        struct ori_job_store *store = NULL;
        struct ori_error err = {0};
        assert_int_equal(ori_job_store_open(&options, &store, &err), ORI_BAD_SETTING);
        assert_non_null(strstr(err.text, "JOB_DB"));
        assert_null(store);
    }
    struct ori_job_store *none = NULL;
    ori_job_store_close(&none);
    ori_job_store_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_that_are_no_state),
        cmocka_unit_test(test_changes_of_jobs),
        cmocka_unit_test(test_changes_of_items),
        cmocka_unit_test(test_every_row_is_possible),
        cmocka_unit_test(test_postgres_is_not_there_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
