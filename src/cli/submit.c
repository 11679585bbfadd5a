/* oriane submit: a list of videos, or a prefix of a bucket, becomes jobs of a running server. */
#include "cli/submit_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/progress.h"
#include "cli/remote_name.h"
#include "cli/table.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/limits.h"

#define FOLDER "submit" /* under VP_OUTPUT_DIR */
#define REDRAW_US 100000
#define PATIENCE_S 120
#define BAD_TOLD_MAX 20
#define PURPOSE_BYTES (16 * 1024)

/* ---- what is said ---- */

ori_status ori_submit_bad_entry(struct ori_submit *submit, const struct ori_error *cause,
                                struct ori_error *err)
{
    submit->bad++;
    if (submit->is_strict)
        return ori_error_set(err, ORI_BAD_LIST, "%s", cause->text);
    if (submit->bad <= BAD_TOLD_MAX)
        ori_log_say(&submit->cli->log, "oriane: %s%s%s",
                    submit->list ? submit->cli->operands[0] : "", submit->list ? ": " : "",
                    cause->text);
    return ORI_OK;
}

bool ori_submit_may_draw(struct ori_submit *submit)
{
    const int64_t now_us = ori_clock_us();
    if (!ori_log_sink_is_terminal(submit->cli->log.sink) || now_us - submit->drawn_us < REDRAW_US)
        return false;
    submit->drawn_us = now_us;
    return true;
}

void ori_submit_draw(struct ori_submit *submit, const char *trouble)
{
    char line[ORI_PROGRESS_BYTES];
    int64_t bytes = 0;
    int64_t bytes_total = 0;
    if (!ori_submit_may_draw(submit))
        return;
    if (submit->list)
        ori_list_progress(submit->list, &bytes, &bytes_total);
    const struct ori_progress_submit progress = {
        .trouble = trouble,
        .videos = submit->posted,
        .share = bytes_total > 0 ? (double)bytes / (double)bytes_total : -1,
        .jobs = submit->journal.jobs_count - submit->jobs_before,
        .elapsed_us = ori_clock_us() - submit->begin_us};
    ori_progress_render_submit(&progress, ori_table_line_width(STDERR_FILENO), line);
    ori_log_status(&submit->cli->log, line);
}

/* answer: the job that has ended, or NULL or the answer to its post. */
ori_status ori_submit_print_job(struct ori_submit *submit, const struct ori_submit_job *job,
                                bool is_before, const json_t *answer, struct ori_error *err)
{
    json_t *counts = json_object_get(answer, "counts");
    const char *state = json_string_value(json_object_get(answer, "status"));
    const bool is_late = ori_cli_has(submit->cli, "wait");
    if (!submit->is_json || (is_late && !counts))
        return ORI_OK;
    return ori_output_json(json_pack("{s:s, s:i, s:b, s:s, s:O?}", "job_id", job->id, "items",
                                     (int)job->items, "before", (int)is_before, "status",
                                     state ? state : "posted", "counts", counts),
                           &submit->session.cancel, err);
}

static void add_count(struct ori_buf *page, size_t number, const char *what)
{
    if (number > 0)
        ori_buf_printf(page, ", %zu %s", number, what);
}

static void say_left_out(struct ori_submit *submit)
{
    const struct ori_log *log = &submit->cli->log;
    if (submit->bad > BAD_TOLD_MAX && !submit->is_strict)
        ori_log_say(log, "oriane: ... and %zu more bad entries", submit->bad - BAD_TOLD_MAX);
    if (submit->repeated > 0)
        ori_log_say(log, "oriane: %zu repeated entr%s left out, the first at %s", submit->repeated,
                    submit->repeated == 1 ? "y" : "ies", submit->repeated_first);
}

