#include "media/still_priv.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "util/limits.h"

struct png_job {
    png_structp png;
    png_infop info;
    const struct ori_rgb *image;
    struct ori_still_sink *sink;
    const uint8_t *data; /* reading */
    size_t bytes;
    size_t used;
    int64_t pixels_max;
    struct ori_rgb result;
    ori_status status;
    struct ori_error *err;
};

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_job *job = png_get_error_ptr(png);
    if (job->status == ORI_OK)
        job->status = ori_error_set(job->err, ORI_BAD_PICTURE, "PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct png_job *job = png_get_io_ptr(png);
    if (ori_still_sink_add(job->sink, data, bytes))
        return;
    job->status = ori_error_set(job->err, ORI_LIMIT, "a PNG picture of more than %zu bytes",
                                job->sink->bytes_max);
    png_error(png, "full");
}

static void flush_bytes(png_structp png)
{
    (void)png;
}

/* Level 1 and the filter up, zlib's own strategy: measured, docs/performance.md. */
static void write_png(struct png_job *job)
{
    const struct ori_rgb *image = job->image;
    if (setjmp(png_jmpbuf(job->png)))
        return;
    png_set_write_fn(job->png, job, write_bytes, flush_bytes);
    png_set_user_limits(job->png, ORI_LIMIT_MAX_PNG_SIDE, ORI_LIMIT_MAX_PNG_SIDE);
    png_set_IHDR(job->png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(job->png, 1);
    png_set_filter(job->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_write_info(job->png, job->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(job->png, image->data + y * image->stride);
    png_write_end(job->png, job->info);
}

ori_status ori_still_png_encode(const struct ori_rgb *image, struct ori_still_sink *sink,
                                struct ori_error *err)
{
    struct png_job job = {.image = image, .sink = sink, .err = err};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (job.info)
        write_png(&job);
    else
        job.status = ori_error_set(err, ORI_NOMEM, "PNG encoder");
    png_destroy_write_struct(&job.png, &job.info);
    if (job.status == ORI_BAD_PICTURE) /* nothing of ours is bad: libpng ran out of memory */
        job.status = ORI_NOMEM;
    return job.status;
}

static void read_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct png_job *job = png_get_io_ptr(png);
    if (bytes > job->bytes - job->used)
        png_error(png, "the file is cut off");
    memcpy(data, job->data + job->used, bytes);
    job->used += bytes;
}

static void set_transforms(png_structp png)
{
    png_set_expand(png); /* palettes, grey of 1..4 bits, transparency to a channel */
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
}

static void read_png(struct png_job *job)
{
    if (setjmp(png_jmpbuf(job->png)))
        return;
    png_set_read_fn(job->png, job, read_bytes);
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours are below */
    png_set_chunk_cache_max(job->png, 64);
    png_set_chunk_malloc_max(job->png, 1 << 20);
    png_read_info(job->png, job->info);
    job->status = ori_still_image_create(png_get_image_width(job->png, job->info),
                                         png_get_image_height(job->png, job->info), job->pixels_max,
                                         &job->result, job->err);
    if (job->status != ORI_OK)
        return;
    set_transforms(job->png);
    int passes = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    if (png_get_rowbytes(job->png, job->info) != (size_t)job->result.stride)
        png_error(job->png, "rows of an unexpected size");
    while (passes-- > 0) {
        for (int y = 0; y < job->result.height; y++)
            png_read_row(job->png, job->result.data + y * job->result.stride, NULL);
    }
}

ori_status ori_still_png_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                struct ori_rgb *ret_image, struct ori_error *err)
{
    struct png_job job = {.data = data, .bytes = bytes, .pixels_max = pixels_max, .err = err};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (job.info)
        read_png(&job);
    else
        job.status = ori_error_set(err, ORI_NOMEM, "PNG decoder");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    if (job.status == ORI_OK)
        *ret_image = job.result;
    else
        free(job.result.data);
    return job.status;
}
