#include "embed_folder.h"

#include <math.h>
#include <sys/stat.h>

#include "embed/weights.h"
#include "util/buf.h"
#include "util/hash.h"
#include "util/limits.h"

static struct folder place;

static ori_status open_place(struct ori_weights **ret_weights, struct ori_error *err)
{
    ori_status status = ori_weights_open(place.path, ret_weights, err);
    assert_int_equal(status, err->status);
    if (status != ORI_OK)
        assert_non_null(strstr(err->text, place.path));
    return status;
}

static struct ori_weights *must_open(void)
{
    struct ori_weights *weights = NULL;
    struct ori_error err = {0};
    ori_status status = open_place(&weights, &err);
    if (status != ORI_OK)
        print_message("%s\n", err.text);
    assert_int_equal(status, ORI_OK);
    return weights;
}

static void must_refuse(ori_status expected, const char *words)
{
    struct ori_weights *weights = NULL;
    struct ori_error err = {0};
    ori_status status = open_place(&weights, &err);
    print_message("%s\n", status == ORI_OK ? "taken" : err.text);
    assert_int_equal(status, expected);
    assert_null(weights);
    assert_non_null(strstr(err.text, words));
}

static const char plain[] = "{\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                            "\"a\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[8,14]},"
                            "\"ids\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[14,22]}}";

static void tensors_are_found_by_name(void **state)
{
    (void)state;
    folder_empty(&place);
    folder_put_safetensors(&place, "model.safetensors", plain, 22);
    struct ori_weights *weights = must_open();
    assert_int_equal(ori_weights_count(weights), 3);
    assert_int_equal(ori_weights_parameters(weights), 5); /* not the ids */
    for (size_t i = 0; i < 3; i++) {
        const struct ori_tensor *tensor = ori_weights_at(weights, i);
        assert_string_equal(tensor->name, i == 0 ? "a" : i == 1 ? "b" : "ids");
        assert_ptr_equal(ori_weights_look(weights, tensor->name), tensor);
    }
    assert_null(ori_weights_look(weights, "c"));
    assert_null(ori_weights_look(weights, ""));
    ori_weights_close(&weights);
    assert_null(weights);
    ori_weights_close(&weights);
    ori_weights_close(NULL);
}

static void what_a_tensor_must_be_is_asked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t shape[3];
        int dims;
        const char *words; /* NULL: it is that */
    } rows[] = {
        {"a", {3}, 1, NULL},
        {"b", {1, 2}, 2, NULL},
        {"a", {4}, 1, "tensor a has shape [3], not [4]"},
        {"b", {2}, 1, "tensor b has shape [1, 2], not [2]"},
        {"b", {2, 1}, 2, "tensor b has shape [1, 2], not [2, 1]"},
        {"b", {1, 2, 1}, 3, "tensor b has shape [1, 2], not [1, 2, 1]"},
        {"b", {0}, 0, "tensor b has shape [1, 2], not []"},
        {"ids", {1, 1}, 2, "tensor ids is neither F32 nor F16 nor BF16"},
        {"c.weight", {768, 3}, 2, "no tensor c.weight of shape [768, 3]"},
    };
    folder_empty(&place);
    folder_put_safetensors(&place, "model.safetensors", plain, 22);
    struct ori_weights *weights = must_open();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        const struct ori_tensor *tensor = NULL;
        ori_status status =
            ori_weights_find(weights, rows[i].name, rows[i].shape, rows[i].dims, &tensor, &err);
        assert_int_equal(status, rows[i].words ? ORI_BAD_MODEL : ORI_OK);
        assert_int_equal(status, err.status);
        if (rows[i].words)
            assert_non_null(strstr(err.text, rows[i].words));
        else
            assert_string_equal(tensor->name, rows[i].name);
    }
    ori_weights_close(&weights);
}

/* The value of a binary16 by its definition, in arithmetic alone. */
static double value_of_half(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (bits & 1023) / 1024.0;
    double value = exponent == 0    ? ldexp(fraction, -14)
                   : exponent == 31 ? (double)INFINITY
                                    : ldexp(1.0 + fraction, exponent - 15);
    return bits & 0x8000 ? -value : value;
}

