/* oriane verify: manifests, stills and points of stored videos compared, and put right. */
#include <inttypes.h>
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
#include "pipeline/verify.h"
#include "util/clock.h"
#include "util/json_out.h"
#include "util/limits.h"
#include "util/text.h"
#include "util/utf8.h"

#define TERMINAL_WIDTH_DEFAULT 80
#define LINE_BYTES 65536 /* of JSON: a dozen faults, a key each */
#define FAULTS_BYTES 512

struct verb {
    struct ori_cli *cli;
    bool is_json;
    struct ori_cancel cancel;
    struct ori_interrupt *interrupt;
    struct ori_engine engine;
    struct ori_verify_name *names;
    char *texts; /* of the names */
    struct ori_table table;
    size_t counts[ORI_VERIFY_FAILED + 1]; /* videos by how they ended */
    size_t foreign;                       /* points of no video */
    int64_t begin_us;
};

static const char *word_of(enum ori_verify_end end)
{
    static const char *const words[] = {[ORI_VERIFY_OK] = "ok",
                                        [ORI_VERIFY_REPAIRED] = "repaired",
                                        [ORI_VERIFY_DIFFERS] = "differs",
                                        [ORI_VERIFY_SKIPPED] = "skipped",
                                        [ORI_VERIFY_FAILED] = "failed"};
    return words[end];
}

/* ---- each video ---- */

static void put_faults(const struct ori_verify_result *result, struct ori_buf *line)
{
    ori_json_begin_array(line, "faults");
    for (int i = 0; i < ORI_VERIFY_FAULTS; i++) {
        if (result->faults[i].found == 0)
            continue;
        ori_json_begin_object(line, NULL);
        ori_json_put_text(line, "code", ori_verify_code((enum ori_verify_fault)i));
        ori_json_put_whole(line, "found", result->faults[i].found);
        ori_json_put_whole(line, "repaired", result->faults[i].repaired);
        ori_json_put_text(line, "first", result->faults[i].first);
        ori_json_end_object(line);
    }
    ori_json_end_array(line);
}

static void put_error(const struct ori_verify_result *result, struct ori_buf *line)
{
    char text[ORI_ERROR_TEXT_MAX];
    if (result->end != ORI_VERIFY_FAILED) {
        ori_json_put_null(line, "error");
        return;
    }
    snprintf(text, sizeof text, "%s", result->error.text);
    ori_utf8_clean(text);
    ori_json_begin_object(line, "error");
    ori_json_put_text(line, "code", ori_status_code(result->error.status));
    ori_json_put_text(line, "message", text);
    ori_json_end_object(line);
}

static ori_status print_line(struct verb *verb, const struct ori_verify_result *result,
                             struct ori_error *err)
{
    const bool is_video = result->platform[0] != '\0';
    struct ori_buf line;
    ori_buf_init(&line, LINE_BYTES);
    ori_json_begin_object(&line, NULL);
    ori_json_put_text(&line, "platform", is_video ? result->platform : NULL);
    ori_json_put_text(&line, "code", is_video ? result->code : NULL);
    ori_json_put_text(&line, "status", word_of(result->end));
    ori_json_put_whole(&line, "frames", (int64_t)result->frames);
    put_faults(result, &line);
    ori_json_put_text(&line, "advice", result->advice);
    put_error(result, &line);
    ori_json_end_object(&line);
    ori_buf_add_text(&line, "\n");
    ori_status status = ori_buf_finish(&line, "a line of JSON", err);
    if (status == ORI_OK)
        status = ori_output_write(line.data, line.used, &verb->cancel, err);
    ori_buf_deinit(&line);
    return status;
}

static void describe(const struct ori_verify_result *result, char ret_text[FAULTS_BYTES])
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (int i = 0; i < ORI_VERIFY_FAULTS && used < FAULTS_BYTES; i++) {
        if (result->faults[i].found > 0)
            used += (size_t)snprintf(ret_text + used, FAULTS_BYTES - used, "%s%" PRIu32 " %s",
                                     used ? ", " : "", result->faults[i].found,
                                     ori_verify_code((enum ori_verify_fault)i));
    }
}

static void add_row(struct verb *verb, const struct ori_verify_result *result)
{
    char name[2 * ORI_CODE_BYTES];
    char found[FAULTS_BYTES];
    char end[ORI_ERROR_TEXT_MAX + 32];
    if (result->end == ORI_VERIFY_OK && !result->advice)
        return;
    snprintf(name, sizeof name, "%s/%s", result->platform, result->code);
    describe(result, found);
    if (result->end == ORI_VERIFY_FAILED)
        snprintf(end, sizeof end, "failed: %s", result->error.text);
    else
        snprintf(end, sizeof end, "%s%s%s", word_of(result->end), result->advice ? ": " : "",
                 result->advice ? result->advice : "");
    const char *const cells[] = {
        result->platform[0] ? name : result->faults[ORI_VERIFY_POINT_FOREIGN].first, found, end};
    ori_table_add(&verb->table, cells);
}

