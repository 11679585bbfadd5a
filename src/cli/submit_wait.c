/* Until the jobs have ended, a few asked in each round, so that a thousand of them are no storm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/jobs_view.h"
#include "cli/progress.h"
#include "cli/submit_priv.h"
#include "cli/table.h"
#include "util/clock.h"

#define ROUND_MS 500
#define ROUND_JOBS 8
#define PATH_BYTES 128
#define TOLD_MAX 20

struct waiting {
    struct ori_submit *submit;
    size_t *open;  /* jobs that have not ended, by their place in the journal */
    size_t *ended; /* videos of each job that have ended, as last seen */
    size_t open_count;
    size_t next; /* of open: who is asked next */
    size_t total;
    size_t done; /* videos, of all jobs */
    size_t told;
};

static void draw(const struct waiting *waiting)
{
    struct ori_submit *submit = waiting->submit;
    char line[ORI_PROGRESS_BYTES];
    if (!ori_submit_may_draw(submit))
        return;
    const struct ori_progress_submit progress = {.videos = waiting->done,
                                                 .total = waiting->total,
                                                 .jobs = submit->journal.jobs_count,
                                                 .jobs_ended = submit->journal.jobs_count -
                                                               waiting->open_count,
                                                 .failed = submit->failed,
                                                 .elapsed_us = ori_clock_us() - submit->begin_us};
    ori_progress_render_submit(&progress, ori_table_line_width(STDERR_FILENO), line);
    ori_log_status(&submit->cli->log, line);
}

static ori_status ask(struct ori_submit *submit, const char *path, struct ori_jobs_answer *answer,
                      struct ori_error *err)
{
    const struct ori_jobs_request request = {.method = "GET", .path = path, .retries = 1};
    return ori_submit_ask(submit, &request, answer, err);
}

static void note_done(struct waiting *waiting, size_t place, size_t done)
{
    const size_t items = waiting->submit->journal.jobs[place].items;
    if (done > items)
        done = items;
    waiting->done = waiting->done - waiting->ended[place] + done;
    waiting->ended[place] = done;
}

/* Its counts, told where they are not all good. */
static ori_status end_job(struct waiting *waiting, size_t place, struct ori_error *err)
{
    struct ori_submit *submit = waiting->submit;
    const struct ori_submit_job *job = &submit->journal.jobs[place];
    struct ori_jobs_answer answer;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/jobs/%s", job->id);
    ori_status status = ask(submit, path, &answer, err);
    if (status != ORI_OK)
        return status;
    const json_t *counts = json_object_get(answer.json, "counts");
    const json_int_t success = json_integer_value(json_object_get(counts, "success"));
    const size_t failed = success < 0 || success > job->items ? 0 : job->items - (size_t)success;
    submit->failed += failed;
    note_done(waiting, place, job->items);
    if (failed > 0 && waiting->told++ < TOLD_MAX)
        ori_log_say(&submit->cli->log,
                    "oriane: job %s: %zu of %u videos did not succeed (oriane jobs show %s)",
                    job->id, failed, job->items, job->id);
    status = ori_submit_print_job(submit, job, place < submit->jobs_before, answer.json, err);
    json_decref(answer.json);
    return status;
}

static ori_status lose_job(struct waiting *waiting, size_t place, struct ori_error *err)
{
    struct ori_submit *submit = waiting->submit;
    json_t *unknown = json_pack("{s:s, s:n}", "status", "unknown", "counts");
    submit->unknown++;
    note_done(waiting, place, submit->journal.jobs[place].items);
    if (waiting->told++ < TOLD_MAX)
        ori_log_say(&submit->cli->log, "oriane: job %s: the server does not know it any more",
                    submit->journal.jobs[place].id);
    ori_status status = ori_submit_print_job(submit, &submit->journal.jobs[place],
                                             place < submit->jobs_before, unknown, err);
    json_decref(unknown);
    return status;
}

/* *ret_has_ended: it is not asked again. */
static ori_status look(struct waiting *waiting, size_t place, bool *ret_has_ended,
                       struct ori_error *err)
{
    struct ori_submit *submit = waiting->submit;
    struct ori_jobs_answer answer;
    struct ori_error cause = {0};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/jobs/%s/progress", submit->journal.jobs[place].id);
    ori_status status = ask(submit, path, &answer, &cause);
    *ret_has_ended = status == ORI_OK;
    if (status != ORI_OK && answer.http_status == 404) {
        *ret_has_ended = true;
        return lose_job(waiting, place, err);
    }
    if (status != ORI_OK) {
        *err = cause;
        return status;
    }
    const char *state = json_string_value(json_object_get(answer.json, "job_status"));
    const json_t *progress = json_object_get(answer.json, "progress");
    const json_int_t done = json_integer_value(json_object_get(progress, "completed"));
    *ret_has_ended = ori_jobs_view_is_end(state);
    note_done(waiting, place, done > 0 ? (size_t)done : 0);
    json_decref(answer.json);
    return *ret_has_ended ? end_job(waiting, place, err) : ORI_OK;
}

static ori_status look_round(struct waiting *waiting, struct ori_error *err)
{
    ori_status status = ORI_OK;
    const size_t rounds = waiting->open_count < ROUND_JOBS ? waiting->open_count : ROUND_JOBS;
    for (size_t i = 0; i < rounds && status == ORI_OK && waiting->open_count > 0; i++) {
        bool has_ended = false;
        waiting->next %= waiting->open_count;
        status = look(waiting, waiting->open[waiting->next], &has_ended, err);
        if (status == ORI_OK && has_ended) /* order is kept: the oldest end first */
            memmove(&waiting->open[waiting->next], &waiting->open[waiting->next + 1],
                    (--waiting->open_count - waiting->next) * sizeof *waiting->open);
        else
            waiting->next++;
        draw(waiting);
    }
    return status;
}

ori_status ori_submit_wait(struct ori_submit *submit, struct ori_error *err)
{
    const size_t count = submit->journal.jobs_count;
    ori_status status = ORI_OK;
    struct waiting waiting = {.submit = submit, .open_count = count};
    waiting.open = calloc(count + 1, sizeof *waiting.open);
    waiting.ended = calloc(count + 1, sizeof *waiting.ended);
    if (!waiting.open || !waiting.ended)
        status = ori_error_set(err, ORI_NOMEM, "list of jobs");
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        waiting.open[i] = i;
        waiting.total += submit->journal.jobs[i].items;
    }
    submit->begin_us = ori_clock_us();
    while (status == ORI_OK && waiting.open_count > 0) {
        status = look_round(&waiting, err);
        if (status == ORI_OK && waiting.open_count > 0 &&
            ori_cancel_wait(&submit->session.cancel, ROUND_MS) == ORI_CANCELLED)
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
    free(waiting.open);
    free(waiting.ended);
    return status;
}
