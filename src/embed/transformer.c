#include "embed/transformer_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

static size_t type_bytes(enum ori_precision precision)
{
    return precision == ORI_PRECISION_INT8 ? 1 : precision == ORI_PRECISION_BF16 ? 2 : 4;
}

static int wide_columns(const struct ori_transformer *it)
{
    int qkv = 3 * it->config.width;
    return qkv > ori_transformer_up_out(it) ? qkv : ori_transformer_up_out(it);
}

/* ---- working memory */

static size_t row_bytes(const struct ori_transformer *it)
{
    size_t width = (size_t)it->config.width;
    size_t type = type_bytes(it->precision);
    return 2 * width * sizeof(float) + width * type + (size_t)wide_columns(it) * sizeof(float) +
           (size_t)it->slice * type + 2 * sizeof(float);
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
    it.x = ori_aligned_zeroed(rows * width, sizeof *it.x);
    it.narrow = ori_aligned_zeroed(ori_matmul_x_bytes(transformer->qkv), 1);
    it.wide = ori_aligned_zeroed(rows * wide, sizeof *it.wide);
    it.hidden = ori_aligned_zeroed(ori_matmul_x_bytes(transformer->down), 1);
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

/* A finished row as row `index` of what a product takes; gives its scale, of INT8. */
static float put_row(const struct ori_transformer *it, const struct ori_matmul *matmul,
                     const float *row, size_t n, int index, void *matrix)
{
    struct ori_matmul_place place = ori_matmul_place(matmul, matrix, index);
    if (it->precision == ORI_PRECISION_INT8)
        return it->kernels->to_bytes(row, n, it->zero, place.first, place.piece_stride);
    if (it->precision == ORI_PRECISION_BF16)
        it->kernels->to_bf16(row, n, place.first, place.piece_stride);
    else
        ori_matmul_put_floats(place, row, n);
    return 1;
}

/* For qkv and up alike, which take rows of the same layout. */
static void norm_rows(struct ori_transformer_scratch *scratch, const float *x,
                      const struct ori_norm *norm, int rows)
{
    const struct ori_transformer *it = scratch->transformer;
    for (int i = 0; i < rows; i++) {
        it->kernels->norm(x + (size_t)i * norm->n, norm->n, norm->weight, norm->bias,
                          it->config.eps, scratch->row);
        scratch->scales[i] = put_row(it, it->qkv, scratch->row, norm->n, i, scratch->narrow);
    }
}

/* INT8's scales of rows; no others have any. */
static const float *scales_of(const struct ori_transformer_scratch *scratch, const float *scales)
{
    return scratch->transformer->precision == ORI_PRECISION_INT8 ? scales : NULL;
}

static ori_status project_qkv(struct ori_transformer_scratch *scratch,
                              const struct ori_block *block, int rows, struct ori_error *err)
{
    norm_rows(scratch, scratch->x, &block->norm1, rows);
    return ori_matmul_run(scratch->qkv, &block->qkv, scratch->narrow,
                          scales_of(scratch, scratch->scales), rows, scratch->wide, err);
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
    ptrdiff_t bytes = it->is_qkv_bf16 ? (ptrdiff_t)sizeof(uint16_t) : (ptrdiff_t)sizeof(float);
    int first = wanted < 0 ? 0 : wanted;
    int queries = wanted < 0 ? pass->tokens : 1;
    /* who sees only what came before sees all that is left when the rest is not shown to him */
    int tokens = pass->is_causal && wanted >= 0 ? wanted + 1 : pass->tokens;
    for (int s = 0; s < pass->sequences; s++) {
        const char *base =
            (const char *)scratch->wide + (ptrdiff_t)s * pass->tokens * 3 * width * bytes;
        for (int h = 0; h < it->config.heads; h++) {
            const char *part = base + (ptrdiff_t)h * head * bytes;
            struct ori_attention attention = {.q = part + first * 3 * width * bytes,
                                              .k = part + width * bytes,
                                              .v = part + 2 * width * bytes,
                                              .stride = 3 * width,
                                              .tokens = tokens,
                                              .queries = queries,
                                              .head = head,
                                              .scale = scratch->head_scale,
                                              .is_bf16 = it->is_qkv_bf16,
                                              .is_causal = pass->is_causal && wanted < 0,
                                              .gives_blocks = it->is_mixed_ready,
                                              .out = it->is_mixed_ready ? scratch->narrow
                                                                        : scratch->mixed,
                                              .out_row = s * queries,
                                              .out_column = h * head,
                                              .out_columns = it->config.width,
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

/* What attention gave, as the output projection takes it. */
static const void *ready_mixed(struct ori_transformer_scratch *scratch, const struct ori_norm *norm,
                               int rows)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t width = (size_t)it->config.width;
    if (it->is_mixed_ready)
        return scratch->narrow;
    if (norm->weight) {
        norm_rows(scratch, scratch->mixed, norm, rows);
        return scratch->narrow;
    }
    if (it->precision == ORI_PRECISION_F32)
        return ori_matmul_x(it->out, scratch->mixed, rows, scratch->narrow);
    for (int i = 0; i < rows; i++)
        scratch->scales[i] =
            put_row(it, it->out, scratch->mixed + (size_t)i * width, width, i, scratch->narrow);
    return scratch->narrow;
}

static ori_status attention_half(struct ori_transformer_scratch *scratch,
                                 const struct ori_block *block,
                                 const struct ori_transformer_pass *pass, int wanted, int *rows,
                                 struct ori_error *err)
{
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
    const void *mixed = ready_mixed(scratch, &block->inner_norm, *rows);
    return ori_matmul_run(scratch->out, &block->out, mixed, scales_of(scratch, scratch->scales),
                          *rows, scratch->x, err);
}

/* What up gave for a slice, made what down takes. */
static void ready_hidden(struct ori_transformer_scratch *scratch, const struct ori_block *block,
                         int rows)
{
    const struct ori_transformer *it = scratch->transformer;
    size_t slice = (size_t)it->slice;
    size_t columns = (size_t)ori_transformer_up_out(it);
    for (int i = 0; i < rows; i++) {
        float *row = scratch->wide + (size_t)i * columns;
        if (it->has_gate)
            it->kernels->gate(row, row + slice, slice);
        if (block->gate_norm.weight)
            it->kernels->norm(row, slice, block->gate_norm.weight, block->gate_norm.bias,
                              it->config.eps, row);
        scratch->hidden_scales[i] = put_row(it, it->down, row, slice, i, scratch->hidden);
    }
}

static ori_status feed_forward_half(struct ori_transformer_scratch *scratch,
                                    const struct ori_block *block, int rows, struct ori_error *err)
{
    const struct ori_transformer *it = scratch->transformer;
    bool is_ready = !it->has_gate && it->precision != ORI_PRECISION_INT8;
    ori_status status = ORI_OK;
    norm_rows(scratch, scratch->x, &block->norm2, rows);
    for (int i = 0; i < it->slices && status == ORI_OK; i++) {
        status = ori_matmul_run(scratch->up, &block->up[i], scratch->narrow,
                                scales_of(scratch, scratch->scales), rows,
                                is_ready ? scratch->hidden : scratch->wide, err);
        if (status == ORI_OK && !is_ready)
            ready_hidden(scratch, block, rows);
        if (status == ORI_OK)
            status =
                ori_matmul_run(scratch->down, &block->down[i], scratch->hidden,
                               scales_of(scratch, scratch->hidden_scales), rows, scratch->x, err);
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
