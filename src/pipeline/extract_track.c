/* The score track that a run was asked for: a frame waits here until the detector has decided it,
 * then its SCORE is said, with the LOOK that it was decided by. Behind a long stretch of one colour
 * the detector decides only when a picture comes back: past WAIT_MAX the oldest goes without. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/extract_priv.h"
#include "util/limits.h"

#define WAIT_MAX 256 /* four times what the detector looks at before it decides */

struct track_frame {
    struct ori_thumb thumb;
    int64_t pts_us;
    double score;
    double classic;
    bool has_score;
    bool is_decided;
};
struct extract_track {
    struct track_frame frames[WAIT_MAX]; /* ring, in order of time */
    size_t first;
    size_t count;
    uint32_t said;
    struct ori_msg_look look; /* as it is sent: too large for a stack */
};

ori_status extract_track_create(struct extract *extract, struct ori_error *err)
{
    extract->track = calloc(1, sizeof *extract->track);
    return extract->track ? ORI_OK : ori_error_set(err, ORI_NOMEM, "score track");
}

static struct track_frame *frame_at(struct extract_track *track, size_t i)
{
    return &track->frames[(track->first + i) % WAIT_MAX];
}

static void add_plane(uint8_t **to, const uint8_t *samples, int width, int height)
{
    size_t bytes = (size_t)width * (size_t)height;
    memcpy(*to, samples, bytes);
    *to += bytes;
}

static ori_status say_look(struct extract *extract, const struct ori_thumb *thumb,
                           struct ori_error *err)
{
    struct ori_msg_look *look = &extract->track->look;
    uint8_t *to = look->samples;
    memset(look, 0, sizeof *look);
    look->type = ORI_MSG_LOOK;
    look->width = thumb->width;
    look->height = thumb->height;
    look->chroma_width = thumb->chroma_width;
    look->chroma_height = thumb->chroma_height;
    add_plane(&to, thumb->luma, thumb->width, thumb->height);
    add_plane(&to, thumb->chroma[0], thumb->chroma_width, thumb->chroma_height);
    add_plane(&to, thumb->chroma[1], thumb->chroma_width, thumb->chroma_height);
    return ori_child_side_send(extract->side, look, sizeof *look, err);
}

static ori_status say_first(struct extract *extract, struct ori_error *err)
{
    struct extract_track *track = extract->track;
    const struct track_frame *frame = frame_at(track, 0);
    struct ori_msg_score score = {.type = ORI_MSG_SCORE,
                                  .has_score = frame->has_score,
                                  .pts_us = frame->pts_us > 0 ? frame->pts_us : 0,
                                  .score = frame->score < 1 ? frame->score : 1,
                                  .classic = frame->classic};
    track->first = (track->first + 1) % WAIT_MAX;
    track->count--;
    if (track->said == ORI_LIMIT_MAX_CHILD_SCORES)
        return ORI_OK;
    track->said++;
    ori_status status = ori_child_side_send(extract->side, &score, sizeof score, err);
    if (status == ORI_OK && extract->side->start.tells & ORI_TELL_LOOKS)
        status = say_look(extract, &frame->thumb, err);
    return status;
}

ori_status extract_track_add(struct extract *extract, const struct ori_thumb *thumb, int64_t pts_us,
                             double classic, struct ori_error *err)
{
    struct extract_track *track = extract->track;
    bool is_classic = extract->options->is_classic != 0;
    ori_status status = ORI_OK;
    if (track->count == WAIT_MAX)
        status = say_first(extract, err);
    if (status != ORI_OK)
        return status;
    struct track_frame *frame = frame_at(track, track->count++);
    bool is_blank = ori_thumb_is_blank(thumb, extract->options->solid_std);
    frame->thumb = *thumb;
    frame->pts_us = pts_us;
    frame->classic = classic;
    frame->score = is_classic ? classic : 0;
    frame->has_score = is_classic;
    frame->is_decided = is_classic || is_blank;
    return ORI_OK;
}

ori_status extract_track_flush(struct extract *extract, bool is_end, struct ori_error *err)
{
    struct extract_track *track = extract->track;
    int64_t pts_us = 0;
    double score = 0;
    ori_status status = ORI_OK;
    size_t at = 0;
    while (!extract->options->is_classic &&
           ori_chooser_take_score(extract->chooser, &pts_us, &score)) {
        while (at < track->count && frame_at(track, at)->pts_us < pts_us)
            at++;
        if (at == track->count || frame_at(track, at)->pts_us != pts_us)
            continue; /* it went without */
        struct track_frame *frame = frame_at(track, at);
        frame->score = score;
        frame->has_score = true;
        frame->is_decided = true;
    }
    while (status == ORI_OK && track->count && (is_end || frame_at(track, 0)->is_decided))
        status = say_first(extract, err);
    return status;
}

bool extract_track_is_full(const struct extract *extract)
{
    return extract->track && extract->track->said == ORI_LIMIT_MAX_CHILD_SCORES;
}
