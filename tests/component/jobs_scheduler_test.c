/* The scheduler over the real job store, the real engine and real decode children. A "video" is a
 * script for a child that does what it is told (pipeline_actor.h), or a real clip, which the real
 * decoder reads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "jobs/scheduler.h"
#include "jobs_world.h"
#include "media_clips.h"
#include "pipeline/extract.h"
#include "pipeline_actor.h"

#define WELL "info\nframe 0 10\nframe 2000 20\nscene 0 9000\ndone\n"
#define HANGS "info\nframe 0 10\nhang\n"
#define EXIT_3 "exit3\n"

static struct ori_scheduler *scheduler; /* NULL between tests */
static struct ori_engine engine;
static atomic_bool has_engine;
static atomic_int finished;

/* ---- the world around a scheduler ---- */

static const struct ori_engine *engine_of(void *self)
{
    (void)self;
    return atomic_load(&has_engine) ? &engine : NULL;
}

static void count_finished(void *self)
{
    (void)self;
    atomic_fetch_add(&finished, 1);
}

static int begin_with(const char *workers, const char *jobs_max)
{
    struct ori_error err = {0};
    struct ori_setting_flag flags[] = {
        {ORI_SETTING_VP_MAX_WORKERS, workers}, {ORI_SETTING_PIPELINE_MAX_PARALLEL_JOBS, jobs_max},
        {ORI_SETTING_JOB_MAX_ATTEMPTS, "2"},   {ORI_SETTING_CLIP_MODEL, "builtin/visual-512"},
        {ORI_SETTING_VP_MAX_PIXELS, "65536"},  {ORI_SETTING_VP_OUTPUT_DIR, "out"},
        {ORI_SETTING_VP_INPUT_DIR, "input"}};
    begin_world(flags, COUNT_OF(flags));
    assert_int_equal(mkdir("input", 0777) | mkdir("input/p", 0777), 0);
    const struct ori_settings *settings = ori_live_ref(world.live);
    ori_status status = ori_engine_open(settings, ORI_ENGINE_RUN, NULL, NULL, NULL, &engine, &err);
    ori_live_unref(world.live, &settings);
    if (status != ORI_OK)
        fail_msg("%s", err.text);
    atomic_store(&has_engine, true);
    atomic_store(&finished, 0);
    return 0;
}

static int begin_two(void **state)
{
    (void)state;
    return begin_with("2", "2");
}

static int begin_four(void **state)
{
    (void)state;
    return begin_with("4", "2");
}

static int begin_one_job(void **state)
{
    (void)state;
    return begin_with("2", "1");
}

static int end(void **state)
{
    (void)state;
    ori_scheduler_destroy(&scheduler); /* of a test that failed */
    ori_engine_close(&engine);
    end_world();
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, dead or alive */
    return 0;
}

