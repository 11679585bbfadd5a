#include "embed/transformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

static size_t type_bytes(enum ori_precision precision)
{
    return precision == ORI_PRECISION_INT8 ? 1 : precision == ORI_PRECISION_BF16 ? 2 : 4;
}

static int up_out(const struct ori_transformer *it)
{
    return it->has_gate ? 2 * it->slice : it->slice;
}

/* A gate's norm needs all hidden numbers at once. */
static int count_slices(const struct ori_tower_config *config, bool has_gate)
{
    int slices = (config->mlp + config->width - 1) / config->width;
    return has_gate || config->mlp % slices != 0 ? 1 : slices;
}

static int wide_columns(const struct ori_transformer *it)
{
    int qkv = 3 * it->config.width;
    return qkv > up_out(it) ? qkv : up_out(it);
}

/* ---- loading */

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
                           struct ori_packed *ret_packed, struct ori_error *err)
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
        status = ori_matmul_pack(it->qkv, matrix, bias, ret_packed, err);
    free(matrix);
    free(bias);
    return status;
}

static ori_status load_gated(const struct ori_transformer *it, const struct ori_block_names *names,
                             const struct ori_weights *weights, const char *block,
                             struct ori_packed *ret_packed, struct ori_error *err)
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
        status = ori_matmul_pack(it->up, matrix, bias, ret_packed, err);
    free(matrix);
    free(bias);
    return status;
}

/* Rows of up's matrix and columns of down's belong to the slices. */
static ori_status pack_slice(const struct ori_transformer *it, int index, const float *up,
                             const float *up_bias, const float *down, const float *down_bias,
                             struct ori_block *block, struct ori_error *err)
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
        status =
            ori_matmul_pack(it->up, up + first * width, up_bias + first, &block->up[index], err);
    if (status == ORI_OK)
        status = ori_matmul_pack(it->down, columns, bias, &block->down[index], err);
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
                                    struct ori_block *block, struct ori_error *err)
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
        status = load_gated(it, names, weights, block_name, &block->up[0], err);
    else if (status == ORI_OK)
        status = read_linear(weights, block_name, names->up, mlp, width, &up, &up_bias, err);
    if (status == ORI_OK)
        status = read_linear(weights, block_name, names->down, width, mlp, &down, &down_bias, err);
    for (int i = 0; i < it->slices && status == ORI_OK; i++)
        status = pack_slice(it, i, up, up_bias, down, down_bias, block, err);
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
                             struct ori_block *block, struct ori_error *err)
{
    int width = it->config.width;
    int mlp = it->config.mlp;
    ori_status status =
        load_inner_norm(weights, block_name, names->norm1, width, &block->norm1, err);
    if (status == ORI_OK)
        status = load_qkv(it, names, weights, block_name, &block->qkv, err);
    if (status == ORI_OK)
        status =
            load_inner_norm(weights, block_name, names->inner_norm, width, &block->inner_norm, err);
    if (status == ORI_OK)
        status =
            ori_linear_load(it->out, width, width, weights,
                            ori_layer_name("%s.%s", block_name, names->out).text, &block->out, err);
    if (status == ORI_OK)
        status = load_inner_norm(weights, block_name, names->norm2, width, &block->norm2, err);
    if (status == ORI_OK)
        status = load_feed_forward(it, names, weights, block_name, block, err);
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
    bool is_int8 = it->precision == ORI_PRECISION_INT8;
    struct ori_matmul_spec qkv = *base;
    struct ori_matmul_spec out = *base;
    struct ori_matmul_spec up = *base;
    struct ori_matmul_spec down = *base;
    qkv.in = it->config.width;
    qkv.out = 3 * it->config.width;
    out.in = it->config.width;
    out.out = it->config.width;
    out.adds = !is_int8;
    up.in = it->config.width;
    up.out = up_out(it);
    if (!it->has_gate && !is_int8) { /* ready for down as it comes out */
        up.activation = it->config.activation;
        up.gives_bf16 = it->precision == ORI_PRECISION_BF16;
    }
    down.in = it->slice;
    down.out = it->config.width;
    down.adds = !is_int8;
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
                                 .rows_max = options->tokens * options->sequences};
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
        status = load_block(&it, options->names, weights, name.text, &it.blocks[i], err);
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
        ori_packed_deinit(&block->qkv);
        ori_packed_deinit(&block->out);
        for (int j = 0; j < transformer->slices; j++) {
            if (block->up)
                ori_packed_deinit(&block->up[j]);
            if (block->down)
                ori_packed_deinit(&block->down[j]);
        }
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

/* ---- working memory */