static ori_status print_summary(struct ori_submit *submit, struct ori_error *err)
{
    const size_t jobs = submit->journal.jobs_count - submit->jobs_before;
    struct ori_buf page;
    ori_buf_init(&page, 4096);
    ori_buf_printf(&page, "%zu video%s", submit->rows, submit->rows == 1 ? "" : "s");
    if (jobs > 0)
        ori_buf_printf(&page, ", %zu posted in %zu job%s", submit->posted, jobs,
                       jobs == 1 ? "" : "s");
    add_count(&page, submit->before, "posted before");
    add_count(&page, submit->repeated, "repeated");
    add_count(&page, submit->bad, submit->bad == 1 ? "bad entry" : "bad entries");
    add_count(&page, submit->failed, "did not succeed");
    add_count(&page, submit->unknown, "jobs not known any more");
    if (submit->posted == 0 && submit->before > 0)
        ori_buf_add_text(&page, "; there was nothing to post (--again posts all of it anew)");
    ori_buf_add_text(&page, "\n");
    if (jobs > 0 && !ori_cli_has(submit->cli, "wait"))
        ori_buf_printf(&page, "last job: %s (oriane jobs show ID --follow)\n",
                       submit->journal.jobs[submit->journal.jobs_count - 1].id);
    ori_status status = ori_output_page(&page, NULL, err);
    ori_buf_deinit(&page);
    return status;
}

/* ---- the list ---- */

static enum ori_list_format format_of(const struct ori_cli *cli)
{
    const char *word = ori_cli_text(cli, "format");
    if (!word)
        return ORI_LIST_ANY;
    return strcmp(word, "text") == 0  ? ORI_LIST_TEXT
           : strcmp(word, "csv") == 0 ? ORI_LIST_CSV
                                      : ORI_LIST_JSON;
}

static ori_status open_list(struct ori_submit *submit, struct ori_error *err)
{
    const char *path = submit->cli->operands[0];
    ori_status status =
        ori_list_open(path, format_of(submit->cli), &submit->session.cancel, &submit->list, err);
    if (status != ORI_OK)
        ori_error_context(err, "%s", path);
    return status;
}

static ori_status name_list(const struct ori_submit *submit, ori_status status,
                            struct ori_error *err)
{
    if (status != ORI_OK && status != ORI_CANCELLED)
        ori_error_context(err, "%s", submit->cli->operands[0]);
    return status;
}

/* All of it, for --strict: nothing is posted of a list that is not good to its end. A pipe cannot be
 * read twice; there the first bad entry is the end. */
static ori_status check_list(struct ori_submit *submit, struct ori_error *err)
{
    int64_t bytes = 0;
    int64_t bytes_total = 0;
    size_t bad = 0;
    ori_status status = open_list(submit, err);
    if (status != ORI_OK)
        return status;
    ori_list_progress(submit->list, &bytes, &bytes_total);
    while (bytes_total > 0 && (status == ORI_OK || status == ORI_USAGE)) {
        struct ori_list_row row;
        struct ori_error cause = {0};
        status = ori_list_next(submit->list, &row, &cause);
        if (status == ORI_USAGE && ++bad <= BAD_TOLD_MAX)
            ori_log_say(&submit->cli->log, "oriane: %s: %s", submit->cli->operands[0], cause.text);
        if (status != ORI_OK && status != ORI_USAGE && status != ORI_EOF) {
            *err = cause;
            return name_list(submit, status, err);
        }
    }
    if (bytes_total > 0)
        ori_list_close(&submit->list);
    if (bad > 0)
        return ori_error_set(err, ORI_BAD_LIST, "%s: %zu bad entr%s; nothing was posted (--strict)",
                             submit->cli->operands[0], bad, bad == 1 ? "y" : "ies");
    return ORI_OK;
}

static ori_status read_list(struct ori_submit *submit, struct ori_error *err)
{
    ori_status status = submit->list ? ORI_OK : open_list(submit, err);
    while (status == ORI_OK) {
        struct ori_list_row row;
        struct ori_error cause = {0};
        ori_status found = ori_list_next(submit->list, &row, &cause);
        if (found == ORI_EOF)
            return ORI_OK;
        if (found == ORI_OK) {
            status = ori_submit_row(submit, row.platform, row.code, row.url, row.line, err);
        } else if (found == ORI_USAGE) {
            status = name_list(submit, ori_submit_bad_entry(submit, &cause, err), err);
        } else {
            *err = cause;
            status = name_list(submit, found, err);
        }
    }
    return status;
}

/* ---- the verb ---- */