static ori_status take(void *self, const struct ori_verify_result *result, struct ori_error *err)
{
    struct verb *verb = self;
    if (result->platform[0])
        verb->counts[result->end]++;
    else
        verb->foreign++;
    if (verb->is_json)
        return print_line(verb, result, err);
    add_row(verb, result);
    return ORI_OK;
}

/* ---- on the way ---- */

static void draw(void *self, const struct ori_verify_progress *now)
{
    struct verb *verb = self;
    char line[ORI_PROGRESS_BYTES];
    if (!ori_log_sink_is_terminal(verb->cli->log.sink))
        return;
    const size_t width = ori_table_terminal_width(STDERR_FILENO);
    if (now->is_listing && !verb->names) { /* nobody knows how many there are */
        snprintf(line, sizeof line, "%zu videos looked at, %zu repaired, %zu that differ",
                 now->ended, now->repaired, now->differing);
    } else {
        const struct ori_progress progress = {.total = now->total,
                                              .ended = now->ended,
                                              .elapsed_us = ori_clock_us() - verb->begin_us};
        ori_progress_render(&progress, (width ? width : TERMINAL_WIDTH_DEFAULT) - 1, line);
    }
    ori_log_status(&verb->cli->log, line);
}

/* ---- at the end ---- */

static const struct ori_table_column columns[] = {
    {.title = "VIDEO"}, {.title = "FOUND"}, {.title = "RESULT"}};

static void add_count(struct ori_buf *page, size_t number, const char *what)
{
    if (number > 0)
        ori_buf_printf(page, ", %zu %s", number, what);
}

static void add_places(const struct verb *verb, struct ori_buf *page)
{
    const struct ori_settings *settings = verb->cli->settings;
    const bool has_bucket = verb->engine.objects.remote != NULL;
    ori_buf_printf(page, "frames: %s%s   points: ", has_bucket ? "s3://" : "",
                   has_bucket ? settings->s3_frames_bucket : settings->vp_frames_dir);
    if (ori_engine_has_qdrant(settings))
        ori_buf_printf(page, "%s of %s\n", settings->qdrant_collection, settings->qdrant_url);
    else
        ori_buf_printf(page, "%s\n", settings->vector_db);
}

static void add_summary(const struct verb *verb, struct ori_buf *page)
{
    const size_t *counts = verb->counts;
    size_t all = 0;
    for (int i = 0; i <= ORI_VERIFY_FAILED; i++)
        all += counts[i];
    ori_buf_printf(page, "%s%zu video%s looked at", verb->table.rows > 0 ? "\n" : "", all,
                   all == 1 ? "" : "s");
    if (counts[ORI_VERIFY_OK] == all && verb->foreign == 0) {
        ori_buf_add_text(page, ": nothing is wrong\n");
    } else {
        add_count(page, counts[ORI_VERIFY_OK], "in order");
        add_count(page, counts[ORI_VERIFY_REPAIRED], "repaired");
        add_count(page, counts[ORI_VERIFY_DIFFERS], "that differ");
        add_count(page, counts[ORI_VERIFY_SKIPPED], "skipped");
        add_count(page, counts[ORI_VERIFY_FAILED], "failed");
        add_count(page, verb->foreign, "points of another program");
        ori_buf_add_text(page, "\n");
    }
    add_places(verb, page);
}

static ori_status print_table(struct verb *verb, struct ori_error *err)
{
    struct ori_buf page;
    ori_status status = ORI_OK;
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    if (verb->table.rows > 0)
        status =
            ori_table_render(&verb->table, ori_table_terminal_width(STDOUT_FILENO), &page, err);
    add_summary(verb, &page);
    if (status == ORI_OK)
        status = ori_buf_finish(&page, "table", err);
    if (status == ORI_OK)
        status = ori_output_write(page.data, page.used, NULL, err);
    ori_buf_deinit(&page);
    return status;
}

/* ---- the verb ---- */

static ori_status read_names(struct verb *verb, struct ori_error *err)
{
    const struct ori_cli *cli = verb->cli;
    const size_t count = cli->operands_count;
    const size_t text_bytes = (size_t)2 * ORI_CODE_BYTES;
    if (count == 0)
        return ORI_OK;
    verb->names = calloc(count, sizeof *verb->names);
    verb->texts = calloc(count, text_bytes);
    if (!verb->names || !verb->texts)
        return ori_error_set(err, ORI_NOMEM, "names of %zu videos", count);
    for (size_t i = 0; i < count; i++) {
        const char *operand = cli->operands[i];
        char *platform = verb->texts + i * text_bytes;
        snprintf(platform, text_bytes, "%s", operand);
        char *slash = strchr(platform, '/');
        if (slash)
            *slash = '\0';
        if (!slash || strlen(operand) >= text_bytes || !ori_text_is_code(platform) ||
            !ori_text_is_code(slash + 1))
            return ori_error_set(err, ORI_USAGE, "\"%.100s\" is no PLATFORM/CODE", operand);
        verb->names[i] = (struct ori_verify_name){.platform = platform, .code = slash + 1};
    }
    return ORI_OK;
}

