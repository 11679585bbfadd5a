/* oriane embed: the vectors of pictures and texts. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "pipeline/engine.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "pipeline/picture.h"
#include "util/utf8.h"

/* Nine digits give a float back exactly. */
#define VECTOR_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))
#define NUMBERS_SHOWN 4

struct embed {
    struct ori_cli *cli;
    struct ori_cancel cancel;
    struct ori_interrupt *interrupt;
    struct ori_engine engine;
    struct ori_model_scratch *scratch;
    float *vector; /* dim */
    json_t *vectors;
    json_t *errors;
    size_t failed;
};

static ori_status embed_picture(struct embed *embed, const char *path, struct ori_error *err)
{
    struct ori_picture_request request = {
        .path = path, .settings = embed->cli->settings, .model = &embed->engine.model_info};
    uint8_t *input = NULL;
    ori_status status = ori_picture_load(&request, &embed->cancel, &input, err);
    if (status == ORI_OK) {
        const uint8_t *pictures[] = {input};
        status = ori_model_embed_pictures(embed->scratch, pictures, 1, &embed->cancel,
                                          embed->vector, err);
    }
    free(input);
    return status;
}

static json_t *vector_json(const struct embed *embed)
{
    json_t *json = json_array();
    bool is_well = json != NULL;
    for (int i = 0; is_well && i < embed->engine.model_info.dim; i++)
        is_well = json_array_append_new(json, json_real((double)embed->vector[i])) == 0;
    if (is_well)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *error_json(size_t index, const char *input, const struct ori_error *cause)
{
    char text[ORI_ERROR_TEXT_MAX];
    char *clean = strdup(input);
    if (!clean)
        return NULL;
    snprintf(text, sizeof text, "%s", cause->text);
    ori_utf8_clean(text);
    ori_utf8_clean(clean);
    json_t *json = json_pack("{s:I, s:s, s:s, s:s}", "index", (json_int_t)index, "input", clean,
                             "code", ori_status_code(cause->status), "message", text);
    free(clean);
    return json;
}

/* Keeps one answer for the JSON at the end. */
static ori_status keep(struct embed *embed, const char *input, const struct ori_error *cause,
                       struct ori_error *err)
{
    size_t index = json_array_size(embed->vectors);
    bool is_failed = cause->status != ORI_OK;
    json_t *vector = is_failed ? json_null() : vector_json(embed);
    bool is_well = json_array_append_new(embed->vectors, vector) == 0;
    if (is_well && is_failed)
        is_well = json_array_append_new(embed->errors, error_json(index, input, cause)) == 0;
    return is_well ? ORI_OK : ori_error_set(err, ORI_NOMEM, "vectors as JSON");
}

static ori_status print_row(const struct embed *embed, const char *input, struct ori_error *err)
{
    struct ori_buf row;
    int dim = embed->engine.model_info.dim;
    ori_buf_init(&row, 65536);
    ori_buf_printf(&row, "%s:", input);
    ori_utf8_clean(row.data ? row.data : (char[]){""});
    for (int i = 0; i < dim && i < NUMBERS_SHOWN; i++)
        ori_buf_printf(&row, " %.5f", (double)embed->vector[i]);
    ori_buf_printf(&row, "%s (%d numbers; --json has all of them)\n",
                   dim > NUMBERS_SHOWN ? " ..." : "", dim);
    ori_status status = ori_buf_finish(&row, "one vector", err);
    if (status == ORI_OK)
        status = ori_output_write(row.data, row.used, &embed->cancel, err);
    ori_buf_deinit(&row);
    return status;
}

/* One input: its own failure is told and the next one follows. */
static ori_status embed_one(struct embed *embed, const char *input, bool is_text,
                            struct ori_error *err)
{
    struct ori_error cause = {0};
    ori_status status = ORI_OK;
    if (is_text)
        status = ori_model_embed_text(embed->scratch, input, &embed->cancel, embed->vector, &cause);
    else
        status = embed_picture(embed, input, &cause);
    if (ori_cancel_is_set(&embed->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (status != ORI_OK) {
        embed->failed++;
        ori_log_say(&embed->cli->log, "oriane: %s: %s [%s]", input, cause.text,
                    ori_status_code(status));
    }
    if (ori_cli_has(embed->cli, "json"))
        return keep(embed, input, &cause, err);
    return status == ORI_OK ? print_row(embed, input, err) : ORI_OK;
}

static ori_status embed_list(struct embed *embed, const char *option, bool is_text,
                             struct ori_error *err)
{
    size_t count = 0;
    ori_status status = ORI_OK;
    const char *const *inputs = ori_cli_list(embed->cli, option, &count);
    for (size_t i = 0; i < count && status == ORI_OK; i++)
        status = embed_one(embed, inputs[i], is_text, err);
    return status;
}

static ori_status print_json(struct embed *embed, struct ori_error *err)
{
    json_t *all =
        json_pack("{s:s, s:i, s:O, s:O}", "model", embed->engine.model_info.name, "dim",
                  embed->engine.model_info.dim, "vectors", embed->vectors, "errors", embed->errors);
    char *text = all ? json_dumps(all, VECTOR_JSON_FLAGS) : NULL;
    ori_status status = ORI_OK;
    if (!text)
        status = ori_error_set(err, ORI_NOMEM, "vectors as JSON");
    if (status == ORI_OK)
        status = ori_output_write(text, strlen(text), &embed->cancel, err);
    if (status == ORI_OK)
        status = ori_output_write("\n", 1, &embed->cancel, err);
    free(text);
    json_decref(all);
    return status;
}

static ori_status embed_steps(struct embed *embed, struct ori_error *err)
{
    ori_status status = ori_engine_open(embed->cli->settings, ORI_ENGINE_EMBED, &embed->cancel,
                                        NULL, NULL, &embed->engine, err);
    if (status == ORI_OK)
        status = ori_model_scratch_create(embed->engine.model, &embed->scratch, err);
    if (status != ORI_OK)
        return status;
    embed->vector = calloc((size_t)embed->engine.model_info.dim, sizeof *embed->vector);
    embed->vectors = json_array();
    embed->errors = json_array();
    if (!embed->vector || !embed->vectors || !embed->errors)
        return ori_error_set(err, ORI_NOMEM, "vectors");
    status = embed_list(embed, "image", false, err);
    if (status == ORI_OK)
        status = embed_list(embed, "text", true, err);
    if (status == ORI_OK && ori_cli_has(embed->cli, "json"))
        status = print_json(embed, err);
    return status;
}

static enum ori_exit run_embed(struct ori_cli *cli)
{
    struct embed embed = {.cli = cli};
    struct ori_error err = {0};
    if (!ori_cli_has(cli, "image") && !ori_cli_has(cli, "text"))
        return ori_cli_usage(cli, "give pictures by --image, or texts by --text");
    ori_status status = ori_cancel_init(&embed.cancel, NULL, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = ori_interrupt_start(&embed.cancel, &embed.interrupt, &err);
    if (status == ORI_OK)
        status = embed_steps(&embed, &err);
    json_decref(embed.vectors);
    json_decref(embed.errors);
    free(embed.vector);
    ori_model_scratch_destroy(&embed.scratch);
    ori_engine_close(&embed.engine);
    ori_interrupt_stop(&embed.interrupt);
    ori_cancel_deinit(&embed.cancel);
    enum ori_exit code = ori_ending(cli, status, &err);
    return code == ORI_EXIT_OK && embed.failed > 0 ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    {.name = "image",
     .kind = ORI_CLI_LIST,
     .argument = "FILE...",
     .doc = "pictures: PNG, JPEG or WebP, turned upright as their EXIF says"},
    {.name = "text",
     .kind = ORI_CLI_LIST,
     .argument = "TEXT...",
     .doc = "texts, one argument each"},
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object: {\"model\", \"dim\", \"vectors\", \"errors\"}; what failed is null"},
};

const struct ori_verb ori_verb_embed = {
    .name = "embed",
    .summary = "print the vectors of pictures or texts",
    .usage = "[options] --image FILE... | --text TEXT...",
    .description = "Pictures come first, then texts, each in the order given.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .run = run_embed,
};
