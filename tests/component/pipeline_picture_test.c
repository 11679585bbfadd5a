/* A picture from outside, with a child that plays scripts: every way it can end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/picture.h"
#include "pipeline_actor.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct ori_model_info model = {
    .side = 64, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = 64, .dim = 512};
static char path[64];

static const struct ori_settings *load_settings(enum ori_setting setting, const char *text)
{
    const struct ori_settings *settings = NULL;
    struct ori_error err = {0};
    struct ori_setting_flag flag = {setting, text};
    struct ori_settings_sources sources = {.flags = &flag, .flags_count = 1};
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
    return settings;
}

static void write_script(const char *script)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
}

static ori_status load(const struct ori_settings *settings, const struct ori_cancel *cancel,
                       uint8_t **input)
{
    struct ori_error err = {0};
    struct ori_picture_request request = {.path = path, .settings = settings, .model = &model};
    ori_status status = ori_picture_load(&request, cancel, input, &err);
    assert_int_equal(status, err.status);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return status;
}

static void ends(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        ori_status status;
    } rows[] = {
        {"picture 9\ndone\n", ORI_OK},
        {"need\ninfo\nwarning\npicture 9\ndone\n", ORI_OK},
        {"picture 9\n", ORI_CHILD_PROTOCOL},
        {"done\n", ORI_CHILD_PROTOCOL},
        {"picture 9\npicture 9\ndone\n", ORI_CHILD_PROTOCOL},
        {"info\nframe 0 1\n", ORI_CHILD_PROTOCOL},
        {"picture 9\nfail\n", ORI_DECODE},
        {"picture 9\ncrash\n", ORI_CHILD_CRASHED},
        {"fail\n", ORI_DECODE},
        {"quit\n", ORI_CHILD_PROTOCOL},
        {"nonsense\n", ORI_CHILD_PROTOCOL},
        {"", ORI_EMPTY_FILE},
    };
    const struct ori_settings *settings = load_settings(ORI_SETTING_VP_BATCH_SIZE, "1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t *input = NULL;
        write_script(rows[i].script);
        print_message("%zu\n", i);
        assert_int_equal(load(settings, NULL, &input), rows[i].status);
        assert_int_equal(input != NULL, rows[i].status == ORI_OK);
        for (size_t at = 0; input && at < 3 * 64 * 64; at++)
            assert_int_equal(input[at], 9);
        free(input);
    }
    ori_settings_destroy(&settings);
}

static void thumb_ends(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        ori_status status;
    } rows[] = {
        {"thumb 9\ndone\n", ORI_OK},
        {"need\ninfo\nwarning\nthumb 9\ndone\n", ORI_OK},
        {"thumb 9\n", ORI_CHILD_PROTOCOL},
        {"done\n", ORI_CHILD_PROTOCOL},
        {"thumb 9\nthumb 9\ndone\n", ORI_CHILD_PROTOCOL},
        {"picture 9\ndone\n", ORI_CHILD_PROTOCOL},
        {"thumb 9\nfail\n", ORI_DECODE},
        {"thumb 9\ncrash\n", ORI_CHILD_CRASHED},
        {"quit\n", ORI_CHILD_PROTOCOL},
    };
    const struct ori_settings *settings = load_settings(ORI_SETTING_VP_BATCH_SIZE, "1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {0};
        struct ori_picture_request request = {.path = path, .settings = settings};
        uint8_t *jpeg = NULL;
        size_t bytes = 0;
        write_script(rows[i].script);
        print_message("%zu\n", i);
        assert_int_equal(ori_picture_thumb(&request, 16, NULL, &jpeg, &bytes, &err),
                         rows[i].status);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(jpeg != NULL, rows[i].status == ORI_OK);
        assert_int_equal(bytes, jpeg ? 100 : 0);
        for (size_t at = 0; at < bytes; at++)
            assert_int_equal(jpeg[at], 9);
        free(jpeg);
    }
    ori_settings_destroy(&settings);
}

static void limits_of_bytes_and_time(void **state)
{
    (void)state;
    const struct ori_settings *bytes = load_settings(ORI_SETTING_VP_MAX_BYTES, "15");
    const struct ori_settings *hasty = load_settings(ORI_SETTING_VP_ITEM_TIMEOUT, "1");
    uint8_t *input = NULL;
    write_script("picture 9\ndone\n"); /* 15 bytes */
    assert_int_equal(load(bytes, NULL, &input), ORI_OK);
    free(input);
    input = NULL;
    write_script("picture 10\ndone\n");
    assert_int_equal(load(bytes, NULL, &input), ORI_LIMIT);
    write_script("hang\n");
    assert_int_equal(load(hasty, NULL, &input), ORI_TIMEOUT);
    write_script("flood\n");
    assert_int_equal(load(hasty, NULL, &input), ORI_TIMEOUT);
    assert_null(input);
    ori_settings_destroy(&bytes);
    ori_settings_destroy(&hasty);
}

static void *set_token(void *self)
{
    (void)!ori_cancel_wait(NULL, 20);
    ori_cancel_set(self);
    return NULL;
}

static void cancelled(void **state)
{
    (void)state;
    const struct ori_settings *settings = load_settings(ORI_SETTING_VP_BATCH_SIZE, "1");
    struct ori_cancel cancel;
    struct ori_error err = {0};
    pthread_t thread;
    uint8_t *input = NULL;
    write_script("picture 9\nhang\n");
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    assert_int_equal(pthread_create(&thread, NULL, set_token, &cancel), 0);
    assert_int_equal(load(settings, &cancel, &input), ORI_CANCELLED);
    assert_null(input);
    pthread_join(thread, NULL);
    ori_cancel_deinit(&cancel);
    ori_settings_destroy(&settings);
}

/* What this machine has too little of for the moment is no picture's fault; a disk's error is. */
static void whose_fault(void **state)
{
    (void)state;
    static const struct {
        ori_status status;
        int native;
        bool is_pictures;
    } rows[] = {
        {ORI_IO, EIO, true},           {ORI_IO, 0, true},          {ORI_IO, EMFILE, false},
        {ORI_IO, ENFILE, false},       {ORI_IO, EAGAIN, false},    {ORI_IO, ENOBUFS, false},
        {ORI_NOMEM, ENOMEM, false},    {ORI_BAD_PICTURE, 0, true}, {ORI_CHILD_CRASHED, 9, false},
        {ORI_CHILD_CRASHED, 11, true}, {ORI_STORE, 0, false},      {ORI_CANCELLED, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ori_error err = {.status = rows[i].status, .native = rows[i].native};
        assert_int_equal(ori_picture_is_at_fault(rows[i].status, &err), rows[i].is_pictures);
    }
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/oriane-picture-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(int argc, char **argv)
{
    if (actor_is_called(argc, argv))
        return actor_play();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
        cmocka_unit_test(thumb_ends),
        cmocka_unit_test(limits_of_bytes_and_time),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(whose_fault),
    };
    return cmocka_run_group_tests(tests, make_path, drop_path);
}
