/* oriane model info: what a model says of itself, and what it does here, measured.
 * Pictures   made by code from fixed numbers: gradients, a wave and a disc each, so that no file is
 *            needed and every machine embeds the same ones
 * Speed      whole batches on one thread, after one that is not counted, for at least MEASURE_US
 * Loss       of int8: 1 less the cosine to the f32 vector of the same picture */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model_actions.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "embed/model.h"
#include "embed/model_facts.h"
#include "embed/model_folder.h"
#include "pipeline/engine.h"
#include "util/clock.h"
#include "util/size.h"

#define PICTURES 8
#define MEASURE_US 1000000
#define MEASURE_ROUNDS_MIN 2
#define PAGE_BYTES_MAX 65536

struct measured {
    double pictures_a_second;
    struct ori_error text; /* why a text could not be embedded; not set: it could */
    bool has_loss;
    double loss_mean;
    double loss_worst;
};

struct pictures {
    uint8_t *bytes; /* PICTURES of them, planes R G B */
    const uint8_t *list[PICTURES];
    size_t count; /* of a batch */
};

/* One sample, 0..255, of a picture: three sums of a gradient and a wave, a disc in another colour. */
static uint8_t sample_of(int picture, int plane, double u, double v)
{
    double phase = 1.7 * picture + 2.1 * plane;
    double wave = sin((3 + picture) * u * 6.28 + phase) * cos((2 + plane) * v * 6.28);
    double ramp = plane == 0 ? u : plane == 1 ? v : 1 - u;
    double x = u - 0.3 - 0.05 * picture;
    double y = v - 0.5;
    double value = 40 + 110 * ramp + 60 * wave;
    if (x * x + y * y < 0.02 * (1 + picture % 3))
        value = 255 - value / 2;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static ori_status make_pictures(const struct ori_model_info *info, struct pictures *pictures,
                                struct ori_error *err)
{
    size_t pixels = (size_t)info->side * (size_t)info->side;
    size_t bytes = 0;
    if (!ori_size_mul(pixels, 3 * PICTURES, &bytes) || !(pictures->bytes = malloc(bytes)))
        return ori_error_set(err, ORI_NOMEM, "pictures to measure with");
    uint8_t *at = pictures->bytes;
    for (int i = 0; i < PICTURES; i++) {
        pictures->list[i] = at;
        for (int plane = 0; plane < 3; plane++) {
            for (int y = 0; y < info->side; y++) {
                for (int x = 0; x < info->side; x++)
                    *at++ = sample_of(i, plane, (double)x / info->side, (double)y / info->side);
            }
        }
    }
    pictures->count = info->batch_max < PICTURES ? info->batch_max : PICTURES;
    return ORI_OK;
}

static ori_status measure_speed(struct ori_model_verb *verb, struct ori_model_scratch *scratch,
                                const struct pictures *pictures, float *vectors,
                                double *ret_pictures_a_second, struct ori_error *err)
{
    ori_status status = ori_model_embed_pictures(scratch, pictures->list, pictures->count,
                                                 &verb->session.cancel, vectors, err);
    int64_t begin_us = ori_clock_us();
    int64_t spent_us = 0;
    int rounds = 0;
    while (status == ORI_OK && (rounds < MEASURE_ROUNDS_MIN || spent_us < MEASURE_US)) {
        status = ori_model_embed_pictures(scratch, pictures->list, pictures->count,
                                          &verb->session.cancel, vectors, err);
        spent_us = ori_clock_us() - begin_us;
        rounds++;
    }
    if (status == ORI_OK)
        *ret_pictures_a_second =
            (double)rounds * (double)pictures->count * 1e6 / (double)(spent_us > 0 ? spent_us : 1);
    return status;
}

/* Vectors of all pictures, PICTURES * dim. */
static ori_status embed_all(struct ori_model_verb *verb, struct ori_model_scratch *scratch,
                            const struct pictures *pictures, int dim, float *vectors,
                            struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < PICTURES && status == ORI_OK; i += pictures->count) {
        size_t n = PICTURES - i < pictures->count ? PICTURES - i : pictures->count;
        status = ori_model_embed_pictures(scratch, pictures->list + i, n, &verb->session.cancel,
                                          vectors + i * (size_t)dim, err);
    }
    return status;
}

