/* oriane search: the frames most like a text or a picture. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "pipeline/engine.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/table.h"
#include "pipeline/manifest_json.h"
#include "pipeline/picture.h"
#include "util/limits.h"

#define LIMIT_DEFAULT 5

struct search {
    struct ori_cli *cli;
    struct ori_cancel cancel;
    struct ori_interrupt *interrupt;
    struct ori_engine engine;
    struct ori_model_scratch *scratch;
    char *text;   /* the operands as one */
    float *query; /* dim */
    struct ori_hits hits;
};

static ori_status join_operands(struct search *search, struct ori_error *err)
{
    struct ori_buf text;
    ori_buf_init(&text, ORI_LIMIT_MAX_SEARCH_TEXT_BYTES);
    for (size_t i = 0; i < search->cli->operands_count; i++) {
        if (i > 0)
            ori_buf_add_text(&text, " ");
        ori_buf_add_text(&text, search->cli->operands[i]);
    }
    ori_status status = ori_buf_finish(&text, "the text", err);
    if (status == ORI_OK) {
        search->text = ori_buf_take(&text, NULL);
        if (!search->text)
            status = ori_error_set(err, ORI_NOMEM, "the text");
    }
    ori_buf_deinit(&text);
    return status;
}

static ori_status embed_picture(struct search *search, const char *path, struct ori_error *err)
{
    struct ori_picture_request request = {
        .path = path, .settings = search->cli->settings, .model = &search->engine.model_info};
    uint8_t *input = NULL;
    ori_status status = ori_picture_load(&request, &search->cancel, &input, err);
    if (status == ORI_OK) {
        const uint8_t *pictures[] = {input};
        status = ori_model_embed_pictures(search->scratch, pictures, 1, &search->cancel,
                                          search->query, err);
    }
    if (status != ORI_OK)
        ori_error_context(err, "%s", path);
    free(input);
    return status;
}

static ori_status make_query(struct search *search, struct ori_error *err)
{
    const char *path = ori_cli_text(search->cli, "image");
    search->query = calloc((size_t)search->engine.model_info.dim, sizeof *search->query);
    if (!search->query)
        return ori_error_set(err, ORI_NOMEM, "query");
    ori_status status = ori_model_scratch_create(search->engine.model, &search->scratch, err);
    if (status != ORI_OK)
        return status;
    if (path)
        return embed_picture(search, path, err);
    status = join_operands(search, err);
    if (status == ORI_OK)
        status = ori_model_embed_text(search->scratch, search->text, &search->cancel, search->query,
                                      err);
    if (status == ORI_NO_TEXT)
        ori_error_context(err, "give a picture by --image");
    return status;
}

static json_t *payload_json(const struct ori_point_payload *payload)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:f, s:s, s:s, s:i, s:i, s:i, s:s, s:s}", "uuid",
                     payload->uuid, "platform", payload->platform, "video_code",
                     payload->video_code, "frame_number", payload->frame_number, "frame_second",
                     payload->frame_second, "path", payload->path, "created_at",
                     payload->created_at, "width", payload->width, "height", payload->height,
                     "scene", payload->scene, "dhash", payload->dhash, "model", payload->model);
}

static ori_status print_json(struct search *search, struct ori_error *err)
{
    json_t *list = json_array();
    bool is_well = list != NULL;
    for (size_t i = 0; is_well && i < search->hits.count; i++) {
        const struct ori_hit *hit = &search->hits.hits[i];
        json_t *one = json_pack("{s:s, s:f, s:o}", "id", hit->payload.uuid, "score", hit->score,
                                "payload", payload_json(&hit->payload));
        is_well = json_array_append_new(list, one) == 0;
    }
    char *text = is_well ? json_dumps(list, ORI_JSON_FLAGS) : NULL;
    ori_status status = ORI_OK;
    if (!text)
        status = ori_error_set(err, ORI_NOMEM, "hits as JSON");
    if (status == ORI_OK)
        status = ori_output_write(text, strlen(text), &search->cancel, err);
    if (status == ORI_OK)
        status = ori_output_write("\n", 1, &search->cancel, err);
    free(text);
    json_decref(list);
    return status;
}

static const struct ori_table_column columns[] = {
    {.title = "FILE"},
    {.title = "SCORE", .is_number = true},
    {.title = "SECOND", .is_number = true},
    {.title = "SCENE", .is_number = true},
    {.title = "VIDEO"},
};

