#pragma once
/* vision_film.h: films of synthetic pictures whose cuts are known by construction.
 * A film is a table of shots; frames are made one by one. Times are those of the frame rate, or of
 * gaps that vary. Pictures are 256 x 144, thumbs 128 x 72. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vision/scenes.h"
#include "vision_pictures.h"

enum {
    FILM_WIDTH = 256,
    FILM_HEIGHT = 144,
    FILM_TEXTURES = 8,
    FILM_FOUND_MAX = 64,
    FILM_BLACK = -1, /* texture of a shot: nothing but black */
    FILM_WHITE = -2,
    FILM_NOISE = -3 /* every frame is another picture */
};

enum film_change { FILM_STILL, FILM_DISSOLVE, FILM_WIPE };

struct film_shot {
    double seconds;
    int texture;             /* 0 .. FILM_TEXTURES - 1, or one of the above */
    enum film_change change; /* to texture_to, over the whole shot */
    int texture_to;
    int pan_x, pan_y;            /* samples a second */
    double light_from, light_to; /* gain, linear over the shot; both 0: 1 */
    double noise;
    double white; /* share of white mixed in: a flash */
    int object;   /* side of a bright square that crosses the picture; 0: none */
};

struct film {
    const struct film_shot *shots;
    size_t shot_count;
    double fps; /* 0: gaps vary between 1/60 and 1/8 s */
    struct picture worlds[FILM_TEXTURES];
    struct picture frame;
    struct picture other;
};

void film_init(struct film *film);
void film_deinit(struct film *film);
void film_set(struct film *film, const struct film_shot *shots, size_t shot_count, double fps);
/* Frame number i: makes its picture and thumb. False after the end; ret_shot: where it lies. */
bool film_frame(struct film *film, size_t i, struct ori_thumb *ret_thumb, int64_t *ret_pts_us,
                size_t *ret_shot);
/* pts of the first frame of a shot, and the end of the film. */
int64_t film_shot_us(const struct film *film, size_t shot);

/* What the scene detector makes of the film. Along the way it is held to its promises about
 * order, what is settled, and ranges (cmocka's asserts). */
struct film_run {
    struct ori_boundary found[FILM_FOUND_MAX]; /* flashes left out */
    size_t count;
    size_t flashes;
    int64_t lag_us; /* of settled behind the newest frame, at most, in frames that are not blank */
};
struct film_run film_run(struct film *film, double threshold);
void film_run_say(const struct film_run *run);

/* A film as cmocka's state of a group. */
int film_make(void **state);
int film_drop(void **state);
