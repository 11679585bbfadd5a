/* oriane scenes: what another threshold would have found, from the score track of a run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/table.h"
#include "pipeline/manifest_json.h"
#include "pipeline/scores.h"
#include "util/json_out.h"
#include "util/limits.h"

static void add_json(const struct ori_settings *settings, const struct ori_scores_found *found,
                     struct ori_buf *page)
{
    ori_json_begin_object(page, NULL);
    ori_json_put_text(page, "source", found->source);
    ori_json_put_text(page, "detector", settings->vp_scene_detector);
    ori_json_put_real(page, "scene_thresh", settings->vp_scene_thresh);
    ori_json_put_real(page, "duration", ori_json_seconds(found->end_us));
    ori_json_put_whole(page, "frames_decoded", found->frames);
    ori_json_begin_array(page, "scenes");
    for (size_t i = 0; i < found->scenes_count; i++) {
        ori_json_begin_object(page, NULL);
        ori_json_put_real(page, "start", ori_json_seconds(found->scenes[i].start_us));
        ori_json_put_real(page, "end", ori_json_seconds(found->scenes[i].end_us));
        ori_json_end_object(page);
    }
    ori_json_end_array(page);
    ori_json_end_object(page);
    ori_buf_add_text(page, "\n");
}

static ori_status add_table(const struct ori_settings *settings,
                            const struct ori_scores_found *found, struct ori_buf *page,
                            struct ori_error *err)
{
    static const struct ori_table_column columns[] = {{.title = "SCENE", .is_number = true},
                                                      {.title = "START", .is_number = true},
                                                      {.title = "END", .is_number = true},
                                                      {.title = "SECONDS", .is_number = true}};
    struct ori_table table;
    char cells[4][32];
    ori_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < found->scenes_count; i++) {
        const struct ori_scores_scene *scene = &found->scenes[i];
        snprintf(cells[0], sizeof cells[0], "%zu", i + 1);
        snprintf(cells[1], sizeof cells[1], "%.3f", (double)scene->start_us / 1e6);
        snprintf(cells[2], sizeof cells[2], "%.3f", (double)scene->end_us / 1e6);
        snprintf(cells[3], sizeof cells[3], "%.3f",
                 (double)(scene->end_us - scene->start_us) / 1e6);
        ori_table_add(&table, (const char *const[]){cells[0], cells[1], cells[2], cells[3]});
    }
    ori_status status =
        ori_table_render(&table, ori_table_terminal_width(STDOUT_FILENO), page, err);
    ori_table_deinit(&table);
    ori_buf_printf(page, "\n%zu scene%s in %lld frames; VP_SCENE_DETECTOR=%s VP_SCENE_THRESH=%g\n",
                   found->scenes_count, found->scenes_count == 1 ? "" : "s",
                   (long long)found->frames, settings->vp_scene_detector,
                   settings->vp_scene_thresh);
    return status;
}

static enum ori_exit run_scenes(struct ori_cli *cli)
{
    const char *path = ori_cli_text(cli, "from-scores");
    struct ori_session session;
    struct ori_scores_found found = {0};
    struct ori_buf page;
    struct ori_error err = {0};
    if (!path)
        return ori_cli_usage(cli, "name a score track by --from-scores: oriane run --scores makes "
                                  "one");
    ori_status status = ori_session_begin(&session, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    status = ori_scores_find(path, cli->settings, &session.cancel, &found, &err);
    if (status == ORI_OK && ori_cli_has(cli, "json"))
        add_json(cli->settings, &found, &page);
    else if (status == ORI_OK)
        status = add_table(cli->settings, &found, &page, &err);
    if (status == ORI_OK)
        status = ori_output_page(&page, &session.cancel, &err);
    ori_buf_deinit(&page);
    ori_scores_found_deinit(&found);
    ori_session_end(&session);
    return ori_ending(cli, status, &err);
}

static const struct ori_cli_option options[] = {
    {.name = "from-scores",
     .kind = ORI_CLI_TEXT,
     .argument = "FILE",
     .doc = "the score track of a video, as oriane run --scores FILE writes it"},
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object: {\"source\", \"detector\", \"scene_thresh\", \"duration\", "
            "\"frames_decoded\", \"scenes\"}"},
};

const struct ori_verb ori_verb_scenes = {
    .name = "scenes",
    .summary = "try other scene settings without decoding",
    .usage = "[options] --from-scores FILE",
    .description =
        "Prints the scenes that a run with these settings would find in the video that the scores\n"
        "are of. VP_SCENE_DETECTOR, VP_SCENE_THRESH and VP_SOLID_STD can be tried; VP_DOWNSCALE\n"
        "and VP_SPEED must be what they were.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .run = run_scenes,
};
