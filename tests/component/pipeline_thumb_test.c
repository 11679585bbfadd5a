/* Thumbs, and pictures that are a part of a file, by the real decode child: this program again. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/still.h"
#include "pipeline/extract.h"
#include "pipeline/picture.h"
#include "util/fs.h"
#include "util/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { ROOM = 4 << 20 };

static const struct ori_settings *settings;
static const struct ori_model_info model = {
    .side = 32, .fit = ORI_MODEL_FIT_SQUASH, .resize_side = 32, .dim = 512};

struct file {
    uint8_t *data;
    size_t bytes;
};

/* Red grows to the right, green downwards, blue is the same everywhere. */
static struct ori_rgb picture_of(int width, int height)
{
    struct ori_rgb image = {malloc((size_t)width * (size_t)height * 3), 3 * (ptrdiff_t)width, width,
                            height};
    assert_non_null(image.data);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.data + y * image.stride + 3 * (ptrdiff_t)x;
            p[0] = (uint8_t)(255 * x / width);
            p[1] = (uint8_t)(255 * y / height);
            p[2] = 77;
        }
    }
    return image;
}

static struct file encode(int width, int height, enum ori_still_format format)
{
    struct ori_error err = {0};
    struct ori_rgb image = picture_of(width, height);
    struct file file = {.data = malloc(ROOM)};
    assert_non_null(file.data);
    assert_int_equal(ori_still_encode(&image, format, 95, file.data, ROOM, &file.bytes, &err),
                     ORI_OK);
    free(image.data);
    return file;
}

/* A file with before bytes of something else around the picture. */
static int fd_of(const struct file *file, size_t before, size_t after)
{
    struct ori_error err = {0};
    uint8_t *noise = malloc(before + after + 1);
    assert_non_null(noise);
    memset(noise, 0xA5, before + after + 1);
    int fd = memfd_create("picture", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ori_fs_write_all(fd, noise, before, &err), ORI_OK);
    assert_int_equal(ori_fs_write_all(fd, file->data, file->bytes, &err), ORI_OK);
    assert_int_equal(ori_fs_write_all(fd, noise, after, &err), ORI_OK);
    free(noise);
    return fd;
}

static ori_status thumb_of_part(int fd, int64_t offset, int64_t bytes, int side,
                                const struct ori_cancel *cancel, struct file *ret_jpeg)
{
    struct ori_error err = {0};
    struct ori_picture_request request = {
        .fd = fd, .offset = offset, .bytes = bytes, .settings = settings};
    ori_status status =
        ori_picture_thumb(&request, side, cancel, &ret_jpeg->data, &ret_jpeg->bytes, &err);
    assert_int_equal(status, err.status);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return status;
}

static struct ori_rgb decode(const struct file *file)
{
    struct ori_error err = {0};
    struct ori_rgb image = {0};
    int fd = fd_of(file, 0, 0);
    struct ori_source source = {.fd = fd, .size = (int64_t)file->bytes};
    assert_int_equal(ori_still_decode(&source, INT64_C(1) << 26, &image, &err), ORI_OK);
    close(fd);
    return image;
}

/* Is the small picture the large one, seen from farther away? */
static void check_colours(const struct ori_rgb *image)
{
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            const uint8_t *p = image->data + y * image->stride + 3 * (ptrdiff_t)x;
            assert_in_range(p[0] + 40, 255 * x / image->width + 10,
                            255 * (x + 1) / image->width + 70);
            assert_in_range(p[1] + 40, 255 * y / image->height + 10,
                            255 * (y + 1) / image->height + 70);
            assert_in_range(p[2], 77 - 30, 77 + 30);
        }
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        enum ori_still_format format;
        int side;
        int thumb_width, thumb_height;
    } rows[] = {
        {640, 360, ORI_STILL_PNG, 320, 320, 180},       {360, 640, ORI_STILL_JPEG, 320, 180, 320},
        {640, 360, ORI_STILL_WEBP, 16, 16, 9},          {200, 100, ORI_STILL_PNG, 200, 200, 100},
        {201, 100, ORI_STILL_PNG, 200, 200, 100},       {199, 100, ORI_STILL_PNG, 200, 199, 100},
        {64, 48, ORI_STILL_JPEG, 1024, 64, 48},         {1, 1, ORI_STILL_PNG, 16, 1, 1},
        {3000, 2, ORI_STILL_PNG, 100, 100, 1},          {2, 3000, ORI_STILL_PNG, 16, 1, 16},
        {1500, 1500, ORI_STILL_WEBP, 1024, 1024, 1024},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file file = encode(rows[i].width, rows[i].height, rows[i].format);
        struct file jpeg = {0};
        int fd = fd_of(&file, 0, 0);
        assert_int_equal(thumb_of_part(fd, 0, (int64_t)file.bytes, rows[i].side, NULL, &jpeg),
                         ORI_OK);
        assert_memory_equal(jpeg.data, "\xFF\xD8\xFF", 3);
        struct ori_rgb image = decode(&jpeg);
        assert_int_equal(image.width, rows[i].thumb_width);
        assert_int_equal(image.height, rows[i].thumb_height);
        if (image.width > 2 && image.height > 2)
            check_colours(&image);
        close(fd);
        free(image.data);
        free(jpeg.data);
        free(file.data);
    }
}

