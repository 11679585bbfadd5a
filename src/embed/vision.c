#include "embed/vision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"
#include "embed/pooler.h"

/* Rows of one matrix product at full speed; more would leave the second cache. Measured: bench_embed. */
#define ROWS_USUAL 400
#define CHANNELS ORI_VISION_CHANNELS
#define CENTRE 128 /* taken off the bytes: what rounds weights to bf16 costs least around zero */

static const struct ori_block_names hugging_face_names = {
    .norm1 = "layer_norm1",
    .q_weight = "self_attn.q_proj.weight",
    .q_bias = "self_attn.q_proj.bias",
    .k_weight = "self_attn.k_proj.weight",
    .k_bias = "self_attn.k_proj.bias",
    .v_weight = "self_attn.v_proj.weight",
    .v_bias = "self_attn.v_proj.bias",
    .out = "self_attn.out_proj",
    .norm2 = "layer_norm2",
    .up = "mlp.fc1",
    .down = "mlp.fc2",
};
static const struct ori_block_names eva_names = {
    .norm1 = "norm1",
    .q_weight = "attn.q_proj.weight",
    .q_bias = "attn.q_bias",
    .k_weight = "attn.k_proj.weight",
    .v_weight = "attn.v_proj.weight",
    .v_bias = "attn.v_bias",
    .inner_norm = "attn.inner_attn_ln",
    .out = "attn.proj",
    .norm2 = "norm2",
    .up = "mlp.w2",
    .gate = "mlp.w1",
    .gate_norm = "mlp.ffn_ln",
    .down = "mlp.w3",
};

/* Where a family keeps its tensors; NULL: it has no such part. */
struct vision_names {
    const struct ori_block_names *block;
    const char *blocks;
    const char *patch; /* NAME.weight, and NAME.bias with has_patch_bias */
    bool has_patch_bias;
    const char *class_token;
    int class_dims; /* of its shape: all 1 but the last */
    const char *positions;
    int position_dims;
    const char *pre_norm;
    const char *post_norm;
    const char *pooler;
    const char *projection;
    bool has_rotation;
};
static const struct vision_names clip_names = {
    .block = &hugging_face_names,
    .blocks = "vision_model.encoder.layers",
    .patch = "vision_model.embeddings.patch_embedding",
    .class_token = "vision_model.embeddings.class_embedding",
    .class_dims = 1,
    .positions = "vision_model.embeddings.position_embedding.weight",
    .position_dims = 2,
    .pre_norm = "vision_model.pre_layrnorm", /* so misspelt in the files */
    .post_norm = "vision_model.post_layernorm",
    .projection = "visual_projection",
};
static const struct vision_names siglip_names = {
    .block = &hugging_face_names,
    .blocks = "vision_model.encoder.layers",
    .patch = "vision_model.embeddings.patch_embedding",
    .has_patch_bias = true,
    .positions = "vision_model.embeddings.position_embedding.weight",
    .position_dims = 2,
    .post_norm = "vision_model.post_layernorm",
    .pooler = "vision_model.head",
};
static const struct vision_names jina_names = {
    .block = &eva_names,
    .blocks = "vision_model.blocks",
    .patch = "vision_model.patch_embed.proj",
    .has_patch_bias = true,
    .class_token = "vision_model.cls_token",
    .class_dims = 3,
    .positions = "vision_model.pos_embed",
    .position_dims = 3,
    .post_norm = "vision_model.norm",
    .has_rotation = true,
};

static const struct vision_names *names_of(enum ori_family family)
{
    switch (family) {
    case ORI_FAMILY_SIGLIP:
        return &siglip_names;
    case ORI_FAMILY_JINA_CLIP_V2:
        return &jina_names;
    case ORI_FAMILY_CLIP:
    default:
        return &clip_names;
    }
}

/* ---- loading */

