#pragma once
/* embed/transformer.h: a stack of pre-norm transformer blocks.
 * A block     x += out(norm(attention(norm1(x)))); x += down(norm(act(up(norm2(x)))); the norms inside
 *             the halves are EVA02's, as is the gate (SwiGLU) and the rotation of q and k
 * Call order  load; a scratch for each thread; fill scratch x; run; read x; destroy scratches, deinit
 * Threads     read-only after load; a scratch stays on its own thread
 * Shapes      x [rows][width] f32, rows = sequences * tokens, one sequence after the other
 * Source      Vaswani et al. 2017, arXiv:1706.03762; pre-norm as Radford et al. 2021,
 *             arXiv:2103.00020; EVA02: Fang et al. 2023, arXiv:2303.11331; RoPE: Su et al. 2021,
 *             arXiv:2104.09864
 * Checked by  tests/e2e/test_clip_golden.py against the reference implementations */
#include <stdbool.h>

#include "embed/layer.h"
#include "embed/model_config.h"
#include "util/cancel.h"

/* What the tensors of a block are called behind its prefix; NULL: there is none. */
struct ori_block_names {
    const char *norm1;
    const char *q_weight;
    const char *q_bias;
    const char *k_weight;
    const char *k_bias;
    const char *v_weight;
    const char *v_bias;
    const char *inner_norm; /* between attention and its output projection */
    const char *out;
    const char *norm2;
    const char *up;
    const char *gate; /* SwiGLU: silu(gate(x)) * up(x) */
    const char *gate_norm;
    const char *down;
};

struct ori_block {
    struct ori_norm norm1;
    struct ori_packed qkv;
    struct ori_norm inner_norm;
    struct ori_packed out;
    struct ori_norm norm2;
    struct ori_packed *up; /* [slices]; gate first, then up, when there is a gate */
    struct ori_norm gate_norm;
    struct ori_packed *down; /* [slices] */
};

struct ori_transformer {
    struct ori_tower_config config;
    enum ori_precision precision;
    const struct ori_kernels *kernels;
    bool has_gate;
    bool is_qkv_bf16; /* q, k and v come as bf16: the kernels' attention takes them so */
    /* The feed-forward half is computed in so many slices of its hidden numbers, so that one slice of
     * them stays in the second cache and no product sums over more than about `width` of them. */
    int slices;
    int slice;    /* hidden numbers of one */
    int zero;     /* of INT8 bytes */
    int rows_max; /* what a scratch holds */
    struct ori_matmul *qkv;
    struct ori_matmul *out;
    struct ori_matmul *up;
    struct ori_matmul *down;
    struct ori_block *blocks;
    size_t bytes; /* of packed weights */
};

struct ori_transformer_options {
    struct ori_tower_config config;
    enum ori_precision precision; /* not AUTO */
    const struct ori_kernels *kernels;
    const struct ori_block_names *names;
    const char *prefix; /* "vision_model.encoder.layers": block i is PREFIX.i */
    int tokens;         /* of one sequence, at most */
    int sequences;      /* run together, at most */
    int rows_step;      /* embed/matmul.h */
    bool is_rotated;    /* passes turn q and k, in f32 */
};
ori_status ori_transformer_load(const struct ori_transformer_options *options,
                                const struct ori_weights *weights,
                                struct ori_transformer *ret_transformer, struct ori_error *err);
void ori_transformer_deinit(struct ori_transformer *transformer); /* idempotent */
/* Bytes of one scratch. */
size_t ori_transformer_scratch_bytes(const struct ori_transformer *transformer);

struct ori_transformer_scratch {
    const struct ori_transformer *transformer;
    struct ori_matmul_plan *qkv;
    struct ori_matmul_plan *out;
    struct ori_matmul_plan *up;
    struct ori_matmul_plan *down;
    float *x;      /* [rows][width]: the stream between blocks; the caller fills and reads it */
    void *narrow;  /* [rows][width] in the precision's type, as qkv, out and up take it */
    float *wide;   /* [rows][3 width or up's out]: q k v, also as bf16; what up gives */
    void *hidden;  /* [rows][slice] in the precision's type, as down takes it */
    float *mixed;  /* [rows][width]: what attention gives */
    float *scales; /* [rows]: of INT8 rows of narrow */
    float *hidden_scales; /* and of hidden */
    float *row;           /* one row, as wide as any */
    float *attention;
    float head_scale; /* 1 / sqrt(floats a head) */
};
ori_status ori_transformer_scratch_init(const struct ori_transformer *transformer,
                                        struct ori_transformer_scratch *ret_scratch,
                                        struct ori_error *err);
void ori_transformer_scratch_deinit(struct ori_transformer_scratch *scratch); /* idempotent */

struct ori_transformer_pass {
    int sequences;
    int tokens; /* of each */
    bool is_causal;
    /* cos and sin of each token and head float, [tokens][head]; NULL: q and k are not turned. */
    const float *rotation_cos;
    const float *rotation_sin;
    /* The one token of each sequence whose result is asked for: afterwards x is [sequences][width].
     * -1: all of them. The last block then computes for that token alone. */
    int wanted;
    const struct ori_cancel *cancel; /* looked at between blocks */
};
ori_status ori_transformer_run(struct ori_transformer_scratch *scratch,
                               const struct ori_transformer_pass *pass, struct ori_error *err);
