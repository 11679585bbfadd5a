#pragma once
/* util/queue.h: hands items from some threads to others, bounded in items and in bytes.
 * Call order  create; push and pop from any thread; end or fail once; destroy when all threads
 *             have left it
 * Ownership   push takes the item on ORI_OK, the caller keeps it otherwise; pop gives it away;
 *             destroy hands what is left to drop
 * Order       first in, first out; end and failure travel in it, behind the items pushed before
 * Full        push waits until there is room. One item larger than bytes_max goes in alone, into an
 *             empty queue, so that nothing waits for ever
 * Waiting     until deadline_us (ori_clock_us, ORI_CLOCK_NO_DEADLINE for none): ORI_AGAIN; cancel
 *             (may be NULL) is noticed within 50 ms: ORI_CANCELLED
 * Threads     any number on both sides */
#include <stddef.h>
#include <stdint.h>

#include "util/cancel.h"
#include "util/status.h"

struct ori_queue;
typedef void (*ori_queue_drop_fn)(void *item);

/* items_max 1..1048576. drop may be NULL when items own nothing. */
ori_status ori_queue_create(size_t items_max, size_t bytes_max, ori_queue_drop_fn drop,
                            struct ori_queue **ret_queue, struct ori_error *err);
void ori_queue_destroy(struct ori_queue **queue); /* null-safe, nulls */

/* ORI_OK; ORI_AGAIN, ORI_CANCELLED; ORI_EOF when the queue was ended, or what it was failed with.
 */
ori_status ori_queue_push(struct ori_queue *queue, void *item, size_t bytes,
                          const struct ori_cancel *cancel, int64_t deadline_us);
/* ORI_OK; ORI_AGAIN, ORI_CANCELLED; ORI_EOF when ended and empty; when failed and empty the status
 * it was failed with, its cause in err. */
ori_status ori_queue_pop(struct ori_queue *queue, const struct ori_cancel *cancel,
                         int64_t deadline_us, void **ret_item, struct ori_error *err);

/* Nothing more comes; pops drain what is there. The first end or fail counts. */
void ori_queue_end(struct ori_queue *queue);
/* As end, with a cause that every later pop of the empty queue tells; cause is copied. */
void ori_queue_fail(struct ori_queue *queue, const struct ori_error *cause);

size_t ori_queue_items(struct ori_queue *queue);
size_t ori_queue_bytes(struct ori_queue *queue);
