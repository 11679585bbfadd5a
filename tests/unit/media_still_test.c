

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

#include "media/still.h"
#include "util/limits.h"

enum { ROOM = 1 << 20 };

/* A smooth picture, so that lossy formats stay near it. */
static struct ori_rgb picture_create(int width, int height)
{
    struct ori_rgb image = {malloc((size_t)width * (size_t)height * 3), 3 * (ptrdiff_t)width, width,
                            height};
    assert_non_null(image.data);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.data + y * image.stride + 3 * x;
            p[0] = (uint8_t)(40 + 100 * x / (width < 64 ? 64 : width));
            p[1] = (uint8_t)(60 + 100 * y / (height < 64 ? 64 : height));
            p[2] = 90;
        }
    }
    return image;
}

static struct ori_source source_of(const void *data, size_t bytes)
{
    int fd = memfd_create("still", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), bytes);
    return (struct ori_source){.fd = fd, .size = (int64_t)bytes};
}

static ori_status decode(const void *data, size_t bytes, int64_t pixels_max,
                         struct ori_rgb *ret_image, struct ori_error *err)
{
    struct ori_source source = source_of(data, bytes);
    ori_status status = ori_still_decode(&source, pixels_max, ret_image, err);
    close(source.fd);
    return status;
}

static int largest_difference(const struct ori_rgb *a, const struct ori_rgb *b)
{
    int largest = 0;
    for (int y = 0; y < a->height; y++) {
        for (int i = 0; i < 3 * a->width; i++) {
            int difference = abs(a->data[y * a->stride + i] - b->data[y * b->stride + i]);
            largest = difference > largest ? difference : largest;
        }
    }
    return largest;
}

struct format_case {
    enum ori_still_format format;
    int quality;
    int tolerance;
    const char *extension;
    const char *type;
};
static const struct format_case formats[] = {
    {ORI_STILL_PNG, 0, 0, "png", "image/png"},
    {ORI_STILL_JPEG, 90, 8, "jpg", "image/jpeg"},
    {ORI_STILL_WEBP, 90, 16, "webp", "image/webp"},
};

static void test_there_and_back(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 5}, {64, 48}, {161, 121}};
    uint8_t *data = malloc(ROOM);
    uint8_t *again = malloc(ROOM);
    for (size_t i = 0; i < 12; i++) {
        const struct format_case *f = &formats[i % 3];
        struct ori_rgb image = picture_create(sizes[i / 3][0], sizes[i / 3][1]);
        struct ori_rgb back = {0};
        struct ori_error err = {0};
        size_t bytes = 0;
        size_t bytes_again = 0;
        assert_int_equal(ori_still_encode(&image, f->format, f->quality, data, ROOM, &bytes, &err),
                         ORI_OK);
        assert_int_equal(
            ori_still_encode(&image, f->format, f->quality, again, ROOM, &bytes_again, &err),
            ORI_OK);
        assert_int_equal(bytes, bytes_again);
        assert_memory_equal(data, again, bytes);
        assert_int_equal(decode(data, bytes, 1 << 20, &back, &err), ORI_OK);
        assert_int_equal(back.width, image.width);
        assert_int_equal(back.height, image.height);
        assert_true(largest_difference(&image, &back) <= f->tolerance);
        assert_string_equal(ori_still_extension(f->format), f->extension);
        assert_string_equal(ori_still_content_type(f->format), f->type);
        free(image.data);
        free(back.data);
    }
    free(data);
    free(again);
}

/* A row gap is not part of the picture. */
static void test_stride(void **state)
{
    (void)state;
    struct ori_rgb whole = picture_create(32, 8);
    struct ori_rgb part = {whole.data + 3 * 4, whole.stride, 20, 8};
    struct ori_rgb back = {0};
    struct ori_error err = {0};
    uint8_t data[8192];
    size_t bytes = 0;
    assert_int_equal(ori_still_encode(&part, ORI_STILL_PNG, 0, data, sizeof data, &bytes, &err),
                     ORI_OK);
    assert_int_equal(decode(data, bytes, 160, &back, &err), ORI_OK);
    assert_int_equal(largest_difference(&part, &back), 0);
    free(whole.data);
    free(back.data);
}