static size_t row_bytes(const struct ori_transformer *it)
{
    size_t width = (size_t)it->config.width;
    size_t type = type_bytes(it->precision);
    return 2 * width * sizeof(float) + width * type + (size_t)wide_columns(it) * sizeof(float) +
           (size_t)it->slice * type + sizeof(float);
}

static size_t attention_floats(const struct ori_transformer *it)
{
    return ori_kernel_attention_work(it->rows_max, it->config.width / it->config.heads);
}

size_t ori_transformer_scratch_bytes(const struct ori_transformer *transformer)
{
    return row_bytes(transformer) * (size_t)transformer->rows_max +
           attention_floats(transformer) * sizeof(float);
}

ori_status ori_transformer_scratch_init(const struct ori_transformer *transformer,
                                        struct ori_transformer_scratch *ret_scratch,
                                        struct ori_error *err)
{
    struct ori_transformer_scratch it = {
        .transformer = transformer,
        .head_scale = 1.0F / sqrtf((float)(transformer->config.width / transformer->config.heads))};
    size_t rows = (size_t)transformer->rows_max;
    size_t width = (size_t)transformer->config.width;
    size_t wide = (size_t)wide_columns(transformer);
    size_t slice = (size_t)transformer->slice;
    size_t type = type_bytes(transformer->precision);
    it.x = ori_aligned_zeroed(rows * width, sizeof *it.x);
    it.narrow = ori_aligned_zeroed(rows * width, type);
    it.wide = ori_aligned_zeroed(rows * wide, sizeof *it.wide);
    it.hidden = ori_aligned_zeroed(rows * slice, type);
    it.mixed = ori_aligned_zeroed(rows * width, sizeof *it.mixed);
    it.scales = ori_aligned_zeroed(rows, sizeof *it.scales);
    it.hidden_scales = ori_aligned_zeroed(rows, sizeof *it.hidden_scales);
    it.row = ori_aligned_zeroed(wide, sizeof *it.row);
    it.attention = ori_aligned_zeroed(attention_floats(transformer), sizeof *it.attention);
    ori_status status = ORI_OK;
    if (!it.x || !it.narrow || !it.wide || !it.hidden || !it.mixed || !it.scales ||
        !it.hidden_scales || !it.row || !it.attention)
        status = ori_error_set(err, ORI_NOMEM, "working memory of a model");
    if (status == ORI_OK)
        status = ori_matmul_plan_create(transformer->qkv, &it.qkv, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(transformer->out, &it.out, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(transformer->up, &it.up, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(transformer->down, &it.down, err);
    if (status != ORI_OK) {
        ori_transformer_scratch_deinit(&it);
        return status;
    }
    *ret_scratch = it;
    return ORI_OK;
}

void ori_transformer_scratch_deinit(struct ori_transformer_scratch *scratch)
{
    ori_matmul_plan_destroy(&scratch->qkv);
    ori_matmul_plan_destroy(&scratch->out);
    ori_matmul_plan_destroy(&scratch->up);
    ori_matmul_plan_destroy(&scratch->down);
    free(scratch->x);
    free(scratch->narrow);
    free(scratch->wide);
    free(scratch->hidden);
    free(scratch->mixed);
    free(scratch->scales);
    free(scratch->hidden_scales);
    free(scratch->row);
    free(scratch->attention);
    *scratch = (struct ori_transformer_scratch){0};
}

/* ---- one pass */

/* A finished row into a matrix of the precision's type; gives its scale, of INT8. */
static float put_row(struct ori_transformer_scratch *scratch, const float *row, size_t n, int index,
                     void *matrix)
{
    const struct ori_transformer *it = scratch->transformer;
    char *place = (char *)matrix + (size_t)index * n * type_bytes(it->precision);
    if (it->precision == ORI_PRECISION_INT8)
        return it->kernels->to_bytes(row, n, it->zero, (uint8_t *)place);
    if (it->precision == ORI_PRECISION_BF16)
        it->kernels->to_bf16(row, n, (uint16_t *)place);
    else if (place != (const char *)row)
        memcpy(place, row, n * sizeof *row);
    return 1;
}

static void norm_rows(struct ori_transformer_scratch *scratch, const float *x,
                      const struct ori_norm *norm, int rows, void *matrix)
{
    const struct ori_transformer *it = scratch->transformer;
    for (int i = 0; i < rows; i++) {
        float *y = it->precision == ORI_PRECISION_F32 ? (float *)matrix + (size_t)i * norm->n
                                                      : scratch->row;
        it->kernels->norm(x + (size_t)i * norm->n, norm->n, norm->weight, norm->bias,
                          it->config.eps, y);
        scratch->scales[i] = put_row(scratch, y, norm->n, i, matrix);
    }
}

/* INT8: exact sums in place of the floats they stand for. */
static void dequantize(struct ori_transformer_scratch *scratch, const struct ori_packed *layer,
                       float row_scale, size_t n, float *sums)
{
    struct ori_dequantize how = {.row_scale = row_scale,
                                 .scales = layer->scales,
                                 .offsets = layer->offsets,
                                 .bias = layer->bias};
    scratch->transformer->kernels->from_int32((const int32_t *)sums, n, &how, sums);
}

static ori_status project_qkv(struct ori_transformer_scratch *scratch,
                              const struct ori_block *block, int rows, struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t columns = 3 * (size_t)it->config.width;
    norm_rows(scratch, scratch->x, &block->norm1, rows, scratch->narrow);
    ori_status status =
        ori_matmul_run(scratch->qkv, &block->qkv, scratch->narrow, rows, scratch->wide, err);
    if (status == ORI_OK && it->precision == ORI_PRECISION_INT8) {
        for (int i = 0; i < rows; i++)
            dequantize(scratch, &block->qkv, scratch->scales[i], columns,
                       scratch->wide + (size_t)i * columns);
    }
    return status;
}

/* Adjacent pairs turn by their angle. */
static void rotate(float *row, int heads, int head, const float *cosines, const float *sines)
{
    for (int h = 0; h < heads; h++, row += head) {
        for (int i = 0; i < head; i += 2) {
            float a = row[i];
            float b = row[i + 1];
            row[i] = a * cosines[i] - b * sines[i];
            row[i + 1] = b * cosines[i + 1] + a * sines[i + 1];
        }
    }
}

static void rotate_all(struct ori_transformer_scratch *scratch,
                       const struct ori_transformer_pass *pass)
{
    const struct ori_tower_config *config = &scratch->transformer->config;
    int head = config->width / config->heads;
    size_t columns = 3 * (size_t)config->width;
    for (int s = 0; s < pass->sequences; s++) {
        for (int t = 0; t < pass->tokens; t++) {
            float *row = scratch->wide + ((size_t)s * (size_t)pass->tokens + (size_t)t) * columns;
            const float *cosines = pass->rotation_cos + (ptrdiff_t)t * head;
            const float *sines = pass->rotation_sin + (ptrdiff_t)t * head;
            rotate(row, config->heads, head, cosines, sines);
            rotate(row + config->width, config->heads, head, cosines, sines);
        }
    }
}

/* wanted -1: rows of all tokens; else one row a sequence, of that token. */
static void attend(struct ori_transformer_scratch *scratch, const struct ori_transformer_pass *pass,
                   int wanted)
{
    const struct ori_transformer *it = scratch->transformer;
    int head = it->config.width / it->config.heads;
    ptrdiff_t width = it->config.width;
    int first = wanted < 0 ? 0 : wanted;
    int queries = wanted < 0 ? pass->tokens : 1;
    /* who sees only what came before sees all that is left when the rest is not shown to him */
    int tokens = pass->is_causal && wanted >= 0 ? wanted + 1 : pass->tokens;
    for (int s = 0; s < pass->sequences; s++) {
        const float *base = scratch->wide + (ptrdiff_t)s * pass->tokens * 3 * width;
        for (int h = 0; h < it->config.heads; h++) {
            struct ori_attention attention = {
                .q = base + (ptrdiff_t)first * 3 * width + (ptrdiff_t)h * head,
                .k = base + width + (ptrdiff_t)h * head,
                .v = base + 2 * width + (ptrdiff_t)h * head,
                .stride = 3 * width,
                .tokens = tokens,
                .queries = queries,
                .head = head,
                .scale = scratch->head_scale,
                .is_causal = pass->is_causal && wanted < 0,
                .out = scratch->mixed + (ptrdiff_t)s * queries * width + (ptrdiff_t)h * head,
                .out_stride = width,
                .work = scratch->attention};
            it->kernels->attend(&attention);
        }
    }
}

/* x keeps one row of each sequence. */
static void keep_wanted(struct ori_transformer_scratch *scratch,
                        const struct ori_transformer_pass *pass)
{
    size_t width = (size_t)scratch->transformer->config.width;
    for (int s = 0; s < pass->sequences; s++)
        memmove(scratch->x + (size_t)s * width,
                scratch->x + ((size_t)s * (size_t)pass->tokens + (size_t)pass->wanted) * width,
                width * sizeof *scratch->x);
}

/* x += layer(matrix). */
static ori_status add_layer(struct ori_transformer_scratch *scratch, struct ori_matmul_plan *plan,
                            const struct ori_packed *layer, const void *matrix, const float *scales,
                            int rows, struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t width = (size_t)it->config.width;
    if (it->precision != ORI_PRECISION_INT8)
        return ori_matmul_run(plan, layer, matrix, rows, scratch->x, err);
    ori_status status = ori_matmul_run(plan, layer, matrix, rows, scratch->mixed, err);
    for (int i = 0; i < rows && status == ORI_OK; i++) {
        float *sums = scratch->mixed + (size_t)i * width;
        dequantize(scratch, layer, scales[i], width, sums);
        it->kernels->add(sums, width, scratch->x + (size_t)i * width);
    }
    return status;
}

static ori_status attention_half(struct ori_transformer_scratch *scratch,
                                 const struct ori_block *block,
                                 const struct ori_transformer_pass *pass, int wanted, int *rows,
                                 struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t width = (size_t)it->config.width;
    ori_status status = project_qkv(scratch, block, *rows, err);
    if (status != ORI_OK)
        return status;
    if (pass->rotation_cos)
        rotate_all(scratch, pass);
    attend(scratch, pass, wanted);
    if (wanted >= 0) {
        keep_wanted(scratch, pass);
        *rows = pass->sequences;
    }
    if (block->inner_norm.weight) {
        norm_rows(scratch, scratch->mixed, &block->inner_norm, *rows, scratch->narrow);
    } else {
        for (int i = 0; i < *rows; i++)
            scratch->scales[i] =
                put_row(scratch, scratch->mixed + (size_t)i * width, width, i, scratch->narrow);
    }
    return add_layer(scratch, scratch->out, &block->out, scratch->narrow, scratch->scales, *rows,
                     err);
}

/* What up gave for a slice, made what down takes. */
static void activate_rows(struct ori_transformer_scratch *scratch, const struct ori_block *block,
                          int index, int rows)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t slice = (size_t)it->slice;
    size_t columns = (size_t)up_out(it);
    for (int i = 0; i < rows; i++) {
        float *row = scratch->wide + (size_t)i * columns;
        if (it->precision == ORI_PRECISION_INT8)
            dequantize(scratch, &block->up[index], scratch->scales[i], columns, row);
        if (it->has_gate)
            it->kernels->gate(row, row + slice, slice);
        else
            it->kernels->activate(row, slice, it->config.activation);
        if (block->gate_norm.weight)
            it->kernels->norm(row, slice, block->gate_norm.weight, block->gate_norm.bias,
                              it->config.eps, row);
        scratch->hidden_scales[i] = put_row(scratch, row, slice, i, scratch->hidden);
    }
}

static ori_status feed_forward_half(struct ori_transformer_scratch *scratch,
                                    const struct ori_block *block, int rows, struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    bool is_ready = !it->has_gate && it->precision != ORI_PRECISION_INT8;
    ori_status status = ORI_OK;
    norm_rows(scratch, scratch->x, &block->norm2, rows, scratch->narrow);
    for (int i = 0; i < it->slices && status == ORI_OK; i++) {
        status = ori_matmul_run(scratch->up, &block->up[i], scratch->narrow, rows,
                                is_ready ? scratch->hidden : scratch->wide, err);
        if (status == ORI_OK && !is_ready)
            activate_rows(scratch, block, i, rows);
        if (status == ORI_OK)
            status = add_layer(scratch, scratch->down, &block->down[i], scratch->hidden,
                               scratch->hidden_scales, rows, err);
    }
    return status;
}

ori_status ori_transformer_run(struct ori_transformer_scratch *scratch,
                               const struct ori_transformer_pass *pass, struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    int rows = pass->sequences * pass->tokens;
    ORI_ASSERT(rows > 0 && rows <= it->rows_max);
    for (int i = 0; i < it->config.layers; i++) {
        int wanted = i == it->config.layers - 1 ? pass->wanted : -1;
        if (ori_cancel_is_set(pass->cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        ori_status status = attention_half(scratch, &it->blocks[i], pass, wanted, &rows, err);
        if (status == ORI_OK)
            status = feed_forward_half(scratch, &it->blocks[i], rows, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

ori_status ori_linear_run(const struct ori_kernels *kernels, struct ori_matmul_plan *plan,
                          const struct ori_packed *layer, const float *x, int rows, int in,
                          void *narrow, float *y, struct ori_error *err)
{
    if (!narrow)
        return ori_matmul_run(plan, layer, x, rows, y, err);
    kernels->to_bf16(x, (size_t)rows * (size_t)in, narrow);
    return ori_matmul_run(plan, layer, narrow, rows, y, err);
}
