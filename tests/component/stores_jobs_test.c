/* tests/component/stores_jobs_test.c: what every job store does, whatever it is made of. */
#include "stores_jobs_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- add, get, list ---- */

static void test_a_job_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    struct plan plan;
    struct seen_items seen;
    struct ori_job_new *new_job = plan_job(&plan, "ab");
    plan.items[1].url = "https://example.org/v.mp4";
    new_job->webhook_url = "https://example.org/hook";
    new_job->options = (struct ori_job_options){true, true, true, 3, 1.5, -7};
    const struct ori_job job = add_new(new_job);
    const struct ori_job read = get(&job);
    assert_memory_equal(&job.counts, &read.counts, sizeof job.counts);
    assert_int_equal(strlen(read.job_id), 36);
    assert_int_equal(read.state, ORI_JOB_PENDING);
    assert_true(read.options.is_forced && read.options.is_local && read.options.skips_upload);
    assert_int_equal(read.options.batch_size, 3);
    assert_true(read.options.sleep_between_batches == 1.5);
    assert_int_equal(read.options.priority, -7);
    assert_string_equal(read.webhook_url, "https://example.org/hook");
    assert_string_equal(read.webhook_state, "");
    assert_true(read.created_us == now_us && read.updated_us == now_us);
    see_items(&job, &seen);
    assert_int_equal(seen.count, 2);
    assert_null(seen.items[0].url);
    assert_non_null(seen.items[1].url);
    assert_int_equal(seen.items[1].position, 1);
}

static void test_what_cannot_be_added(void **state)
{
    (void)state;
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    char url[ORI_JOB_URL_BYTES + 1];
    memset(url, 'u', sizeof url);
    static const char *const bad_codes[] = {"", ".a", "a/b", "a b", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad_codes / sizeof bad_codes[0]; i++) {
        plan_job(&plan, "a");
        plan.items[0].code = bad_codes[i];
        assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_USAGE);
    }
    plan_job(&plan, "a");
    plan.items[0].url = url;
    url[ORI_LIMIT_MAX_URL_BYTES + 1] = '\0';
    assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_LIMIT);
    url[ORI_LIMIT_MAX_URL_BYTES] = '\0';
    assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_OK);
    plan.items[0].url = "\xFF";
    assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_USAGE);
    plan.job.items_count = 0;
    assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_USAGE);
    plan.job.items_count = ORI_LIMIT_MAX_JOB_ITEMS + 1; /* looked at before the items are */
    assert_int_equal(ori_job_store_add(store, &plan.job, 1, &job, &is_old, NULL), ORI_LIMIT);
    assert_int_equal(totals_of().jobs[ORI_JOB_PENDING], 1);
}

static void test_idempotency(void **state)
{
    (void)state;
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    char key[ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES + 2];
    memset(key, 'k', sizeof key);
    key[ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES] = '\0';
    struct ori_job_new *new_job = plan_job(&plan, "ab");
    new_job->idempotency_key = key;
    new_job->digest = "d1";
    const struct ori_job first = add_new(new_job);
    MUST(ori_job_store_add(store, new_job, now_us + 9, &job, &is_old, &err));
    assert_true(is_old);
    assert_string_equal(job.job_id, first.job_id);
    assert_true(job.created_us == now_us);
    new_job->digest = "d2";
    assert_int_equal(ori_job_store_add(store, new_job, 1, &job, &is_old, NULL), ORI_KEY_REUSED);
    assert_int_equal(totals_of().jobs[ORI_JOB_PENDING], 1);
    reopen_store(); /* it is known as long as its job, and no longer */
    new_job->digest = "d1";
    MUST(ori_job_store_add(store, new_job, now_us, &job, &is_old, &err));
    assert_true(is_old);
    MUST(ori_job_store_delete(store, first.job_id, &err));
    new_job->digest = "d2";
    add_new(new_job);
    key[ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES] = 'k';
    key[ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES + 1] = '\0';
    assert_int_equal(ori_job_store_add(store, new_job, 1, &job, &is_old, NULL), ORI_LIMIT);
}

struct listing {
    size_t count;
    int64_t seqs[16];
};

static ori_status see_job(void *self, const struct ori_job *job, struct ori_error *err)
{
    struct listing *listing = self;
    (void)err;
    listing->seqs[listing->count++] = job->seq;
    return ORI_OK;
}

