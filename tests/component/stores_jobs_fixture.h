#pragma once
/* tests/component/stores_jobs_fixture.h: a job store in a folder of its own, and jobs to put in it.
 * Time stands still unless a test moves now_us. A job is written as a text: each character is one
 * item, the code of its video; platform "p". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stores/jobs.h"
#include "stores/jobs_priv.h"

enum { LEASE_US = 30000000, ITEMS_MAX = 64 };

static char folder[64];
static char file[96];
static struct ori_job_store *store;
static int64_t now_us;
static struct ori_job_store_limits limits;
static struct ori_job_claim_rules rules;
static ori_status (*open_fn)(const struct ori_job_store_options *options,
                             const struct ori_job_store_limits *limits,
                             struct ori_job_store **ret_store, struct ori_error *err);

static inline void must_at(ori_status status, const struct ori_error *err, int line)
{
    if (status != ORI_OK)
        fail_msg("line %d: %s: %s", line, ori_status_code(status), err->text);
}
/* call uses `err`, an error of its own. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct ori_error err = {0};                                                                \
        const ori_status must_status = (call);                                                     \
        must_at(must_status, &err, __LINE__);                                                      \
    } while (0)

static inline ori_status try_open(struct ori_job_store **ret_store, struct ori_error *err)
{
    const struct ori_job_store_options options = {.path = file, .readers = 2};
    return open_fn(&options, &limits, ret_store, err);
}

static inline void open_store(void)
{
    MUST(try_open(&store, &err));
}

static inline void reopen_store(void)
{
    ori_job_store_close(&store);
    open_store();
}

static inline int make_folder(void **state)
{
    (void)state;
    limits = (struct ori_job_store_limits){.events_max = ORI_LIMIT_MAX_JOB_EVENTS,
                                           .logs_max = ORI_LIMIT_MAX_JOB_LOGS,
                                           .busy_ms = 10000,
                                           .log_pages_max = ORI_LIMIT_MAX_JOB_STORE_LOG_PAGES,
                                           .fold_wait_ms = 1000};
    rules = (struct ori_job_claim_rules){
        .jobs_max = 2, .quantum = 4, .lease_us = LEASE_US, .batch_size = 8};
    now_us = 1000000;
    snprintf(folder, sizeof folder, "/tmp/oriane-jobs-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/jobs.db", folder);
    return 0;
}

static inline int make_store(void **state)
{
    make_folder(state);
    open_store();
    return 0;
}

static inline int remove_folder(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};
    (void)state;
    ori_job_store_close(&store);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", file, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

struct plan { /* a new job and the memory behind it */
    struct ori_job_new job;
    struct ori_job_new_item items[ITEMS_MAX];
    char codes[ITEMS_MAX][2];
};

static inline struct ori_job_new *plan_job(struct plan *plan, const char *videos)
{
    memset(plan, 0, sizeof *plan);
    plan->job.items_count = strlen(videos);
    plan->job.items = plan->items;
    plan->job.options.sleep_between_batches = -1;
    assert_true(plan->job.items_count <= ITEMS_MAX);
    for (size_t i = 0; i < plan->job.items_count; i++) {
        plan->codes[i][0] = videos[i];
        plan->items[i] = (struct ori_job_new_item){"p", plan->codes[i], NULL};
    }
    return &plan->job;
}

static inline struct ori_job add_new(const struct ori_job_new *new_job)
{
    struct ori_job job;
    bool is_old = true;
    MUST(ori_job_store_add(store, new_job, now_us, &job, &is_old, &err));
    assert_false(is_old);
    return job;
}

static inline struct ori_job add_with(const char *videos, int priority)
{
    struct plan plan;
    struct ori_job_new *job = plan_job(&plan, videos);
    job->options.priority = priority;
    return add_new(job);
}

static inline struct ori_job add(const char *videos)
{
    return add_with(videos, 0);
}

static inline ori_status try_claim(struct ori_job_claim *ret_claim, int64_t *ret_next_us)
{
    struct ori_error err = {0};
    rules.now_us = now_us;
    const ori_status status = ori_job_store_claim(store, &rules, ret_claim, ret_next_us, &err);
    if (status != ORI_OK && status != ORI_AGAIN)
        fail_msg("%s", err.text);
    return status;
}

/* The claim is of this job and video. */
static inline struct ori_job_claim claim_of(const struct ori_job *job, char video)
{
    struct ori_job_claim claim = {0};
    int64_t next_us = 0;
    assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
    assert_int_equal(claim.job, job->seq);
    assert_string_equal(claim.job_id, job->job_id);
    assert_int_equal(claim.code[0], video);
    return claim;
}

