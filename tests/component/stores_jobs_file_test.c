/* tests/component/stores_jobs_file_test.c: what the job store on SQLite promises about its file:
 * other programs' files, damage, a second server, a full disk, kill -9; and that a claim looks at
 * few rows, whatever the number of them. */
#include "stores_jobs_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "stores/jobs_sqlite_priv.h"

static void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(handle);
}

static int64_t ask_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
}

static void expect_refusal(ori_status expected, const char *words)
{
    struct ori_job_store *other = NULL;
    struct ori_error err = {0};
    assert_int_equal(try_open(&other, &err), expected);
    assert_null(other);
    if (!strstr(err.text, words))
        fail_msg("%s", err.text);
}

static void write_file(const void *data, size_t bytes)
{
    const int fd = open(file, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), bytes);
    close(fd);
}

/* ---- whose file it is ---- */

static void test_files_that_are_no_job_store(void **state)
{
    (void)state;
    write_file("this is no database at all, however long it goes on and on and on", 65);
    expect_refusal(ORI_STORE, "no job store");
    unlink(file);
    run_sql("CREATE TABLE notes(text)");
    expect_refusal(ORI_STORE, "another program");
    assert_int_equal(ask_sql("SELECT count(*) FROM notes"), 0); /* and it was left alone */
    unlink(file);
    mkdir(file, 0700);
    expect_refusal(ORI_STORE, "");
    rmdir(file);
    write_file("", 0); /* nothing has been written to it yet: a new store */
    open_store();
    add("a");
}

static void test_changed_files(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        ori_status status;
        const char *words;
    } cases[] = {
        {"PRAGMA user_version = 2", ORI_STORE_VERSION, "version 2"},
        {"PRAGMA user_version = 0", ORI_STORE, "damaged"},
        {"PRAGMA application_id = 5", ORI_STORE, "another program"},
        {"CREATE TABLE extra(a)", ORI_STORE, "damaged"},
        {"CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM items; END", ORI_STORE,
         "damaged"},
        {"DROP INDEX items_ready", ORI_STORE, "missing"},
        {"DROP INDEX items_ready; CREATE INDEX items_ready ON items(job)", ORI_STORE, "damaged"},
        {"DELETE FROM store", ORI_STORE, "damaged"},
        {"INSERT INTO jobs SELECT seq + 1, 'x', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 1, 0, "
         "0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0 FROM jobs",
         ORI_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_store();
        add("a");
        ori_job_store_close(&store);
        run_sql(cases[i].sql);
        if (cases[i].status != ORI_OK) {
            expect_refusal(cases[i].status, cases[i].words);
        } else {
            struct ori_job job;
            open_store();
            assert_int_equal(ori_job_store_get(store, "x", &job, NULL), ORI_STORE);
            ori_job_store_close(&store);
        }
        unlink(file);
    }
}

static void test_overwritten_pages(void **state)
{
    (void)state;
    open_store();
    const struct ori_job job = add("abc");
    ori_job_store_close(&store);
    const int fd = open(file, O_WRONLY);
    static const char noise[4096] = {1, 2, 3, 4};
    struct stat about;
    assert_int_equal(fstat(fd, &about), 0);
    for (off_t at = 4096; at < about.st_size; at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    close(fd);
    struct ori_job_store *other = NULL;
    struct ori_error err = {0};
    struct ori_job now;
    ori_status status = try_open(&other, &err);
    if (status == ORI_OK)
        status = ori_job_store_get(other, job.job_id, &now, &err);
    assert_int_equal(status, ORI_STORE);
    ori_job_store_close(&other);
}

static void test_a_second_server_is_refused(void **state)
{
    (void)state;
    char words[32];
    open_store();
    snprintf(words, sizeof words, "process %ld:", (long)getpid());
    expect_refusal(ORI_STORE, words);
    add("a"); /* and the first one goes on */
    ori_job_store_close(&store);
    open_store(); /* a lock file that was left is no lock */
    assert_int_equal(totals_of().jobs[ORI_JOB_PENDING], 1);
}

static void test_a_folder_that_is_not_there(void **state)
{
    (void)state;
    struct ori_job_store *other = NULL;
    char deep[128];
    snprintf(deep, sizeof deep, "%s/a/b/jobs.db", folder);
    const struct ori_job_store_options options = {.path = deep, .readers = 1};
    MUST(ori_job_store_open(&options, &other, &err));
    ori_job_store_close(&other);
    static const char *const names[] = {"a/b/jobs.db", "a/b/jobs.db.lock"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(deep, sizeof deep, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(deep), 0);
    }
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    assert_int_equal(rmdir(deep), 0);
    snprintf(deep, sizeof deep, "%s/a", folder);
    assert_int_equal(rmdir(deep), 0);
}

static void test_cancel_ends_the_wait_for_a_lock(void **state)
{
    (void)state;
    struct ori_cancel cancel;
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    sqlite3 *other = NULL;
    MUST(ori_cancel_init(&cancel, NULL, &err));
    const struct ori_job_store_options options = {.path = file, .readers = 1, .cancel = &cancel};
    limits.busy_ms = 3600000;
    MUST(ori_job_store_open_sqlite(&options, &limits, &store, &err));
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_job_store_add(store, plan_job(&plan, "a"), 1, &job, &is_old, NULL),
                     ORI_CANCELLED);
    sqlite3_close(other);
    ori_job_store_close(&store);
    ori_cancel_deinit(&cancel);
}

