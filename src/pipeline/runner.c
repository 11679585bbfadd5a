#include "pipeline/runner.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKERS_MAX 256
#define RESULTS_WAITING_A_WORKER 4

struct worker {
    struct ori_runner *runner;
    pthread_t thread;
    bool is_running;                   /* a video; lock */
    struct ori_item_progress progress; /* lock */
};

struct ori_runner {
    struct ori_runner_options options; /* immutable */
    int fd;                            /* immutable; an eventfd */
    size_t results_max;                /* immutable */
    pthread_mutex_t lock;
    pthread_cond_t has_room;
    size_t next_work; /* lock, as all below */
    int workers_alive;
    struct ori_runner_result *results_head;
    struct ori_runner_result *results_tail;
    size_t results_count;
    bool is_stopping;
    struct ori_runner_progress ended; /* of videos that ended; running fields are not used */
    int workers_count;                /* owner thread */
    struct worker workers[WORKERS_MAX];
};

void ori_runner_result_destroy(struct ori_runner_result **result)
{
    if (!result || !*result)
        return;
    ori_item_result_deinit(&(*result)->item);
    free(*result);
    *result = NULL;
}

static void wake_owner(struct ori_runner *runner)
{
    uint64_t one = 1;
    ssize_t written = write(runner->fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one);
}

static void note_progress(void *self, const struct ori_item_progress *progress)
{
    struct worker *worker = self;
    pthread_mutex_lock(&worker->runner->lock);
    worker->progress = *progress;
    pthread_mutex_unlock(&worker->runner->lock);
}

/* The next video's index, when there is one and room for its result. */
static bool take_work(struct worker *worker, size_t *ret_work)
{
    struct ori_runner *runner = worker->runner;
    bool has_work = false;
    pthread_mutex_lock(&runner->lock);
    while (runner->results_count >= runner->results_max && !runner->is_stopping)
        pthread_cond_wait(&runner->has_room, &runner->lock);
    if (!runner->is_stopping && !ori_cancel_is_set(runner->options.cancel) &&
        runner->next_work < runner->options.works_count) {
        *ret_work = runner->next_work++;
        has_work = true;
        worker->is_running = true;
        memset(&worker->progress, 0, sizeof worker->progress);
    }
    pthread_mutex_unlock(&runner->lock);
    return has_work;
}

static void count(struct ori_runner *runner, const struct ori_item_result *item)
{
    runner->ended.ended++;
    if (item->status != ORI_OK) {
        runner->ended.failed++;
    } else if (item->is_skipped) {
        runner->ended.skipped++;
    } else {
        runner->ended.frames += item->manifest.frames_count;
        runner->ended.media_us += item->manifest.duration_us;
    }
}

static void give_result(struct worker *worker, struct ori_runner_result *result)
{
    struct ori_runner *runner = worker->runner;
    pthread_mutex_lock(&runner->lock);
    worker->is_running = false;
    count(runner, &result->item);
    if (runner->results_tail)
        runner->results_tail->next = result;
    else
        runner->results_head = result;
    runner->results_tail = result;
    runner->results_count++;
    pthread_mutex_unlock(&runner->lock);
    wake_owner(runner);
}

/* Its own, or made of the path. */
static ori_status code_of(const struct ori_runner_work *work, char ret_code[ORI_CODE_BYTES],
                          struct ori_error *err)
{
    if (!work->code && work->path)
        return ori_identity_code(work->path, ret_code, err);
    snprintf(ret_code, ORI_CODE_BYTES, "%s", work->code ? work->code : "");
    return ORI_OK;
}

/* "FOLDER/platform/code.END". */
static ori_status name_page(const char *folder, const char *platform, const char *code,
                            const char *end, char ret_path[ORI_LIMIT_MAX_PATH_BYTES],
                            struct ori_error *err)
{
    int bytes =
        snprintf(ret_path, ORI_LIMIT_MAX_PATH_BYTES, "%s/%s/%s.%s", folder, platform, code, end);
    if (bytes < 0 || bytes >= ORI_LIMIT_MAX_PATH_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a path has more than %d bytes",
                             ORI_LIMIT_MAX_PATH_BYTES - 1);
    return ORI_OK;
}

static void run_work(struct worker *worker, const struct ori_runner_work *work,
                     struct ori_item_result *item)
{
    const struct ori_runner_options *options = &worker->runner->options;
    char code[ORI_CODE_BYTES] = "";
    char scores[ORI_LIMIT_MAX_PATH_BYTES];
    char report[ORI_LIMIT_MAX_PATH_BYTES];
    struct ori_manifest *manifest = &item->manifest;
    item->status = work->status;
    if (item->status == ORI_OK)
        item->status = code_of(work, code, &item->error);
    else
        (void)ori_error_set(&item->error, work->status, "%s",
                            work->message ? work->message : ori_status_text(work->status));
    if (item->status == ORI_OK && options->is_scores_folder)
        item->status =
            name_page(options->scores, work->platform, code, "jsonl", scores, &item->error);
    if (item->status == ORI_OK && options->reports)
        item->status =
            name_page(options->reports, work->platform, code, "html", report, &item->error);
    if (item->status == ORI_OK) {
        struct ori_log log = options->log ? *options->log : (struct ori_log){0};
        log.platform = work->platform;
        log.code = code;
        struct ori_item_request request = {
            .path = work->path,
            .place = work->place,
            .platform = work->platform,
            .code = code,
            .is_forced = options->is_forced || options->scores || options->reports,
            .report_path = options->reports ? report : NULL,
            .scores_path = options->is_scores_folder ? scores : options->scores,
            .log = &log,
            .on_progress = note_progress,
            .on_progress_self = worker};
        (void)!ori_item_run(options->environment, &request, options->cancel, item);
        return;
    }
    item->error.stage = "open";
    item->attempts = 1;
    snprintf(manifest->platform, sizeof manifest->platform, "%s", work->platform);
    struct ori_error ignored = {0}; /* a folder has a code too, where its path is well */
    (void)!code_of(work, manifest->code, &ignored);
}

