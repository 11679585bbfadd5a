#include "embed/pooler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

struct ori_pooler {
    struct ori_pooler_options options;
    float *query; /* [width]: the probe after its projection; the same for every picture */
    struct ori_matmul *key_value;
    struct ori_packed key_value_weights;
    struct ori_matmul *out;
    struct ori_packed out_weights;
    struct ori_norm norm;
    struct ori_matmul *up;
    struct ori_packed up_weights;
    struct ori_matmul *down; /* adds */
    struct ori_packed down_weights;
};

struct ori_pooler_scratch {
    const struct ori_pooler *pooler;
    struct ori_matmul_plan *key_value;
    struct ori_matmul_plan *out;
    struct ori_matmul_plan *up;
    struct ori_matmul_plan *down;
    float *keys_values; /* [sequences * tokens][2 width] */
    float *mixed;       /* [sequences][width] */
    float *pooled;      /* [sequences][width] */
    float *normed;      /* [sequences][width] */
    float *hidden;      /* [sequences][mlp] */
    float *attention;
};

static ori_status create_matmuls(struct ori_pooler *it, struct ori_error *err)
{
    int width = it->options.config.width;
    int mlp = it->options.config.mlp;
    int sequences = it->options.sequences_max;
    struct ori_matmul_spec spec = {.precision = ORI_PRECISION_F32, .has_bias = true};
    struct ori_matmul_spec key_value = spec;
    key_value.in = width;
    key_value.out = 2 * width;
    key_value.rows_one = it->options.tokens;
    key_value.rows_usual = it->options.tokens * sequences;
    spec.rows_one = 1;
    spec.rows_usual = sequences;
    spec.in = width;
    spec.out = width;
    ori_status status = ori_matmul_create(&key_value, &it->key_value, err);
    if (status == ORI_OK)
        status = ori_matmul_create(&spec, &it->out, err);
    spec.out = mlp;
    spec.activation = it->options.config.activation;
    if (status == ORI_OK)
        status = ori_matmul_create(&spec, &it->up, err);
    spec.in = mlp;
    spec.out = width;
    spec.activation = 0;
    spec.adds = true;
    if (status == ORI_OK)
        status = ori_matmul_create(&spec, &it->down, err);
    return status;
}

/* query = W_q probe + b_q */
static ori_status project_probe(struct ori_pooler *it, const struct ori_weights *weights,
                                const float *matrix, const float *bias, struct ori_error *err)
{
    size_t width = (size_t)it->options.config.width;
    int64_t shape[] = {1, 1, it->options.config.width};
    float *probe = NULL;
    ori_status status = ori_layer_floats(
        weights, ori_layer_name("%s.probe", it->options.prefix).text, shape, 3, &probe, err);
    if (status != ORI_OK)
        return status;
    for (size_t o = 0; o < width; o++) {
        double sum = bias[o];
        for (size_t i = 0; i < width; i++)
            sum += (double)matrix[o * width + i] * (double)probe[i];
        it->query[o] = (float)sum;
    }
    free(probe);
    return ORI_OK;
}

static ori_status load_attention(struct ori_pooler *it, const struct ori_weights *weights,
                                 struct ori_error *err)
{
    size_t width = (size_t)it->options.config.width;
    const char *prefix = it->options.prefix;
    int64_t shape[] = {3 * it->options.config.width, it->options.config.width};
    float *matrix = NULL;
    float *bias = NULL;
    ori_status status =
        ori_layer_floats(weights, ori_layer_name("%s.attention.in_proj_weight", prefix).text, shape,
                         2, &matrix, err);
    if (status == ORI_OK)
        status = ori_layer_floats(weights, ori_layer_name("%s.attention.in_proj_bias", prefix).text,
                                  shape, 1, &bias, err);
    if (status == ORI_OK)
        status = project_probe(it, weights, matrix, bias, err);
    if (status == ORI_OK)
        status = ori_matmul_pack(it->key_value, matrix + width * width, bias + width,
                                 &it->key_value_weights, err);
    free(matrix);
    free(bias);
    if (status == ORI_OK)
        status = ori_linear_load(it->out, (int)width, (int)width, weights,
                                 ori_layer_name("%s.attention.out_proj", prefix).text,
                                 &it->out_weights, err);
    return status;
}

