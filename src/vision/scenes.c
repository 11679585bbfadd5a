/* How it works: two delay lines, one behind the other.
 *   recent    every frame of the last 0.3 s or more. When a frame leaves it, its neighbours on both
 *             sides are known, and so is whether a flash has ended: cuts are decided here
 *   samples   about 12 frames a second of the last 2.6 s, fed by what leaves `recent`: gradual
 *             transitions are sought between its members; a cut or a blank empties it
 * Blank frames are taken out before both lines; only their begin and end are kept. */
#include "vision/scenes.h"

#include <stdlib.h>
#include <string.h>

#include "vision/likeness.h"

#define RECENT_MAX 64
#define NEIGHBOURS 3
#define MOTION_US 700000 /* frames further apart tell less of each other's motion, */
#define FAR_SHARE 0.5    /* this much of it */
#define SAMPLES_MAX 36
#define PENDING_MAX 32
#define FLASH_US 300000
#define FLASH_UNLIKE 0.3     /* what returns after a flash differs at most so much, */
#define BLANK_UNLIKE 0.4     /* after black or white, */
#define FLASH_UNLIKE_MAX 0.5 /* and with motion */
#define WASHED_OUT                                                                                 \
    0.5 /* of the contrast of the frame before, and brighter: a flash if it comes back */
#define SAMPLE_GAP_US 80000
#define FADE_REST_US 110000
#define FADE_GAIN 1.025 /* in FADE_REST_US: less, and the fade is over */
#define FADE_MIN_US 80000
#define FADE_DIM 20.0       /* a video that begins with less contrast may be coming up */
#define FALL 0.997          /* of the contrast of the frame before: a fade-out loses more */
#define FADE_SHARE 0.7      /* of the contrast to come: more, and the picture is there already */
#define SCENE_MIN_US 120000 /* shorter than any shot a person can see as one */
#define CUT_SCALE 0.63 /* unlikeness over the neighbours' that counts as the threshold's scale */
#define SAME_STRUCTURE 0.72  /* light changed, not the scene */
#define GRADUAL_UNLIKE 0.75  /* ends of a transition differ at least so much */
#define USUAL_THRESHOLD 0.22 /* which GRADUAL_UNLIKE was tuned at */
#define WHIP 0.9             /* frames of a mixture are less unlike than this, */
#define WHIP_GAP_US 110000   /* when they are no farther apart */
#define JERK_RESIDUE 0.3     /* what a shift leaves of the change when the camera jerks */
#define PAN_RESIDUE_MAX 0.7  /* in grain; some step of every mixture is at 1 */
#define PAN_RESIDUE 0.4  /* what a shift leaves of the change: a pan 0.3, a dissolve or wipe 0.85 */
#define CALM 0.9         /* of the rate of change inside a transition: what surrounds it has less */
#define SHARE_NOISE 0.06 /* motion alone may look like a share of this */
#define GRADUAL_RESIDUE 0.42 /* and the frames in between are mixtures to this degree */

struct recent {
    struct ori_thumb thumb;
    int64_t pts_us;
    int64_t gap_us;        /* to the frame before */
    double change;         /* unlikeness to the frame before; 0 after a blank run */
    int64_t blank_from_us; /* a blank run ended just before this frame; -1: none */
    bool is_after_blank;   /* or the first frame of all */
    bool is_flash;
};

struct sample {
    struct ori_thumb thumb;
    int64_t pts_us;
    double change; /* to the sample before */
    double jump;   /* the largest change from one frame to the next since then */
    double shift;  /* what a shift leaves of the change; negative: not asked for */
    bool is_fading_in;
};

struct transition { /* indices into samples */
    size_t from;
    size_t middle;
    size_t to;
};

struct decided {
    int64_t pts_us;
    double score;
};

