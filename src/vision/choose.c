#include "vision/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/novelty.h"
#include "vision/quality.h"

#define WINDOW_US 400000
#define LOOK_GAP_US 95000 /* looks are at most ten a second */
#define WINDOWS_MAX 64
#define SIGNATURES_MAX 16 /* of a window's frames, for shots that come back */
#define JUDGED_MAX 4096   /* half an hour of windows in which a shot may return: 6 MB */
#define KNOWN_MAX 24      /* thumbs of a scene's kept frames that novelty is held against */
#define MARKS_MAX 64
#define QUEUE_MAX 160       /* finish may settle every window and pass every mark at once */
#define FILLERS_MAX 128     /* 2 * the largest VP_MIN_FRAMES */
#define EVENT_US 3000000    /* an event that goes on is kept a frame of after this long, */
#define EVENT_GROWTH 1.4    /* and then ever more rarely, while it goes on */
#define NOVEL 0.008         /* share of blocks that makes an event: 5 of 576 */
#define NOVEL_AGAIN 0.02    /* the same while an event goes on: the visitor moved */
#define EVENT_MIN_US 250000 /* shorter is a flicker, unless the scene has nothing else */
#define JUMP 0.3            /* change that may be a cut: a window never spans one */
#define NEAR_BOUNDARY_US 130000
#define BOUNDARY_PENALTY 0.4 /* any settled frame of the scene wins over one at its edge */
#define MOTION_PENALTY 6.0
#define RETURN_DISTANCE 6 /* added to dedup_distance: thumbs are coarser than frames */

struct window {
    int64_t start_us;
    int64_t end_us; /* pts of its last frame */
    void *picture;  /* best so far, or NULL */
    int64_t pts_us; /* of picture */
    double quality;
    struct ori_thumb thumb; /* of picture */
    struct ori_borders borders;
    struct ori_signature signatures[SIGNATURES_MAX];
    struct ori_dhash dhashes[SIGNATURES_MAX];
    size_t signature_count;
    size_t frames;
};

/* A picture that was kept, or stood for a window that was judged: a later one like it is no news. */
struct seen {
    struct ori_signature signature;
    struct ori_dhash dhash;
    int64_t pts_us;
    uint32_t scene;
    uint32_t shown_by; /* scene whose frames show it: scene itself, or the one that it returns to */
};

struct candidate {
    void *picture; /* NULL: none */
    int64_t pts_us;
    double quality;
    struct ori_thumb thumb;
};

struct filler {
    void *picture;
    int64_t pts_us;
    uint32_t scene;
};

struct ori_chooser {
    struct ori_chooser_options options;
    struct ori_scenes *detector;
    struct window *windows; /* ring of WINDOWS_MAX; the newest is still growing */
    size_t window_first;
    size_t window_count;
    int64_t begin_us; /* of the video */
    int64_t last_look_us;
    int64_t newest_us;
    double usual_change;
    struct ori_thumb newest; /* thumb of the frame pushed last */
    double newest_change;

    struct ori_boundary marks[MARKS_MAX]; /* boundaries and flashes that windows still touch */
    size_t mark_count;
    struct ori_scene scene; /* the one that windows join now */
    uint32_t scene_frames;  /* kept of it */
    uint32_t return_of;     /* scene whose frame this one shows again */
    struct ori_thumb known[KNOWN_MAX];
    size_t known_count;
    struct ori_flicker flicker;
    struct ori_thumb before; /* window looked at last, for the flicker */
    int64_t before_us;
    bool has_before;

    bool is_event;
    int64_t event_start_us;
    int64_t event_end_us;
    int event_chain; /* kept frames since the scene was last at rest */
    struct candidate best;
    struct candidate spare; /* for a scene that shows nothing but transitions */

    struct seen *kept;
    size_t kept_count;
    size_t kept_room;
    struct seen *judged; /* ring: the last JUDGED_MAX windows */
    size_t judged_count; /* in all */
    struct filler fillers[FILLERS_MAX];
    size_t filler_count;
    int64_t filler_gap_us;

    struct ori_choice choices[QUEUE_MAX];
    size_t choice_count;
    struct ori_scene scenes[QUEUE_MAX];
    size_t scene_count;
};