static void compare(const float *a, const float *b, int dim, struct measured *measured)
{
    measured->has_loss = true;
    for (int i = 0; i < PICTURES; i++) {
        double cosine = 0;
        for (int k = 0; k < dim; k++) /* both have norm 1 */
            cosine += (double)a[i * dim + k] * (double)b[i * dim + k];
        double loss = cosine < 1 ? 1 - cosine : 0;
        measured->loss_mean += loss / PICTURES;
        if (loss > measured->loss_worst)
            measured->loss_worst = loss;
    }
}

/* The same model once more, in f32, on the same pictures. */
static ori_status measure_loss(struct ori_model_verb *verb, const struct ori_model_options *options,
                               const struct pictures *pictures, const float *vectors, int dim,
                               struct measured *measured, struct ori_error *err)
{
    struct ori_model_options exact = *options;
    struct ori_model *model = NULL;
    struct ori_model_scratch *scratch = NULL;
    float *others = calloc((size_t)PICTURES * (size_t)dim, sizeof *others);
    exact.precision = ORI_PRECISION_F32;
    ori_status status = others ? ORI_OK : ori_error_set(err, ORI_NOMEM, "vectors");
    if (status == ORI_OK)
        status = ori_model_open(&exact, &model, err);
    if (status == ORI_OK)
        status = ori_model_scratch_create(model, &scratch, err);
    if (status == ORI_OK)
        status = embed_all(verb, scratch, pictures, dim, others, err);
    if (status == ORI_OK)
        compare(vectors, others, dim, measured);
    ori_model_scratch_destroy(&scratch);
    ori_model_close(&model);
    free(others);
    return status;
}

static ori_status measure(struct ori_model_verb *verb, const struct ori_model_options *options,
                          const struct ori_model *model, struct measured *measured,
                          struct ori_error *err)
{
    const struct ori_model_info info = ori_model_info(model);
    struct pictures pictures = {0};
    struct ori_model_scratch *scratch = NULL;
    float *vectors = calloc((size_t)PICTURES * (size_t)info.dim, sizeof *vectors);
    ori_status status = vectors ? ORI_OK : ori_error_set(err, ORI_NOMEM, "vectors");
    if (status == ORI_OK)
        status = make_pictures(&info, &pictures, err);
    if (status == ORI_OK)
        status = ori_model_scratch_create(model, &scratch, err);
    if (status == ORI_OK)
        status =
            measure_speed(verb, scratch, &pictures, vectors, &measured->pictures_a_second, err);
    if (status == ORI_OK && info.has_text) /* else a broken tokenizer shows at the first search */
        measured->text.status = ori_model_embed_text(scratch, "a photo", &verb->session.cancel,
                                                     vectors, &measured->text);
    if (status == ORI_OK && strcmp(info.precision, "int8") == 0) {
        status = embed_all(verb, scratch, &pictures, info.dim, vectors, err);
        if (status == ORI_OK)
            status = measure_loss(verb, options, &pictures, vectors, info.dim, measured, err);
    }
    ori_model_scratch_destroy(&scratch);
    free(pictures.bytes);
    free(vectors);
    return status;
}

/* ---- the pages ---- */

/* What stands in the folder, when the encoder knows of none. */
static void find_licence(const struct ori_model_options *options, const struct ori_model_info *info,
                         char ret_licence[ORI_MODEL_LICENCE_BYTES])
{
    char *folder = NULL;
    snprintf(ret_licence, ORI_MODEL_LICENCE_BYTES, "%s", info->licence);
    if (ret_licence[0] == '\0' && strcmp(info->backend, "builtin") != 0 &&
        ori_model_folder_find(options->name, options->hub_cache, &folder, NULL) == ORI_OK)
        ori_model_folder_licence(folder, ret_licence);
    free(folder);
}