static void test_list(void **state)
{
    (void)state;
    struct ori_job jobs[5];
    for (int i = 0; i < 5; i++)
        jobs[i] = add("a");
    struct ori_job_claim claim = claim_of(&jobs[0], 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    const struct {
        struct ori_job_query query;
        int64_t total;
        size_t count;
        int first; /* index in jobs */
    } cases[] = {
        {{.limit = 10}, 5, 5, 0},
        {{.limit = 2, .newest_first = true}, 5, 2, 4},
        {{.limit = 2, .offset = 3}, 5, 2, 3},
        {{.limit = 2, .offset = 4, .newest_first = true}, 5, 1, 0},
        {{.limit = 2, .offset = 5}, 5, 0, 0},
        {{.limit = 9, .has_state = true, .state = ORI_JOB_COMPLETED}, 1, 1, 0},
        {{.limit = 9, .has_state = true, .state = ORI_JOB_PENDING}, 4, 4, 1},
        {{.limit = 1,
          .offset = 1,
          .has_state = true,
          .state = ORI_JOB_PENDING,
          .newest_first = true},
         4,
         1,
         3},
        {{.limit = 9, .has_state = true, .state = ORI_JOB_FAILED}, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listing listing = {0};
        int64_t total = -1;
        MUST(ori_job_store_list(store, &cases[i].query, see_job, &listing, &total, &err));
        assert_int_equal(total, cases[i].total);
        assert_int_equal(listing.count, cases[i].count);
        if (cases[i].count > 0)
            assert_int_equal(listing.seqs[0], jobs[cases[i].first].seq);
    }
}

static void test_some_of_the_items(void **state)
{
    (void)state;
    const struct ori_job job = add("abcdef");
    struct seen_items seen = {0};
    MUST(ori_job_store_items(store, job.seq, 2, 3, see_item, &seen, &err));
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.codes[0], 'c');
    assert_int_equal(seen.codes[2], 'e');
    seen.count = 0;
    MUST(ori_job_store_items(store, job.seq, 6, 3, see_item, &seen, &err));
    MUST(ori_job_store_items(store, job.seq + 1, 0, 0, see_item, &seen, &err));
    assert_int_equal(seen.count, 0);
}

static ori_status refuse_item(void *self, const struct ori_job_item *item, struct ori_error *err)
{
    (void)self;
    (void)item;
    return ori_error_set(err, ORI_LIMIT, "enough");
}

static void test_a_visitor_may_end_the_visit(void **state)
{
    (void)state;
    const struct ori_job job = add("abc");
    for (int i = 0; i < 5; i++) /* and its reader is free again */
        assert_int_equal(ori_job_store_items(store, job.seq, 0, 0, refuse_item, NULL, NULL),
                         ORI_LIMIT);
    assert_int_equal(get(&job).seq, job.seq);
}

static void test_a_job_that_is_not_there(void **state)
{
    (void)state;
    struct ori_job job;
    static const char *const ids[] = {"", "x", "00000000-0000-4000-8000-000000000000"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_int_equal(ori_job_store_get(store, ids[i], &job, NULL), ORI_NOT_FOUND);
        assert_int_equal(ori_job_store_stop(store, ids[i], 1, &job, NULL), ORI_NOT_FOUND);
        assert_int_equal(ori_job_store_start(store, ids[i], 1, &job, NULL), ORI_NOT_FOUND);
        assert_int_equal(ori_job_store_delete(store, ids[i], NULL), ORI_NOT_FOUND);
    }
    assert_int_equal(ori_job_store_log(store, 5, "info", "x", 1, NULL), ORI_NOT_FOUND);
}

/* ---- the life of an item ---- */

static void test_the_ends_of_a_job(void **state)
{
    (void)state;
    static const struct {
        const char *ends; /* of items a, b: s f */
        enum ori_job_state state;
    } cases[] = {{"ss", ORI_JOB_COMPLETED},
                 {"sf", ORI_JOB_COMPLETED},
                 {"fs", ORI_JOB_COMPLETED},
                 {"ff", ORI_JOB_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ori_job job = add("ab");
        for (int k = 0; k < 2; k++) {
            assert_int_equal(get(&job).state, k == 0 ? ORI_JOB_PENDING : ORI_JOB_RUNNING);
            const struct ori_job_claim claim = claim_of(&job, "ab"[k]);
            assert_int_equal(get(&job).state, ORI_JOB_RUNNING);
            finish(&claim,
                   cases[i].ends[k] == 's' ? ORI_JOB_OUTCOME_SUCCESS : ORI_JOB_OUTCOME_FAILED);
        }
        expect_items(&job, cases[i].ends);
        assert_int_equal(get(&job).state, cases[i].state);
        assert_int_equal(get(&job).progress, 100);
    }
    assert_int_equal(totals_of().turns, 0);
    claim_nothing(INT64_MAX);
}

static void test_an_old_fence_is_refused(void **state)
{
    (void)state;
    const struct ori_job job = add("a");
    struct ori_job_claim first = claim_of(&job, 'a');
    const struct ori_job_outcome outcome = outcome_of(ORI_JOB_OUTCOME_SUCCESS);
    int64_t count = 0;
    now_us += LEASE_US + 1;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err));
    assert_int_equal(count, 1);
    const struct ori_job_claim second = claim_of(&job, 'a');
    assert_true(second.fence > first.fence);
    assert_int_equal(second.losses, 1);
    assert_int_equal(second.attempts, 0);
    assert_int_equal(ori_job_store_finish(store, &first, &outcome, now_us, NULL), ORI_NOT_FOUND);
    assert_true(beat(&first, 100).is_lost);
    assert_false(beat(&second, 100).is_lost);
    first.fence = second.fence + 1;
    assert_true(beat(&first, 100).is_lost);
    finish(&second, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(ori_job_store_finish(store, &second, &outcome, now_us, NULL), ORI_NOT_FOUND);
    MUST(ori_job_store_delete(store, job.job_id, &err));
    assert_int_equal(ori_job_store_finish(store, &second, &outcome, now_us, NULL), ORI_NOT_FOUND);
}

static void test_a_beat_renews_the_lease(void **state)
{
    (void)state;
    const struct ori_job job = add("a");
    const struct ori_job_claim claim = claim_of(&job, 'a');
    int64_t count = -1;
    now_us += LEASE_US;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err)); /* at its end, not past it */
    assert_int_equal(count, 0);
    beat(&claim, 1);
    now_us += LEASE_US;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err));
    assert_int_equal(count, 0);
    now_us++;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err));
    assert_int_equal(count, 1);
}

static void test_a_retry_waits_for_its_time(void **state)
{
    (void)state;
    const struct ori_job job = add("a");
    struct seen_items seen;
    struct ori_job_claim claim = claim_of(&job, 'a');
    retry_at(&claim, now_us + 1000);
    expect_items(&job, "w");
    see_items(&job, &seen);
    assert_int_equal(seen.items[0].attempts, 1);
    assert_string_equal(seen.items[0].error.code, "timeout");
    assert_string_equal(seen.items[0].error.stage, "extract");
    assert_true(seen.items[0].error.is_retryable);
    claim_nothing(now_us + 1000);
    now_us += 999;
    claim_nothing(now_us + 1);
    now_us += 1;
    claim = claim_of(&job, 'a');
    assert_int_equal(claim.attempts, 1);
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    see_items(&job, &seen);
    assert_int_equal(seen.items[0].attempts, 2);
    assert_string_equal(seen.items[0].error.code, "");
    assert_int_equal(seen.items[0].frames, 7);
}

