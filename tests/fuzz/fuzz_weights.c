/* Weight files. An input that begins with
 *   T  "T20" and a line's end, then a header: a safetensors file of 20 bytes of data, its length right
 *   I  an index of shards, beside two shards that are fine
 *   R  a safetensors file, byte by byte; what begins otherwise is one as it is
 * Whatever is taken must lie inside its file. */
#include <ctype.h>
#include <string.h>

#include "embed/safetensors.h"
#include "embed/weights.h"
#include "fuzz_folder.h"
#include "util/limits.h"

enum { DATA_BYTES_MAX = 4096, FLOATS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char single_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

static void put_header(const char *name, const uint8_t *header, size_t header_bytes,
                       size_t data_bytes)
{
    uint8_t length[8];
    static uint8_t tail[DATA_BYTES_MAX];
    uint64_t value = header_bytes;
    uint8_t *file = malloc(header_bytes + data_bytes + 1);
    MUST(file && data_bytes <= sizeof tail);
    memcpy(length, &value, sizeof length);
    memcpy(file, header, header_bytes);
    memcpy(file + header_bytes, tail, data_bytes);
    fuzz_folder_put(name, length, sizeof length, file, header_bytes + data_bytes);
    free(file);
}

static void put_text(const uint8_t *data, size_t bytes)
{
    size_t tail = 0;
    size_t at = 0;
    while (at < bytes && isdigit(data[at]) && tail < DATA_BYTES_MAX / 10)
        tail = 10 * tail + data[at++] - '0';
    at += at < bytes; /* the line's end, whatever it is */
    put_header(single_name, data + at, bytes - at, tail);
}

static void put_index(const uint8_t *data, size_t bytes)
{
    static const char first[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                                "\"c\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[2,6]}}";
    static const char second[] = "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    static bool is_there;
    if (!is_there) {
        put_header("m-1.safetensors", (const uint8_t *)first, strlen(first), 6);
        put_header("m-2.safetensors", (const uint8_t *)second, strlen(second), 8);
        is_there = true;
    }
    fuzz_folder_put(index_name, NULL, 0, data, bytes);
    unlinkat(fuzz_folder_fd(), single_name, 0);
}

static size_t float_bytes(const struct ori_tensor *tensor)
{
    size_t bytes = tensor->dtype == ORI_DTYPE_OTHER ? 0 : tensor->dtype == ORI_DTYPE_F32 ? 4 : 2;
    for (int i = 0; i < tensor->dims; i++)
        bytes *= (size_t)tensor->shape[i];
    MUST(bytes % (tensor->elements ? tensor->elements : 1) == 0);
    return bytes;
}

/* One behind the other, from the header's end to the file's. */
static void check_file(void)
{
    struct ori_safetensors file = {.fd = -1};
    struct ori_error err = {0};
    ori_status status = ori_safetensors_open(fuzz_folder_fd(), single_name, &file, &err);
    MUST(status == err.status);
    if (status != ORI_OK) {
        MUST(err.text[0] && file.fd < 0 && !file.map);
        return;
    }
    const uint8_t *past = file.map + file.header_bytes;
    for (size_t i = 0; i < file.count; i++) {
        const struct ori_tensor *tensor = &file.tensors[i];
        const uint8_t *begin = tensor->data;
        MUST(begin >= past && begin <= file.map + file.bytes);
        MUST(float_bytes(tensor) <= (size_t)(file.map + file.bytes - begin));
        MUST(strlen(tensor->name) <= ORI_LIMIT_MAX_TENSOR_NAME_BYTES);
        past = begin + float_bytes(tensor);
    }
    ori_safetensors_close(&file);
}

static void use_tensors(const struct ori_weights *weights)
{
    float floats[FLOATS];
    double sum = 0;
    for (size_t i = 0; i < ori_weights_count(weights); i++) {
        const struct ori_tensor *tensor = ori_weights_at(weights, i);
        const struct ori_tensor *found = NULL;
        MUST(ori_weights_look(weights, tensor->name) == tensor);
        ori_status status =
            ori_weights_find(weights, tensor->name, tensor->shape, tensor->dims, &found, NULL);
        MUST((status == ORI_OK) == (tensor->dtype != ORI_DTYPE_OTHER));
        if (status != ORI_OK)
            continue;
        for (size_t first = 0; first < tensor->elements; first += FLOATS) {
            size_t left = tensor->elements - first;
            ori_tensor_floats(tensor, first, left < FLOATS ? left : FLOATS, floats);
            sum += floats[0];
        }
    }
    static volatile double kept;
    kept = sum;
    (void)kept;
    MUST(ori_weights_parameters(weights) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_weights *weights = NULL;
    struct ori_error err = {0};
    char digest[ORI_WEIGHTS_DIGEST_BYTES];
    char mode = bytes > 0 ? (char)data[0] : 'R';
    fuzz_folder_fd();
    if (mode == 'T')
        put_text(data + 1, bytes - 1);
    else if (mode == 'I')
        put_index(data + 1, bytes - 1);
    else
        fuzz_folder_put(single_name, NULL, 0, data + (mode == 'R' && bytes > 0),
                        bytes - (mode == 'R' && bytes > 0));
    if (mode != 'I')
        check_file();
    ori_status status = ori_weights_open(fuzz_folder, &weights, &err);
    MUST(status == err.status && (status == ORI_OK) == (weights != NULL));
    MUST(status == ORI_OK || status == ORI_BAD_MODEL || status == ORI_LIMIT ||
         (mode == 'I' && status == ORI_MODEL_MISSING));
    if (status == ORI_OK) {
        use_tensors(weights);
        MUST(ori_weights_digest(weights, digest, &err) == ORI_OK);
        MUST(ori_weights_check(weights, &err) == ORI_OK);
        ori_weights_forget(weights);
    }
    ori_weights_close(&weights);
    return 0;
}