static void parts_are_the_same_as_files(void **state)
{
    (void)state;
    struct file file = encode(300, 200, ORI_STILL_PNG);
    struct file alone = {0};
    struct file inside = {0};
    uint8_t *input_alone = NULL;
    uint8_t *input_inside = NULL;
    struct ori_error err = {0};
    int fd_alone = fd_of(&file, 0, 0);
    int fd_inside = fd_of(&file, 1234567, 999);
    assert_int_equal(lseek(fd_inside, 17, SEEK_SET), 17);
    assert_int_equal(thumb_of_part(fd_alone, 0, (int64_t)file.bytes, 64, NULL, &alone), ORI_OK);
    assert_int_equal(thumb_of_part(fd_inside, 1234567, (int64_t)file.bytes, 64, NULL, &inside),
                     ORI_OK);
    assert_int_equal(alone.bytes, inside.bytes);
    assert_memory_equal(alone.data, inside.data, alone.bytes);

    struct ori_picture_request request = {
        .fd = fd_alone, .bytes = (int64_t)file.bytes, .settings = settings, .model = &model};
    assert_int_equal(ori_picture_load(&request, NULL, &input_alone, &err), ORI_OK);
    request.fd = fd_inside;
    request.offset = 1234567;
    assert_int_equal(ori_picture_load(&request, NULL, &input_inside, &err), ORI_OK);
    assert_memory_equal(input_alone, input_inside, 3 * 32 * 32);
    assert_int_equal(lseek(fd_inside, 0, SEEK_CUR), 17);
    free(input_alone);
    free(input_inside);
    free(alone.data);
    free(inside.data);
    free(file.data);
    close(fd_alone);
    close(fd_inside);
}