struct ori_scenes {
    struct ori_scenes_options options;
    struct recent recent[RECENT_MAX]; /* ring */
    size_t recent_first;
    size_t recent_count;
    size_t recent_left; /* members in front of the ring that were decided: kept as neighbours */
    struct sample samples[SAMPLES_MAX]; /* oldest first */
    size_t sample_count;
    double jump;                              /* since the newest sample */
    struct ori_boundary pending[PENDING_MAX]; /* found, not taken */
    size_t pending_count;
    struct decided decided[2 * RECENT_MAX]; /* not taken: one push decides RECENT_MAX at most */
    size_t decided_count;
    struct ori_thumb last_seen; /* newest frame that is not blank */
    int64_t last_seen_us;
    bool has_last_seen;
    bool has_blank_run;
    int64_t blank_from_us;
    int64_t last_boundary_us;
    int64_t flash_until_us;
    int64_t settled_us;
    bool is_fading_in; /* after a blank: the picture still gains contrast, no place for mixtures */
    double fade_std;
    int64_t fade_begin_us;
    int64_t fade_us; /* when it last gained */
    int64_t fall_us; /* since when every frame has had less contrast than the one before */
    bool has_ended;
};

bool ori_thumb_is_blank(const struct ori_thumb *thumb, double solid_std)
{
    return thumb->std < solid_std && thumb->chroma_std < solid_std;
}

ori_status ori_scenes_create(const struct ori_scenes_options *options,
                             struct ori_scenes **ret_scenes, struct ori_error *err)
{
    ORI_ASSERT(options && ret_scenes);
    struct ori_scenes *scenes = calloc(1, sizeof *scenes);
    if (!scenes)
        return ori_error_set(err, ORI_NOMEM, "scene detector");
    scenes->options = *options;
    scenes->last_boundary_us = INT64_MIN / 2;
    scenes->flash_until_us = INT64_MIN / 2;
    scenes->settled_us = INT64_MIN / 2;
    *ret_scenes = scenes;
    return ORI_OK;
}

void ori_scenes_destroy(struct ori_scenes **scenes)
{
    free(*scenes);
    *scenes = NULL;
}

static struct recent *recent_at(struct ori_scenes *scenes, size_t i)
{
    return &scenes->recent[(scenes->recent_first + i) % RECENT_MAX];
}

static void add_boundary(struct ori_scenes *scenes, struct ori_boundary boundary)
{
    bool is_boundary = boundary.kind != ORI_BOUNDARY_FLASH;
    if (is_boundary && boundary.pts_us - scenes->last_boundary_us < SCENE_MIN_US)
        return;
    if (scenes->pending_count == PENDING_MAX) /* the caller takes after each push: cannot fill */
        return;
    if (is_boundary)
        scenes->last_boundary_us = boundary.pts_us;
    scenes->pending[scenes->pending_count++] = boundary;
}

/* Mean of the two largest changes around member i of the recent line. Those far away count less: a
 * slide may be one frame for seconds, and what comes before and after it is no motion. */
static double neighbour_change(struct ori_scenes *scenes, size_t i)
{
    int64_t at_us = recent_at(scenes, i)->pts_us;
    double first = 0;
    double second = 0;
    size_t from = i > NEIGHBOURS ? i - NEIGHBOURS : 0;
    for (size_t k = from; k <= i + NEIGHBOURS && k < scenes->recent_count; k++) {
        const struct recent *other = recent_at(scenes, k);
        bool is_far = llabs((long long)(other->pts_us - at_us)) > MOTION_US;
        double change = k == i ? 0 : is_far ? FAR_SHARE * other->change : other->change;
        if (change > first) {
            second = first;
            first = change;
        } else if (change > second) {
            second = change;
        }
    }
    return (first + second) / 2;
}

/* How unlike the picture after a flash may be to the one before it: they are two shots from
 * FLASH_UNLIKE on, and motion goes on while the flash lasts. */
static double flash_limit(struct ori_scenes *scenes, size_t i)
{
    double limit = recent_at(scenes, i)->blank_from_us >= 0 ? BLANK_UNLIKE : FLASH_UNLIKE;
    double motion = 0;
    for (size_t k = i > NEIGHBOURS ? i - NEIGHBOURS : 0; k < i; k++) {
        const struct recent *before = recent_at(scenes, k);
        if (!before->is_flash && before->change > motion)
            motion = before->change;
    }
    limit += motion;
    return limit < FLASH_UNLIKE_MAX ? limit : FLASH_UNLIKE_MAX;
}

