#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics/metrics.h"
#include "metrics/metrics_priv.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define THREADS 4
#define ADDS 20000

static struct ori_metrics *create(bool has_costly)
{
    struct ori_metrics *metrics = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_metrics_create(has_costly, &metrics, &err), ORI_OK);
    return metrics;
}

/* malloc'ed. */
static char *render(struct ori_metrics *metrics)
{
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_METRICS_BYTES);
    ori_metrics_render(metrics, &page);
    assert_int_equal(page.status, ORI_OK);
    char *text = ori_buf_take(&page, NULL);
    ori_buf_deinit(&page);
    assert_non_null(text);
    return text;
}

/* The number behind a sample's name and labels; NAN when the page has no such line. */
static double sample(const char *page, const char *name)
{
    size_t bytes = strlen(name);
    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, bytes) == 0 && line[bytes] == ' ')
            return strtod(line + bytes, NULL);
    }
    return NAN;
}

static double sample_now(struct ori_metrics *metrics, const char *name)
{
    char *page = render(metrics);
    double value = sample(page, name);
    free(page);
    return value;
}

static bool ends_with(const char *text, const char *end)
{
    size_t bytes = strlen(text);
    return bytes >= strlen(end) && strcmp(text + bytes - strlen(end), end) == 0;
}

static void rows_are_sound(void **state)
{
    (void)state;
    for (int i = 0; i < ORI_METRIC_COUNT; i++) {
        const struct ori_metric_row *row = &ori_metric_rows[i];
        print_message("%s\n", row->name);
        assert_int_equal(strncmp(row->name, "oriane_", 7), 0);
        assert_true(row->help[0] != '\0' && row->help[strlen(row->help) - 1] != '.');
        assert_int_equal(ends_with(row->name, "_total"), row->kind == ORI_METRIC_KIND_COUNTER);
        assert_int_equal(ends_with(row->name, "_seconds"),
                         row->kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row->name, ori_metric_rows[j].name);
    }
    for (int i = 1; i < ORI_METRIC_BUCKETS; i++)
        assert_true(ori_metric_buckets[i] > ori_metric_buckets[i - 1]);
    assert_true(ori_metric_buckets[0] == 0.001);
    assert_true(ori_metric_buckets[ORI_METRIC_BUCKETS - 1] == 300);
}

/* Words that layers above decide stand in metrics_labels.c once more. */
static void labels_are_the_words_of_their_tables(void **state)
{
    (void)state;
    static const char *const jobs[] = {
#define ORI_JOB_STATE_ROW(name, word) word,
#include "stores/job_states_tbl.h"
    };
    static const char *const items[] = {
#define ORI_ITEM_STATE_ROW(name, word) word,
#include "stores/job_states_tbl.h"
    };
    assert_int_equal(ori_metric_words_count(ORI_METRIC_SET_JOB_STATE), COUNT_OF(jobs));
    assert_int_equal(ori_metric_words_count(ORI_METRIC_SET_ITEM_STATE), COUNT_OF(items));
    assert_int_equal(ori_metric_words_count(ORI_METRIC_SET_ENDED_STATE), COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        assert_string_equal(ori_metric_word(ORI_METRIC_SET_JOB_STATE, (int)i), jobs[i]);
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        const char *ended = ori_metric_word(ORI_METRIC_SET_ENDED_STATE, (int)i);
        assert_string_equal(ori_metric_word(ORI_METRIC_SET_ITEM_STATE, (int)i), items[i]);
        assert_true(!ended || strcmp(ended, items[i]) == 0);
    }
    assert_string_equal(ori_metric_word(ORI_METRIC_SET_STATUS, ORI_DISK_FULL), "disk_full");
    assert_null(ori_metric_word(ORI_METRIC_SET_STATUS, ORI_OK));
    assert_null(ori_metric_word(ORI_METRIC_SET_STATUS, ORI_STATUS_COUNT));
    assert_null(ori_metric_word(ORI_METRIC_SET_NONE, 1));
    for (int set = 0; set < ORI_METRIC_SET_COUNT; set++)
        assert_null(ori_metric_word((enum ori_metric_set)set, -1));
}

