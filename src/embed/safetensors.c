#include "embed/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/model_json.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/limits.h"
#include "util/size.h"
#include "util/text.h"

enum { LENGTH_BYTES = 8 };
static const char metadata_key[] = "__metadata__";

struct dtype_row {
    const char *name;
    int bits;
    enum ori_dtype dtype;
};
static const struct dtype_row dtype_rows[] = {
    {"F32", 32, ORI_DTYPE_F32},          {"F16", 16, ORI_DTYPE_F16},
    {"BF16", 16, ORI_DTYPE_BF16},        {"F64", 64, ORI_DTYPE_OTHER},
    {"I64", 64, ORI_DTYPE_OTHER},        {"I32", 32, ORI_DTYPE_OTHER},
    {"I16", 16, ORI_DTYPE_OTHER},        {"I8", 8, ORI_DTYPE_OTHER},
    {"U64", 64, ORI_DTYPE_OTHER},        {"U32", 32, ORI_DTYPE_OTHER},
    {"U16", 16, ORI_DTYPE_OTHER},        {"U8", 8, ORI_DTYPE_OTHER},
    {"BOOL", 8, ORI_DTYPE_OTHER},        {"F8_E4M3", 8, ORI_DTYPE_OTHER},
    {"F8_E5M2", 8, ORI_DTYPE_OTHER},     {"F8_E8M0", 8, ORI_DTYPE_OTHER},
    {"F8_E4M3FNUZ", 8, ORI_DTYPE_OTHER}, {"F8_E5M2FNUZ", 8, ORI_DTYPE_OTHER},
    {"F4", 4, ORI_DTYPE_OTHER},          {"F6_E2M3", 6, ORI_DTYPE_OTHER},
    {"F6_E3M2", 6, ORI_DTYPE_OTHER},     {"C64", 64, ORI_DTYPE_OTHER},
};

/* A tensor with its place among the data, while the file is being opened. */
struct place {
    struct ori_tensor tensor;
    size_t begin;
    size_t end;
};

static ori_status refuse(const struct ori_safetensors *file, const char *tensor, const char *what,
                         struct ori_error *err)
{
    return ori_error_set(err, ORI_BAD_MODEL, "%s: tensor %.200s: %s", file->name, tensor, what);
}

static const struct dtype_row *dtype_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof dtype_rows / sizeof dtype_rows[0]; i++) {
        if (strcmp(dtype_rows[i].name, name) == 0)
            return &dtype_rows[i];
    }
    return NULL;
}

static ori_status read_shape(const struct ori_safetensors *file, const json_t *shape,
                             struct ori_tensor *tensor, struct ori_error *err)
{
    if (!json_is_array(shape))
        return refuse(file, tensor->name, "its shape is not an array", err);
    size_t dims = json_array_size(shape);
    if (dims > ORI_TENSOR_DIMS_MAX)
        return ori_error_set(err, ORI_LIMIT, "%s: tensor %.200s: more than %d dimensions",
                             file->name, tensor->name, ORI_TENSOR_DIMS_MAX);
    tensor->dims = (int)dims;
    tensor->elements = 1;
    for (size_t i = 0; i < dims; i++) {
        const json_t *side = json_array_get(shape, i);
        if (!json_is_integer(side) || json_integer_value(side) < 0)
            return refuse(file, tensor->name, "its shape is not of whole numbers", err);
        tensor->shape[i] = json_integer_value(side);
        if (!ori_size_mul(tensor->elements, (size_t)tensor->shape[i], &tensor->elements))
            return refuse(file, tensor->name, "its shape is larger than any memory", err);
    }
    return ORI_OK;
}

/* Whether value is two whole numbers in order, the second within the data. */
static bool read_offsets(const struct ori_safetensors *file, const json_t *value,
                         struct place *place)
{
    const json_t *begin = json_array_get(value, 0);
    const json_t *end = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return false;
    json_int_t first = json_integer_value(begin);
    json_int_t past = json_integer_value(end);
    if (first < 0 || past < first || (uint64_t)past > file->bytes - file->header_bytes)
        return false;
    place->begin = (size_t)first;
    place->end = (size_t)past;
    return true;
}

