/* The service as a whole: what refuses to start, what waits for a model, what clients may ask. */
#include <dirent.h>
#include <sys/wait.h>

#include "jobs/service.h"
#include "jobs_world.h"
#include "pipeline_actor.h"

#define WELL "info\nframe 0 10\nframe 2000 20\nscene 0 9000\ndone\n"
#define HANGS "info\nframe 0 10\nhang\n"

static struct ori_service *service;

static void load_live(enum ori_setting setting, const char *text)
{
    struct ori_error err = {0};
    const struct ori_settings *settings = NULL;
    struct ori_setting_flag flags[] = {
        {ORI_SETTING_VP_MAX_WORKERS, "2"},    {ORI_SETTING_CLIP_MODEL, "builtin/visual-512"},
        {ORI_SETTING_VP_MAX_PIXELS, "65536"}, {ORI_SETTING_VP_OUTPUT_DIR, "out"},
        {ORI_SETTING_VP_INPUT_DIR, "input"},  {setting, text}};
    struct ori_settings_sources sources = {.flags = flags, .flags_count = COUNT_OF(flags)};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    assert_int_equal(ori_live_create(settings, &world.live, &err), ORI_OK);
}

static int begin(void **state)
{
    (void)state;
    struct ori_error err = {0};
    snprintf(world.root, sizeof world.root, "/tmp/oriane-service-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(chdir(world.root), 0);
    assert_int_equal(mkdir("input", 0777) | mkdir("input/p", 0777), 0);
    assert_int_equal(ori_cancel_init(&world.cancel, NULL, &err), ORI_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ori_service_destroy(&service);
    ori_service_destroy(&service);
    world.store = NULL;
    if (world.live)
        ori_live_destroy(&world.live);
    ori_cancel_deinit(&world.cancel);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(world.root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return 0;
}

static ori_status try_start(enum ori_setting setting, const char *text, struct ori_error *err)
{
    load_live(setting, text);
    struct ori_service_options options = {.live = world.live, .cancel = &world.cancel};
    ori_status status = ori_service_create(&options, &service, err);
    if (status != ORI_OK)
        ori_live_destroy(&world.live);
    else
        world.store = service->store; /* of the service; for the helpers */
    return status;
}

static void start(enum ori_setting setting, const char *text)
{
    struct ori_error err = {0};
    if (try_start(setting, text, &err) != ORI_OK)
        fail_msg("%s", err.text);
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

static void write_script(const char *name, const char *script)
{
    char path[96];
    snprintf(path, sizeof path, "input/p/%s.mp4", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
}

static struct ori_job submit_one(const char *code)
{
    struct ori_error err = {0};
    struct ori_job job;
    bool is_old = true;
    struct ori_job_new_item item = {.platform = "p", .code = code};
    struct ori_job_new fresh = {
        .options = plain_options, .request_id = "test", .items = &item, .items_count = 1};
    assert_int_equal(ori_service_submit(service, &fresh, &job, &is_old, &err), ORI_OK);
    assert_false(is_old);
    return job;
}

/* The hub reads the store's eventfd: here it is looked at again and again. */
static void wait_for_state(const struct ori_job *job, enum ori_job_state state)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    while (job_now(job).state != state) {
        assert_true(ori_clock_us() < deadline_us);
        (void)!ori_cancel_wait(NULL, 10);
    }
}

static struct ori_readiness wait_for_readiness(void)
{
    struct ori_readiness readiness;
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    do {
        assert_true(ori_clock_us() < deadline_us);
        (void)!ori_cancel_wait(NULL, 10);
        ori_service_readiness(service, &readiness);
    } while (!readiness.is_ready);
    return readiness;
}

/* ---- tests ---- */

static void what_refuses_to_start(void **state)
{
    (void)state;
    static const struct {
        enum ori_setting setting;
        const char *text;
        ori_status status;
        const char *words;
    } rows[] = {
        {ORI_SETTING_JOB_DB, "postgres://user:hidden@db/jobs", ORI_BAD_SETTING, "JOB_DB"},
        {ORI_SETTING_JOB_DB, "postgresql://user:hidden@db/jobs", ORI_BAD_SETTING, "JOB_DB"},
        {ORI_SETTING_WEBHOOK_SECRET, "whsec_hidden", ORI_BAD_SETTING, "WEBHOOK_SECRET"},
        {ORI_SETTING_URL_ALLOW_PRIVATE, "10.0.0.0/99", ORI_BAD_SETTING, "URL_ALLOW_PRIVATE"},
        {ORI_SETTING_VP_FRAMES_DIR, "file/frames", ORI_NOT_WRITABLE, "VP_FRAMES_DIR"},
        {ORI_SETTING_JOB_DB, "file/jobs.db", ORI_NOT_WRITABLE, "JOB_DB"},
    };
    FILE *file = fopen("file", "w");
    assert_non_null(file);
    fclose(file);
    size_t descriptors = open_descriptors();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        ori_status status = try_start(rows[i].setting, rows[i].text, &err);
        print_message("%s: %s\n", rows[i].text, err.text);
        assert_int_equal(status, rows[i].status);
        assert_null(service);
        assert_non_null(strstr(err.text, rows[i].words));
        assert_null(strstr(err.text, "hidden"));
        assert_int_equal(open_descriptors(), descriptors);
    }
}

static void one_server_a_store(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_service *second = NULL;
    start(ORI_SETTING_VP_BATCH_SIZE, "8");
    struct ori_service_options options = {.live = world.live, .cancel = &world.cancel};
    assert_int_equal(ori_service_create(&options, &second, &err), ORI_STORE);
    assert_null(second);
    assert_non_null(strstr(err.text, "in use"));
}

static void jobs_wait_for_a_model(void **state)
{
    (void)state;
    struct ori_readiness readiness = {.is_ready = true};
    start(ORI_SETTING_CLIP_MODEL, "openai/clip-vit-base-patch32");
    write_script("a", WELL);
    struct ori_job job = submit_one("a");
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    do {
        assert_true(ori_clock_us() < deadline_us);
        (void)!ori_cancel_wait(NULL, 10);
        ori_service_readiness(service, &readiness);
        assert_false(readiness.is_ready);
    } while (!strstr(readiness.model_reason, "openai/clip-vit-base-patch32"));
    print_message("%s\n", readiness.model_reason);
    assert_false(readiness.has_model);
    assert_true(readiness.has_frames);
    assert_true(readiness.has_job_store);
    assert_null(ori_service_engine(service));
    ori_service_poke(service);
    assert_int_equal(job_now(&job).state, ORI_JOB_PENDING);
    ori_service_measure(service);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_ITEMS, ORI_ITEM_WAITING) == 1);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_JOBS, ORI_JOB_PENDING) == 1);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_WORKERS, 0) == 2);
}

