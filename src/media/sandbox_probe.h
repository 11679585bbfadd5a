#pragma once
/* media/sandbox_probe.h: what the sandbox is worth on this machine: a process goes inside and tries.
 * Call order  probe, while the program has one thread: it forks
 * Failure     ORI_SANDBOX and the reason when the walls cannot be put up; IO, NOMEM when there is no
 *             process to try it with
 * Blocking    until the process has ended: milliseconds, PROBE_MS at most */
#include <stdbool.h>

#include "media/sandbox.h"
#include "util/status.h"

struct ori_sandbox_findings {
    struct ori_sandbox_facts facts;
    bool has_opened_file; /* each of these should be false */
    bool has_made_socket;
    bool has_made_process;
    bool has_signalled_parent;
    bool has_all_memory; /* more than the limit could be had */
    int64_t enter_us;    /* what it took to put the walls up */
};

ori_status ori_sandbox_probe(struct ori_sandbox_findings *ret_findings, struct ori_error *err);
