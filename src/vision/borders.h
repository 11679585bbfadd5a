#pragma once
/* vision/borders.h: bars around the picture: letterbox, pillarbox, window box, of any one colour.
 * Call order  measure each frame; merge what belongs together (frames of a scene, scenes of a
 *             video); ask for the box
 * Promise     never removes a line of picture: a line is border only while every 16-sample block
 *             of it, luma and chroma, stays within `tolerance` of the side's own colour in every
 *             frame; one block that strays once ends the bar there. Only the codec's ringing is
 *             forgiven, beside a straight edge that explains it, and a faint cast of the scene before
 *             in few frames. Safety margin and even alignment then widen the box
 * Margin      counted from the edge, which is the line where most frames jump from bar to picture all
 *             along; what strays less than `safe_margin_px` before it is neither removed nor a reason
 *             for a second margin
 * Evidence    a plain sky or a dark film has flat lines too. So a side counts only where its edge
 *             is straight: the share of 64 stretches along the edge that have shown a step of
 *             `edge_thresh` within 4 lines of it, over all frames and in a single one: what moves
 *             past a plain wall draws a straight edge too, but piece by piece. A pair of black bars
 *             of the same size needs 0.35 of both, any other bar more (proved_lines in borders.c)
 * Blurred     opposite sides of like width that are soft, each parted by one straight line from what is
 *             sharp, in 0.6 of the frames at the same place: a soft sky or a shallow depth of field
 *             have no such line
 * Blank       frames of one colour say nothing and change nothing
 * Cost        reads the bars and a few lines more, not the picture
 * Threads     pure functions, no allocation
 * Units       full-size luma samples; chroma lines count for the luma lines they cover */
#include <stdbool.h>
#include <stdint.h>

#include "util/plane.h"

enum ori_side { ORI_TOP, ORI_BOTTOM, ORI_LEFT, ORI_RIGHT, ORI_SIDES };

#define ORI_BORDER_UNKNOWN INT32_MAX /* no frame has said anything about this side */

#define ORI_BORDER_REACH 8  /* lines behind a bar that its edge may stand at */
#define ORI_BORDER_LINES 16 /* that votes are told apart by: more than are ever compared */

struct ori_borders_options {
    double tolerance;   /* code values, VP_TOLERANCE */
    double edge_thresh; /* code values, VP_EDGE_THRESH */
    int black_limit;    /* luma at or below it is black, VP_CROP_CROPDETECT's first number */
    bool is_over_text;  /* writing inside a bar is cut away with it */
    bool is_blurred;    /* sides filled with a blurred copy of the picture are borders too */
    int safe_margin_px;
    double min_crop_ratio;
};

/* What frames have shown about each side. Zero-initialised is not valid: ori_borders_init. */
struct ori_borders {
    int32_t thickness[ORI_SIDES]; /* border lines, ringing forgiven; ORI_BORDER_UNKNOWN, or 0 */
    int32_t clean[ORI_SIDES];     /* the same with nothing forgiven, <= thickness */
    int32_t edge[ORI_SIDES];    /* where the steps were seen: at thickness, or a little behind it */
    uint64_t steps[ORI_SIDES];  /* stretches of the edge that have shown a step */
    int32_t at_once[ORI_SIDES]; /* most of them that one frame has shown */
    bool is_black[ORI_SIDES];
    uint32_t frames[ORI_SIDES];      /* that have said something */
    uint32_t cast_frames[ORI_SIDES]; /* those of them with a faint cast on the bar, */
    int32_t cast[ORI_SIDES];         /* and its thickness if the cast is picture; else UNKNOWN */
    /* By line modulo ORI_BORDER_LINES: frames whose picture begins at once there, and frames without
     * such a line whose first loud stray is there. */
    uint16_t votes[ORI_SIDES][ORI_BORDER_LINES];
    uint16_t doubts[ORI_SIDES][ORI_BORDER_LINES];
    /* With is_blurred, else 0: */
    int32_t blurred[ORI_SIDES];         /* lines outside a straight edge where detail begins */
    uint32_t blurred_votes[ORI_SIDES];  /* frames that have shown it there, one line off at most, */
    uint32_t blurred_frames[ORI_SIDES]; /* of so many with anything to see; */
    uint32_t blurred_varied[ORI_SIDES]; /* frames that had more than one colour outside of it */
};

void ori_borders_init(struct ori_borders *borders);
/* One frame's own evidence. planes: luma, U, V at full size (U of width 0: grey). */
void ori_borders_measure(const struct ori_plane planes[3],
                         const struct ori_borders_options *options,
                         struct ori_borders *ret_borders);
/* into := what both say together: the thinner bar wins. An edge that one of them saw from end to end
 * also proves a bar that is a few lines thinner in the other: ringing, or words near the picture. Order
 * does not matter, save for bars that differ by one line, which count as the same edge. */
void ori_borders_merge(struct ori_borders *into, const struct ori_borders *more);

/* The box to keep. False when there is nothing (worth) removing. */
bool ori_borders_box(const struct ori_borders *borders, int width, int height,
                     const struct ori_borders_options *options, struct ori_box *ret_box);
/* Could a picture with these borders be cropped to box and lose nothing? */
bool ori_borders_allow(const struct ori_borders *borders, int width, int height,
                       const struct ori_box *box);
