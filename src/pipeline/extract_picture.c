/* The decode child's work on one picture from outside: model input, or a small JPEG of it. */
#include <stdlib.h>

#include "media/still.h"
#include "pipeline/extract_priv.h"
#include "vision/resize.h"

#define THUMB_QUALITY 85

static ori_status send_last(struct ori_child_side *side, const void *message, size_t bytes,
                            struct ori_error *err)
{
    struct ori_msg_done done = {.type = ORI_MSG_DONE};
    ori_status status = ori_child_side_send(side, message, bytes, err);
    if (status == ORI_OK)
        status = ori_child_side_send(side, &done, sizeof done, err);
    return status;
}

ori_status extract_input(const struct ori_rgb *image, const struct ori_input_spec *input,
                         uint8_t *planes, struct ori_error *err)
{
    const struct ori_resize_rule rule = {
        .side = input->side,
        .resize_side = input->resize_side,
        .is_squash = input->fit == ORI_INPUT_SQUASH,
        .is_crop_rounded = input->is_crop_rounded != 0,
        .is_bilinear = input->is_bilinear != 0,
    };
    return ori_resize_square(image, &rule, planes, err);
}

static ori_status send_input(struct ori_child_side *side, const struct ori_rgb *image,
                             uint8_t *data, struct ori_error *err)
{
    const struct ori_input_spec *input = &side->start.options.input;
    uint64_t input_bytes = 3 * (uint64_t)input->side * (uint64_t)input->side;
    struct ori_msg_picture picture = {.type = ORI_MSG_PICTURE,
                                      .width = image->width,
                                      .height = image->height,
                                      .input_bytes = input_bytes};
    if (input_bytes > side->start.slot_bytes)
        return ori_error_set(err, ORI_LIMIT, "model input does not fit a slot");
    ori_status status = extract_input(image, input, data, err);
    if (status == ORI_OK)
        status = send_last(side, &picture, sizeof picture, err);
    return status;
}

static int scaled(int length, int longest, int side)
{
    int64_t small = ((int64_t)length * side + longest / 2) / longest;
    return small < 1 ? 1 : (int)small;
}

ori_status extract_shrink(const struct ori_rgb *image, int side, struct ori_rgb *ret_small,
                          struct ori_error *err)
{
    int longest = image->width > image->height ? image->width : image->height;
    *ret_small = *image;
    if (longest <= side)
        return ORI_OK;
    ret_small->width = scaled(image->width, longest, side);
    ret_small->height = scaled(image->height, longest, side);
    ret_small->stride = 3 * (ptrdiff_t)ret_small->width;
    ret_small->data = malloc((size_t)ret_small->stride * (size_t)ret_small->height);
    if (!ret_small->data)
        return ori_error_set(err, ORI_NOMEM, "a picture of %dx%d", ret_small->width,
                             ret_small->height);
    return ori_resize(image, NULL, ret_small, err);
}

static ori_status send_thumb(struct ori_child_side *side, const struct ori_rgb *image,
                             uint8_t *data, struct ori_error *err)
{
    struct ori_rgb small;
    size_t bytes = 0;
    ori_status status = extract_shrink(image, side->start.options.input.side, &small, err);
    if (status == ORI_OK)
        status = ori_still_encode(&small, ORI_STILL_JPEG, THUMB_QUALITY, data,
                                  side->start.slot_bytes, &bytes, err);
    if (status == ORI_OK) {
        struct ori_msg_thumb thumb = {.type = ORI_MSG_THUMB,
                                      .width = small.width,
                                      .height = small.height,
                                      .still_bytes = bytes};
        status = send_last(side, &thumb, sizeof thumb, err);
    }
    if (small.data != image->data)
        free(small.data);
    return status;
}

ori_status extract_picture(struct ori_child_side *side, struct ori_error *err)
{
    struct ori_rgb image = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    ori_status status =
        ori_still_decode(&side->source, side->start.options.pixels_max, &image, err);
    if (status == ORI_OK) /* none was taken before: it is slot 0 */
        status = ori_child_side_slot(side, &slot, &data, err);
    if (status == ORI_OK)
        status = side->start.job == ORI_CHILD_JOB_THUMB ? send_thumb(side, &image, data, err)
                                                        : send_input(side, &image, data, err);
    free(image.data);
    return status;
}