static void a_vector_store_that_cannot_be_opened(void **state)
{
    (void)state;
    struct ori_readiness readiness = {.has_vectors = true};
    start(ORI_SETTING_VECTOR_DB, "input"); /* a folder */
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    do {
        assert_true(ori_clock_us() < deadline_us);
        (void)!ori_cancel_wait(NULL, 10);
        ori_service_readiness(service, &readiness);
    } while (!readiness.vectors_reason[0] || !readiness.has_model);
    assert_false(readiness.is_ready);
    assert_false(readiness.has_vectors);
    assert_string_equal(readiness.model_reason, "");
}

static void what_clients_ask(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_job now;
    start(ORI_SETTING_VP_BATCH_SIZE, "8");
    struct ori_readiness readiness = wait_for_readiness();
    assert_true(readiness.has_model && readiness.has_vectors);
    write_script("a", HANGS);
    struct ori_job job = submit_one("a");
    wait_for_state(&job, ORI_JOB_RUNNING);
    assert_int_equal(ori_service_start_job(service, job.job_id, &now, &err), ORI_WRONG_STATE);
    err = (struct ori_error){0};
    int64_t begin_us = ori_clock_us();
    assert_int_equal(ori_service_stop_job(service, job.job_id, &now, &err), ORI_OK);
    assert_true(ori_clock_us() - begin_us < 2000000);
    assert_int_equal(now.state, ORI_JOB_STOPPED);
    assert_int_equal(ori_service_stop_job(service, job.job_id, &now, &err), ORI_WRONG_STATE);
    err = (struct ori_error){0};
    write_script("a", WELL);
    assert_int_equal(ori_service_start_job(service, job.job_id, &now, &err), ORI_OK);
    wait_for_state(&job, ORI_JOB_COMPLETED);
    write_script("b", HANGS);
    struct ori_job running = submit_one("b");
    wait_for_state(&running, ORI_JOB_RUNNING);
    assert_int_equal(ori_service_delete_job(service, running.job_id, &err), ORI_OK);
    assert_int_equal(ori_scheduler_busy(service->scheduler), 0);
    assert_int_equal(ori_service_delete_job(service, running.job_id, &err), ORI_NOT_FOUND);
    err = (struct ori_error){0};
    assert_int_equal(ori_service_delete_job(service, job.job_id, &err), ORI_OK);
    ori_service_measure(service);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_ITEMS_ENDED, ORI_ITEM_SUCCESS) == 1);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_ITEMS_ENDED, ORI_ITEM_STOPPED) == 2);
    assert_true(ori_metrics_value(service->metrics, ORI_METRIC_WORKERS_BUSY, 0) == 0);
}

/* What the first one handed back, the second one does. */
static void over_a_restart(void **state)
{
    (void)state;
    struct ori_readiness readiness;
    start(ORI_SETTING_VP_BATCH_SIZE, "8");
    write_script("a", HANGS);
    struct ori_job job = submit_one("a");
    wait_for_state(&job, ORI_JOB_RUNNING);
    ori_service_drain(service, ori_clock_us());
    ori_service_readiness(service, &readiness);
    assert_true(readiness.is_draining);
    assert_false(readiness.is_ready);
    assert_int_equal(job_now(&job).counts.waiting, 1);
    ori_service_destroy(&service);
    ori_live_destroy(&world.live);
    write_script("a", WELL);
    start(ORI_SETTING_VP_BATCH_SIZE, "8");
    wait_for_state(&job, ORI_JOB_COMPLETED);
}

int main(int argc, char **argv)
{
    struct ori_error err = {0};
    if (actor_is_called(argc, argv))
        return actor_play();
    if (ori_net_global_init(&err) != ORI_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_refuses_to_start, begin, end),
        cmocka_unit_test_setup_teardown(one_server_a_store, begin, end),
        cmocka_unit_test_setup_teardown(jobs_wait_for_a_model, begin, end),
        cmocka_unit_test_setup_teardown(a_vector_store_that_cannot_be_opened, begin, end),
        cmocka_unit_test_setup_teardown(what_clients_ask, begin, end),
        cmocka_unit_test_setup_teardown(over_a_restart, begin, end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ori_net_global_deinit();
    return failed;
}
