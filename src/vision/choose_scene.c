/* What a settled window means: is it news to its scene, a shot that returns, a transition? Which frame
 * shows an event best? The constants were tuned on the sample videos and the clips of tests/media. */
#include "vision/choose_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_US 3000000 /* an event that goes on is kept a frame of after this long, */
#define EVENT_GROWTH 1.4 /* and then ever more rarely, while it goes on */
#define NOVEL 0.008      /* share of blocks that makes an event: 5 of 576 */
#define NOVEL_AGAIN 0.02 /* the same while an event goes on: the visitor moved */
#define OTHER_VIEW 0.2   /* share of blocks: more than a person who walks about */
#define AT_REST 0.1 /* share of blocks that changes from window to window before a still camera */
#define SIDE_PENALTY 8.0    /* what comes in is a tenth at the side when it is nearly whole */
#define EVENT_MIN_US 250000 /* shorter is a flicker, unless the scene has nothing else */
#define RETURN_DISTANCE 6   /* added to dedup_distance: thumbs are coarser than frames */
#define NEAR_BOUNDARY_US 130000
#define BOUNDARY_PENALTY                                                                           \
    0.4 /* right at it: any settled frame of the scene wins over one at its edge */

static struct ori_plane plane_of(const uint8_t *samples, int width, int height)
{
    return (struct ori_plane){samples, width, width, height};
}

void chooser_fingerprint(const struct ori_thumb *thumb, struct ori_signature *ret_signature,
                         struct ori_dhash *ret_dhash)
{
    struct ori_plane planes[3] = {
        plane_of(thumb->luma, thumb->width, thumb->height),
        plane_of(thumb->chroma[0], thumb->chroma_width, thumb->chroma_height),
        plane_of(thumb->chroma[1], thumb->chroma_width, thumb->chroma_height),
    };
    ori_signature_make(planes, NULL, ret_signature);
    *ret_dhash = ori_dhash_make(&planes[0], NULL, 8);
}

static struct seen see(const struct ori_chooser *chooser, const struct ori_thumb *thumb,
                       int64_t pts_us)
{
    uint32_t scene = chooser->scene.index;
    bool is_return = chooser->return_of && !chooser->scene_frames;
    struct seen seen = {
        .pts_us = pts_us, .scene = scene, .shown_by = is_return ? chooser->return_of : scene};
    chooser_fingerprint(thumb, &seen.signature, &seen.dhash);
    return seen;
}

static ori_status remember_kept(struct ori_chooser *chooser, const struct candidate *candidate,
                                struct ori_error *err)
{
    if (chooser->kept_count == chooser->kept_room) {
        size_t room = chooser->kept_room ? 2 * chooser->kept_room : 16;
        struct seen *grown = reallocarray(chooser->kept, room, sizeof *grown);
        if (!grown)
            return ori_error_set(err, ORI_NOMEM, "table of kept frames");
        chooser->kept = grown;
        chooser->kept_room = room;
    }
    chooser->kept[chooser->kept_count++] = see(chooser, &candidate->thumb, candidate->pts_us);
    return ORI_OK;
}

static void add_known(struct ori_chooser *chooser, const struct ori_thumb *thumb)
{
    if (chooser->known_count == KNOWN_MAX) { /* the first stays: it is the scene at rest */
        memmove(&chooser->known[1], &chooser->known[2], (KNOWN_MAX - 2) * sizeof *chooser->known);
        chooser->known_count--;
    }
    chooser->known[chooser->known_count++] = *thumb;
}

static double novelty_of(const struct ori_chooser *chooser, const struct ori_thumb *thumb,
                         double *ret_at_sides)
{
    const struct ori_thumb *known[KNOWN_MAX] = {NULL};
    for (size_t i = 0; i < chooser->known_count; i++)
        known[i] = &chooser->known[i];
    return ori_novelty(thumb, known, chooser->known_count, &chooser->flicker, ret_at_sides);
}

