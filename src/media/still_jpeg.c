#include "media/still_priv.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "util/limits.h"

struct jpeg_job {
    struct jpeg_error_mgr manager; /* first: libjpeg hands it back */
    jmp_buf jump;
    struct jpeg_compress_struct encoder;
    struct jpeg_decompress_struct decoder;
    struct jpeg_destination_mgr destination;
    const struct ori_rgb *image;
    struct ori_still_sink *sink;
    int quality;
    const uint8_t *data;
    size_t bytes;
    int64_t pixels_max;
    struct ori_rgb result;
    bool is_cut; /* the file ended inside the picture */
    ori_status status;
    struct ori_error *err;
};

static _Noreturn void on_error(j_common_ptr common)
{
    struct jpeg_job *job = (struct jpeg_job *)(void *)common->err;
    char text[JMSG_LENGTH_MAX] = {0};
    common->err->format_message(common, text);
    if (job->status == ORI_OK) {
        bool is_memory = common->err->msg_code == JERR_OUT_OF_MEMORY;
        job->status =
            ori_error_set(job->err, is_memory ? ORI_NOMEM : ORI_BAD_PICTURE, "JPEG: %s", text);
    }
    longjmp(job->jump, 1);
}

static void on_message(j_common_ptr common, int level)
{
    struct jpeg_job *job = (struct jpeg_job *)(void *)common->err;
    if (level < 0 &&
        (common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JWRN_HIT_MARKER))
        job->is_cut = true;
}

static void set_manager(struct jpeg_job *job)
{
    jpeg_std_error(&job->manager);
    job->manager.error_exit = on_error;
    job->manager.emit_message = on_message;
}

static void start_sink(j_compress_ptr encoder)
{
    struct jpeg_job *job = encoder->client_data;
    job->destination.next_output_byte = job->sink->data;
    job->destination.free_in_buffer = job->sink->bytes_max;
}

static boolean sink_is_full(j_compress_ptr encoder)
{
    struct jpeg_job *job = encoder->client_data;
    job->sink->is_full = true;
    job->status = ori_error_set(job->err, ORI_LIMIT, "a JPEG picture of more than %zu bytes",
                                job->sink->bytes_max);
    ERREXIT(encoder, JERR_CANT_SUSPEND);
    return FALSE;
}

static void end_sink(j_compress_ptr encoder)
{
    struct jpeg_job *job = encoder->client_data;
    job->sink->used = job->sink->bytes_max - job->destination.free_in_buffer;
}

static void write_jpeg(struct jpeg_job *job)
{
    j_compress_ptr encoder = &job->encoder;
    const struct ori_rgb *image = job->image;
    if (setjmp(job->jump))
        return;
    jpeg_create_compress(encoder);
    encoder->client_data = job;
    job->destination.init_destination = start_sink;
    job->destination.empty_output_buffer = sink_is_full;
    job->destination.term_destination = end_sink;
    encoder->dest = &job->destination;
    encoder->image_width = (JDIMENSION)image->width;
    encoder->image_height = (JDIMENSION)image->height;
    encoder->input_components = 3;
    encoder->in_color_space = JCS_RGB;
    jpeg_set_defaults(encoder); /* 4:2:0, the standard's Huffman tables */
    jpeg_set_quality(encoder, job->quality, TRUE);
    jpeg_start_compress(encoder, TRUE);
    while (encoder->next_scanline < encoder->image_height) {
        JSAMPROW row = image->data + (ptrdiff_t)encoder->next_scanline * image->stride;
        jpeg_write_scanlines(encoder, &row, 1);
    }
    jpeg_finish_compress(encoder);
}

ori_status ori_still_jpeg_encode(const struct ori_rgb *image, int quality,
                                 struct ori_still_sink *sink, struct ori_error *err)
{
    if (sink->bytes_max == 0)
        return ori_error_set(err, ORI_LIMIT, "a JPEG picture of more than 0 bytes");
    struct jpeg_job job = {.image = image, .quality = quality, .sink = sink, .err = err};
    set_manager(&job);
    job.encoder.err = &job.manager;
    write_jpeg(&job);
    jpeg_destroy_compress(&job.encoder);
    return job.status;
}

/* CMYK as Adobe writes it, inverted: what is printed is the product with black. */
static void from_cmyk(const uint8_t *from, uint8_t *to, int width)
{
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++)
            to[3 * x + c] = (uint8_t)((from[4 * x + c] * from[4 * x + 3] + 127) / 255);
    }
}

static void read_lines(struct jpeg_job *job)
{
    j_decompress_ptr decoder = &job->decoder;
    struct ori_rgb *result = &job->result;
    bool is_cmyk = decoder->out_color_space == JCS_CMYK;
    JSAMPARRAY line = is_cmyk ? decoder->mem->alloc_sarray((j_common_ptr)decoder, JPOOL_IMAGE,
                                                           4 * decoder->output_width, 1)
                              : NULL;
    while (decoder->output_scanline < decoder->output_height) {
        JSAMPROW row = result->data + (ptrdiff_t)decoder->output_scanline * result->stride;
        jpeg_read_scanlines(decoder, is_cmyk ? line : &row, 1);
        if (is_cmyk)
            from_cmyk(line[0], row, result->width);
    }
}

static void read_jpeg(struct jpeg_job *job)
{
    j_decompress_ptr decoder = &job->decoder;
    if (setjmp(job->jump))
        return;
    jpeg_create_decompress(decoder);
    jpeg_mem_src(decoder, job->data, job->bytes);
    jpeg_read_header(decoder, TRUE);
    job->status = ori_still_image_create(decoder->image_width, decoder->image_height,
                                         job->pixels_max, &job->result, job->err);
    if (job->status != ORI_OK)
        return;
    bool is_cmyk = decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK;
    decoder->out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(decoder);
    read_lines(job);
    jpeg_finish_decompress(decoder);
}

ori_status ori_still_jpeg_decode(const uint8_t *data, size_t bytes, int64_t pixels_max,
                                 struct ori_rgb *ret_image, struct ori_error *err)
{
    struct jpeg_job job = {.data = data, .bytes = bytes, .pixels_max = pixels_max, .err = err};
    set_manager(&job);
    job.decoder.err = &job.manager;
    read_jpeg(&job);
    jpeg_destroy_decompress(&job.decoder);
    if (job.status == ORI_OK && job.is_cut)
        job.status = ori_error_set(err, ORI_BAD_PICTURE, "JPEG: the file is cut off or damaged");
    if (job.status == ORI_OK)
        *ret_image = job.result;
    else
        free(job.result.data);
    return job.status;
}
