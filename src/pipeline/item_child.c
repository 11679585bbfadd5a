/* What both passes over a video have in common: waiting for the child, and those of its messages that
 * mean the same in each. */
#include "pipeline/item_priv.h"

#include <errno.h>
#include <string.h>

#include "util/clock.h"

#define PROGRESS_US 100000 /* between two tellings */

/* A code known to be one of ours, so that the stage is a static string. */
static const char *stage_of(const char *said)
{
    static const char *const stages[] = {"open", "decode", "vision", "still", "clip"};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (strcmp(stages[i], said) == 0)
            return stages[i];
    }
    return "decode";
}

ori_status ori_item_take_fail(const struct ori_msg_fail *message, struct ori_error *err)
{
    ori_status status = ori_status_from_code(message->code);
    if (err)
        err->stage = stage_of(message->stage);
    return ori_error_set(err, status, "%s",
                         message->text[0] ? message->text : ori_status_text(status));
}

void ori_item_take_progress(struct ori_item *item, const struct ori_msg_progress *message)
{
    item->progress.pts_us = message->pts_us;
    item->progress.duration_us = item->result->manifest.duration_us;
    item->progress.frames = message->frames_kept;
    if (ori_clock_us() - item->progress_us >= PROGRESS_US)
        ori_item_tell(item);
}

/* All of a local medium is there: nobody has to ask. */
ori_status ori_item_take_need(struct ori_item *item, const struct ori_msg_range *need,
                              struct ori_error *err)
{
    if (!item->remote)
        return ori_child_answer(item->child, need, true, err);
    ori_status status =
        ori_medium_remote_ensure(item->remote, need->offset, need->bytes, &item->wait, err);
    return status == ORI_OK ? ori_child_answer(item->child, need, false, err) : status;
}

/* The child is gone without DONE or FAIL. */
ori_status ori_item_explain_hangup(struct ori_item *item, struct ori_error *err)
{
    ori_status status = ori_child_reap(item->child, ORI_ITEM_REAP_MS, err);
    if (status == ORI_OK)
        status =
            ori_error_set(err, ORI_CHILD_PROTOCOL, "the decode process ended without saying how");
    return status;
}

ori_status ori_item_wait_for(struct ori_item *item, struct pollfd *fds, nfds_t count,
                             struct ori_error *err)
{
    if (poll(fds, count, ori_clock_poll_ms(item->deadline_us)) < 0 && errno != EINTR)
        return ori_error_set_errno(err, errno, false, "waiting for the decode process");
    if (ori_cancel_is_set(item->cancel))
        return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    if (ori_clock_us() >= item->deadline_us)
        return ori_error_set(err, ORI_TIMEOUT, "not done after %lld seconds",
                             (long long)item->environment->settings->vp_item_timeout);
    return ORI_OK;
}

/* How much the child may say: what would not go into the log is not even written. */
enum ori_words_level ori_item_words_wanted(const struct ori_item *item)
{
    const struct ori_log *log = item->request->log;
    if (ori_log_is_on(log, ORI_LOG_TRACE))
        return ORI_WORDS_VERBOSE;
    if (ori_log_is_on(log, ORI_LOG_DEBUG))
        return ORI_WORDS_WARNING;
    return ori_log_is_on(log, ORI_LOG_WARN) ? ORI_WORDS_FATAL : ORI_WORDS_NONE;
}

void ori_item_log_words(void *self, enum ori_words_level words, const char *line)
{
    static const enum ori_log_level levels[ORI_WORDS_LEVEL_COUNT] = {
        [ORI_WORDS_NONE] = ORI_LOG_TRACE,
        [ORI_WORDS_FATAL] = ORI_LOG_WARN,
        [ORI_WORDS_WARNING] = ORI_LOG_DEBUG,
        [ORI_WORDS_VERBOSE] = ORI_LOG_TRACE};
    const struct ori_item *item = self;
    if (!item->request->log)
        return;
    struct ori_log log = *item->request->log;
    log.stage = "decode";
    ori_log_event(&log, levels[words], "decoder.said", ORI_LOG_FIELDS(ori_log_text("text", line)));
}

void ori_item_log_untold(const struct ori_item *item)
{
    uint64_t untold = ori_child_untold(item->child);
    if (untold > 0)
        ori_log_event(item->request->log, ORI_LOG_DEBUG, "decoder.said_more",
                      ORI_LOG_FIELDS(ori_log_int("lines", (int64_t)untold)));
}
