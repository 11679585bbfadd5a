#include "embed_folder.h"

#include <sys/stat.h>

#include "embed/safetensors.h"
#include "util/buf.h"
#include "util/limits.h"

static const char name[] = "model.safetensors";
static struct folder place;

/* Everything a file says lies inside it: each tensor's data are read. */
static void check_tensors(const struct ori_safetensors *file)
{
    const uint8_t *first = file->map + file->header_bytes;
    const uint8_t *past = file->map + file->bytes;
    unsigned sum = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct ori_tensor *tensor = &file->tensors[i];
        const uint8_t *data = tensor->data;
        size_t elements = 1;
        assert_true(tensor->name[0] && strlen(tensor->name) <= ORI_LIMIT_MAX_TENSOR_NAME_BYTES);
        assert_in_range(tensor->dims, 0, ORI_TENSOR_DIMS_MAX);
        for (int k = 0; k < tensor->dims; k++)
            elements *= (size_t)tensor->shape[k];
        assert_int_equal(elements, tensor->elements);
        assert_true(data >= first && data <= past);
        if (tensor->dtype == ORI_DTYPE_OTHER)
            continue;
        size_t bytes = elements * (tensor->dtype == ORI_DTYPE_F32 ? 4 : 2);
        assert_true(bytes <= (size_t)(past - data));
        for (size_t k = 0; k < bytes; k++)
            sum += data[k];
    }
    assert_true(sum < 0xFFFFFFFFU);
}

static ori_status try_file(struct ori_error *err)
{
    struct ori_safetensors file = {.fd = -1};
    ori_status status = ori_safetensors_open(place.fd, name, &file, err);
    assert_int_equal(status, err->status);
    if (status == ORI_OK) {
        check_tensors(&file);
        assert_int_equal(ori_safetensors_check(&file, err), ORI_OK);
    } else {
        assert_int_equal(file.fd, -1);
        assert_non_null(strstr(err->text, name)); /* a person learns which file */
    }
    ori_safetensors_close(&file);
    return status;
}

static ori_status try_header(const char *header, size_t data_bytes, struct ori_error *err)
{
    folder_put_safetensors(&place, name, header, data_bytes);
    return try_file(err);
}

static const char plain[] = "{\"b.weight\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":"
                            "[0,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":"
                            "[12,20]}}";

static void a_good_file_is_understood(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_safetensors file = {.fd = -1};
    folder_put_safetensors(&place, name, plain, 20);
    assert_int_equal(ori_safetensors_open(place.fd, name, &file, &err), ORI_OK);
    assert_int_equal(file.count, 2);
    assert_string_equal(file.tensors[0].name, "b.weight");
    assert_int_equal(file.tensors[0].dtype, ORI_DTYPE_F16);
    assert_int_equal(file.tensors[0].dims, 2);
    assert_int_equal(file.tensors[0].shape[0], 2);
    assert_int_equal(file.tensors[0].shape[1], 3);
    assert_int_equal(file.tensors[0].elements, 6);
    assert_int_equal(*(const uint8_t *)file.tensors[0].data, 0);
    assert_string_equal(file.tensors[1].name, "a");
    assert_int_equal(file.tensors[1].dtype, ORI_DTYPE_F32);
    assert_int_equal(*(const uint8_t *)file.tensors[1].data, 12);
    ori_safetensors_close(&file);
    ori_safetensors_close(&file);
    ori_safetensors_close(NULL);
}

#define TENSOR(dtype, shape, offsets)                                                              \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define T "\"t\":"

struct row {
    const char *header;
    size_t data_bytes;
    ori_status expected;
    const char *words; /* in the message */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ori_error err = {0};
        ori_status status = try_header(rows[i].header, rows[i].data_bytes, &err);
        print_message("%s: %s\n", rows[i].header, status == ORI_OK ? "taken" : err.text);
        assert_int_equal(status, rows[i].expected);
        if (rows[i].words)
            assert_non_null(strstr(err.text, rows[i].words));
    }
}

