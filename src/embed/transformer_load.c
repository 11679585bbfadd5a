#include "embed/transformer_priv.h"

#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

/* A gate's norm needs all hidden numbers at once. */
static int count_slices(const struct ori_tower_config *config, bool has_gate)
{
    int slices = (config->mlp + config->width - 1) / config->width;
    return has_gate || config->mlp % slices != 0 ? 1 : slices;
}

static ori_status look_up(const struct ori_weights *weights, const char *block, const char *name,
                          int out, int in, struct ori_error *err)
{
    const struct ori_tensor *tensor = NULL;
    int64_t shape[] = {out, in};
    return ori_weights_find(weights, ori_layer_name("%s.%s", block, name).text, shape, 2, &tensor,
                            err);
}

/* One of q, k, v into its third of the joint matrix. */
static ori_status read_third(const struct ori_weights *weights, const char *block,
                             const char *weight_name, const char *bias_name, int width,
                             float *matrix, float *bias, struct ori_error *err)
{
    int64_t shape[] = {width, width};
    ori_status status = ori_layer_read(weights, ori_layer_name("%s.%s", block, weight_name).text,
                                       shape, 2, matrix, err);
    if (status == ORI_OK && bias_name)
        status = ori_layer_read(weights, ori_layer_name("%s.%s", block, bias_name).text, shape, 1,
                                bias, err);
    return status;
}

static ori_status load_qkv(const struct ori_transformer *it, const struct ori_block_names *names,
                           const struct ori_weights *weights, const char *block,
                           struct ori_slab *slab, struct ori_packed *ret_packed,
                           struct ori_error *err)
{
    size_t width = (size_t)it->config.width;
    /* nothing is allocated by what a configuration says before the tensors are seen to be there */
    ori_status status =
        look_up(weights, block, names->q_weight, it->config.width, it->config.width, err);
    if (status != ORI_OK)
        return status;
    float *matrix = ori_aligned_zeroed(3 * width * width, sizeof *matrix);
    float *bias = ori_aligned_zeroed(3 * width, sizeof *bias);
    const char *const parts[3][2] = {{names->q_weight, names->q_bias},
                                     {names->k_weight, names->k_bias},
                                     {names->v_weight, names->v_bias}};
    if (!matrix || !bias)
        status = ori_error_set(err, ORI_NOMEM, "%s", block);
    for (size_t i = 0; i < 3 && status == ORI_OK; i++)
        status = read_third(weights, block, parts[i][0], parts[i][1], it->config.width,
                            matrix + i * width * width, bias + i * width, err);
    if (status == ORI_OK)
        status = ori_matmul_pack(it->qkv, matrix, bias, slab, ret_packed, err);
    free(matrix);
    free(bias);
    return status;
}

static ori_status load_gated(const struct ori_transformer *it, const struct ori_block_names *names,
                             const struct ori_weights *weights, const char *block,
                             struct ori_slab *slab, struct ori_packed *ret_packed,
                             struct ori_error *err)
{
    size_t mlp = (size_t)it->config.mlp;
    size_t width = (size_t)it->config.width;
    int64_t shape[] = {it->config.mlp, it->config.width};
    struct ori_layer_name gate = ori_layer_name("%s.weight", names->gate);
    ori_status status = look_up(weights, block, gate.text, it->config.mlp, it->config.width, err);
    if (status != ORI_OK)
        return status;
    float *matrix = ori_aligned_zeroed(2 * mlp * width, sizeof *matrix);
    float *bias = ori_aligned_zeroed(2 * mlp, sizeof *bias);
    const char *const parts[] = {names->gate, names->up};
    if (!matrix || !bias)
        status = ori_error_set(err, ORI_NOMEM, "%s", block);
    for (size_t i = 0; i < 2 && status == ORI_OK; i++) {
        status = ori_layer_read(weights, ori_layer_name("%s.%s.weight", block, parts[i]).text,
                                shape, 2, matrix + i * mlp * width, err);
        if (status == ORI_OK)
            status = ori_layer_read(weights, ori_layer_name("%s.%s.bias", block, parts[i]).text,
                                    shape, 1, bias + i * mlp, err);
    }
    if (status == ORI_OK)
        status = ori_matmul_pack(it->up, matrix, bias, slab, ret_packed, err);
    free(matrix);
    free(bias);
    return status;
}

