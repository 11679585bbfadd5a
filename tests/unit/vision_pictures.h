#pragma once
/* vision_pictures.h: pictures made by code, whose truth is known, for the tests of src/vision.
 * Ownership   a picture owns its planes; each plane is one allocation of exactly its size, so that
 *             a read one byte beyond it is seen by AddressSanitizer
 * Repeatable  everything random comes from the seed alone */
#include <stdint.h>

#include "util/plane.h"
#include "vision/thumb.h"

enum picture_chroma { PICTURE_GREY, PICTURE_420, PICTURE_422, PICTURE_444 };

struct picture {
    int width;
    int height;
    enum picture_chroma chroma;
    uint8_t *samples[3];
    struct ori_plane planes[3]; /* views of samples; U and V of width 0 when grey */
};

/* 0 .. UINT32_MAX, 0 .. n - 1, and a bell of that standard deviation. */
uint32_t picture_random(uint64_t *seed);
int picture_random_below(uint64_t *seed, int n);
double picture_random_bell(uint64_t *seed, double sigma);

void picture_init(struct picture *picture, int width, int height, enum picture_chroma chroma);
void picture_deinit(struct picture *picture);

void picture_fill(struct picture *picture, const uint8_t colour[3]);
/* box in luma samples; chroma samples that it covers even in part are painted. */
void picture_rect(struct picture *picture, struct ori_box box, const uint8_t colour[3]);
/* Waves, blotches and edges, luma about 20..235; another seed is another picture. */
void picture_texture(struct picture *picture, uint64_t seed);
/* The part of world (same chroma) that begins at x, y: even numbers. */
void picture_window(struct picture *picture, const struct picture *world, int x, int y);
void picture_mix(struct picture *picture, const struct picture *a, const struct picture *b,
                 double share_of_b);
void picture_copy(struct picture *picture, const struct picture *from);
/* Luma becomes gain * luma + offset, clamped; chroma keeps gain of its distance to 128. */
void picture_light(struct picture *picture, double gain, double offset);
void picture_noise(struct picture *picture, double sigma, uint64_t seed);
/* Box blur of luma, twice. */
void picture_blur(struct picture *picture, int radius);

void picture_thumb(const struct picture *picture, struct ori_thumb *ret_thumb);
