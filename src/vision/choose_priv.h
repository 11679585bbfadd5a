#pragma once
/* vision/choose_priv.h: the chooser's state, shared by choose.c (frames into windows, windows that are
 * settled, the ends) and choose_scene.c (what a settled window means to its scene). */
#include "vision/choose.h"

#include "vision/novelty.h"

#define WINDOWS_MAX 64
#define SIGNATURES_MAX 16 /* of a window's frames, for shots that come back */
#define JUDGED_MAX 4096   /* half an hour of windows in which a shot may return: 6 MB */
#define KNOWN_MAX 24      /* thumbs of a scene's kept frames that novelty is held against */
#define MARKS_MAX 256     /* boundaries and flashes of 13 s: more than can be told apart */
#define QUEUE_MAX 352     /* finish may settle every window and pass every mark at once */
#define FILLERS_MAX 128   /* 2 * the largest VP_MIN_FRAMES */
#define WINDOW_US 400000

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
    bool is_at_rest; /* the camera did not move */
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
    bool is_begin; /* of a scene that the next frame is the first of */
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

void chooser_drop(const struct ori_chooser *chooser, void **picture); /* one reference; nulls */
void chooser_drop_fillers(struct ori_chooser *chooser);
void chooser_fingerprint(const struct ori_thumb *thumb, struct ori_signature *ret_signature,
                         struct ori_dhash *ret_dhash);

/* A settled window joins the open scene: it is judged, and may give its picture away. */
ori_status chooser_join_scene(struct ori_chooser *chooser, struct window *window,
                              struct ori_error *err);
/* Ends the open scene, keeping what is still to be kept; the next one begins at end_us. */
ori_status chooser_end_scene(struct ori_chooser *chooser, int64_t end_us, struct ori_error *err);
/* At the end: fillers for as many frames as are missing. */
void chooser_fill_up(struct ori_chooser *chooser, int64_t end_us);