/* ---- a full disk ---- */

static void test_a_full_disk_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    int64_t added = 0;
    ori_status status = ORI_OK;
    limits.pages_max = 60;
    open_store();
    struct ori_job_new *new_job =
        plan_job(&plan, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    while ((status = ori_job_store_add(store, new_job, 1, &job, &is_old, NULL)) == ORI_OK)
        added++;
    assert_int_equal(status, ORI_DISK_FULL);
    assert_in_range(added, 1, 60);
    const struct ori_job_totals totals = totals_of();
    assert_int_equal(totals.jobs[ORI_JOB_PENDING], added);
    assert_int_equal(totals.items[ORI_ITEM_WAITING], added * (int64_t)new_job->items_count);
    MUST(ori_job_store_check(store, &err)); /* reading goes on */
    limits.pages_max = 0;
    reopen_store(); /* room again */
    assert_int_equal(totals_of().jobs[ORI_JOB_PENDING], added);
    add("a");
    ori_job_store_close(&store);
    assert_int_equal(ask_sql("SELECT count(*) FROM pragma_integrity_check "
                             "WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(ask_sql("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

/* A claim is written down before the disk is full; it can be finished when there is room again. */
static void test_a_finish_after_a_full_disk(void **state)
{
    (void)state;
    struct plan plan;
    struct ori_job other;
    bool is_old = false;
    limits.pages_max = 60;
    open_store();
    const struct ori_job job = add("ab");
    const struct ori_job_claim claim = claim_of(&job, 'a');
    plan_job(&plan, "x");
    while (ori_job_store_add(store, &plan.job, 1, &other, &is_old, NULL) == ORI_OK)
        continue;
    struct ori_job_outcome outcome = outcome_of(ORI_JOB_OUTCOME_SUCCESS);
    char message[4000];
    memset(message, 'm', sizeof message);
    message[sizeof message - 1] = '\0';
    outcome.message = message;
    assert_int_equal(ori_job_store_finish(store, &claim, &outcome, now_us, NULL), ORI_DISK_FULL);
    expect_items(&job, "pw");
    assert_int_equal(sqlite3_exec(ori_job_sqlite_of(store)->writer.handle,
                                  "PRAGMA max_page_count = 10000", NULL, NULL, NULL),
                     SQLITE_OK); /* room again */
    MUST(ori_job_store_finish(store, &claim, &outcome, now_us, &err));
    expect_items(&job, "sw");
}

/* ---- kill -9 ---- */

struct word { /* what the child acknowledges: one of these through a pipe after each ORI_OK */
    char job_id[ORI_JOB_ID_BYTES];
    char what; /* 'a' added, 'f' finished */
    int64_t item;
};

static void say(int fd, const char *job_id, char what, int64_t item)
{
    struct word word = {.what = what, .item = item};
    memcpy(word.job_id, job_id, sizeof word.job_id);
    if (write(fd, &word, sizeof word) != sizeof word)
        _exit(3);
}

static _Noreturn void work_until_killed(int fd)
{
    const struct ori_job_outcome outcome = outcome_of(ORI_JOB_OUTCOME_SUCCESS);
    struct ori_job_claim claim;
    struct plan plan;
    struct ori_job job;
    bool is_old = false;
    int64_t next_us = 0;
    if (try_open(&store, NULL) != ORI_OK)
        _exit(2);
    for (;;) {
        if (ori_job_store_add(store, plan_job(&plan, "abc"), 1, &job, &is_old, NULL) != ORI_OK)
            _exit(4);
        say(fd, job.job_id, 'a', 0);
        rules.now_us = 1;
        while (ori_job_store_claim(store, &rules, &claim, &next_us, NULL) == ORI_OK) {
            if (ori_job_store_finish(store, &claim, &outcome, 1, NULL) != ORI_OK)
                _exit(5);
            say(fd, claim.job_id, 'f', claim.item);
        }
    }
}

static void check_word(const struct word *word)
{
    struct ori_job job;
    struct seen_items seen;
    MUST(ori_job_store_get(store, word->job_id, &job, &err));
    see_items(&job, &seen);
    if (word->what == 'a')
        assert_int_equal(seen.count, 3);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_not_equal(seen.items[i].state, ORI_ITEM_PROCESSING);
        if (word->what == 'f' && seen.items[i].id == word->item)
            assert_int_equal(seen.items[i].state, ORI_ITEM_SUCCESS);
    }
}

/* Reads words and kills after some of them; then what comes is what was acknowledged before. */
static size_t kill_after(pid_t child, int fd, size_t words, struct word *ret_words,
                         size_t words_max)
{
    size_t count = 0;
    while (count < words_max &&
           read(fd, &ret_words[count], sizeof *ret_words) == sizeof *ret_words) {
        if (++count == words)
            assert_int_equal(kill(child, SIGKILL), 0);
    }
    return count;
}

static void test_kill(void **state)
{
    (void)state;
    enum { ROUNDS = 30, WORDS_MAX = 4096 };
    static struct word words[WORDS_MAX];
    int64_t fence = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        int ends[2];
        int status = 0;
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            work_until_killed(ends[1]);
        }
        close(ends[1]);
        const size_t count = kill_after(child, ends[0], 1 + round, words, WORDS_MAX);
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(count > round);
        open_store();
        for (size_t i = 0; i < count; i++)
            check_word(&words[i]);
        const struct ori_job_totals totals = totals_of();
        assert_int_equal(totals.items[ORI_ITEM_PROCESSING], 0);
        const struct ori_job job = add("z");
        struct ori_job_claim claim;
        int64_t next_us = 0;
        assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
        assert_true(claim.fence > fence); /* over all restarts */
        fence = claim.fence;
        (void)job;
        ori_job_store_close(&store);
    }
    assert_int_equal(ask_sql("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(ask_sql("SELECT (SELECT sum(state = 2) FROM items) = success AND "
                             "(SELECT sum(state = 0) FROM items) = waiting AND "
                             "(SELECT count(*) FROM jobs WHERE state = 2) = jobs_completed "
                             "FROM store"),
                     1);
}