/* The value of a bfloat16 likewise. */
static double value_of_brain(unsigned bits)
{
    int exponent = (int)(bits >> 7 & 255);
    double fraction = (bits & 127) / 128.0;
    double value = exponent == 0     ? ldexp(fraction, -126)
                   : exponent == 255 ? (double)INFINITY
                                     : ldexp(1.0 + fraction, exponent - 127);
    return bits & 0x8000 ? -value : value;
}

static void every_half_is_widened_exactly(void **state)
{
    (void)state;
    enum { COUNT = 65536 };
    static uint16_t halves[COUNT];
    static char bytes[2 * COUNT + 1];
    static float floats[COUNT + 1];
    for (unsigned i = 0; i < COUNT; i++)
        halves[i] = (uint16_t)i;
    memcpy(bytes + 1, halves, sizeof halves); /* at an odd address */
    for (int is_brain = 0; is_brain < 2; is_brain++) {
        struct ori_tensor tensor = {.name = "t",
                                    .dtype = is_brain ? ORI_DTYPE_BF16 : ORI_DTYPE_F16,
                                    .dims = 1,
                                    .shape = {COUNT},
                                    .data = bytes + 1,
                                    .elements = COUNT};
        floats[COUNT] = 7.0F;
        ori_tensor_floats(&tensor, 0, COUNT, floats);
        assert_true(floats[COUNT] == 7.0F);
        for (unsigned i = 0; i < COUNT; i++) {
            bool is_nan = is_brain ? (i & 0x7FFF) > 0x7F80 : (i & 0x7FFF) > 0x7C00;
            double expected = is_brain ? value_of_brain(i) : value_of_half(i);
            if (is_nan) {
                assert_true(isnan(floats[i]));
            } else {
                assert_true((double)floats[i] == expected);
                assert_int_equal(signbit(floats[i]) != 0, i >> 15);
            }
        }
    }
}

static void a_part_of_a_tensor_is_read(void **state)
{
    (void)state;
    static const char header[] =
        "{\"f\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[20,30]}}";
    static const float values[5] = {1.0F, -2.0F, 0.5F, 4.0F, -0.25F};
    static const uint16_t halves[5] = {0x3C00, 0xC000, 0x3800, 0x4400, 0xB400};
    size_t bytes = 0;
    uint8_t *file = safetensors_make(header, 30, &bytes);
    memcpy(file + bytes - 30, values, sizeof values);
    memcpy(file + bytes - 10, halves, sizeof halves);
    folder_empty(&place);
    folder_put(&place, "model.safetensors", file, bytes);
    free(file);
    struct ori_weights *weights = must_open();
    for (size_t first = 0; first <= 5; first++) {
        for (size_t count = 0; first + count <= 5; count++) {
            for (int i = 0; i < 2; i++) {
                float floats[6] = {9.0F, 9.0F, 9.0F, 9.0F, 9.0F, 9.0F};
                ori_tensor_floats(ori_weights_look(weights, i ? "h" : "f"), first, count, floats);
                assert_memory_equal(floats, values + first, count * sizeof(float));
                assert_true(floats[count] == 9.0F);
            }
        }
    }
    ori_weights_forget(weights); /* what is read again is there again */
    float again[5] = {0};
    ori_tensor_floats(ori_weights_look(weights, "f"), 0, 5, again);
    assert_memory_equal(again, values, sizeof values);
    ori_weights_close(&weights);
}

static void a_folder_without_weights_says_so(void **state)
{
    (void)state;
    struct ori_weights *weights = NULL;
    struct ori_error err = {0};
    assert_int_equal(ori_weights_open("/nonexistent/model", &weights, &err), ORI_MODEL_MISSING);
    assert_int_equal(err.status, ORI_MODEL_MISSING);
    assert_non_null(strstr(err.text, "/nonexistent/model"));
    err = (struct ori_error){0};
    assert_int_equal(ori_weights_open("/dev/null", &weights, &err), ORI_MODEL_MISSING);
    assert_null(weights);
    folder_empty(&place);
    must_refuse(ORI_MODEL_MISSING, "no model.safetensors");
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                          "open_clip_pytorch_model.bin"};
    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++) {
        folder_empty(&place);
        folder_put_text(&place, pickles[i], "never looked at");
        must_refuse(ORI_MODEL_MISSING, "a safetensors file is needed");
    }
    folder_empty(&place);
    assert_int_equal(symlinkat("gone", place.fd, "model.safetensors"), 0);
    must_refuse(ORI_MODEL_MISSING, "no model.safetensors");
    folder_empty(&place);
    folder_put_text(&place, "model.safetensors", "");
    must_refuse(ORI_BAD_MODEL, "model.safetensors");
}

