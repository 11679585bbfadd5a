/* The n-th allocation fails, for every n: each comes back as ORI_NOMEM, nothing leaks, and the call
 * that meets no failure still works. By nomem.h. */
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

#include "cli/args.h"
#include "config/settings.h"
#include "log/log.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/queue.h"
#include "nomem.h"

static char env_path[64];

static ori_status load_settings(struct ori_error *err)
{
    const struct ori_settings *settings = NULL;
    static const char *const environment[] = {"VP_SCENE_TRESH=1", "API_KEY=k", "VP_OUTPUT_DIR=o",
                                              NULL};
    struct ori_settings_sources sources = {.environment = environment, .env_file = env_path};
    ori_status status = ori_settings_load(&sources, &settings, err);
    assert_int_equal(status == ORI_OK, settings != NULL);
    ori_settings_destroy(&settings);
    return status;
}

static ori_status parse_arguments(struct ori_error *err)
{
    static const struct ori_cli_option options[] = {{.name = "image", .kind = ORI_CLI_LIST}};
    static const struct ori_verb verb = {.options = options, .options_count = 1, .operands_max = 9};
    char word[] = "a";
    char option[] = "--image";
    char *argv[] = {word, option, word, word};
    struct ori_cli_values values = {0};
    ori_status status = ori_args_parse(&verb, 4, argv, &values, err);
    ori_args_deinit(&values);
    return status;
}

static ori_status read_and_write_files(struct ori_error *err)
{
    char *path = NULL;
    char *data = NULL;
    size_t bytes = 0;
    ori_status status = ori_fs_join("/proc/self", "status", &path, err);
    if (status == ORI_OK)
        status = ori_fs_read_file(AT_FDCWD, env_path, 1000, &data, &bytes, err);
    free(data);
    free(path);
    return status;
}

static ori_status make_queue_and_log(struct ori_error *err)
{
    struct ori_queue *queue = NULL;
    struct ori_log log = {0};
    ori_status status = ori_queue_create(10, 10, NULL, &queue, err);
    if (status == ORI_OK)
        status = ori_log_sink_create(STDERR_FILENO, ORI_LOG_ERROR, ORI_LOG_JSON, &log.sink, err);
    ori_log_sink_destroy(&log.sink);
    ori_queue_destroy(&queue);
    return status;
}

static ori_status hash_bytes(struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    return ori_hash_of(ORI_HASH_SHA256, "abc", 3, digest, err);
}

/* A line that cannot be built is lost, and its caller does not notice. */
static ori_status log_a_line(struct ori_error *err)
{
    struct ori_log log = {0};
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ori_status status = ori_log_sink_create(fd, ORI_LOG_INFO, ORI_LOG_JSON, &log.sink, err);
    if (status == ORI_OK) {
        ori_log_event(&log, ORI_LOG_INFO, "a.b", ORI_LOG_FIELDS(ori_log_text("k", "v w")));
        ori_log_say(&log, "%s", "text");
        if (has_failed)
            status = ori_error_set(err, ORI_NOMEM, "swallowed as it should be");
    }
    ori_log_sink_destroy(&log.sink);
    close(fd);
    return status;
}

static void every_failed_allocation_comes_back(void **state)
{
    (void)state;
    static ori_status (*const calls[])(struct ori_error * err) = {
        load_settings,      parse_arguments, read_and_write_files,
        make_queue_and_log, hash_bytes,      log_a_line,
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct ori_error first = {0};
        assert_int_equal(calls[i](&first), ORI_OK); /* libraries set themselves up */
        long n = 0;
        for (;; n++) {
            struct ori_error err = {0};
            long before = live;
            nomem_begin(n, is_once);
            ori_status status = calls[i](&err);
            nomem_end();
            assert_int_equal(live, before);
            if (!has_failed) {
                assert_int_equal(status, ORI_OK);
                break;
            }
            assert_int_equal(status, ORI_NOMEM);
            assert_int_equal(err.status, ORI_NOMEM);
            assert_true(err.text[0]);
            assert_true(n < 10000);
        }
        print_message("call %zu: %ld allocations\n", i, n);
        assert_true(n > 0 || calls[i] == hash_bytes); /* libcrypto's are its own */
    }
}

static int write_env_file(void **state)
{
    (void)state;
    static const char text[] = "VP_MIN_FRAMES=5\nVP_MAXWORKERS=2\n";
    snprintf(env_path, sizeof env_path, "/tmp/oriane-env-XXXXXX");
    int fd = mkstemp(env_path);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
        return -1;
    return close(fd);
}

static int remove_env_file(void **state)
{
    (void)state;
    return unlink(env_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_comes_back)};
    return cmocka_run_group_tests(tests, write_env_file, remove_env_file);
}