/* y = W (x * rescale - mean) / std + b  as  W' (x - CENTRE) + b', W' = W * rescale / std. */
static void fold(const struct ori_model_config *config, float *matrix, float *bias)
{
    const struct ori_preprocess_config *pre = &config->preprocess;
    size_t area = (size_t)config->vision.patch * (size_t)config->vision.patch;
    for (size_t o = 0; o < (size_t)config->vision.tower.width; o++) {
        double shift = 0;
        for (size_t c = 0; c < CHANNELS; c++) {
            float *part = matrix + (o * CHANNELS + c) * area;
            double factor = pre->rescale / (double)pre->std[c];
            double sum = 0;
            for (size_t i = 0; i < area; i++) {
                sum += (double)part[i];
                part[i] = (float)((double)part[i] * factor);
            }
            shift += sum * ((double)pre->mean[c] / (double)pre->std[c] - CENTRE * factor);
        }
        bias[o] = (float)((double)bias[o] - shift);
    }
}

/* Weights of one channel; the bias goes with the first. */
static ori_status pack_channel(struct ori_vision *it, size_t channel, const float *matrix,
                               const float *bias, struct ori_error *err)
{
    size_t width = (size_t)it->config.vision.tower.width;
    size_t area = (size_t)it->config.vision.patch * (size_t)it->config.vision.patch;
    float *part = ori_aligned_alloc(width * area, sizeof *part);
    float *nothing = ori_aligned_zeroed(width, sizeof *nothing);
    ori_status status = ORI_OK;
    if (!part || !nothing)
        status = ori_error_set(err, ORI_NOMEM, "patches");
    for (size_t o = 0; o < width && status == ORI_OK; o++)
        memcpy(part + o * area, matrix + (o * CHANNELS + channel) * area, area * sizeof *part);
    if (status == ORI_OK)
        status = ori_matmul_pack(it->patch, part, channel == 0 ? bias : nothing, &it->slab,
                                 &it->patch_weights[channel], err);
    free(part);
    free(nothing);
    return status;
}

static ori_status load_patches(struct ori_vision *it, const struct vision_names *names,
                               const struct ori_weights *weights, struct ori_error *err)
{
    const struct ori_vision_config *config = &it->config.vision;
    int width = config->tower.width;
    int64_t shape[] = {width, CHANNELS, config->patch, config->patch};
    struct ori_matmul_spec spec = {.in = config->patch * config->patch,
                                   .out = width,
                                   .precision = it->patch_precision,
                                   .has_bias = true,
                                   .adds = true,
                                   .rows_usual = it->pictures_max * it->patches,
                                   .rows_one = it->patches};
    float *matrix = NULL;
    float *bias = ori_aligned_zeroed((size_t)width, sizeof *bias);
    ori_status status = ORI_OK;
    if (!bias)
        status = ori_error_set(err, ORI_NOMEM, "patches");
    if (status == ORI_OK)
        status = ori_layer_floats(weights, ori_layer_name("%s.weight", names->patch).text, shape, 4,
                                  &matrix, err);
    if (status == ORI_OK && names->has_patch_bias)
        status = ori_layer_read(weights, ori_layer_name("%s.bias", names->patch).text, shape, 1,
                                bias, err);
    if (status == ORI_OK) {
        fold(&it->config, matrix, bias);
        status =
            ori_layer_check_finite("of the patches, with mean and std,", bias, (size_t)width, err);
    }
    if (status == ORI_OK)
        status = ori_layer_check_finite("of the patches, with mean and std,", matrix,
                                        (size_t)(CHANNELS * width * spec.in), err);
    if (status == ORI_OK)
        status = ori_matmul_create(&spec, &it->patch, err);
    for (size_t c = 0; c < CHANNELS && status == ORI_OK; c++)
        status = pack_channel(it, c, matrix, bias, err);
    free(matrix);
    free(bias);
    return status;
}

