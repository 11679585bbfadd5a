#pragma once
/* A job store, settings and jobs for the tests of src/jobs; a folder of its own, left again.
 * Waiting   on the store's eventfd, which every change of a job makes readable: the hub's tests,
 *           where the hub reads it, wait for their listeners instead */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/live.h"
#include "stores/jobs_priv.h"
#include "util/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
enum { PATIENCE_MS = 60000, ITEMS_MAX = 256, LOG_LINES_MAX = 300 };

static struct {
    char root[64];
    struct ori_live *live;
    struct ori_job_store *store;
    struct ori_cancel cancel;
} world;

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void open_store(int busy_ms)
{
    struct ori_error err = {0};
    struct ori_job_store_options options = {.path = "jobs.db", .readers = 1};
    struct ori_job_store_limits limits = {.events_max = ORI_LIMIT_MAX_JOB_EVENTS,
                                          .logs_max = ORI_LIMIT_MAX_JOB_LOGS,
                                          .busy_ms = busy_ms};
    if (ori_job_store_open_sqlite(&options, &limits, &world.store, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

/* In a folder of its own with an empty store. */
static inline void begin_world(const struct ori_setting_flag *flags, size_t count)
{
    struct ori_error err = {0};
    const struct ori_settings *settings = NULL;
    struct ori_settings_sources sources = {.flags = flags, .flags_count = count};
    snprintf(world.root, sizeof world.root, "/tmp/oriane-jobs-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    if (ori_settings_load(&sources, &settings, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ori_live_create(settings, &world.live, &err), ORI_OK);
    assert_int_equal(ori_cancel_init(&world.cancel, NULL, &err), ORI_OK);
    open_store(10000);
}

static inline void end_world(void)
{
    ori_job_store_close(&world.store);
    ori_cancel_deinit(&world.cancel);
    ori_live_destroy(&world.live);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A job of count videos p/<name>-<n>. */
static inline struct ori_job submit(const char *name, size_t count, struct ori_job_options options)
{
    static char codes[ITEMS_MAX][32];
    struct ori_job_new_item items[ITEMS_MAX];
    struct ori_error err = {0};
    struct ori_job job;
    bool is_old = false;
    assert_true(count <= ITEMS_MAX);
    for (size_t i = 0; i < count; i++) {
        snprintf(codes[i], sizeof codes[i], "%s-%zu", name, i);
        items[i] = (struct ori_job_new_item){.platform = "p", .code = codes[i]};
    }
    struct ori_job_new fresh = {
        .options = options, .request_id = "test", .items = items, .items_count = count};
    if (ori_job_store_add(world.store, &fresh, ori_clock_wall_us(), &job, &is_old, &err) != ORI_OK)
        fail_msg("%s", err.text);
    return job;
}

static const struct ori_job_options plain_options = {.sleep_between_batches = -1};

static inline struct ori_job job_now(const struct ori_job *job)
{
    struct ori_error err = {0};
    struct ori_job now;
    assert_int_equal(ori_job_store_get(world.store, job->job_id, &now, &err), ORI_OK);
    return now;
}

struct item_wanted {
    uint32_t position;
    struct ori_job_item item;
};

static inline ori_status take_item(void *self, const struct ori_job_item *item,
                                   struct ori_error *err)
{
    (void)err;
    struct item_wanted *wanted = self;
    wanted->item = *item;
    wanted->item.platform = wanted->item.code = wanted->item.url = wanted->item.stage = NULL;
    return ORI_OK;
}

static inline struct ori_job_item item_now(const struct ori_job *job, uint32_t position)
{
    struct ori_error err = {0};
    struct item_wanted wanted = {.position = position};
    assert_int_equal(
        ori_job_store_items(world.store, job->seq, position, 1, take_item, &wanted, &err), ORI_OK);
    return wanted.item;
}

struct line_count {
    const char *words;
    int count;
};
static inline ori_status count_line(void *self, const struct ori_job_event *event,
                                    struct ori_error *err)
{
    (void)err;
    struct line_count *lines = self;
    lines->count += strstr(event->text, lines->words) != NULL;
    return ORI_OK;
}
/* Lines of the job's log that have the words. */
static inline int log_lines(const struct ori_job *job, const char *words)
{
    struct ori_error err = {0};
    struct line_count lines = {.words = words};
    assert_int_equal(
        ori_job_store_logs(world.store, job->seq, false, LOG_LINES_MAX, count_line, &lines, &err),
        ORI_OK);
    return lines.count;
}

/* Until the store changes, or a moment has passed: what is waited for may not be in the store. */
static inline void wait_for_change(int64_t deadline_us)
{
    uint64_t count = 0;
    struct pollfd changed = {.fd = ori_job_store_fd(world.store), .events = POLLIN};
    if (ori_clock_us() >= deadline_us)
        fail_msg("waited too long");
    if (poll(&changed, 1, 20) > 0)
        (void)!read(changed.fd, &count, sizeof count);
}

static inline struct ori_job wait_for_end(const struct ori_job *job)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    for (;;) {
        struct ori_job now = job_now(job);
        if (now.state != ORI_JOB_PENDING && now.state != ORI_JOB_RUNNING)
            return now;
        wait_for_change(deadline_us);
    }
}
