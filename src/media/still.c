#include "media/still_priv.h"

#include <stdlib.h>
#include <string.h>

#include "media/exif_priv.h"
#include "media/orient_priv.h"
#include "util/limits.h"

struct format_row {
    const char *name;
    const char *extension;
    const char *content_type;
    int side_max;
};
static const struct format_row formats[] = {
    [ORI_STILL_PNG] = {"PNG", "png", "image/png", ORI_LIMIT_MAX_PNG_SIDE},
    [ORI_STILL_JPEG] = {"JPEG", "jpg", "image/jpeg", ORI_LIMIT_MAX_JPEG_SIDE},
    [ORI_STILL_WEBP] = {"WebP", "webp", "image/webp", ORI_LIMIT_MAX_WEBP_SIDE},
};

const char *ori_still_extension(enum ori_still_format format)
{
    return formats[format].extension;
}

const char *ori_still_content_type(enum ori_still_format format)
{
    return formats[format].content_type;
}

bool ori_still_sink_add(struct ori_still_sink *sink, const void *data, size_t bytes)
{
    if (bytes > sink->bytes_max - sink->used) {
        sink->is_full = true;
        return false;
    }
    memcpy(sink->data + sink->used, data, bytes);
    sink->used += bytes;
    return true;
}

static ori_status encode(const struct ori_rgb *image, enum ori_still_format format, int quality,
                         struct ori_still_sink *sink, struct ori_error *err)
{
    switch (format) {
    case ORI_STILL_PNG:
        return ori_still_png_encode(image, sink, err);
    case ORI_STILL_JPEG:
        return ori_still_jpeg_encode(image, quality, sink, err);
    case ORI_STILL_WEBP:
        return ori_still_webp_encode(image, quality, sink, err);
    }
    return ori_error_set(err, ORI_INTERNAL, "still format %d", (int)format);
}

ori_status ori_still_encode(const struct ori_rgb *image, enum ori_still_format format, int quality,
                            uint8_t *data, size_t bytes_max, size_t *ret_bytes,
                            struct ori_error *err)
{
    ORI_ASSERT(image && data && ret_bytes && image->width > 0 && image->height > 0);
    ORI_ASSERT((unsigned)format < sizeof formats / sizeof *formats);
    ORI_ASSERT(format == ORI_STILL_PNG || (quality >= 1 && quality <= 100));
    const struct format_row *row = &formats[format];
    if (image->width > row->side_max || image->height > row->side_max)
        return ori_error_set(err, ORI_LIMIT, "a %s picture of %dx%d: a side has at most %d pixels",
                             row->name, image->width, image->height, row->side_max);
    struct ori_still_sink sink = {.data = data, .bytes_max = bytes_max};
    ori_status status = encode(image, format, quality, &sink, err);
    if (status == ORI_OK)
        *ret_bytes = sink.used;
    return status;
}

ori_status ori_still_image_create(int64_t width, int64_t height, int64_t pixels_max,
                                  struct ori_rgb *ret_image, struct ori_error *err)
{
    if (width <= 0 || height <= 0)
        return ori_error_set(err, ORI_BAD_PICTURE, "a picture of %lldx%lld", (long long)width,
                             (long long)height);
    if (width > pixels_max / height)
        return ori_error_set(err, ORI_LIMIT, "a picture of %lldx%lld pixels, more than %lld in all",
                             (long long)width, (long long)height, (long long)pixels_max);
    if (width > ORI_LIMIT_MAX_PNG_SIDE || height > ORI_LIMIT_MAX_PNG_SIDE)
        return ori_error_set(err, ORI_LIMIT, "a picture of %lldx%lld: a side has at most %d pixels",
                             (long long)width, (long long)height, ORI_LIMIT_MAX_PNG_SIDE);
    uint8_t *data = calloc((size_t)height, (size_t)width * 3);
    if (!data)
        return ori_error_set(err, ORI_NOMEM, "a picture of %lldx%lld", (long long)width,
                             (long long)height);
    ret_image->data = data;
    ret_image->stride = (ptrdiff_t)width * 3;
    ret_image->width = (int)width;
    ret_image->height = (int)height;
    return ORI_OK;
}

static ori_status read_all(struct ori_source *source, uint8_t **ret_data, struct ori_error *err)
{
    if (source->size == 0)
        return ori_error_set(err, ORI_EMPTY_FILE, "the picture file has no bytes");
    if (source->size > ORI_LIMIT_MAX_PICTURE_BYTES)
        return ori_error_set(err, ORI_LIMIT, "a picture file of %lld bytes, more than %d",
                             (long long)source->size, ORI_LIMIT_MAX_PICTURE_BYTES);
    size_t got = 0;
    uint8_t *data = malloc((size_t)source->size);
    if (!data)
        return ori_error_set(err, ORI_NOMEM, "picture file");
    ori_status status = ori_source_read_at(source, 0, data, (size_t)source->size, &got, err);
    if (status == ORI_OK && got != (size_t)source->size)
        status = ori_error_set(err, ORI_IO, "the picture file shrank while it was read");
    if (status == ORI_OK)
        *ret_data = data;
    else
        free(data);
    return status;
}

/* As its EXIF block says that it was held. The picture is given back turned, or as it was. */
static ori_status make_upright(const uint8_t *data, size_t bytes, int64_t pixels_max,
                               struct ori_rgb *image, struct ori_error *err)
{
    int rotation = 0;
    bool is_mirrored = false;
    struct ori_rgb upright = {0};
    ori_exif_turn(ori_exif_orientation(data, bytes), &rotation, &is_mirrored);
    if (rotation == 0 && !is_mirrored)
        return ORI_OK;
    bool is_sideways = rotation == 90 || rotation == 270;
    ori_status status = ori_still_image_create(is_sideways ? image->height : image->width,
                                               is_sideways ? image->width : image->height,
                                               pixels_max, &upright, err);
    if (status != ORI_OK)
        return status;
    ori_orient_rgb(image, rotation, is_mirrored, &upright);
    free(image->data);
    *image = upright;
    return ORI_OK;
}

static ori_status decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                         struct ori_rgb *ret_image, struct ori_error *err)
{
    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        return ori_still_png_decode(data, bytes, pixels_max, ret_image, err);
    if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        return ori_still_jpeg_decode(data, bytes, pixels_max, ret_image, err);
    if (bytes >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        return ori_still_webp_decode(data, bytes, pixels_max, ret_image, err);
    return ori_error_set(err, ORI_BAD_PICTURE, "neither a PNG, a JPEG nor a WebP picture");
}

ori_status ori_still_decode(struct ori_source *source, int64_t pixels_max,
                            struct ori_rgb *ret_image, struct ori_error *err)
{
    ORI_ASSERT(source && ret_image && pixels_max > 0);
    uint8_t *data = NULL;
    ori_status status = read_all(source, &data, err);
    if (status != ORI_OK)
        return status;
    ORI_ASSERT(data);
    struct ori_rgb image = {0};
    size_t bytes = (size_t)source->size;
    status = decode(data, bytes, pixels_max, &image, err);
    if (status == ORI_OK)
        status = make_upright(data, bytes, pixels_max, &image, err);
    if (status == ORI_OK)
        *ret_image = image;
    else
        free(image.data);
    free(data);
    return status;
}