static ori_status load_tokens(struct ori_vision *it, const struct vision_names *names,
                              const struct ori_weights *weights, struct ori_error *err)
{
    int width = it->config.vision.tower.width;
    int64_t one[] = {1, 1, width};
    int64_t all[] = {1, it->tokens, width};
    ori_status status = ORI_OK;
    if (names->class_token)
        status = ori_layer_floats(weights, names->class_token, one + 3 - names->class_dims,
                                  names->class_dims, &it->class_token, err);
    if (status == ORI_OK)
        status = ori_layer_floats(weights, names->positions, all + 3 - names->position_dims,
                                  names->position_dims, &it->positions, err);
    if (status == ORI_OK && names->pre_norm)
        status = ori_norm_load(weights, names->pre_norm, width, &it->pre_norm, err);
    if (status == ORI_OK)
        status = ori_norm_load(weights, names->post_norm, width, &it->post_norm, err);
    return status;
}

/* 2-D rotary positions: half of a head turns by the row, half by the column; the grid is scaled to
 * the one the model was trained on first (rope_grid). */
static ori_status make_rotation(struct ori_vision *it, struct ori_error *err)
{
    const struct ori_vision_config *config = &it->config.vision;
    int head = config->tower.width / config->tower.heads;
    int half = head / 2;
    int across = config->side / config->patch;
    ORI_ASSERT(half > 0 && across > 0); /* model_config refuses others */
    size_t count = (size_t)it->tokens * (size_t)head;
    it->rotation_cos = ori_aligned_zeroed(count, sizeof *it->rotation_cos);
    it->rotation_sin = ori_aligned_zeroed(count, sizeof *it->rotation_sin);
    if (!it->rotation_cos || !it->rotation_sin)
        return ori_error_set(err, ORI_NOMEM, "rotary positions");
    for (int i = 0; i < head; i++) /* the class token stays */
        it->rotation_cos[i] = 1;
    for (int t = 1; t < it->tokens; t++) {
        for (int i = 0; i < head; i++) {
            int place = i < half ? (t - 1) / across : (t - 1) % across;
            double frequency = pow(10000.0, -(double)((i % half) / 2 * 2) / half);
            double angle = place * (double)config->rope_grid / across * frequency;
            it->rotation_cos[(ptrdiff_t)t * head + i] = (float)cos(angle);
            it->rotation_sin[(ptrdiff_t)t * head + i] = (float)sin(angle);
        }
    }
    return ORI_OK;
}

static ori_status load_projection(struct ori_vision *it, const char *name,
                                  const struct ori_weights *weights, struct ori_error *err)
{
    struct ori_matmul_spec spec = {.in = it->config.vision.tower.width,
                                   .out = it->config.dim,
                                   .precision = ORI_PRECISION_F32,
                                   .rows_usual = it->pictures_max,
                                   .rows_one = 1};
    ori_status status = ori_matmul_create(&spec, &it->projection, err);
    if (status == ORI_OK)
        status = ori_linear_load(it->projection, spec.out, spec.in, weights, name, &it->slab,
                                 &it->projection_weights, err);
    return status;
}

static ori_status load_blocks(struct ori_vision *it, const struct vision_names *names,
                              const struct ori_weights *weights, struct ori_error *err)
{
    struct ori_transformer_options blocks = {.config = it->config.vision.tower,
                                             .precision = it->precision,
                                             .kernels = it->kernels,
                                             .slab = &it->slab,
                                             .names = names->block,
                                             .prefix = names->blocks,
                                             .tokens = it->tokens,
                                             .sequences = it->pictures_max,
                                             .is_rotated = names->has_rotation};
    struct ori_pooler_options pooler = {.config = it->config.vision.tower,
                                        .kernels = it->kernels,
                                        .slab = &it->slab,
                                        .prefix = names->pooler,
                                        .tokens = it->tokens,
                                        .sequences_max = it->pictures_max};
    ori_status status = ori_transformer_load(&blocks, weights, &it->blocks, err);
    if (status == ORI_OK && names->pooler)
        status = ori_pooler_load(&pooler, weights, &it->pooler, err);
    if (status == ORI_OK && names->projection)
        status = load_projection(it, names->projection, weights, err);
    if (status == ORI_OK && names->has_rotation)
        status = make_rotation(it, err);
    return status;
}