/* Server, source and options: what a journal is of. */
static ori_status write_purpose(const struct ori_submit *submit, struct ori_buf *purpose,
                                struct ori_error *err)
{
    static const char *const switches[] = {"force", "local-mode", "skip-upload"};
    const struct ori_cli *cli = submit->cli;
    const char *webhook = ori_cli_text(cli, "webhook-url");
    const char *platform = ori_cli_text(cli, "platform");
    const char *source = cli->operands[0];
    char *real =
        strcmp(source, "-") != 0 && !ori_remote_is_s3(source) ? realpath(source, NULL) : NULL;
    ori_buf_printf(purpose, "%s\n%s\n%s\n", submit->client.server, real ? real : source,
                   platform ? platform : "");
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        ori_buf_add_text(purpose, ori_cli_has(cli, switches[i]) ? "1" : "0");
    ori_buf_printf(purpose, "\n%lld\n%s\n", (long long)ori_cli_whole(cli, "priority", 0),
                   webhook ? webhook : "");
    free(real);
    return ori_buf_finish(purpose, "name of the journal", err);
}

static ori_status open_journal(struct ori_submit *submit, struct ori_error *err)
{
    const struct ori_cli *cli = submit->cli;
    struct ori_buf purpose;
    char *folder = NULL;
    ori_buf_init(&purpose, PURPOSE_BYTES);
    ori_status status = write_purpose(submit, &purpose, err);
    if (status == ORI_OK)
        status = ori_fs_join(cli->settings->vp_output_dir, FOLDER, &folder, err);
    if (status == ORI_OK)
        status = ori_submit_journal_open(folder, ori_buf_text(&purpose), ori_cli_has(cli, "again"),
                                         &submit->journal, err);
    if (status == ORI_OK)
        ori_log_event(&cli->log, ORI_LOG_DEBUG, "submit.journal",
                      ORI_LOG_FIELDS(ori_log_text("path", submit->journal.path)));
    submit->jobs_before = submit->journal.jobs_count;
    ori_buf_deinit(&purpose);
    free(folder);
    return status;
}

static ori_status print_before(struct ori_submit *submit, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < submit->jobs_before && status == ORI_OK; i++)
        status = ori_submit_print_job(submit, &submit->journal.jobs[i], true, NULL, err);
    return status;
}

static ori_status post_all(struct ori_submit *submit, struct ori_error *err)
{
    const char *source = submit->cli->operands[0];
    ori_status status = ORI_OK;
    submit->begin_us = ori_clock_us();
    if (submit->is_strict && !ori_remote_is_s3(source))
        status = check_list(submit, err);
    else if (!ori_remote_is_s3(source)) /* before anybody is asked */
        status = open_list(submit, err);
    if (status == ORI_OK)
        status = open_journal(submit, err);
    if (status == ORI_OK)
        status = print_before(submit, err);
    if (status == ORI_OK)
        status = ori_submit_begin(submit, err);
    if (status == ORI_OK)
        status = ori_remote_is_s3(source) ? ori_submit_bucket(submit, source, err)
                                          : read_list(submit, err);
    if (status == ORI_OK)
        status = ori_submit_flush(submit, err);
    return status;
}

static ori_status run_steps(struct ori_submit *submit, struct ori_error *err)
{
    ori_status status = ori_jobs_open(submit->cli, &submit->session.cancel, &submit->client, err);
    if (status != ORI_OK)
        return status;
    status = post_all(submit, err);
    say_left_out(submit);
    if (status == ORI_OK && ori_cli_has(submit->cli, "wait"))
        status = ori_submit_wait(submit, err);
    ori_log_status(&submit->cli->log, NULL);
    if (status != ORI_OK && submit->posted > 0)
        ori_log_say(&submit->cli->log,
                    "oriane: %zu videos are posted; the same command goes on from there",
                    submit->posted);
    if (status == ORI_OK && !submit->is_json)
        status = print_summary(submit, err);
    return status;
}

static enum ori_exit check_words(struct ori_cli *cli)
{
    const char *format = ori_cli_text(cli, "format");
    const char *platform = ori_cli_text(cli, "platform");
    struct ori_error err = {0};
    if (cli->operands_count != 1)
        return ori_cli_usage(cli, "give one list: a file, - for standard input, or s3://bucket/"
                                  "prefix");
    if (format && strcmp(format, "text") != 0 && strcmp(format, "csv") != 0 &&
        strcmp(format, "json") != 0)
        return ori_cli_usage(cli, "--format=%s: expected text, csv or json", format);
    if (platform && ori_list_check(platform, "x", "", &err) != ORI_OK)
        return ori_cli_usage(cli, "--platform: %s", err.text);
    return ORI_EXIT_OK;
}

