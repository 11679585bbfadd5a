#include "vision_pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/status.h"

#define WAVES 6
#define RECTS 8

uint32_t picture_random(uint64_t *seed)
{
    *seed += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64, Steele et al. 2014 */
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

int picture_random_below(uint64_t *seed, int n)
{
    return (int)(((uint64_t)picture_random(seed) * (uint64_t)n) >> 32);
}

double picture_random_bell(uint64_t *seed, double sigma)
{
    double sum = 0; /* of six uniform numbers, variance 1/12 each */
    for (int i = 0; i < 3; i++) {
        uint32_t bits = picture_random(seed);
        sum += (bits & 0xFFFF) + (bits >> 16);
    }
    return (sum / 65536.0 - 3) * sigma * 1.4142135623730951;
}

static uint8_t clamp(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

static int shift_x(const struct picture *picture, int plane)
{
    return plane && (picture->chroma == PICTURE_420 || picture->chroma == PICTURE_422);
}

static int shift_y(const struct picture *picture, int plane)
{
    return plane && picture->chroma == PICTURE_420;
}

static int plane_count(const struct picture *picture)
{
    return picture->chroma == PICTURE_GREY ? 1 : 3;
}

static size_t plane_size(const struct picture *picture, int p)
{
    return (size_t)picture->planes[p].width * (size_t)picture->planes[p].height;
}

void picture_init(struct picture *picture, int width, int height, enum picture_chroma chroma)
{
    static const uint8_t black[3] = {16, 128, 128};
    *picture = (struct picture){.width = width, .height = height, .chroma = chroma};
    for (int p = 0; p < plane_count(picture); p++) {
        struct ori_plane *plane = &picture->planes[p];
        plane->width = (width + shift_x(picture, p)) >> shift_x(picture, p);
        plane->height = (height + shift_y(picture, p)) >> shift_y(picture, p);
        plane->stride = plane->width;
        picture->samples[p] = malloc(plane_size(picture, p));
        ORI_ASSERT(picture->samples[p]);
        plane->data = picture->samples[p];
    }
    picture_fill(picture, black);
}

void picture_deinit(struct picture *picture)
{
    for (int p = 0; p < 3; p++)
        free(picture->samples[p]);
    memset(picture, 0, sizeof *picture);
}

void picture_fill(struct picture *picture, const uint8_t colour[3])
{
    for (int p = 0; p < plane_count(picture); p++)
        memset(picture->samples[p], colour[p], plane_size(picture, p));
}

void picture_rect(struct picture *picture, struct ori_box box, const uint8_t colour[3])
{
    if (box.w <= 0 || box.h <= 0)
        return;
    for (int p = 0; p < plane_count(picture); p++) {
        int left = box.x >> shift_x(picture, p);
        int top = box.y >> shift_y(picture, p);
        int right = (box.x + box.w + shift_x(picture, p)) >> shift_x(picture, p);
        int bottom = (box.y + box.h + shift_y(picture, p)) >> shift_y(picture, p);
        for (int y = top; y < bottom; y++)
            memset(picture->samples[p] + (ptrdiff_t)y * picture->planes[p].stride + left, colour[p],
                   (size_t)(right - left));
    }
}

struct texture {
    double wave_x[WAVES];
    double wave_y[WAVES];
    double phase[WAVES];
    double strength[WAVES];
    uint64_t seed;
};

static struct texture texture_of(uint64_t seed)
{
    struct texture texture = {.seed = seed};
    for (int i = 0; i < WAVES; i++) {
        double length = 12 + picture_random_below(&seed, 90); /* samples a period */
        double angle = picture_random_below(&seed, 628) / 100.0;
        texture.wave_x[i] = cos(angle) * 6.2831853 / length;
        texture.wave_y[i] = sin(angle) * 6.2831853 / length;
        texture.phase[i] = picture_random_below(&seed, 628) / 100.0;
        texture.strength[i] = 6 + picture_random_below(&seed, 12);
    }
    return texture;
}

/* -1..1, a number for each point of a lattice. */
static double lattice(uint64_t seed, int x, int y)
{
    uint64_t state = seed ^ ((uint64_t)(uint32_t)x << 32) ^ (uint32_t)y;
    return picture_random(&state) / 2147483648.0 - 1;
}

static double blotches(uint64_t seed, int x, int y, int cell)
{
    int cx = x / cell;
    int cy = y / cell;
    double fx = (double)(x % cell) / cell;
    double fy = (double)(y % cell) / cell;
    double top = lattice(seed, cx, cy) * (1 - fx) + lattice(seed, cx + 1, cy) * fx;
    double low = lattice(seed, cx, cy + 1) * (1 - fx) + lattice(seed, cx + 1, cy + 1) * fx;
    return top * (1 - fy) + low * fy;
}

/* One row, samples `step` apart: the waves turn by a fixed angle from sample to sample. */
static void texture_row(const struct texture *texture, int y, int step, int n, double gain,
                        uint8_t *ret_row)
{
    double across[WAVES], along[WAVES], turn_sin[WAVES], turn_cos[WAVES];
    for (int i = 0; i < WAVES; i++) {
        double angle = y * texture->wave_y[i] + texture->phase[i];
        across[i] = texture->strength[i] * sin(angle);
        along[i] = texture->strength[i] * cos(angle);
        turn_sin[i] = sin(step * texture->wave_x[i]);
        turn_cos[i] = cos(step * texture->wave_x[i]);
    }
    for (int x = 0; x < n; x++) {
        double value = 60 * blotches(texture->seed, x * step, y, 40) +
                       25 * blotches(texture->seed + 1, x * step, y, 9);
        for (int i = 0; i < WAVES; i++) {
            double before = across[i];
            value += before;
            across[i] = before * turn_cos[i] + along[i] * turn_sin[i];
            along[i] = along[i] * turn_cos[i] - before * turn_sin[i];
        }
        ret_row[x] = clamp(126 + gain * value);
    }
}

void picture_texture(struct picture *picture, uint64_t seed)
{
    for (int p = 0; p < plane_count(picture); p++) {
        struct texture texture = texture_of(seed * 3 + (uint64_t)p + 1);
        double gain = p ? 0.4 : 1;
        const struct ori_plane *plane = &picture->planes[p];
        for (int y = 0; y < plane->height; y++)
            texture_row(&texture, y << shift_y(picture, p), 1 << shift_x(picture, p), plane->width,
                        gain, picture->samples[p] + y * plane->stride);
    }
    uint64_t state = seed;
    for (int i = 0; i < RECTS; i++) { /* things with edges */
        uint8_t colour[3];
        for (int p = 0; p < 3; p++)
            colour[p] = (uint8_t)(p ? 96 + picture_random_below(&state, 64)
                                    : 30 + picture_random_below(&state, 200));
        struct ori_box box = {picture_random_below(&state, picture->width),
                              picture_random_below(&state, picture->height),
                              picture->width / 12 + 1, picture->height / 8 + 1};
        box.w = box.x + box.w > picture->width ? picture->width - box.x : box.w;
        box.h = box.y + box.h > picture->height ? picture->height - box.y : box.h;
        picture_rect(picture, box, colour);
    }
}

void picture_window(struct picture *picture, const struct picture *world, int x, int y)
{
    for (int p = 0; p < plane_count(picture); p++) {
        const struct ori_plane *from = &world->planes[p];
        const uint8_t *row =
            from->data + (y >> shift_y(picture, p)) * from->stride + (x >> shift_x(picture, p));
        for (int j = 0; j < picture->planes[p].height; j++, row += from->stride)
            memcpy(picture->samples[p] + (ptrdiff_t)j * picture->planes[p].stride, row,
                   (size_t)picture->planes[p].width);
    }
}

void picture_mix(struct picture *picture, const struct picture *a, const struct picture *b,
                 double share_of_b)
{
    for (int p = 0; p < plane_count(picture); p++) {
        for (size_t i = 0; i < plane_size(picture, p); i++)
            picture->samples[p][i] =
                clamp(a->samples[p][i] + share_of_b * (b->samples[p][i] - a->samples[p][i]));
    }
}

void picture_copy(struct picture *picture, const struct picture *from)
{
    for (int p = 0; p < plane_count(picture); p++)
        memcpy(picture->samples[p], from->samples[p], plane_size(picture, p));
}

void picture_light(struct picture *picture, double gain, double offset)
{
    uint8_t map[2][256];
    for (int i = 0; i < 256; i++) {
        map[0][i] = clamp(i * gain + offset);
        map[1][i] = clamp((i - 128) * gain + 128);
    }
    for (int p = 0; p < plane_count(picture); p++) {
        for (size_t i = 0; i < plane_size(picture, p); i++)
            picture->samples[p][i] = map[p > 0][picture->samples[p][i]];
    }
}

void picture_noise(struct picture *picture, double sigma, uint64_t seed)
{
    for (int p = 0; p < plane_count(picture); p++) {
        for (size_t i = 0; i < plane_size(picture, p); i++)
            picture->samples[p][i] =
                clamp(picture->samples[p][i] + picture_random_bell(&seed, sigma));
    }
}

static void blur_line(uint8_t *samples, ptrdiff_t step, int n, int radius, uint8_t *scratch)
{
    for (int i = 0; i < n; i++) {
        int sum = 0;
        for (int k = -radius; k <= radius; k++) {
            int at = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;
            sum += samples[at * step];
        }
        scratch[i] = (uint8_t)((sum + radius) / (2 * radius + 1));
    }
    for (int i = 0; i < n; i++)
        samples[i * step] = scratch[i];
}

void picture_blur(struct picture *picture, int radius)
{
    int longer = picture->width > picture->height ? picture->width : picture->height;
    uint8_t *scratch = malloc((size_t)longer);
    ORI_ASSERT(scratch);
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < picture->height; y++)
            blur_line(picture->samples[0] + (ptrdiff_t)y * picture->width, 1, picture->width,
                      radius, scratch);
        for (int x = 0; x < picture->width; x++)
            blur_line(picture->samples[0] + x, picture->width, picture->height, radius, scratch);
    }
    free(scratch);
}

void picture_thumb(const struct picture *picture, struct ori_thumb *ret_thumb)
{
    ori_thumb_make(picture->planes, 1, ret_thumb);
}
