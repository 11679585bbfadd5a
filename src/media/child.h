#pragma once
/* media/child.h: the parent's end of one decode child: start, listen, release, kill, reap.
 * The child is this very program with the hidden verb `decode`, an empty environment and the
 * descriptors of child_proto.h alone. It parses what the parent must never parse
 * Call order  spawn; poll socket and log; receive and read_log until ORI_EOF, DONE or FAIL; reap;
 *             destroy. kill at any moment ends the process and leaves the memory readable; destroy
 *             kills what still lives
 * Ownership   the child object owns process, sockets and memory; the medium's descriptor is
 *             borrowed for spawn alone. Slot bytes are readable from FRAME until release
 * Threads     one thread, the one that spawned it: the kernel kills the child when it ends
 * Trust       receive hands out checked messages only (child_message.h). Slot bytes may change
 *             under our hands at any time: use them as opaque bytes or plain samples
 * Failure     CHILD_CRASHED with signal or exit status and the end of its stderr; CHILD_PROTOCOL;
 *             IO or NOMEM when there are no descriptors, processes or memory left
 * Blocking    spawn, receive, read_log, release and answer do not block; reap at most grace_ms;
 *             kill and destroy as long as the kernel takes for a SIGKILL */
#include <stdint.h>

#include "media/child_message.h"
#include "media/child_proto.h"
#include "media/words.h"
#include "util/status.h"

struct ori_child;

struct ori_child_options {
    const char *program;        /* NULL: this program; a path for tests */
    int fd_medium;              /* open for reading */
    struct ori_msg_start start; /* its type is filled in */
    ori_words_fn on_line;       /* each line of the log pipe, in read_log and reap; may be NULL */
    void *on_line_self;
};

ori_status ori_child_spawn(const struct ori_child_options *options, struct ori_child **ret_child,
                           struct ori_error *err);
void ori_child_kill(struct ori_child *child);     /* and reap; idempotent */
void ori_child_destroy(struct ori_child **child); /* null-safe, nulls */

int ori_child_socket(const struct ori_child *child); /* readable: call receive */
int ori_child_log(const struct ori_child *child);    /* readable: call read_log; -1 once closed */

/* The next message. ORI_AGAIN: none yet. ORI_EOF: the child hung up; reap says why. */
ori_status ori_child_receive(struct ori_child *child, union ori_child_message *ret_message,
                             struct ori_error *err);
/* Takes what stands in the log pipe, or a part of much; keeps the last few KiB for the text of a
 * crash, in which libav's own words are passed over. */
void ori_child_read_log(struct ori_child *child);
uint64_t ori_child_untold(const struct ori_child *child); /* lines that were not given to on_line */

const uint8_t *ori_child_slot(const struct ori_child *child, uint32_t slot);
ori_status ori_child_release(struct ori_child *child, uint32_t slot, struct ori_error *err);
ori_status ori_child_answer(struct ori_child *child, const struct ori_msg_range *need,
                            bool is_failed, struct ori_error *err);

/* Waits until the child has ended by itself, kills it after grace_ms, and reaps it.
 * ORI_OK: exit status 0. ORI_TIMEOUT: its processor time ran out. ORI_CHILD_CRASHED: anything else; native in err is then the signal that
 * ended it, 0 when there was none or when it was our own. Callable once. */
ori_status ori_child_reap(struct ori_child *child, int grace_ms, struct ori_error *err);
