/* oriane run: videos and folders in, frames, points and manifests out. The main thread draws and
 * prints; signals come as a token; the videos are the runner's. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "pipeline/engine.h"
#include "cli/inputs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/remote_name.h"
#include "cli/run_places.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "pipeline/runner.h"
#include "util/clock.h"
#include "util/limits.h"

#define REDRAW_US 100000 /* ten times a second is as much as an eye follows */

/* One call of the verb. */
struct run {
    struct ori_cli *cli;
    bool is_json;
    bool is_upload;
    bool is_scores_folder;
    bool is_report;
    size_t reports;     /* written */
    char *report_path;  /* of the last one */
    bool has_lost_page; /* a file beside the results could not be written */
    bool is_remote;     /* an operand is s3:// */
    struct ori_session session;
    struct ori_inputs inputs;
    struct ori_engine engine;
    struct ori_runner_work *works;
    struct ori_run_places *places; /* of what is far away */
    struct ori_runner *runner;
    struct ori_table table;
    int64_t begin_us;
    int64_t drawn_us;
    size_t done;
    size_t unchanged;
    size_t failed;
    size_t stopped; /* by Ctrl-C, half-way */
    uint64_t frames;
};

static void draw(struct run *run)
{
    int64_t now_us = ori_clock_us();
    if (!ori_log_sink_is_terminal(run->cli->log.sink) || now_us - run->drawn_us < REDRAW_US)
        return;
    struct ori_runner_progress now;
    char line[ORI_PROGRESS_BYTES];
    ori_runner_progress(run->runner, &now);
    struct ori_progress progress = {.total = run->inputs.count,
                                    .ended = now.ended,
                                    .skipped = now.skipped,
                                    .running_share = now.running_share,
                                    .frames = now.frames,
                                    .media_us = now.media_us,
                                    .elapsed_us = now_us - run->begin_us};
    ori_progress_render(&progress, ori_table_line_width(STDERR_FILENO), line);
    ori_log_status(&run->cli->log, line);
    run->drawn_us = now_us;
}

static void count(struct run *run, const struct ori_item_result *item)
{
    if (item->status == ORI_CANCELLED)
        run->stopped++;
    else if (item->status != ORI_OK)
        run->failed++;
    else if (item->is_skipped)
        run->unchanged++;
    else
        run->done++;
    run->has_lost_page |=
        item->scores_error.status != ORI_OK || item->report_error.status != ORI_OK;
    run->frames += item->manifest.frames_count;
}

/* What went wrong far away begins with the URL, less its query, and so does the line. */
static const char *without_name(const char *text, const char *shown)
{
    const size_t bytes = strcspn(shown, "?#");
    const bool has_name = strncmp(text, shown, bytes) == 0 && strncmp(text + bytes, ": ", 2) == 0;
    return has_name ? text + bytes + 2 : text;
}

static void say_troubles(const struct run *run, const struct ori_item_result *item,
                         const struct ori_input *input)
{
    const struct ori_log *log = &run->cli->log;
    const char *shown = input->shown;
    const bool may_be_prefix = item->status == ORI_NOT_FOUND && input->kind == ORI_INPUT_OBJECT;
    if (item->status != ORI_OK && item->status != ORI_CANCELLED)
        ori_log_say(log, "oriane: %s: %s%s [%s]", shown, without_name(item->error.text, shown),
                    may_be_prefix ? "; a prefix to be searched ends in a slash" : "",
                    ori_status_code(item->status));
    if (item->scores_error.status != ORI_OK)
        ori_log_say(log, "oriane: %s: no score track: %s [%s]", shown, item->scores_error.text,
                    ori_status_code(item->scores_error.status));
    if (item->report_error.status != ORI_OK)
        ori_log_say(log, "oriane: %s: no report page: %s [%s]", shown, item->report_error.text,
                    ori_status_code(item->report_error.status));
    if (!ori_log_is_on(log, ORI_LOG_WARN) || item->is_skipped)
        return;
    for (size_t i = 0; i < item->manifest.warnings_count; i++)
        ori_log_say(log, "oriane: %s: warning: %s [%s]", shown, item->manifest.warnings[i].text,
                    item->manifest.warnings[i].code);
    if (item->had_broken_manifest)
        ori_log_say(log,
                    "oriane: %s: warning: its manifest was broken and is made again "
                    "[manifest_broken]",
                    shown);
}

/* Of several pages the summary names the folder. */
static void take_report(struct run *run, struct ori_item_result *item)
{
    if (!item->report_path)
        return;
    run->reports++;
    free(run->report_path);
    run->report_path = item->report_path;
    item->report_path = NULL;
}