static void start(void)
{
    struct ori_error err = {0};
    struct ori_scheduler_options options = {.live = world.live,
                                            .store = world.store,
                                            .cancel = &world.cancel,
                                            .engine = engine_of,
                                            .on_finished = count_finished};
    if (ori_scheduler_create(&options, &scheduler, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

static void write_script(const char *name, size_t i, const char *script)
{
    char path[96];
    char part[112];
    snprintf(path, sizeof path, "input/p/%s-%zu.mp4", name, i);
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    assert_int_equal(rename(part, path), 0);
}

static struct ori_job submit_scripts(const char *name, size_t count, const char *script)
{
    for (size_t i = 0; i < count; i++)
        write_script(name, i, script);
    return submit(name, count, plain_options);
}

/* Children of all threads of this program; the first one's pid. */
static int children(pid_t *ret_pid)
{
    int count = 0;
    DIR *threads = opendir("/proc/self/task");
    assert_non_null(threads);
    for (struct dirent *entry = readdir(threads); entry; entry = readdir(threads)) {
        char path[300];
        long pid = 0;
        snprintf(path, sizeof path, "/proc/self/task/%s/children", entry->d_name);
        FILE *list = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        while (list && fscanf(list, "%ld", &pid) == 1) {
            *ret_pid = count++ == 0 ? (pid_t)pid : *ret_pid;
        }
        if (list)
            fclose(list);
    }
    closedir(threads);
    return count;
}

static pid_t wait_for_children(int wanted)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    pid_t pid = 0;
    while (children(&pid) != wanted)
        wait_for_change(deadline_us);
    return pid;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* ---- turns ---- */

static void a_small_job_passes_a_big_one(void **state)
{
    (void)state;
    enum { BIG = 30, SMALL = 2 };
    atomic_store(&has_engine, false);
    start();
    struct ori_job big = submit_scripts("big", BIG, WELL);
    struct ori_job small = submit_scripts("small", SMALL, WELL);
    ori_scheduler_wake(scheduler);
    assert_int_equal(job_now(&big).state, ORI_JOB_PENDING); /* without an engine nothing begins */
    assert_int_equal(ori_scheduler_busy(scheduler), 0);
    atomic_store(&has_engine, true);
    ori_scheduler_wake(scheduler);
    small = wait_for_end(&small);
    assert_true(job_now(&big).counts.success < BIG);
    big = wait_for_end(&big);
    assert_int_equal(small.state, ORI_JOB_COMPLETED);
    assert_int_equal(big.state, ORI_JOB_COMPLETED);
    assert_int_equal(big.counts.success, BIG);
    assert_int_equal(big.progress, 100);
    ori_scheduler_destroy(&scheduler);
    assert_null(scheduler);
    assert_int_equal(atomic_load(&finished), BIG + SMALL);
}

static void higher_priority_goes_first(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    atomic_store(&has_engine, false);
    start();
    struct ori_job_options urgent_options = plain_options;
    urgent_options.priority = 10;
    struct ori_job usual = submit_scripts("usual", COUNT, WELL);
    for (size_t i = 0; i < COUNT; i++)
        write_script("urgent", i, WELL);
    struct ori_job urgent = submit("urgent", COUNT, urgent_options);
    atomic_store(&has_engine, true);
    ori_scheduler_wake(scheduler);
    urgent = wait_for_end(&urgent);
    assert_int_equal(urgent.counts.success, COUNT);
    assert_true(job_now(&usual).counts.success <= 4); /* what the free worker began meanwhile */
    assert_int_equal(wait_for_end(&usual).counts.success, COUNT);
    ori_scheduler_destroy(&scheduler);
}

static void two_hundred_items(void **state)
{
    (void)state;
    enum { COUNT = 200, CLIPS = 8 };
    char path[96];
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT; i++)
        write_script("many", i, WELL);
    int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(getenv("TEST_START")), 0);
    uint8_t *data = clip_bytes("h264.mp4", &bytes);
    assert_int_equal(fchdir(back), 0);
    close(back);
    for (size_t i = 0; i < CLIPS; i++) {
        snprintf(path, sizeof path, "input/p/many-%zu.mp4", i * (COUNT / CLIPS));
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(data, 1, bytes, file), bytes);
        fclose(file);
    }
    free(data);
    struct ori_job job = submit("many", COUNT, plain_options);
    job = job_now(&job); /* SQLite opens its log when it first reads */
    size_t descriptors = open_descriptors();
    start();
    job = wait_for_end(&job);
    ori_scheduler_destroy(&scheduler);
    assert_int_equal(job.state, ORI_JOB_COMPLETED);
    assert_int_equal(job.counts.success, COUNT);
    assert_int_equal(item_now(&job, 1).frames, 2);
    assert_true(item_now(&job, 0).frames >= 1);
    assert_int_equal(atomic_load(&finished), COUNT);
    assert_int_equal(open_descriptors(), descriptors);
}

