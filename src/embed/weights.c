#include "embed/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/safetensors.h"
#include "embed/weights_index.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/limits.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are read as they lie");

struct ori_weights {
    char *folder;
    struct ori_safetensors *files; /* by name */
    size_t files_count;
    struct ori_tensor *tensors; /* of all files, by name */
    size_t count;
};

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const struct ori_tensor *)a)->name, ((const struct ori_tensor *)b)->name);
}

/* The tensors of all open files under one roof; none may be in two of them. */
static ori_status gather(struct ori_weights *weights, struct ori_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < weights->files_count; i++)
        count += weights->files[i].count;
    if (count > ORI_LIMIT_MAX_MODEL_TENSORS)
        return ori_error_set(err, ORI_LIMIT, "more than %d tensors", ORI_LIMIT_MAX_MODEL_TENSORS);
    weights->tensors = calloc(count + 1, sizeof *weights->tensors);
    if (!weights->tensors)
        return ori_error_set(err, ORI_NOMEM, "tensors");
    for (size_t i = 0; i < weights->files_count; i++) {
        const struct ori_safetensors *file = &weights->files[i];
        if (file->count > 0)
            memcpy(weights->tensors + weights->count, file->tensors,
                   file->count * sizeof *file->tensors);
        weights->count += file->count;
    }
    qsort(weights->tensors, count, sizeof *weights->tensors, compare_tensors);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(weights->tensors[i - 1].name, weights->tensors[i].name) == 0)
            return ori_error_set(err, ORI_BAD_MODEL, "tensor %.200s is in two files",
                                 weights->tensors[i].name);
    }
    return ORI_OK;
}

static ori_status open_files(struct ori_weights *weights, int dir_fd, const char *const *names,
                             size_t count, struct ori_error *err)
{
    weights->files = calloc(count, sizeof *weights->files);
    if (!weights->files)
        return ori_error_set(err, ORI_NOMEM, "weight files");
    for (size_t i = 0; i < count; i++) {
        ori_status status = ori_safetensors_open(dir_fd, names[i], &weights->files[i], err);
        if (status != ORI_OK)
            return status;
        weights->files_count++;
    }
    return gather(weights, err);
}

/* Each tensor lies in the file that the index names, and the files hold no other ones. */
static ori_status check_index(const struct ori_weights *weights, const json_t *map,
                              struct ori_error *err)
{
    for (size_t i = 0; i < weights->files_count; i++) {
        const struct ori_safetensors *file = &weights->files[i];
        for (size_t k = 0; k < file->count; k++) {
            const char *name = json_string_value(json_object_get(map, file->tensors[k].name));
            if (!name || strcmp(name, file->name) != 0)
                return ori_error_set(err, ORI_BAD_MODEL,
                                     "%s: tensor %.100s is in %.100s, but by the index in %.100s",
                                     ORI_WEIGHTS_INDEX, file->tensors[k].name, file->name,
                                     name ? name : "none");
        }
    }
    if (weights->count == json_object_size(map))
        return ORI_OK;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)map, name, value)
    {
        if (!ori_weights_look(weights, name))
            break;
    }
    return ori_error_set(err, ORI_BAD_MODEL, "%s: tensor %.100s is not in %.100s",
                         ORI_WEIGHTS_INDEX, name, json_string_value(value));
}

static ori_status open_sharded(struct ori_weights *weights, int dir_fd, struct ori_error *err)
{
    struct ori_weights_index index = {0};
    char *text = NULL;
    size_t bytes = 0;
    ori_status status = ori_fs_read_file(dir_fd, ORI_WEIGHTS_INDEX, ORI_LIMIT_MAX_MODEL_INDEX_BYTES,
                                         &text, &bytes, err);
    if (status == ORI_OK)
        status = ori_weights_index_parse(text, bytes, &index, err);
    if (status == ORI_OK)
        status = open_files(weights, dir_fd, index.names, index.count, err);
    if (status == ORI_OK)
        status = check_index(weights, index.map, err);
    ori_weights_index_deinit(&index);
    free(text);
    return status;
}

/* A file that is not there: the model is not there, or half of it. */
static ori_status missing_if_not_found(ori_status status, struct ori_error *err)
{
    if (status != ORI_NOT_FOUND)
        return status;
    if (err && err->status == ORI_NOT_FOUND)
        err->status = ORI_MODEL_MISSING;
    return ORI_MODEL_MISSING;
}

static bool is_there(int dir_fd, const char *name)
{
    struct stat info = {0};
    return fstatat(dir_fd, name, &info, 0) == 0;
}