static ori_status tell(struct run *run, struct ori_runner_result *result, struct ori_error *err)
{
    const struct ori_input *input = &run->inputs.rows[result->work];
    const char *shown = input->shown;
    ori_status status = ORI_OK;
    count(run, &result->item);
    say_troubles(run, &result->item, input);
    if (!run->is_json) {
        ori_run_report_row(&result->item, shown, &run->table);
        take_report(run, &result->item);
        return ORI_OK;
    }
    size_t bytes = 0;
    char *line = ori_run_report_json(&result->item, shown, &bytes);
    if (!line)
        return ori_error_set(err, ORI_NOMEM, "a line of JSON");
    status = ori_output_write(line, bytes, &run->session.cancel, err);
    free(line);
    return status;
}

/* Until every video has ended. What cannot be told ends the run: nobody listens any more. */
static ori_status follow(struct run *run, struct ori_error *err)
{
    ori_status status = ORI_OK;
    while (!ori_runner_is_done(run->runner)) {
        struct ori_runner_result *result = ori_runner_take(run->runner);
        if (result) {
            if (status == ORI_OK)
                status = tell(run, result, err);
            if (status != ORI_OK)
                ori_cancel_set(&run->session.cancel);
            ori_runner_result_destroy(&result);
            continue;
        }
        draw(run);
        struct pollfd ready = {.fd = ori_runner_fd(run->runner), .events = POLLIN};
        (void)poll(&ready, 1, REDRAW_US / 1000);
    }
    ori_log_status(&run->cli->log, NULL);
    return status;
}

static struct ori_runner_work work_of(const struct run *run, size_t i)
{
    const struct ori_input *input = &run->inputs.rows[i];
    const struct ori_medium_place *place = ori_run_places_get(run->places, i);
    return (struct ori_runner_work){.path = place ? NULL : input->path,
                                    .place = place,
                                    .platform =
                                        input->platform ? input->platform : ORI_REMOTE_PLATFORM,
                                    .code = input->code,
                                    .status = input->status,
                                    .message = input->message};
}

static ori_status collect(struct run *run, struct ori_error *err)
{
    const struct ori_settings *settings = run->cli->settings;
    const char *const skip[] = {settings->vp_output_dir, settings->vp_frames_dir,
                                settings->vp_tmp_dir};
    struct ori_inputs_options options = {
        .operands = (const char *const *)run->cli->operands,
        .operands_count = run->cli->operands_count,
        .skip_folders = skip,
        .skip_folders_count = sizeof skip / sizeof skip[0],
        .s3 = run->engine.objects.s3,
        .cancel = &run->session.cancel,
    };
    ori_status status = ori_inputs_collect(&options, &run->inputs, err);
    if (status != ORI_OK)
        return status;
    status = ori_run_places_create(settings, run->engine.objects.s3, &run->cli->log, &run->inputs,
                                   &run->places, err);
    if (status != ORI_OK)
        return status;
    run->works = calloc(run->inputs.count + 1, sizeof *run->works);
    if (!run->works)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    for (size_t i = 0; i < run->inputs.count; i++)
        run->works[i] = work_of(run, i);
    return ORI_OK;
}

static ori_status work(struct run *run, struct ori_error *err)
{
    struct ori_item_environment environment = {.settings = run->cli->settings,
                                               .model = run->engine.model_info,
                                               .batcher = run->engine.batcher,
                                               .blobs = run->engine.blobs,
                                               .vectors = run->engine.vectors};
    struct ori_runner_options options = {
        .environment = &environment,
        .cancel = &run->session.cancel,
        .works = run->works,
        .works_count = run->inputs.count,
        .workers = (int)run->cli->settings->vp_max_workers,
        .is_forced = ori_cli_has(run->cli, "force"),
        .scores = ori_cli_text(run->cli, "scores"),
        .is_scores_folder = run->is_scores_folder,
        .reports = run->is_report ? run->cli->settings->vp_reports_dir : NULL,
        .log = &run->cli->log};
    run->begin_us = ori_clock_us();
    ori_status status = ori_runner_start(&options, &run->runner, err);
    if (status == ORI_OK)
        status = follow(run, err);
    ori_runner_stop(&run->runner);
    size_t told = run->done + run->unchanged + run->failed + run->stopped;
    if (status == ORI_OK && told < run->inputs.count && !ori_cancel_is_set(&run->session.cancel))
        status = ori_error_set(err, ORI_NOMEM, "%zu videos were not looked at: memory ran out",
                               run->inputs.count - told);
    return status;
}

