#pragma once
/* pipeline/options.h: from the settings to what the decode child is told.
 * Threads   pure; any thread */
#include "config/settings.h"
#include "embed/model.h"
#include "media/child_proto.h"
#include "media/still.h"

/* All of them, the model's input among them. The child decodes with one thread: VP_MAX_WORKERS
 * videos at once fill the machine, and a picture does not depend on how many cores there are. */
void ori_options_extract(const struct ori_settings *settings, const struct ori_model_info *model,
                         struct ori_extract_options *ret_options);
/* VP_SPEED as it is in force: the classic score is one of every picture. */
const char *ori_options_speed(const struct ori_settings *settings);
enum ori_still_format ori_options_still_format(const struct ori_settings *settings);

/* START of a job of any kind (of a clip, what it is to be is still to be told), for a local medium of so many bytes. A slot holds the
 * largest still that VP_MAX_PIXELS allows; pages that nobody touches cost nothing. The settings say
 * what the process may use: VP_DECODE_MEMORY, and as much processor time as VP_ITEM_TIMEOUT gives
 * its threads. */
void ori_options_start(const struct ori_settings *settings,
                       const struct ori_extract_options *options, enum ori_child_job job,
                       int64_t bytes, struct ori_msg_start *ret_start);
/* More slots for stills that are under way to a store, several at once. They are held until the
 * size of the pictures is known, for it decides how many of them there may be. */
void ori_options_hold_slots(struct ori_msg_start *start);
/* How many of the held ones may be released for pictures of that size: with those that are free from
 * the start they hold 128 MiB at most. */
uint32_t ori_options_more_slots(const struct ori_msg_start *start, int32_t width, int32_t height);