/* Exactly enough room is enough; one byte less is a limit, and nothing behind it is touched. */
static void test_room(void **state)
{
    (void)state;
    struct ori_rgb image = picture_create(64, 48);
    uint8_t *data = malloc(ROOM);
    for (size_t i = 0; i < 3; i++) {
        struct ori_error err = {0};
        size_t bytes = 0;
        size_t same = 0;
        assert_int_equal(ori_still_encode(&image, formats[i].format, 90, data, ROOM, &bytes, &err),
                         ORI_OK);
        if (formats[i].format == ORI_STILL_JPEG) /* libjpeg asks for room before it needs it */
            bytes += 1024;
        memset(data, 0xA5, ROOM);
        assert_int_equal(ori_still_encode(&image, formats[i].format, 90, data, bytes, &same, &err),
                         ORI_OK);
        bytes = same;
        memset(data, 0xA5, ROOM);
        assert_int_equal(
            ori_still_encode(&image, formats[i].format, 90, data, bytes - 1, &same, &err),
            ORI_LIMIT);
        assert_int_equal(err.status, ORI_LIMIT);
        assert_int_equal(data[bytes - 1], 0xA5);
        assert_int_equal(ori_still_encode(&image, formats[i].format, 90, data, 0, &same, NULL),
                         ORI_LIMIT);
    }
    free(data);
    free(image.data);
}

static void test_sides(void **state)
{
    (void)state;
    static const struct {
        enum ori_still_format format;
        int most;
    } rows[] = {
        {ORI_STILL_PNG, ORI_LIMIT_MAX_PNG_SIDE},
        {ORI_STILL_JPEG, ORI_LIMIT_MAX_JPEG_SIDE},
        {ORI_STILL_WEBP, ORI_LIMIT_MAX_WEBP_SIDE},
    };
    uint8_t *data = malloc(8 * ROOM);
    for (size_t i = 0; i < 3; i++) {
        struct ori_error err = {0};
        size_t bytes = 0;
        struct ori_rgb image = picture_create(rows[i].most + 1, 1);
        assert_int_equal(ori_still_encode(&image, rows[i].format, 50, data, 8 * ROOM, &bytes, &err),
                         ORI_LIMIT);
        image.width--;
        assert_int_equal(ori_still_encode(&image, rows[i].format, 50, data, 8 * ROOM, &bytes, NULL),
                         ORI_OK);
        free(image.data);
    }
    free(data);
}

/* The pixel limit at N and at N + 1, and files that end too early. */
static void test_limits_and_torn_files(void **state)
{
    (void)state;
    struct ori_rgb image = picture_create(60, 50);
    uint8_t *data = malloc(ROOM);
    for (size_t i = 0; i < 3; i++) {
        struct ori_rgb back = {0};
        struct ori_error err = {0};
        size_t bytes = 0;
        assert_int_equal(ori_still_encode(&image, formats[i].format, 90, data, ROOM, &bytes, &err),
                         ORI_OK);
        assert_int_equal(decode(data, bytes, 3000, &back, &err), ORI_OK);
        free(back.data);
        back.data = NULL;
        assert_int_equal(decode(data, bytes, 2999, &back, &err), ORI_LIMIT);
        for (size_t cut = 1; cut < bytes - 12; cut += 1 + bytes / 97) {
            ori_status status = decode(data, cut, 3000, &back, NULL);
            if (status != ORI_BAD_PICTURE)
                fail_msg("%s cut at %zu: %s", formats[i].extension, cut, ori_status_code(status));
        }
        assert_null(back.data);
    }
    free(data);
    free(image.data);
}