ori_status ori_vision_load(const struct ori_vision_options *options,
                           const struct ori_weights *weights, struct ori_vision *ret_vision,
                           struct ori_error *err)
{
    const struct vision_names *names = names_of(options->config->family);
    struct ori_vision it = {
        .config = *options->config, .precision = options->precision, .kernels = options->kernels};
    /* bytes around zero are exact in bf16; as INT8 the largest weights would spoil the rest */
    it.patch_precision = it.precision != ORI_PRECISION_F32 && ori_matmul_machine().has_bf16
                             ? ORI_PRECISION_BF16
                             : ORI_PRECISION_F32;
    it.slab.has_large_pages = it.precision != ORI_PRECISION_F32;
    int across = it.config.vision.side / it.config.vision.patch;
    it.patches = across * across;
    it.tokens = it.patches + (names->class_token ? 1 : 0);
    it.pictures_max = ROWS_USUAL / it.tokens > 1 ? ROWS_USUAL / it.tokens : 1;
    ori_status status = load_patches(&it, names, weights, err);
    if (status == ORI_OK)
        status = load_tokens(&it, names, weights, err);
    if (status == ORI_OK)
        status = load_blocks(&it, names, weights, err);
    if (status != ORI_OK) {
        ori_vision_deinit(&it);
        return status;
    }
    *ret_vision = it;
    return ORI_OK;
}

void ori_vision_deinit(struct ori_vision *vision)
{
    ori_matmul_destroy(&vision->patch);
    free(vision->class_token);
    free(vision->positions);
    ori_norm_deinit(&vision->pre_norm);
    ori_transformer_deinit(&vision->blocks);
    ori_norm_deinit(&vision->post_norm);
    ori_matmul_destroy(&vision->projection);
    ori_pooler_destroy(&vision->pooler);
    ori_slab_deinit(&vision->slab);
    free(vision->rotation_cos);
    free(vision->rotation_sin);
    *vision = (struct ori_vision){0};
}

size_t ori_vision_bytes(const struct ori_vision *vision)
{
    size_t positions = (size_t)vision->tokens * (size_t)vision->config.vision.tower.width;
    return CHANNELS * vision->patch_weights[0].bytes + vision->blocks.bytes +
           vision->projection_weights.bytes +
           (vision->pooler ? ori_pooler_bytes(vision->pooler) : 0) + positions * sizeof(float);
}

/* ---- working memory */

struct ori_vision_scratch {
    const struct ori_vision *vision;
    struct ori_transformer_scratch blocks;
    struct ori_matmul_plan *patch;
    struct ori_matmul_plan *projection;
    struct ori_pooler_scratch *pooler;
    void *pixels;    /* [pictures * patches][patch * patch] of one channel, as patch takes it */
    float *row;      /* one of them */
    float *patches;  /* [pictures * patches][width] */
    void *pooled;    /* [pictures][width], as projection takes it */
    float *features; /* [pictures][dim], aligned */
};

static size_t patches_count(const struct ori_vision *vision)
{
    return (size_t)vision->pictures_max * (size_t)vision->patches *
           (size_t)vision->config.vision.tower.width;
}

size_t ori_vision_scratch_bytes(const struct ori_vision *vision)
{
    return ori_transformer_scratch_bytes(&vision->blocks) + ori_matmul_x_bytes(vision->patch) +
           patches_count(vision) * sizeof(float);
}