static inline void claim_nothing(int64_t expected_next_us)
{
    struct ori_job_claim claim = {0};
    int64_t next_us = 0;
    assert_int_equal(try_claim(&claim, &next_us), ORI_AGAIN);
    assert_true(next_us == expected_next_us);
}

static inline struct ori_job_outcome outcome_of(enum ori_job_outcome_kind kind)
{
    struct ori_job_outcome outcome = {.kind = kind, .message = "said"};
    if (kind == ORI_JOB_OUTCOME_SUCCESS)
        outcome.frames = 7;
    if (kind == ORI_JOB_OUTCOME_FAILED || kind == ORI_JOB_OUTCOME_RETRY)
        outcome.error = (struct ori_job_error){"timeout", "extract", "it took too long", true};
    return outcome;
}

static inline void finish(const struct ori_job_claim *claim, enum ori_job_outcome_kind kind)
{
    const struct ori_job_outcome outcome = outcome_of(kind);
    MUST(ori_job_store_finish(store, claim, &outcome, now_us, &err));
}

static inline void retry_at(const struct ori_job_claim *claim, int64_t not_before_us)
{
    struct ori_job_outcome outcome = outcome_of(ORI_JOB_OUTCOME_RETRY);
    outcome.not_before_us = not_before_us;
    MUST(ori_job_store_finish(store, claim, &outcome, now_us, &err));
}

static inline struct ori_job_beat beat(const struct ori_job_claim *claim, int permille)
{
    struct ori_job_beat row = {
        .item = claim->item, .fence = claim->fence, .permille = permille, .stage = "extract"};
    MUST(ori_job_store_beat(store, &row, 1, LEASE_US, now_us, &err));
    return row;
}

static inline struct ori_job get(const struct ori_job *job)
{
    struct ori_job now;
    MUST(ori_job_store_get(store, job->job_id, &now, &err));
    return now;
}

static inline struct ori_job_totals totals_of(void)
{
    struct ori_job_totals totals;
    MUST(ori_job_store_totals(store, &totals, &err));
    return totals;
}

struct seen_items {
    size_t count;
    struct ori_job_item items[ITEMS_MAX]; /* without their texts */
    char codes[ITEMS_MAX];
    char stages[ITEMS_MAX][ORI_JOB_STAGE_BYTES];
};

static inline ori_status see_item(void *self, const struct ori_job_item *item,
                                  struct ori_error *err)
{
    struct seen_items *seen = self;
    (void)err;
    assert_true(seen->count < ITEMS_MAX);
    seen->items[seen->count] = *item;
    seen->codes[seen->count] = item->code[0];
    snprintf(seen->stages[seen->count], ORI_JOB_STAGE_BYTES, "%s", item->stage);
    seen->count++;
    return ORI_OK;
}

static inline void see_items(const struct ori_job *job, struct seen_items *ret_seen)
{
    ret_seen->count = 0;
    MUST(ori_job_store_items(store, job->seq, 0, 0, see_item, ret_seen, &err));
}

/* The item's states as a text, a letter each: w p s f t (stopped). */
static inline void expect_items(const struct ori_job *job, const char *expected)
{
    struct seen_items seen;
    char text[ITEMS_MAX + 1] = {0};
    see_items(job, &seen);
    for (size_t i = 0; i < seen.count; i++)
        text[i] = "wpsft"[seen.items[i].state];
    assert_string_equal(text, expected);
}

enum { EVENTS_MAX = 8192, DATA_MAX = 512 };
struct seen_events {
    size_t count;
    struct ori_job_event events[EVENTS_MAX];
    char data[EVENTS_MAX][DATA_MAX];
};

static inline ori_status see_event(void *self, const struct ori_job_event *event,
                                   struct ori_error *err)
{
    struct seen_events *seen = self;
    (void)err;
    assert_true(seen->count < EVENTS_MAX);
    seen->events[seen->count] = *event;
    snprintf(seen->data[seen->count++], DATA_MAX, "%s", event->data);
    return ORI_OK;
}

static inline struct seen_events *see_events(int64_t job, int64_t after, size_t how_many)
{
    static struct seen_events seen;
    seen.count = 0;
    MUST(ori_job_store_events(store, job, after, how_many, see_event, &seen, &err));
    return &seen;
}

static inline uint64_t next_random(uint64_t *seed) /* splitmix64, Steele et al. 2014 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}