/* Flipped bytes give a picture or a status, never more (the sanitizer builds look on). */
static void test_damaged_files(void **state)
{
    (void)state;
    struct ori_rgb image = picture_create(40, 30);
    uint8_t *data = malloc(ROOM);
    uint8_t *bad = malloc(ROOM);
    uint32_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        size_t bytes = 0;
        struct ori_rgb back = {0};
        assert_int_equal(
            ori_still_encode(&image, formats[i % 3].format, 80, data, ROOM, &bytes, NULL), ORI_OK);
        memcpy(bad, data, bytes);
        for (int k = 0; k < 1 + i % 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            bad[(seed >> 8) % bytes] ^= (uint8_t)(1 + (seed >> 24) % 255);
        }
        ori_status status = decode(bad, bytes, 1 << 16, &back, NULL);
        assert_true(status == ORI_OK || status == ORI_BAD_PICTURE || status == ORI_LIMIT);
        assert_true((status == ORI_OK) == (back.data != NULL));
        free(back.data);
    }
    free(data);
    free(bad);
    free(image.data);
}

static void test_not_pictures(void **state)
{
    (void)state;
    struct ori_rgb back = {0};
    struct ori_error err = {0};
    assert_int_equal(decode("", 0, 100, &back, &err), ORI_EMPTY_FILE);
    assert_int_equal(decode("GIF89a", 6, 100, &back, NULL), ORI_BAD_PICTURE);
    assert_int_equal(decode("\xff\xd8\xff", 3, 100, &back, NULL), ORI_BAD_PICTURE);
    assert_int_equal(decode("RIFF\4\0\0\0WEBP", 12, 100, &back, NULL), ORI_BAD_PICTURE);
    struct ori_source big = source_of("", 0);
    big.size = ORI_LIMIT_MAX_PICTURE_BYTES + 1LL;
    assert_int_equal(ori_still_decode(&big, 100, &back, NULL), ORI_LIMIT);
    big.size = ORI_LIMIT_MAX_PICTURE_BYTES; /* let in, and found to be shorter than it said */
    assert_int_equal(ori_still_decode(&big, 100, &back, NULL), ORI_IO);
    close(big.fd);
    assert_null(back.data);
}

struct png_case {
    const char *name;
    png_uint_32 format;
    uint8_t pixels[16]; /* 2 x 1, in native order */
    uint8_t expected[6];
};
static const struct png_case pngs[] = {
    {"grey", PNG_FORMAT_GRAY, {10, 200}, {10, 10, 10, 200, 200, 200}},
    {"grey and alpha", PNG_FORMAT_GA, {10, 0, 200, 255}, {10, 10, 10, 200, 200, 200}},
    {"alpha", PNG_FORMAT_RGBA, {1, 2, 3, 0, 4, 5, 6, 128}, {1, 2, 3, 4, 5, 6}},
};

static void test_kinds_of_png(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pngs / sizeof *pngs; i++) {
        png_image png = {
            .version = PNG_IMAGE_VERSION, .width = 2, .height = 1, .format = pngs[i].format};
        uint8_t data[1024];
        png_alloc_size_t bytes = sizeof data;
        struct ori_rgb back = {0};
        struct ori_error err = {0};
        assert_true(png_image_write_to_memory(&png, data, &bytes, 0, pngs[i].pixels, 0, NULL));
        assert_int_equal(decode(data, bytes, 2, &back, &err), ORI_OK);
        if (memcmp(back.data, pngs[i].expected, 6) != 0)
            fail_msg("%s", pngs[i].name);
        free(back.data);
    }
}

