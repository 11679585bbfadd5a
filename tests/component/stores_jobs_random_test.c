/* tests/component/stores_jobs_random_test.c: random operations on a job store beside a plain model
 * in memory. After each of them: every item and job as the model says, counts that add up, totals
 * that are the sum of the jobs, no video in process twice, progress that does not fall. A claim must
 * be of an item that may be claimed; no claim only when there is none, or all turns are taken.
 * ORIANE_TEST_SEED repeats a run. */
#include "stores_jobs_fixture.h"

#include <sys/random.h>

enum { STEPS = 10000, JOBS = 10, VIDEOS = 5 };

struct model_item {
    char video;
    enum ori_item_state state;
    int attempts;
    int losses;
    int permille;
    int frames;
    int64_t not_before_us;
    int64_t lease_until_us;
    struct ori_job_claim claim;
};
struct model_job {
    bool is_there;
    struct ori_job job;
    enum ori_job_state state;
    bool is_stopping;
    int progress;
    int batch_size;
    int begun;
    int64_t pause_until_us;
    size_t count;
    struct model_item items[ITEMS_MAX];
};
static struct model_job model[JOBS];
static uint64_t seed;
static struct ori_job_claim old_claim; /* one that was finished */

static uint64_t below(uint64_t n)
{
    return next_random(&seed) % n;
}

/* ---- the model's own rules ---- */

static bool is_running(char video)
{
    for (int j = 0; j < JOBS; j++) {
        for (size_t i = 0; model[j].is_there && i < model[j].count; i++) {
            if (model[j].items[i].video == video && model[j].items[i].state == ORI_ITEM_PROCESSING)
                return true;
        }
    }
    return false;
}

static bool is_behind(const struct model_job *job, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (job->items[i].video == job->items[at].video &&
            (job->items[i].state == ORI_ITEM_WAITING || job->items[i].state == ORI_ITEM_PROCESSING))
            return true;
    }
    return false;
}

static bool may_be_claimed(const struct model_job *job, size_t at)
{
    const struct model_item *item = &job->items[at];
    return job->is_there && !job->is_stopping && item->state == ORI_ITEM_WAITING &&
           item->not_before_us <= now_us && job->pause_until_us <= now_us &&
           !is_running(item->video) && !is_behind(job, at);
}

static int count_in(const struct model_job *job, enum ori_item_state state)
{
    int count = 0;
    for (size_t i = 0; i < job->count; i++)
        count += job->items[i].state == state;
    return count;
}

static int percent_of(const struct model_job *job)
{
    int64_t sum = 0;
    for (size_t i = 0; i < job->count; i++)
        sum += job->items[i].permille;
    const int percent = (int)(100 * sum / (1000 * (int64_t)job->count));
    return percent > 99 ? 99 : percent;
}

static void settle(struct model_job *job)
{
    const int percent = percent_of(job);
    job->progress = percent > job->progress ? percent : job->progress;
    if (count_in(job, ORI_ITEM_WAITING) + count_in(job, ORI_ITEM_PROCESSING) > 0)
        return;
    const int success = count_in(job, ORI_ITEM_SUCCESS);
    const bool is_all_stopped = count_in(job, ORI_ITEM_STOPPED) == (int)job->count;
    job->progress = 100;
    job->pause_until_us = 0;
    job->state = success == (int)job->count           ? ORI_JOB_COMPLETED
                 : job->is_stopping || is_all_stopped ? ORI_JOB_STOPPED
                 : success > 0                        ? ORI_JOB_COMPLETED
                                                      : ORI_JOB_FAILED;
    job->is_stopping = false;
}

static void end_item(struct model_job *job, struct model_item *item, enum ori_item_state state)
{
    item->state = state;
    item->permille = 1000;
    settle(job);
}

static void lose(struct model_job *job, struct model_item *item)
{
    item->losses++;
    if (job->is_stopping)
        end_item(job, item, ORI_ITEM_STOPPED);
    else if (item->losses > ORI_LIMIT_MAX_ITEM_LOSSES)
        end_item(job, item, ORI_ITEM_FAILED);
    else
        item->state = ORI_ITEM_WAITING;
    item->not_before_us = 0;
}

