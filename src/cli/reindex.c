/* oriane reindex: the stored frames embedded again, with the model of now. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "net/client.h"
#include "pipeline/engine.h"
#include "pipeline/manifest_json.h"
#include "pipeline/reindex.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/utf8.h"

#define TERMINAL_WIDTH_DEFAULT 80
#define VIDEO_BYTES (2 * ORI_CODE_BYTES)

struct verb {
    struct ori_cli *cli;
    struct ori_cancel cancel;
    struct ori_interrupt *interrupt;
    struct ori_engine engine;
    struct ori_reindex_report report;
    int64_t begin_us;
};

/* ---- on the way ---- */

static void draw(void *self, const struct ori_reindex_progress *now)
{
    static const char *const words[] = {[ORI_REINDEX_EMBED] = "",
                                        [ORI_REINDEX_SWITCH] = "switching over",
                                        [ORI_REINDEX_MANIFESTS] = "manifests  "};
    struct verb *verb = self;
    char line[ORI_PROGRESS_BYTES + 32];
    char bar[ORI_PROGRESS_BYTES] = "";
    if (!ori_log_sink_is_terminal(verb->cli->log.sink))
        return;
    const size_t width = ori_table_terminal_width(STDERR_FILENO);
    const size_t room = (width ? width : TERMINAL_WIDTH_DEFAULT) - 1; /* a full line would wrap */
    const size_t used = strlen(words[now->stage]);
    const struct ori_progress progress = {.total = now->total,
                                          .ended = now->ended,
                                          .skipped = now->resumed,
                                          .running_share = now->running_share,
                                          .frames = now->frames,
                                          .elapsed_us = ori_clock_us() - verb->begin_us};
    if (now->stage != ORI_REINDEX_SWITCH && room > used)
        ori_progress_render(&progress, room - used, bar);
    snprintf(line, sizeof line, "%s%s", words[now->stage], bar);
    ori_log_status(&verb->cli->log, line);
}

/* ---- at the end ---- */

static bool has_qdrant(const struct verb *verb)
{
    return ori_engine_has_qdrant(verb->cli->settings);
}

static void say_failures(const struct verb *verb)
{
    const struct ori_reindex_report *report = &verb->report;
    const char *what = report->is_switched || has_qdrant(verb)
                           ? "left out of the store; run this video again"
                           : "it will be left out of the store";
    for (size_t i = 0; i < report->videos_count; i++) {
        const struct ori_reindex_video *video = &report->videos[i];
        if (video->end == ORI_REINDEX_FAILED)
            ori_log_say(&verb->cli->log, "oriane: %s/%s: %s: %s [%s]", video->platform, video->code,
                        video->reason, what, ori_status_code(video->status));
    }
}

static const char *word_of(const struct ori_reindex_video *video)
{
    switch (video->end) {
    case ORI_REINDEX_EMBEDDED:
        return "embedded";
    case ORI_REINDEX_RESUMED:
        return "embedded before";
    case ORI_REINDEX_FAILED:
        return "failed";
    case ORI_REINDEX_LEFT:
        return "left as it is";
    case ORI_REINDEX_WAITING:
        break;
    }
    return "not begun";
}

static json_t *video_json(const struct ori_reindex_video *video)
{
    static const char *const words[] = {[ORI_REINDEX_WAITING] = "stopped",
                                        [ORI_REINDEX_EMBEDDED] = "success",
                                        [ORI_REINDEX_RESUMED] = "success",
                                        [ORI_REINDEX_FAILED] = "failed",
                                        [ORI_REINDEX_LEFT] = "skipped"};
    json_t *error = json_null();
    if (video->end == ORI_REINDEX_FAILED) {
        char text[ORI_ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "%s", video->reason);
        ori_utf8_clean(text);
        error = json_pack("{s:s, s:s}", "code", ori_status_code(video->status), "message", text);
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:I, s:o}", "platform", video->platform, "code",
                     video->code, "status", words[video->end], "resumed",
                     (int)(video->end == ORI_REINDEX_RESUMED), "frames", (json_int_t)video->frames,
                     "error", error);
}

