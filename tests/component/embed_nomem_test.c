/* The n-th allocation fails, for every n, and all later ones or it alone: opening a model's folder
 * comes back as ORI_NOMEM, nothing stays allocated, open or mapped, and the call that meets no
 * failure still works. By nomem.h. jansson's and libcrypto's own
 * allocations are not among them. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed/model_config.h"
#include "embed/weights.h"
#include "nomem.h"

static char folder[64];

static void put(const char *name, const void *head, size_t head_bytes, const char *text,
                size_t text_bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(head, 1, head_bytes, file), head_bytes);
    assert_int_equal(fwrite(text, 1, text_bytes, file), text_bytes);
    assert_int_equal(fclose(file), 0);
}

/* Behind the header as many of its own bytes as the tensors say they have. */
static void put_safetensors(const char *name, const char *header, size_t data_bytes)
{
    char text[1000];
    uint64_t length = strlen(header);
    snprintf(text, sizeof text, "%s%s", header, header);
    put(name, &length, sizeof length, text, length + data_bytes);
}

static void take(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static const char single_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";
static const char first_header[] =
    "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
    "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]}}";
static const char second_header[] =
    "{\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
static const char index_text[] = "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":"
                                 "\"m-1.safetensors\",\"c\":\"m-2.safetensors\"}}";

static ori_status open_weights(struct ori_error *err)
{
    struct ori_weights *weights = NULL;
    char digest[ORI_WEIGHTS_DIGEST_BYTES];
    ori_status status = ori_weights_open(folder, &weights, err);
    assert_int_equal(status == ORI_OK, weights != NULL);
    if (status == ORI_OK)
        status = ori_weights_digest(weights, digest, err);
    ori_weights_close(&weights);
    return status;
}

static ori_status load_config(struct ori_error *err)
{
    struct ori_model_config config = {0};
    ori_status status = ori_model_config_load(folder, &config, err);
    assert_int_equal(status == ORI_OK, config.dim == 512);
    return status;
}

static long count_entries(const char *path)
{
    char line[4096];
    long count = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, ".safetensors") != NULL;
    fclose(file);
    return count;
}

static int next_descriptor(void)
{
    int fd = dup(STDIN_FILENO);
    close(fd);
    return fd;
}

static void fail_each(ori_status (*call)(struct ori_error *err), long least)
{
    struct ori_error first = {0};
    assert_int_equal(call(&first), ORI_OK); /* libraries set themselves up */
    int descriptor = next_descriptor();
    long n = 0;
    for (;; n++) {
        struct ori_error err = {0};
        long before = live;
        nomem_begin(n, is_once);
        ori_status status = call(&err);
        nomem_end();
        assert_int_equal(live, before);
        assert_int_equal(next_descriptor(), descriptor);
        assert_int_equal(count_entries("/proc/self/maps"), 0);
        if (!has_failed) {
            assert_int_equal(status, ORI_OK);
            break;
        }
        assert_int_equal(status, ORI_NOMEM);
        assert_int_equal(err.status, ORI_NOMEM);
        assert_true(err.text[0]);
        assert_true(n < 1000);
    }
    print_message("%ld allocations\n", n);
    assert_true(n >= least);
}

static void every_failed_allocation_comes_back(void **state)
{
    (void)state;
    for (int once = 0; once < 2; once++) {
        is_once = once;
        put_safetensors(single_name, first_header, 7);
        fail_each(open_weights, 8);
        take(single_name);
        put_safetensors("m-1.safetensors", first_header, 7);
        put_safetensors("m-2.safetensors", second_header, 4);
        put(index_name, "", 0, index_text, strlen(index_text));
        fail_each(open_weights, 14);
        put("config.json", "", 0, "{\"model_type\":\"clip\"}", 21);
        put("preprocessor_config.json", "", 0, "{\"size\":224}", 12);
        fail_each(load_config, 2);
    }
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/oriane-model-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    static const char *const names[] = {single_name,       index_name,
                                        "m-1.safetensors", "m-2.safetensors",
                                        "config.json",     "preprocessor_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        take(names[i]);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_comes_back),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