static void add_count(struct ori_buf *page, size_t number, const char *what)
{
    if (number > 0)
        ori_buf_printf(page, ", %zu %s", number, what);
}

static void tell_places(const struct run *run, struct ori_buf *page)
{
    const struct ori_settings *settings = run->cli->settings;
    const bool is_local = !run->is_remote && !run->is_upload;
    const bool has_qdrant = !is_local && ori_engine_has_qdrant(settings);
    const bool has_bucket = run->engine.objects.remote != NULL;
    ori_buf_printf(page, "\nframes: %s%s%s", has_bucket ? "s3://" : "",
                   has_bucket ? settings->s3_frames_bucket : settings->vp_frames_dir,
                   run->is_remote ? "" : "/" ORI_REMOTE_PLATFORM);
    if (has_qdrant)
        ori_buf_printf(page, "   vectors: %s, collection %s", settings->qdrant_url,
                       settings->qdrant_collection);
    else
        ori_buf_printf(page, "   vectors: %s", settings->vector_db);
}

static ori_status print_summary(struct run *run, struct ori_error *err)
{
    size_t all = run->inputs.count;
    size_t begun = run->done + run->unchanged + run->failed + run->stopped;
    struct ori_buf page;
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    ori_status status =
        ori_table_render(&run->table, ori_table_terminal_width(STDOUT_FILENO), &page, err);
    ori_buf_printf(&page, "\n%zu video%s", all, all == 1 ? "" : "s");
    add_count(&page, run->done, "done");
    add_count(&page, run->unchanged, "unchanged");
    add_count(&page, run->failed, "failed");
    add_count(&page, run->stopped, "stopped");
    add_count(&page, all - begun, "not begun");
    ori_buf_printf(&page, "; %" PRIu64 " frames", run->frames);
    if (run->unchanged > 0 && run->unchanged == all)
        ori_buf_add_text(&page, "; there was no work to do (--force does it again)");
    if (run->frames > 0)
        tell_places(run, &page);
    if (run->reports == 1)
        ori_buf_printf(&page, "\nreport: %s", run->report_path);
    else if (run->reports > 1)
        ori_buf_printf(&page, "\n%zu reports: %s", run->reports,
                       run->cli->settings->vp_reports_dir);
    ori_buf_add_text(&page, "\n");
    if (status == ORI_OK)
        status = ori_buf_finish(&page, "table", err);
    if (status == ORI_OK)
        status = ori_output_write(page.data, page.used, NULL, err);
    ori_buf_deinit(&page);
    return status;
}

/* One of before, or an empty file. */
static bool is_scores_file(const char *path, const struct stat *st)
{
    static const char begin[] = "{\"format\":\"oriane-scores\"";
    char text[sizeof begin - 1];
    if (!S_ISREG(st->st_mode))
        return false;
    if (st->st_size == 0)
        return true;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool is_one = fd >= 0 && read(fd, text, sizeof text) == (ssize_t)sizeof text &&
                        memcmp(text, begin, sizeof text) == 0;
    if (fd >= 0)
        close(fd);
    return is_one;
}

/* --scores names the file of one video, or a folder: one that is there, ends in a slash, or must be
 * one because there are more videos. */
static ori_status place_scores(struct run *run, struct ori_error *err)
{
    const char *path = ori_cli_text(run->cli, "scores");
    struct stat st;
    if (!path)
        return ORI_OK;
    const size_t bytes = strlen(path);
    const bool is_there = stat(path, &st) == 0;
    run->is_scores_folder = run->inputs.count > 1 || (bytes && path[bytes - 1] == '/') ||
                            (is_there && S_ISDIR(st.st_mode));
    if (bytes == 0)
        return ori_error_set(err, ORI_USAGE, "--scores: no name of a file");
    if (run->is_scores_folder && is_there && !S_ISDIR(st.st_mode))
        return ori_error_set(err, ORI_USAGE,
                             "--scores %s: a file, but there are %zu videos: name a folder", path,
                             run->inputs.count);
    if (is_there && !run->is_scores_folder && !is_scores_file(path, &st))
        return ori_error_set(err, ORI_USAGE,
                             "--scores %s: a file that is no score track: it would be lost; name "
                             "another one, or delete it",
                             path);
    return ORI_OK;
}