/* ---- comparison ---- */

static void compare_job(const struct model_job *job)
{
    struct seen_items seen;
    const struct ori_job now = get(&job->job);
    see_items(&job->job, &seen);
    assert_int_equal(seen.count, job->count);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(seen.codes[i], job->items[i].video);
        assert_int_equal(seen.items[i].state, job->items[i].state);
        assert_int_equal(seen.items[i].attempts, job->items[i].attempts);
        assert_int_equal(seen.items[i].permille, job->items[i].permille);
        assert_int_equal(seen.items[i].frames, job->items[i].frames);
        if (seen.items[i].state == ORI_ITEM_FAILED)
            assert_true(seen.items[i].error.code[0] != '\0');
        if (seen.items[i].state == ORI_ITEM_SUCCESS)
            assert_true(seen.items[i].error.code[0] == '\0');
    }
    assert_int_equal(now.state, job->state);
    assert_int_equal(now.progress, job->progress);
    assert_int_equal(now.counts.total, job->count);
    assert_int_equal(now.counts.waiting, count_in(job, ORI_ITEM_WAITING));
    assert_int_equal(now.counts.processing, count_in(job, ORI_ITEM_PROCESSING));
    assert_int_equal(now.counts.success, count_in(job, ORI_ITEM_SUCCESS));
    assert_int_equal(now.counts.failed, count_in(job, ORI_ITEM_FAILED));
    assert_int_equal(now.counts.stopped, count_in(job, ORI_ITEM_STOPPED));
}

static void compare_totals(void)
{
    struct ori_job_totals expected = {0};
    const struct ori_job_totals totals = totals_of();
    for (int j = 0; j < JOBS; j++) {
        if (!model[j].is_there)
            continue;
        expected.jobs[model[j].state]++;
        for (size_t i = 0; i < model[j].count; i++)
            expected.items[model[j].items[i].state]++;
    }
    assert_memory_equal(expected.jobs, totals.jobs, sizeof totals.jobs);
    assert_memory_equal(expected.items, totals.items, sizeof totals.items);
    assert_in_range(totals.turns, 0, (uintmax_t)rules.jobs_max + 1);
}

static void compare(void)
{
    bool is_in_process[VIDEOS] = {false};
    for (int j = 0; j < JOBS; j++) {
        if (!model[j].is_there)
            continue;
        compare_job(&model[j]);
        for (size_t i = 0; i < model[j].count; i++) {
            if (model[j].items[i].state != ORI_ITEM_PROCESSING)
                continue;
            assert_false(is_in_process[model[j].items[i].video - 'a']);
            is_in_process[model[j].items[i].video - 'a'] = true;
        }
    }
    compare_totals();
}

/* ---- operations ---- */

static struct model_job *some_job(void)
{
    struct model_job *job = &model[below(JOBS)];
    return job->is_there ? job : NULL;
}

static void do_add(void)
{
    struct plan plan;
    char videos[13] = {0};
    struct model_job *job = &model[below(JOBS)];
    if (job->is_there)
        return;
    const size_t count = 1 + below(sizeof videos - 1);
    for (size_t i = 0; i < count; i++)
        videos[i] = (char)('a' + below(VIDEOS));
    struct ori_job_new *new_job = plan_job(&plan, videos);
    new_job->options.priority = (int)below(3) - 1;
    *job = (struct model_job){.is_there = true, .count = count};
    if (below(4) == 0) {
        new_job->options.batch_size = 2;
        new_job->options.sleep_between_batches = 5;
        job->batch_size = 2;
    }
    job->job = add_new(new_job);
    for (size_t i = 0; i < count; i++)
        job->items[i].video = videos[i];
}

static void check_nothing_was_there(void)
{
    int at_work = 0;
    bool is_any = false;
    for (int j = 0; j < JOBS; j++) {
        at_work += model[j].is_there && count_in(&model[j], ORI_ITEM_PROCESSING) > 0;
        for (size_t i = 0; model[j].is_there && i < model[j].count; i++)
            is_any = is_any || may_be_claimed(&model[j], i);
    }
    if (is_any)
        assert_true(at_work >= rules.jobs_max);
}

