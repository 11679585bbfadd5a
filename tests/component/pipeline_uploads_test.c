/* Stills on their way to a store: how many at once, in what order they come back, and what a failure
 * and an end do to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>

#include "net/client.h"
#include "net/s3.h"
#include "pipeline/uploads.h"
#include "scripted_server.h"
#include "util/clock.h"

enum { COUNT = 40 };

static struct ori_s3 *s3;
static struct ori_blob_store *bucket;
static struct ori_uploads *uploads;
static struct ori_upload rows[COUNT];
static char folder[64];
static atomic_int refuse_from; /* requests from this number on are refused */
static atomic_int inside;
static atomic_bool is_shut; /* no answer before it opens */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;

static void open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    atomic_store(&is_shut, false);
    pthread_cond_broadcast(&gate);
    pthread_mutex_unlock(&gate_lock);
}

static bool play(int number, const char *head, FILE *out)
{
    (void)head;
    pthread_mutex_lock(&gate_lock);
    atomic_fetch_add(&inside, 1);
    pthread_cond_broadcast(&gate);
    while (atomic_load(&is_shut))
        pthread_cond_wait(&gate, &gate_lock);
    atomic_fetch_sub(&inside, 1);
    pthread_mutex_unlock(&gate_lock);
    if (number >= atomic_load(&refuse_from))
        return scripted_say(out, 403, "", "<Error><Code>AccessDenied</Code></Error>");
    return scripted_say(out, 200, "", "");
}

