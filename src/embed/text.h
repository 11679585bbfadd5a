#pragma once
/* embed/text.h: the text tower of CLIP and SigLIP: token ids in, features out.
 * Call order  load; a scratch for each thread; run; destroy scratches, deinit
 * Ownership   token embeddings stay in the mapped weights, which outlive it
 * Threads     read-only after load; a scratch stays on its own thread
 * Shapes      ids [n]; features [dim] f32, not normalised
 * CLIP        causal; the state at the end-of-text token; what follows it changes nothing and is not
 *             computed. eos_token_id 2 (OpenAI's files, wrong but kept) means the largest id
 * SigLIP      every token sees every other, padded to `positions`; the state of the last one
 * Source      Radford et al. 2021, arXiv:2103.00020; Zhai et al. 2023, arXiv:2303.15343; pooling as
 *             Hugging Face's CLIPTextTransformer and SiglipTextTransformer */
#include "embed/transformer.h"

struct ori_text {
    struct ori_model_config config;
    const struct ori_kernels *kernels;
    int rows_max;
    const struct ori_tensor *embeddings; /* [vocabulary][width], mapped */
    float *positions;                    /* [positions][width] */
    struct ori_transformer blocks;
    struct ori_norm final_norm;
    struct ori_matmul *projection;
    struct ori_packed projection_weights;
};

struct ori_text_options {
    const struct ori_model_config *config;
    enum ori_precision precision; /* not AUTO */
    const struct ori_kernels *kernels;
};
ori_status ori_text_load(const struct ori_text_options *options, const struct ori_weights *weights,
                         struct ori_text *ret_text, struct ori_error *err);
void ori_text_deinit(struct ori_text *text); /* idempotent */

struct ori_text_scratch;
ori_status ori_text_scratch_create(const struct ori_text *text,
                                   struct ori_text_scratch **ret_scratch, struct ori_error *err);
void ori_text_scratch_destroy(struct ori_text_scratch **scratch); /* null-safe, nulls */
/* n: 1..positions, each id below the vocabulary, else ORI_BAD_MODEL (the tokenizer does not fit). */
ori_status ori_text_run(struct ori_text_scratch *scratch, const int32_t *ids, int n,
                        const struct ori_cancel *cancel, float *ret_features,
                        struct ori_error *err);