static void do_claim(void)
{
    struct ori_job_claim claim = {0};
    int64_t next_us = 0;
    if (try_claim(&claim, &next_us) == ORI_AGAIN) {
        assert_true(next_us > now_us);
        check_nothing_was_there();
        return;
    }
    for (int j = 0; j < JOBS; j++) {
        struct model_job *job = &model[j];
        if (!job->is_there || job->job.seq != claim.job)
            continue;
        const size_t at = (size_t)(claim.item & 0xFFFFFF);
        assert_true(at < job->count && may_be_claimed(job, at));
        assert_int_equal(claim.attempts, job->items[at].attempts);
        assert_int_equal(claim.losses, job->items[at].losses);
        assert_true(claim.fence > old_claim.fence);
        job->items[at].state = ORI_ITEM_PROCESSING;
        job->items[at].claim = claim;
        job->items[at].lease_until_us = now_us + LEASE_US;
        job->state = ORI_JOB_RUNNING;
        if (job->batch_size > 0 && ++job->begun % job->batch_size == 0)
            job->pause_until_us = now_us + 5000000;
        return;
    }
    fail_msg("a claim of a job that is not there");
}

static struct model_item *some_running(struct model_job **ret_job)
{
    const size_t first = below(JOBS);
    for (size_t j = 0; j < JOBS; j++) {
        struct model_job *job = &model[(first + j) % JOBS];
        for (size_t i = 0; job->is_there && i < job->count; i++) {
            if (job->items[i].state == ORI_ITEM_PROCESSING && below(3) > 0) {
                *ret_job = job;
                return &job->items[i];
            }
        }
    }
    return NULL;
}

static void do_beat(void)
{
    struct model_job *job = NULL;
    struct model_item *item = some_running(&job);
    if (!item)
        return;
    const int permille = (int)below(1100);
    const struct ori_job_beat told = beat(&item->claim, permille);
    assert_false(told.is_lost);
    assert_int_equal(told.is_stopped, job->is_stopping);
    const int shown = permille > 999 ? 999 : permille;
    item->permille = shown > item->permille ? shown : item->permille;
    item->lease_until_us = now_us + LEASE_US;
    settle(job);
}

static void apply_outcome(struct model_job *job, struct model_item *item,
                          const struct ori_job_outcome *outcome)
{
    enum ori_job_outcome_kind kind = outcome->kind;
    item->attempts += kind != ORI_JOB_OUTCOME_LOST && kind != ORI_JOB_OUTCOME_STOPPED;
    item->losses += kind == ORI_JOB_OUTCOME_LOST;
    if (job->is_stopping && (kind == ORI_JOB_OUTCOME_RETRY || kind == ORI_JOB_OUTCOME_LOST))
        kind = ORI_JOB_OUTCOME_STOPPED;
    item->not_before_us = 0;
    if (kind == ORI_JOB_OUTCOME_SUCCESS) {
        item->frames = outcome->frames;
        end_item(job, item, ORI_ITEM_SUCCESS);
    } else if (kind == ORI_JOB_OUTCOME_FAILED) {
        end_item(job, item, ORI_ITEM_FAILED);
    } else if (kind == ORI_JOB_OUTCOME_STOPPED) {
        end_item(job, item, ORI_ITEM_STOPPED);
    } else {
        item->state = ORI_ITEM_WAITING;
        item->not_before_us = outcome->not_before_us;
    }
}