static void a_video_twice_is_extracted_once(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_job job;
    bool is_old = false;
    struct ori_job_new_item items[3];
    for (size_t i = 0; i < COUNT_OF(items); i++)
        items[i] = (struct ori_job_new_item){.platform = "p", .code = "twin-0"};
    struct ori_job_new fresh = {.options = {.is_forced = true, .sleep_between_batches = -1},
                                .request_id = "test",
                                .items = items,
                                .items_count = COUNT_OF(items)};
    write_script("twin", 0, WELL);
    assert_int_equal(
        ori_job_store_add(world.store, &fresh, ori_clock_wall_us(), &job, &is_old, &err), ORI_OK);
    start();
    job = wait_for_end(&job);
    ori_scheduler_destroy(&scheduler);
    assert_int_equal(job.counts.success, 3);
    assert_int_equal(log_lines(&job, "2 frames in "), 1);
    assert_int_equal(log_lines(&job, "already done: 2 frames"), 2);
    assert_int_equal(item_now(&job, 2).frames, 2);
}

/* ---- stop ---- */

static void stop_ends_what_runs(void **state)
{
    (void)state;
    struct ori_error err = {0};
    start();
    struct ori_job stopped = submit_scripts("stopped", 5, HANGS);
    ori_scheduler_wake(scheduler);
    (void)wait_for_children(2);
    int64_t begin_us = ori_clock_us();
    assert_int_equal(
        ori_job_store_stop(world.store, stopped.job_id, ori_clock_wall_us(), &stopped, &err),
        ORI_OK);
    assert_int_equal(ori_scheduler_stop_job(scheduler, stopped.seq, begin_us + 2000000), ORI_OK);
    assert_true(ori_clock_us() - begin_us < 2000000);
    stopped = job_now(&stopped);
    assert_int_equal(stopped.state, ORI_JOB_STOPPED);
    assert_int_equal(stopped.counts.stopped, 5);
    assert_int_equal(item_now(&stopped, 0).attempts, 0);
    pid_t pid = 0;
    assert_int_equal(children(&pid), 0);
    /* and the workers are free for others */
    struct ori_job next = submit_scripts("next", 2, WELL);
    ori_scheduler_wake(scheduler);
    assert_int_equal(wait_for_end(&next).counts.success, 2);
    ori_scheduler_destroy(&scheduler);
}

/* Nobody told the scheduler: the store does, within a beat. */
static void a_stop_is_seen_by_the_beat(void **state)
{
    (void)state;
    struct ori_error err = {0};
    start();
    struct ori_job job = submit_scripts("beaten", 2, HANGS);
    ori_scheduler_wake(scheduler);
    (void)wait_for_children(2);
    int64_t begin_us = ori_clock_us();
    assert_int_equal(ori_job_store_stop(world.store, job.job_id, ori_clock_wall_us(), &job, &err),
                     ORI_OK);
    assert_int_equal(wait_for_end(&job).state, ORI_JOB_STOPPED);
    assert_true(ori_clock_us() - begin_us < 4000000); /* a beat is a second */
    ori_scheduler_destroy(&scheduler);
}

static void stop_that_does_not_come_in_time(void **state)
{
    (void)state;
    start();
    struct ori_job job = submit_scripts("late", 1, HANGS);
    ori_scheduler_wake(scheduler);
    (void)wait_for_children(1);
    assert_int_equal(ori_scheduler_stop_job(scheduler, job.seq, 0), ORI_AGAIN);
    assert_int_equal(ori_scheduler_stop_job(scheduler, job.seq + 1, 0), ORI_OK); /* none such */
    ori_scheduler_destroy(&scheduler);
}

/* ---- attempts ---- */