static void test_losses_have_an_end(void **state)
{
    (void)state;
    const struct ori_job job = add("a");
    struct seen_items seen;
    int64_t count = 0;
    for (int i = 0; i < ORI_LIMIT_MAX_ITEM_LOSSES; i++) {
        claim_of(&job, 'a');
        now_us += LEASE_US + 1;
        MUST(ori_job_store_reclaim(store, now_us, &count, &err));
        expect_items(&job, "w");
    }
    claim_of(&job, 'a');
    now_us += LEASE_US + 1;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err));
    expect_items(&job, "f");
    see_items(&job, &seen);
    assert_string_equal(seen.items[0].error.code, "worker_lost");
    assert_int_equal(get(&job).state, ORI_JOB_FAILED);
}

static void test_progress_never_falls(void **state)
{
    (void)state;
    static const struct {
        int permille;
        int item;
        int progress;
    } beats[] = {{100, 100, 5}, {90, 100, 5},    {119, 119, 5},
                 {120, 120, 6}, {1000, 999, 49}, {-5, 999, 49}};
    const struct ori_job job = add("ab");
    struct seen_items seen;
    struct ori_job_claim claim = claim_of(&job, 'a');
    for (size_t i = 0; i < sizeof beats / sizeof beats[0]; i++) {
        beat(&claim, beats[i].permille);
        see_items(&job, &seen);
        assert_int_equal(seen.items[0].permille, beats[i].item);
        assert_string_equal(seen.stages[0], "extract");
        assert_int_equal(get(&job).progress, beats[i].progress);
    }
    retry_at(&claim, 0);
    assert_int_equal(get(&job).progress, 49);
    reopen_store();
    assert_int_equal(get(&job).progress, 49);
    claim = claim_of(&job, 'a');
    assert_int_equal(claim.permille, 999);
    finish(&claim, ORI_JOB_OUTCOME_FAILED);
    claim = claim_of(&job, 'b');
    beat(&claim, 999);
    assert_int_equal(get(&job).progress, 99);
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(get(&job).progress, 100);
}

/* ---- who is next ---- */