static ori_status work(struct verb *verb, struct ori_error *err)
{
    struct ori_cli *cli = verb->cli;
    const bool is_dry = ori_cli_has(cli, "dry-run");
    const struct ori_wait wait = {.cancel = &verb->cancel};
    struct ori_error ignored = {0};
    ori_status status =
        ori_engine_open(cli->settings, is_dry ? ORI_ENGINE_VERIFY_DRY : ORI_ENGINE_VERIFY,
                        &verb->cancel, NULL, &cli->log, &verb->engine, err);
    if (status == ORI_OK)
        status = ori_blob_check(verb->engine.blobs, &wait, err);
    if (status != ORI_OK)
        return status;
    const struct ori_verify_options options = {.settings = cli->settings,
                                               .engine = &verb->engine,
                                               .cancel = &verb->cancel,
                                               .names = verb->names,
                                               .names_count = cli->operands_count,
                                               .is_dry = is_dry,
                                               .is_removing = ori_cli_has(cli, "remove"),
                                               .on_result = take,
                                               .on_progress = draw,
                                               .self = verb};
    verb->begin_us = ori_clock_us();
    status = ori_verify_run(&options, err);
    ori_log_status(&cli->log, NULL);
    if (verb->is_json)
        return status;
    /* What was done is told also when it did not end well. */
    const ori_status printed = print_table(verb, status == ORI_OK ? err : &ignored);
    return status == ORI_OK ? printed : status;
}

static enum ori_exit run_verify(struct ori_cli *cli)
{
    struct verb verb = {.cli = cli, .is_json = ori_cli_has(cli, "json")};
    struct ori_error err = {0};
    if ((cli->operands_count > 0) == ori_cli_has(cli, "all"))
        return ori_cli_usage(cli, "name videos as PLATFORM/CODE, or take --all");
    if (ori_cli_has(cli, "dry-run") && ori_cli_has(cli, "remove"))
        return ori_cli_usage(cli, "--dry-run changes nothing, --remove does");
    ori_status status = ori_net_global_init(&err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    ori_table_init(&verb.table, columns, sizeof columns / sizeof columns[0]);
    status = ori_cancel_init(&verb.cancel, NULL, &err);
    if (status != ORI_OK) {
        ori_net_global_deinit();
        return ori_cli_fail(cli, &err);
    }
    status = read_names(&verb, &err);
    if (status == ORI_OK)
        status = ori_interrupt_start(&verb.cancel, &verb.interrupt, &err);
    if (status == ORI_OK)
        status = work(&verb, &err);
    ori_engine_close(&verb.engine);
    ori_interrupt_stop(&verb.interrupt);
    ori_cancel_deinit(&verb.cancel);
    ori_net_global_deinit();
    ori_table_deinit(&verb.table);
    free(verb.names);
    free(verb.texts);
    const size_t left =
        verb.counts[ORI_VERIFY_DIFFERS] + verb.counts[ORI_VERIFY_FAILED] + verb.foreign;
    const enum ori_exit code = ori_ending(cli, status, &err);
    return code == ORI_EXIT_OK && left > 0 ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    {.name = "all", .kind = ORI_CLI_SWITCH, .doc = "every video of the stores"},
    {.name = "dry-run", .kind = ORI_CLI_SWITCH, .doc = "look only: nothing is repaired"},
    {.name = "remove",
     .kind = ORI_CLI_SWITCH,
     .doc = "what cannot be repaired loses its frames, points and manifest"},
    {.name = "json", .kind = ORI_CLI_SWITCH, .doc = "one JSON object a line and video"},
};

const struct ori_verb ori_verb_verify = {
    .name = "verify",
    .summary = "compare manifests, frames and points, and repair what differs",
    .usage = "[options] PLATFORM/CODE... | --all",
    .description =
        "Looks where a server with these settings would: S3 and Qdrant where they are set, else\n"
        "VP_FRAMES_DIR and VECTOR_DB. A complete manifest says what there must be. Frames and\n"
        "points beyond it are deleted, points that are missing or wrong are made again from the\n"
        "stored stills; without a manifest that can be read all of a video goes. One that cannot\n"
        "be completed so is marked unfinished and named: run it again. The exit code is 0 when\n"
        "nothing is wrong any more, 1 when something is; one that is skipped, because another\n"
        "machine may be at work on it, counts as neither.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = SIZE_MAX,
    .run = run_verify,
};
