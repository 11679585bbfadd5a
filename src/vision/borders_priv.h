#pragma once
/* vision/borders_priv.h: one side of a picture as lines, shared by borders_lines.c (what a line says),
 * borders_side.c (where the bar of one side ends in one frame), borders_blurred.c (sides that are a
 * blurred copy of the picture) and borders.c (what frames say together).
 * Units  sixteenths of a code value, lines counted from the outside */
#include "vision/borders.h"

#define BORDER_BLOCK 16 /* luma samples averaged along a line: takes noise, leaves writing */
#define BORDER_CHROMA_BLOCK 8
#define BORDER_BLOCKS_MAX 2048 /* a line of 32,768 samples */
#define BORDER_STRETCHES 64
#define BORDER_RANGE_LINES 16
#define BORDER_RINGING_LINES 16 /* so near to an edge it rings: a transform block and its filter */
#define BORDER_STRAIGHT 0.9     /* share of the stretches of an edge that is straight */

/* One side seen as lines that run along it: line 0 is the outermost. */
struct border_lines {
    const uint8_t *first; /* sample 0 of line 0 */
    ptrdiff_t along;      /* from a sample to its neighbour on the line */
    ptrdiff_t inward;     /* from a line to the next */
    int length;           /* samples a line */
    int count;            /* lines up to the opposite side */
};

/* Sixteen neighbouring lines that run down the picture are looked at in one pass, since their samples
 * lie side by side. */
struct border_ranges {
    int flat_line;  /* found flat last; -1: none */
    int first_line; /* -1: nothing yet */
    uint8_t low[BORDER_RANGE_LINES];
    uint8_t high[BORDER_RANGE_LINES];
};

struct border_view {
    struct border_lines luma;
    struct border_lines chroma[2];
    bool has_chroma;
    int chroma_step; /* luma lines a chroma line covers: 1 or 2 */
    int chroma_lag;  /* luma lines that the outermost chroma line lacks: 1 at odd far sides */
    int colour;      /* sixteenths */
    int chroma_colour[2];
    struct border_ranges ranges[3];
};

struct border_strays {
    int largest;  /* deviation of a block from the colour, sixteenths */
    double share; /* of blocks over the tolerance */
};

/* The lines of one side, without skip samples at both of their ends. */
struct border_lines borders_lines_of(const struct ori_plane *plane, enum ori_side side,
                                     int skip_head, int skip_tail);
/* Means of the blocks along one line; the last, shorter one counts when it is half a block or more.
 * Returns how many: BORDER_BLOCKS_MAX at most. */
int borders_block_means(const struct border_lines *lines, int line, int block, int *ret_means);
/* Of a line's blocks. ret_stray: how far the block farthest from the median lies from it. */
int borders_median(const struct border_lines *lines, int line, int block, int *ret_stray);
/* Of a line's blocks from the view's colours, of luma and chroma. */
struct border_strays borders_strays(struct border_view *view, int line, int tolerance);

/* What one frame shows of one side. */
void borders_measure_side(const struct ori_plane planes[3], enum ori_side side, int skip_head,
                          int skip_tail, const struct ori_borders_options *options,
                          struct ori_borders *borders);

/* What one frame shows of one side that may be blurred: compares 64 places of each line. */
void borders_measure_blurred(const struct ori_plane *luma, enum ori_side side,
                             struct ori_borders *borders);
void borders_merge_blurred(struct ori_borders *into, const struct ori_borders *more, int side);
/* Lines of a soft side behind which frames have shown a straight edge; 0: none. */
int borders_blurred_lines(const struct ori_borders *borders, int side);
/* Do this side and the opposite one have such lines, as many, and more than one colour? */
bool borders_are_blurred(const struct ori_borders *borders, int side);
