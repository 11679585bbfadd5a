#pragma once
/* pipeline/batcher.h: collects prepared pictures from all running videos into batches for the
 * model.
 * How        items submit tickets; embed threads take up to batch_size of them at once, as soon as
 *            so many wait or the oldest has waited for a few milliseconds, and put each ticket into
 *            the inbox of its item, whose descriptor becomes readable
 * Call order create; inbox init, submit, collect, deinit by each item; destroy when no inbox lives
 * Ownership  a ticket belongs to the item and is lent from submit until collect or withdraw gives
 *            it back, and with it the picture and the vector it points to
 * Threads    the batcher: any. An inbox: submitted to and collected from by one thread
 * Failure    a failed or cancelled forward pass fails the tickets of its batch, each with the
 *            cause; the batcher goes on
 * Promise    which pictures share a batch changes no vector (embed/model.h)
 * Limits     ORI_LIMIT_MAX_EMBED_WAITING tickets wait at most: submit is ORI_LIMIT beyond it */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/model.h"
#include "metrics/metrics.h"
#include "util/cancel.h"
#include "util/status.h"

struct ori_batcher;

struct ori_batcher_inbox {
    int fd; /* an eventfd: readable when there is something to collect; never read it */
    struct ori_batcher *batcher;          /* the rest is private, guarded by the batcher's lock */
    struct ori_batcher_ticket *done_head; /* oldest first */
    struct ori_batcher_ticket *done_tail;
    size_t lent; /* tickets that wait or are in a batch */
};

struct ori_batcher_ticket {
    const uint8_t *picture; /* as the model takes it */
    float *vector;          /* dim floats, filled when status is ORI_OK */
    ori_status status;      /* set when collected */
    struct ori_error error;

    struct ori_batcher_inbox *inbox; /* the rest is private */
    struct ori_batcher_ticket *next;
    int64_t since_us;
};

struct ori_batcher_options {
    const struct ori_model *model;   /* borrowed; outlives the batcher */
    const struct ori_cancel *cancel; /* of the process; ends forward passes early */
    size_t batch_size;               /* cut to what the model takes */
    int threads;                     /* embed threads, 1..64 */
    struct ori_metrics *metrics;     /* NULL: nothing is counted */
};

ori_status ori_batcher_create(const struct ori_batcher_options *options,
                              struct ori_batcher **ret_batcher, struct ori_error *err);
/* Joins the embed threads; no ticket may be lent any more. Null-safe, nulls. */
void ori_batcher_destroy(struct ori_batcher **batcher);

ori_status ori_batcher_inbox_init(struct ori_batcher *batcher, struct ori_batcher_inbox *ret_inbox,
                                  struct ori_error *err);
/* Withdraws first. Idempotent. */
void ori_batcher_inbox_deinit(struct ori_batcher_inbox *inbox);

/* Tickets that wait for an embed thread now. */
size_t ori_batcher_waiting(struct ori_batcher *batcher);
/* Never blocks. On failure nothing was lent. */
ori_status ori_batcher_submit(struct ori_batcher_inbox *inbox, struct ori_batcher_ticket *ticket,
                              struct ori_error *err);
/* The next finished ticket, or NULL. */
struct ori_batcher_ticket *ori_batcher_collect(struct ori_batcher_inbox *inbox);
/* Takes back every ticket that is lent: what waits at once, what is in a batch after it. */
void ori_batcher_withdraw(struct ori_batcher_inbox *inbox);