static ori_status keep(struct ori_chooser *chooser, struct candidate *candidate,
                       struct ori_error *err)
{
    if (chooser->kept_count >= chooser->options.kept_max || chooser->choice_count == QUEUE_MAX) {
        chooser_drop(chooser, &candidate->picture);
        return ORI_OK;
    }
    ori_status status = remember_kept(chooser, candidate, err);
    if (status != ORI_OK)
        return status;
    add_known(chooser, &candidate->thumb);
    chooser->choices[chooser->choice_count++] = (struct ori_choice){
        .picture = candidate->picture, .pts_us = candidate->pts_us, .scene = chooser->scene.index};
    candidate->picture = NULL;
    chooser->scene_frames++;
    if (chooser->kept_count >= (size_t)chooser->options.min_frames)
        chooser_drop_fillers(chooser);
    return ORI_OK;
}

static int64_t event_limit_us(const struct ori_chooser *chooser)
{
    double limit = EVENT_US * pow(EVENT_GROWTH, chooser->event_chain);
    double longest = 1e6 / chooser->options.sample_fps;
    return (int64_t)(limit < longest ? limit : longest);
}

/* The event is over, or has lasted long enough: keeps its best frame if that is still news. */
static ori_status close_event(struct ori_chooser *chooser, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (chooser->is_event && chooser->best.picture) {
        bool is_first = chooser->known_count == 0;
        bool is_brief = chooser->event_end_us - chooser->event_start_us < EVENT_MIN_US;
        double novelty = novelty_of(chooser, &chooser->best.thumb, NULL);
        if (novelty >= NOVEL && (is_first || !is_brief)) {
            status = keep(chooser, &chooser->best, err);
            chooser->event_chain++;
        }
    }
    chooser_drop(chooser, &chooser->best.picture);
    chooser->is_event = false;
    return status;
}

static void put_candidate(struct ori_chooser *chooser, struct candidate *candidate, void *picture,
                          const struct window *window, double quality)
{
    chooser_drop(chooser, &candidate->picture);
    candidate->picture = picture;
    candidate->pts_us = window->pts_us;
    candidate->quality = quality;
    candidate->thumb = window->thumb;
}

/* Does the window show what the one before it did? */
static bool is_at_rest(const struct ori_chooser *chooser, const struct window *window)
{
    const struct ori_thumb *before = &chooser->before;
    return !chooser->has_before || ori_novelty(&window->thumb, &before, 1, NULL, NULL) < AT_REST;
}

/* Does the window show another view than the event's best frame? */
static bool is_other_view(const struct ori_chooser *chooser, const struct window *window)
{
    const struct ori_thumb *best = &chooser->best.thumb;
    return chooser->best.picture && ori_novelty(&window->thumb, &best, 1, NULL, NULL) >= OTHER_VIEW;
}

/* A camera that rests shows what it was moved for: whatever is seen on the way is less. */
static bool is_better(const struct ori_chooser *chooser, double quality, bool is_resting,
                      bool is_other)
{
    const struct candidate *best = &chooser->best;
    if (best->picture && is_other && is_resting != best->is_at_rest)
        return is_resting;
    return !best->picture || quality > best->quality;
}

static ori_status follow_event(struct ori_chooser *chooser, struct window *window, bool is_resting,
                               struct ori_error *err)
{
    bool is_other = is_other_view(chooser, window);
    if (is_other && is_resting && chooser->best.is_at_rest) {
        ori_status status = close_event(chooser, err);
        if (status != ORI_OK)
            return status;
        chooser->event_chain = 0;
        is_other = false;
    }
    double at_sides = 0;
    double novelty = novelty_of(chooser, &window->thumb, &at_sides);
    bool is_news =
        novelty >= (chooser->event_chain && chooser->known_count > 1 ? NOVEL_AGAIN : NOVEL);
    if (!is_news) {
        chooser->event_chain = novelty < NOVEL ? 0 : chooser->event_chain;
        return close_event(chooser, err);
    }
    if (!chooser->is_event) {
        chooser->is_event = true;
        chooser->event_start_us = window->start_us;
    }
    chooser->event_end_us = window->end_us;
    /* The more of the new thing is in view, the better it is shown; at a side it is cut off. */
    double quality = window->quality * sqrt(novelty) / (1 + SIDE_PENALTY * at_sides);
    if (is_better(chooser, quality, is_resting, is_other)) {
        put_candidate(chooser, &chooser->best, window->picture, window, quality);
        chooser->best.is_at_rest = is_resting;
        window->picture = NULL;
    }
    if (window->end_us - chooser->event_start_us >= event_limit_us(chooser))
        return close_event(chooser, err);
    return ORI_OK;
}

