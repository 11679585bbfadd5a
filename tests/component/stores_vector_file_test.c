/* tests/component/stores_vector_file_test.c: what the embedded vector store promises about its file:
 * limits, other programs' files, damage, another process that writes. */
#include "stores_vector_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/clock.h"
#include "util/limits.h"

static void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(handle);
}

static void fill_and_close(int n)
{
    struct ori_vector_store *store = open_store();
    for (int i = 0; i < n; i++)
        put(store, 1, i);
    ori_vector_close(&store);
}

static void test_row_limit(void **state)
{
    (void)state;
    limits.rows_max = 3;
    struct ori_vector_store *store = open_store();
    struct ori_error err = {0};
    struct maker maker;
    for (int i = 0; i < 3; i++)
        put(store, 1, i);
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 3), 1, &err), ORI_LIMIT);
    assert_non_null(strstr(err.text, "VECTOR_ROWS"));
    put(store, 1, 2); /* one that is there is no more */
    assert_int_equal(count_of(store, NULL), 3);
    ori_vector_close(&store);
    limits.rows_max = 2; /* a file that grew under another limit */
    store = open_store();
    float query[DIM] = {1.0F};
    struct ori_hits hits = {0};
    assert_int_equal(ori_vector_search(store, query, 1, NULL, NULL, &hits, NULL), ORI_LIMIT);
    ori_vector_close(&store);
}

static void test_dimension_limit(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    assert_int_equal(open_as("m", 0, false, &store, NULL), ORI_LIMIT);
    assert_int_equal(open_as("m", ORI_LIMIT_MAX_VECTOR_DIM + 1, false, &store, NULL), ORI_LIMIT);
    assert_int_equal(open_as("m", ORI_LIMIT_MAX_VECTOR_DIM, false, &store, NULL), ORI_OK);
    ori_vector_close(&store);
}

static void test_read_only(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    struct maker maker;
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_NOT_FOUND);
    assert_int_equal(access(file, F_OK), -1); /* and it made nothing */
    fill_and_close(3);
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_OK);
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 9), 1, NULL), ORI_NOT_WRITABLE);
    assert_int_equal(ori_vector_replace_video(store, "p", "v1", NULL, 0, NULL), ORI_NOT_WRITABLE);
    expect_created_at(store, "2026-01-01T00:00:00.000Z");
    assert_int_equal(count_of(store, NULL), 3);
    ori_vector_close(&store);
}

static void test_an_empty_file_is_a_new_store(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    const int fd = open(file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_NOT_FOUND);
    fill_and_close(1);
    assert_int_equal(open_as("test/model", DIM, true, &store, NULL), ORI_OK);
    ori_vector_close(&store);
}

static void *set_token(void *self)
{
    (void)!ori_cancel_wait(NULL, 20);
    ori_cancel_set(self);
    return NULL;
}

struct upsert { /* one, on a thread of its own */
    struct ori_vector_store *store;
    ori_status status;
};

static void *upsert_one(void *self)
{
    struct upsert *upsert = self;
    struct maker maker;
    upsert->status = ori_vector_upsert(upsert->store, make_point(&maker, 1, 2), 1, NULL);
    return NULL;
}

/* Two threads of this process wait for another one's write; the token ends both waits. */
static void test_cancel_ends_the_wait(void **state)
{
    (void)state;
    limits.busy_ms = 3600000;
    struct ori_cancel cancel;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    const struct ori_vector_options options = {
        .path = file, .model = "test/model", .dim = DIM, .threads = 1, .cancel = &cancel};
    struct ori_vector_store *store = NULL;
    struct maker maker;
    sqlite3 *other = NULL;
    pthread_t threads[2];
    assert_int_equal(ori_vector_open_embedded_limited(&options, &limits, &store, NULL), ORI_OK);
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&threads[0], NULL, set_token, &cancel), 0);
    struct upsert here = {.store = store};
    struct upsert there = here;
    assert_int_equal(pthread_create(&threads[1], NULL, upsert_one, &there), 0);
    upsert_one(&here);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(here.status, ORI_CANCELLED);
    assert_int_equal(there.status, ORI_CANCELLED);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    /* What need not wait goes on: what was begun is still taken back. */
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 1), 1, NULL), ORI_OK);
    ori_vector_close(&store);
    ori_cancel_deinit(&cancel);
}