static void a_crashing_child_is_tried_again(void **state)
{
    (void)state;
    start();
    struct ori_job job = submit_scripts("crash", 2, EXIT_3);
    ori_scheduler_wake(scheduler);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (item_now(&job, 1).attempts == 0)
        wait_for_change(deadline_us);
    write_script("crash", 1, WELL); /* it passes */
    job = wait_for_end(&job);
    ori_scheduler_destroy(&scheduler);
    struct ori_job_item failed = item_now(&job, 0);
    struct ori_job_item passed = item_now(&job, 1);
    assert_int_equal(job.state, ORI_JOB_COMPLETED);
    assert_int_equal(failed.state, ORI_ITEM_FAILED);
    assert_int_equal(failed.attempts, 2);
    assert_string_equal(failed.error.code, "decoder_crashed");
    assert_string_equal(failed.error.stage, "decode");
    assert_non_null(strstr(failed.error.message, "exit status 3"));
    assert_true(failed.error.is_retryable);
    assert_int_equal(passed.state, ORI_ITEM_SUCCESS);
    assert_int_equal(passed.attempts, 2);
    assert_int_equal(passed.frames, 2);
    assert_true(log_lines(&job, "attempt 1 of 2, again in ") == 2);
}

static void what_does_not_pass_fails_at_once(void **state)
{
    (void)state;
    struct ori_job job = submit("absent", 1, plain_options); /* no such video */
    start();
    job = wait_for_end(&job);
    ori_scheduler_destroy(&scheduler);
    struct ori_job_item item = item_now(&job, 0);
    assert_int_equal(job.state, ORI_JOB_FAILED);
    assert_int_equal(item.attempts, 1);
    assert_string_equal(item.error.code, "not_found");
    assert_string_equal(item.error.stage, "open");
    assert_false(item.error.is_retryable);
}