static ori_status read_tensor(const struct ori_safetensors *file, const char *name,
                              const json_t *value, struct place *place, struct ori_error *err)
{
    struct ori_tensor *tensor = &place->tensor;
    tensor->name = name;
    if (strlen(name) > ORI_LIMIT_MAX_TENSOR_NAME_BYTES)
        return ori_error_set(err, ORI_LIMIT, "%s: tensor %.200s...: a name of more than %d bytes",
                             file->name, name, ORI_LIMIT_MAX_TENSOR_NAME_BYTES);
    if (!name[0] || ori_text_has_control(name))
        return refuse(file, name, "not a name", err);
    if (!json_is_object(value))
        return refuse(file, name, "not described by an object", err);
    const char *dtype_name = json_string_value(json_object_get(value, "dtype"));
    const struct dtype_row *dtype = dtype_of(dtype_name);
    if (!dtype)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: tensor %.200s: dtype %.40s is not known",
                             file->name, name, dtype_name ? dtype_name : "(none)");
    tensor->dtype = dtype->dtype;
    ori_status status = read_shape(file, json_object_get(value, "shape"), tensor, err);
    if (status != ORI_OK)
        return status;
    size_t bits = 0;
    if (!ori_size_mul(tensor->elements, (size_t)dtype->bits, &bits))
        return refuse(file, name, "its shape is larger than any memory", err);
    if (!read_offsets(file, json_object_get(value, "data_offsets"), place))
        return refuse(file, name, "its data_offsets are not two offsets within the file", err);
    if (bits % 8 != 0)
        return refuse(file, name, "its shape and dtype fill no whole bytes", err);
    if (place->end - place->begin != bits / 8)
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%s: tensor %.200s: %zu bytes of data, where its shape and dtype "
                             "%s make %zu",
                             file->name, name, place->end - place->begin, dtype->name, bits / 8);
    tensor->data = file->map + file->header_bytes + place->begin;
    return ORI_OK;
}

static ori_status check_metadata(const struct ori_safetensors *file, json_t *metadata,
                                 struct ori_error *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    bool is_sound = json_is_object(metadata);
    json_object_foreach(metadata, key, value) is_sound = is_sound && json_is_string(value);
    if (!is_sound)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: %s is not an object of texts", file->name,
                             metadata_key);
    return ORI_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return (left->end > right->end) - (left->end < right->end); /* empty ones come first */
}

/* Side by side, each byte of the data in one tensor. */
static ori_status check_places(const struct ori_safetensors *file, const struct place *places,
                               size_t count, struct ori_error *err)
{
    size_t past = 0;
    for (size_t i = 0; i < count; i++) {
        if (places[i].begin < past)
            return ori_error_set(err, ORI_BAD_MODEL,
                                 "%s: tensor %.150s: its data overlap those of tensor %.150s",
                                 file->name, places[i].tensor.name, places[i - 1].tensor.name);
        if (places[i].begin > past)
            return refuse(file, places[i].tensor.name, "bytes before its data belong to no tensor",
                          err);
        past = places[i].end;
    }
    if (past != file->bytes - file->header_bytes)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: %zu bytes behind the last tensor", file->name,
                             file->bytes - file->header_bytes - past);
    return ORI_OK;
}

/* The sorted tensors become the file's, their names copied out of the JSON. */
static ori_status keep_tensors(struct ori_safetensors *file, const struct place *places,
                               size_t count, size_t names_bytes, struct ori_error *err)
{
    file->tensors = calloc(count + 1, sizeof *file->tensors);
    file->tensor_names = malloc(names_bytes + 1);
    if (!file->tensors || !file->tensor_names)
        return ori_error_set(err, ORI_NOMEM, "%s", file->name);
    char *name = file->tensor_names;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(places[i].tensor.name) + 1;
        memcpy(name, places[i].tensor.name, bytes);
        file->tensors[i] = places[i].tensor;
        file->tensors[i].name = name;
        name += bytes;
    }
    file->count = count;
    return ORI_OK;
}

static ori_status read_header(struct ori_safetensors *file, json_t *header, struct ori_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t count = 0;
    size_t names_bytes = 0;
    if (json_object_size(header) > ORI_LIMIT_MAX_MODEL_TENSORS)
        return ori_error_set(err, ORI_LIMIT, "%s: more than %d tensors", file->name,
                             ORI_LIMIT_MAX_MODEL_TENSORS);
    struct place *places = calloc(json_object_size(header) + 1, sizeof *places);
    ori_status status = places ? ORI_OK : ori_error_set(err, ORI_NOMEM, "%s", file->name);
    if (status != ORI_OK)
        goto out;
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, metadata_key) == 0) {
            status = check_metadata(file, value, err);
        } else {
            status = read_tensor(file, name, value, &places[count++], err);
            names_bytes += strlen(name) + 1;
        }
        if (status != ORI_OK)
            goto out;
    }
    qsort(places, count, sizeof *places, compare_places);
    status = check_places(file, places, count, err);
    if (status == ORI_OK)
        status = keep_tensors(file, places, count, names_bytes, err);
out:
    free(places);
    return status;
}