static ori_status load_parts(struct ori_pooler *it, const struct ori_weights *weights,
                             struct ori_error *err)
{
    int width = it->options.config.width;
    int mlp = it->options.config.mlp;
    const char *prefix = it->options.prefix;
    ori_status status = create_matmuls(it, err);
    if (status == ORI_OK)
        status = load_attention(it, weights, err);
    if (status == ORI_OK)
        status = ori_norm_load(weights, ori_layer_name("%s.layernorm", prefix).text, width,
                               &it->norm, err);
    if (status == ORI_OK)
        status = ori_linear_load(it->up, mlp, width, weights,
                                 ori_layer_name("%s.mlp.fc1", prefix).text, &it->up_weights, err);
    if (status == ORI_OK)
        status = ori_linear_load(it->down, width, mlp, weights,
                                 ori_layer_name("%s.mlp.fc2", prefix).text, &it->down_weights, err);
    return status;
}

ori_status ori_pooler_load(const struct ori_pooler_options *options,
                           const struct ori_weights *weights, struct ori_pooler **ret_pooler,
                           struct ori_error *err)
{
    struct ori_pooler *it = calloc(1, sizeof *it);
    ori_status status = ORI_OK;
    if (!it)
        return ori_error_set(err, ORI_NOMEM, "pooling head");
    it->options = *options;
    it->query = ori_aligned_zeroed((size_t)options->config.width, sizeof *it->query);
    if (!it->query)
        status = ori_error_set(err, ORI_NOMEM, "pooling head");
    if (status == ORI_OK)
        status = load_parts(it, weights, err);
    if (status != ORI_OK) {
        ori_pooler_destroy(&it);
        return status;
    }
    *ret_pooler = it;
    return ORI_OK;
}

void ori_pooler_destroy(struct ori_pooler **pooler)
{
    if (!pooler || !*pooler)
        return;
    struct ori_pooler *it = *pooler;
    free(it->query);
    ori_packed_deinit(&it->key_value_weights);
    ori_packed_deinit(&it->out_weights);
    ori_packed_deinit(&it->up_weights);
    ori_packed_deinit(&it->down_weights);
    ori_norm_deinit(&it->norm);
    ori_matmul_destroy(&it->key_value);
    ori_matmul_destroy(&it->out);
    ori_matmul_destroy(&it->up);
    ori_matmul_destroy(&it->down);
    free(it);
    *pooler = NULL;
}

size_t ori_pooler_bytes(const struct ori_pooler *pooler)
{
    return pooler->key_value_weights.bytes + pooler->out_weights.bytes + pooler->up_weights.bytes +
           pooler->down_weights.bytes;
}

static ori_status scratch_memory(struct ori_pooler_scratch *it, struct ori_error *err)
{
    const struct ori_pooler_options *options = &it->pooler->options;
    size_t sequences = (size_t)options->sequences_max;
    size_t width = (size_t)options->config.width;
    size_t work =
        ori_kernel_attention_work(options->tokens, options->config.width / options->config.heads);
    it->keys_values =
        ori_aligned_zeroed(sequences * (size_t)options->tokens * 2 * width, sizeof(float));
    it->mixed = ori_aligned_zeroed(sequences * width, sizeof(float));
    it->pooled = ori_aligned_zeroed(sequences * width, sizeof(float));
    it->normed = ori_aligned_zeroed(sequences * width, sizeof(float));
    it->hidden = ori_aligned_zeroed(sequences * (size_t)options->config.mlp, sizeof(float));
    it->attention = ori_aligned_zeroed(work, sizeof(float));
    if (!it->keys_values || !it->mixed || !it->pooled || !it->normed || !it->hidden ||
        !it->attention)
        return ori_error_set(err, ORI_NOMEM, "working memory of a pooling head");
    return ORI_OK;
}

