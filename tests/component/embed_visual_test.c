/* tests/component/embed_visual_test.c: builtin/visual-512 on pictures as they are stored: encoded as
 * JPEG and WebP, made smaller; on painted scenes always, and on frames of the videos in the folder
 * ORIANE_TEST_MEDIA when that is set and ffmpeg is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jpeglib.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include "embed/model.h"

enum { W = 512, H = 288, BYTES = 3 * W * H, DIM = 512, SIDE = 64, SCENES = 12, FRAMES_MAX = 64 };

static struct ori_model *model;
static struct ori_model_scratch *scratch;

static int open_model(void **state)
{
    (void)state;
    if (ori_model_open(&(struct ori_model_options){.name = "builtin/visual-512", .dim_wanted = DIM},
                       &model, NULL) != ORI_OK)
        return -1;
    return ori_model_scratch_create(model, &scratch, NULL) == ORI_OK ? 0 : -1;
}

static int close_model(void **state)
{
    (void)state;
    ori_model_scratch_destroy(&scratch);
    ori_model_close(&model);
    return 0;
}

/* Area average of w x h interleaved pixels to to_w x to_h, in whole numbers of 1 / (to_w to_h). */
static uint8_t area_mean(const uint8_t *rgb, int w, int h, int to_w, int to_h, int x, int y, int c)
{
    const int64_t x0 = (int64_t)x * w;
    const int64_t y0 = (int64_t)y * h;
    int64_t sum = 0;
    for (int64_t v = y0 / to_h; v * to_h < y0 + h; v++) {
        const int64_t top = v * to_h > y0 ? v * to_h : y0;
        const int64_t bottom = (v + 1) * to_h < y0 + h ? (v + 1) * to_h : y0 + h;
        for (int64_t u = x0 / to_w; u * to_w < x0 + w; u++) {
            const int64_t left = u * to_w > x0 ? u * to_w : x0;
            const int64_t right = (u + 1) * to_w < x0 + w ? (u + 1) * to_w : x0 + w;
            sum += (bottom - top) * (right - left) * rgb[(v * w + u) * 3 + c];
        }
    }
    return (uint8_t)((sum + (int64_t)w * h / 2) / ((int64_t)w * h));
}

static void embed(const uint8_t *rgb, int w, int h, float vector[DIM])
{
    static uint8_t planes[3 * SIDE * SIDE];
    const uint8_t *picture = planes;
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < SIDE * SIDE; i++)
            planes[c * SIDE * SIDE + i] = area_mean(rgb, w, h, SIDE, SIDE, i % SIDE, i / SIDE, c);
    }
    assert_int_equal(ori_model_embed_pictures(scratch, &picture, 1, NULL, vector, NULL), ORI_OK);
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void through_jpeg(const uint8_t *rgb, int quality, uint8_t *ret_rgb)
{
    struct jpeg_compress_struct out;
    struct jpeg_decompress_struct in;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    out.err = jpeg_std_error(&errors);
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &data, &bytes);
    out.image_width = W;
    out.image_height = H;
    out.input_components = 3;
    out.in_color_space = JCS_RGB;
    jpeg_set_defaults(&out);
    jpeg_set_quality(&out, quality, TRUE);
    jpeg_start_compress(&out, TRUE);
    while (out.next_scanline < H) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)out.next_scanline * W * 3);
        jpeg_write_scanlines(&out, &row, 1);
    }
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    in.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&in);
    jpeg_mem_src(&in, data, bytes);
    jpeg_read_header(&in, TRUE);
    jpeg_start_decompress(&in);
    while (in.output_scanline < H) {
        JSAMPROW row = ret_rgb + (size_t)in.output_scanline * W * 3;
        jpeg_read_scanlines(&in, &row, 1);
    }
    jpeg_finish_decompress(&in);
    jpeg_destroy_decompress(&in);
    free(data);
}

static void through_webp(const uint8_t *rgb, float quality, uint8_t *ret_rgb)
{
    uint8_t *data = NULL;
    const size_t bytes = WebPEncodeRGB(rgb, W, H, W * 3, quality, &data);
    assert_true(bytes > 0);
    assert_non_null(WebPDecodeRGBInto(data, bytes, ret_rgb, BYTES, W * 3));
    WebPFree(data);
}

/* How a picture may be changed and still be the same. */
struct copies {
    double jpeg;
    double webp;
    double smaller;
};