static json_t *report_json(const struct verb *verb)
{
    const struct ori_reindex_report *report = &verb->report;
    const struct ori_model_info *model = &verb->engine.model_info;
    json_t *videos = json_array();
    bool is_well = videos != NULL;
    for (size_t i = 0; is_well && i < report->videos_count; i++)
        is_well = json_array_append_new(videos, video_json(&report->videos[i])) == 0;
    if (!is_well) {
        json_decref(videos);
        return NULL;
    }
    return json_pack("{s:s, s:i, s:s, s:I, s:b, s:b, s:I, s:I, s:I, s:o}", "model", model->name,
                     "dim", model->dim, "model_before", report->model_before, "dim_before",
                     (json_int_t)report->dim_before, "unchanged", (int)!report->had_work,
                     "switched", (int)report->is_switched, "frames", (json_int_t)report->frames,
                     "points", (json_int_t)report->points, "manifests",
                     (json_int_t)report->manifests, "videos", videos);
}

static ori_status print_json(const struct verb *verb, struct ori_error *err)
{
    json_t *json = report_json(verb);
    char *text = json ? json_dumps(json, ORI_JSON_FLAGS) : NULL;
    ori_status status = ORI_OK;
    json_decref(json);
    if (!text)
        return ori_error_set(err, ORI_NOMEM, "the report as JSON");
    status = ori_output_write(text, strlen(text), NULL, err);
    if (status == ORI_OK)
        status = ori_output_write("\n", 1, NULL, err);
    free(text);
    return status;
}

static const struct ori_table_column columns[] = {
    {.title = "VIDEO"},
    {.title = "FRAMES", .is_number = true},
    {.title = "RESULT"},
};

static void add_row(struct ori_table *table, const struct ori_reindex_video *video)
{
    char name[VIDEO_BYTES];
    char frames[24];
    char end[96];
    snprintf(name, sizeof name, "%s/%s", video->platform, video->code);
    snprintf(frames, sizeof frames, "%" PRId64, video->frames);
    snprintf(end, sizeof end, "%s%s%s", word_of(video),
             video->end == ORI_REINDEX_FAILED ? ": " : "",
             video->end == ORI_REINDEX_FAILED ? ori_status_code(video->status) : "");
    const char *const cells[] = {name, frames, end};
    ori_table_add(table, cells);
}

static void add_count(struct ori_buf *page, const struct verb *verb, enum ori_reindex_end end,
                      const char *what)
{
    const size_t count = ori_reindex_report_count(&verb->report, end);
    if (count > 0)
        ori_buf_printf(page, ", %zu %s", count, what);
}

static void add_summary(const struct verb *verb, struct ori_buf *page)
{
    const struct ori_reindex_report *report = &verb->report;
    const char *model = verb->engine.model_info.name;
    const bool is_collection = has_qdrant(verb);
    const char *store =
        is_collection ? verb->cli->settings->qdrant_collection : verb->cli->settings->vector_db;
    if (!report->had_work) {
        ori_buf_printf(page, "%s is of %s already: there was no work to do\n", store, model);
        return;
    }
    if (report->videos_count > 0) {
        ori_buf_printf(page, "\n%zu video%s", report->videos_count,
                       report->videos_count == 1 ? "" : "s");
        add_count(page, verb, ORI_REINDEX_EMBEDDED, "embedded");
        add_count(page, verb, ORI_REINDEX_RESUMED, "embedded before");
        add_count(page, verb, ORI_REINDEX_FAILED, "failed");
        add_count(page, verb, ORI_REINDEX_LEFT, "left as they are");
        add_count(page, verb, ORI_REINDEX_WAITING, "not begun");
        ori_buf_printf(page, "; %" PRIu64 " frames\n", report->frames);
    }
    if (report->is_switched && is_collection)
        ori_buf_printf(page,
                       "%s: %" PRId64 " points of %s (before: %s)\nstart the server anew with "
                       "QDRANT_COLLECTION=%s and CLIP_MODEL=%s; the old collection is as it was\n",
                       store, report->points, model, report->model_before, store, model);
    else if (is_collection)
        ori_buf_printf(page, "%s: not complete; what is embedded is kept for the next time\n",
                       store);
    else if (report->is_switched)
        ori_buf_printf(page, "%s: %" PRId64 " points, now of %s (before: %s)\n", store,
                       report->points, model, report->model_before);
    else if (report->videos_count > 0)
        ori_buf_printf(page, "%s: still of %s; what is embedded is kept for the next time\n", store,
                       report->model_before);
    else
        ori_buf_printf(page, "%s was of %s already; %zu manifest%s brought up to date\n", store,
                       model, report->manifests, report->manifests == 1 ? "" : "s");
}