static void *worker_thread(void *self)
{
    struct worker *worker = self;
    struct ori_runner *runner = worker->runner;
    struct ori_runner_result *result = NULL;
    size_t work = 0;
    /* The result's memory first: without it no video is begun whose end could not be told. */
    while ((result = calloc(1, sizeof *result)) && take_work(worker, &work)) {
        result->work = work;
        ori_item_result_init(&result->item);
        run_work(worker, &runner->options.works[work], &result->item);
        give_result(worker, result);
        result = NULL;
    }
    ori_runner_result_destroy(&result);
    pthread_mutex_lock(&runner->lock);
    runner->workers_alive--;
    pthread_mutex_unlock(&runner->lock);
    wake_owner(runner);
    return NULL;
}

static ori_status start_worker(struct ori_runner *runner, struct ori_error *err)
{
    struct worker *worker = &runner->workers[runner->workers_count];
    char name[16];
    worker->runner = runner;
    pthread_mutex_lock(&runner->lock);
    runner->workers_alive++;
    pthread_mutex_unlock(&runner->lock);
    int failed = pthread_create(&worker->thread, NULL, worker_thread, worker);
    if (failed) {
        pthread_mutex_lock(&runner->lock);
        runner->workers_alive--;
        pthread_mutex_unlock(&runner->lock);
        return ori_error_set_errno(err, failed, false, "starting a worker thread");
    }
    snprintf(name, sizeof name, "worker-%d", runner->workers_count % WORKERS_MAX);
    pthread_setname_np(worker->thread, name);
    runner->workers_count++;
    return ORI_OK;
}

ori_status ori_runner_start(const struct ori_runner_options *options,
                            struct ori_runner **ret_runner, struct ori_error *err)
{
    ORI_ASSERT(options->workers > 0 && options->workers <= WORKERS_MAX);
    size_t workers = (size_t)options->workers;
    ori_status status = ORI_OK;
    struct ori_runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return ori_error_set(err, ORI_NOMEM, "runner");
    runner->options = *options;
    if (workers > options->works_count)
        workers = options->works_count;
    runner->results_max = RESULTS_WAITING_A_WORKER * (size_t)options->workers;
    pthread_mutex_init(&runner->lock, NULL); /* these do not fail on Linux */
    pthread_cond_init(&runner->has_room, NULL);
    runner->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (runner->fd < 0)
        status = ori_error_set_errno(err, errno, false, "runner");
    for (size_t i = 0; i < workers && status == ORI_OK; i++) {
        struct ori_error why = {0};
        status = start_worker(runner, &why);
        if (status != ORI_OK && i > 0) { /* fewer workers do the same work */
            status = ORI_OK;
            break;
        }
        if (status != ORI_OK && err)
            *err = why;
    }
    if (status != ORI_OK) {
        ori_runner_stop(&runner);
        return status;
    }
    *ret_runner = runner;
    return ORI_OK;
}

void ori_runner_stop(struct ori_runner **runner)
{
    if (!runner || !*runner)
        return;
    struct ori_runner *it = *runner;
    struct ori_runner_result *result = NULL;
    pthread_mutex_lock(&it->lock);
    it->is_stopping = true;
    pthread_cond_broadcast(&it->has_room);
    pthread_mutex_unlock(&it->lock);
    for (int i = 0; i < it->workers_count; i++)
        pthread_join(it->workers[i].thread, NULL);
    while ((result = ori_runner_take(it)))
        ori_runner_result_destroy(&result);
    pthread_cond_destroy(&it->has_room);
    pthread_mutex_destroy(&it->lock);
    if (it->fd >= 0)
        close(it->fd);
    free(it);
    *runner = NULL;
}

int ori_runner_fd(const struct ori_runner *runner)
{
    return runner->fd;
}

struct ori_runner_result *ori_runner_take(struct ori_runner *runner)
{
    uint64_t wakes = 0;
    (void)!read(runner->fd, &wakes, sizeof wakes); /* before looking: a later wake is not lost */
    pthread_mutex_lock(&runner->lock);
    struct ori_runner_result *result = runner->results_head;
    if (result) {
        runner->results_head = result->next;
        if (!runner->results_head)
            runner->results_tail = NULL;
        else
            wake_owner(runner);
        result->next = NULL;
        runner->results_count--;
        pthread_cond_signal(&runner->has_room);
    }
    pthread_mutex_unlock(&runner->lock);
    return result;
}

bool ori_runner_is_done(struct ori_runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    bool is_done = runner->workers_alive == 0 && runner->results_count == 0;
    pthread_mutex_unlock(&runner->lock);
    return is_done;
}

void ori_runner_progress(struct ori_runner *runner, struct ori_runner_progress *ret_progress)
{
    pthread_mutex_lock(&runner->lock);
    *ret_progress = runner->ended;
    for (int i = 0; i < runner->workers_count; i++) {
        const struct worker *worker = &runner->workers[i];
        if (!worker->is_running)
            continue;
        const struct ori_item_progress *progress = &worker->progress;
        ret_progress->running++;
        ret_progress->frames += progress->frames;
        ret_progress->media_us += progress->pts_us;
        if (progress->duration_us > 0) {
            double share = (double)progress->pts_us / (double)progress->duration_us;
            ret_progress->running_share += share < 0 ? 0 : share > 1 ? 1 : share;
        }
    }
    pthread_mutex_unlock(&runner->lock);
}
