/* Random pictures with random bars: no picture line is ever cut, and bars are nearly always found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vision/borders.h"
#include "vision_pictures.h"

enum { MARGIN = 4 };

enum mood { TEXTURED, DARK, FLAT_SIDE, MOODS };

struct sheet { /* one random picture: its bars are its truth */
    struct picture picture;
    int bars[ORI_SIDES];
    uint8_t colour[3];
    enum mood mood;
};

static int random_bar(uint64_t *seed, int side)
{
    return picture_random_below(seed, 3) ? picture_random_below(seed, side / 3 + 1) : 0;
}

/* As flat as a bar, of any colour; but where it ends is not straight. */
static void paint_sky(struct picture *picture, uint64_t *seed)
{
    const uint8_t colour[3] = {(uint8_t)(20 + picture_random_below(seed, 210)), 120, 140};
    int h = picture->height;
    int period = 8 + picture_random_below(seed, picture->width);
    int base = h / 8 + picture_random_below(seed, h / 3);
    for (int x = 0; x < picture->width; x++) {
        int slope = abs(x % period - period / 2) * h / 4 / (period / 2); /* 0 .. a quarter */
        picture_rect(picture, (struct ori_box){x, 0, 1, base + slope}, colour);
    }
}

static void paint(struct sheet *sheet, uint64_t *seed)
{
    struct picture *picture = &sheet->picture;
    int w = picture->width;
    int h = picture->height;
    picture_texture(picture, picture_random(seed));
    if (sheet->mood == DARK)
        picture_light(picture, 0.2, 12);
    if (sheet->mood == FLAT_SIDE)
        paint_sky(picture, seed);
    const int *bars = sheet->bars;
    picture_rect(picture, (struct ori_box){0, 0, w, bars[ORI_TOP]}, sheet->colour);
    picture_rect(picture, (struct ori_box){0, h - bars[ORI_BOTTOM], w, bars[ORI_BOTTOM]},
                 sheet->colour);
    picture_rect(picture, (struct ori_box){0, 0, bars[ORI_LEFT], h}, sheet->colour);
    picture_rect(picture, (struct ori_box){w - bars[ORI_RIGHT], 0, bars[ORI_RIGHT], h},
                 sheet->colour);
    picture_noise(picture, picture_random_below(seed, 3), *seed);
}

static void make_sheet(struct sheet *sheet, int width, int height, uint64_t *seed)
{
    bool is_black = picture_random_below(seed, 3) != 0;
    picture_init(&sheet->picture, width, height,
                 (enum picture_chroma)picture_random_below(seed, PICTURE_444 + 1));
    for (int side = 0; side < ORI_SIDES; side++)
        sheet->bars[side] = random_bar(seed, side < ORI_LEFT ? height : width);
    if (picture_random_below(seed, 2)) { /* as nearly all real bars: both sides alike */
        sheet->bars[ORI_BOTTOM] = sheet->bars[ORI_TOP];
        sheet->bars[ORI_RIGHT] = sheet->bars[ORI_LEFT];
    }
    for (int p = 0; p < 3; p++)
        sheet->colour[p] = (uint8_t)(is_black ? (p ? 128 : 16) : picture_random(seed));
    sheet->mood = (enum mood)picture_random_below(seed, MOODS);
}

static bool is_cut_into(const struct ori_box *box, const struct sheet *sheet)
{
    return box->x > sheet->bars[ORI_LEFT] || box->y > sheet->bars[ORI_TOP] ||
           sheet->picture.width - box->x - box->w > sheet->bars[ORI_RIGHT] ||
           sheet->picture.height - box->y - box->h > sheet->bars[ORI_BOTTOM];
}

static bool is_near(int cut, int bar)
{
    return cut >= bar - MARGIN - 2;
}

/* Has the box all that may be expected of it? min_crop_ratio is 0 here. */
static bool is_found(const struct ori_box *box, const struct sheet *sheet)
{
    return is_near(box->x, sheet->bars[ORI_LEFT]) && is_near(box->y, sheet->bars[ORI_TOP]) &&
           is_near(sheet->picture.width - box->x - box->w, sheet->bars[ORI_RIGHT]) &&
           is_near(sheet->picture.height - box->y - box->h, sheet->bars[ORI_BOTTOM]);
}

/* frames pictures behind the same bars. Returns whether the box is as good as can be. */
static bool check_sheet(struct sheet *sheet, int frames, int margin, uint64_t *seed)
{
    const struct ori_borders_options options = {.tolerance = 5,
                                                .edge_thresh = 10,
                                                .black_limit = 24,
                                                .safe_margin_px = margin,
                                                .min_crop_ratio = 0};
    struct ori_borders all;
    struct ori_box box = {0, 0, sheet->picture.width, sheet->picture.height};
    ori_borders_init(&all);
    for (int i = 0; i < frames; i++) {
        struct ori_borders borders;
        paint(sheet, seed);
        ori_borders_measure(sheet->picture.planes, &options, &borders);
        ori_borders_merge(&all, &borders);
    }
    if (ori_borders_box(&all, box.w, box.h, &options, &box)) {
        assert_true(box.w > 0 && box.h > 0 && box.x >= 0 && box.y >= 0);
        assert_true(box.x % 2 == 0 && box.y % 2 == 0);
        if (is_cut_into(&box, sheet))
            fail_msg("%d x %d, mood %d, colour %d %d %d, bars %d %d %d %d: box %d, %d, %d x %d",
                     sheet->picture.width, sheet->picture.height, (int)sheet->mood,
                     sheet->colour[0], sheet->colour[1], sheet->colour[2], sheet->bars[0],
                     sheet->bars[1], sheet->bars[2], sheet->bars[3], box.x, box.y, box.w, box.h);
    }
    return is_found(&box, sheet);
}

static void no_picture_line_is_ever_cut(void **state)
{
    (void)state;
    static const int sizes[][2] = {{16, 16},   {17, 40},   {64, 48},   {65, 49},  {128, 128},
                                   {321, 181}, {200, 320}, {320, 180}, {426, 240}};
    uint64_t seed = 2024;
    int textured = 0;
    int found = 0;
    for (int i = 0; i < 270; i++) {
        const int *size = sizes[i % 9];
        struct sheet sheet;
        make_sheet(&sheet, size[0], size[1], &seed);
        bool is_found = check_sheet(&sheet, 1 + i % 3, MARGIN, &seed);
        bool is_black = sheet.colour[0] == 16 && sheet.colour[1] == 128;
        bool is_pair = sheet.bars[ORI_TOP] == sheet.bars[ORI_BOTTOM] &&
                       sheet.bars[ORI_LEFT] == sheet.bars[ORI_RIGHT];
        if (sheet.mood == TEXTURED && size[0] >= 64 && is_black && is_pair) {
            textured++;
            found += is_found;
        }
        picture_deinit(&sheet.picture);
    }
    assert_true(textured > 20);
    if (found < textured * 95 / 100)
        fail_msg("%d of %d found", found, textured);
}

static void large_pictures_are_treated_alike(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 4; i++) {
        struct sheet sheet;
        make_sheet(&sheet, i % 2 ? 1920 : 1279, i % 2 ? 1080 : 721, &seed);
        sheet.mood = TEXTURED;
        check_sheet(&sheet, 1, MARGIN, &seed);
        picture_deinit(&sheet.picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_picture_line_is_ever_cut),
        cmocka_unit_test(large_pictures_are_treated_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
