#pragma once
/* cli/interrupt.h: Ctrl-C and its like become a cancel token.
 * Call order  start before any other thread, so that all of them have these signals blocked; stop
 *             after they were joined
 * Signals     SIGINT, SIGTERM, SIGHUP; the second is no different from the first: what runs is
 *             cleaning up, within a second
 * Threads     one of its own, named "signals", which reads a signalfd */
#include "util/cancel.h"
#include "util/status.h"

struct ori_interrupt;

/* cancel is borrowed until stop. */
ori_status ori_interrupt_start(struct ori_cancel *cancel, struct ori_interrupt **ret_interrupt,
                               struct ori_error *err);
void ori_interrupt_stop(struct ori_interrupt **interrupt); /* null-safe, nulls */
