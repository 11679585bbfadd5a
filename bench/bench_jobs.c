/* bench/bench_jobs.c: what the job store costs beside bare SQLite, and whether it stays flat.
 *   add     one job of 1,000 items, against one transaction that inserts the same 1,000 rows with
 *           prepared statements into a table of the same columns without an index of its own:
 *           synchronous=FULL, WAL; in turn, the median of several runs each
 *   work    a claim and its finish with a number of items waiting and a number that ended, against
 *           two commits of one row each, for an fsync is most of it
 *   memory  growth of the resident set by 100,000 waiting items
 * Prints one JSON object a line. bench_jobs [FOLDER, where the files go; default "."] */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stores/jobs.h"
#include "util/clock.h"

enum { RUNS = 15, ITEMS = 1000, CLAIMS = 500, FULL_JOB = 100000 };

static char file[4096];
static struct ori_error err;

static void must(ori_status status)
{
    if (status == ORI_OK)
        return;
    fprintf(stderr, "bench_jobs: %s\n", err.text);
    exit(1);
}

static double seconds_since(int64_t start_us)
{
    return (double)(ori_clock_us() - start_us) * 1e-6;
}

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[4200];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", file, ends[i]);
        unlink(name);
    }
}

static struct ori_job_store *open_store(void)
{
    const struct ori_job_store_options options = {.path = file, .readers = 2};
    struct ori_job_store *store = NULL;
    must(ori_job_store_open(&options, &store, &err));
    return store;
}

struct batch {
    struct ori_job_new job;
    struct ori_job_new_item items[ITEMS];
    char codes[ITEMS][24];
};

static struct batch *fill_batch(struct batch *batch, int number)
{
    *batch = (struct batch){
        .job = {.options.sleep_between_batches = -1, .items = batch->items, .items_count = ITEMS}};
    for (int i = 0; i < ITEMS; i++) {
        snprintf(batch->codes[i], sizeof batch->codes[i], "v%09d", number * ITEMS + i);
        batch->items[i] = (struct ori_job_new_item){"tiktok", batch->codes[i], NULL};
    }
    return batch;
}

static double add_batch(struct ori_job_store *store, struct batch *batch)
{
    struct ori_job job;
    bool is_old = false;
    const int64_t start_us = ori_clock_us();
    must(ori_job_store_add(store, &batch->job, ori_clock_wall_us(), &job, &is_old, &err));
    return seconds_since(start_us);
}

/* ---- add ---- */

static void run_sql(sqlite3 *handle, const char *sql)
{
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return;
    fprintf(stderr, "bench_jobs: %s: %s\n", sql, sqlite3_errmsg(handle));
    exit(1);
}

