#include "media/still_priv.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

#include "media/riff_priv.h"

static int write_bytes(const uint8_t *data, size_t bytes, const WebPPicture *picture)
{
    return ori_still_sink_add(picture->custom_ptr, data, bytes);
}

static ori_status explain(const WebPPicture *picture, const struct ori_still_sink *sink,
                          struct ori_error *err)
{
    if (sink->is_full)
        return ori_error_set(err, ORI_LIMIT, "a WebP picture of more than %zu bytes",
                             sink->bytes_max);
    if (picture->error_code == VP8_ENC_ERROR_PARTITION0_OVERFLOW ||
        picture->error_code == VP8_ENC_ERROR_PARTITION_OVERFLOW ||
        picture->error_code == VP8_ENC_ERROR_FILE_TOO_BIG)
        return ori_error_set(err, ORI_LIMIT, "the picture is too detailed for WebP");
    return ori_error_set(err, ORI_NOMEM, "WebP encoder (%d)", (int)picture->error_code);
}

/* Method: measured, docs/performance.md. */
ori_status ori_still_webp_encode(const struct ori_rgb *image, int quality,
                                 struct ori_still_sink *sink, struct ori_error *err)
{
    WebPConfig config;
    WebPPicture picture;
    ori_status status = ORI_OK;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)quality) ||
        !WebPPictureInit(&picture))
        return ori_error_set(err, ORI_INTERNAL, "WebP encoder of another version");
    config.method = 2;
    config.thread_level = 0;
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = write_bytes;
    picture.custom_ptr = sink;
    if (!WebPPictureImportRGB(&picture, image->data, (int)image->stride) ||
        !WebPEncode(&config, &picture))
        status = explain(&picture, sink, err);
    WebPPictureFree(&picture);
    return status;
}

/* The numbers before the first picture of a moving one: the WebP container specification, ANMF. */
enum { FRAME_HEAD_BYTES = 16 };

static const uint8_t *find_first_frame(const uint8_t *data, size_t bytes, size_t *ret_bytes)
{
    size_t at = ORI_RIFF_FIRST_CHUNK;
    struct ori_riff_chunk chunk;
    while (ori_riff_next(data, bytes, &at, &chunk)) {
        if (memcmp(chunk.name, "ANMF", 4) == 0 && chunk.bytes > FRAME_HEAD_BYTES) {
            *ret_bytes = chunk.bytes;
            return chunk.data;
        }
    }
    return NULL;
}

/* Decodes into image from (left, top) on; the picture must fit there. */
static ori_status decode_at(const uint8_t *data, size_t bytes, int64_t left, int64_t top,
                            const struct ori_rgb *image, struct ori_error *err)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(data, bytes, &features) != VP8_STATUS_OK || features.has_animation ||
        left + features.width > image->width || top + features.height > image->height)
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: the first picture makes no sense");
    ptrdiff_t offset = (ptrdiff_t)top * image->stride + 3 * (ptrdiff_t)left;
    size_t room = (size_t)image->stride * (size_t)image->height - (size_t)offset;
    if (!WebPDecodeRGBInto(data, bytes, image->data + offset, room, (int)image->stride))
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: the file is cut off or damaged");
    return ORI_OK;
}

ori_status ori_still_webp_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                 struct ori_rgb *ret_image, struct ori_error *err)
{
    WebPBitstreamFeatures features;
    struct ori_rgb image = {0};
    size_t frame_bytes = 0;
    const uint8_t *frame = NULL;
    if (WebPGetFeatures(data, bytes, &features) != VP8_STATUS_OK)
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: the header cannot be read");
    if (features.has_animation)
        frame = find_first_frame(data, bytes, &frame_bytes);
    if (features.has_animation && !frame)
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: a moving picture without a picture");
    ori_status status =
        ori_still_image_create(features.width, features.height, pixels_max, &image, err);
    if (status != ORI_OK)
        return status;
    if (frame)
        status = decode_at(frame + FRAME_HEAD_BYTES, frame_bytes - FRAME_HEAD_BYTES,
                           2 * (int64_t)ori_riff_u24(frame), 2 * (int64_t)ori_riff_u24(frame + 3),
                           &image, err);
    else
        status = decode_at(data, bytes, 0, 0, &image, err);
    if (status == ORI_OK)
        *ret_image = image;
    else
        free(image.data);
    return status;
}