static void add_row(struct ori_buf *page, const char *title, const char *value)
{
    ori_buf_printf(page, "%-12s %s\n", title, value[0] ? value : "-");
}

static ori_status print_page(struct ori_model_verb *verb, const struct ori_model_info *info,
                             const char *licence, const struct measured *measured,
                             struct ori_error *err)
{
    struct ori_buf page;
    char text[ORI_PROGRESS_SIZE_BYTES];
    ori_buf_init(&page, PAGE_BYTES_MAX);
    add_row(&page, "model", info->name);
    add_row(&page, "digest", info->digest);
    add_row(&page, "architecture", info->architecture);
    ori_buf_printf(&page, "%-12s %d numbers\n", "vectors", info->dim);
    ori_buf_printf(&page, "%-12s %d x %d pixels, %s\n", "pictures", info->side, info->side,
                   info->fit == ORI_MODEL_FIT_SQUASH ? "squashed" : "the middle of the frame");
    add_row(&page, "text",
            !info->has_text                   ? "no"
            : measured->text.status == ORI_OK ? "yes"
                                              : measured->text.text);
    if (info->parameters > 0)
        ori_buf_printf(&page, "%-12s %lld\n", "parameters", (long long)info->parameters);
    else
        add_row(&page, "parameters", "none: nothing in it was learned");
    ori_buf_printf(&page, "%-12s %s by %s on %s\n", "computes", info->precision, info->backend,
                   info->device);
    ori_progress_size(info->resident_bytes, text);
    add_row(&page, "memory", info->resident_bytes > 0 ? text : "");
    if (info->parameters > 0)
        add_row(&page, "licence", licence[0] ? licence : "not said");
    ori_buf_printf(&page, "%-12s %.1f pictures a second on one thread, measured now\n", "speed",
                   measured->pictures_a_second);
    if (measured->has_loss)
        ori_buf_printf(&page,
                       "%-12s cosine to f32 lower by %.2g on average, %.2g at worst, of %d "
                       "pictures\n",
                       "int8 loss", measured->loss_mean, measured->loss_worst, PICTURES);
    ori_status status = ori_output_page(&page, &verb->session.cancel, err);
    ori_buf_deinit(&page);
    return status;
}

static ori_status print_json(struct ori_model_verb *verb, const struct ori_model_info *info,
                             const char *licence, const struct measured *measured,
                             struct ori_error *err)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:b, s:I, s:s, s:s, s:s, s:I, s:s?, s:f}", "name", info->name,
        "digest", info->digest, "architecture", info->architecture, "dim", info->dim, "side",
        info->side, "has_text", info->has_text && measured->text.status == ORI_OK, "parameters",
        (json_int_t)info->parameters, "precision", info->precision, "backend", info->backend,
        "device", info->device, "resident_bytes", (json_int_t)info->resident_bytes, "licence",
        licence[0] ? licence : NULL, "pictures_a_second", measured->pictures_a_second);
    if (json && measured->has_loss &&
        json_object_set_new(json, "int8_loss",
                            json_pack("{s:f, s:f, s:i}", "mean", measured->loss_mean, "worst",
                                      measured->loss_worst, "pictures", PICTURES)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return ori_output_json(json, &verb->session.cancel, err);
}

ori_status ori_model_verb_info(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err)
{
    struct ori_model_options options = ori_engine_model_options(verb->cli->settings);
    struct ori_model *model = NULL;
    struct measured measured = {0};
    char licence[ORI_MODEL_LICENCE_BYTES];
    options.name = operand;
    options.dim_wanted = 0; /* the model's own, whatever QDRANT_DIM is */
    ori_status status = ori_model_open(&options, &model, err);
    if (status == ORI_OK)
        status = measure(verb, &options, model, &measured, err);
    if (status == ORI_OK) {
        const struct ori_model_info info = ori_model_info(model);
        find_licence(&options, &info, licence);
        status = ori_cli_has(verb->cli, "json") ? print_json(verb, &info, licence, &measured, err)
                                                : print_page(verb, &info, licence, &measured, err);
    }
    ori_model_close(&model);
    return status;
}