/* Is the picture before member i, or before the blank run that ends there, back soon after it? Then
 * marks what lies between. */
static bool is_flash(struct ori_scenes *scenes, size_t i)
{
    const struct recent *at = recent_at(scenes, i);
    bool is_blank = at->blank_from_us >= 0;
    int64_t from_us = is_blank ? at->blank_from_us : at->pts_us;
    double limit = 0;
    if (i == 0)
        return false;
    limit = flash_limit(scenes, i);
    for (size_t k = is_blank ? i : i + 1; k < scenes->recent_count; k++) {
        struct recent *after = recent_at(scenes, k);
        if (after->pts_us - from_us > FLASH_US)
            return false;
        double unlike = ori_unlikeness(&recent_at(scenes, i - 1)->thumb, &after->thumb);
        if (unlike > limit || (!is_blank && unlike > 0.5 * at->change))
            continue;
        for (size_t j = i; j <= k; j++)
            recent_at(scenes, j)->is_flash = true;
        scenes->flash_until_us = after->pts_us;
        add_boundary(scenes, (struct ori_boundary){.kind = ORI_BOUNDARY_FLASH,
                                                   .pts_us = from_us,
                                                   .from_us = from_us,
                                                   .to_us = after->pts_us,
                                                   .score = at->change});
        return true;
    }
    return false;
}

/* Light that washes the picture out without making it unlike: a flash over a bright scene. */
static bool is_washed_out(struct ori_scenes *scenes, size_t i)
{
    const struct recent *at = recent_at(scenes, i);
    if (i == 0 || at->is_flash)
        return false;
    const struct ori_thumb *before = &recent_at(scenes, i - 1)->thumb;
    return at->thumb.mean > before->mean && at->thumb.std < WASHED_OUT * before->std;
}

static bool is_cut(struct ori_scenes *scenes, size_t i, double *ret_score)
{
    struct recent *at = recent_at(scenes, i);
    double score = at->change - neighbour_change(scenes, i);
    *ret_score = score < 0 ? 0 : score * CUT_SCALE;
    if (*ret_score < scenes->options.threshold || at->is_flash || i == 0)
        return false;
    const struct ori_thumb *before = &recent_at(scenes, i - 1)->thumb;
    if (ori_structure_likeness(before, &at->thumb) > SAME_STRUCTURE ||
        ori_shift_residue(before, &at->thumb) < JERK_RESIDUE)
        return false;
    return !is_flash(scenes, i);
}

/* Do the members between first and last mix the two in growing shares, from rest to rest? Within a
 * longer transition the shares of a part of it grow from its very ends: not yet, or no more. On
 * true the members at which the share leaves 0, passes the half, and is 1. */
static bool is_mixture(const struct ori_scenes *scenes, size_t first, size_t last,
                       struct transition *ret_transition)
{
    const struct ori_thumb *a = &scenes->samples[first].thumb;
    const struct ori_thumb *b = &scenes->samples[last].thumb;
    double share_at_rest = 1.0 / (double)(last - first); /* half of a steady growth's second step */
    struct transition found = {first, last, last};
    double residues = 0;
    double share_before = 0;
    int mixed = 0;
    if (share_at_rest < SHARE_NOISE)
        share_at_rest = SHARE_NOISE;
    for (size_t i = first + 1; i < last; i++) {
        double share = 0;
        double residue = ori_mixture_residue(a, b, &scenes->samples[i].thumb, &share);
        if (share < share_before - 0.1 || (i == first + 2 && share > share_at_rest) ||
            (i == last - 2 && share < 1 - share_at_rest))
            return false;
        if (share > 0.1 && share < 0.9) {
            residues += residue;
            mixed++;
        }
        if (share <= 0.05)
            found.from = i;
        if (share >= 0.5 && found.middle == last)
            found.middle = i;
        if (share >= 0.95 && found.to == last)
            found.to = i;
        share_before = share;
    }
    found.to += found.to < last; /* what is left of the old picture at the share of 0.95 is gone */
    *ret_transition = found;
    return mixed >= 2 && residues / mixed <= GRADUAL_RESIDUE;
}

