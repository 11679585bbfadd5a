/* tests/component/stores_jobs_log_test.c: SQLite's write-ahead log begins anew only at a moment at
 * which nobody reads. Readers that take over from each other without a gap must not make it grow. */
#include "stores_jobs_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

enum { READERS = 2, LOG_BYTES_MAX = 512 * 1024, PAGE_BYTES = 4096, LINES = 800 };

/* Each reader stays in its visit until the other one is in the next of its own: one of them has a
 * snapshot at every moment, as with many clients that ask all the time. */
struct relay {
    sem_t has_begun[READERS]; /* posted by the reader of that number */
    int64_t job;
    atomic_bool is_over;
    atomic_int visits;
};
struct reader {
    struct relay *relay;
    int number;
    pthread_t thread;
};

/* A reader that is kept out cannot be waited for for ever. */
static void wait_a_moment(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (sem_timedwait(sem, &until) != 0 && errno == EINTR) {
    }
}

static ori_status hold(void *self, const struct ori_job_item *item, struct ori_error *err)
{
    const struct reader *reader = self;
    (void)item;
    (void)err;
    atomic_fetch_add(&reader->relay->visits, 1);
    int told = 0;
    sem_getvalue(&reader->relay->has_begun[reader->number], &told);
    if (told == 0)
        sem_post(&reader->relay->has_begun[reader->number]);
    wait_a_moment(&reader->relay->has_begun[1 - reader->number]);
    return ORI_OK;
}

static void *read_on(void *self)
{
    struct reader *reader = self;
    struct ori_error err = {0};
    while (!atomic_load(&reader->relay->is_over)) {
        if (ori_job_store_items(store, reader->relay->job, 0, 0, hold, reader, &err) != ORI_OK)
            return reader;
    }
    return NULL;
}

static int64_t log_bytes(void)
{
    char name[128];
    struct stat about;
    snprintf(name, sizeof name, "%s-wal", file);
    assert_int_equal(stat(name, &about), 0);
    return about.st_size;
}

static void test_the_log_does_not_grow_under_readers(void **state)
{
    (void)state;
    struct relay relay = {.visits = 0};
    struct reader readers[READERS];
    int64_t most = 0;
    limits.log_pages_max = LOG_BYTES_MAX / PAGE_BYTES;
    open_store();
    relay.job = add("a").seq;
    for (int i = 0; i < READERS; i++) {
        sem_init(&relay.has_begun[i], 0, 0);
        readers[i] = (struct reader){.relay = &relay, .number = i};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < LINES; i++) {
        MUST(ori_job_store_log(store, relay.job, "info", "a line", now_us, &err));
        most = log_bytes() > most ? log_bytes() : most;
    }
    atomic_store(&relay.is_over, true);
    for (int i = 0; i < READERS; i++) {
        void *failed = NULL;
        pthread_join(readers[i].thread, &failed);
        assert_null(failed);
        sem_destroy(&relay.has_begun[i]);
    }
    print_message("%d visits; the log had %lld bytes at most\n", atomic_load(&relay.visits),
                  (long long)most);
    assert_true(atomic_load(&relay.visits) > 2);
    assert_in_range(most, 1, 2 * LOG_BYTES_MAX);
}

/* And one that never ends its visit holds nobody up for long. */
static ori_status write_meanwhile(void *self, const struct ori_job_item *item,
                                  struct ori_error *err)
{
    pthread_t *writer = self;
    (void)item;
    (void)err;
    pthread_join(*writer, NULL);
    return ORI_OK;
}

static void *write_lines(void *self)
{
    for (int i = 0; i < 200; i++) {
        struct ori_error err = {0};
        if (ori_job_store_log(store, *(int64_t *)self, "info", "a line", now_us, &err) != ORI_OK)
            return self;
    }
    return NULL;
}

static void test_a_visit_without_end(void **state)
{
    (void)state;
    pthread_t writer;
    limits.log_pages_max = 100;
    limits.fold_wait_ms = 5;
    open_store();
    int64_t job = add("a").seq;
    assert_int_equal(pthread_create(&writer, NULL, write_lines, &job), 0);
    MUST(ori_job_store_items(store, job, 0, 0, write_meanwhile, &writer, &err));
    const int64_t bytes = log_bytes();
    assert_true(bytes > limits.log_pages_max * PAGE_BYTES); /* it was in the way */
    for (int i = 0; i < 200; i++)
        MUST(ori_job_store_log(store, job, "info", "a line", now_us, &err));
    assert_in_range(log_bytes(), 0, bytes + PAGE_BYTES);
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
        TEST(test_the_log_does_not_grow_under_readers),
        TEST(test_a_visit_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