/* As the hub's cache has it: the folder's files are links to blobs elsewhere. */
static void links_out_of_the_folder_are_followed(void **state)
{
    (void)state;
    struct folder blobs = folder_make();
    char target[100];
    folder_empty(&place);
    folder_put_safetensors(&blobs, "0123abcd", plain, 22);
    snprintf(target, sizeof target, "..%s/0123abcd", strrchr(blobs.path, '/'));
    assert_int_equal(symlinkat(target, place.fd, "model.safetensors"), 0);
    struct ori_weights *weights = must_open();
    assert_int_equal(ori_weights_count(weights), 3);
    ori_weights_close(&weights);
    folder_empty(&place);
    snprintf(target, sizeof target, "..%s/0123abcd", strrchr(blobs.path, '/'));
    assert_int_equal(symlinkat(target, place.fd, "model-1.safetensors"), 0);
    folder_put_text(&blobs, "4567",
                    "{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":"
                    "\"model-1.safetensors\",\"ids\":\"model-1.safetensors\"}}");
    snprintf(target, sizeof target, "..%s/4567", strrchr(blobs.path, '/'));
    assert_int_equal(symlinkat(target, place.fd, "model.safetensors.index.json"), 0);
    weights = must_open();
    assert_int_equal(ori_weights_count(weights), 3);
    ori_weights_close(&weights);
    folder_drop(&blobs);
}

static const char index_name[] = "model.safetensors.index.json";
static const char first_shard[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                                  "\"c\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[2,6]}}";
static const char second_shard[] =
    "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";

static void put_shards(const char *index)
{
    folder_empty(&place);
    folder_put_safetensors(&place, "m-1.safetensors", first_shard, 6);
    folder_put_safetensors(&place, "m-2.safetensors", second_shard, 8);
    folder_put_text(&place, index_name, index);
}

#define MAP(a, b, c)                                                                               \
    "{\"metadata\":{\"total_size\":14},\"weight_map\":{\"a\":" a ",\"b\":" b ",\"c\":" c "}}"
#define M1 "\"m-1.safetensors\""
#define M2 "\"m-2.safetensors\""

static void shards_are_one_model(void **state)
{
    (void)state;
    struct ori_error err = {0};
    const struct ori_tensor *tensor = NULL;
    put_shards(MAP(M1, M2, M1));
    struct ori_weights *weights = must_open();
    assert_int_equal(ori_weights_count(weights), 3);
    assert_int_equal(ori_weights_parameters(weights), 4);
    assert_int_equal(ori_weights_find(weights, "b", (const int64_t[]){2}, 1, &tensor, &err),
                     ORI_OK);
    assert_int_equal(*(const uint8_t *)tensor->data, 0);
    assert_int_equal(ori_weights_find(weights, "c", (const int64_t[]){2}, 1, &tensor, &err),
                     ORI_OK);
    assert_int_equal(*(const uint8_t *)tensor->data, 2);
    ori_weights_close(&weights);
    folder_put_safetensors(&place, "model.safetensors", plain, 22); /* then the one file it is */
    weights = must_open();
    assert_non_null(ori_weights_look(weights, "ids"));
    ori_weights_close(&weights);
}

static void an_index_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *index;
        ori_status expected;
        const char *words;
    } rows[] = {
        {"", ORI_BAD_MODEL, "not JSON"},
        {"[]", ORI_BAD_MODEL, "not a JSON object"},
        {"{}", ORI_BAD_MODEL, "no object weight_map"},
        {"{\"weight_map\":[]}", ORI_BAD_MODEL, "no object weight_map"},
        {"{\"weight_map\":{}}", ORI_BAD_MODEL, "names no tensor"},
        {"{\"weight_map\":{\"a\":" M1 ",\"a\":" M2 "}}", ORI_BAD_MODEL, "not JSON: duplicate"},
        {MAP(M1, M2, "1"), ORI_BAD_MODEL, "tensor c: \"(no text)\" is not the name"},
        {MAP(M1, M2, "null"), ORI_BAD_MODEL, "tensor c: \"(no text)\" is not the name"},
        {MAP(M1, M2, "\"\""), ORI_BAD_MODEL, "tensor c: \"\" is not the name"},
        {MAP(M1, M2, "\".safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"..\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"./m-1.safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"../m-1.safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"x/../m-1.safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"/etc/m-1.safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"m-1.safetensors/\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"pytorch_model.bin\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"m\\n.safetensors\""), ORI_BAD_MODEL, "is not the name"},
        {MAP(M1, M2, "\"m-3.safetensors\""), ORI_MODEL_MISSING, "m-3.safetensors"},
        {MAP(M1, M2, M2), ORI_BAD_MODEL,
         "tensor c is in m-1.safetensors, but by the index in m-2.safetensors"},
        {MAP(M1, M1, M1), ORI_BAD_MODEL, "tensor b is not in m-1.safetensors"},
        {MAP(M2, M1, M2), ORI_BAD_MODEL, "but by the index in"},
        {"{\"weight_map\":{\"a\":" M1 ",\"b\":" M2 "}}", ORI_BAD_MODEL,
         "tensor c is in m-1.safetensors, but by the index in none"},
        {"{\"weight_map\":{\"a\":" M1 ",\"b\":" M2 ",\"c\":" M1 ",\"d\":" M2 "}}", ORI_BAD_MODEL,
         "tensor d is not in m-2.safetensors"},
        {"{\"metadata\":[[[[[[[[0]]]]]]]],\"weight_map\":{\"a\":" M1 "}}", ORI_LIMIT,
         "deeper than"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_shards(rows[i].index);
        must_refuse(rows[i].expected, rows[i].words);
    }
    put_shards(MAP(M1, M2, M1));
    folder_put_safetensors(&place, "m-2.safetensors", first_shard, 6); /* a and c again */
    must_refuse(ORI_BAD_MODEL, "is in two files");
    put_shards(MAP(M1, M2, M1));
    folder_put_safetensors(&place, "m-2.safetensors", second_shard, 7);
    must_refuse(ORI_BAD_MODEL, "m-2.safetensors: tensor b");
}