static void test_busy_is_told_in_time(void **state)
{
    (void)state;
    limits.busy_ms = 100;
    struct ori_vector_store *store = open_store();
    struct ori_error err = {0};
    struct maker maker;
    sqlite3 *other = NULL;
    float query[DIM] = {1.0F};
    put(store, 1, 0);
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const int64_t start_us = ori_clock_us();
    assert_int_equal(ori_vector_upsert(store, make_point(&maker, 1, 1), 1, &err), ORI_STORE);
    assert_in_range(ori_clock_us() - start_us, 50000, 5000000);
    assert_non_null(strstr(err.text, "busy"));
    struct ori_hits hits = search(store, query, 5, NULL); /* readers do not wait */
    assert_int_equal(hits.count, 1);
    ori_hits_deinit(&hits);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_int_equal(ori_vector_upsert(store, &maker.point, 1, NULL), ORI_OK);
    ori_vector_close(&store);
}

static void expect_open_fails(ori_status expected, const char *words)
{
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        struct ori_vector_store *store = NULL;
        struct ori_error err = {0};
        assert_int_equal(open_as("test/model", DIM, is_read_only, &store, &err), expected);
        assert_null(store);
        assert_non_null(strstr(err.text, words));
    }
}

static void write_file(const char *text, size_t bytes)
{
    const int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, bytes), bytes);
    close(fd);
}

static void test_foreign_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    expect_open_fails(ORI_STORE, "no vector store");
    struct stat about;
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_size, sizeof text);
    unlink(file);
    run_sql("CREATE TABLE mine(a)");
    expect_open_fails(ORI_STORE, "another program");
    run_sql(
        "DROP TABLE mine; PRAGMA journal_mode"); /* still a rollback journal: not turned to WAL */
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    sqlite3_prepare_v2(handle, "PRAGMA journal_mode", -1, &statement, NULL);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "delete");
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

static void test_a_newer_version_is_told(void **state)
{
    (void)state;
    fill_and_close(1);
    run_sql("PRAGMA user_version = 3");
    expect_open_fails(ORI_STORE_VERSION, "version 3");
    run_sql("PRAGMA user_version = 0"); /* with tables, this is none of ours */
    expect_open_fails(ORI_STORE, "damaged");
    run_sql("PRAGMA user_version = -1");
    expect_open_fails(ORI_STORE, "damaged");
}

/* What the version before this one left: the same file without the digest. */
static void make_version_1(int n)
{
    fill_and_close(n);
    run_sql("ALTER TABLE store DROP COLUMN digest; PRAGMA user_version = 1");
}

/* A number of the file; -1 where SQLite cannot say. */
static int number_of(const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    int number = -1;
    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
}

static void test_version_1_is_read_as_it_is(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    make_version_1(3);
    assert_int_equal(open_of("test/model", "0123456789abcdef", DIM, true, &store, NULL), ORI_OK);
    expect_created_at(store, "2026-01-01T00:00:00.000Z");
    assert_int_equal(count_of(store, NULL), 3);
    ori_vector_close(&store);
    assert_int_equal(number_of("PRAGMA user_version"), 1);
    assert_int_equal(open_as("other/model", DIM, true, &store, NULL), ORI_STORE_MISMATCH);
}

static void test_version_1_is_upgraded_by_who_writes(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    make_version_1(3);
    assert_int_equal(open_as("other/model", DIM, false, &store, NULL), ORI_STORE_MISMATCH);
    assert_int_equal(open_of("test/model", "0123456789abcdef", DIM, false, &store, NULL), ORI_OK);
    put(store, 1, 3);
    assert_int_equal(count_of(store, NULL), 4);
    ori_vector_close(&store);
    assert_int_equal(number_of("PRAGMA user_version"), 2);
    assert_int_equal(number_of("SELECT count(*) FROM store WHERE digest = '0123456789abcdef'"), 1);
    assert_int_equal(open_of("test/model", "fedcba9876543210", DIM, false, &store, NULL),
                     ORI_STORE_MISMATCH);
    assert_int_equal(open_of("test/model", "0123456789abcdef", DIM, true, &store, NULL), ORI_OK);
    ori_vector_close(&store);
}

