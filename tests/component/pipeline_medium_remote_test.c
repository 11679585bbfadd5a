/* A video in a bucket: what is fetched, when, and what happens when the object or the disk changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "net/client.h"
#include "net/s3_remote.h"
#include "pipeline/medium_fetch.h"
#include "pipeline/medium_remote.h"
#include "scripted_server.h"
#include "util/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MEBI (INT64_C(1) << 20)
#define MODIFIED INT64_C(1369353600) /* Fri, 24 May 2013 00:00:00 GMT */

static struct ori_s3 *s3;
static struct ori_s3_remote object; /* outlives what was opened of it */
static char folder[64];
static int64_t object_bytes;
static atomic_bool is_replaced;
static atomic_int gets;
static atomic_llong furthest;     /* end of the ranges asked for */
static atomic_llong shut_from;    /* no answer to ranges from there on before the gate opens */
static atomic_llong refused_from; /* an answer that is final to ranges beyond it */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;

static void open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    atomic_store(&shut_from, INT64_MAX);
    pthread_cond_broadcast(&gate);
    pthread_mutex_unlock(&gate_lock);
}

static void note_range(long long first, long long end)
{
    pthread_mutex_lock(&gate_lock);
    if (end > atomic_load(&furthest))
        atomic_store(&furthest, end);
    pthread_cond_broadcast(&gate);
    while (first >= atomic_load(&shut_from))
        pthread_cond_wait(&gate, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

/* Until somebody has asked for what lies before there. */
static void wait_for_range(int64_t end)
{
    pthread_mutex_lock(&gate_lock);
    while (atomic_load(&furthest) < end)
        pthread_cond_wait(&gate, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static uint8_t byte_at(int64_t offset)
{
    return (uint8_t)((uint64_t)offset * UINT64_C(0x9E3779B97F4A7C15) >> 56);
}

static bool play(int number, const char *head, FILE *out)
{
    long long first = 0;
    long long last = 0;
    const char *range = strcasestr(head, "\r\nRange: bytes=");
    (void)number;
    if (strncmp(head, "HEAD", 4) == 0) {
        fprintf(out,
                "HTTP/1.1 200 X\r\nContent-Length: %lld\r\nETag: \"e\"\r\n"
                "Last-Modified: Fri, 24 May 2013 00:00:00 GMT\r\n\r\n",
                (long long)object_bytes);
        return true;
    }
    atomic_fetch_add(&gets, 1);
    if (atomic_load(&is_replaced) || !strcasestr(head, "\r\nIf-Match: \"e\"\r\n"))
        return scripted_say(out, 412, "", "<Error><Code>PreconditionFailed</Code></Error>");
    if (!range || sscanf(range, "\r\nRange: bytes=%lld-%lld", &first, &last) != 2 ||
        last >= object_bytes || first > last)
        return scripted_say(out, 416, "", "<Error><Code>InvalidRange</Code></Error>");
    note_range(first, last + 1);
    if (last >= atomic_load(&refused_from))
        return scripted_say(out, 403, "", "<Error><Code>AccessDenied</Code></Error>");
    fprintf(out, "HTTP/1.1 206 X\r\nContent-Length: %lld\r\nETag: \"e\"\r\n\r\n", last - first + 1);
    for (long long i = first; i <= last; i++)
        fputc(byte_at(i), out);
    return true;
}

static int begin(void **state)
{
    char endpoint[64];
    if (scripted_start(state) != 0)
        return -1;
    scripted.play = play;
    atomic_store(&is_replaced, false);
    atomic_store(&gets, 0);
    atomic_store(&furthest, 0);
    atomic_store(&shut_from, INT64_MAX);
    atomic_store(&refused_from, INT64_MAX);
    snprintf(folder, sizeof folder, "/tmp/oriane-remote-XXXXXX");
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", scripted.port);
    const struct ori_s3_options options = {.endpoint = endpoint,
                                           .region = "us-east-1",
                                           .connections_max = 8,
                                           .multipart_threshold = 6 << 20};
    return mkdtemp(folder) && ori_s3_create(&options, &s3, NULL) == ORI_OK ? 0 : -1;
}

/* Nothing may be left in the folder. */
static int end(void **state)
{
    open_gate();
    ori_s3_destroy(&s3);
    return rmdir(folder) | scripted_end(state);
}

static ori_status open_waiting(int64_t bytes_max, const struct ori_wait *wait,
                               struct ori_medium_remote **ret_remote, int *ret_fd,
                               struct ori_error *err)
{
    object = (struct ori_s3_remote){.s3 = s3, .name = {"bucket", "a video.mp4"}};
    const struct ori_medium_place place = {
        .ops = &ori_s3_remote_ops, .object = &object, .name = object.name.key};
    int64_t bytes = 0;
    const ori_status status =
        ori_medium_remote_open(&place, bytes_max, folder, wait, ret_remote, ret_fd, &bytes, err);
    if (status == ORI_OK)
        assert_int_equal(bytes, object_bytes);
    return status;
}

static ori_status open_remote(int64_t bytes_max, struct ori_medium_remote **ret_remote, int *ret_fd,
                              struct ori_error *err)
{
    return open_waiting(bytes_max, NULL, ret_remote, ret_fd, err);
}

static void expect_bytes(int fd, int64_t offset, int64_t bytes)
{
    uint8_t *data = malloc((size_t)bytes);
    assert_non_null(data);
    assert_int_equal(pread(fd, data, (size_t)bytes, offset), bytes);
    for (int64_t i = 0; i < bytes; i++) {
        if (data[i] != byte_at(offset + i))
            fail_msg("byte %lld", (long long)(offset + i));
    }
    free(data);
}

static void sizes(void **state)
{
    (void)state;
    static const int64_t rows[] = {1,        65535,        65536,        65537,       MEBI / 4 - 1,
                                   MEBI / 4, MEBI / 4 + 1, MEBI / 2 + 7, 5 * MEBI + 1};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_medium_remote *remote = NULL;
        struct ori_error err = {0};
        struct stat about;
        int fd = -1;
        object_bytes = rows[i];
        if (open_remote(0, &remote, &fd, &err) != ORI_OK)
            fail_msg("%s", err.text);
        assert_int_equal(fstat(fd, &about), 0);
        assert_int_equal(about.st_size, rows[i]);
        assert_int_equal(about.st_mtim.tv_sec, MODIFIED);
        assert_int_equal(about.st_nlink, 0);
        assert_int_equal(write(fd, "x", 1), -1); /* for reading alone */
        const int64_t sample = rows[i] < 65536 ? rows[i] : 65536;
        expect_bytes(fd, 0, sample);
        expect_bytes(fd, rows[i] - sample, sample);
        assert_true(ori_medium_remote_fetched(remote) <= 3 * MEBI / 4);
        assert_int_equal(ori_medium_remote_ensure(remote, 0, rows[i], NULL, NULL), ORI_OK);
        expect_bytes(fd, 0, rows[i]);
        assert_int_equal(ori_medium_remote_fetched(remote), rows[i]); /* each byte once */
        close(fd);
        ori_medium_remote_destroy(&remote);
        ori_medium_remote_destroy(&remote);
    }
}

static void straight_reading_looks_ahead_and_jumps_do_not(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    int fd = -1;
    object_bytes = 64 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    /* jumps: a block each, and no more */
    for (int64_t at = 40 * MEBI; at > 30 * MEBI; at -= 3 * MEBI)
        assert_int_equal(ori_medium_remote_ensure(remote, at, 10, NULL, NULL), ORI_OK);
    assert_int_equal(ori_medium_remote_fetched(remote), 6 * MEBI / 4);
    /* one behind the other: few requests */
    atomic_store(&gets, 0);
    for (int64_t at = 0; at < object_bytes; at += MEBI / 4)
        assert_int_equal(ori_medium_remote_ensure(remote, at, MEBI / 4, NULL, NULL), ORI_OK);
    assert_int_equal(ori_medium_remote_fetched(remote), object_bytes);
    print_message("%d requests\n", atomic_load(&gets));
    assert_true(atomic_load(&gets) < 50);
    expect_bytes(fd, 0, object_bytes);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

/* One block after the other, up to there. */
static void read_straight(struct ori_medium_remote *remote, int64_t from, int64_t until)
{
    for (int64_t at = from; at < until; at += MEBI / 4)
        assert_int_equal(ori_medium_remote_ensure(remote, at, MEBI / 4, NULL, NULL), ORI_OK);
}

/* Fetched while nobody asks, no further than allowed, and not at all by who has just begun. */
static void threads_fetch_ahead(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    int fd = -1;
    object_bytes = 128 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    atomic_store(&furthest, 0);
    read_straight(remote, 0, ORI_LIMIT_MAX_PROBE_BYTES);
    assert_int_equal(atomic_load(&furthest), ORI_LIMIT_MAX_PROBE_BYTES);
    read_straight(remote, ORI_LIMIT_MAX_PROBE_BYTES, 8 * MEBI);
    wait_for_range(14 * MEBI); /* about as far as was read, in whole pieces */
    assert_true(atomic_load(&furthest) <= 16 * MEBI);
    read_straight(remote, 8 * MEBI, 64 * MEBI);
    wait_for_range(64 * MEBI + ORI_MEDIUM_AHEAD_MAX - ORI_MEDIUM_PIECE_BYTES);
    assert_true(atomic_load(&furthest) <= 64 * MEBI + ORI_MEDIUM_AHEAD_MAX);
    /* a jump, and nothing follows it */
    const int64_t before = ori_medium_remote_fetched(remote);
    assert_int_equal(ori_medium_remote_ensure(remote, 120 * MEBI, 1, NULL, NULL), ORI_OK);
    assert_true(ori_medium_remote_fetched(remote) <=
                before + ORI_MEDIUM_FETCH_THREADS * ORI_MEDIUM_PIECE_BYTES + MEBI / 4);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

/* Who comes to what a thread is fetching waits for it, and it is fetched once. */
static void who_is_faster_than_the_threads_waits(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    int fd = -1;
    object_bytes = 24 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    atomic_store(&scripted.delay_ms, 5);
    read_straight(remote, 0, object_bytes);
    assert_int_equal(ori_medium_remote_fetched(remote), object_bytes);
    expect_bytes(fd, 0, object_bytes);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

/* What fails ahead is told to who needs it, and to nobody else. */
static void a_failure_ahead(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    struct ori_error err = {0};
    int fd = -1;
    object_bytes = 64 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    atomic_store(&refused_from, 12 * MEBI);
    read_straight(remote, 0, 10 * MEBI);
    wait_for_range(12 * MEBI + 1);
    read_straight(remote, 10 * MEBI, 12 * MEBI);
    assert_int_equal(ori_medium_remote_ensure(remote, 12 * MEBI, 1, NULL, &err), ORI_STORE_DENIED);
    atomic_store(&refused_from, INT64_MAX);
    read_straight(remote, 12 * MEBI, object_bytes);
    assert_int_equal(ori_medium_remote_fetched(remote), object_bytes);
    expect_bytes(fd, 0, object_bytes);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

static void an_end_and_a_cancel_amid_fetches(void **state)
{
    (void)state;
    for (int is_cancel = 0; is_cancel < 2; is_cancel++) {
        struct ori_medium_remote *remote = NULL;
        struct ori_cancel cancel;
        const struct ori_wait wait = {.cancel = &cancel};
        struct ori_error err = {0};
        int fd = -1;
        object_bytes = 64 * MEBI;
        assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
        assert_int_equal(open_waiting(0, &wait, &remote, &fd, NULL), ORI_OK);
        atomic_store(&furthest, 0);
        atomic_store(&shut_from, 10 * MEBI);
        for (int64_t at = 0; at < 8 * MEBI; at += MEBI / 4)
            assert_int_equal(ori_medium_remote_ensure(remote, at, MEBI / 4, &wait, NULL), ORI_OK);
        wait_for_range(10 * MEBI + 1);
        const int64_t begin_us = ori_clock_us();
        if (is_cancel) {
            ori_cancel_set(&cancel);
            assert_int_equal(ori_medium_remote_ensure(remote, 10 * MEBI, 1, &wait, &err),
                             ORI_CANCELLED);
        }
        close(fd);
        ori_medium_remote_destroy(&remote);
        assert_true(ori_clock_us() - begin_us < 200000);
        open_gate();
        ori_cancel_deinit(&cancel);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        int64_t bytes_max;
        ori_status expected;
    } rows[] = {{100, 100, ORI_OK},
                {101, 100, ORI_LIMIT},
                {101, 0, ORI_OK},
                {0, 0, ORI_EMPTY_FILE},
                {INT64_MAX, 0, ORI_LIMIT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_medium_remote *remote = NULL;
        int fd = -1;
        object_bytes = rows[i].bytes;
        assert_int_equal(open_remote(rows[i].bytes_max, &remote, &fd, NULL), rows[i].expected);
        if (fd >= 0)
            close(fd);
        ori_medium_remote_destroy(&remote);
    }
}

static void an_object_that_changes(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    struct ori_error err = {0};
    int fd = -1;
    object_bytes = 3 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    atomic_store(&is_replaced, true);
    assert_int_equal(ori_medium_remote_ensure(remote, MEBI, 1, NULL, &err), ORI_SOURCE_CHANGED);
    assert_non_null(strstr(err.text, "replaced"));
    assert_int_equal(ori_medium_remote_ensure(remote, 0, 65536, NULL, NULL), ORI_OK); /* there */
    atomic_store(&is_replaced, false);
    assert_int_equal(ori_medium_remote_ensure(remote, MEBI, 1, NULL, NULL), ORI_OK);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

static void a_disk_that_is_full(void **state)
{
    (void)state;
    struct ori_medium_remote *remote = NULL;
    struct rlimit before;
    int fd = -1;
    object_bytes = 3 * MEBI;
    assert_int_equal(open_remote(0, &remote, &fd, NULL), ORI_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = (rlim_t)MEBI, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const ori_status status = ori_medium_remote_ensure(remote, 2 * MEBI, 1, NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, ORI_DISK_FULL);
    close(fd);
    ori_medium_remote_destroy(&remote);
}

#define REMOTE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(sizes),
        REMOTE(straight_reading_looks_ahead_and_jumps_do_not),
        REMOTE(threads_fetch_ahead),
        REMOTE(who_is_faster_than_the_threads_waits),
        REMOTE(a_failure_ahead),
        REMOTE(an_end_and_a_cancel_amid_fetches),
        REMOTE(refusals),
        REMOTE(an_object_that_changes),
        REMOTE(a_disk_that_is_full),
    };
    if (ori_net_global_init(NULL) != ORI_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