ori_status chooser_end_scene(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err)
{
    ori_status status = close_event(chooser, err);
    if (status == ORI_OK && chooser->scene_frames == 0 && !chooser->return_of &&
        chooser->spare.picture)
        status = keep(chooser, &chooser->spare, err);
    chooser_drop(chooser, &chooser->spare.picture);
    if (status != ORI_OK)
        return status;
    chooser->scene.end_us = end_us;
    chooser->scene.duplicate_of = chooser->scene_frames ? 0 : chooser->return_of;
    if (chooser->scene_count < QUEUE_MAX)
        chooser->scenes[chooser->scene_count++] = chooser->scene;
    chooser->scene.index++;
    chooser->scene.start_us = end_us;
    ori_borders_init(&chooser->scene.borders);
    chooser->scene_frames = 0;
    chooser->return_of = 0;
    chooser->known_count = 0;
    chooser->event_chain = 0;
    chooser->has_before = false;
    memset(&chooser->flicker, 0, sizeof chooser->flicker);
    return ORI_OK;
}

static bool is_in_transition(const struct ori_chooser *chooser, int64_t pts_us)
{
    for (size_t i = 0; i < chooser->mark_count; i++) {
        if (pts_us >= chooser->marks[i].from_us && pts_us < chooser->marks[i].to_us)
            return true;
    }
    return false;
}

/* The first and last frames of a scene are often soft or half of something else: what the quality of
 * a picture is worth so near to a boundary, from BOUNDARY_PENALTY at it to 1. */
static double boundary_weight(const struct ori_chooser *chooser, int64_t pts_us)
{
    int64_t nearest_us = pts_us - chooser->begin_us;
    for (size_t i = 0; i < chooser->mark_count; i++) {
        const struct ori_boundary *mark = &chooser->marks[i];
        int64_t before_us = mark->from_us - pts_us;
        int64_t after_us = pts_us - mark->to_us;
        int64_t distance_us = before_us > after_us ? before_us : after_us;
        if (distance_us < nearest_us)
            nearest_us = distance_us > 0 ? distance_us : 0;
    }
    double share = (double)nearest_us / NEAR_BOUNDARY_US;
    return share < 1 ? BOUNDARY_PENALTY + (1 - BOUNDARY_PENALTY) * share : 1;
}

static bool shows(const struct ori_chooser *chooser, const struct window *window,
                  const struct seen *seen)
{
    int limit = chooser->options.dedup_distance + RETURN_DISTANCE;
    for (size_t i = 0; i < window->signature_count; i++) {
        if (ori_dhash_distance(&seen->dhash, &window->dhashes[i]) <= limit &&
            ori_signature_is_same(&seen->signature, &window->signatures[i]))
            return true;
    }
    return false;
}

/* What an earlier scene has shown already, kept or not, was judged there; NULL when it is new. */
static const struct seen *find_seen(const struct ori_chooser *chooser, const struct window *window)
{
    uint32_t scene = chooser->scene.index;
    size_t judged = chooser->judged_count < JUDGED_MAX ? chooser->judged_count : JUDGED_MAX;
    for (size_t k = 0; k < chooser->kept_count && chooser->kept[k].scene < scene; k++) {
        if (shows(chooser, window, &chooser->kept[k]))
            return &chooser->kept[k];
    }
    for (size_t k = 0; k < judged; k++) {
        if (chooser->judged[k].scene < scene && shows(chooser, window, &chooser->judged[k]))
            return &chooser->judged[k];
    }
    return NULL;
}

/* For people: a picture of the scene that shows nothing new. Where memory ran out there is none. */
static void tell_return(struct ori_chooser *chooser, const struct window *window)
{
    if (!chooser->options.wants_returns || !window->picture || chooser->choice_count == QUEUE_MAX)
        return;
    void *picture = chooser->options.ops.ref(window->picture);
    if (picture)
        chooser->choices[chooser->choice_count++] =
            (struct ori_choice){.picture = picture,
                                .pts_us = window->pts_us,
                                .scene = chooser->scene.index,
                                .return_of = chooser->return_of};
}

/* A window that an earlier scene has shown is known here from the start. */
static void seek_return(struct ori_chooser *chooser, const struct window *window)
{
    const struct seen *seen = find_seen(chooser, window);
    if (seen && !chooser->return_of) {
        chooser->return_of = seen->shown_by;
        tell_return(chooser, window);
    }
    if (!window->picture)
        return;
    if (seen && novelty_of(chooser, &window->thumb, NULL) >= NOVEL)
        add_known(chooser, &window->thumb);
    chooser->judged[chooser->judged_count++ % JUDGED_MAX] =
        see(chooser, &window->thumb, window->pts_us);
}