static bool has_operand(const struct ori_cli *cli, bool (*is_one)(const char *operand))
{
    for (size_t i = 0; i < cli->operands_count; i++) {
        if (is_one(cli->operands[i]))
            return true;
    }
    return false;
}

static ori_status run_steps(struct run *run, struct ori_error *err)
{
    /* The model first: without its files nothing else is worth a beginning. */
    const enum ori_engine_use use = run->is_upload   ? ORI_ENGINE_UPLOAD
                                    : run->is_remote ? ORI_ENGINE_REMOTE
                                                     : ORI_ENGINE_RUN;
    if (run->cli->settings->local_mode && has_operand(run->cli, ori_remote_is_http))
        return ori_error_set(err, ORI_BAD_SETTING, "LOCAL_MODE=1 forbids http:// and https://");
    ori_status status = ori_engine_open(run->cli->settings, use, &run->session.cancel, NULL,
                                        &run->cli->log, &run->engine, err);
    if (status == ORI_OK && run->engine.objects.remote) /* before any work */
        status = ori_blob_check(run->engine.blobs,
                                &(struct ori_wait){.cancel = &run->session.cancel}, err);
    if (status == ORI_OK)
        status = collect(run, err);
    if (status == ORI_OK)
        status = place_scores(run, err);
    if (status == ORI_OK)
        status = work(run, err);
    if ((status == ORI_OK || status == ORI_CANCELLED) && !run->is_json) {
        ori_status printed = print_summary(run, err);
        status = status == ORI_OK ? printed : status;
    }
    return status;
}

static enum ori_exit run_run(struct ori_cli *cli)
{
    struct run run = {.cli = cli,
                      .is_json = ori_cli_has(cli, "json"),
                      .is_upload = ori_cli_has(cli, "upload"),
                      .is_report = ori_cli_has(cli, "report"),
                      .is_remote = has_operand(cli, ori_remote_is_s3)};
    struct ori_error err = {0};
    if (cli->operands_count == 0)
        return ori_cli_usage(cli, "name at least one video, folder or URL");
    ori_status status = ori_session_begin(&run.session, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    ori_table_init(&run.table, ori_run_report_columns, ORI_RUN_REPORT_COLUMNS);
    status = run_steps(&run, &err);
    if (status == ORI_OK && ori_cancel_is_set(&run.session.cancel))
        status = ORI_CANCELLED;
    ori_run_places_destroy(&run.places);
    ori_engine_close(&run.engine);
    ori_inputs_deinit(&run.inputs);
    free(run.works);
    free(run.report_path);
    ori_session_end(&run.session);
    ori_table_deinit(&run.table);
    enum ori_exit code = ori_ending(cli, status, &err);
    return code == ORI_EXIT_OK && (run.failed > 0 || run.has_lost_page) ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object a line and video, as each video ends"},
    {.name = "force",
     .kind = ORI_CLI_SWITCH,
     .doc = "extract again, although file and settings are the same"},
    {.name = "scores",
     .kind = ORI_CLI_TEXT,
     .argument = "FILE",
     .doc = "write each frame's scores there, for oriane scenes; with several videos a folder"},
    {.name = "report",
     .kind = ORI_CLI_SWITCH,
     .doc = "write a page for people about each video to VP_REPORTS_DIR: platform/code.html"},
    {.name = "upload",
     .kind = ORI_CLI_SWITCH,
     .doc =
         "frames and manifests go to S3_FRAMES_BUCKET, not to VP_FRAMES_DIR; points to QDRANT_URL "
         "if it is set"},
};

const struct ori_verb ori_verb_run = {
    .name = "run",
    .summary = "turn videos into searchable frames",
    .usage = "[options] VIDEO|FOLDER|s3://BUCKET/KEY|s3://BUCKET/PREFIX/|URL...",
    .description =
        "Each video becomes a folder of stills under VP_FRAMES_DIR, or with --upload in\n"
        "S3_FRAMES_BUCKET, points in the vector store and a manifest. Folders are searched for\n"
        "video files, hidden ones left out. What was done before with the same file and settings\n"
        "is left as it is. One bad video does not stop the others; the exit code is then 1.\n"
        "Videos in S3 are read by ranges, all below a prefix that ends in a slash. The object\n"
        "{platform}/{code}/video.mp4 gives these names. With such an input the results go where "
        "the\n"
        "settings say: to S3_FRAMES_BUCKET unless SKIP_UPLOAD=1, and to QDRANT_URL if it is set.\n"
        "A URL is https://, or http:// to an address of URL_ALLOW_PRIVATE.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = SIZE_MAX,
    .run = run_run,
};