/* Rows of up's matrix and columns of down's belong to the slices. */
static ori_status pack_slice(const struct ori_transformer *it, int index, const float *up,
                             const float *up_bias, const float *down, const float *down_bias,
                             struct ori_slab *slab, struct ori_block *block, struct ori_error *err)
{
    size_t width = (size_t)it->config.width;
    size_t mlp = (size_t)it->config.mlp;
    size_t slice = (size_t)it->slice;
    size_t first = (size_t)index * slice;
    float *columns = ori_aligned_zeroed(width * slice, sizeof *columns);
    float *bias = ori_aligned_zeroed(width, sizeof *bias); /* added once: the others add nothing */
    ori_status status = ORI_OK;
    if (!columns || !bias) {
        status = ori_error_set(err, ORI_NOMEM, "a layer");
        goto out;
    }
    for (size_t o = 0; o < width; o++)
        memcpy(columns + o * slice, down + o * mlp + first, slice * sizeof *columns);
    if (index == 0)
        memcpy(bias, down_bias, width * sizeof *bias);
    if (up)
        status = ori_matmul_pack(it->up, up + first * width, up_bias + first, slab,
                                 &block->up[index], err);
    if (status == ORI_OK)
        status = ori_matmul_pack(it->down, columns, bias, slab, &block->down[index], err);
out:
    free(columns);
    free(bias);
    return status;
}

/* NAME.weight [out][in] and NAME.bias. */
static ori_status read_linear(const struct ori_weights *weights, const char *block,
                              const char *name, int out, int in, float **ret_matrix,
                              float **ret_bias, struct ori_error *err)
{
    int64_t shape[] = {out, in};
    ori_status status = ori_layer_floats(weights, ori_layer_name("%s.%s.weight", block, name).text,
                                         shape, 2, ret_matrix, err);
    if (status == ORI_OK)
        status = ori_layer_floats(weights, ori_layer_name("%s.%s.bias", block, name).text, shape, 1,
                                  ret_bias, err);
    return status;
}

static ori_status load_feed_forward(const struct ori_transformer *it,
                                    const struct ori_block_names *names,
                                    const struct ori_weights *weights, const char *block_name,
                                    struct ori_slab *slab, struct ori_block *block,
                                    struct ori_error *err)
{
    int width = it->config.width;
    int mlp = it->config.mlp;
    float *up = NULL;
    float *up_bias = NULL;
    float *down = NULL;
    float *down_bias = NULL;
    ori_status status = ORI_OK;
    block->up = calloc((size_t)it->slices, sizeof *block->up);
    block->down = calloc((size_t)it->slices, sizeof *block->down);
    if (!block->up || !block->down)
        status = ori_error_set(err, ORI_NOMEM, "a layer");
    if (status == ORI_OK && it->has_gate)
        status = load_gated(it, names, weights, block_name, slab, &block->up[0], err);
    else if (status == ORI_OK)
        status = read_linear(weights, block_name, names->up, mlp, width, &up, &up_bias, err);
    if (status == ORI_OK)
        status = read_linear(weights, block_name, names->down, width, mlp, &down, &down_bias, err);
    for (int i = 0; i < it->slices && status == ORI_OK; i++)
        status = pack_slice(it, i, up, up_bias, down, down_bias, slab, block, err);
    free(up);
    free(up_bias);
    free(down);
    free(down_bias);
    return status;
}

static ori_status load_inner_norm(const struct ori_weights *weights, const char *block,
                                  const char *name, int n, struct ori_norm *ret_norm,
                                  struct ori_error *err)
{
    if (!name)
        return ORI_OK;
    return ori_norm_load(weights, ori_layer_name("%s.%s", block, name).text, n, ret_norm, err);
}

static ori_status load_block(struct ori_transformer *it, const struct ori_block_names *names,
                             const struct ori_weights *weights, const char *block_name,
                             struct ori_slab *slab, struct ori_block *block, struct ori_error *err)
{
    int width = it->config.width;
    int mlp = it->config.mlp;
    ori_status status =
        load_inner_norm(weights, block_name, names->norm1, width, &block->norm1, err);
    if (status == ORI_OK)
        status = load_qkv(it, names, weights, block_name, slab, &block->qkv, err);
    if (status == ORI_OK)
        status =
            load_inner_norm(weights, block_name, names->inner_norm, width, &block->inner_norm, err);
    if (status == ORI_OK)
        status = ori_linear_load(it->out, width, width, weights,
                                 ori_layer_name("%s.%s", block_name, names->out).text, slab,
                                 &block->out, err);
    if (status == ORI_OK)
        status = load_inner_norm(weights, block_name, names->norm2, width, &block->norm2, err);
    if (status == ORI_OK)
        status = load_feed_forward(it, names, weights, block_name, slab, block, err);
    if (status == ORI_OK)
        status =
            load_inner_norm(weights, block_name, names->gate_norm, mlp, &block->gate_norm, err);
    if (status != ORI_OK)
        return status;
    it->bytes += block->qkv.bytes + block->out.bytes;
    for (int i = 0; i < it->slices; i++)
        it->bytes += block->up[i].bytes + block->down[i].bytes;
    return ORI_OK;
}