/* The JSON of the header, from the file and not from the map. */
static ori_status parse_header(struct ori_safetensors *file, json_t **ret_header,
                               struct ori_error *err)
{
    static const struct ori_model_json_bounds bounds = {
        .values_max = ORI_LIMIT_MAX_SAFETENSORS_VALUES, .depth_max = 3};
    size_t got = 0;
    char *text = malloc(file->header_bytes);
    if (!text)
        return ori_error_set(err, ORI_NOMEM, "%s", file->name);
    ori_status status = ori_fs_read_at(file->fd, 0, text, file->header_bytes, &got, err);
    if (status != ORI_OK)
        goto out;
    if (got != file->header_bytes) {
        status = ori_error_set(err, ORI_IO, "%s: cut short while it was read", file->name);
        goto out;
    }
    if (text[LENGTH_BYTES] != '{') {
        status = ori_error_set(err, ORI_BAD_MODEL,
                               "%s: not a safetensors file: its header does not begin with {",
                               file->name);
        goto out;
    }
    status = ori_model_json_parse(file->name, text + LENGTH_BYTES,
                                  file->header_bytes - LENGTH_BYTES, &bounds, ret_header, err);
    if (status == ORI_OK)
        status = ori_hash_of(ORI_HASH_SHA256, text, file->header_bytes, file->header_digest, err);
out:
    free(text);
    return status;
}

static ori_status open_file(int dir_fd, struct ori_safetensors *file, struct ori_error *err)
{
    struct stat info = {0};
    file->fd = openat(dir_fd, file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return ori_error_set_errno(err, errno, false, "%s", file->name);
    if (!S_ISREG(info.st_mode))
        return ori_error_set(err, ORI_NOT_A_FILE, "%s: not a regular file", file->name);
    file->bytes = (size_t)info.st_size;
    return ORI_OK;
}

static ori_status read_length(struct ori_safetensors *file, struct ori_error *err)
{
    uint8_t length[LENGTH_BYTES] = {0};
    size_t got = 0;
    ori_status status = ori_fs_read_at(file->fd, 0, length, sizeof length, &got, err);
    if (status != ORI_OK)
        return status;
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof length; i++)
        bytes |= (uint64_t)length[i] << (8 * i);
    if (got < sizeof length || file->bytes < sizeof length)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: %zu bytes are no safetensors file",
                             file->name, file->bytes);
    if (bytes > ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES)
        return ori_error_set(err, ORI_LIMIT, "%s: a header of %" PRIu64 " bytes; at most %d",
                             file->name, bytes, ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES);
    if (bytes > file->bytes - sizeof length)
        return ori_error_set(err, ORI_BAD_MODEL,
                             "%s: a header of %" PRIu64 " bytes in a file of %zu: it is cut short",
                             file->name, bytes, file->bytes);
    if (bytes == 0)
        return ori_error_set(err, ORI_BAD_MODEL, "%s: an empty header", file->name);
    file->header_bytes = (size_t)bytes + sizeof length;
    return ORI_OK;
}

ori_status ori_safetensors_open(int dir_fd, const char *name, struct ori_safetensors *ret_file,
                                struct ori_error *err)
{
    ORI_ASSERT(name && ret_file);
    struct ori_safetensors file = {.fd = -1};
    json_t *header = NULL;
    ori_status status = ORI_OK;

    file.name = strdup(name);
    if (!file.name) {
        status = ori_error_set(err, ORI_NOMEM, "%s", name);
        goto out;
    }
    status = open_file(dir_fd, &file, err);
    if (status == ORI_OK)
        status = read_length(&file, err);
    if (status == ORI_OK)
        status = parse_header(&file, &header, err);
    if (status != ORI_OK)
        goto out;
    void *map = mmap(NULL, file.bytes, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (map == MAP_FAILED) {
        status = ori_error_set_errno(err, errno, false, "%s: mmap", name);
        goto out;
    }
    file.map = map;
    status = read_header(&file, header, err);
    if (status == ORI_OK)
        status = ori_safetensors_check(&file, err);
    if (status != ORI_OK)
        goto out;
    *ret_file = file;
    file = (struct ori_safetensors){.fd = -1};
out:
    json_decref(header);
    ori_safetensors_close(&file);
    return status;
}

void ori_safetensors_close(struct ori_safetensors *file)
{
    if (!file)
        return;
    if (file->map)
        munmap(file->map, file->bytes);
    if (file->fd >= 0)
        close(file->fd);
    free(file->tensors);
    free(file->tensor_names);
    free(file->name);
    *file = (struct ori_safetensors){.fd = -1};
}

ori_status ori_safetensors_check(const struct ori_safetensors *file, struct ori_error *err)
{
    struct stat info = {0};
    if (fstat(file->fd, &info) != 0)
        return ori_error_set_errno(err, errno, false, "%s", file->name);
    if ((size_t)info.st_size != file->bytes)
        return ori_error_set(err, ORI_IO, "%s: its size changed since it was opened", file->name);
    return ORI_OK;
}