static void a_child_killed_from_outside_is_no_attempt(void **state)
{
    (void)state;
    start();
    struct ori_job job = submit_scripts("killed", 1, HANGS);
    ori_scheduler_wake(scheduler);
    pid_t pid = wait_for_children(1);
    write_script("killed", 0, WELL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    job = wait_for_end(&job);
    ori_scheduler_destroy(&scheduler);
    assert_int_equal(job.counts.success, 1);
    assert_int_equal(item_now(&job, 0).attempts, 1); /* the one that succeeded */
    assert_int_equal(log_lines(&job, "handed back: "), 1);
}

/* ---- the end ---- */

static void drain_hands_back(void **state)
{
    (void)state;
    start();
    struct ori_job job = submit_scripts("drained", 3, HANGS);
    ori_scheduler_wake(scheduler);
    (void)wait_for_children(2);
    ori_scheduler_drain(scheduler, ori_clock_us() + 100000);
    pid_t pid = 0;
    assert_int_equal(children(&pid), 0);
    assert_int_equal(ori_scheduler_busy(scheduler), 0);
    struct ori_job now = job_now(&job);
    assert_int_equal(now.state, ORI_JOB_RUNNING);
    assert_int_equal(now.counts.waiting, 3);
    assert_int_equal(item_now(&job, 0).attempts, 0);
    for (size_t i = 0; i < 3; i++)
        write_script("drained", i, WELL);
    ori_scheduler_wake(scheduler); /* nothing new is begun */
    assert_int_equal(job_now(&job).counts.waiting, 3);
    ori_scheduler_destroy(&scheduler);
    start(); /* the next server */
    assert_int_equal(wait_for_end(&job).counts.success, 3);
    ori_scheduler_destroy(&scheduler);
}

static void drain_lets_running_items_end(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    start();
    struct ori_job job = submit_scripts("ending", COUNT, WELL);
    ori_scheduler_wake(scheduler);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (job_now(&job).counts.success == 0)
        wait_for_change(deadline_us);
    ori_scheduler_drain(scheduler, deadline_us);
    struct ori_job now = job_now(&job);
    assert_int_equal(now.counts.processing, 0);
    assert_int_equal(now.counts.success + now.counts.waiting, COUNT);
    /* None was cut off. The one that was being claimed at that moment may have been handed back. */
    assert_in_range(atomic_load(&finished) - now.counts.success, 0, 1);
    assert_true(now.counts.success >= 1);
    ori_scheduler_destroy(&scheduler);
}

static void the_end_of_the_process_hands_back(void **state)
{
    (void)state;
    start();
    struct ori_job job = submit_scripts("cut", 4, HANGS);
    ori_scheduler_wake(scheduler);
    (void)wait_for_children(2);
    ori_cancel_set(&world.cancel);
    ori_scheduler_drain(scheduler, ORI_CLOCK_NO_DEADLINE);
    struct ori_job now = job_now(&job);
    assert_int_equal(now.counts.waiting, 4);
    assert_int_equal(log_lines(&job, "handed back: "), 2); /* and not claimed again and again */
    ori_scheduler_destroy(&scheduler);
}

/* ---- a store that does not take it ---- */

/* Another program holds the write lock: the ended item waits with its worker, and nothing is begun
 * until it is in the store. */
static void an_end_that_cannot_be_stored_is_stored_later(void **state)
{
    (void)state;
    sqlite3 *other = NULL;
    ori_job_store_close(&world.store);
    open_store(50);
    start();
    struct ori_job job = submit_scripts("held", 1, HANGS);
    ori_scheduler_wake(scheduler);
    pid_t pid = wait_for_children(1);
    assert_int_equal(sqlite3_open("jobs.db", &other), SQLITE_OK);
    (void)sqlite3_busy_timeout(other, PATIENCE_MS);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    write_script("held", 0, WELL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)!ori_cancel_wait(NULL, 600); /* several tries to finish fail */
    assert_int_equal(ori_scheduler_busy(scheduler), 1);
    assert_int_equal(job_now(&job).counts.processing, 1);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    assert_int_equal(wait_for_end(&job).counts.success, 1);
    ori_scheduler_destroy(&scheduler);
}

/* ---- the decode child ---- */

/* A script begins with a word, an MP4 file with the size of its first box: a zero byte. */
static int decode(void)
{
    char start_of[8] = "";
    if (pread(ORI_CHILD_FD_MEDIUM, start_of, sizeof start_of - 1, 0) < 1)
        return 8;
    if (strncmp(start_of, "exit3", 5) == 0)
        return 3;
    return start_of[0] == '\0' ? ori_extract_main() : actor_play();
}

int main(int argc, char **argv)
{
    char folder[4096];
    if (actor_is_called(argc, argv))
        return decode();
    if (!getcwd(folder, sizeof folder) || setenv("TEST_START", folder, 1) != 0)
        return 1;
    if (mkdir("test-clips", 0777) != 0 && errno != EEXIST)
        return 1;
    if (!clip_is_there(clip_find("h264.mp4", 8)))
        clip_render(clip_find("h264.mp4", 8));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_job_passes_a_big_one, begin_one_job, end),
        cmocka_unit_test_setup_teardown(higher_priority_goes_first, begin_one_job, end),
        cmocka_unit_test_setup_teardown(two_hundred_items, begin_four, end),
        cmocka_unit_test_setup_teardown(a_video_twice_is_extracted_once, begin_four, end),
        cmocka_unit_test_setup_teardown(stop_ends_what_runs, begin_two, end),
        cmocka_unit_test_setup_teardown(a_stop_is_seen_by_the_beat, begin_two, end),
        cmocka_unit_test_setup_teardown(stop_that_does_not_come_in_time, begin_two, end),
        cmocka_unit_test_setup_teardown(a_crashing_child_is_tried_again, begin_two, end),
        cmocka_unit_test_setup_teardown(what_does_not_pass_fails_at_once, begin_two, end),
        cmocka_unit_test_setup_teardown(a_child_killed_from_outside_is_no_attempt, begin_two, end),
        cmocka_unit_test_setup_teardown(drain_hands_back, begin_two, end),
        cmocka_unit_test_setup_teardown(drain_lets_running_items_end, begin_two, end),
        cmocka_unit_test_setup_teardown(the_end_of_the_process_hands_back, begin_two, end),
        cmocka_unit_test_setup_teardown(an_end_that_cannot_be_stored_is_stored_later, begin_two,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