/* Who reads a file of version 1 goes on reading while another process upgrades it. */
static void test_an_upgrade_under_a_reader(void **state)
{
    (void)state;
    struct ori_vector_store *reader = NULL;
    make_version_1(2);
    assert_int_equal(open_as("test/model", DIM, true, &reader, NULL), ORI_OK);
    struct ori_vector_store *writer = open_store();
    put(writer, 1, 2);
    float query[DIM] = {1.0F};
    struct ori_hits hits = search(reader, query, 5, NULL);
    assert_int_equal(hits.count, 3);
    ori_hits_deinit(&hits);
    ori_vector_close(&writer);
    ori_vector_close(&reader);
}

static void *open_and_close(void *self)
{
    struct ori_vector_store *store = NULL;
    ori_status *status = self;
    *status = open_as("test/model", DIM, false, &store, NULL);
    ori_vector_close(&store);
    return NULL;
}

static void test_many_upgrade_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        pthread_t threads[6];
        ori_status statuses[6];
        make_version_1(2);
        for (int i = 0; i < 6; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &statuses[i]), 0);
        for (int i = 0; i < 6; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(statuses[i], ORI_OK);
        }
        assert_int_equal(number_of("PRAGMA user_version"), 2);
        unlink(file);
    }
}

static void test_tables_of_version_1_that_are_not_ours(void **state)
{
    static const char *const rows[] = {
        "CREATE VIEW mine AS SELECT 1", "DROP INDEX points_change",
        "ALTER TABLE store ADD COLUMN digest TEXT NOT NULL DEFAULT ''", /* of version 2 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_version_1(1);
        run_sql(rows[i]);
        expect_open_fails(ORI_STORE, "damaged");
        assert_int_equal(number_of("PRAGMA user_version"), 1);
        unlink(file);
    }
}

static void test_tables_that_are_not_ours(void **state)
{
    static const char *const rows[] = {
        "CREATE TRIGGER mine AFTER INSERT ON points BEGIN DELETE FROM points; END",
        "CREATE VIEW mine AS SELECT 1",
        "DROP INDEX points_change",
        "DROP TABLE points",
        "ALTER TABLE points ADD COLUMN mine",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fill_and_close(1);
        run_sql(rows[i]);
        expect_open_fails(ORI_STORE, "damaged");
        unlink(file);
    }
}

static void test_rows_that_are_not_ours(void **state)
{
    static const struct {
        const char *sql;
        ori_status expected;
    } rows[] = {
        {"UPDATE points SET vector = x'00', change = change + 1; "
         "UPDATE store SET change = change + 1",
         ORI_STORE},
        {"UPDATE points SET vector = zeroblob(96)", ORI_STORE},
        {"UPDATE points SET vector = 'text of the right length'", ORI_STORE},
        {"UPDATE store SET points = 7", ORI_STORE},
        {"UPDATE store SET points = -1", ORI_STORE},
        {"UPDATE points SET path = hex(zeroblob(1000))", ORI_STORE},
        {"UPDATE points SET platform = hex(zeroblob(1000))", ORI_STORE},
        {"UPDATE points SET frame_second = 'text'", ORI_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fill_and_close(3);
        run_sql(rows[i].sql);
        struct ori_vector_store *store = open_store();
        float query[DIM] = {1.0F};
        struct ori_hits hits = {0};
        struct ori_error err = {0};
        assert_int_equal(ori_vector_search(store, query, 3, NULL, NULL, &hits, &err),
                         rows[i].expected);
        assert_int_equal(err.status, rows[i].expected);
        ori_hits_deinit(&hits);
        ori_vector_close(&store);
        unlink(file);
    }
}

/* Bytes are flipped and cut anywhere: any status will do, a crash will not. */
static void test_damage_never_crashes(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    fill_and_close(40);
    const int fd = open(file, O_RDONLY);
    struct stat about;
    assert_int_equal(fstat(fd, &about), 0);
    const size_t bytes = (size_t)about.st_size;
    char *whole = malloc(bytes);
    char *damaged = malloc(bytes);
    assert_int_equal(read(fd, whole, bytes), bytes);
    close(fd);
    int failures = 0;
    for (int round = 0; round < 150; round++) {
        memcpy(damaged, whole, bytes);
        for (int i = 0; i < 20; i++)
            damaged[next_random(&seed) % bytes] ^= (char)(1U << (next_random(&seed) % 8));
        remove_folder(state); /* side files too */
        assert_int_equal(mkdir(folder, 0700), 0);
        write_file(damaged, round % 4 ? bytes : next_random(&seed) % bytes);
        struct ori_vector_store *store = NULL;
        struct ori_hits hits = {0};
        float query[DIM] = {1.0F};
        ori_status status = open_as("test/model", DIM, round % 2, &store, NULL);
        if (status == ORI_OK) {
            struct maker maker;
            status = ori_vector_search(store, query, 10, NULL, NULL, &hits, NULL);
            (void)!ori_vector_upsert(store, make_point(&maker, 1, 5), 1, NULL);
            (void)!ori_vector_replace_video(store, "p", "v1", NULL, 0, NULL);
        }
        failures += status != ORI_OK;
        ori_hits_deinit(&hits);
        ori_vector_close(&store);
    }
    assert_true(failures > 0);
    free(whole);
    free(damaged);
}

static void test_places_that_cannot_be(void **state)
{
    (void)state;
    struct ori_vector_store *store = NULL;
    struct ori_vector_options options = {.path = folder, .model = "m", .dim = DIM, .threads = 1};
    assert_int_not_equal(ori_vector_open_embedded(&options, &store, NULL), ORI_OK);
    write_file("", 0);
    char below[128];
    snprintf(below, sizeof below, "%s/x/y.db", file); /* a file where a folder should be */
    options.path = below;
    assert_int_equal(ori_vector_open_embedded(&options, &store, NULL), ORI_NOT_WRITABLE);
    options.path = "";
    assert_int_equal(ori_vector_open_embedded(&options, &store, NULL), ORI_BAD_SETTING);
    assert_null(store);
}

/* In a child with a mount namespace of its own: a tmpfs of 1 MB over the folder. */
static int fill_a_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, "size=1m") != 0)
        return 77;
    struct ori_vector_store *store = NULL;
    struct ori_hits hits = {0};
    struct maker maker;
    float query[DIM] = {1.0F};
    int64_t count = 0;
    int done = 0;
    ori_status status = open_as("test/model", DIM, false, &store, NULL);
    while (status == ORI_OK && done < 10000) {
        status = ori_vector_upsert(store, make_point(&maker, 1, done), 1, NULL);
        done += status == ORI_OK;
    }
    if (status != ORI_DISK_FULL || done < 10)
        return 1;
    if (ori_vector_count(store, NULL, &count, NULL) != ORI_OK || count != done)
        return 2;
    if (ori_vector_search(store, query, 5, NULL, NULL, &hits, NULL) != ORI_OK || hits.count != 5)
        return 3;
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
    if (open_as("test/model", DIM, false, &store, NULL) != ORI_OK)
        return 4; /* a full disk does not lock its owner out */
    ori_vector_close(&store);
    if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return 77;
    if (open_as("test/model", DIM, true, &store, NULL) != ORI_OK)
        return 5;
    if (ori_vector_search(store, query, 5, NULL, NULL, &hits, NULL) != ORI_OK || hits.count != 5)
        return 6;
    ori_hits_deinit(&hits);
    ori_vector_close(&store);
    if (open_as("test/model", DIM, false, &store, NULL) != ORI_NOT_WRITABLE)
        return 7;
    return 0;
}