static void stages_and_classes_have_numbers(void **state)
{
    (void)state;
    static const char *const stages[] = {"fetch", "open", "lock",    "check",    "decode",
                                         "embed", "clip", "vectors", "manifest", "other"};
    for (size_t i = 0; i < COUNT_OF(stages); i++)
        assert_string_equal(ori_metric_word(ORI_METRIC_SET_STAGE, ori_metrics_stage(stages[i])),
                            stages[i]);
    assert_int_equal(ori_metrics_stage("nonsense"), ori_metrics_stage("other"));
    assert_int_equal(ori_metrics_stage(NULL), ori_metrics_stage("other"));
    static const struct {
        int status;
        const char *word;
    } rows[] = {{100, "1xx"}, {199, "1xx"}, {200, "2xx"}, {404, "4xx"}, {499, "4xx"},
                {500, "5xx"}, {599, "5xx"}, {600, "5xx"}, {99, "5xx"},  {0, "5xx"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(
            ori_metric_word(ORI_METRIC_SET_CLASS, ori_metrics_class(rows[i].status)), rows[i].word);
}

static void counts_and_gauges(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(true);
    ori_metrics_add(metrics, ORI_METRIC_FRAMES, 0, 3);
    ori_metrics_add(metrics, ORI_METRIC_FRAMES, 0, 0.5);
    ori_metrics_set(metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_EMBED, 7);
    ori_metrics_add(metrics, ORI_METRIC_QUEUE_DEPTH, ORI_METRIC_QUEUE_EMBED, -2);
    ori_metrics_add(metrics, ORI_METRIC_FAILURES, ORI_DECODE, 1);
    assert_true(ori_metrics_value(metrics, ORI_METRIC_FRAMES, 0) == 3.5);
    char *page = render(metrics);
    assert_true(sample(page, "oriane_frames_total") == 3.5);
    assert_true(sample(page, "oriane_queue_depth{queue=\"embed\"}") == 5);
    assert_true(sample(page, "oriane_queue_depth{queue=\"items\"}") == 0);
    assert_true(sample(page, "oriane_failures_total{code=\"decode_failed\"}") == 1);
    assert_true(sample(page, "oriane_failures_total{code=\"timeout\"}") == 0);
    assert_true(isnan(sample(page, "oriane_failures_total{code=\"ok\"}")));
    assert_true(isnan(sample(page, "oriane_items_total{state=\"waiting\"}")));
    assert_true(sample(page, "oriane_items_total{state=\"success\"}") == 0);
    assert_non_null(strstr(page, "# HELP oriane_frames_total frames kept\n"
                                 "# TYPE oriane_frames_total counter\n"));
    free(page);
    ori_metrics_destroy(&metrics);
    assert_null(metrics);
    ori_metrics_destroy(&metrics);
    ori_metrics_destroy(NULL);
}

static void without_a_registry_nothing_happens(void **state)
{
    (void)state;
    ori_metrics_add(NULL, ORI_METRIC_FRAMES, 0, 3);
    ori_metrics_set(NULL, ORI_METRIC_WORKERS, 0, 3);
    ori_metrics_observe(NULL, ORI_METRIC_SEARCH_SECONDS, 0, 3);
    assert_true(ori_metrics_value(NULL, ORI_METRIC_FRAMES, 0) == 0);
}

/* A value on a bound is in that bound's bucket, one above it is not. */
static void histograms_have_cumulative_buckets(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(true);
    static const double values[] = {0, 0.001, 0.0011, 0.0025, 300, 300.1, 1e9};
    int stage = ori_metrics_stage("decode");
    double sum = 0;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        ori_metrics_observe(metrics, ORI_METRIC_STAGE_SECONDS, stage, values[i]);
        sum += values[i];
    }
    char *page = render(metrics);
    static const struct {
        const char *bound;
        double count;
    } rows[] = {{"0.001", 2}, {"0.0025", 4}, {"0.005", 4}, {"120", 4}, {"300", 5}, {"+Inf", 7}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[128];
        snprintf(name, sizeof name,
                 "oriane_stage_duration_seconds_bucket{stage=\"decode\",le=\"%s\"}", rows[i].bound);
        assert_true(sample(page, name) == rows[i].count);
    }
    assert_true(sample(page, "oriane_stage_duration_seconds_count{stage=\"decode\"}") == 7);
    assert_true(sample(page, "oriane_stage_duration_seconds_sum{stage=\"decode\"}") == sum);
    assert_true(ori_metrics_value(metrics, ORI_METRIC_STAGE_SECONDS, stage) == sum);
    assert_true(sample(page, "oriane_stage_duration_seconds_count{stage=\"open\"}") == 0);
    assert_true(sample(page, "oriane_item_duration_seconds_bucket{le=\"+Inf\"}") == 0);
    assert_true(sample(page, "oriane_item_duration_seconds_count") == 0);
    free(page);
    ori_metrics_destroy(&metrics);
}

static void costly_rows_can_be_left_out(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(false);
    ori_metrics_observe(metrics, ORI_METRIC_STAGE_SECONDS, 0, 1);
    ori_metrics_add(metrics, ORI_METRIC_FRAMES, 0, 1);
    char *page = render(metrics);
    for (int i = 0; i < ORI_METRIC_COUNT; i++) {
        char head[128];
        snprintf(head, sizeof head, "# TYPE %s ", ori_metric_rows[i].name);
        assert_int_equal(strstr(page, head) != NULL, !ori_metric_rows[i].is_costly);
    }
    assert_true(sample(page, "oriane_frames_total") == 1);
    assert_true(ori_metrics_value(metrics, ORI_METRIC_STAGE_SECONDS, 0) == 0);
    free(page);
    ori_metrics_destroy(&metrics);
}

static void *add_many(void *self)
{
    for (int i = 0; i < ADDS; i++) {
        ori_metrics_add(self, ORI_METRIC_FRAMES, 0, 1);
        ori_metrics_observe(self, ORI_METRIC_SEARCH_SECONDS, 0, 0.25);
        if (i % 5000 == 0)
            free(render(self));
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(true);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, metrics), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    char *page = render(metrics);
    assert_true(sample(page, "oriane_frames_total") == THREADS * ADDS);
    assert_true(sample(page, "oriane_search_duration_seconds_count") == THREADS * ADDS);
    assert_true(sample(page, "oriane_search_duration_seconds_sum") == THREADS * ADDS * 0.25);
    free(page);
    ori_metrics_destroy(&metrics);
}

static void tells_of_the_process(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(true);
    double fds = sample_now(metrics, "process_open_fds");
    int more[5];
    for (size_t i = 0; i < COUNT_OF(more); i++)
        more[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char *page = render(metrics);
    assert_true(sample(page, "process_open_fds") == fds + 5);
    for (size_t i = 0; i < COUNT_OF(more); i++)
        close(more[i]);
    assert_true(sample(page, "process_max_fds") >= fds + 5);
    assert_true(sample(page, "process_threads") >= 1);
    assert_true(sample(page, "oriane_cpu_cores") >= 1);
    assert_true(sample(page, "oriane_network_receive_bytes_total") >= 0);
    assert_true(sample(page, "process_cpu_seconds_total") >= 0);
    double age = (double)time(NULL) - sample(page, "process_start_time_seconds");
    assert_true(age > -5 && age < 600);
    /* Memory that is touched shows. */
    size_t bytes = (size_t)64 << 20;
    double resident = sample(page, "process_resident_memory_bytes");
    free(page);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_true(sample_now(metrics, "process_resident_memory_bytes") > resident + 32e6);
    munmap(memory, bytes);
    ori_metrics_destroy(&metrics);
}

static void escapes_what_the_format_needs(void **state)
{
    (void)state;
    struct ori_buf buf;
    ori_buf_init(&buf, 4096);
    ori_metrics_write_label(&buf, "a", "x\"y\\z\nend");
    ori_metrics_write_label(&buf, "b", "");
    assert_string_equal(ori_buf_text(&buf), "a=\"x\\\"y\\\\z\\nend\",b=\"\"");
    ori_buf_clear(&buf);
    ori_metrics_write_plain(&buf, "n", "gauge", "one\ntwo \\ \"three\"", 1e300);
    assert_string_equal(ori_buf_text(&buf), "# HELP n one\\ntwo \\\\ \"three\"\n"
                                            "# TYPE n gauge\nn 1e+300\n");
    ori_buf_deinit(&buf);
}

static void a_page_past_its_limit_says_so(void **state)
{
    (void)state;
    struct ori_metrics *metrics = create(true);
    struct ori_buf page;
    ori_buf_init(&page, 1000);
    ori_metrics_render(metrics, &page);
    assert_int_equal(page.status, ORI_LIMIT);
    ori_buf_deinit(&page);
    ori_metrics_destroy(&metrics);
}

static void promtool_has_no_complaint(void **state)
{
    (void)state;
    if (access("/usr/bin/promtool", X_OK) != 0) {
        print_message("skipped: promtool is not installed\n");
        skip();
    }
    struct ori_metrics *metrics = create(true);
    for (int i = 0; i < ORI_METRIC_COUNT; i++) {
        if (ori_metric_rows[i].kind == ORI_METRIC_KIND_HISTOGRAM_SECONDS)
            ori_metrics_observe(metrics, (enum ori_metric)i, 0, 0.123456789);
    }
    char *text = render(metrics);
    int fd = memfd_create("page", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    char *const arguments[] = {"promtool", "check", "metrics", NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    assert_int_equal(posix_spawn(&pid, "/usr/bin/promtool", &actions, NULL, arguments, environment),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* It was waited for: its time is a child's time from now on. */
    assert_true(sample_now(metrics, "oriane_children_cpu_seconds_total") > 0);
    close(fd);
    free(text);
    ori_metrics_destroy(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(labels_are_the_words_of_their_tables),
        cmocka_unit_test(stages_and_classes_have_numbers),
        cmocka_unit_test(counts_and_gauges),
        cmocka_unit_test(without_a_registry_nothing_happens),
        cmocka_unit_test(histograms_have_cumulative_buckets),
        cmocka_unit_test(costly_rows_can_be_left_out),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(tells_of_the_process),
        cmocka_unit_test(escapes_what_the_format_needs),
        cmocka_unit_test(a_page_past_its_limit_says_so),
        cmocka_unit_test(promtool_has_no_complaint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
