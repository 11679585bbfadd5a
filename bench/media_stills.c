/* bench/media_stills.c: what the settings of the still encoders cost on real frames.
 * Usage  media_stills WIDTH HEIGHT FILE: raw RGB frames of 8 bits, as
 *        ffmpeg -i VIDEO -vf fps=1 -f rawvideo -pix_fmt rgb24 FILE writes them
 * Prints a table in Markdown: processor time, best of five runs over all frames, bytes in the mean;
 *        PNG, JPEG and WebP as the product writes them are the rows "ours" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <png.h>
#include <webp/encode.h>
#include <zlib.h>

#include "media/still.h"

enum { FRAMES_MAX = 64, RUNS = 5 };

struct frames {
    struct ori_rgb frame[FRAMES_MAX];
    int count;
    uint8_t *data;
    uint8_t *out;
    size_t out_bytes;
};

struct setting {
    const char *name;
    int level;
    int filter;
    int strategy;
    int method; /* WebP */
    int quality;
};

static const struct setting pngs[] = {
    {"PNG level 1, none", 1, PNG_FILTER_NONE, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 1, sub", 1, PNG_FILTER_SUB, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 1, up", 1, PNG_FILTER_UP, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 1, paeth", 1, PNG_FILTER_PAETH, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 1, all", 1, PNG_ALL_FILTERS, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 1, sub, filtered", 1, PNG_FILTER_SUB, Z_FILTERED, 0, 0},
    {"PNG level 1, up, filtered", 1, PNG_FILTER_UP, Z_FILTERED, 0, 0},
    {"PNG RLE, sub", 1, PNG_FILTER_SUB, Z_RLE, 0, 0},
    {"PNG RLE, up", 1, PNG_FILTER_UP, Z_RLE, 0, 0},
    {"PNG RLE, paeth", 1, PNG_FILTER_PAETH, Z_RLE, 0, 0},
    {"PNG Huffman alone, sub", 1, PNG_FILTER_SUB, Z_HUFFMAN_ONLY, 0, 0},
    {"PNG Huffman alone, paeth", 1, PNG_FILTER_PAETH, Z_HUFFMAN_ONLY, 0, 0},
    {"PNG fixed codes, sub", 1, PNG_FILTER_SUB, Z_FIXED, 0, 0},
    {"PNG level 3, sub", 3, PNG_FILTER_SUB, Z_DEFAULT_STRATEGY, 0, 0},
    {"PNG level 6, all", 6, PNG_ALL_FILTERS, Z_DEFAULT_STRATEGY, 0, 0},
};
static const struct setting webps[] = {
    {"WebP q90, method 0", 0, 0, 0, 0, 90},
    {"WebP q90, method 1", 0, 0, 0, 1, 90},
    {"WebP q90, method 2", 0, 0, 0, 2, 90},
    {"WebP q90, method 4", 0, 0, 0, 4, 90},
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct sink {
    uint8_t *data;
    size_t used;
    size_t room;
};

static _Noreturn void fail(png_structp png, png_const_charp text)
{
    (void)png;
    fprintf(stderr, "media_stills: %s\n", text);
    exit(1);
}

static void write_png_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct sink *sink = png_get_io_ptr(png);
    if (bytes > sink->room - sink->used)
        png_error(png, "no room");
    memcpy(sink->data + sink->used, data, bytes);
    sink->used += bytes;
}

static size_t encode_png(const struct ori_rgb *image, const struct setting *setting,
                         struct sink *sink)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, sink, write_png_bytes, NULL);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, setting->level);
    png_set_compression_strategy(png, setting->strategy);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, setting->filter);
    png_write_info(png, info);
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->data + y * image->stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return sink->used;
}

static size_t encode_webp(const struct ori_rgb *image, const struct setting *setting)
{
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)setting->quality) ||
        !WebPPictureInit(&picture))
        exit(1);
    WebPMemoryWriterInit(&writer);
    config.method = setting->method;
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    if (!WebPPictureImportRGB(&picture, image->data, (int)image->stride) ||
        !WebPEncode(&config, &picture))
        exit(1);
    WebPPictureFree(&picture);
    size_t bytes = writer.size;
    WebPMemoryWriterClear(&writer);
    return bytes;
}

enum kind { KIND_PNG, KIND_WEBP, KIND_OURS };

static size_t encode(const struct frames *frames, int i, enum kind kind,
                     const struct setting *setting)
{
    struct sink sink = {frames->out, 0, frames->out_bytes};
    size_t bytes = 0;
    if (kind == KIND_PNG)
        return encode_png(&frames->frame[i], setting, &sink);
    if (kind == KIND_WEBP)
        return encode_webp(&frames->frame[i], setting);
    if (ori_still_encode(&frames->frame[i], (enum ori_still_format)setting->method,
                         setting->quality, frames->out, frames->out_bytes, &bytes, NULL) != ORI_OK)
        exit(1);
    return bytes;
}

static void measure(const struct frames *frames, enum kind kind, const struct setting *setting)
{
    double best = 1e9;
    size_t bytes = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = seconds();
        bytes = 0;
        for (int i = 0; i < frames->count; i++)
            bytes += encode(frames, i, kind, setting);
        double took = seconds() - start;
        best = took < best ? took : best;
    }
    printf("| %s | %.2f | %.1f |\n", setting->name, best * 1e3 / frames->count,
           (double)bytes / 1024.0 / frames->count);
}

static int load(struct frames *frames, int width, int height, const char *path)
{
    size_t bytes = (size_t)width * (size_t)height * 3;
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    frames->data = malloc(bytes * FRAMES_MAX);
    frames->out_bytes = 2 * bytes + 65536;
    frames->out = malloc(frames->out_bytes);
    while (frames->data && frames->out && frames->count < FRAMES_MAX &&
           fread(frames->data + bytes * (size_t)frames->count, bytes, 1, file) == 1) {
        uint8_t *data = frames->data + bytes * (size_t)frames->count;
        frames->frame[frames->count++] =
            (struct ori_rgb){data, (ptrdiff_t)width * 3, width, height};
    }
    fclose(file);
    return frames->count > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct setting ours[] = {
        {"ours: PNG", 0, 0, 0, ORI_STILL_PNG, 90},
        {"ours: JPEG q90", 0, 0, 0, ORI_STILL_JPEG, 90},
        {"ours: WebP q90", 0, 0, 0, ORI_STILL_WEBP, 90},
    };
    struct frames frames = {0};
    long width = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
    long height = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    if (width < 1 || width > 8192 || height < 1 || height > 8192 ||
        load(&frames, (int)width, (int)height, argv[3]) != 0) {
        fprintf(stderr, "usage: media_stills WIDTH HEIGHT FILE\n");
        return 2;
    }
    printf("| %d frames of %ldx%ld | ms | KiB |\n|---|---|---|\n", frames.count, width, height);
    for (size_t i = 0; i < sizeof pngs / sizeof *pngs; i++)
        measure(&frames, KIND_PNG, &pngs[i]);
    for (size_t i = 0; i < sizeof webps / sizeof *webps; i++)
        measure(&frames, KIND_WEBP, &webps[i]);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        measure(&frames, KIND_OURS, &ours[i]);
    free(frames.data);
    free(frames.out);
    return 0;
}