static ori_status print_table(const struct verb *verb, struct ori_error *err)
{
    struct ori_table table;
    struct ori_buf page;
    ori_status status = ORI_OK;
    ori_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    for (size_t i = 0; i < verb->report.videos_count; i++)
        add_row(&table, &verb->report.videos[i]);
    if (verb->report.videos_count > 0)
        status = ori_table_render(&table, ori_table_terminal_width(STDOUT_FILENO), &page, err);
    add_summary(verb, &page);
    if (status == ORI_OK)
        status = ori_buf_finish(&page, "table", err);
    if (status == ORI_OK)
        status = ori_output_write(page.data, page.used, NULL, err);
    ori_buf_deinit(&page);
    ori_table_deinit(&table);
    return status;
}

/* ---- the verb ---- */

static ori_status work(struct verb *verb, struct ori_error *err)
{
    static const char nothing[] = "nothing is stored yet, `oriane run` comes first";
    const struct ori_reindex_options options = {.settings = verb->cli->settings,
                                                .engine = &verb->engine,
                                                .cancel = &verb->cancel,
                                                .log = &verb->cli->log,
                                                .on_progress = draw,
                                                .on_progress_self = verb};
    struct ori_error ignored = {0};
    verb->begin_us = ori_clock_us();
    const struct ori_wait wait = {.cancel = &verb->cancel};
    ori_status status = ori_engine_open(
        verb->cli->settings, has_qdrant(verb) ? ORI_ENGINE_REINDEX_REMOTE : ORI_ENGINE_REINDEX,
        &verb->cancel, NULL, &verb->cli->log, &verb->engine, err);
    if (status == ORI_OK && verb->engine.objects.remote) /* before any work */
        status = ori_blob_check(verb->engine.blobs, &wait, err);
    if (status == ORI_NOT_FOUND)
        ori_error_context(err, "%s",
                          err->stage && strcmp(err->stage, "objects") == 0
                              ? "no frames are kept there, `oriane run` comes first"
                              : nothing);
    if (status != ORI_OK)
        return status;
    status = ori_reindex_run(&options, &verb->report, err);
    ori_log_status(&verb->cli->log, NULL);
    if (status == ORI_NOT_FOUND && verb->report.videos_count == 0)
        ori_error_context(err, "%s", nothing);
    say_failures(verb);
    /* What was done is told also when it did not end well, unless nothing was. */
    if (status != ORI_OK && verb->report.videos_count == 0)
        return status;
    const bool is_json = ori_cli_has(verb->cli, "json");
    struct ori_error *cause = status == ORI_OK ? err : &ignored;
    const ori_status printed = is_json ? print_json(verb, cause) : print_table(verb, cause);
    return status == ORI_OK ? printed : status;
}

static enum ori_exit run_reindex(struct ori_cli *cli)
{
    struct verb verb = {.cli = cli};
    struct ori_error err = {0};
    ori_status status = ori_net_global_init(&err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = ori_cancel_init(&verb.cancel, NULL, &err);
    if (status != ORI_OK) {
        ori_net_global_deinit();
        return ori_cli_fail(cli, &err);
    }
    status = ori_interrupt_start(&verb.cancel, &verb.interrupt, &err);
    if (status == ORI_OK)
        status = work(&verb, &err);
    const size_t failed = ori_reindex_report_count(&verb.report, ORI_REINDEX_FAILED) +
                          ori_reindex_report_count(&verb.report, ORI_REINDEX_WAITING);
    ori_reindex_report_deinit(&verb.report);
    ori_engine_close(&verb.engine);
    ori_interrupt_stop(&verb.interrupt);
    ori_cancel_deinit(&verb.cancel);
    ori_net_global_deinit();
    const enum ori_exit code = ori_ending(cli, status, &err);
    return code == ORI_EXIT_OK && failed > 0 ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object at the end: {\"model\", \"switched\", \"frames\", \"videos\", ...}"},
};

const struct ori_verb ori_verb_reindex = {
    .name = "reindex",
    .summary = "embed the stored frames again with another model",
    .usage = "[options]",
    .description =
        "Every frame in the vector store is embedded with CLIP_MODEL, beside the store; when all\n"
        "are, the store is switched over in one step. Stopped or killed, the next call goes on\n"
        "where it was. Until the switch the store serves the old model; for the switch nobody "
        "else\n"
        "may have it open. A video with a still that is gone or broken is left out and named: run\n"
        "it again. The exit code is then 1. With QDRANT_URL set, QDRANT_COLLECTION is the name of "
        "a\n"
        "new collection: the frames are embedded into it, the old one stays as it is.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = 0,
    .run = run_reindex,
};