static void test_a_full_and_a_read_only_disk(void **state)
{
    (void)state;
    int how = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fill_a_disk());
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == 77) {
        print_message("skipped: may not mount a file system\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(how), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_row_limit),
        IN_FOLDER(test_dimension_limit),
        IN_FOLDER(test_read_only),
        IN_FOLDER(test_an_empty_file_is_a_new_store),
        IN_FOLDER(test_busy_is_told_in_time),
        IN_FOLDER(test_cancel_ends_the_wait),
        IN_FOLDER(test_foreign_files_are_refused_and_left_alone),
        IN_FOLDER(test_a_newer_version_is_told),
        IN_FOLDER(test_version_1_is_read_as_it_is),
        IN_FOLDER(test_version_1_is_upgraded_by_who_writes),
        IN_FOLDER(test_an_upgrade_under_a_reader),
        IN_FOLDER(test_many_upgrade_at_once),
        IN_FOLDER(test_tables_of_version_1_that_are_not_ours),
        IN_FOLDER(test_tables_that_are_not_ours),
        IN_FOLDER(test_rows_that_are_not_ours),
        IN_FOLDER(test_damage_never_crashes),
        IN_FOLDER(test_places_that_cannot_be),
        IN_FOLDER(test_a_full_and_a_read_only_disk),
    };
    return cmocka_run_group_tests_name("stores/vector file", tests, NULL, NULL);
}