static ori_status fill_table(const struct search *search, struct ori_table *table,
                             struct ori_error *err)
{
    const bool is_remote = ori_cli_has(search->cli, "remote");
    for (size_t i = 0; i < search->hits.count; i++) {
        const struct ori_hit *hit = &search->hits.hits[i];
        struct ori_buf file;
        char score[32];
        char second[32];
        char scene[16];
        ori_buf_init(&file, 2 * ORI_LIMIT_MAX_PATH_BYTES);
        if (!is_remote) /* of frames elsewhere only the keys are known */
            ori_buf_printf(&file, "%s/", search->cli->settings->vp_frames_dir);
        ori_buf_add_text(&file, hit->payload.path);
        snprintf(score, sizeof score, "%.4f", hit->score);
        snprintf(second, sizeof second, "%.2f", hit->payload.frame_second);
        snprintf(scene, sizeof scene, "%d", hit->payload.scene);
        ori_status status = ori_buf_finish(&file, "path of a frame", err);
        if (status == ORI_OK) {
            const char *const cells[] = {ori_buf_text(&file), score, second, scene,
                                         hit->payload.video_code};
            ori_table_add(table, cells);
        }
        ori_buf_deinit(&file);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

static ori_status print_table(struct search *search, struct ori_error *err)
{
    struct ori_table table;
    struct ori_buf page;
    if (search->hits.count == 0) {
        const bool is_filtered =
            ori_cli_text(search->cli, "platform") || ori_cli_text(search->cli, "video");
        const char *none = is_filtered
                               ? "nothing found: no frame of that platform or video is stored\n"
                               : "nothing found: no frame is stored\n";
        return ori_output_write(none, strlen(none), NULL, err);
    }
    ori_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    ori_status status = fill_table(search, &table, err);
    if (status == ORI_OK) /* a path is there to be opened: never shortened */
        status = ori_table_render(&table, 0, &page, err);
    if (status == ORI_OK)
        status = ori_output_write(page.data, page.used, &search->cancel, err);
    ori_buf_deinit(&page);
    ori_table_deinit(&table);
    return status;
}

static ori_status check_remote(const struct ori_settings *settings, struct ori_error *err)
{
    if (ori_engine_has_qdrant(settings))
        return ORI_OK;
    return ori_error_set(err, ORI_USAGE,
                         settings->local_mode
                             ? "--remote: LOCAL_MODE=1 keeps everything on this machine"
                             : "--remote: QDRANT_URL is not set");
}

static ori_status search_steps(struct search *search, struct ori_error *err)
{
    struct ori_cli *cli = search->cli;
    struct ori_vector_filter filter = {.platform = ori_cli_text(cli, "platform"),
                                       .video_code = ori_cli_text(cli, "video"),
                                       .second_min = -1,
                                       .second_max = -1};
    const bool is_remote = ori_cli_has(cli, "remote");
    ori_status status = is_remote ? check_remote(cli->settings, err) : ORI_OK;
    if (status == ORI_OK)
        status =
            ori_engine_open(cli->settings, is_remote ? ORI_ENGINE_SEARCH_REMOTE : ORI_ENGINE_SEARCH,
                            &search->cancel, NULL, NULL, &search->engine, err);
    if (status == ORI_NOT_FOUND)
        ori_error_context(err, "%s",
                          is_remote ? "nothing is stored there yet, or QDRANT_COLLECTION is another"
                                    : "nothing is stored yet, `oriane run` comes first");
    if (status == ORI_OK)
        status = make_query(search, err);
    if (status == ORI_OK)
        status = ori_vector_search(search->engine.vectors, search->query,
                                   (size_t)ori_cli_whole(cli, "limit", LIMIT_DEFAULT), &filter,
                                   &search->cancel, &search->hits, err);
    if (status == ORI_OK)
        status = ori_cli_has(cli, "json") ? print_json(search, err) : print_table(search, err);
    return status;
}

static enum ori_exit run_search(struct ori_cli *cli)
{
    struct search search = {.cli = cli};
    struct ori_error err = {0};
    if ((cli->operands_count > 0) == ori_cli_has(cli, "image"))
        return ori_cli_usage(cli, "give a text, or a picture by --image");
    ori_status status = ori_cancel_init(&search.cancel, NULL, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = ori_interrupt_start(&search.cancel, &search.interrupt, &err);
    if (status == ORI_OK)
        status = search_steps(&search, &err);
    ori_hits_deinit(&search.hits);
    ori_model_scratch_destroy(&search.scratch);
    ori_engine_close(&search.engine);
    free(search.query);
    free(search.text);
    ori_interrupt_stop(&search.interrupt);
    ori_cancel_deinit(&search.cancel);
    return ori_ending(cli, status, &err);
}

static const struct ori_cli_option options[] = {
    {.name = "image",
     .kind = ORI_CLI_TEXT,
     .argument = "FILE",
     .doc = "look for what is like this picture: PNG, JPEG or WebP"},
    {.name = "limit",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = 1,
     .max = ORI_LIMIT_MAX_SEARCH_HITS,
     .doc = "hits, at most; 5 when not given"},
    {.name = "platform", .kind = ORI_CLI_TEXT, .argument = "NAME", .doc = "in its videos alone"},
    {.name = "video", .kind = ORI_CLI_TEXT, .argument = "CODE", .doc = "in this video alone"},
    {.name = "remote",
     .kind = ORI_CLI_SWITCH,
     .doc = "look in QDRANT_URL, as a server does, not in VECTOR_DB; its files are keys, in "
            "S3_FRAMES_BUCKET or VP_FRAMES_DIR"},
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON array: [{\"id\", \"score\", \"payload\"}]"},
};

const struct ori_verb ori_verb_search = {
    .name = "search",
    .summary = "find frames by a text or by a picture",
    .usage = "[options] TEXT | --image FILE",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = SIZE_MAX,
    .run = run_search,
};