static ori_status scratch_memory(struct ori_vision_scratch *it, struct ori_error *err)
{
    const struct ori_vision *vision = it->vision;
    size_t patch = (size_t)vision->config.vision.patch;
    it->pixels = ori_aligned_zeroed(ori_matmul_x_bytes(vision->patch), 1);
    it->row = ori_aligned_zeroed(patch * patch, sizeof *it->row);
    it->patches = ori_aligned_zeroed(patches_count(vision), sizeof *it->patches);
    it->features = ori_aligned_zeroed((size_t)vision->pictures_max * (size_t)vision->config.dim,
                                      sizeof *it->features);
    if (vision->projection)
        it->pooled = ori_aligned_zeroed(ori_matmul_x_bytes(vision->projection), 1);
    if ((vision->projection && !it->pooled) || !it->pixels || !it->row || !it->patches ||
        !it->features)
        return ori_error_set(err, ORI_NOMEM, "working memory of an image tower");
    return ORI_OK;
}

ori_status ori_vision_scratch_create(const struct ori_vision *vision,
                                     struct ori_vision_scratch **ret_scratch, struct ori_error *err)
{
    struct ori_vision_scratch *it = calloc(1, sizeof *it);
    if (!it)
        return ori_error_set(err, ORI_NOMEM, "working memory of an image tower");
    it->vision = vision;
    ori_status status = scratch_memory(it, err);
    if (status == ORI_OK)
        status = ori_transformer_scratch_init(&vision->blocks, &it->blocks, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(vision->patch, &it->patch, err);
    if (status == ORI_OK && vision->projection)
        status = ori_matmul_plan_create(vision->projection, &it->projection, err);
    if (status == ORI_OK && vision->pooler)
        status = ori_pooler_scratch_create(vision->pooler, &it->pooler, err);
    if (status != ORI_OK) {
        ori_vision_scratch_destroy(&it);
        return status;
    }
    *ret_scratch = it;
    return ORI_OK;
}

void ori_vision_scratch_destroy(struct ori_vision_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    struct ori_vision_scratch *it = *scratch;
    ori_transformer_scratch_deinit(&it->blocks);
    ori_matmul_plan_destroy(&it->patch);
    ori_matmul_plan_destroy(&it->projection);
    ori_pooler_scratch_destroy(&it->pooler);
    free(it->pixels);
    free(it->row);
    free(it->patches);
    free(it->pooled);
    free(it->features);
    free(it);
    *scratch = NULL;
}

/* ---- one pass */

/* The pixels of one patch and channel in the order of its weights. */
static void gather_patch(const struct ori_vision *vision, const uint8_t *plane, int row, int column,
                         float *ret_pixels)
{
    size_t side = (size_t)vision->config.vision.side;
    size_t patch = (size_t)vision->config.vision.patch;
    const uint8_t *from = plane + (size_t)row * patch * side + (size_t)column * patch;
    for (size_t y = 0; y < patch; y++, from += side, ret_pixels += patch)
        vision->kernels->bytes_to_floats(from, patch, 1, -CENTRE, ret_pixels);
}

static void gather(struct ori_vision_scratch *scratch, const uint8_t *plane, int index)
{
    const struct ori_vision *vision = scratch->vision;
    int across = vision->config.vision.side / vision->config.vision.patch;
    size_t area = (size_t)vision->config.vision.patch * (size_t)vision->config.vision.patch;
    bool is_bf16 = vision->patch_precision == ORI_PRECISION_BF16;
    for (int i = 0; i < vision->patches; i++) {
        struct ori_matmul_place place =
            ori_matmul_place(vision->patch, scratch->pixels, index * vision->patches + i);
        gather_patch(vision, plane, i / across, i % across, scratch->row);
        if (is_bf16)
            vision->kernels->to_bf16(scratch->row, area, place.first, place.piece_stride);
        else
            ori_matmul_put_floats(place, scratch->row, area);
    }
}

/* Patches by their weights, and the positions they are at. One channel at a time: all at once are more
 * than the second cache holds. */
static ori_status embed_patches(struct ori_vision_scratch *scratch, const uint8_t *const *pictures,
                                int n, struct ori_error *err)
{
    const struct ori_vision *vision = scratch->vision;
    size_t width = (size_t)vision->config.vision.tower.width;
    size_t plane = (size_t)vision->config.vision.side * (size_t)vision->config.vision.side;
    size_t count = (size_t)vision->patches * width; /* of a picture */
    const float *positions = vision->positions + (vision->class_token ? width : 0);
    ori_status status = ORI_OK;
    for (size_t i = 0; i < (size_t)n; i++)
        memcpy(scratch->patches + i * count, positions, count * sizeof *positions);
    for (size_t c = 0; c < CHANNELS && status == ORI_OK; c++) {
        for (int i = 0; i < n; i++)
            gather(scratch, pictures[i] + c * plane, i);
        status = ori_matmul_run(scratch->patch, &vision->patch_weights[c], scratch->pixels, NULL,
                                n * vision->patches, scratch->patches, err);
    }
    return status;
}

/* The class token at its position, and the patches, become the stream's rows. */
static void place_tokens(struct ori_vision_scratch *scratch, int n)
{
    const struct ori_vision *vision = scratch->vision;
    size_t width = (size_t)vision->config.vision.tower.width;
    size_t count = (size_t)vision->patches * width;
    for (size_t s = 0; s < (size_t)n; s++) {
        float *x = scratch->blocks.x + s * (size_t)vision->tokens * width;
        if (vision->class_token) {
            memcpy(x, vision->class_token, width * sizeof *x);
            vision->kernels->add(vision->positions, width, x);
            x += width;
        }
        memcpy(x, scratch->patches + s * count, count * sizeof *x);
    }
}

static void norm_all(const struct ori_vision *vision, const struct ori_norm *norm, int rows,
                     float *x)
{
    for (int i = 0; i < rows; i++) {
        float *row = x + (size_t)i * norm->n;
        vision->kernels->norm(row, norm->n, norm->weight, norm->bias,
                              vision->config.vision.tower.eps, row);
    }
}

static ori_status pool(struct ori_vision_scratch *scratch, int n, float *ret_features,
                       struct ori_error *err)
{
    const struct ori_vision *vision = scratch->vision;
    size_t count = (size_t)n * (size_t)vision->config.dim;
    norm_all(vision, &vision->post_norm, vision->pooler ? n * vision->tokens : n,
             scratch->blocks.x);
    if (vision->pooler)
        return ori_pooler_run(scratch->pooler, scratch->blocks.x, n, ret_features, err);
    if (!vision->projection) {
        memcpy(ret_features, scratch->blocks.x, count * sizeof *ret_features);
        return ORI_OK;
    }
    const void *x = ori_matmul_x(vision->projection, scratch->blocks.x, n, scratch->pooled);
    ori_status status = ori_matmul_run(scratch->projection, &vision->projection_weights, x, NULL, n,
                                       scratch->features, err);
    if (status == ORI_OK)
        memcpy(ret_features, scratch->features, count * sizeof *ret_features);
    return status;
}

ori_status ori_vision_run(struct ori_vision_scratch *scratch, const uint8_t *const *pictures, int n,
                          const struct ori_cancel *cancel, float *ret_features,
                          struct ori_error *err)
{
    const struct ori_vision *vision = scratch->vision;
    struct ori_transformer_pass pass = {.sequences = n,
                                        .tokens = vision->tokens,
                                        .rotation_cos = vision->rotation_cos,
                                        .rotation_sin = vision->rotation_sin,
                                        .wanted = vision->pooler ? -1 : 0,
                                        .cancel = cancel};
    ORI_ASSERT(n > 0 && n <= vision->pictures_max);
    ori_status status = embed_patches(scratch, pictures, n, err);
    if (status != ORI_OK)
        return status;
    place_tokens(scratch, n);
    if (vision->pre_norm.weight)
        norm_all(vision, &vision->pre_norm, n * vision->tokens, scratch->blocks.x);
    status = ori_transformer_run(&scratch->blocks, &pass, err);
    if (status == ORI_OK)
        status = pool(scratch, n, ret_features, err);
    return status;
}