ori_status ori_chooser_create(const struct ori_chooser_options *options,
                              struct ori_chooser **ret_chooser, struct ori_error *err)
{
    ORI_ASSERT(options && ret_chooser && options->ops.ref && options->ops.unref);
    ORI_ASSERT(options->min_frames >= 0 && 2 * options->min_frames <= FILLERS_MAX);
    ORI_ASSERT(options->windows_max >= 4 && options->windows_max <= WINDOWS_MAX);
    ori_status status = ORI_OK;
    struct ori_chooser *chooser = calloc(1, sizeof *chooser);
    if (!chooser)
        return ori_error_set(err, ORI_NOMEM, "frame chooser");
    chooser->options = *options;
    chooser->windows = calloc(WINDOWS_MAX, sizeof *chooser->windows);
    chooser->judged = calloc(JUDGED_MAX, sizeof *chooser->judged); /* pages come as they are used */
    if (!chooser->windows || !chooser->judged) {
        status = ori_error_set(err, ORI_NOMEM, "frame chooser's windows");
        goto out;
    }
    status = ori_scenes_create(&options->scenes, &chooser->detector, err);
    if (status != ORI_OK)
        goto out;
    chooser->last_look_us = INT64_MIN / 2;
    chooser->filler_gap_us = WINDOW_US;
    *ret_chooser = chooser;
    chooser = NULL;
out:
    if (chooser)
        ori_chooser_destroy(&chooser);
    return status;
}

static void drop(const struct ori_chooser *chooser, void **picture)
{
    if (*picture)
        chooser->options.ops.unref(*picture);
    *picture = NULL;
}

static struct window *window_at(struct ori_chooser *chooser, size_t i)
{
    return &chooser->windows[(chooser->window_first + i) % WINDOWS_MAX];
}

static void drop_fillers(struct ori_chooser *chooser)
{
    for (size_t i = 0; i < chooser->filler_count; i++)
        drop(chooser, &chooser->fillers[i].picture);
    chooser->filler_count = 0;
}

void ori_chooser_destroy(struct ori_chooser **chooser)
{
    struct ori_chooser *c = *chooser;
    if (!c)
        return;
    for (size_t i = 0; i < c->window_count; i++)
        drop(c, &window_at(c, i)->picture);
    for (size_t i = 0; i < c->choice_count; i++)
        drop(c, &c->choices[i].picture);
    drop_fillers(c);
    drop(c, &c->best.picture);
    drop(c, &c->spare.picture);
    if (c->detector)
        ori_scenes_destroy(&c->detector);
    free(c->windows);
    free(c->judged);
    free(c->kept);
    free(c);
    *chooser = NULL;
}

/* --- kept frames ------------------------------------------------------------------------- */

static struct ori_plane plane_of(const uint8_t *samples, int width, int height)
{
    return (struct ori_plane){samples, width, width, height};
}

static void fingerprint(const struct ori_thumb *thumb, struct ori_signature *ret_signature,
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
    fingerprint(thumb, &seen.signature, &seen.dhash);
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

static double novelty_of(const struct ori_chooser *chooser, const struct ori_thumb *thumb)
{
    const struct ori_thumb *known[KNOWN_MAX] = {NULL};
    for (size_t i = 0; i < chooser->known_count; i++)
        known[i] = &chooser->known[i];
    return ori_novelty(thumb, known, chooser->known_count, &chooser->flicker);
}

static ori_status keep(struct ori_chooser *chooser, struct candidate *candidate,
                       struct ori_error *err)
{
    if (chooser->kept_count >= chooser->options.kept_max || chooser->choice_count == QUEUE_MAX) {
        drop(chooser, &candidate->picture);
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
        drop_fillers(chooser);
    return ORI_OK;
}

/* --- events within a scene --------------------------------------------------------------- */

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
        double novelty = novelty_of(chooser, &chooser->best.thumb);
        if (novelty >= NOVEL && (is_first || !is_brief)) {
            status = keep(chooser, &chooser->best, err);
            chooser->event_chain++;
        }
    }
    drop(chooser, &chooser->best.picture);
    chooser->is_event = false;
    return status;
}

static void put_candidate(struct ori_chooser *chooser, struct candidate *candidate, void *picture,
                          const struct window *window, double quality)
{
    drop(chooser, &candidate->picture);
    candidate->picture = picture;
    candidate->pts_us = window->pts_us;
    candidate->quality = quality;
    candidate->thumb = window->thumb;
}

static ori_status follow_event(struct ori_chooser *chooser, struct window *window,
                               struct ori_error *err)
{
    double novelty = novelty_of(chooser, &window->thumb);
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
    /* The more of the new thing is in view, the better it is shown. */
    double quality = window->quality * sqrt(novelty);
    if (!chooser->best.picture || quality > chooser->best.quality) {
        put_candidate(chooser, &chooser->best, window->picture, window, quality);
        window->picture = NULL;
    }
    if (window->end_us - chooser->event_start_us >= event_limit_us(chooser))
        return close_event(chooser, err);
    return ORI_OK;
}

