/* The n-th allocation of the calling thread fails, SQLite's own included, for every n: each call of the
 * job store and of the hub comes back as ORI_NOMEM or well, what was there stays as it was, and the next
 * call finds nothing half done. Leaks are for the address sanitizer to see. By nomem.h. jansson is left alone, as in pipeline_nomem_test.c. */
#include "stores_jobs_fixture.h"

#include <sqlite3.h>

#include "http/job_json.h"
#include "jobs/hub.h"
#include "stores/jobs_sqlite_priv.h"
#include "nomem.h"

enum { FAILURES_MAX = 20000 };

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int bytes)
{
    return may_allocate() ? sqlite_memory.xMalloc(bytes) : NULL;
}

static void *sqlite_realloc(void *data, int bytes)
{
    return may_allocate() ? sqlite_memory.xRealloc(data, bytes) : NULL;
}

/* Runs the call with the first, the second... allocation failing until none fails any more. check is
 * asked after each failure. */
typedef ori_status (*call_fn)(struct ori_error *err);
typedef void (*check_fn)(void);

static void fail_each(const char *name, call_fn call, check_fn check)
{
    long failures = 0;
    for (int once = 0; once <= 1; once++) {
        for (long n = 0;; n++) {
            struct ori_error err = {0};
            assert_true(n < FAILURES_MAX);
            nomem_begin(n, once);
            const ori_status status = call(&err);
            nomem_end();
            if (status != ORI_OK && status != ORI_NOMEM)
                fail_msg("%s, allocation %ld: %s: %s", name, n, ori_status_code(status), err.text);
            if (!has_failed) {
                assert_int_equal(status, ORI_OK);
                break;
            }
            failures++;
            check();
        }
    }
    print_message("%s: %ld failures\n", name, failures);
    assert_true(failures > 0);
}

/* ---- the calls ---- */

static struct ori_job known; /* made before memory ran out */
static int64_t jobs_before;

static ori_status open_close(struct ori_error *err)
{
    struct ori_job_store *other = NULL;
    const ori_status status = try_open(&other, err);
    ori_job_store_close(&other);
    return status;
}

static ori_status add_job(struct ori_error *err)
{
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    struct ori_job_new *new_job = plan_job(&plan, "abca");
    new_job->webhook_url = "https://example.org/";
    ori_status status = ori_job_store_add(store, new_job, now_us, &job, &is_old, err);
    if (status == ORI_OK)
        jobs_before++;
    return status;
}

static ori_status say(struct ori_error *err)
{
    return ori_job_store_log(store, known.seq, "info", "a line", now_us, err);
}

/* With memory: a claim that was taken is to be finished. */
static void hand_back(const struct ori_job_claim *claim, const struct ori_job_outcome *outcome)
{
    const bool was_watched = is_watched;
    is_watched = false;
    MUST(ori_job_store_finish(store, claim, outcome, now_us, &err));
    is_watched = was_watched;
}

static ori_status work(struct ori_error *err)
{
    struct ori_job_claim claim;
    int64_t next_us = 0;
    const struct ori_job_outcome outcome = {.kind = ORI_JOB_OUTCOME_LOST, .message = "again"};
    ori_status status = ori_job_store_claim(store, &rules, &claim, &next_us, err);
    if (status != ORI_OK)
        return status;
    struct ori_job_beat beat = {
        .item = claim.item, .fence = claim.fence, .permille = 5, .stage = "decode"};
    status = ori_job_store_beat(store, &beat, 1, LEASE_US, now_us, err);
    if (status == ORI_OK)
        status = ori_job_store_finish(store, &claim, &outcome, now_us, err);
    if (status != ORI_OK)
        hand_back(&claim, &outcome);
    return status;
}

static ori_status show(struct ori_error *err)
{
    struct ori_buf page;
    ori_buf_init(&page, 1 << 20);
    ori_status status = ori_job_json(store, known.job_id, &page, err);
    if (status == ORI_OK)
        status = ori_buf_finish(&page, "page", err);
    ori_buf_deinit(&page);
    return status;
}

static struct ori_hub *hub;

static void nobody(void *self)
{
    (void)self;
}

static ori_status listen_once(struct ori_error *err)
{
    struct ori_listener *listener = NULL;
    char text[4096];
    size_t bytes = 0;
    const struct ori_listener_options options = {
        .job = known.seq, .job_id = known.job_id, .has_last = true, .on_more = nobody};
    const ori_status status = ori_listener_open(hub, &options, &listener, err);
    if (status == ORI_OK)
        assert_int_equal(ori_listener_read(listener, text, sizeof text, &bytes), ORI_OK);
    ori_listener_close(&listener);
    return status;
}

static ori_status open_hub(struct ori_error *err)
{
    struct ori_hub *other = NULL;
    const ori_status status = ori_hub_create(store, &other, err);
    ori_hub_destroy(&other);
    return status;
}

/* ---- what must be so after each failure ---- */

static void nothing(void)
{
}

static void jobs_are_whole(void)
{
    struct ori_job job;
    struct ori_job_totals totals;
    MUST(ori_job_store_get(store, known.job_id, &job, &err));
    assert_int_equal(job.counts.waiting, job.counts.total);
    MUST(ori_job_store_totals(store, &totals, &err));
    assert_int_equal(totals.jobs[ORI_JOB_PENDING] + totals.jobs[ORI_JOB_RUNNING], jobs_before);
    assert_int_equal(totals.items[ORI_ITEM_PROCESSING], 0);
}

static void nobody_listens(void)
{
    assert_int_equal(ori_hub_listeners(hub), 0);
}

static void test_store(void **state)
{
    (void)state;
    fail_each("open", open_close, nothing);
    open_store();
    known = add("abc");
    jobs_before = 1;
    fail_each("add", add_job, jobs_are_whole);
    fail_each("log", say, jobs_are_whole);
    fail_each("claim, beat, finish", work, jobs_are_whole);
    fail_each("show", show, jobs_are_whole);
}

static void test_hub(void **state)
{
    (void)state;
    open_store();
    known = add("abc");
    fail_each("hub", open_hub, nothing);
    MUST(ori_hub_create(store, &hub, &err));
    fail_each("listener", listen_once, nobody_listens);
    ori_hub_destroy(&hub);
}

static int make_sqlite(void **state)
{
    open_fn = ori_job_store_open_sqlite;
    return make_folder(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_sqlite, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_store), TEST(test_hub)};
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
    sqlite3_mem_methods failing = sqlite_memory;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
