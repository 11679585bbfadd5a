/* 8-bit planes of a decoded picture: the analysis looks at every frame, so the usual case (planar
 * YUV of 8 bits) copies nothing, deeper samples lose their low bits by a shift, and only rare
 * formats go through swscale. */
#include "media/video_priv.h"

#include <limits.h>

#include <libavutil/mem.h>

uint8_t *ori_scratch_need(struct ori_scratch *scratch, size_t bytes)
{
    if (bytes > UINT_MAX - 64)
        return NULL;
    if (scratch->bytes < bytes) {
        av_freep(&scratch->data);
        scratch->data = av_malloc(bytes + 64);
        scratch->bytes = scratch->data ? (unsigned)bytes : 0;
    }
    return scratch->data;
}

static int chroma_side(int side, int shift)
{
    return (side + (1 << shift) - 1) >> shift;
}

struct plane_size {
    int width;
    int height;
};

static struct plane_size size_of(const AVPixFmtDescriptor *desc, const AVFrame *picture, int plane)
{
    if (plane == 0)
        return (struct plane_size){picture->width, picture->height};
    return (struct plane_size){chroma_side(picture->width, desc->log2_chroma_w),
                               chroma_side(picture->height, desc->log2_chroma_h)};
}

/* Luma and chroma as samples of one or two bytes in memory order, which we can read ourselves. */
static bool is_plain_yuv(const AVPixFmtDescriptor *desc)
{
    const uint64_t strange = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_BAYER;
    if (desc->flags & strange)
        return false;
    int depth = desc->comp[0].depth;
    if (depth < 8 || depth > 16 || (depth > 8 && (desc->flags & AV_PIX_FMT_FLAG_BE)))
        return false;
    int bytes = depth > 8 ? 2 : 1;
    int samples = desc->nb_components >= 3 ? 3 : 1;
    for (int i = 0; i < samples; i++) {
        const AVComponentDescriptor *comp = &desc->comp[i];
        int step = comp->step / bytes;
        if (comp->depth != depth || (step != 1 && step != 2) || comp->shift + depth > 8 * bytes)
            return false;
        if (samples == 3 && i == 0 && (step != 1 || comp->plane != 0))
            return false; /* packed: chroma lies between luma */
        if (samples == 3 && i > 0 && comp->plane == 0)
            return false;
    }
    return true;
}

static void narrow_row(const uint8_t *from, int step, int shift, uint8_t *to, int width)
{
    const uint16_t *samples = (const uint16_t *)(const void *)from;
    if (step == 1) {
        for (int x = 0; x < width; x++)
            to[x] = (uint8_t)(samples[x] >> shift);
    } else {
        for (int x = 0; x < width; x++)
            to[x] = (uint8_t)(samples[2 * (ptrdiff_t)x] >> shift);
    }
}

static void pick_row(const uint8_t *from, int step, uint8_t *to, int width)
{
    for (int x = 0; x < width; x++)
        to[x] = from[(ptrdiff_t)step * x];
}

/* One component into 8 bits a sample, rows of stride bytes. */
static void convert_component(const AVFrame *picture, const AVComponentDescriptor *comp,
                              struct plane_size size, uint8_t *to, ptrdiff_t stride)
{
    const uint8_t *from = picture->data[comp->plane] + comp->offset;
    int bytes = comp->depth > 8 ? 2 : 1;
    for (int y = 0; y < size.height; y++) {
        if (bytes == 2)
            narrow_row(from, comp->step / 2, comp->shift + comp->depth - 8, to, size.width);
        else
            pick_row(from, comp->step, to, size.width);
        from += picture->linesize[comp->plane];
        to += stride;
    }
}

static bool is_direct(const AVFrame *picture, const AVComponentDescriptor *comp)
{
    return comp->depth == 8 && comp->step == 1 && comp->shift == 0 &&
           picture->linesize[comp->plane] > 0;
}

static size_t stride_of(int width)
{
    return ((size_t)width + 63) / 64 * 64;
}

static ori_status plain_planes(struct ori_video *video, const AVFrame *picture,
                               const AVPixFmtDescriptor *desc, struct ori_plane ret_planes[3],
                               struct ori_error *err)
{
    int count = desc->nb_components >= 3 ? 3 : 1;
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        struct plane_size size = size_of(desc, picture, i);
        if (!is_direct(picture, &desc->comp[i]))
            bytes += stride_of(size.width) * (size_t)size.height;
    }
    uint8_t *room = bytes ? ori_scratch_need(&video->planes, bytes) : NULL;
    if (bytes && !room)
        return ori_error_set(err, ORI_NOMEM, "planes of 8 bits");
    for (int i = 0; i < count; i++) {
        const AVComponentDescriptor *comp = &desc->comp[i];
        struct plane_size size = size_of(desc, picture, i);
        struct ori_plane *plane = &ret_planes[i];
        *plane = (struct ori_plane){.width = size.width, .height = size.height};
        if (is_direct(picture, comp)) {
            plane->data = picture->data[comp->plane] + comp->offset;
            plane->stride = picture->linesize[comp->plane];
            continue;
        }
        ORI_ASSERT(room);
        plane->data = room;
        plane->stride = (ptrdiff_t)stride_of(size.width);
        convert_component(picture, comp, size, room, plane->stride);
        room += plane->stride * size.height;
    }
    return ORI_OK;
}

/* RGB, palettes, packed and big-endian formats: 4:4:4, limited range, BT.601. */
static ori_status scaled_planes(struct ori_video *video, const AVFrame *picture,
                                struct ori_plane ret_planes[3], struct ori_error *err)
{
    struct ori_scaler_key key = {.from_width = picture->width,
                                 .from_height = picture->height,
                                 .from_format = picture->format,
                                 .to_width = picture->width,
                                 .to_height = picture->height,
                                 .to_format = AV_PIX_FMT_YUV444P,
                                 .matrix = SWS_CS_ITU601};
    ori_status status = ori_scaler_set(&video->planes_scaler, &key, err);
    if (status != ORI_OK)
        return status;
    size_t stride = stride_of(picture->width);
    size_t plane_bytes = stride * (size_t)picture->height;
    uint8_t *room = ori_scratch_need(&video->planes, 3 * plane_bytes);
    if (!room)
        return ori_error_set(err, ORI_NOMEM, "planes of 8 bits");
    uint8_t *const to[4] = {room, room + plane_bytes, room + 2 * plane_bytes, NULL};
    const int strides[4] = {(int)stride, (int)stride, (int)stride, 0};
    sws_scale(video->planes_scaler.context, (const uint8_t *const *)picture->data,
              picture->linesize, 0, picture->height, to, strides);
    for (int i = 0; i < 3; i++) {
        ret_planes[i] = (struct ori_plane){.data = to[i],
                                           .stride = (ptrdiff_t)stride,
                                           .width = picture->width,
                                           .height = picture->height};
    }
    return ORI_OK;
}

ori_status ori_frame_planes(struct ori_video *video, const struct ori_frame *frame,
                            struct ori_plane ret_planes[3], struct ori_error *err)
{
    ORI_ASSERT(video && frame && ret_planes);
    const AVFrame *picture = frame->impl->picture;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(picture->format);
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return ori_error_set(err, ORI_UNSUPPORTED, "the pixel format is not supported");
    for (int i = 0; i < 3; i++)
        ret_planes[i] = (struct ori_plane){0};
    if (is_plain_yuv(desc))
        return plain_planes(video, picture, desc, ret_planes, err);
    return scaled_planes(video, picture, ret_planes, err);
}