/* --- scenes ------------------------------------------------------------------------------ */

static ori_status end_scene(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err)
{
    ori_status status = close_event(chooser, err);
    if (status == ORI_OK && chooser->scene_frames == 0 && !chooser->return_of &&
        chooser->spare.picture)
        status = keep(chooser, &chooser->spare, err);
    drop(chooser, &chooser->spare.picture);
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

/* The first and last frames of a scene are often soft or half of something else. */
static bool is_at_boundary(const struct ori_chooser *chooser, int64_t pts_us)
{
    if (pts_us < chooser->begin_us + NEAR_BOUNDARY_US)
        return true;
    for (size_t i = 0; i < chooser->mark_count; i++) {
        const struct ori_boundary *mark = &chooser->marks[i];
        if (pts_us > mark->from_us - NEAR_BOUNDARY_US && pts_us < mark->to_us + NEAR_BOUNDARY_US)
            return true;
    }
    return false;
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

/* A window that an earlier scene has shown is known here from the start. */
static void seek_return(struct ori_chooser *chooser, const struct window *window)
{
    const struct seen *seen = find_seen(chooser, window);
    if (seen && !chooser->return_of)
        chooser->return_of = seen->shown_by;
    if (!window->picture)
        return;
    if (seen && novelty_of(chooser, &window->thumb) >= NOVEL)
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
                drop(chooser, &chooser->fillers[i].picture);
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

static ori_status join_scene(struct ori_chooser *chooser, struct window *window,
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
    if (is_at_boundary(chooser, window->pts_us))
        window->quality *= BOUNDARY_PENALTY;
    ori_status status = add_filler(chooser, window, err);
    if (status != ORI_OK)
        return status;
    update_flicker(chooser, window);
    return follow_event(chooser, window, err);
}

/* --- windows ----------------------------------------------------------------------------- */

static void take_marks(struct ori_chooser *chooser)
{
    struct ori_boundary boundary;
    while (ori_scenes_take(chooser->detector, &boundary)) {
        if (chooser->mark_count == MARKS_MAX) { /* the oldest has been passed long ago */
            memmove(chooser->marks, chooser->marks + 1,
                    --chooser->mark_count * sizeof *chooser->marks);
        }
        chooser->marks[chooser->mark_count++] = boundary;
    }
}

/* Ends the scenes that end at or before pts. */
static ori_status pass_boundaries(struct ori_chooser *chooser, int64_t pts_us,
                                  struct ori_error *err)
{
    for (size_t i = 0; i < chooser->mark_count; i++) {
        const struct ori_boundary *mark = &chooser->marks[i];
        if (mark->kind == ORI_BOUNDARY_FLASH || mark->pts_us > pts_us ||
            mark->pts_us <= chooser->scene.start_us ||
            chooser->scene.index >= chooser->options.scenes_max)
            continue;
        ori_status status = end_scene(chooser, mark->pts_us, err);
        if (status != ORI_OK)
            return status;
    }
    return ORI_OK;
}

/* A window that lies across a boundary counts for the borders of both scenes: the safe side. */
static ori_status settle_window(struct ori_chooser *chooser, struct window *window,
                                struct ori_error *err)
{
    ori_status status = pass_boundaries(chooser, window->start_us, err);
    if (status != ORI_OK)
        return status;
    ori_borders_merge(&chooser->scene.borders, &window->borders);
    uint32_t scene = chooser->scene.index;
    status = pass_boundaries(chooser, window->picture ? window->pts_us : window->start_us, err);
    if (status == ORI_OK)
        status = join_scene(chooser, window, err);
    if (status == ORI_OK)
        status = pass_boundaries(chooser, window->end_us, err);
    if (chooser->scene.index != scene)
        ori_borders_merge(&chooser->scene.borders, &window->borders);
    drop(chooser, &window->picture);
    return status;
}

static ori_status settle(struct ori_chooser *chooser, bool is_end, struct ori_error *err)
{
    take_marks(chooser);
    int64_t settled_us = ori_scenes_settled_us(chooser->detector);
    while (chooser->window_count > (is_end ? 0 : 1)) {
        struct window *window = window_at(chooser, 0);
        if (window->end_us >= settled_us && chooser->window_count < chooser->options.windows_max)
            break;
        ori_status status = settle_window(chooser, window, err);
        if (status != ORI_OK)
            return status;
        chooser->window_first = (chooser->window_first + 1) % WINDOWS_MAX;
        chooser->window_count--;
    }
    return ORI_OK;
}

static struct window *grow_window(struct ori_chooser *chooser, int64_t pts_us, double change)
{
    struct window *window =
        chooser->window_count ? window_at(chooser, chooser->window_count - 1) : NULL;
    bool is_jump = change > JUMP && change > 2 * chooser->usual_change;
    if (window && pts_us - window->start_us < WINDOW_US && !is_jump)
        return window;
    window = window_at(chooser, chooser->window_count++);
    window->start_us = pts_us;
    window->picture = NULL;
    window->signature_count = 0;
    window->frames = 0;
    ori_borders_init(&window->borders);
    return window;
}

ori_status ori_chooser_push(struct ori_chooser *chooser, const struct ori_thumb *thumb,
                            int64_t pts_us, const struct ori_borders *borders, bool *ret_is_wanted,
                            struct ori_error *err)
{
    double change = 0;
    if (chooser->scene.index == 0) {
        chooser->begin_us = pts_us;
        chooser->scene = (struct ori_scene){.index = 1, .start_us = pts_us};
        ori_borders_init(&chooser->scene.borders);
    }
    ori_scenes_push(chooser->detector, thumb, pts_us, &change);
    struct window *window = grow_window(chooser, pts_us, change);
    window->end_us = pts_us;
    window->frames++;
    chooser->usual_change += 0.2 * (change - chooser->usual_change);
    chooser->newest = *thumb;
    chooser->newest_us = pts_us;
    chooser->newest_change = change;
    bool is_blank = ori_thumb_is_blank(thumb, chooser->options.scenes.solid_std);
    if (borders && !is_blank)
        ori_borders_merge(&window->borders, borders);
    if (chooser->options.has_dedup && !is_blank && window->signature_count < SIGNATURES_MAX) {
        size_t n = window->signature_count++;
        fingerprint(thumb, &window->signatures[n], &window->dhashes[n]);
    }
    *ret_is_wanted =
        !is_blank && (!window->picture || pts_us - chooser->last_look_us >= LOOK_GAP_US);
    return settle(chooser, false, err);
}

void ori_chooser_offer(struct ori_chooser *chooser, void *picture, double sharpness)
{
    ORI_ASSERT(picture && chooser->window_count);
    struct window *window = window_at(chooser, chooser->window_count - 1);
    double quality = (sharpness + 0.01) / (1 + MOTION_PENALTY * chooser->newest_change);
    chooser->last_look_us = chooser->newest_us;
    if (window->picture && quality <= window->quality) {
        drop(chooser, &picture);
        return;
    }
    drop(chooser, &window->picture);
    window->picture = picture;
    window->pts_us = chooser->newest_us;
    window->quality = quality;
    window->thumb = chooser->newest;
}

static void drop_fillers_that_were_kept(struct ori_chooser *chooser)
{
    for (size_t i = 0; i < chooser->filler_count; i++) {
        for (size_t k = 0; k < chooser->kept_count; k++) {
            if (chooser->fillers[i].pts_us == chooser->kept[k].pts_us)
                drop(chooser, &chooser->fillers[i].picture);
        }
    }
}

/* Moves up to as many fillers as are missing into the choices, nearest to even places. */
static void fill_up(struct ori_chooser *chooser, int64_t end_us)
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
    drop_fillers(chooser);
}

ori_status ori_chooser_finish(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err)
{
    ori_scenes_finish(chooser->detector);
    ori_status status = settle(chooser, true, err);
    if (status == ORI_OK && chooser->scene.index) {
        status = pass_boundaries(chooser, chooser->newest_us, err);
        if (status == ORI_OK)
            status = end_scene(chooser, end_us, err);
        fill_up(chooser, end_us);
    }
    return status;
}

bool ori_chooser_take(struct ori_chooser *chooser, struct ori_choice *ret_choice)
{
    if (!chooser->choice_count)
        return false;
    *ret_choice = chooser->choices[0];
    memmove(chooser->choices, chooser->choices + 1,
            --chooser->choice_count * sizeof *chooser->choices);
    return true;
}

bool ori_chooser_take_scene(struct ori_chooser *chooser, struct ori_scene *ret_scene)
{
    if (!chooser->scene_count)
        return false;
    *ret_scene = chooser->scenes[0];
    memmove(chooser->scenes, chooser->scenes + 1, --chooser->scene_count * sizeof *chooser->scenes);
    return true;
}

struct ori_borders ori_chooser_open_borders(const struct ori_chooser *chooser)
{
    return chooser->scene.borders;
}

bool ori_chooser_is_full(const struct ori_chooser *chooser)
{
    return chooser->kept_count >= chooser->options.kept_max;
}