static void shards_and_their_list_have_a_size(void **state)
{
    (void)state;
    struct ori_buf index;
    ori_buf_init(&index, ORI_LIMIT_MAX_MODEL_INDEX_BYTES + 1);
    for (int more = 0; more < 2; more++) {
        ori_buf_clear(&index);
        for (int i = 0; i < ORI_LIMIT_MAX_MODEL_SHARDS + more; i++)
            ori_buf_printf(&index, "%s\"t%d\":\"%d.safetensors\"", i ? "," : "{\"weight_map\":{", i,
                           i);
        ori_buf_add_text(&index, "}}");
        put_shards(ori_buf_text(&index));
        must_refuse(more ? ORI_LIMIT : ORI_MODEL_MISSING, more ? "more than 256" : "0.safetensors");
    }
    for (int more = 0; more < 2; more++) {
        ori_buf_clear(&index);
        ori_buf_add_text(&index, MAP(M1, M2, M1));
        while (index.used < (size_t)(ORI_LIMIT_MAX_MODEL_INDEX_BYTES + more))
            ori_buf_add(&index, " ", 1);
        put_shards(ori_buf_text(&index));
        if (more) {
            must_refuse(ORI_LIMIT, "more than 16777216 bytes");
        } else {
            struct ori_weights *weights = must_open();
            ori_weights_close(&weights);
        }
    }
    for (int more = 0; more < 2; more++) {
        ori_buf_clear(&index);
        for (int i = 0; i < ORI_LIMIT_MAX_MODEL_TENSORS + more; i++)
            ori_buf_printf(&index, "%s\"t%d\":\"9.safetensors\"", i ? "," : "{\"weight_map\":{", i);
        ori_buf_add_text(&index, "}}");
        put_shards(ori_buf_text(&index));
        must_refuse(more ? ORI_LIMIT : ORI_MODEL_MISSING,
                    more ? "more than 65536 tensors" : "9.safetensors");
    }
    ori_buf_deinit(&index);
}