static struct copies compare_copies(const uint8_t *rgb, const float *vector)
{
    static uint8_t changed[BYTES];
    float other[DIM];
    struct copies copies = {0};
    through_jpeg(rgb, 75, changed);
    embed(changed, W, H, other);
    copies.jpeg = dot(vector, other);
    through_webp(rgb, 80.0F, changed);
    embed(changed, W, H, other);
    copies.webp = dot(vector, other);
    enum { SMALL_W = 360, SMALL_H = 202 };
    for (int i = 0; i < SMALL_W * SMALL_H * 3; i++)
        changed[i] =
            area_mean(rgb, W, H, SMALL_W, SMALL_H, i / 3 % SMALL_W, i / 3 / SMALL_W, i % 3);
    embed(changed, SMALL_W, SMALL_H, other);
    copies.smaller = dot(vector, other);
    return copies;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static void check_copies(const uint8_t *pictures, int n, float (*vectors)[DIM])
{
    struct copies worst = {1, 1, 1};
    for (int i = 0; i < n; i++) {
        embed(pictures + (size_t)i * BYTES, W, H, vectors[i]);
        const struct copies copies = compare_copies(pictures + (size_t)i * BYTES, vectors[i]);
        worst.jpeg = least(worst.jpeg, copies.jpeg);
        worst.webp = least(worst.webp, copies.webp);
        worst.smaller = least(worst.smaller, copies.smaller);
    }
    print_message("%d pictures: least cosine JPEG 75 %.6f, WebP 80 %.6f, 70 %% size %.6f\n", n,
                  worst.jpeg, worst.webp, worst.smaller);
    assert_true(worst.jpeg >= 0.9995);
    assert_true(worst.webp >= 0.9995);
    assert_true(worst.smaller >= 0.9995);
}

/* Shapes and colours of scene `seed`, with fine texture for the codecs to lose. */
static void paint_scene(uint8_t *rgb, unsigned seed)
{
    unsigned noise = seed + 1;
    for (int i = 0; i < W * H; i++) {
        const double u = i % W / (double)W;
        const double v = i / W / (double)H;
        const double wave = sin(u * (3 + seed % 5) + seed) * cos(v * (2 + seed % 7) - seed);
        const double du = u - 0.2 - 0.06 * (seed % 11);
        const double dv = v - 0.3 - 0.05 * (seed % 9);
        const int in_disc = du * du + dv * dv < 0.02 * (1 + seed % 3) ? 70 : 0;
        const int grain = rand_r(&noise) % 9 - 4;
        rgb[3 * i] = (uint8_t)(128 + 90 * wave + grain);
        rgb[3 * i + 1] = (uint8_t)(90 + 40 * v * (seed % 3) + in_disc + grain);
        rgb[3 * i + 2] = (uint8_t)(60 + 20 * (seed % 7) + grain);
    }
}

static void test_painted_scenes(void **state)
{
    (void)state;
    uint8_t *pictures = malloc((size_t)SCENES * BYTES);
    static float vectors[SCENES][DIM];
    for (unsigned i = 0; i < SCENES; i++)
        paint_scene(pictures + (size_t)i * BYTES, i);
    check_copies(pictures, SCENES, vectors);
    for (int a = 0; a < SCENES; a++) {
        for (int b = 0; b < a; b++)
            assert_true(dot(vectors[a], vectors[b]) < 0.95);
    }
    free(pictures);
}

/* Up to max frames of a video, evenly over its first 30 s; 0 when ffmpeg is not there. */
static int read_frames(const char *path, uint8_t *pictures, int max)
{
    int ends[2];
    char count[16];
    int frames = 0;
    assert_int_equal(pipe(ends), 0);
    snprintf(count, sizeof count, "%d", max);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("ffmpeg", "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-t", "30", "-vf",
               "fps=0.5,scale=512:288:flags=bicubic,format=rgb24", "-frames:v", count, "-f",
               "rawvideo", "-", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    assert_non_null(stream);
    while (frames < max && fread(pictures + (size_t)frames * BYTES, BYTES, 1, stream) == 1)
        frames++;
    fclose(stream);
    waitpid(child, NULL, 0);
    return frames;
}

static int compare_numbers(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void test_frames_of_videos(void **state)
{
    (void)state;
    const char *folder = getenv("ORIANE_TEST_MEDIA");
    char pattern[4096];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/*.mp4", folder ? folder : "");
    if (!folder || glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped: ORIANE_TEST_MEDIA names no folder with videos\n");
        skip();
        return;
    }
    uint8_t *pictures = malloc((size_t)FRAMES_MAX * BYTES);
    static float vectors[FRAMES_MAX][DIM];
    static double across[FRAMES_MAX * FRAMES_MAX];
    int video_of[FRAMES_MAX];
    int n = 0;
    for (size_t i = 0; i < found.gl_pathc && n < FRAMES_MAX; i++) {
        const int first = n;
        const int most = FRAMES_MAX - n < 15 ? FRAMES_MAX - n : 15;
        n += read_frames(found.gl_pathv[i], pictures + (size_t)n * BYTES, most);
        for (int k = first; k < n; k++)
            video_of[k] = (int)i;
    }
    globfree(&found);
    if (n == 0) {
        free(pictures);
        print_message("skipped: ffmpeg gave no frames\n");
        skip();
        return;
    }
    check_copies(pictures, n, vectors);
    size_t pairs = 0;
    for (int a = 0; a < n; a++) {
        for (int b = 0; b < a; b++) {
            if (video_of[a] != video_of[b])
                across[pairs++] = dot(vectors[a], vectors[b]);
        }
    }
    if (pairs > 0) {
        qsort(across, pairs, sizeof *across, compare_numbers);
        print_message("frames of two videos: median %.3f, 95 %% below %.3f, most %.3f\n",
                      across[pairs / 2], across[pairs * 95 / 100], across[pairs - 1]);
        assert_true(across[pairs * 95 / 100] < 0.95);
    }
    free(pictures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_painted_scenes),
        cmocka_unit_test(test_frames_of_videos),
    };
    return cmocka_run_group_tests_name("embed/visual", tests, open_model, close_model);
}
