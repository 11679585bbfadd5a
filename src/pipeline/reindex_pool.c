/* pipeline/reindex_pool.c: pieces of work over a few threads; the caller's thread tells how far. */
#include "pipeline/reindex_priv.h"

#include <stdio.h>

#include "util/clock.h"
#include "util/cond.h"

#define TELL_US 100000

void reindex_pool_tell(struct reindex *reindex, enum ori_reindex_stage stage)
{
    const struct ori_reindex_options *options = reindex->options;
    if (!options->on_progress)
        return;
    struct ori_reindex_progress progress = {.stage = stage, .total = reindex->work_count};
    pthread_mutex_lock(&reindex->lock);
    progress.ended = reindex->ended;
    progress.resumed = reindex->resumed;
    for (size_t i = 0; i < REINDEX_WORKERS_MAX; i++)
        progress.running_share += reindex->workers[i].share;
    pthread_mutex_unlock(&reindex->lock);
    progress.frames = atomic_load(&reindex->frames);
    options->on_progress(options->on_progress_self, &progress);
}

static bool take_piece(struct reindex *reindex, size_t *ret_index)
{
    pthread_mutex_lock(&reindex->lock);
    const bool has_piece =
        reindex->next < reindex->work_count && !ori_cancel_is_set(&reindex->halt);
    if (has_piece)
        *ret_index = reindex->next++;
    pthread_mutex_unlock(&reindex->lock);
    return has_piece;
}

/* The first failure is the one that counts; it ends the others. */
static void end_piece(struct reindex_worker *worker, ori_status status, const struct ori_error *err)
{
    struct reindex *reindex = worker->reindex;
    pthread_mutex_lock(&reindex->lock);
    worker->share = 0;
    if (status == ORI_OK) {
        reindex->ended++;
    } else if (reindex->status == ORI_OK) {
        reindex->status = status;
        reindex->error = *err;
    }
    pthread_mutex_unlock(&reindex->lock);
    if (status != ORI_OK)
        ori_cancel_set(&reindex->halt);
}

static void *worker_thread(void *self)
{
    struct reindex_worker *worker = self;
    struct reindex *reindex = worker->reindex;
    size_t index = 0;
    while (take_piece(reindex, &index)) {
        struct ori_error err = {0};
        const ori_status status = reindex->work(worker, index, &err);
        end_piece(worker, status, &err);
    }
    pthread_mutex_lock(&reindex->lock);
    reindex->alive--;
    pthread_cond_signal(&reindex->has_ended);
    pthread_mutex_unlock(&reindex->lock);
    return NULL;
}

static size_t start_workers(struct reindex *reindex, struct ori_error *err)
{
    size_t wanted = (size_t)reindex->options->settings->vp_max_workers;
    size_t count = 0;
    if (wanted > REINDEX_WORKERS_MAX)
        wanted = REINDEX_WORKERS_MAX;
    if (wanted > reindex->work_count)
        wanted = reindex->work_count;
    while (count < wanted) {
        struct reindex_worker *worker = &reindex->workers[count];
        char name[16];
        *worker = (struct reindex_worker){.reindex = reindex};
        pthread_mutex_lock(&reindex->lock);
        reindex->alive++;
        pthread_mutex_unlock(&reindex->lock);
        const int failed = pthread_create(&worker->thread, NULL, worker_thread, worker);
        if (failed) { /* fewer workers do the same work; none do not */
            pthread_mutex_lock(&reindex->lock);
            reindex->alive--;
            pthread_mutex_unlock(&reindex->lock);
            if (count == 0)
                (void)ori_error_set_errno(err, failed, false, "starting a worker thread");
            break;
        }
        snprintf(name, sizeof name, "worker-%zu", count % REINDEX_WORKERS_MAX);
        pthread_setname_np(worker->thread, name);
        count++;
    }
    return count;
}

static void wait_for_all(struct reindex *reindex, enum ori_reindex_stage stage)
{
    pthread_mutex_lock(&reindex->lock);
    while (reindex->alive > 0) {
        ori_cond_wait(&reindex->has_ended, &reindex->lock, ori_clock_us() + TELL_US);
        pthread_mutex_unlock(&reindex->lock);
        reindex_pool_tell(reindex, stage);
        pthread_mutex_lock(&reindex->lock);
    }
    pthread_mutex_unlock(&reindex->lock);
}

ori_status reindex_pool_run(struct reindex *reindex, enum ori_reindex_stage stage,
                            reindex_work_fn work, size_t count, struct ori_error *err)
{
    ori_status status = ori_cancel_init(&reindex->halt, reindex->options->cancel, err);
    if (status != ORI_OK)
        return status;
    reindex->work = work;
    reindex->work_count = count;
    reindex->next = reindex->ended = reindex->resumed = 0;
    reindex->status = ORI_OK;
    const size_t workers = start_workers(reindex, err);
    wait_for_all(reindex, stage);
    for (size_t i = 0; i < workers; i++)
        pthread_join(reindex->workers[i].thread, NULL);
    ori_cancel_deinit(&reindex->halt);
    if (workers == 0 && count > 0)
        return ori_error_set(err, ORI_NOMEM, "worker threads");
    if (ori_cancel_is_set(reindex->options->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (reindex->status != ORI_OK && err)
        *err = reindex->error;
    return reindex->status;
}