static ori_status create_matmuls(struct ori_transformer *it, const struct ori_matmul_spec *base,
                                 struct ori_error *err)
{
    bool has_own = ori_kernels_have_product(it->kernels, it->precision);
    struct ori_matmul_spec qkv = *base;
    struct ori_matmul_spec out = *base;
    struct ori_matmul_spec up = *base;
    struct ori_matmul_spec down = *base;
    qkv.in = it->config.width;
    qkv.out = 3 * it->config.width;
    qkv.gives_bf16 = it->is_qkv_bf16;
    out.in = it->config.width;
    out.out = it->config.width;
    out.adds = true;
    up.in = it->config.width;
    up.out = ori_transformer_up_out(it);
    if (!it->has_gate)
        up.activation = it->config.activation;
    if (!it->has_gate && it->precision != ORI_PRECISION_INT8) { /* ready for down as it comes out */
        up.gives_bf16 = it->precision == ORI_PRECISION_BF16 && !has_own;
        up.gives_blocks = has_own;
    }
    down.in = it->slice;
    down.out = it->config.width;
    down.adds = true;
    ori_status status = ori_matmul_create(&qkv, &it->qkv, err);
    if (status == ORI_OK)
        status = ori_matmul_create(&out, &it->out, err);
    if (status == ORI_OK)
        status = ori_matmul_create(&up, &it->up, err);
    if (status == ORI_OK)
        status = ori_matmul_create(&down, &it->down, err);
    return status;
}

ori_status ori_transformer_load(const struct ori_transformer_options *options,
                                const struct ori_weights *weights,
                                struct ori_transformer *ret_transformer, struct ori_error *err)
{
    struct ori_transformer it = {.config = options->config,
                                 .precision = options->precision,
                                 .kernels = options->kernels,
                                 .has_gate = options->names->gate != NULL,
                                 .is_qkv_bf16 = options->kernels->product && !options->is_rotated &&
                                                options->precision != ORI_PRECISION_F32,
                                 .rows_max = options->tokens * options->sequences};
    it.is_mixed_ready = ori_kernels_have_product(it.kernels, it.precision) &&
                        (it.precision == ORI_PRECISION_F32 ||
                         (it.precision == ORI_PRECISION_BF16 && it.is_qkv_bf16)) &&
                        !options->names->inner_norm && it.config.width / it.config.heads % 32 == 0;
    it.slices = count_slices(&it.config, it.has_gate);
    it.slice = it.config.mlp / it.slices;
    struct ori_matmul_spec base = {.precision = options->precision,
                                   .has_bias = true,
                                   .rows_usual = it.rows_max,
                                   .rows_one = options->tokens,
                                   .rows_step = options->rows_step};
    ori_status status = create_matmuls(&it, &base, err);
    if (status == ORI_OK) {
        it.zero = ori_matmul_zero(it.qkv);
        it.blocks = calloc((size_t)it.config.layers, sizeof *it.blocks);
        if (!it.blocks)
            status = ori_error_set(err, ORI_NOMEM, "%d blocks", it.config.layers);
    }
    for (int i = 0; i < it.config.layers && status == ORI_OK; i++) {
        struct ori_layer_name name = ori_layer_name("%s.%d", options->prefix, i);
        status =
            load_block(&it, options->names, weights, name.text, options->slab, &it.blocks[i], err);
        ori_weights_forget(weights); /* else the file is in memory beside what was packed of it */
    }
    if (status != ORI_OK) {
        ori_transformer_deinit(&it);
        return status;
    }
    *ret_transformer = it;
    return ORI_OK;
}

void ori_transformer_deinit(struct ori_transformer *transformer)
{
    for (int i = 0; transformer->blocks && i < transformer->config.layers; i++) {
        struct ori_block *block = &transformer->blocks[i];
        ori_norm_deinit(&block->norm1);
        ori_norm_deinit(&block->inner_norm);
        ori_norm_deinit(&block->norm2);
        ori_norm_deinit(&block->gate_norm);
        free(block->up);
        free(block->down);
    }
    free(transformer->blocks);
    ori_matmul_destroy(&transformer->qkv);
    ori_matmul_destroy(&transformer->out);
    ori_matmul_destroy(&transformer->up);
    ori_matmul_destroy(&transformer->down);
    *transformer = (struct ori_transformer){0};
}