/* A transition changes the picture faster than what comes before it and what comes after. */
static bool is_busier_inside(const struct ori_scenes *scenes, size_t first, size_t last)
{
    const struct sample *samples = scenes->samples;
    double inside = 0;
    for (size_t i = first + 1; i <= last; i++)
        inside += samples[i].change;
    inside /= (double)(last - first);
    double before = first ? samples[first].change : 0;
    if (first > 1)
        before = (before + samples[first - 1].change) / 2;
    double after = (samples[last + 1].change + samples[last + 2].change) / 2;
    return before <= CALM * inside && after <= CALM * inside;
}

/* A camera that turns from one view to another? Frames that follow each other closely and have nothing
 * in common are no mixtures; nor are those that are the same once they are shifted. */
static bool is_camera(struct ori_scenes *scenes, const struct transition *transition)
{
    struct sample *samples = scenes->samples;
    double residues = 0;
    double largest = 0;
    for (size_t i = transition->from + 1; i <= transition->to; i++) {
        if (samples[i].jump > WHIP)
            return true;
        if (samples[i].shift < 0)
            samples[i].shift = ori_shift_residue(&samples[i - 1].thumb, &samples[i].thumb);
        residues += samples[i].shift;
        largest = samples[i].shift > largest ? samples[i].shift : largest;
    }
    return residues < PAN_RESIDUE * (double)(transition->to - transition->from) ||
           largest < PAN_RESIDUE_MAX;
}

static void forget_samples(struct ori_scenes *scenes, size_t count)
{
    scenes->sample_count -= count;
    memmove(scenes->samples, scenes->samples + count,
            scenes->sample_count * sizeof *scenes->samples);
}

/* Is the window a picture that comes up out of black, rather than one that gives way to another? */
static bool is_fade_in(const struct sample *first, const struct sample *last)
{
    return first->is_fading_in && first->thumb.std < FADE_SHARE * last->thumb.std;
}

/* How unlike the ends of a transition must be: the threshold moves it, up to never at 1. */
static double least_unlike(const struct ori_scenes *scenes)
{
    double beyond = (scenes->options.threshold - USUAL_THRESHOLD) / (1 - USUAL_THRESHOLD);
    return GRADUAL_UNLIKE + beyond * (1 - GRADUAL_UNLIKE);
}

/* Looks for a transition that ended two samples ago. */
static void seek_gradual(struct ori_scenes *scenes)
{
    static const size_t lengths[] = {6, 8, 10, 12, 15, 18, 22, 26, 30};
    if (scenes->sample_count < 6)
        return;
    size_t last = scenes->sample_count - 3;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths && lengths[k] <= last; k++) {
        size_t first = last - lengths[k];
        double path = 0;
        for (size_t i = first + 1; i <= last; i++)
            path += scenes->samples[i].change;
        const struct ori_thumb *a = &scenes->samples[first].thumb;
        const struct ori_thumb *b = &scenes->samples[last].thumb;
        struct transition found;
        double unlike = 0;
        if (path < GRADUAL_UNLIKE || is_fade_in(&scenes->samples[first], &scenes->samples[last]) ||
            !is_busier_inside(scenes, first, last) ||
            ori_structure_likeness(a, b) > SAME_STRUCTURE ||
            (unlike = ori_unlikeness_relit(a, b)) < least_unlike(scenes) ||
            !is_mixture(scenes, first, last, &found) || is_camera(scenes, &found))
            continue;
        add_boundary(scenes, (struct ori_boundary){
                                 .kind = ORI_BOUNDARY_GRADUAL,
                                 .pts_us = scenes->samples[found.middle].pts_us,
                                 .from_us = scenes->samples[found.from].pts_us + 1,
                                 .to_us = scenes->samples[found.to].pts_us,
                                 .score = unlike,
                             });
        forget_samples(scenes, last);
        return;
    }
}