static ori_status refuse_folder(int dir_fd, struct ori_error *err)
{
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                          "open_clip_pytorch_model.bin"};
    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++) {
        if (is_there(dir_fd, pickles[i]))
            return ori_error_set(err, ORI_MODEL_MISSING,
                                 "no %s; %s is there, but such files are never read, since they "
                                 "can run programs: a safetensors file is needed (some models "
                                 "have it in another revision)",
                                 ORI_WEIGHTS_FILE, pickles[i]);
    }
    return ori_error_set(err, ORI_MODEL_MISSING, "no %s and no %s", ORI_WEIGHTS_FILE,
                         ORI_WEIGHTS_INDEX);
}

ori_status ori_weights_open(const char *folder, struct ori_weights **ret_weights,
                            struct ori_error *err)
{
    ORI_ASSERT(folder && ret_weights);
    struct ori_weights *weights = NULL;
    ori_status status = ORI_OK;
    int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        status = ori_error_set_errno(err, errno, false, "model folder");
        goto out;
    }
    weights = calloc(1, sizeof *weights);
    if (weights)
        weights->folder = strdup(folder);
    if (!weights || !weights->folder) {
        status = ori_error_set(err, ORI_NOMEM, "weights");
        goto out;
    }
    if (is_there(dir_fd, ORI_WEIGHTS_FILE))
        status = open_files(weights, dir_fd, (const char *const[]){ORI_WEIGHTS_FILE}, 1, err);
    else if (is_there(dir_fd, ORI_WEIGHTS_INDEX))
        status = open_sharded(weights, dir_fd, err);
    else
        status = refuse_folder(dir_fd, err);
    if (status != ORI_OK)
        goto out;
    *ret_weights = weights;
    weights = NULL;
out:
    status = missing_if_not_found(status, err);
    if (status != ORI_OK)
        ori_error_context(err, "%.200s", folder);
    ori_weights_close(&weights);
    if (dir_fd >= 0)
        close(dir_fd);
    return status;
}

void ori_weights_close(struct ori_weights **weights)
{
    if (!weights || !*weights)
        return;
    for (size_t i = 0; i < (*weights)->files_count; i++)
        ori_safetensors_close(&(*weights)->files[i]);
    free((*weights)->files);
    free((*weights)->tensors);
    free((*weights)->folder);
    free(*weights);
    *weights = NULL;
}

size_t ori_weights_count(const struct ori_weights *weights)
{
    return weights->count;
}

int64_t ori_weights_parameters(const struct ori_weights *weights)
{
    int64_t elements = 0; /* bounded by the files' bytes */
    for (size_t i = 0; i < weights->count; i++) {
        if (weights->tensors[i].dtype != ORI_DTYPE_OTHER)
            elements += (int64_t)weights->tensors[i].elements;
    }
    return elements;
}

const struct ori_tensor *ori_weights_at(const struct ori_weights *weights, size_t index)
{
    ORI_ASSERT(index < weights->count);
    return &weights->tensors[index];
}

const struct ori_tensor *ori_weights_look(const struct ori_weights *weights, const char *name)
{
    struct ori_tensor key = {.name = name};
    return bsearch(&key, weights->tensors, weights->count, sizeof key, compare_tensors);
}

/* "[768, 3, 32, 32]" */
static void write_shape(const int64_t *shape, int dims, char *text, size_t bytes)
{
    size_t used = (size_t)snprintf(text, bytes, "[");
    for (int i = 0; i < dims && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%lld", i ? ", " : "",
                                 (long long)shape[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, "]");
}

ori_status ori_weights_find(const struct ori_weights *weights, const char *name,
                            const int64_t *shape, int dims, const struct ori_tensor **ret_tensor,
                            struct ori_error *err)
{
    ORI_ASSERT(dims >= 0 && dims <= ORI_TENSOR_DIMS_MAX && ret_tensor);
    char is[ORI_TENSOR_DIMS_MAX * 22 + 2];
    char should[ORI_TENSOR_DIMS_MAX * 22 + 2];
    const struct ori_tensor *tensor = ori_weights_look(weights, name);
    write_shape(shape, dims, should, sizeof should);
    if (!tensor)
        return ori_error_set(err, ORI_BAD_MODEL, "%.150s: no tensor %s of shape %s",
                             weights->folder, name, should);
    bool is_same = tensor->dims == dims;
    for (int i = 0; is_same && i < dims; i++)
        is_same = tensor->shape[i] == shape[i];
    write_shape(tensor->shape, tensor->dims, is, sizeof is);
    if (!is_same)
        return ori_error_set(err, ORI_BAD_MODEL, "%.150s: tensor %s has shape %s, not %s",
                             weights->folder, name, is, should);
    if (tensor->dtype == ORI_DTYPE_OTHER)
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%.150s: tensor %s is neither F32 nor F16 nor BF16", weights->folder,
                             name);
    *ret_tensor = tensor;
    return ORI_OK;
}

/* IEEE 754 binary16, every value exact, NaNs with their bits. Chosen by masks: gcc 12 makes vector
 * code of these, but not of conditions. */
