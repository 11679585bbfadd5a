#include "embed/text.h"

#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

/* Lengths are rounded up to this, so that few forms of a matrix product serve all texts. */
#define ROWS_STEP 16
#define EOS_IS_LARGEST 2

static const struct ori_block_names block_names = {
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

static ori_status load_parts(struct ori_text *it, enum ori_precision precision,
                             const struct ori_weights *weights, struct ori_error *err)
{
    const struct ori_text_config *config = &it->config.text;
    bool is_clip = it->config.family == ORI_FAMILY_CLIP;
    int width = config->tower.width;
    int64_t vocabulary[] = {config->vocabulary, width};
    int64_t positions[] = {config->positions, width};
    struct ori_transformer_options blocks = {.config = config->tower,
                                             .precision = precision,
                                             .kernels = it->kernels,
                                             .slab = &it->slab,
                                             .names = &block_names,
                                             .prefix = "text_model.encoder.layers",
                                             .tokens = it->rows_max,
                                             .sequences = 1,
                                             .rows_step = ROWS_STEP};
    struct ori_matmul_spec projection = {.in = width,
                                         .out = it->config.dim,
                                         .precision = ORI_PRECISION_F32,
                                         .has_bias = !is_clip,
                                         .rows_usual = 1,
                                         .rows_one = 1};
    ori_status status = ori_weights_find(weights, "text_model.embeddings.token_embedding.weight",
                                         vocabulary, 2, &it->embeddings, err);
    if (status == ORI_OK)
        status = ori_layer_floats(weights, "text_model.embeddings.position_embedding.weight",
                                  positions, 2, &it->positions, err);
    if (status == ORI_OK)
        status = ori_transformer_load(&blocks, weights, &it->blocks, err);
    if (status == ORI_OK)
        status = ori_norm_load(weights, "text_model.final_layer_norm", width, &it->final_norm, err);
    if (status == ORI_OK)
        status = ori_matmul_create(&projection, &it->projection, err);
    if (status == ORI_OK)
        status = ori_linear_load(it->projection, it->config.dim, width, weights,
                                 is_clip ? "text_projection" : "text_model.head", &it->slab,
                                 &it->projection_weights, err);
    return status;
}

ori_status ori_text_load(const struct ori_text_options *options, const struct ori_weights *weights,
                         struct ori_text *ret_text, struct ori_error *err)
{
    int positions = options->config->text.positions;
    struct ori_text it = {.config = *options->config,
                          .kernels = options->kernels,
                          .rows_max = (positions + ROWS_STEP - 1) / ROWS_STEP * ROWS_STEP};
    it.slab.has_large_pages = options->precision != ORI_PRECISION_F32;
    ori_status status = load_parts(&it, options->precision, weights, err);
    if (status != ORI_OK) {
        ori_text_deinit(&it);
        return status;
    }
    *ret_text = it;
    return ORI_OK;
}

void ori_text_deinit(struct ori_text *text)
{
    free(text->positions);
    ori_transformer_deinit(&text->blocks);
    ori_norm_deinit(&text->final_norm);
    ori_matmul_destroy(&text->projection);
    ori_slab_deinit(&text->slab);
    *text = (struct ori_text){0};
}

struct ori_text_scratch {
    const struct ori_text *text;
    struct ori_transformer_scratch blocks;
    struct ori_matmul_plan *projection;
    void *pooled;    /* [width], as projection takes it */
    float *features; /* [dim], aligned */
};

ori_status ori_text_scratch_create(const struct ori_text *text,
                                   struct ori_text_scratch **ret_scratch, struct ori_error *err)
{
    struct ori_text_scratch *it = calloc(1, sizeof *it);
    ori_status status = ORI_OK;
    if (!it)
        return ori_error_set(err, ORI_NOMEM, "working memory of a text tower");
    it->text = text;
    it->features = ori_aligned_zeroed((size_t)text->config.dim, sizeof *it->features);
    it->pooled = ori_aligned_zeroed(ori_matmul_x_bytes(text->projection), 1);
    if (!it->features || !it->pooled)
        status = ori_error_set(err, ORI_NOMEM, "working memory of a text tower");
    if (status == ORI_OK)
        status = ori_transformer_scratch_init(&text->blocks, &it->blocks, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(text->projection, &it->projection, err);
    if (status != ORI_OK) {
        ori_text_scratch_destroy(&it);
        return status;
    }
    *ret_scratch = it;
    return ORI_OK;
}

void ori_text_scratch_destroy(struct ori_text_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    ori_transformer_scratch_deinit(&(*scratch)->blocks);
    ori_matmul_plan_destroy(&(*scratch)->projection);
    free((*scratch)->pooled);
    free((*scratch)->features);
    free(*scratch);
    *scratch = NULL;
}

/* Where CLIP's text ends; the last token when it does not say so. */
static int end_of_text(const struct ori_text_config *config, const int32_t *ids, int n)
{
    int largest = 0;
    for (int i = 0; i < n; i++) {
        if (config->eos_token_id != EOS_IS_LARGEST && ids[i] == config->eos_token_id)
            return i;
        if (ids[i] > ids[largest])
            largest = i;
    }
    return config->eos_token_id == EOS_IS_LARGEST ? largest : n - 1;
}

static ori_status place_tokens(struct ori_text_scratch *scratch, const int32_t *ids, int n,
                               int tokens, struct ori_error *err)
{
    const struct ori_text *text = scratch->text;
    size_t width = (size_t)text->config.text.tower.width;
    ori_status status = ORI_OK;
    for (int i = 0; i < tokens; i++) {
        int32_t id = i < n ? ids[i] : text->config.text.pad_token_id;
        float *x = scratch->blocks.x + (size_t)i * width;
        if (id < 0 || id >= text->config.text.vocabulary)
            return ori_error_set(err, ORI_BAD_MODEL,
                                 "token %d is not in the model's vocabulary of %d: its tokenizer "
                                 "belongs to another model",
                                 id, text->config.text.vocabulary);
        ori_tensor_floats(text->embeddings, (size_t)id * width, width, x);
        status = ori_layer_check_finite(text->embeddings->name, x, width, err);
        if (status != ORI_OK)
            return status;
        text->kernels->add(text->positions + (size_t)i * width, width, x);
    }
    return ORI_OK;
}

ori_status ori_text_run(struct ori_text_scratch *scratch, const int32_t *ids, int n,
                        const struct ori_cancel *cancel, float *ret_features, struct ori_error *err)
{
    const struct ori_text *text = scratch->text;
    const struct ori_text_config *config = &text->config.text;
    bool is_clip = text->config.family == ORI_FAMILY_CLIP;
    ORI_ASSERT(n > 0 && n <= config->positions);
    int tokens = is_clip ? end_of_text(config, ids, n) + 1 : config->positions;
    struct ori_transformer_pass pass = {.sequences = 1,
                                        .tokens = tokens,
                                        .is_causal = is_clip,
                                        .wanted = tokens - 1,
                                        .cancel = cancel};
    ori_status status = place_tokens(scratch, ids, n, tokens, err);
    if (status == ORI_OK)
        status = ori_transformer_run(&scratch->blocks, &pass, err);
    if (status != ORI_OK)
        return status;
    text->kernels->norm(scratch->blocks.x, text->final_norm.n, text->final_norm.weight,
                        text->final_norm.bias, config->tower.eps, scratch->blocks.x);
    const void *x = ori_matmul_x(text->projection, scratch->blocks.x, 1, scratch->pooled);
    status = ori_matmul_run(scratch->projection, &text->projection_weights, x, NULL, 1,
                            scratch->features, err);
    if (status == ORI_OK)
        memcpy(ret_features, scratch->features, (size_t)text->config.dim * sizeof *ret_features);
    return status;
}