static void add_sample(struct ori_scenes *scenes, const struct recent *frame)
{
    size_t n = scenes->sample_count;
    if (frame->change > scenes->jump && frame->gap_us <= WHIP_GAP_US)
        scenes->jump = frame->change;
    if (n && frame->pts_us - scenes->samples[n - 1].pts_us < SAMPLE_GAP_US)
        return;
    if (n == SAMPLES_MAX) {
        forget_samples(scenes, 1);
        n--;
    }
    struct sample *sample = &scenes->samples[n];
    sample->thumb = frame->thumb;
    sample->pts_us = frame->pts_us;
    sample->is_fading_in = scenes->is_fading_in;
    sample->jump = scenes->jump;
    sample->shift = -1;
    scenes->jump = 0;
    sample->change = n ? ori_unlikeness(&scenes->samples[n - 1].thumb, &frame->thumb) : 0;
    scenes->sample_count = n + 1;
    seek_gradual(scenes);
}

/* A blank run ended before this frame, and it was no flash. */
static void end_blank(struct ori_scenes *scenes, const struct recent *at)
{
    scenes->sample_count = 0;
    add_boundary(scenes, (struct ori_boundary){
                             .kind = ORI_BOUNDARY_BLANK,
                             .pts_us = at->blank_from_us + (at->pts_us - at->blank_from_us) / 2,
                             .from_us = at->blank_from_us,
                             .to_us = at->pts_us,
                             .score = 1,
                         });
}

/* Frames on their way to or from one colour are dim halves of a picture: nobody wants them. */
static void mark_fade(struct ori_scenes *scenes, int64_t from_us, int64_t to_us)
{
    if (to_us - from_us < FADE_MIN_US)
        return;
    add_boundary(scenes, (struct ori_boundary){.kind = ORI_BOUNDARY_FLASH,
                                               .pts_us = from_us,
                                               .from_us = from_us,
                                               .to_us = to_us,
                                               .score = 0});
}

/* A picture that comes up out of black passes through dark mixtures of itself: not a transition. */
static void follow_fade(struct ori_scenes *scenes, const struct recent *at)
{
    if (at->is_after_blank) {
        scenes->is_fading_in = true;
        scenes->fade_std = 0;
        scenes->fade_begin_us = at->pts_us;
    }
    if (at->thumb.std > scenes->fade_std * FADE_GAIN) {
        scenes->fade_std = at->thumb.std;
        scenes->fade_us = at->pts_us;
    } else if (at->pts_us - scenes->fade_us > FADE_REST_US) {
        scenes->is_fading_in = false;
        mark_fade(scenes, scenes->fade_begin_us, scenes->fade_us);
    }
}

static void decide(struct ori_scenes *scenes, size_t i)
{
    struct recent *at = recent_at(scenes, i);
    double score = 0;
    if (at->is_after_blank || scenes->is_fading_in)
        follow_fade(scenes, at);
    if (at->blank_from_us >= 0) {
        if (i && !at->is_flash && !is_flash(scenes, i))
            end_blank(scenes, at);
    } else if (is_cut(scenes, i, &score)) {
        scenes->sample_count = 0;
        scenes->is_fading_in = false;
        add_boundary(scenes, (struct ori_boundary){.kind = ORI_BOUNDARY_CUT,
                                                   .pts_us = at->pts_us,
                                                   .from_us = at->pts_us,
                                                   .to_us = at->pts_us,
                                                   .score = score});
    } else if (is_washed_out(scenes, i)) {
        is_flash(scenes, i);
    }
    if (scenes->decided_count < 2 * RECENT_MAX)
        scenes->decided[scenes->decided_count++] = (struct decided){at->pts_us, score};
    if (!at->is_flash)
        add_sample(scenes, at);
}