static void wait_for_inside(int count)
{
    pthread_mutex_lock(&gate_lock);
    while (atomic_load(&inside) < count)
        pthread_cond_wait(&gate, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static ori_status open_uploads(int connections, struct ori_error *err)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", scripted.port);
    const struct ori_s3_options options = {.endpoint = endpoint,
                                           .region = "us-east-1",
                                           .connections_max = connections,
                                           .multipart_threshold = 8 << 20};
    ori_status status = ori_s3_create(&options, &s3, err);
    const struct ori_blob_s3_options store = {.s3 = s3, .bucket = "b", .lock_folder = folder};
    if (status == ORI_OK)
        status = ori_blob_open_s3(&store, &bucket, err);
    return status == ORI_OK ? ori_uploads_create(bucket, NULL, &uploads, err) : status;
}

static int begin(void **state)
{
    scripted.play = play;
    atomic_store(&refuse_from, INT32_MAX);
    atomic_store(&is_shut, false);
    memset(rows, 0, sizeof rows);
    snprintf(folder, sizeof folder, "/tmp/oriane-uploads-XXXXXX");
    if (!mkdtemp(folder) || scripted_start(state) != 0)
        return -1;
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    (void)about;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    open_gate();
    ori_uploads_destroy(&uploads, 0);
    ori_blob_close(&bucket);
    ori_s3_destroy(&s3);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return scripted_end(state);
}

static void add(int i)
{
    snprintf(rows[i].key, sizeof rows[i].key, "p/v/%d_1.00.png", i + 1);
    rows[i].data = "still";
    rows[i].bytes = 5;
    rows[i].content_type = "image/png";
    ori_uploads_add(uploads, &rows[i]);
}

static struct ori_upload *collect(void)
{
    struct ori_upload *upload = ori_uploads_collect(uploads);
    struct pollfd ready = {.fd = ori_uploads_fd(uploads), .events = POLLIN};
    while (!upload && ready.fd >= 0) {
        assert_int_equal(poll(&ready, 1, 20000), 1);
        upload = ori_uploads_collect(uploads);
    }
    return upload;
}

static void *open_soon(void *self)
{
    (void)self;
    usleep(20000); /* most likely the end has begun by then; what is asserted holds without that */
    open_gate();
    return NULL;
}

/* As many at once as there are connections, and no more than the limit; each put once. */
static void many_at_once(void **state)
{
    (void)state;
    static const struct {
        int connections;
        int expected;
    } cases[] = {{2, 2}, {ORI_UPLOADS_AT_ONCE, ORI_UPLOADS_AT_ONCE}, {64, ORI_UPLOADS_AT_ONCE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ori_error err = {0};
        atomic_store(&scripted.requests, 0);
        atomic_store(&is_shut, true);
        assert_int_equal(open_uploads(cases[i].connections, &err), ORI_OK);
        for (int row = 0; row < COUNT; row++)
            add(row);
        wait_for_inside(cases[i].expected);
        assert_null(ori_uploads_collect(uploads));
        assert_int_equal(atomic_load(&scripted.requests), cases[i].expected);
        open_gate();
        for (int row = 0; row < COUNT; row++)
            assert_int_equal(collect()->status, ORI_OK);
        struct pollfd quiet = {.fd = ori_uploads_fd(uploads), .events = POLLIN};
        assert_int_equal(poll(&quiet, 1, 0), 0);
        assert_int_equal(atomic_load(&scripted.requests), COUNT);
        ori_uploads_destroy(&uploads, 0);
        ori_blob_close(&bucket);
        ori_s3_destroy(&s3);
    }
}

/* The first to come back is the one that failed; of the others only those under way were begun. */
static void the_first_failure_stops_the_rest(void **state)
{
    (void)state;
    struct ori_error err = {0};
    atomic_store(&refuse_from, 0);
    atomic_store(&is_shut, true);
    assert_int_equal(open_uploads(4, &err), ORI_OK);
    for (int row = 0; row < COUNT; row++)
        add(row);
    wait_for_inside(4);
    open_gate();
    struct ori_upload *first = collect();
    assert_int_equal(first->status, ORI_STORE_DENIED);
    assert_non_null(strstr(first->error.text, "AccessDenied"));
    for (int row = 1; row < COUNT; row++)
        assert_int_not_equal(collect()->status, ORI_OK);
    assert_int_equal(atomic_load(&scripted.requests), 4);
    add(0); /* too late */
    assert_int_equal(collect()->status, ORI_CANCELLED);
    assert_int_equal(atomic_load(&scripted.requests), 4);
}

/* What runs may end by itself for so long. */
static void an_end_gives_a_moment(void **state)
{
    (void)state;
    struct ori_error err = {0};
    pthread_t opener;
    atomic_store(&is_shut, true);
    assert_int_equal(open_uploads(4, &err), ORI_OK);
    for (int row = 0; row < COUNT; row++)
        add(row);
    wait_for_inside(4);
    assert_int_equal(pthread_create(&opener, NULL, open_soon, NULL), 0);
    ori_uploads_destroy(&uploads, 20000);
    pthread_join(opener, NULL);
    assert_in_range(atomic_load(&scripted.requests), 4, COUNT);
    for (int row = 0; row < 4; row++)
        assert_int_equal(rows[row].status, ORI_OK);
    for (int row = 0; row < COUNT; row++) /* whatever was begun came to its end */
        assert_int_equal(rows[row].put_us > 0, row < atomic_load(&scripted.requests));
}

/* Nothing that was lent is looked at afterwards. */
static void an_end_with_uploads_under_way(void **state)
{
    (void)state;
    struct ori_error err = {0};
    atomic_store(&is_shut, true);
    assert_int_equal(open_uploads(4, &err), ORI_OK);
    for (int row = 0; row < COUNT; row++)
        add(row);
    wait_for_inside(4);
    const int64_t begin_us = ori_clock_us();
    ori_uploads_destroy(&uploads, 0);
    assert_true(ori_clock_us() - begin_us < 200000);
    memset(rows, 0xFF, sizeof rows);
}

/* A folder: put when add returns, in order, by the thread that adds. */
static void a_folder_has_no_threads(void **state)
{
    (void)state;
    struct ori_blob_store *store = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_blob_open_fs(folder, false, &store, &err), ORI_OK);
    assert_int_equal(ori_uploads_create(store, NULL, &uploads, &err), ORI_OK);
    assert_int_equal(ori_uploads_fd(uploads), -1);
    for (int row = 0; row < 3; row++) {
        int64_t bytes = 0;
        add(row);
        assert_int_equal(ori_blob_stat(store, rows[row].key, &bytes, NULL, &err), ORI_OK);
        assert_int_equal(bytes, 5);
        assert_ptr_equal(ori_uploads_collect(uploads), &rows[row]);
        assert_int_equal(rows[row].status, ORI_OK);
    }
    snprintf(rows[3].key, sizeof rows[3].key, "%s", "../x");
    ori_uploads_add(uploads, &rows[3]);
    assert_int_equal(ori_uploads_collect(uploads)->status, ORI_USAGE);
    assert_null(ori_uploads_collect(uploads));
    ori_uploads_destroy(&uploads, 0);
    ori_uploads_destroy(&uploads, 0);
    ori_blob_close(&store);
}

#define UPLOADS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPLOADS(many_at_once),
        UPLOADS(the_first_failure_stops_the_rest),
        UPLOADS(an_end_gives_a_moment),
        UPLOADS(an_end_with_uploads_under_way),
        UPLOADS(a_folder_has_no_threads),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