static sqlite3 *open_bare(const char *name)
{
    sqlite3 *handle = NULL;
    if (sqlite3_open(name, &handle) != SQLITE_OK)
        exit(1);
    run_sql(handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    run_sql(handle, "CREATE TABLE items(job INTEGER, position INTEGER, platform TEXT, code TEXT, "
                    "url TEXT, priority INTEGER, twin_of INTEGER, state INTEGER, queue INTEGER, "
                    "attempts INTEGER, losses INTEGER, frames INTEGER, permille INTEGER, "
                    "stage TEXT, fence INTEGER, lease_until_us INTEGER, not_before_us INTEGER, "
                    "started_us INTEGER, ended_us INTEGER, error_code TEXT, error_stage TEXT, "
                    "error_message TEXT, error_retryable INTEGER)");
    return handle;
}

static double add_bare(sqlite3 *handle, sqlite3_stmt *insert, const struct batch *batch, int number)
{
    const int64_t start_us = ori_clock_us();
    run_sql(handle, "BEGIN IMMEDIATE");
    for (int i = 0; i < ITEMS; i++) {
        sqlite3_bind_int(insert, 1, number);
        sqlite3_bind_int(insert, 2, i);
        sqlite3_bind_text(insert, 3, batch->items[i].platform, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 4, batch->items[i].code, -1, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            exit(1);
        sqlite3_reset(insert);
    }
    run_sql(handle, "COMMIT");
    return seconds_since(start_us);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void bench_add(const char *folder)
{
    static struct batch batch;
    char bare_name[4200];
    double ours[RUNS];
    double bare[RUNS];
    sqlite3_stmt *insert = NULL;
    snprintf(bare_name, sizeof bare_name, "%s/bench_bare.db", folder);
    sqlite3 *handle = open_bare(bare_name);
    sqlite3_prepare_v2(handle,
                       "INSERT INTO items VALUES(?1, ?2, ?3, ?4, NULL, 0, NULL, 0, 1, 0, 0, 0, 0, "
                       "'', 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL)",
                       -1, &insert, NULL);
    struct ori_job_store *store = open_store();
    for (int run = 0; run < RUNS; run++) { /* in turn, so that a noisy moment hits both */
        fill_batch(&batch, run);
        ours[run] = add_batch(store, &batch);
        bare[run] = add_bare(handle, insert, &batch, run);
    }
    ori_job_store_close(&store);
    sqlite3_finalize(insert);
    sqlite3_close(handle);
    unlink(bare_name);
    remove_files();
    const double us = median(ours, RUNS);
    const double them = median(bare, RUNS);
    printf("{\"bench\":\"add\",\"items\":%d,\"store_ms\":%.2f,\"bare_ms\":%.2f,\"ratio\":%.2f}\n",
           ITEMS, us * 1e3, them * 1e3, us / them);
}

/* ---- work ---- */

static double two_commits(sqlite3 *handle)
{
    const int64_t start_us = ori_clock_us();
    run_sql(handle, "INSERT INTO items(job) VALUES(1)");
    run_sql(handle, "INSERT INTO items(job) VALUES(1)");
    return seconds_since(start_us);
}

static double claim_and_finish(struct ori_job_store *store)
{
    const struct ori_job_outcome outcome = {
        .kind = ORI_JOB_OUTCOME_SUCCESS, .frames = 12, .message = "12 frames of 3 scenes"};
    const struct ori_job_claim_rules rules = {.jobs_max = 2,
                                              .quantum = 16,
                                              .lease_us = 60000000,
                                              .batch_size = 8,
                                              .now_us = ori_clock_wall_us()};
    struct ori_job_claim claim;
    int64_t next_us = 0;
    const int64_t start_us = ori_clock_us();
    must(ori_job_store_claim(store, &rules, &claim, &next_us, &err));
    must(ori_job_store_finish(store, &claim, &outcome, rules.now_us, &err));
    return seconds_since(start_us);
}

static void add_items(struct ori_job_store *store, int first, int count)
{
    static struct batch batch;
    for (int i = 0; i < count; i += ITEMS)
        add_batch(store, fill_batch(&batch, (first + i) / ITEMS));
}

/* Ended items without the fsyncs of ending each: as a stop ends them. */
static void add_ended(struct ori_job_store *store, int first, int count)
{
    static struct batch batch;
    struct ori_job job;
    bool is_old = false;
    for (int i = 0; i < count; i += ITEMS) {
        fill_batch(&batch, (first + i) / ITEMS);
        must(ori_job_store_add(store, &batch.job, 1, &job, &is_old, &err));
        must(ori_job_store_stop(store, job.job_id, 2, &job, &err));
    }
}

static void bench_work(const char *folder, int waiting, int ended)
{
    static double ours[CLAIMS];
    static double bare[CLAIMS];
    char bare_name[4200];
    snprintf(bare_name, sizeof bare_name, "%s/bench_bare.db", folder);
    sqlite3 *handle = open_bare(bare_name);
    struct ori_job_store *store = open_store();
    add_ended(store, 0, ended);
    add_items(store, ended, waiting);
    double total = 0;
    for (int i = 0; i < CLAIMS; i++) { /* in turn, so that a noisy moment hits both */
        ours[i] = claim_and_finish(store);
        bare[i] = two_commits(handle);
        total += ours[i];
    }
    ori_job_store_close(&store);
    remove_files();
    sqlite3_close(handle);
    unlink(bare_name);
    const double us = median(ours, CLAIMS);
    const double them = median(bare, CLAIMS);
    printf("{\"bench\":\"work\",\"waiting\":%d,\"ended\":%d,\"items_per_second\":%.0f,"
           "\"median_us\":%.0f,\"two_commits_median_us\":%.0f,\"ratio\":%.2f}\n",
           waiting, ended, CLAIMS / total, us * 1e6, them * 1e6, us / them);
}

/* ---- memory ---- */

static long resident_kb(void)
{
    char text[4096];
    long kb = -1;
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    const char *line = strstr(text, "VmRSS:");
    if (line)
        kb = strtol(line + 6, NULL, 10);
    return kb;
}

static void bench_memory(void)
{
    struct ori_job_store *store = open_store();
    add_items(store, 0, ITEMS);
    const long before = resident_kb();
    add_items(store, ITEMS, FULL_JOB);
    const long after = resident_kb();
    ori_job_store_close(&store);
    remove_files();
    printf("{\"bench\":\"memory\",\"waiting\":%d,\"rss_before_kb\":%ld,\"rss_growth_kb\":%ld}\n",
           FULL_JOB, before, after - before);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";
    if (argc > 2) {
        fputs("usage: bench_jobs [FOLDER]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(file, sizeof file, "%s/bench_jobs.db", folder);
    bench_memory(); /* first: later runs leave memory behind */
    bench_add(folder);
    bench_work(folder, 1000, 0);
    bench_work(folder, 100000, 0);
    bench_work(folder, 1000, 300000);
    bench_work(folder, 100000, 300000);
    return 0;
}