static uint32_t widen_f16(uint16_t half)
{
    const int32_t rest = half & 0x7FFF;
    const float tiny = (float)rest * 0x1p-24F;
    uint32_t subnormal = 0;
    memcpy(&subnormal, &tiny, sizeof subnormal);
    const uint32_t normal = ((uint32_t)rest << 13) + ((127U - 15U) << 23);
    const uint32_t huge = ((uint32_t)rest << 13) | 0x7F800000U; /* infinity, NaN */
    const uint32_t is_subnormal = -(uint32_t)(rest < 0x0400);
    const uint32_t is_huge = -(uint32_t)(rest >= 0x7C00);
    return (uint32_t)(half & 0x8000) << 16 | (subnormal & is_subnormal) | (huge & is_huge) |
           (normal & ~(is_subnormal | is_huge));
}

static void widen_f16s(const uint8_t *data, size_t elements, float *ret_floats)
{
    for (size_t i = 0; i < elements; i++) {
        uint16_t half = 0;
        memcpy(&half, data + 2 * i, sizeof half);
        uint32_t bits = widen_f16(half);
        memcpy(ret_floats + i, &bits, sizeof bits);
    }
}

static void widen_bf16s(const uint8_t *data, size_t elements, float *ret_floats)
{
    for (size_t i = 0; i < elements; i++) {
        uint16_t half = 0;
        memcpy(&half, data + 2 * i, sizeof half);
        uint32_t bits = (uint32_t)half << 16;
        memcpy(ret_floats + i, &bits, sizeof bits);
    }
}

void ori_tensor_floats(const struct ori_tensor *tensor, size_t first, size_t elements,
                       float *ret_floats)
{
    ORI_ASSERT(tensor->dtype != ORI_DTYPE_OTHER);
    ORI_ASSERT(first <= tensor->elements && elements <= tensor->elements - first);
    const uint8_t *data = tensor->data;
    if (tensor->dtype == ORI_DTYPE_F16)
        widen_f16s(data + 2 * first, elements, ret_floats);
    else if (tensor->dtype == ORI_DTYPE_BF16)
        widen_bf16s(data + 2 * first, elements, ret_floats);
    else if (elements > 0)
        memcpy(ret_floats, data + 4 * first, 4 * elements);
}

ori_status ori_weights_check(const struct ori_weights *weights, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; status == ORI_OK && i < weights->files_count; i++)
        status = ori_safetensors_check(&weights->files[i], err);
    return status;
}

void ori_weights_forget(const struct ori_weights *weights)
{
    for (size_t i = 0; i < weights->files_count; i++)
        madvise(weights->files[i].map, weights->files[i].bytes, MADV_DONTNEED);
}

/* bytes of the file from offset on, or to its end. */
static ori_status hash_part(struct ori_hash *hash, const struct ori_safetensors *file,
                            size_t offset, size_t bytes, struct ori_error *err)
{
    uint8_t data[64 * 1024];
    size_t got = 0;
    if (bytes > file->bytes - offset)
        bytes = file->bytes - offset;
    ORI_ASSERT(bytes <= sizeof data);
    ori_status status = ori_fs_read_at(file->fd, (int64_t)offset, data, bytes, &got, err);
    if (status == ORI_OK && got != bytes)
        status = ori_error_set(err, ORI_IO, "%s: cut short while it was read", file->name);
    if (status == ORI_OK)
        status = ori_hash_add(hash, data, got, err);
    return status;
}

static ori_status hash_file(struct ori_hash *hash, const struct ori_safetensors *file,
                            struct ori_error *err)
{
    enum { END_BYTES = 64 * 1024, STEPS = 256, STEP_BYTES = 4096 };
    uint64_t bytes = file->bytes;
    ori_status status = ori_hash_add(hash, &bytes, sizeof bytes, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, file->header_digest, sizeof file->header_digest, err);
    if (status == ORI_OK)
        status = hash_part(hash, file, 0, END_BYTES, err);
    for (size_t i = 0; status == ORI_OK && i < STEPS; i++)
        status = hash_part(hash, file, file->bytes / STEPS * i, STEP_BYTES, err);
    if (status == ORI_OK)
        status = hash_part(hash, file, bytes > END_BYTES ? bytes - END_BYTES : 0, END_BYTES, err);
    return status;
}

ori_status ori_weights_digest(const struct ori_weights *weights,
                              char ret_digest[ORI_WEIGHTS_DIGEST_BYTES], struct ori_error *err)
{
    struct ori_hash *hash = NULL;
    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_hash_create(ORI_HASH_SHA256, &hash, err);
    for (size_t i = 0; status == ORI_OK && i < weights->files_count; i++)
        status = hash_file(hash, &weights->files[i], err);
    if (status == ORI_OK)
        status = ori_hash_finish(hash, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, (ORI_WEIGHTS_DIGEST_BYTES - 1) / 2, ret_digest);
    ori_hash_destroy(&hash);
    return status;
}
