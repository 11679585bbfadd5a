#pragma once
/* vision_gallery.h: runs the frame chooser over a film (vision_film.h) with pictures that count
 * their references, and holds it to its promises about order and ownership on the way. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vision/choose.h"
#include "vision_film.h"

enum { GALLERY_FRAMES_MAX = 1200, GALLERY_CHOICES_MAX = 64 };

struct gallery;

struct fake { /* a picture that only knows whether it lives, and where it came from */
    struct gallery *gallery;
    int refs;
    int64_t pts_us;
    size_t shot;
};

struct gallery {
    struct fake fakes[GALLERY_FRAMES_MAX];
    size_t made;
    int alive;
    int alive_max;
    int refs_left; /* that ref may still give */
};

struct outcome {
    ori_status status;
    struct ori_choice choices[GALLERY_CHOICES_MAX];
    size_t shots[GALLERY_CHOICES_MAX]; /* of the choices */
    size_t choice_count;
    size_t filler_count;
    struct ori_scene scenes[GALLERY_CHOICES_MAX];
    size_t scene_count;
    bool is_full;
};

struct stage { /* cmocka's state */
    struct film film;
    struct gallery gallery;
};

struct ori_chooser_options gallery_usual_options(void);
/* Runs the film, or its first `frames` frames without an end. Whatever happens, every picture is
 * released exactly once. */
struct outcome gallery_run(struct stage *stage, const struct ori_chooser_options *options,
                           size_t frames);
/* The whole film of these shots. */
struct outcome gallery_run_all(struct stage *stage, const struct film_shot *shots, size_t count,
                               double fps, const struct ori_chooser_options *options);
size_t gallery_choices_of_shot(const struct outcome *outcome, size_t shot);

int gallery_make(void **state);
int gallery_drop(void **state);
