#pragma once
/* embed/weights.h: the tensors of a model folder: model.safetensors, or its shards by
 * model.safetensors.index.json, mapped into memory and never copied.
 * Not here    what the tensors mean (vision.c, text.c), the folder's JSON (model_config.h)
 * Call order  open; find at will; close
 * Ownership   a tensor's name and data lie in the maps and live until close
 * Threads     read-only after open, any thread
 * Failure     ORI_MODEL_MISSING (no such file, said with its path), ORI_BAD_MODEL (not what the
 *             format says; the text names the file and the tensor), ORI_LIMIT, ORI_NOMEM, and what
 *             a file that cannot be read gives (util/fs.h)
 * Trust       none: header size, JSON, names, dtypes, shapes and offsets are checked at open;
 *             tensors neither overlap nor leave the file nor leave gaps. Of the two files the one
 *             without shards wins, as in the reference; pytorch_model.bin is never read. An index
 *             names plain files of the folder, which may be links out of it, as in the hub's cache
 * Source      safetensors format, huggingface/safetensors README, section "Format" */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define ORI_TENSOR_DIMS_MAX 8

enum ori_dtype {
    ORI_DTYPE_F32 = 1,
    ORI_DTYPE_F16,
    ORI_DTYPE_BF16,
    ORI_DTYPE_OTHER /* integers, doubles...: kept so that the file is understood, never computed with */
};

struct ori_tensor {
    const char *name;
    enum ori_dtype dtype;
    int dims;
    int64_t shape[ORI_TENSOR_DIMS_MAX];
    const void *data; /* little-endian, dense, row-major; not necessarily aligned */
    size_t elements;
};

struct ori_weights;

/* folder: of the model. */
ori_status ori_weights_open(const char *folder, struct ori_weights **ret_weights,
                            struct ori_error *err);
void ori_weights_close(struct ori_weights **weights); /* null-safe, nulls */

size_t ori_weights_count(const struct ori_weights *weights);
int64_t ori_weights_parameters(const struct ori_weights *weights); /* elements of float tensors */
const struct ori_tensor *ori_weights_at(const struct ori_weights *weights, size_t index);
/* NULL when there is none of that name. */
const struct ori_tensor *ori_weights_look(const struct ori_weights *weights, const char *name);

/* The tensor of that name with exactly this shape and a float dtype; else ORI_BAD_MODEL naming the
 * tensor, what it is and what it should be. */
ori_status ori_weights_find(const struct ori_weights *weights, const char *name,
                            const int64_t *shape, int dims, const struct ori_tensor **ret_tensor,
                            struct ori_error *err);

/* elements floats from element `first` on. f16 and bf16 are widened exactly. */
void ori_tensor_floats(const struct ori_tensor *tensor, size_t first, size_t elements,
                       float *ret_floats);

/* ORI_IO when a file's size is no longer what it was at open. Reading data of a file that was cut
 * short ends the program by SIGBUS: ask right before a long read, and replace weights by rename. */
ori_status ori_weights_check(const struct ori_weights *weights, struct ori_error *err);

/* Tells the pages that they are not needed soon (after packing): resident memory shrinks. */
void ori_weights_forget(const struct ori_weights *weights);

/* Identity of the weights in 16 hex digits and a NUL: a hash of the headers, the sizes, the first
 * and last 64 KiB of each file and 4 KiB at 256 even steps between. Reads about 1 MiB a file. */
#define ORI_WEIGHTS_DIGEST_BYTES 17
ori_status ori_weights_digest(const struct ori_weights *weights,
                              char ret_digest[ORI_WEIGHTS_DIGEST_BYTES], struct ori_error *err);
