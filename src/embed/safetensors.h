#pragma once
/* embed/safetensors.h: one file of the safetensors format, mapped into memory.
 * File        8 bytes header length, little-endian; a JSON object name -> {dtype, shape,
 *             data_offsets}; the tensors' bytes side by side, without a gap, to the file's end
 * Call order  open; use; close
 * Ownership   names and data belong to the file and live until close
 * Threads     read-only after open, any thread
 * Failure     ORI_NOT_FOUND, ORI_BAD_MODEL (file and tensor named), ORI_LIMIT, ORI_NOT_A_FILE,
 *             ORI_IO, ORI_NOMEM; ret_file is left alone
 * Trust       none. The header is read, not mapped: a file cut short meanwhile is an error. The
 *             data are mapped: reading those of a file that was cut short since ends the program by
 *             SIGBUS. So weights are replaced by rename, never written in place; packing reads them
 *             right after open, texts read token embeddings later; ori_safetensors_check asks the
 *             file's size again before
 * Limits      ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES, _SAFETENSORS_VALUES, _MODEL_TENSORS,
 *             _TENSOR_NAME_BYTES; ORI_TENSOR_DIMS_MAX
 * Source      huggingface/safetensors, README "Format" and safetensors/src/tensor.rs: what the
 *             reference refuses is refused, and a key twice besides */
#include <stddef.h>
#include <stdint.h>

#include "embed/weights.h"
#include "util/status.h"

#define ORI_SAFETENSORS_DIGEST_BYTES 32

struct ori_safetensors {
    char *name; /* of the file, for messages */
    int fd;     /* -1: closed */
    uint8_t *map;
    size_t bytes;                                        /* of the file */
    size_t header_bytes;                                 /* with its length; here the data start */
    uint8_t header_digest[ORI_SAFETENSORS_DIGEST_BYTES]; /* SHA-256 */
    struct ori_tensor *tensors;                          /* in the order of their data */
    size_t count;
    char *tensor_names; /* one after the other, each with its NUL */
};

/* The file of that name in the folder; a link is followed. */
ori_status ori_safetensors_open(int dir_fd, const char *name, struct ori_safetensors *ret_file,
                                struct ori_error *err);
void ori_safetensors_close(struct ori_safetensors *file); /* null-safe, idempotent on {.fd = -1} */

/* ORI_IO when the file's size is no longer what it was at open. */
ori_status ori_safetensors_check(const struct ori_safetensors *file, struct ori_error *err);