/* ---- few rows ---- */

static const char *const sql_of[] = {
#define ORI_JOB_SQL_ROW(name, sql) [ORI_JQ_##name] = sql,
#include "stores/jobs_sqlite_tbl.h"
};

/* Every statement goes through an index, or by the key of its table: none walks a whole table. */
static void test_plans(void **state)
{
    (void)state;
    static const char *const walks[] = {"SCAN jobs", "SCAN items", "SCAN events", "SCAN outbox"};
    static const int may_walk[] = {ORI_JQ_LIST_OLDEST, ORI_JQ_LIST_NEWEST}; /* LIMIT ends it */
    sqlite3 *handle = NULL;
    open_store();
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    for (int which = 0; which < ORI_JQ_COUNT; which++) {
        char sql[2048];
        sqlite3_stmt *statement = NULL;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", sql_of[which]);
        assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            const char *line = (const char *)sqlite3_column_text(statement, 3);
            for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
                const char *at = strstr(line, walks[i]);
                if (at && !strstr(line, "USING INDEX") && !strstr(line, "USING COVERING INDEX") &&
                    which != may_walk[0] && which != may_walk[1])
                    fail_msg("%s: %s", sql_of[which], line);
            }
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(handle);
}

static int64_t steps_of_machine; /* thousands of SQLite's virtual machine */