/* Two files that are fine alone, with more tensors than a model may have. */
static void tensors_of_all_shards_are_counted(void **state)
{
    (void)state;
    struct ori_buf header;
    ori_buf_init(&header, 16 << 20);
    for (int more = 0; more < 2; more++) {
        folder_empty(&place);
        ori_buf_clear(&header);
        for (int i = 1; i < ORI_LIMIT_MAX_MODEL_TENSORS + more; i++)
            ori_buf_printf(&header,
                           "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                           i > 1 ? "," : "{", i);
        ori_buf_add_text(&header, "}");
        folder_put_safetensors(&place, "m-1.safetensors", ori_buf_text(&header), 0);
        folder_put_safetensors(&place, "m-2.safetensors", second_shard, 8);
        folder_put_text(&place, index_name, "{\"weight_map\":{\"1\":" M1 ",\"b\":" M2 "}}");
        must_refuse(more ? ORI_LIMIT : ORI_BAD_MODEL,
                    more ? "more than 65536 tensors" : "but by the index in none");
    }
    ori_buf_deinit(&header);
}

/* By the description in weights.h, for a file of less than 64 KiB: size, hash of the header, the
 * file, 4 KiB at 256 steps, the file. */
static void digest_small_file(const uint8_t *file, size_t bytes, size_t header_bytes,
                              char ret_digest[ORI_WEIGHTS_DIGEST_BYTES])
{
    struct ori_hash *hash = NULL;
    uint8_t digest[ORI_HASH_BYTES_MAX];
    uint64_t size = bytes;
    assert_int_equal(ori_hash_of(ORI_HASH_SHA256, file, 8 + header_bytes, digest, NULL), ORI_OK);
    assert_int_equal(ori_hash_create(ORI_HASH_SHA256, &hash, NULL), ORI_OK);
    assert_int_equal(ori_hash_add(hash, &size, 8, NULL), ORI_OK);
    assert_int_equal(ori_hash_add(hash, digest, 32, NULL), ORI_OK);
    assert_int_equal(ori_hash_add(hash, file, bytes, NULL), ORI_OK);
    for (size_t i = 0; i < 256; i++) {
        size_t at = bytes / 256 * i;
        size_t part = bytes - at < 4096 ? bytes - at : 4096;
        assert_int_equal(ori_hash_add(hash, file + at, part, NULL), ORI_OK);
    }
    assert_int_equal(ori_hash_add(hash, file, bytes, NULL), ORI_OK);
    assert_int_equal(ori_hash_finish(hash, digest, NULL), ORI_OK);
    ori_hash_destroy(&hash);
    ori_hash_hex(digest, 8, ret_digest);
}

static void digest_of_place(char ret_digest[ORI_WEIGHTS_DIGEST_BYTES])
{
    struct ori_error err = {0};
    struct ori_weights *weights = must_open();
    assert_int_equal(ori_weights_digest(weights, ret_digest, &err), ORI_OK);
    assert_int_equal(strlen(ret_digest), ORI_WEIGHTS_DIGEST_BYTES - 1);
    ori_weights_close(&weights);
}

static void the_digest_is_the_files(void **state)
{
    (void)state;
    char expected[ORI_WEIGHTS_DIGEST_BYTES];
    char digest[ORI_WEIGHTS_DIGEST_BYTES];
    size_t bytes = 0;
    uint8_t *file = safetensors_make(plain, 22, &bytes);
    digest_small_file(file, bytes, strlen(plain), expected);
    folder_empty(&place);
    folder_put(&place, "model.safetensors", file, bytes);
    digest_of_place(digest);
    assert_string_equal(digest, expected);
    for (size_t i = 0; i < 22; i++) { /* any byte of a small file counts */
        file[bytes - 22 + i] ^= 1;
        folder_put(&place, "model.safetensors", file, bytes);
        digest_of_place(digest);
        assert_string_not_equal(digest, expected);
        file[bytes - 22 + i] ^= 1;
    }
    free(file);
}

/* Beginning, end and samples of a large file; and whoever shortens it is told. */
static void the_digest_samples_a_large_file(void **state)
{
    (void)state;
    enum { DATA = 8 << 20 };
    static const char header[] = "{\"t\":{\"dtype\":\"U8\",\"shape\":[8388608],\"data_offsets\":"
                                 "[0,8388608]}}";
    struct ori_error err = {0};
    char before[ORI_WEIGHTS_DIGEST_BYTES];
    char after[ORI_WEIGHTS_DIGEST_BYTES];
    folder_empty(&place);
    folder_put_safetensors(&place, "model.safetensors", header, DATA);
    digest_of_place(before);
    int fd = openat(place.fd, "model.safetensors", O_RDWR | O_CLOEXEC);
    const off_t step = (8 + (off_t)strlen(header) + DATA) / 256;
    const off_t places[] = {
        8 + (off_t)strlen(header), 65535,        100 * step,
        255 * step + 4095,         DATA - 65000, DATA + 8 + (off_t)strlen(header) - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint8_t byte = 0;
        uint8_t other = 0;
        assert_int_equal(pread(fd, &byte, 1, places[i]), 1);
        other = byte ^ 0x80;
        assert_int_equal(pwrite(fd, &other, 1, places[i]), 1);
        digest_of_place(after);
        assert_string_not_equal(before, after);
        assert_int_equal(pwrite(fd, &byte, 1, places[i]), 1);
        digest_of_place(after);
        assert_string_equal(before, after);
    }
    struct ori_weights *weights = must_open();
    assert_int_equal(ori_weights_check(weights, &err), ORI_OK);
    assert_int_equal(ftruncate(fd, DATA), 0);
    assert_int_equal(ori_weights_check(weights, &err), ORI_IO);
    err = (struct ori_error){0};
    assert_int_equal(ori_weights_digest(weights, after, &err), ORI_IO);
    assert_non_null(strstr(err.text, "model.safetensors"));
    ori_weights_close(&weights);
    close(fd);
}

static void the_digest_of_shards(void **state)
{
    (void)state;
    char before[ORI_WEIGHTS_DIGEST_BYTES];
    char after[ORI_WEIGHTS_DIGEST_BYTES];
    put_shards(MAP(M1, M2, M1));
    digest_of_place(before);
    put_shards("{\"weight_map\":{\"c\":" M1 ",\"b\":" M2 ",\"a\":" M1 "}}"); /* another order */
    digest_of_place(after);
    assert_string_equal(before, after);
    folder_put_safetensors(&place, "m-2.safetensors",
                           "{\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}", 8);
    digest_of_place(after);
    assert_string_not_equal(before, after);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *entries = opendir("/proc/self/fd");
    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count;
}

static void nothing_stays_open(void **state)
{
    (void)state;
    int before = count_descriptors();
    put_shards(MAP(M1, M2, M1));
    struct ori_weights *weights = must_open();
    ori_weights_close(&weights);
    put_shards(MAP(M1, M2, M2));
    must_refuse(ORI_BAD_MODEL, "tensor c");
    put_shards("{");
    must_refuse(ORI_BAD_MODEL, "not JSON");
    folder_empty(&place);
    must_refuse(ORI_MODEL_MISSING, "no model");
    assert_int_equal(count_descriptors(), before);
}

static int make_place(void **state)
{
    (void)state;
    place = folder_make();
    return 0;
}

static int drop_place(void **state)
{
    (void)state;
    folder_drop(&place);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found_by_name),
        cmocka_unit_test(what_a_tensor_must_be_is_asked),
        cmocka_unit_test(every_half_is_widened_exactly),
        cmocka_unit_test(a_part_of_a_tensor_is_read),
        cmocka_unit_test(a_folder_without_weights_says_so),
        cmocka_unit_test(links_out_of_the_folder_are_followed),
        cmocka_unit_test(shards_are_one_model),
        cmocka_unit_test(an_index_that_lies_is_refused),
        cmocka_unit_test(shards_and_their_list_have_a_size),
        cmocka_unit_test(tensors_of_all_shards_are_counted),
        cmocka_unit_test(the_digest_is_the_files),
        cmocka_unit_test(the_digest_samples_a_large_file),
        cmocka_unit_test(the_digest_of_shards),
        cmocka_unit_test(nothing_stays_open),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