static void what_the_format_allows_is_taken(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", 0, ORI_OK, NULL},
        {"{}      ", 0, ORI_OK, NULL},
        {"{\"__metadata__\":{}}", 0, ORI_OK, NULL},
        {"{\"__metadata__\":{\"format\":\"pt\"}," T TENSOR("F32", "[1]", "[0,4]") "}   ", 4, ORI_OK,
         NULL},
        {"{" T TENSOR("F32", "[]", "[0,4]") "}", 4, ORI_OK, NULL}, /* one number */
        {"{" T TENSOR("F32", "[0]", "[0,0]") "}", 0, ORI_OK, NULL},
        {"{" T TENSOR("F32", "[0,9223372036854775807,9]", "[0,0]") "}", 0, ORI_OK, NULL},
        {"{\"z\":" TENSOR("U8", "[4]", "[0,4]") ",\"a\":" TENSOR(
             "U8", "[0]", "[4,4]") ",\"b\":" TENSOR("U8", "[0,2]",
                                                    "[0,0]") ",\"c\":" TENSOR("U8", "[2]",
                                                                              "[4,6]") "}",
         6, ORI_OK, NULL},
        {"{\"z\":" TENSOR("U8", "[4]", "[2,6]") ",\"a\":" TENSOR("I8", "[2]", "[0,2]") "}", 6,
         ORI_OK, NULL},
        {"{" T TENSOR("F16", "[1,1,1,1,1,1,1,2]", "[0,4]") "}", 4, ORI_OK, NULL},
        {"{\"\\u0061\\u00e4\":" TENSOR("U8", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":null}}", 1, ORI_OK,
         NULL},
        {"{" T TENSOR("F64", "[1]", "[0,8]") "}", 8, ORI_OK, NULL},
        {"{" T TENSOR("I64", "[1]", "[0,8]") "}", 8, ORI_OK, NULL},
        {"{" T TENSOR("U64", "[1]", "[0,8]") "}", 8, ORI_OK, NULL},
        {"{" T TENSOR("C64", "[1]", "[0,8]") "}", 8, ORI_OK, NULL},
        {"{" T TENSOR("I32", "[1]", "[0,4]") "}", 4, ORI_OK, NULL},
        {"{" T TENSOR("U32", "[1]", "[0,4]") "}", 4, ORI_OK, NULL},
        {"{" T TENSOR("I16", "[1]", "[0,2]") "}", 2, ORI_OK, NULL},
        {"{" T TENSOR("U16", "[1]", "[0,2]") "}", 2, ORI_OK, NULL},
        {"{" T TENSOR("BF16", "[1]", "[0,2]") "}", 2, ORI_OK, NULL},
        {"{" T TENSOR("BOOL", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F8_E4M3", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F8_E5M2", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F8_E8M0", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F8_E4M3FNUZ", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F8_E5M2FNUZ", "[1]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F4", "[2]", "[0,1]") "}", 1, ORI_OK, NULL},
        {"{" T TENSOR("F6_E2M3", "[4]", "[0,3]") "}", 3, ORI_OK, NULL},
        {"{" T TENSOR("F6_E3M2", "[4]", "[0,3]") "}", 3, ORI_OK, NULL},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void what_it_does_not_allow_is_refused_by_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", 0, ORI_BAD_MODEL, "empty header"},
        {"[]", 0, ORI_BAD_MODEL, "begin with {"},
        {" {}", 0, ORI_BAD_MODEL, "begin with {"},
        {"{", 0, ORI_BAD_MODEL, "not JSON"},
        {"{}x", 0, ORI_BAD_MODEL, "not JSON"},
        {"{}{}", 0, ORI_BAD_MODEL, "not JSON"},
        {"{\"t\xFF\":1}", 0, ORI_BAD_MODEL, "not JSON"},
        {"{}", 1, ORI_BAD_MODEL, "1 bytes behind"},
        {"{" T "1}", 0, ORI_BAD_MODEL, "tensor t"},
        {"{" T "null}", 0, ORI_BAD_MODEL, "tensor t"},
        {"{" T "{}}", 0, ORI_BAD_MODEL, "dtype (none)"},
        {"{\"\":" TENSOR("U8", "[1]", "[0,1]") "}", 1, ORI_BAD_MODEL, "not a name"},
        {"{\"a\\nb\":" TENSOR("U8", "[1]", "[0,1]") "}", 1, ORI_BAD_MODEL, "not a name"},
        {"{\"a\\u0000b\":" TENSOR("U8", "[1]", "[0,1]") "}", 1, ORI_BAD_MODEL, "not JSON"},
        /* dtype */
        {"{" T TENSOR("F31", "[1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: dtype F31"},
        {"{" T TENSOR("f32", "[1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: dtype f32"},
        {"{" T TENSOR("", "[1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: dtype"},
        {"{" T "{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, ORI_BAD_MODEL, "dtype"},
        /* shape */
        {"{" T "{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "1", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[\"1\"]", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[1.0]", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[1e0]", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[-1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[-1,-1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "shape"},
        {"{" T TENSOR("F32", "[2]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: 4 bytes of data"},
        {"{" T TENSOR("F32", "[0]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: 4 bytes of data"},
        {"{" T TENSOR("F16", "[1]", "[0,4]") "}", 4, ORI_BAD_MODEL, "tensor t: 4 bytes of data"},
        {"{" T TENSOR("F4", "[3]", "[0,1]") "}", 1, ORI_BAD_MODEL,
         "tensor t: its shape and dtype fill no"},
        {"{" T TENSOR("U8", "[4294967296,4294967296,4]", "[0,4]") "}", 4, ORI_BAD_MODEL,
         "larger than any memory"},
        {"{" T TENSOR("U8", "[4294967296,4294967296,0]", "[0,0]") "}", 0, ORI_BAD_MODEL,
         "larger than any memory"},
        {"{" T TENSOR("F32", "[4611686018427387905]", "[0,4]") "}", 4, ORI_BAD_MODEL,
         "larger than any memory"}, /* 2^62 + 1: times 32 bits it would wrap to 32 */
        {"{" T TENSOR("F32", "[9223372036854775808]", "[0,4]") "}", 4, ORI_BAD_MODEL, "not JSON"},
        {"{" T TENSOR("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, ORI_LIMIT, "tensor t: more"},
        /* offsets */
        {"{" T "{\"dtype\":\"F32\",\"shape\":[1]}}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "4") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[0]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[0,4,4]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[0,4.0]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[-4,0]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[4,0]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[0,5]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[4,8]") "}", 4, ORI_BAD_MODEL, "tensor t: its data_off"},
        {"{" T TENSOR("F32", "[1]", "[9223372036854775803,9223372036854775807]") "}", 4,
         ORI_BAD_MODEL, "tensor t: its data_off"},
        /* places */
        {"{" T TENSOR("F32", "[1]", "[4,8]") "}", 8, ORI_BAD_MODEL, "tensor t: bytes before"},
        {"{" T TENSOR("F32", "[1]", "[0,4]") "}", 8, ORI_BAD_MODEL, "4 bytes behind"},
        {"{\"a\":" TENSOR("U8", "[4]", "[0,4]") "," T TENSOR("U8", "[4]", "[3,7]") "}", 7,
         ORI_BAD_MODEL, "tensor t: its data overlap those of tensor a"},
        {"{\"a\":" TENSOR("U8", "[4]", "[0,4]") "," T TENSOR("U8", "[4]", "[0,4]") "}", 4,
         ORI_BAD_MODEL, "overlap"},
        {"{\"a\":" TENSOR("U8", "[4]", "[0,4]") "," T TENSOR("U8", "[0]", "[2,2]") "}", 4,
         ORI_BAD_MODEL, "tensor t: its data overlap those of tensor a"},
        {"{\"a\":" TENSOR("U8", "[4]", "[0,4]") "," T TENSOR("U8", "[3]", "[5,8]") "}", 8,
         ORI_BAD_MODEL, "tensor t: bytes before"},
        /* keys twice */
        {"{" T TENSOR("U8", "[1]", "[0,1]") "," T TENSOR("U8", "[1]", "[1,2]") "}", 2,
         ORI_BAD_MODEL, "not JSON: duplicate"},
        {"{" T TENSOR("U8", "[1]", "[0,1]") ",\"\\u0074\":" TENSOR("U8", "[1]", "[1,2]") "}", 2,
         ORI_BAD_MODEL, "not JSON: duplicate"},
        {"{" T "{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         ORI_BAD_MODEL, "not JSON: duplicate"},
        /* metadata */
        {"{\"__metadata__\":1}", 0, ORI_BAD_MODEL, "__metadata__"},
        {"{\"__metadata__\":[\"a\"]}", 0, ORI_BAD_MODEL, "__metadata__"},
        {"{\"__metadata__\":{\"a\":1}}", 0, ORI_BAD_MODEL, "__metadata__"},
        {"{\"__metadata__\":{\"a\":{}}}", 0, ORI_BAD_MODEL, "__metadata__"},
        /* depth */
        {"{" T "{\"shape\":[[]]}}", 0, ORI_LIMIT, "deeper than 3"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, ORI_LIMIT, "deeper than 3"},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void a_message_steers_no_terminal(void **state)
{
    (void)state;
    struct ori_error err = {0};
    assert_int_equal(try_header("{\"a\\u001b[2J\":1}", 0, &err), ORI_BAD_MODEL);
    assert_null(strchr(err.text, '\x1b'));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *file = safetensors_make(plain, 20, &bytes);
    for (size_t kept = 0; kept < bytes; kept++) {
        struct ori_error err = {0};
        folder_put(&place, name, file, kept);
        assert_int_equal(try_file(&err), ORI_BAD_MODEL);
    }
    free(file);
}

/* Whatever stands in a byte, the file is refused or what it says is true of its bytes. */
static void every_byte_of_the_header_may_lie(void **state)
{
    (void)state;
    size_t bytes = 0;
    long taken = 0;
    uint8_t *file = safetensors_make(plain, 20, &bytes);
    folder_put(&place, name, file, bytes);
    int fd = openat(place.fd, name, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t at = 0; at < 8 + strlen(plain); at++) {
        for (int value = 0; value < 256; value++) {
            uint8_t byte = (uint8_t)value;
            struct ori_error err = {0};
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
            ori_status status = try_file(&err);
            assert_true(status == ORI_OK || status == ORI_BAD_MODEL || status == ORI_LIMIT);
            taken += status == ORI_OK;
        }
        assert_int_equal(pwrite(fd, &file[at], 1, (off_t)at), 1);
    }
    close(fd);
    free(file);
    print_message("%ld of %zu taken\n", taken, 256 * (8 + strlen(plain)));
    assert_true(taken > (long)strlen(plain)); /* other names, at least */
}

static void the_headers_length_may_lie(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *file = safetensors_make(plain, 20, &bytes);
    const uint64_t right = strlen(plain);
    const struct {
        uint64_t length;
        ori_status expected;
    } rows[] = {
        {0, ORI_BAD_MODEL},
        {1, ORI_BAD_MODEL},
        {right - 1, ORI_BAD_MODEL},
        {right, ORI_OK},
        {right + 1, ORI_BAD_MODEL},
        {right + 20, ORI_BAD_MODEL}, /* the whole file */
        {right + 21, ORI_BAD_MODEL},
        {ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES, ORI_BAD_MODEL},
        {ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES + 1, ORI_LIMIT},
        {UINT64_C(1) << 32, ORI_LIMIT},
        {(UINT64_C(1) << 32) + right, ORI_LIMIT},
        {UINT64_C(1) << 63, ORI_LIMIT},
        {UINT64_MAX - 7, ORI_LIMIT}, /* with its own 8 bytes: 0 */
        {UINT64_MAX, ORI_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        memcpy(file, &rows[i].length, 8);
        folder_put(&place, name, file, bytes);
        assert_int_equal(try_file(&err), rows[i].expected);
    }
    free(file);
}

/* One long header at the limit (of NULs, a hole in the file) and one past it. */
static void headers_have_a_size(void **state)
{
    (void)state;
    for (uint64_t more = 0; more < 2; more++) {
        struct ori_error err = {0};
        uint64_t length = ORI_LIMIT_MAX_SAFETENSORS_HEADER_BYTES + more;
        folder_put(&place, name, &length, sizeof length);
        int fd = openat(place.fd, name, O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, (off_t)(length + 8)), 0);
        close(fd);
        assert_int_equal(try_file(&err), more ? ORI_LIMIT : ORI_BAD_MODEL);
        assert_non_null(strstr(err.text, more ? "at most 100000000" : "begin with {"));
    }
}

static void tensors_and_values_are_counted(void **state)
{
    (void)state;
    struct ori_buf header;
    ori_buf_init(&header, 32 << 20);
    for (int more = 0; more < 2; more++) {
        struct ori_error err = {0};
        ori_buf_clear(&header);
        for (int i = 0; i < ORI_LIMIT_MAX_MODEL_TENSORS + more; i++)
            ori_buf_printf(&header, "%c\"%d\":" TENSOR("U8", "[0]", "[0,0]"), i ? ',' : '{', i);
        ori_buf_add_text(&header, "}");
        assert_int_equal(try_header(ori_buf_text(&header), 0, &err), more ? ORI_LIMIT : ORI_OK);
        if (more)
            assert_non_null(strstr(err.text, "more than 65536 tensors"));
    }
    for (int more = 0; more < 2; more++) { /* the shape's are too many in both */
        struct ori_error err = {0};
        ori_buf_clear(&header);
        ori_buf_add_text(&header, "{\"t\":{\"dtype\":\"U8\",\"shape\":[0");
        /* 1, two brackets and colons of t, colon of dtype, comma, colon and bracket of shape */
        for (int i = 8; i < ORI_LIMIT_MAX_SAFETENSORS_VALUES + more; i++)
            ori_buf_add_text(&header, ",0");
        ori_buf_add_text(&header, "]}}");
        assert_int_equal(try_header(ori_buf_text(&header), 0, &err), ORI_LIMIT);
        assert_non_null(strstr(err.text, more ? "more than 2097152 values" : "8 dimensions"));
    }
    ori_buf_deinit(&header);
}

static void names_have_a_length(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        char text[ORI_LIMIT_MAX_TENSOR_NAME_BYTES + 2];
        char header[sizeof text + 100];
        struct ori_error err = {0};
        memset(text, 'n', sizeof text);
        text[ORI_LIMIT_MAX_TENSOR_NAME_BYTES + more] = '\0';
        snprintf(header, sizeof header, "{\"%s\":" TENSOR("U8", "[1]", "[0,1]") "}", text);
        assert_int_equal(try_header(header, 1, &err), more ? ORI_LIMIT : ORI_OK);
    }
}

static void other_things_of_that_name(void **state)
{
    (void)state;
    struct ori_error err = {0};
    folder_empty(&place);
    assert_int_equal(try_file(&err), ORI_NOT_FOUND);
    err = (struct ori_error){0};
    assert_int_equal(mkdirat(place.fd, name, 0700), 0);
    assert_int_equal(try_file(&err), ORI_NOT_A_FILE);
    folder_empty(&place);
    err = (struct ori_error){0};
    assert_int_equal(mkfifoat(place.fd, name, 0600), 0); /* must not block */
    assert_int_equal(try_file(&err), ORI_NOT_A_FILE);
    folder_empty(&place);
    err = (struct ori_error){0};
    assert_int_equal(symlinkat(name, place.fd, name), 0);
    assert_int_equal(try_file(&err), ORI_DIRECTORY_LOOP);
    folder_empty(&place);
}

static void a_link_is_followed(void **state)
{
    (void)state;
    struct ori_error err = {0};
    folder_put_safetensors(&place, "blob", plain, 20);
    assert_int_equal(symlinkat("blob", place.fd, name), 0);
    assert_int_equal(try_file(&err), ORI_OK);
    folder_empty(&place);
}

static void a_file_that_changed_is_noticed(void **state)
{
    (void)state;
    struct ori_safetensors file = {.fd = -1};
    struct ori_error err = {0};
    folder_put_safetensors(&place, name, plain, 20);
    assert_int_equal(ori_safetensors_open(place.fd, name, &file, &err), ORI_OK);
    assert_int_equal(ori_safetensors_check(&file, &err), ORI_OK);
    int fd = openat(place.fd, name, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 20), 0);
    close(fd);
    assert_int_equal(ori_safetensors_check(&file, &err), ORI_IO);
    assert_non_null(strstr(err.text, name));
    ori_safetensors_close(&file);
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
        cmocka_unit_test(a_good_file_is_understood),
        cmocka_unit_test(what_the_format_allows_is_taken),
        cmocka_unit_test(what_it_does_not_allow_is_refused_by_name),
        cmocka_unit_test(a_message_steers_no_terminal),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_byte_of_the_header_may_lie),
        cmocka_unit_test(the_headers_length_may_lie),
        cmocka_unit_test(headers_have_a_size),
        cmocka_unit_test(tensors_and_values_are_counted),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(other_things_of_that_name),
        cmocka_unit_test(a_link_is_followed),
        cmocka_unit_test(a_file_that_changed_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