/* Decides members that have seen enough behind them; at the end, all. */
static void advance(struct ori_scenes *scenes)
{
    while (scenes->recent_left < scenes->recent_count) {
        size_t i = scenes->recent_left;
        const struct recent *newest = recent_at(scenes, scenes->recent_count - 1);
        bool has_seen_enough = newest->pts_us - recent_at(scenes, i)->pts_us > FLASH_US &&
                               scenes->recent_count - 1 - i >= NEIGHBOURS;
        if (!has_seen_enough && !scenes->has_ended && scenes->recent_count < RECENT_MAX)
            return;
        decide(scenes, i);
        scenes->recent_left++;
        if (scenes->recent_left > NEIGHBOURS) {
            scenes->recent_first = (scenes->recent_first + 1) % RECENT_MAX;
            scenes->recent_count--;
            scenes->recent_left--;
        }
    }
}

void ori_scenes_push(struct ori_scenes *scenes, const struct ori_thumb *thumb, int64_t pts_us,
                     double *ret_change)
{
    *ret_change = scenes->has_last_seen ? ori_unlikeness(&scenes->last_seen, thumb) : 0;
    if (ori_thumb_is_blank(thumb, scenes->options.solid_std)) {
        if (!scenes->has_blank_run && scenes->has_last_seen)
            mark_fade(scenes, scenes->fall_us, pts_us);
        if (!scenes->has_blank_run)
            scenes->blank_from_us = pts_us;
        scenes->has_blank_run = true;
    } else {
        if (!scenes->has_last_seen || thumb->std > scenes->last_seen.std * FALL)
            scenes->fall_us = pts_us;
        advance(scenes); /* makes room: at most RECENT_MAX - 1 members are left */
        struct recent *frame = recent_at(scenes, scenes->recent_count++);
        frame->thumb = *thumb;
        frame->pts_us = pts_us;
        frame->gap_us = pts_us - scenes->last_seen_us;
        frame->change = scenes->has_blank_run ? 0 : *ret_change;
        frame->blank_from_us =
            scenes->has_blank_run && scenes->has_last_seen ? scenes->blank_from_us : -1;
        frame->is_after_blank =
            scenes->has_blank_run || (!scenes->has_last_seen && thumb->std < FADE_DIM);
        frame->is_flash = pts_us <= scenes->flash_until_us;
        scenes->has_blank_run = false;
        scenes->last_seen = *thumb;
        scenes->last_seen_us = pts_us;
        scenes->has_last_seen = true;
        advance(scenes);
    }
    int64_t settled = pts_us;
    if (scenes->has_blank_run)
        settled = scenes->blank_from_us;
    if (scenes->recent_left < scenes->recent_count)
        settled = recent_at(scenes, scenes->recent_left)->pts_us;
    if (scenes->sample_count)
        settled = scenes->samples[0].pts_us;
    if (settled > scenes->settled_us)
        scenes->settled_us = settled;
}

void ori_scenes_finish(struct ori_scenes *scenes)
{
    scenes->has_ended = true;
    advance(scenes);
    scenes->settled_us = INT64_MAX;
}

bool ori_scenes_take(struct ori_scenes *scenes, struct ori_boundary *ret_boundary)
{
    if (!scenes->pending_count)
        return false;
    *ret_boundary = scenes->pending[0];
    scenes->pending_count--;
    memmove(scenes->pending, scenes->pending + 1, scenes->pending_count * sizeof *scenes->pending);
    return true;
}

bool ori_scenes_take_score(struct ori_scenes *scenes, int64_t *ret_pts_us, double *ret_score)
{
    if (!scenes->decided_count)
        return false;
    *ret_pts_us = scenes->decided[0].pts_us;
    *ret_score = scenes->decided[0].score;
    scenes->decided_count--;
    memmove(scenes->decided, scenes->decided + 1, scenes->decided_count * sizeof *scenes->decided);
    return true;
}

int64_t ori_scenes_settled_us(const struct ori_scenes *scenes)
{
    return scenes->settled_us;
}