/* A grey JPEG has equal channels; Adobe's CMYK is inverted. */
static void test_kinds_of_jpeg(void **state)
{
    (void)state;
    static const struct {
        J_COLOR_SPACE space;
        int components;
        uint8_t pixel[4];
        uint8_t expected[3];
    } rows[] = {
        {JCS_GRAYSCALE, 1, {77}, {77, 77, 77}},
        {JCS_CMYK, 4, {255, 128, 0, 255}, {255, 128, 0}},
        {JCS_CMYK, 4, {255, 128, 0, 128}, {128, 64, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct jpeg_compress_struct encoder;
        struct jpeg_error_mgr manager;
        unsigned char *data = NULL;
        unsigned long bytes = 0;
        uint8_t row[16 * 4];
        JSAMPROW rows_of[1] = {row};
        for (int k = 0; k < 16 * rows[i].components; k++)
            row[k] = rows[i].pixel[k % rows[i].components];
        encoder.err = jpeg_std_error(&manager);
        jpeg_create_compress(&encoder);
        jpeg_mem_dest(&encoder, &data, &bytes);
        encoder.image_width = 16;
        encoder.image_height = 16;
        encoder.input_components = rows[i].components;
        encoder.in_color_space = rows[i].space;
        jpeg_set_defaults(&encoder);
        jpeg_set_quality(&encoder, 100, TRUE);
        jpeg_start_compress(&encoder, TRUE);
        while (encoder.next_scanline < 16)
            jpeg_write_scanlines(&encoder, rows_of, 1);
        jpeg_finish_compress(&encoder);
        jpeg_destroy_compress(&encoder);
        struct ori_rgb back = {0};
        struct ori_error err = {0};
        assert_int_equal(decode(data, bytes, 256, &back, &err), ORI_OK);
        for (int c = 0; c < 3; c++)
            assert_in_range(back.data[c] + 2, rows[i].expected[c], rows[i].expected[c] + 4);
        free(back.data);
        free(data);
    }
}

struct out {
    uint8_t data[256];
    size_t used;
};

static void write_out(png_structp png, png_bytep data, size_t bytes)
{
    struct out *out = png_get_io_ptr(png);
    assert_true(bytes <= sizeof out->data - out->used);
    memcpy(out->data + out->used, data, bytes);
    out->used += bytes;
}

static void flush_out(png_structp png)
{
    (void)png;
}

static uint8_t *make_empty_png(png_uint_32 width, png_uint_32 height, size_t *ret_bytes)
{
    struct out out = {.used = 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_write_fn(png, &out, write_out, flush_out);
    png_set_IHDR(png, info, width, height, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    png_destroy_write_struct(&png, &info);
    static const uint8_t head[] = {0, 0, 0, 4, 'I', 'D', 'A', 'T', 0x78, 1};
    memcpy(out.data + out.used, head, sizeof head);
    uint8_t *exact = malloc(out.used + sizeof head);
    assert_non_null(exact);
    memcpy(exact, out.data, out.used + sizeof head);
    *ret_bytes = out.used + sizeof head;
    return exact;
}

/* A PNG that promises so many pixels and holds none; the check sum of its header is right. */
static void test_sides_of_a_png(void **state)
{
    (void)state;
    static const struct {
        png_uint_32 width, height;
        int64_t pixels_max;
        ori_status status;
    } rows[] = {
        {ORI_LIMIT_MAX_PNG_SIDE, 1, ORI_LIMIT_MAX_PNG_SIDE, ORI_OK},
        {1, ORI_LIMIT_MAX_PNG_SIDE, ORI_LIMIT_MAX_PNG_SIDE, ORI_OK},
        {ORI_LIMIT_MAX_PNG_SIDE + 1, 1, INT64_MAX, ORI_LIMIT},
        {1, ORI_LIMIT_MAX_PNG_SIDE + 1, INT64_MAX, ORI_LIMIT},
        {ORI_LIMIT_MAX_PNG_SIDE, 1, ORI_LIMIT_MAX_PNG_SIDE - 1, ORI_LIMIT},
        {PNG_UINT_31_MAX, 1, INT64_MAX, ORI_LIMIT},
        {PNG_UINT_31_MAX, PNG_UINT_31_MAX, 100, ORI_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ori_rgb back = {0};
        size_t bytes = 0;
        uint8_t *data = make_empty_png(rows[i].width, rows[i].height, &bytes);
        ori_status status = decode(data, bytes, rows[i].pixels_max, &back, NULL);
        /* let in, it turns out to be cut off */
        if (status != (rows[i].status == ORI_OK ? ORI_BAD_PICTURE : rows[i].status))
            fail_msg("row %zu: %s", i, ori_status_code(status));
        free(data);
    }
}

struct file {
    uint8_t data[16384];
    size_t used;
};

static void put(struct file *file, const void *data, size_t bytes)
{
    assert_true(bytes <= sizeof file->data - file->used);
    memcpy(file->data + file->used, data, bytes);
    file->used += bytes;
}

static void put_number(struct file *file, uint32_t value, int width)
{
    for (int i = 0; i < width; i++)
        put(file, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

struct moving_case {
    int canvas_width, canvas_height;
    uint32_t x, y; /* in units of 2 pixels */
    size_t frame_bytes_max;
    ori_status status;
};

/* A moving WebP of one picture: the chunk of a plain one in a frame of its own. */
static struct file make_moving(const struct moving_case *c, const uint8_t *chunk, size_t bytes)
{
    struct file file = {0};
    bytes = bytes < c->frame_bytes_max ? bytes : c->frame_bytes_max;
    put(&file, "RIFF", 4);
    put_number(&file, (uint32_t)(4 + 18 + 14 + 8 + 16 + bytes), 4);
    put(&file, "WEBPVP8X\x0a\0\0\0\x02\0\0\0", 16);
    put_number(&file, (uint32_t)c->canvas_width - 1, 3);
    put_number(&file, (uint32_t)c->canvas_height - 1, 3);
    put(&file, "ANIM\x06\0\0\0\xff\xff\xff\xff\0\0ANMF", 18);
    put_number(&file, (uint32_t)(16 + bytes), 4);
    put_number(&file, c->x, 3);
    put_number(&file, c->y, 3);
    put_number(&file, 39, 3);
    put_number(&file, 29, 3);
    put_number(&file, 100, 4); /* milliseconds, and no flags */
    put(&file, chunk, bytes);
    return file;
}

static void check_moving_picture(const struct ori_rgb *frame, const struct ori_rgb *all,
                                 const struct moving_case *c)
{
    for (int y = 0; y < all->height; y++) {
        for (int x = 0; x < all->width; x++) {
            static const uint8_t black[3] = {0, 0, 0};
            int from_x = x - 2 * (int)c->x;
            int from_y = y - 2 * (int)c->y;
            bool is_inside =
                from_x >= 0 && from_x < frame->width && from_y >= 0 && from_y < frame->height;
            const uint8_t *expected =
                is_inside ? frame->data + from_y * frame->stride + 3 * (ptrdiff_t)from_x : black;
            assert_memory_equal(all->data + y * all->stride + 3 * (ptrdiff_t)x, expected, 3);
        }
    }
}

/* The first picture of a moving WebP, at its place on a canvas of black. Places past the edge, and
 * frames that are none. */
static void test_moving_webp(void **state)
{
    (void)state;
    enum { PIXELS_MAX = 50 * 40, WHOLE = 1 << 20 };
    static const struct moving_case cases[] = {
        {50, 40, 5, 5, WHOLE, ORI_OK},
        {50, 40, 0, 2, WHOLE, ORI_OK},
        {40, 30, 0, 0, WHOLE, ORI_OK},
        {50, 40, 6, 5, WHOLE, ORI_BAD_PICTURE},
        {50, 40, 5, 6, WHOLE, ORI_BAD_PICTURE},
        {50, 40, 25, 0, WHOLE, ORI_BAD_PICTURE},
        {50, 40, 0xFFFFFF, 0, WHOLE, ORI_BAD_PICTURE},
        {50, 40, 0, 0xFFFFFF, WHOLE, ORI_BAD_PICTURE},
        {39, 40, 0, 0, WHOLE, ORI_BAD_PICTURE},
        {51, 40, 5, 5, WHOLE, ORI_LIMIT},
        {1 << 24, 1 << 7, 5, 5, WHOLE, ORI_LIMIT},
        {50, 40, 5, 5, 0, ORI_BAD_PICTURE},
        {50, 40, 5, 5, 1, ORI_BAD_PICTURE},
        {50, 40, 5, 5, 20, ORI_BAD_PICTURE},
        {50, 40, 5, 5, 100, ORI_BAD_PICTURE},
    };
    struct ori_rgb image = picture_create(40, 30);
    struct ori_rgb plain = {0};
    uint8_t data[8192];
    size_t bytes = 0;
    uint32_t seed = 11;
    assert_int_equal(ori_still_encode(&image, ORI_STILL_WEBP, 90, data, sizeof data, &bytes, NULL),
                     ORI_OK);
    assert_int_equal(decode(data, bytes, PIXELS_MAX, &plain, NULL), ORI_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ori_rgb back = {0};
        struct file file = make_moving(&cases[i], data + 12, bytes - 12);
        ori_status status = decode(file.data, file.used, PIXELS_MAX, &back, NULL);
        if (status != cases[i].status)
            fail_msg("case %zu: %s", i, ori_status_code(status));
        if (status == ORI_OK)
            check_moving_picture(&plain, &back, &cases[i]);
        free(back.data);
    }
    struct file inside = make_moving(&cases[0], data + 12, bytes - 12);
    struct file nested = make_moving(&cases[0], inside.data, inside.used);
    struct ori_rgb back = {0};
    assert_int_equal(decode(nested.data, nested.used, PIXELS_MAX, &back, NULL), ORI_BAD_PICTURE);
    for (int i = 0; i < 2000; i++) {
        struct file bad = inside;
        for (int k = 0; k < 1 + i % 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            bad.data[(seed >> 8) % (i % 2 ? 80 : bad.used)] = (uint8_t)(seed >> 24);
        }
        ori_status status = decode(bad.data, bad.used - (size_t)(i % 5), PIXELS_MAX, &back, NULL);
        assert_true(status == ORI_OK || status == ORI_BAD_PICTURE || status == ORI_LIMIT);
        free(back.data);
        back.data = NULL;
    }
    free(plain.data);
    free(image.data);
}

/* An EXIF block that turns the picture, behind the header of a PNG; the pixel limit holds for the
 * turned picture as it did before. */
static void test_upright(void **state)
{
    (void)state;
    static const char chunk[] = "\0\0\0\x1a"
                                "eXIfII*\0\x08\0\0\0\x01\0"
                                "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
                                "\0\0\0\0"
                                "\xb7\x48\x11\x29";
    enum { HEAD = 33 };
    struct ori_rgb image = picture_create(7, 5);
    struct ori_rgb back = {0};
    struct ori_error err = {0};
    uint8_t data[4096];
    size_t bytes = 0;
    assert_int_equal(ori_still_encode(&image, ORI_STILL_PNG, 0, data, sizeof data, &bytes, &err),
                     ORI_OK);
    memmove(data + HEAD + sizeof chunk - 1, data + HEAD, bytes - HEAD);
    memcpy(data + HEAD, chunk, sizeof chunk - 1);
    bytes += sizeof chunk - 1;
    assert_int_equal(decode(data, bytes, 34, &back, NULL), ORI_LIMIT);
    assert_int_equal(decode(data, bytes, 35, &back, &err), ORI_OK);
    assert_int_equal(back.width, 5);
    assert_int_equal(back.height, 7);
    for (int y = 0; y < 7; y++) {
        for (int x = 0; x < 5; x++)
            assert_memory_equal(back.data + y * back.stride + 3 * (ptrdiff_t)x,
                                image.data + (4 - x) * image.stride + 3 * (ptrdiff_t)y, 3);
    }
    free(image.data);
    free(back.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_stride),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_sides),
        cmocka_unit_test(test_limits_and_torn_files),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_not_pictures),
        cmocka_unit_test(test_kinds_of_png),
        cmocka_unit_test(test_kinds_of_jpeg),
        cmocka_unit_test(test_sides_of_a_png),
        cmocka_unit_test(test_moving_webp),
        cmocka_unit_test(test_upright),
    };
    return cmocka_run_group_tests_name("media_still", tests, NULL, NULL);
}
