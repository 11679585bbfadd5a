#include "media/still_priv.h"

#include <stdlib.h>

#include <webp/decode.h>
#include <webp/encode.h>

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

ori_status ori_still_webp_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                 struct ori_rgb *ret_image, struct ori_error *err)
{
    WebPBitstreamFeatures features;
    struct ori_rgb image = {0};
    if (WebPGetFeatures(data, bytes, &features) != VP8_STATUS_OK)
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: the header cannot be read");
    if (features.has_animation)
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: moving pictures are no still");
    ori_status status =
        ori_still_image_create(features.width, features.height, pixels_max, &image, err);
    if (status != ORI_OK)
        return status;
    if (!WebPDecodeRGBInto(data, bytes, image.data, (size_t)image.stride * (size_t)image.height,
                           (int)image.stride)) {
        free(image.data);
        return ori_error_set(err, ORI_BAD_PICTURE, "WebP: the file is cut off or damaged");
    }
    *ret_image = image;
    return ORI_OK;
}