static int count_steps(void *self)
{
    (void)self;
    steps_of_machine++;
    return 0;
}

/* The steps of SQLite's machine that one claim and its finish take. */
static int64_t steps_of_claim(void)
{
    struct ori_job_claim claim;
    int64_t next_us = 0;
    sqlite3 *handle = ori_job_sqlite_of(store)->writer.handle;
    steps_of_machine = 0;
    sqlite3_progress_handler(handle, 1, count_steps, NULL);
    assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
    finish(&claim, ORI_JOB_OUTCOME_SUCCESS);
    sqlite3_progress_handler(handle, 0, NULL, NULL);
    return steps_of_machine;
}

static struct ori_job add_many(size_t count, bool are_twins)
{
    struct ori_job_new_item *items = calloc(count, sizeof *items);
    char(*codes)[24] = calloc(count, sizeof *codes);
    assert_true(items && codes);
    for (size_t i = 0; i < count; i++) {
        snprintf(codes[i], sizeof codes[i], "v%zu", are_twins ? 0 : i);
        items[i] = (struct ori_job_new_item){"p", codes[i], NULL};
    }
    const struct ori_job_new new_job = {
        .options.sleep_between_batches = -1, .items = items, .items_count = count};
    const struct ori_job job = add_new(&new_job);
    free(items);
    free(codes);
    return job;
}

static void test_a_claim_is_flat(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        bool are_twins;
    } cases[] = {{100, false}, {50000, false}, {1000, true}};
    int64_t least = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_store();
        add_many(cases[i].count, cases[i].are_twins);
        (void)steps_of_claim(); /* the first of a job tells more */
        const int64_t steps = steps_of_claim();
        print_message("%zu items%s: %lld steps\n", cases[i].count,
                      cases[i].are_twins ? " of one video" : "", (long long)steps);
        if (i == 0)
            least = steps;
        assert_in_range(steps, 1, least * 5 / 4);
        ori_job_store_close(&store);
        unlink(file);
    }
}

/* Many jobs that cannot be claimed cost nothing either: paused, stopped, ended, out of items. */
static void test_a_claim_is_flat_among_jobs(void **state)
{
    (void)state;
    int64_t steps[2];
    struct ori_job now;
    for (int i = 0; i < 2; i++) {
        open_store();
        for (int k = 0; k < (i == 0 ? 2 : 300); k++) {
            const struct ori_job job = add("a");
            MUST(ori_job_store_stop(store, job.job_id, now_us, &now, &err));
        }
        rules.jobs_max = 1000;
        for (int k = 0; k < (i == 0 ? 2 : 300); k++) {
            const struct ori_job job = add("a");
            struct ori_job_claim claim;
            int64_t next_us = 0;
            assert_int_equal(try_claim(&claim, &next_us), ORI_OK);
            assert_int_equal(claim.job, job.seq);
            retry_at(&claim, now_us + 1000000);
        }
        rules.jobs_max = 2;
        add("bcdefg");
        (void)steps_of_claim();
        steps[i] = steps_of_claim();
        ori_job_store_close(&store);
        unlink(file);
    }
    print_message("2 jobs: %lld steps, 300 jobs: %lld\n", (long long)steps[0], (long long)steps[1]);
    assert_in_range(steps[1], 1, steps[0] * 5 / 4);
}

static int make_sqlite(void **state)
{
    open_fn = ori_job_store_open_sqlite;
    return make_folder(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_sqlite, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files_that_are_no_job_store),
        TEST(test_changed_files),
        TEST(test_overwritten_pages),
        TEST(test_a_second_server_is_refused),
        TEST(test_a_folder_that_is_not_there),
        TEST(test_cancel_ends_the_wait_for_a_lock),
        TEST(test_a_full_disk_leaves_all_as_it_was),
        TEST(test_a_finish_after_a_full_disk),
        TEST(test_kill),
        TEST(test_plans),
        TEST(test_a_claim_is_flat),
        TEST(test_a_claim_is_flat_among_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