static void parts_that_are_not_there(void **state)
{
    (void)state;
    struct file file = encode(30, 20, ORI_STILL_PNG);
    int64_t bytes = (int64_t)file.bytes;
    int fd = fd_of(&file, 10, 0);
    int ends[2];
    int sparse = memfd_create("sparse", MFD_CLOEXEC);
    const struct {
        int64_t offset;
        int64_t bytes;
        ori_status status;
    } rows[] = {
        {10, bytes, ORI_OK},      {10, bytes + 1, ORI_IO},        {11, bytes, ORI_IO},
        {10 + bytes, 1, ORI_IO},  {INT64_MAX, INT64_MAX, ORI_IO}, {-1, bytes, ORI_IO},
        {10, -1, ORI_IO},         {10, 0, ORI_EMPTY_FILE},        {9, bytes, ORI_BAD_PICTURE},
        {10, 4, ORI_BAD_PICTURE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file jpeg = {0};
        print_message("%zu\n", i);
        assert_int_equal(thumb_of_part(fd, rows[i].offset, rows[i].bytes, 16, NULL, &jpeg),
                         rows[i].status);
        assert_int_equal(jpeg.data != NULL, rows[i].status == ORI_OK);
        free(jpeg.data);
    }
    struct file none = {0};
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(thumb_of_part(ends[0], 0, 5, 16, NULL, &none), ORI_NOT_A_FILE);
    assert_int_equal(ftruncate(sparse, ORI_LIMIT_MAX_PICTURE_BYTES + 1), 0);
    assert_int_equal(
        thumb_of_part(sparse, 0, INT64_C(1) + ORI_LIMIT_MAX_PICTURE_BYTES, 16, NULL, &none),
        ORI_LIMIT);
    assert_int_equal(thumb_of_part(sparse, 1, ORI_LIMIT_MAX_PICTURE_BYTES, 16, NULL, &none),
                     ORI_BAD_PICTURE);
    assert_null(none.data);
    close(ends[0]);
    close(ends[1]);
    close(sparse);
    close(fd);
    free(file.data);
}

static void with_setting(enum ori_setting setting, const char *text)
{
    struct ori_error err = {0};
    struct ori_setting_flag flag = {setting, text};
    struct ori_settings_sources sources = {.flags = &flag, .flags_count = 1};
    ori_settings_destroy(&settings);
    assert_int_equal(ori_settings_load(&sources, &settings, &err), ORI_OK);
}

static void limits_of_the_settings(void **state)
{
    (void)state;
    struct file file = encode(64, 16, ORI_STILL_PNG); /* 1024 pixels */
    struct file wider = encode(65, 16, ORI_STILL_PNG);
    struct file jpeg = {0};
    char text[32];
    int fd = fd_of(&file, 0, 0);
    int fd_wider = fd_of(&wider, 0, 0);
    with_setting(ORI_SETTING_VP_MAX_PIXELS, "1024");
    assert_int_equal(thumb_of_part(fd, 0, (int64_t)file.bytes, 16, NULL, &jpeg), ORI_OK);
    free(jpeg.data);
    assert_int_equal(thumb_of_part(fd_wider, 0, (int64_t)wider.bytes, 16, NULL, &jpeg), ORI_LIMIT);
    snprintf(text, sizeof text, "%zu", file.bytes);
    with_setting(ORI_SETTING_VP_MAX_BYTES, text);
    assert_int_equal(thumb_of_part(fd, 0, (int64_t)file.bytes, 16, NULL, &jpeg), ORI_OK);
    free(jpeg.data);
    snprintf(text, sizeof text, "%zu", file.bytes - 1);
    with_setting(ORI_SETTING_VP_MAX_BYTES, text);
    assert_int_equal(thumb_of_part(fd, 0, (int64_t)file.bytes, 16, NULL, &jpeg), ORI_LIMIT);
    with_setting(ORI_SETTING_VP_BATCH_SIZE, "1");
    close(fd);
    close(fd_wider);
    free(file.data);
    free(wider.data);
}

static void cancelled_before(void **state)
{
    (void)state;
    struct file file = encode(64, 16, ORI_STILL_PNG);
    struct file jpeg = {0};
    struct ori_cancel cancel;
    struct ori_error err = {0};
    int fd = fd_of(&file, 0, 0);
    assert_int_equal(ori_cancel_init(&cancel, NULL, &err), ORI_OK);
    ori_cancel_set(&cancel);
    assert_int_equal(thumb_of_part(fd, 0, (int64_t)file.bytes, 16, &cancel, &jpeg), ORI_CANCELLED);
    assert_null(jpeg.data);
    ori_cancel_deinit(&cancel);
    close(fd);
    free(file.data);
}

/* What may come of a damaged picture: a thumb of what is left of it, or a plain no. */
static void check_damaged(const struct file *file)
{
    struct file jpeg = {0};
    int fd = fd_of(file, 0, 0);
    ori_status status = thumb_of_part(fd, 0, (int64_t)file->bytes, 48, NULL, &jpeg);
    if (status == ORI_OK) {
        struct ori_rgb image = decode(&jpeg);
        assert_in_range(image.width, 1, 48);
        assert_in_range(image.height, 1, 48);
        free(image.data);
    } else {
        assert_true(status == ORI_BAD_PICTURE || status == ORI_LIMIT || status == ORI_NOMEM ||
                    status == ORI_UNSUPPORTED);
        assert_null(jpeg.data);
    }
    free(jpeg.data);
    close(fd);
}

static uint32_t next_random(uint32_t *seed) /* Numerical Recipes' generator */
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void damaged_pictures(void **state)
{
    (void)state;
    uint32_t seed = 20240229;
    for (int format = ORI_STILL_PNG; format <= ORI_STILL_WEBP; format++) {
        struct file whole = encode(96, 64, (enum ori_still_format)format);
        for (int i = 0; i < 12; i++) { /* cut off anywhere */
            struct file cut = {whole.data, 1 + next_random(&seed) % (whole.bytes - 1)};
            check_damaged(&cut);
        }
        for (int i = 0; i < 24; i++) { /* some bytes are others */
            struct file bad = {malloc(whole.bytes), whole.bytes};
            assert_non_null(bad.data);
            memcpy(bad.data, whole.data, whole.bytes);
            for (int changes = i % 6; changes >= 0; changes--) {
                size_t at = next_random(&seed) % (i % 2 ? whole.bytes : 64);
                bad.data[at % whole.bytes] = (uint8_t)next_random(&seed);
            }
            check_damaged(&bad);
            free(bad.data);
        }
        free(whole.data);
    }
}

static void garbage(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\x89PNG\r\n\x1a\n", "\xFF\xD8\xFF\xE0", "RIFF", "GIF89a", "<svg>", ""};
    uint32_t seed = 7;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        uint8_t bytes[5000];
        struct file jpeg = {0};
        for (size_t at = 0; at < sizeof bytes; at++)
            bytes[at] = (uint8_t)next_random(&seed);
        memcpy(bytes, heads[i], strlen(heads[i]));
        struct file file = {bytes, sizeof bytes};
        int fd = fd_of(&file, 0, 0);
        assert_int_equal(thumb_of_part(fd, 0, sizeof bytes, 16, NULL, &jpeg), ORI_BAD_PICTURE);
        close(fd);
    }
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static int before;

static int begin(void **state)
{
    (void)state;
    before = open_descriptors();
    with_setting(ORI_SETTING_VP_BATCH_SIZE, "1");
    return 0;
}

static int end(void **state)
{
    (void)state;
    ori_settings_destroy(&settings);
    return open_descriptors() != before;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "decode") == 0)
        return ori_extract_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(parts_are_the_same_as_files),
        cmocka_unit_test(parts_that_are_not_there),
        cmocka_unit_test(limits_of_the_settings),
        cmocka_unit_test(cancelled_before),
        cmocka_unit_test(damaged_pictures),
        cmocka_unit_test(garbage),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
