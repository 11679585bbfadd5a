#pragma once
/* pipeline/item_priv.h: what the steps of one item share; for item*.c alone. */
#include <poll.h>

#include "media/child.h"
#include "pipeline/item.h"
#include "pipeline/report.h"
#include "pipeline/scores.h"
#include "pipeline/uploads.h"

#define ORI_ITEM_REAP_MS 150 /* a child that has said its last word; cancel must take < 200 ms */

/* One slot of the child's memory while its frame is with us. */
struct ori_item_slot {
    struct ori_batcher_ticket ticket;
    struct ori_upload upload;
    size_t frame;  /* row in the manifest */
    int borrowers; /* batcher and uploads: 0 when both have given it back */
};

struct ori_item {
    const struct ori_item_environment *environment;
    const struct ori_item_request *request;
    const struct ori_cancel *cancel;
    struct ori_item_result *result;
    int64_t deadline_us;
    struct ori_wait wait; /* what calls of the stores may take: the token, the deadline */
    int fd;
    struct ori_medium_remote *remote; /* NULL: all of the medium is there */
    struct ori_extract_options options;
    struct ori_manifest old; /* what stands in the folder */
    bool has_old;
    bool knows_old; /* it was read, or is surely not there or broken */
    struct ori_blob_lock *lock;
    bool has_effects; /* something in the stores may have changed */
    bool has_points;  /* the new points are in: the attempt is not taken back any more */

    struct ori_child *child; /* extract */
    struct ori_batcher_inbox inbox;
    struct ori_uploads *uploads;
    struct ori_msg_start start;
    struct ori_item_slot *slots;      /* one for each of the child's */
    float *slot_vectors;              /* dim of each */
    size_t lent;                      /* slots that the batcher or the uploads have */
    float *vectors;                   /* dim for each row of the manifest's frames */
    size_t vectors_room;              /* in rows */
    uint32_t tells;                   /* enum ori_child_tell: what the child is asked for */
    struct ori_scores_writer *scores; /* NULL: none asked for, or it failed */
    struct ori_report *report;        /* likewise */
    struct ori_msg_info info;
    struct ori_msg_done done;
    bool has_done;
    struct ori_item_progress progress; /* as last told */
    int64_t progress_us;               /* when that was */
};

/* item.c: tells whoever listens how far the item is. */
void ori_item_tell(struct ori_item *item);

/* item_child.c: what is the same in every pass over the video. */
/* Until something can be done; ORI_CANCELLED and ORI_TIMEOUT end the item. */
ori_status ori_item_wait_for(struct ori_item *item, struct pollfd *fds, nfds_t count,
                             struct ori_error *err);
void ori_item_take_progress(struct ori_item *item, const struct ori_msg_progress *message);
ori_status ori_item_take_need(struct ori_item *item, const struct ori_msg_range *need,
                              struct ori_error *err);
/* The failure that the child tells of. */
ori_status ori_item_take_fail(const struct ori_msg_fail *message, struct ori_error *err);
/* The child is gone without DONE or FAIL. */
ori_status ori_item_explain_hangup(struct ori_item *item, struct ori_error *err);
enum ori_words_level ori_item_words_wanted(const struct ori_item *item);
void ori_item_log_words(void *self, enum ori_words_level words, const char *line);
void ori_item_log_untold(const struct ori_item *item);

/* item_clip.c: the cropped clip, in a second pass over the video, where one is wanted. */
ori_status ori_item_clip(struct ori_item *item, struct ori_error *err);

/* item_extract.c: child, frames, stills and vectors. Fills the manifest's tables. */
ori_status ori_item_extract(struct ori_item *item, struct ori_error *err);
/* Ends the child and everything lent to others; idempotent. */
void ori_item_extract_end(struct ori_item *item);

/* item_tell.c: what an item tells beside its result. Where that fails, the result stands. */
void ori_item_tell_begin(struct ori_item *item); /* before the child starts; asks it for more */
void ori_item_tell_score(struct ori_item *item, const struct ori_msg_score *score);
void ori_item_tell_look(struct ori_item *item, const struct ori_msg_look *look);
void ori_item_tell_shot(struct ori_item *item, const struct ori_msg_shot *shot);
void ori_item_tell_end(struct ori_item *item, bool is_well);

/* item_store.c: what stands in the stores. */
/* Reads the manifest of before. None, or a broken one, is no failure. */
ori_status ori_item_load_old(struct ori_item *item, struct ori_error *err);
/* Is that the result of this file and these settings, with everything it names in its place? */
ori_status ori_item_is_done(struct ori_item *item, bool *ret_is_done, struct ori_error *err);
/* Before the first effect: from here on the manifest of before is not complete any more. */
ori_status ori_item_begin_effects(struct ori_item *item, struct ori_error *err);
ori_status ori_item_store_points(struct ori_item *item, struct ori_error *err);
ori_status ori_item_store_manifest(struct ori_item *item, const struct ori_manifest *manifest,
                                   bool is_complete, struct ori_error *err);
/* Deletes frame objects in the video's folder that keep (NULL: none) does not name. */
ori_status ori_item_sweep(struct ori_item *item, const struct ori_manifest *keep,
                          struct ori_error *err);
/* After a failed attempt: what it left goes, as far as the stores let it. */
void ori_item_take_back(struct ori_item *item);
