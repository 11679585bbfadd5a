#pragma once
/* media/child_side.h: the decode child's end of media/child_proto.h: hear START, map the memory,
 * find a free slot, say things.
 * Call order  open (blocks until START is there); anything else; close. Enter the sandbox after
 *             open: later calls need recv, send, clock_gettime and exit alone
 * Ownership   the side borrows the three descriptors, owns the mapping. A slot belongs to the
 *             caller from ori_child_side_slot until a message that names it was sent
 * Threads     one thread
 * Failure     ORI_CANCELLED: the parent is gone or hung up: end quietly, nobody listens any more.
 *             ORI_CHILD_PROTOCOL: START makes no sense (two different programs); ORI_IO otherwise
 * Blocking    send blocks while the parent's queue is full: its pace is our pace */
#include <stddef.h>
#include <stdint.h>

#include "media/child_proto.h"
#include "media/source.h"
#include "util/status.h"

struct ori_child_side {
    struct ori_msg_start start;
    struct ori_source source; /* the medium; its ensure is set for a remote one */
    uint8_t *memory;          /* start.slots * start.slot_bytes */
    int64_t wait_us;          /* spent waiting for a free slot so far */

    int fd_socket;       /* the rest is private */
    uint64_t slots_free; /* bit i: slot i may be filled */
    int64_t have_offset; /* last range that the parent said is there */
    int64_t have_bytes;
};

/* With the descriptors of child_proto.h; the kernel kills us with our parent from here on. On
 * failure there is nothing to close. */
ori_status ori_child_side_open(struct ori_child_side *ret_side, struct ori_error *err);
/* The same with other descriptors, for tests. */
ori_status ori_child_side_open_at(int fd_medium, int fd_socket, int fd_memory,
                                  struct ori_child_side *ret_side, struct ori_error *err);
void ori_child_side_close(struct ori_child_side *side); /* idempotent */

/* Sends one ori_msg_* struct, whole or not at all. */
ori_status ori_child_side_send(struct ori_child_side *side, const void *message, size_t bytes,
                               struct ori_error *err);

/* A free slot, start.slot_bytes at *ret_data; waits for RELEASE when there is none. */
ori_status ori_child_side_slot(struct ori_child_side *side, uint32_t *ret_slot, uint8_t **ret_data,
                               struct ori_error *err);
/* Gives a slot back that was not sent after all. */
void ori_child_side_slot_drop(struct ori_child_side *side, uint32_t slot);

/* ori_source_ensure_fn; self is the side. Asks the parent for whole blocks and waits for HAVE.
 * ORI_IO when the parent could not get the range. */
ori_status ori_child_side_ensure(void *self, int64_t offset, size_t bytes, struct ori_error *err);

/* FAIL from an error: code, stage and text of err; stage is used when err names none. A parent
 * that is gone is no failure here: the caller exits next. */
void ori_child_side_fail(struct ori_child_side *side, const char *stage,
                         const struct ori_error *err);