static void do_finish(void)
{
    struct model_job *job = NULL;
    struct model_item *item = some_running(&job);
    if (!item)
        return;
    static const enum ori_job_outcome_kind kinds[] = {
        ORI_JOB_OUTCOME_SUCCESS, ORI_JOB_OUTCOME_SUCCESS, ORI_JOB_OUTCOME_FAILED,
        ORI_JOB_OUTCOME_RETRY,   ORI_JOB_OUTCOME_LOST,    ORI_JOB_OUTCOME_STOPPED};
    struct ori_job_outcome outcome = outcome_of(kinds[below(job->is_stopping ? 6 : 5)]);
    if (below(2))
        outcome.not_before_us = now_us + (int64_t)below(20) * 1000000;
    old_claim = item->claim;
    MUST(ori_job_store_finish(store, &item->claim, &outcome, now_us, &err));
    apply_outcome(job, item, &outcome);
    assert_int_equal(ori_job_store_finish(store, &old_claim, &outcome, now_us, NULL),
                     ORI_NOT_FOUND);
}

static void do_stop(void)
{
    struct model_job *job = some_job();
    struct ori_job now;
    if (!job)
        return;
    const bool has_ended = job->state != ORI_JOB_PENDING && job->state != ORI_JOB_RUNNING;
    const ori_status status = ori_job_store_stop(store, job->job.job_id, now_us, &now, NULL);
    assert_int_equal(status, has_ended ? ORI_WRONG_STATE : ORI_OK);
    if (has_ended || job->is_stopping)
        return;
    job->is_stopping = true;
    for (size_t i = 0; i < job->count; i++) {
        if (job->items[i].state == ORI_ITEM_WAITING) {
            job->items[i].state = ORI_ITEM_STOPPED;
            job->items[i].permille = 1000;
        }
    }
    settle(job);
    assert_int_equal(now.state, job->state);
}

static void do_start(void)
{
    struct model_job *job = some_job();
    struct ori_job now;
    if (!job)
        return;
    const bool may = job->state == ORI_JOB_FAILED || job->state == ORI_JOB_STOPPED ||
                     job->state == ORI_JOB_PENDING;
    const ori_status status = ori_job_store_start(store, job->job.job_id, now_us, &now, NULL);
    assert_int_equal(status, may ? ORI_OK : ORI_WRONG_STATE);
    if (!may || job->state == ORI_JOB_PENDING)
        return;
    for (size_t i = 0; i < job->count; i++) {
        if (job->items[i].state != ORI_ITEM_SUCCESS)
            job->items[i] = (struct model_item){.video = job->items[i].video};
    }
    job->state = ORI_JOB_PENDING;
    job->begun = 0;
    job->pause_until_us = 0;
    job->progress = 0;
    settle(job);
}

static void do_remove(void)
{
    struct model_job *job = some_job();
    if (!job)
        return;
    const bool may = count_in(job, ORI_ITEM_PROCESSING) == 0;
    assert_int_equal(ori_job_store_delete(store, job->job.job_id, NULL),
                     may ? ORI_OK : ORI_WRONG_STATE);
    job->is_there = !may;
}

static void lose_all(int64_t before_us)
{
    for (int j = 0; j < JOBS; j++) {
        for (size_t i = 0; model[j].is_there && i < model[j].count; i++) {
            struct model_item *item = &model[j].items[i];
            if (item->state == ORI_ITEM_PROCESSING && item->lease_until_us < before_us)
                lose(&model[j], item);
        }
    }
}

static void do_reclaim(void)
{
    int64_t count = 0;
    if (below(4) == 0)
        now_us += LEASE_US / 2;
    MUST(ori_job_store_reclaim(store, now_us, &count, &err));
    lose_all(now_us);
}

static void do_restart(void)
{
    if (below(8) > 0)
        return;
    reopen_store();
    lose_all(INT64_MAX);
}

static void test_random_operations(void **state)
{
    (void)state;
    static void (*const operations[])(void) = {
        do_add,    do_add,    do_claim,  do_claim, do_claim, do_claim,  do_beat,    do_beat,
        do_finish, do_finish, do_finish, do_stop,  do_start, do_remove, do_reclaim, do_restart};
    const char *given = getenv("ORIANE_TEST_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    print_message("ORIANE_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int step = 0; step < STEPS; step++) {
        now_us += (int64_t)below(2000000);
        operations[below(sizeof operations / sizeof operations[0])]();
        compare();
    }
}

static int make_sqlite(void **state)
{
    open_fn = ori_job_store_open_sqlite;
    return make_store(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_operations, make_sqlite, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