ori_status ori_pooler_scratch_create(const struct ori_pooler *pooler,
                                     struct ori_pooler_scratch **ret_scratch, struct ori_error *err)
{
    struct ori_pooler_scratch *it = calloc(1, sizeof *it);
    if (!it)
        return ori_error_set(err, ORI_NOMEM, "working memory of a pooling head");
    it->pooler = pooler;
    ori_status status = scratch_memory(it, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(pooler->key_value, &it->key_value, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(pooler->out, &it->out, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(pooler->up, &it->up, err);
    if (status == ORI_OK)
        status = ori_matmul_plan_create(pooler->down, &it->down, err);
    if (status != ORI_OK) {
        ori_pooler_scratch_destroy(&it);
        return status;
    }
    *ret_scratch = it;
    return ORI_OK;
}

void ori_pooler_scratch_destroy(struct ori_pooler_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    struct ori_pooler_scratch *it = *scratch;
    ori_matmul_plan_destroy(&it->key_value);
    ori_matmul_plan_destroy(&it->out);
    ori_matmul_plan_destroy(&it->up);
    ori_matmul_plan_destroy(&it->down);
    free(it->keys_values);
    free(it->mixed);
    free(it->pooled);
    free(it->normed);
    free(it->hidden);
    free(it->attention);
    free(it);
    *scratch = NULL;
}

static void attend(struct ori_pooler_scratch *it, int sequences)
{
    const struct ori_pooler_options *options = &it->pooler->options;
    int head = options->config.width / options->config.heads;
    ptrdiff_t width = options->config.width;
    for (int s = 0; s < sequences; s++) {
        const float *base = it->keys_values + (ptrdiff_t)s * options->tokens * 2 * width;
        for (int h = 0; h < options->config.heads; h++) {
            struct ori_attention attention = {.q = it->pooler->query + (ptrdiff_t)h * head,
                                              .k = base + (ptrdiff_t)h * head,
                                              .v = base + width + (ptrdiff_t)h * head,
                                              .stride = 2 * width,
                                              .tokens = options->tokens,
                                              .queries = 1,
                                              .head = head,
                                              .scale = 1.0F / sqrtf((float)head),
                                              .out = it->mixed + (ptrdiff_t)s * width +
                                                     (ptrdiff_t)h * head,
                                              .out_stride = width,
                                              .work = it->attention};
            options->kernels->attend(&attention);
        }
    }
}

ori_status ori_pooler_run(struct ori_pooler_scratch *scratch, const float *x, int sequences,
                          float *ret_pooled, struct ori_error *err)
{
    const struct ori_pooler *it = scratch->pooler;
    size_t width = (size_t)it->options.config.width;
    ori_status status = ori_matmul_run(scratch->key_value, &it->key_value_weights, x, NULL,
                                       sequences * it->options.tokens, scratch->keys_values, err);
    if (status != ORI_OK)
        return status;
    attend(scratch, sequences);
    status = ori_matmul_run(scratch->out, &it->out_weights, scratch->mixed, NULL, sequences,
                            scratch->pooled, err);
    for (int s = 0; s < sequences; s++)
        it->options.kernels->norm(scratch->pooled + (size_t)s * width, width, it->norm.weight,
                                  it->norm.bias, it->options.config.eps,
                                  scratch->normed + (size_t)s * width);
    if (status == ORI_OK)
        status = ori_matmul_run(scratch->up, &it->up_weights, scratch->normed, NULL, sequences,
                                scratch->hidden, err);
    if (status == ORI_OK)
        status = ori_matmul_run(scratch->down, &it->down_weights, scratch->hidden, NULL, sequences,
                                scratch->pooled, err);
    if (status == ORI_OK)
        memcpy(ret_pooled, scratch->pooled, (size_t)sequences * width * sizeof *ret_pooled);
    return status;
}