static ori_status add_filler(struct ori_chooser *chooser, const struct window *window,
                             struct ori_error *err)
{
    size_t room = 2 * (size_t)chooser->options.min_frames;
    size_t n = chooser->filler_count;
    if (chooser->kept_count >= (size_t)chooser->options.min_frames)
        return ORI_OK;
    if (n && window->pts_us - chooser->fillers[n - 1].pts_us < chooser->filler_gap_us)
        return ORI_OK;
    if (n == room) { /* every other one goes, and from now on the gap is twice as long */
        size_t left = 0;
        for (size_t i = 0; i < n; i++) {
            if (i % 2)
                chooser_drop(chooser, &chooser->fillers[i].picture);
            else
                chooser->fillers[left++] = chooser->fillers[i];
        }
        chooser->filler_count = n = left;
        chooser->filler_gap_us *= 2;
        if (window->pts_us - chooser->fillers[n - 1].pts_us < chooser->filler_gap_us)
            return ORI_OK;
    }
    void *picture = chooser->options.ops.ref(window->picture);
    if (!picture)
        return ori_error_set(err, ORI_NOMEM, "frame reference");
    chooser->fillers[chooser->filler_count++] =
        (struct filler){picture, window->pts_us, chooser->scene.index};
    return ORI_OK;
}

static void update_flicker(struct ori_chooser *chooser, const struct window *window)
{
    if (chooser->has_before)
        ori_flicker_update(&chooser->flicker, &chooser->before, &window->thumb,
                           (double)(window->pts_us - chooser->before_us) / 1e6);
    chooser->before = window->thumb;
    chooser->before_us = window->pts_us;
    chooser->has_before = true;
}

ori_status chooser_join_scene(struct ori_chooser *chooser, struct window *window,
                              struct ori_error *err)
{
    if (chooser->options.has_dedup)
        seek_return(chooser, window);
    if (!window->picture)
        return ORI_OK;
    if (is_in_transition(chooser, window->pts_us)) {
        if (!chooser->spare.picture || window->quality > chooser->spare.quality) {
            put_candidate(chooser, &chooser->spare, window->picture, window, window->quality);
            window->picture = NULL;
        }
        return ORI_OK;
    }
    window->quality *= boundary_weight(chooser, window->pts_us);
    ori_status status = add_filler(chooser, window, err);
    if (status != ORI_OK)
        return status;
    bool is_resting = is_at_rest(chooser, window);
    update_flicker(chooser, window);
    return follow_event(chooser, window, is_resting, err);
}

static void drop_fillers_that_were_kept(struct ori_chooser *chooser)
{
    for (size_t i = 0; i < chooser->filler_count; i++) {
        for (size_t k = 0; k < chooser->kept_count; k++) {
            if (chooser->fillers[i].pts_us == chooser->kept[k].pts_us)
                chooser_drop(chooser, &chooser->fillers[i].picture);
        }
    }
}

/* Moves up to as many fillers as are missing into the choices, nearest to even places. */
void chooser_fill_up(struct ori_chooser *chooser, int64_t end_us)
{
    drop_fillers_that_were_kept(chooser);
    size_t missing = (size_t)chooser->options.min_frames;
    missing = missing > chooser->kept_count ? missing - chooser->kept_count : 0;
    for (size_t k = 0; k < missing && chooser->choice_count < QUEUE_MAX; k++) {
        double target = (double)end_us * ((double)k + 0.5) / (double)missing;
        struct filler *nearest = NULL;
        for (size_t i = 0; i < chooser->filler_count; i++) {
            struct filler *filler = &chooser->fillers[i];
            if (filler->picture && (!nearest || fabs((double)filler->pts_us - target) <
                                                    fabs((double)nearest->pts_us - target)))
                nearest = filler;
        }
        if (!nearest)
            break;
        chooser->choices[chooser->choice_count++] = (struct ori_choice){
            nearest->picture, nearest->pts_us, nearest->scene, .is_filler = true};
        nearest->picture = NULL;
    }
    chooser_drop_fillers(chooser);
}