static void test_twins_go_one_by_one(void **state)
{
    (void)state;
    const struct ori_job job = add("aab");
    struct ori_job_claim first = claim_of(&job, 'a');
    const struct ori_job_claim other = claim_of(&job, 'b');
    assert_false(first.is_twin || other.is_twin);
    claim_nothing(INT64_MAX);
    retry_at(&first, now_us + 10); /* the one behind it waits for its retries */
    claim_nothing(now_us + 10);
    now_us += 10;
    first = claim_of(&job, 'a');
    assert_false(first.is_twin);
    finish(&first, ORI_JOB_OUTCOME_FAILED);
    const struct ori_job_claim twin = claim_of(&job, 'a');
    assert_true(twin.is_twin);
    finish(&twin, ORI_JOB_OUTCOME_SUCCESS);
    finish(&other, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(get(&job).state, ORI_JOB_COMPLETED);
}

static void test_a_video_in_process_elsewhere_is_passed_over(void **state)
{
    (void)state;
    rules.jobs_max = 3;
    const struct ori_job one = add("a");
    const struct ori_job two = add("ab");
    const struct ori_job three = add_with("a", -1);
    const struct ori_job_claim claim = claim_of(&one, 'a');
    const struct ori_job_claim other = claim_of(&two, 'b');
    claim_nothing(INT64_MAX);
    retry_at(&claim, now_us + 10); /* it is free for the others meanwhile */
    const struct ori_job_claim second = claim_of(&three, 'a'); /* who was never served */
    now_us += 10;
    claim_nothing(INT64_MAX);
    finish(&second, ORI_JOB_OUTCOME_SUCCESS);
    const struct ori_job_claim third = claim_of(&one, 'a');
    claim_nothing(INT64_MAX);
    finish(&other, ORI_JOB_OUTCOME_SUCCESS);
    finish(&third, ORI_JOB_OUTCOME_SUCCESS);
    const struct ori_job_claim last = claim_of(&two, 'a');
    assert_false(last.is_twin);
    finish(&last, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(totals_of().jobs[ORI_JOB_COMPLETED], 3);
}

/* Many jobs ask for one video: each end wakes some of them, and none is forgotten when those that
 * were woken go away. */
static void test_many_jobs_one_video(void **state)
{
    (void)state;
    enum { COUNT = 80 };
    struct ori_job jobs[COUNT];
    rules.jobs_max = COUNT;
    for (int i = 0; i < COUNT; i++)
        jobs[i] = add("a");
    struct ori_job_claim claim = claim_of(&jobs[0], 'a');
    claim_nothing(INT64_MAX); /* all are blocked now, more than one step takes up */
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    for (int i = 1; i < 60; i++) /* among them all that the end has woken */
        MUST(ori_job_store_delete(store, jobs[i].job_id, &err));
    for (int i = 60; i < COUNT; i++) {
        int64_t next_us = 0;
        assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
        claim_nothing(INT64_MAX);
        finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    }
    assert_int_equal(totals_of().jobs[ORI_JOB_COMPLETED], COUNT - 59);
}

/* Claims and finishes in the order that letters say: job A, B... by capital letter. */
static void expect_order(const struct ori_job *jobs, const char *order)
{
    for (const char *at = order; *at; at++) {
        struct ori_job_claim claim = {0};
        int64_t next_us = 0;
        assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
        if (claim.job != jobs[*at - 'A'].seq)
            fail_msg("at %zu of %s: job %lld", (size_t)(at - order), order,
                     (long long)(claim.job - jobs[0].seq));
        finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    }
}

static void test_order_of_jobs(void **state)
{
    (void)state;
    static const struct {
        int jobs_max;
        int quantum;
        const char *videos[3];
        int priorities[3];
        const char *order;
    } cases[] = {
        {1, 100, {"abc", "abc", "abc"}, {0, 0, 0}, "AAABBBCCC"}, /* one turn, a long one */
        {2, 100, {"abc", "abc", "abc"}, {0, 0, 0}, "ABABACBCC"}, /* two turns, round and round */
        {3, 100, {"abc", "abc", "abc"}, {0, 0, 0}, "ABCABCABC"},
        {1, 2, {"abcde", "abc", "a"}, {0, 0, 0}, "AABBCAABA"}, /* the quantum */
        {1, 2, {"abcd", "abcd", ""}, {1, 0, 0}, "AAAABBBB"},   /* nobody of its rank waits */
        {1, 2, {"abc", "abc", "abc"}, {0, 0, 5}, "CCCAABBAB"}, /* the highest first */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ori_job jobs[3];
        rules.jobs_max = cases[i].jobs_max;
        rules.quantum = cases[i].quantum;
        for (int k = 0; k < 3; k++) {
            if (cases[i].videos[k][0])
                jobs[k] = add_with(cases[i].videos[k], cases[i].priorities[k]);
        }
        expect_order(jobs, cases[i].order);
        claim_nothing(INT64_MAX);
    }
}

/* Jobs that need a store that is away wait, whoever they are; a local one needs none, and takes the turn
 * of one of which nothing is in process. */
static void test_local_jobs_alone_while_a_store_is_away(void **state)
{
    (void)state;
    struct plan plan;
    rules.jobs_max = 1;
    const struct ori_job far = add_with("abc", 5);
    struct ori_job_claim claim = claim_of(&far, 'a');
    rules.is_store_away = true;
    claim_nothing(INT64_MAX);
    struct ori_job_new *job = plan_job(&plan, "xy");
    job->options.is_local = true;
    const struct ori_job near = add_new(job);
    claim_nothing(INT64_MAX); /* the turn is kept while something is in process */
    finish(&claim, ORI_JOB_OUTCOME_LOST);
    claim = claim_of(&near, 'x');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    rules.is_store_away = false;
    claim = claim_of(&far, 'a'); /* of higher priority */
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    rules.is_store_away = true;
    claim = claim_of(&near, 'y');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    claim_nothing(INT64_MAX);
    rules.is_store_away = false;
    claim = claim_of(&far, 'b');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
}

static void test_a_higher_job_takes_a_turn_at_once(void **state)
{
    (void)state;
    struct ori_job jobs[3];
    rules.jobs_max = 2;
    rules.quantum = 100;
    jobs[0] = add_with("abcdef", -5);
    jobs[1] = add("ghijkl");
    expect_order(jobs, "AB"); /* the order of their coming, as neither was served */
    jobs[2] = add_with("mn", 1);
    expect_order(jobs, "CBC"); /* the lowest has lost its turn */
    expect_order(jobs, "ABAB");
    assert_int_equal(totals_of().turns, 2);
}

static void test_a_small_job_passes_a_big_one(void **state)
{
    (void)state;
    struct ori_job jobs[2];
    rules.jobs_max = 1;
    rules.quantum = 4;
    jobs[0] = add("abcdefghijklmnop");
    expect_order(jobs, "AAAAAA");
    jobs[1] = add("q");
    expect_order(jobs, "BAAAA");
}

static void test_at_most_jobs_max_jobs(void **state)
{
    (void)state;
    struct ori_job jobs[3];
    for (int i = 0; i < 3; i++)
        jobs[i] = add((const char *[]){"a", "b", "c"}[i]);
    const struct ori_job_claim first = claim_of(&jobs[0], 'a');
    const struct ori_job_claim second = claim_of(&jobs[1], 'b');
    claim_nothing(INT64_MAX); /* two are at work, with nothing left to claim */
    assert_int_equal(totals_of().turns, 2);
    finish(&second, ORI_JOB_OUTCOME_SUCCESS);
    const struct ori_job_claim third = claim_of(&jobs[2], 'c');
    rules.jobs_max = 1; /* set lower while the server runs */
    claim_nothing(INT64_MAX);
    assert_int_equal(totals_of().turns, 1);
    finish(&first, ORI_JOB_OUTCOME_SUCCESS);
    finish(&third, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(totals_of().turns, 0);
}

static void test_a_pause_between_batches(void **state)
{
    (void)state;
    struct plan plan;
    struct ori_job_new *new_job = plan_job(&plan, "abcde");
    new_job->options.batch_size = 2;
    new_job->options.sleep_between_batches = 3;
    struct ori_job jobs[2] = {add_new(new_job)};
    rules.jobs_max = 1;
    expect_order(jobs, "AA");
    claim_nothing(now_us + 3000000);
    jobs[1] = add("x"); /* whose turn it is meanwhile */
    expect_order(jobs, "B");
    now_us += 3000000;
    expect_order(jobs, "AA");
    claim_nothing(now_us + 3000000);
    rules.batch_size = 1; /* the settings' values, for a job without its own */
    rules.sleep_between_batches = 1;
    jobs[1] = add("yz");
    expect_order(jobs, "B");
    claim_nothing(now_us + 1000000);
    now_us += 3000000;
    expect_order(jobs, "BA"); /* whose turn it still is, then the other */
    assert_int_equal(get(&jobs[0]).state, ORI_JOB_COMPLETED);
}

/* ---- a clock that is set ---- */

static void test_waits_of_a_clock_that_was_set_back(void **state)
{
    (void)state;
    const int64_t before_us = now_us;
    const struct ori_job job = add("a");
    struct ori_job_claim claim = claim_of(&job, 'a');
    retry_at(&claim, now_us + ORI_JOB_WAIT_MAX_US); /* as long as one may: it does wait */
    claim_nothing(now_us + ORI_JOB_WAIT_MAX_US);
    now_us--; /* by a microsecond: it waits no longer */
    claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);

    struct plan plan;
    struct ori_job_new *new_job = plan_job(&plan, "ab");
    new_job->options.batch_size = 1;
    new_job->options.sleep_between_batches = 3600;
    struct ori_job jobs[1] = {add_new(new_job)};
    expect_order(jobs, "A");
    now_us += INT64_C(3600000000) - ORI_JOB_WAIT_MAX_US;
    claim_nothing(now_us + ORI_JOB_WAIT_MAX_US);
    now_us--;
    expect_order(jobs, "A");
    now_us = before_us;
}

/* ---- stop, start, delete, expire ---- */

static void test_stop(void **state)
{
    (void)state;
    const struct ori_job job = add("abcd");
    struct ori_job now;
    const struct ori_job_claim first = claim_of(&job, 'a');
    const struct ori_job_claim second = claim_of(&job, 'b');
    MUST(ori_job_store_stop(store, job.job_id, now_us, &now, &err));
    assert_int_equal(now.state, ORI_JOB_RUNNING);
    expect_items(&job, "pptt");
    claim_nothing(INT64_MAX);
    assert_true(beat(&first, 5).is_stopped);
    MUST(ori_job_store_stop(store, job.job_id, now_us, &now, &err)); /* twice is once */
    assert_int_equal(ori_job_store_delete(store, job.job_id, NULL), ORI_WRONG_STATE);
    assert_int_equal(ori_job_store_start(store, job.job_id, 1, &now, NULL), ORI_WRONG_STATE);
    finish(&first, ORI_JOB_OUTCOME_SUCCESS);
    retry_at(&second, now_us + 5); /* no other attempt: it is stopped */
    expect_items(&job, "sttt");
    assert_int_equal(get(&job).state, ORI_JOB_STOPPED);
    assert_int_equal(get(&job).progress, 100);
    assert_int_equal(totals_of().turns, 0);
    assert_int_equal(ori_job_store_stop(store, job.job_id, 1, &now, NULL), ORI_WRONG_STATE);
}

static void test_stop_before_and_after_all(void **state)
{
    (void)state;
    const struct ori_job pending = add("ab");
    struct ori_job now;
    MUST(ori_job_store_stop(store, pending.job_id, now_us, &now, &err));
    assert_int_equal(now.state, ORI_JOB_STOPPED);
    expect_items(&pending, "tt");
    const struct ori_job late = add("c"); /* the stop comes when nothing is left to be stopped */
    const struct ori_job_claim claim = claim_of(&late, 'c');
    MUST(ori_job_store_stop(store, late.job_id, now_us, &now, &err));
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    assert_int_equal(get(&late).state, ORI_JOB_COMPLETED);
}

static void test_start(void **state)
{
    (void)state;
    const struct ori_job job = add("abcc");
    struct ori_job now;
    struct ori_job_claim claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    claim = claim_of(&job, 'b');
    finish(&claim, ORI_JOB_OUTCOME_FAILED);
    MUST(ori_job_store_stop(store, job.job_id, now_us, &now, &err));
    expect_items(&job, "sftt");
    MUST(ori_job_store_start(store, job.job_id, now_us, &now, &err));
    assert_int_equal(now.state, ORI_JOB_PENDING);
    assert_int_equal(now.progress, 25);
    expect_items(&job, "swww");
    MUST(ori_job_store_start(store, job.job_id, now_us, &now, &err)); /* pending: nothing to do */
    claim = claim_of(&job, 'b');
    assert_int_equal(claim.attempts, 0);
    assert_int_equal(claim.permille, 0);
    assert_int_equal(ori_job_store_start(store, job.job_id, 1, &now, NULL), ORI_WRONG_STATE);
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    for (int i = 0; i < 2; i++) {
        claim = claim_of(&job, 'c');
        assert_int_equal(claim.is_twin, i);
        claim_nothing(INT64_MAX);
        finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    }
    assert_int_equal(get(&job).state, ORI_JOB_COMPLETED);
    assert_int_equal(ori_job_store_start(store, job.job_id, 1, &now, NULL), ORI_WRONG_STATE);
}

/* The first item of the video is done; of those behind it one alone goes to the front. */
static void test_start_with_many_twins(void **state)
{
    (void)state;
    const struct ori_job job = add("aaaa");
    struct ori_job now;
    struct ori_job_claim claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    MUST(ori_job_store_stop(store, job.job_id, now_us, &now, &err));
    expect_items(&job, "sttt");
    MUST(ori_job_store_start(store, job.job_id, now_us, &now, &err));
    claim = claim_of(&job, 'a');
    assert_int_equal(claim.item & 0xFF, 1);
    retry_at(&claim, now_us + 5);
    claim_nothing(now_us + 5);
}

static void test_delete(void **state)
{
    (void)state;
    const struct ori_job job = add("ab");
    const struct ori_job other = add("a");
    const struct ori_job_claim claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    struct ori_job now;
    MUST(ori_job_store_delete(store, job.job_id, &err)); /* waiting items do not matter */
    assert_int_equal(ori_job_store_get(store, job.job_id, &now, NULL), ORI_NOT_FOUND);
    assert_int_equal(see_events(job.seq, 0, 100)->count, 0);
    const struct ori_job_totals totals = totals_of();
    assert_int_equal(totals.items[ORI_ITEM_WAITING], 1);
    assert_int_equal(totals.items[ORI_ITEM_SUCCESS], 0);
    assert_int_equal(totals.jobs[ORI_JOB_RUNNING], 0);
    assert_int_equal(totals.turns, 1); /* the other's */
    claim_of(&other, 'a');
    assert_true(add("c").seq > other.seq); /* a number is not used twice */
}

static void test_expire(void **state)
{
    (void)state;
    struct ori_job jobs[4];
    int64_t count = 0;
    for (int i = 0; i < 4; i++) {
        jobs[i] = add("a");
        if (i == 3)
            break; /* still waits */
        const struct ori_job_claim claim = claim_of(&jobs[i], 'a');
        now_us += 10;
        finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    }
    MUST(ori_job_store_expire(store, now_us, 1, &count, &err));
    assert_int_equal(count, 1);
    MUST(ori_job_store_expire(store, now_us, 10, &count, &err));
    assert_int_equal(count, 1);
    MUST(ori_job_store_expire(store, INT64_MAX, 10, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(totals_of().jobs[ORI_JOB_PENDING], 1);
    assert_int_equal(get(&jobs[3]).state, ORI_JOB_PENDING);
}

/* ---- events ---- */

static void test_events_tell_it_all(void **state)
{
    (void)state;
    static const struct {
        enum ori_job_event_kind kind;
        const char *data; /* how it begins */
    } expected[] = {
        {ORI_JOB_EVENT_STATE, "{\"status\":\"pending\",\"progress\":0,\"counts\":{\"total\":2,"
                              "\"waiting\":2,\"processing\":0,"},
        {ORI_JOB_EVENT_STATE, "{\"status\":\"running\",\"progress\":0,"},
        {ORI_JOB_EVENT_ITEM, "{\"platform\":\"p\",\"code\":\"a\",\"status\":\"processing\","},
        {ORI_JOB_EVENT_PROGRESS, "{\"progress\":25,\"counts\":{\"total\":2,"},
        {ORI_JOB_EVENT_ITEM, "{\"platform\":\"p\",\"code\":\"a\",\"status\":\"success\","
                             "\"frames\":7,\"attempts\":1,\"error\":null}"},
        {ORI_JOB_EVENT_LOG, "{\"ts\":\"1970-01-01T00:00:01.000Z\",\"level\":\"info\","
                            "\"msg\":\"said\"}"},
        {ORI_JOB_EVENT_PROGRESS, "{\"progress\":50,"},
        {ORI_JOB_EVENT_ITEM, "{\"platform\":\"p\",\"code\":\"b\",\"status\":\"processing\","},
        {ORI_JOB_EVENT_ITEM,
         "{\"platform\":\"p\",\"code\":\"b\",\"status\":\"failed\",\"frames\":0,\"attempts\":1,"
         "\"error\":{\"code\":\"timeout\",\"message\":\"it took too long\",\"stage\":\"extract\","
         "\"retryable\":true,\"attempts\":1}}"},
        {ORI_JOB_EVENT_LOG, "{\"ts\":\"1970-01-01T00:00:01.000Z\",\"level\":\"error\","},
        {ORI_JOB_EVENT_PROGRESS, "{\"progress\":99,"},
        {ORI_JOB_EVENT_STATE, "{\"status\":\"completed\",\"progress\":100,"},
    };
    const struct ori_job job = add("ab");
    struct ori_job_claim claim = claim_of(&job, 'a');
    beat(&claim, 500);
    beat(&claim, 500); /* nothing new to tell */
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    claim = claim_of(&job, 'b');
    finish(&claim, ORI_JOB_OUTCOME_FAILED);
    const struct seen_events *seen = see_events(job.seq, 0, 100);
    assert_int_equal(seen->count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < seen->count; i++) {
        assert_int_equal(seen->events[i].kind, expected[i].kind);
        if (strncmp(seen->data[i], expected[i].data, strlen(expected[i].data)) != 0)
            fail_msg("event %zu: %s", i, seen->data[i]);
        if (i > 0)
            assert_true(seen->events[i].id > seen->events[i - 1].id);
    }
}

static void test_events_replay(void **state)
{
    (void)state;
    const struct ori_job one = add("a");
    const struct ori_job two = add("b");
    for (int i = 0; i < 4; i++)
        MUST(ori_job_store_log(store, i % 2 ? two.seq : one.seq, "info", "x", now_us, &err));
    int64_t last = 0;
    MUST(ori_job_store_last_event(store, &last, &err));
    assert_int_equal(see_events(0, 0, 100)->count, 6);
    assert_int_equal(see_events(0, 0, 2)->count, 2);
    assert_int_equal(see_events(0, last, 100)->count, 0);
    assert_int_equal(see_events(0, last - 1, 100)->count, 1);
    const struct seen_events *seen = see_events(two.seq, 0, 100);
    assert_int_equal(seen->count, 3);
    assert_true(seen->events[2].id == last && seen->events[2].job == two.seq);
    assert_int_equal(see_events(two.seq, seen->events[1].id, 100)->count, 1);
    MUST(ori_job_store_delete(store, two.job_id, &err));
    int64_t after = 0;
    reopen_store();
    MUST(ori_job_store_last_event(store, &after, &err));
    assert_int_equal(after, last); /* an id is not used twice, even when the newest are gone */
}

static void test_old_events_go(void **state)
{
    (void)state;
    limits.events_max = 10;
    limits.logs_max = 4;
    reopen_store();
    const struct ori_job job = add("a"); /* 1 event */
    for (int i = 1; i <= 4; i++)
        MUST(ori_job_store_log(store, job.seq, "info", "x", i, &err));
    assert_int_equal(see_events(job.seq, 0, 100)->count, 5);
    MUST(ori_job_store_log(store, job.seq, "info", "x", 5, &err)); /* one line more than logs_max */
    const struct seen_events *seen = see_events(job.seq, 0, 100);
    assert_int_equal(seen->count, 5);
    assert_int_equal(seen->events[0].kind, ORI_JOB_EVENT_STATE); /* not the oldest event went */
    assert_true(seen->events[1].ts_us == 2);
    const int64_t first_id = seen->events[0].id;
    struct ori_job_claim claim = claim_of(&job, 'a'); /* 2 more: 7 */
    for (int i = 1; i <= 3; i++)
        beat(&claim, 10 * i); /* 3 more: 10 */
    seen = see_events(job.seq, 0, 100);
    assert_int_equal(seen->count, 10);
    assert_true(seen->events[0].id == first_id);
    beat(&claim, 40);
    seen = see_events(job.seq, 0, 100);
    assert_int_equal(seen->count, 10);
    assert_true(seen->events[0].id == first_id + 2); /* the first log line went before */
    const struct ori_job other = add("b");
    assert_int_equal(see_events(other.seq, 0, 100)->count, 1);
}

static void test_a_change_wakes_the_hub(void **state)
{
    (void)state;
    struct pollfd poller = {.fd = ori_job_store_fd(store), .events = POLLIN};
    uint64_t count = 0;
    assert_int_equal(poll(&poller, 1, 0), 0);
    const struct ori_job job = add("a");
    assert_int_equal(poll(&poller, 1, 0), 1);
    assert_int_equal(read(poller.fd, &count, sizeof count), sizeof count);
    (void)get(&job);
    struct ori_job_claim claim = claim_of(&job, 'a');
    assert_int_equal(poll(&poller, 1, 0), 1);
    assert_int_equal(read(poller.fd, &count, sizeof count), sizeof count);
    claim_nothing(INT64_MAX);
    beat(&claim, 0); /* no percent more: nothing to tell */
    assert_int_equal(poll(&poller, 1, 0), 0);
}

static void test_logs(void **state)
{
    (void)state;
    static const char *const levels[] = {"info", "warn", "error", "debug"};
    static struct seen_events seen;
    const struct ori_job job = add("a");
    for (int i = 0; i < 8; i++)
        MUST(ori_job_store_log(store, job.seq, levels[i % 4], "x", i, &err));
    seen.count = 0;
    MUST(ori_job_store_logs(store, job.seq, false, 3, see_event, &seen, &err));
    assert_int_equal(seen.count, 3);
    assert_true(seen.events[0].ts_us == 5 && seen.events[2].ts_us == 7);
    seen.count = 0;
    MUST(ori_job_store_logs(store, job.seq, true, 100, see_event, &seen, &err));
    assert_int_equal(seen.count, 4);
    assert_true(seen.events[0].ts_us == 1 && seen.events[3].ts_us == 6);
    seen.count = 0;
    MUST(ori_job_store_logs(store, job.seq, false, 0, see_event, &seen, &err));
    assert_int_equal(seen.count, 0);
}

static ori_status keep_text(void *self, const struct ori_job_event *event, struct ori_error *err)
{
    (void)err;
    memcpy(self, event->text, strlen(event->text) + 1);
    return ORI_OK;
}

static void test_a_log_line_is_clean_and_bounded(void **state)
{
    (void)state;
    static char text[ORI_LIMIT_MAX_JOB_LOG_BYTES + 2];
    static char line[ORI_LIMIT_MAX_JOB_LOG_BYTES + 2];
    const struct ori_job job = add("a");
    MUST(ori_job_store_log(store, job.seq, "info", "a\nb\x1B[1m\xFF\"\xC3\xA9", 1, &err));
    MUST(ori_job_store_logs(store, job.seq, false, 1, keep_text, line, &err));
    assert_string_equal(line, "a?b?[1m?\"\xC3\xA9");
    memset(text, 'x', sizeof text - 1);
    text[ORI_LIMIT_MAX_JOB_LOG_BYTES] = '\0';
    MUST(ori_job_store_log(store, job.seq, "info", text, 2, &err));
    MUST(ori_job_store_logs(store, job.seq, false, 1, keep_text, line, &err));
    assert_string_equal(line, text);
    text[ORI_LIMIT_MAX_JOB_LOG_BYTES] = 'x';
    MUST(ori_job_store_log(store, job.seq, "info", text, 3, &err));
    MUST(ori_job_store_logs(store, job.seq, false, 1, keep_text, line, &err));
    assert_int_equal(strlen(line), ORI_LIMIT_MAX_JOB_LOG_BYTES);
    assert_string_equal(line + ORI_LIMIT_MAX_JOB_LOG_BYTES - 6, "x[cut]");
}

/* ---- webhooks ---- */

static struct ori_job end_a_job_with_webhook(void)
{
    struct plan plan;
    struct ori_job_new *new_job = plan_job(&plan, "a");
    new_job->webhook_url = "https://example.org/hook";
    const struct ori_job job = add_new(new_job);
    const struct ori_job_claim claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_FAILED);
    return job;
}

static void nothing_due(int64_t expected_next_us)
{
    struct ori_job_delivery delivery;
    int64_t next_us = 0;
    assert_int_equal(ori_job_store_due(store, now_us, &delivery, &next_us, NULL), ORI_AGAIN);
    assert_true(next_us == expected_next_us);
}

static struct ori_job_delivery due(const struct ori_job *job)
{
    struct ori_job_delivery delivery;
    int64_t next_us = 0;
    MUST(ori_job_store_due(store, now_us, &delivery, &next_us, &err));
    assert_string_equal(delivery.job_id, job->job_id);
    return delivery;
}

static void test_outbox(void **state)
{
    (void)state;
    nothing_due(INT64_MAX);
    const struct ori_job job = end_a_job_with_webhook();
    assert_string_equal(get(&job).webhook_state, "pending");
    struct ori_job_delivery delivery = due(&job);
    assert_string_equal(delivery.url, "https://example.org/hook");
    assert_int_equal(delivery.state, ORI_JOB_FAILED);
    assert_int_equal(delivery.counts.total, 1);
    assert_int_equal(delivery.counts.failed, 1);
    assert_true(delivery.ts_us == now_us && delivery.attempts == 0);
    MUST(ori_job_store_delivered(store, delivery.id, now_us + 5, "503", now_us, &err));
    nothing_due(now_us + 5);
    reopen_store();
    now_us += 5;
    delivery = due(&job);
    assert_int_equal(delivery.attempts, 1);
    const int64_t far_us = now_us + ORI_JOB_DELIVERY_WAIT_MAX_US;
    MUST(ori_job_store_delivered(store, delivery.id, far_us, "503", now_us, &err));
    nothing_due(far_us);
    now_us--; /* a clock that was set back */
    delivery = due(&job);
    assert_int_equal(delivery.attempts, 2);
    now_us++;
    MUST(ori_job_store_delivered(store, delivery.id, 0, "200", now_us, &err));
    assert_string_equal(get(&job).webhook_state, "delivered");
    assert_int_equal(get(&job).webhook_attempts, 3);
    nothing_due(INT64_MAX);
    assert_int_equal(ori_job_store_delivered(store, delivery.id, 0, "", 1, NULL), ORI_NOT_FOUND);
}

static void test_dead_webhooks(void **state)
{
    (void)state;
    const struct ori_job job = end_a_job_with_webhook();
    struct ori_job now;
    struct ori_job_delivery delivery = due(&job);
    MUST(ori_job_store_delivered(store, delivery.id, INT64_MAX, "410", now_us, &err));
    assert_string_equal(get(&job).webhook_state, "dead");
    assert_int_equal(totals_of().dead_webhooks, 1);
    nothing_due(INT64_MAX);
    MUST(ori_job_store_start(store, job.job_id, now_us, &now, &err)); /* another end, another one */
    const struct ori_job_claim claim = claim_of(&job, 'a');
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    const struct ori_job_delivery next = due(&job);
    assert_true(next.id > delivery.id);
    assert_int_equal(next.state, ORI_JOB_COMPLETED);
    assert_string_equal(get(&job).webhook_state, "pending");
    MUST(ori_job_store_delete(store, job.job_id, &err));
    assert_int_equal(totals_of().dead_webhooks, 0);
    nothing_due(INT64_MAX);
}

/* ---- restart ---- */

static void test_a_restart_hands_back(void **state)
{
    (void)state;
    const struct ori_job job = add("ab");
    const struct ori_job stopping = add("cd");
    struct ori_job now;
    const struct ori_job_claim first = claim_of(&job, 'a');
    (void)claim_of(&stopping, 'c');
    beat(&first, 700);
    MUST(ori_job_store_stop(store, stopping.job_id, now_us, &now, &err));
    reopen_store();
    expect_items(&job, "ww");
    expect_items(&stopping, "tt");
    assert_int_equal(get(&stopping).state, ORI_JOB_STOPPED);
    assert_int_equal(get(&job).state, ORI_JOB_RUNNING);
    assert_int_equal(get(&job).progress, 35);
    assert_true(beat(&first, 800).is_lost);
    const struct ori_job_claim again = claim_of(&job, 'a');
    assert_true(again.fence > first.fence);
    assert_int_equal(again.losses, 1);
    assert_int_equal(again.permille, 700);
}

/* ---- threads ---- */

enum { WORKERS = 4, JOBS_AT_ONCE = 6 };
static atomic_int done;
static atomic_int faults;

static void *work(void *self)
{
    const struct ori_job_outcome outcome = outcome_of(ORI_JOB_OUTCOME_SUCCESS);
    const struct ori_job_claim_rules mine = {
        .jobs_max = 3, .quantum = 2, .lease_us = LEASE_US, .now_us = 1, .batch_size = 8};
    struct ori_job_claim claim;
    int64_t next_us = 0;
    (void)self;
    for (;;) { /* AGAIN may mean that all that is left is in process with others: they end it */
        if (ori_job_store_claim(store, &mine, &claim, &next_us, NULL) != ORI_OK)
            return NULL;
        faults += ori_job_store_finish(store, &claim, &outcome, 1, NULL) != ORI_OK;
        done++;
    }
}

static ori_status add_up(void *self, const struct ori_job *job, struct ori_error *err)
{
    const struct ori_job_counts *counts = &job->counts;
    (void)self;
    (void)err;
    faults += counts->waiting + counts->processing + counts->success != counts->total;
    return ORI_OK;
}

static void *look(void *self)
{
    const struct ori_job_query query = {.limit = 100};
    int64_t total = 0;
    for (int i = 0; i < 100; i++) {
        faults += ori_job_store_list(store, &query, add_up, self, &total, NULL) != ORI_OK;
        faults += total != JOBS_AT_ONCE;
    }
    return NULL;
}

/* More lookers than the store has readers, beside workers: nobody waits for ever, every snapshot
 * adds up, every item is done once. */
static void test_many_threads(void **state)
{
    (void)state;
    static const char videos[] = "abcdefghijklmnopqrst";
    pthread_t threads[2 * WORKERS];
    done = 0;
    faults = 0;
    for (int i = 0; i < JOBS_AT_ONCE; i++)
        add(videos);
    for (int i = 0; i < 2 * WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? work : look, NULL), 0);
    for (int i = 0; i < 2 * WORKERS; i++)
        pthread_join(threads[i], NULL);
    (void)work(NULL); /* what was in process when the last of them found nothing */
    assert_int_equal(faults, 0);
    assert_int_equal(done, JOBS_AT_ONCE * (int)strlen(videos));
    assert_int_equal(totals_of().jobs[ORI_JOB_COMPLETED], JOBS_AT_ONCE);
}

/* An implementation a line; the same tests for all. */
static int make_sqlite(void **state)
{
    open_fn = ori_job_store_open_sqlite;
    return make_store(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_sqlite, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_job_comes_back_as_it_was_sent),
        TEST(test_what_cannot_be_added),
        TEST(test_idempotency),
        TEST(test_list),
        TEST(test_some_of_the_items),
        TEST(test_a_visitor_may_end_the_visit),
        TEST(test_a_job_that_is_not_there),
        TEST(test_the_ends_of_a_job),
        TEST(test_an_old_fence_is_refused),
        TEST(test_a_beat_renews_the_lease),
        TEST(test_a_retry_waits_for_its_time),
        TEST(test_losses_have_an_end),
        TEST(test_progress_never_falls),
        TEST(test_twins_go_one_by_one),
        TEST(test_a_video_in_process_elsewhere_is_passed_over),
        TEST(test_many_jobs_one_video),
        TEST(test_order_of_jobs),
        TEST(test_local_jobs_alone_while_a_store_is_away),
        TEST(test_a_higher_job_takes_a_turn_at_once),
        TEST(test_a_small_job_passes_a_big_one),
        TEST(test_at_most_jobs_max_jobs),
        TEST(test_a_pause_between_batches),
        TEST(test_waits_of_a_clock_that_was_set_back),
        TEST(test_stop),
        TEST(test_stop_before_and_after_all),
        TEST(test_start),
        TEST(test_start_with_many_twins),
        TEST(test_delete),
        TEST(test_expire),
        TEST(test_events_tell_it_all),
        TEST(test_events_replay),
        TEST(test_old_events_go),
        TEST(test_a_change_wakes_the_hub),
        TEST(test_logs),
        TEST(test_a_log_line_is_clean_and_bounded),
        TEST(test_outbox),
        TEST(test_dead_webhooks),
        TEST(test_a_restart_hands_back),
        TEST(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
