#pragma once
/* media/sandbox.h: the walls around the decode child: what it may still do while it looks at the
 * bytes of a stranger.
 * Call order  enter once, single-threaded, after START and before the first byte of the medium.
 *             There is no way back; threads that are made later stand inside too
 * GPU         where an encoder of a GPU was opened before (has_gpu, media/clip.h), its driver's
 *             descriptors may stay open and be asked and mapped, and memory cannot be limited, as the
 *             driver reserves more than there is. No more than that: docs/adr/0009
 * Refuses     to enter when something is open that should not be: a descriptor above those of
 *             media/child_proto.h, a medium that can be written to, an environment
 * Walls       in this order: first to be killed when memory runs out, namespaces of its own with an
 *             empty root (where the kernel lets a user have them), no capabilities, no new
 *             privileges, not to be traced, limits, the list of system calls
 * What is left memory of its own, clocks, threads, pread of the medium, recv and send on the socket,
 *             write on the log pipe, the end. Everything else does not exist: ENOSYS
 * Tolerated   namespaces that the kernel or a container refuses: facts tell. Every other wall that
 *             cannot be put up is a failure, and then nothing is decoded
 * Failure     ORI_SANDBOX, what could not be done in err
 * Limits      memory: private memory that can be written; shared memory cannot be had any more.
 *             seconds of processor time: the kernel ends the process by SIGXCPU. No file grows, no
 *             descriptor is added, no core is dumped
 * Why so      docs/adr/0008; checked by tests/e2e/test_sandbox.py, with a child that tries */
#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

/* What the kernel does with a call that is not on the list. */
enum ori_sandbox_answer {
    ORI_SANDBOX_REFUSE, /* ENOSYS: the program's own */
    ORI_SANDBOX_KILL    /* SIGSYS for the process: tests, to see that nothing ever asks */
};

struct ori_sandbox_options {
    int64_t memory_bytes; /* 0: no limit */
    int64_t cpu_seconds;  /* 0: no limit */
    bool has_gpu;
    enum ori_sandbox_answer answer;
};

struct ori_sandbox_facts {
    bool has_namespaces; /* network, IPC, mounts, host name; and users, unless we are root */
    bool has_empty_root; /* the root folder holds nothing and cannot be written to */
    bool is_wide;        /* built with a sanitizer, whose own calls the list allows */
};

/* ret_facts may be NULL. */
ori_status ori_sandbox_enter(const struct ori_sandbox_options *options,
                             struct ori_sandbox_facts *ret_facts, struct ori_error *err);