static enum ori_exit run_submit(struct ori_cli *cli)
{
    struct ori_submit submit = {.cli = cli,
                                .is_json = ori_cli_has(cli, "json"),
                                .is_strict = ori_cli_has(cli, "strict"),
                                .patience_us =
                                    ori_cli_whole(cli, "patience", PATIENCE_S) * 1000000};
    struct ori_error err = {0};
    enum ori_exit code = check_words(cli);
    if (code != ORI_EXIT_OK)
        return code;
    ori_status status = ori_session_begin(&submit.session, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = run_steps(&submit, &err);
    const bool is_well = submit.bad == 0 && submit.failed == 0 && submit.unknown == 0;
    ori_list_close(&submit.list);
    ori_submit_journal_close(&submit.journal);
    ori_id_set_deinit(&submit.seen);
    ori_buf_deinit(&submit.chunk);
    ori_jobs_close(&submit.client);
    ori_session_end(&submit.session);
    code = ori_jobs_ending(cli, &submit.client, status, &err);
    return code == ORI_EXIT_OK && !is_well ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    ORI_JOBS_OPTION_SERVER,
    ORI_JOBS_OPTION_KEY,
    {.name = "format",
     .kind = ORI_CLI_TEXT,
     .argument = "WORD",
     .doc = "of the list: text, csv or json; seen from its beginning when not given"},
    {.name = "platform",
     .kind = ORI_CLI_TEXT,
     .argument = "NAME",
     .doc = "of objects whose key is not platform/code/video.mp4; local when not given"},
    {.name = "strict",
     .kind = ORI_CLI_SWITCH,
     .doc =
         "nothing is posted of a list with a bad entry; a pipe or a prefix ends at the first one"},
    {.name = "again",
     .kind = ORI_CLI_SWITCH,
     .doc = "forget what was posted before: all of the list becomes new jobs"},
    {.name = "wait",
     .kind = ORI_CLI_SWITCH,
     .doc = "until the list's jobs have ended; exit code 1 unless all videos succeeded"},
    {.name = "force",
     .kind = ORI_CLI_SWITCH,
     .doc = "the jobs extract again, although file and settings are the same"},
    {.name = "priority",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = -100,
     .max = 100,
     .doc = "of the jobs: higher is first; 0 when not given"},
    {.name = "webhook-url",
     .kind = ORI_CLI_TEXT,
     .argument = "URL",
     .doc = "where each job's end is told"},
    {.name = "local-mode", .kind = ORI_CLI_SWITCH, .doc = "the jobs stay on the server's machine"},
    {.name = "skip-upload", .kind = ORI_CLI_SWITCH, .doc = "the jobs keep frames in its folder"},
    {.name = "patience",
     .kind = ORI_CLI_WHOLE,
     .argument = "SECONDS",
     .min = 0,
     .max = 86400,
     .doc = "how long a server that is away or busy is waited for; 120 when not given"},
    ORI_JOBS_OPTION_TIMEOUT,
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object a line and job, when it is posted; with --wait when it has ended"},
};

const struct ori_verb ori_verb_submit = {
    .name = "submit",
    .summary = "post a list of videos to a running server",
    .usage = "[options] LIST|-|s3://BUCKET/PREFIX",
    .description =
        "LIST has a video a line: platform/code, and perhaps a URL behind it; or is CSV with a\n"
        "header that names platform, code and url; or JSON, an array of {platform, code, url}, an\n"
        "object with it in \"items\", or an object a line. - is standard input. Of a prefix in S3 "
        "each\n"
        "object that is called like a video is posted.\n"
        "The list goes out in jobs of the server's MAX_VIDEOS_PER_REQUEST. What was posted is "
        "kept\n"
        "under VP_OUTPUT_DIR: the same command again, after a kill or when the list has grown, "
        "posts\n"
        "what is missing and nothing twice.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = 1,
    .run = run_submit,
};
