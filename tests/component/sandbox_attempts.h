#pragma once
/* What code that took over the decode child would try: each attempt is one function.
 * attempts: harmless where they succeed, so that they can also be made without the walls, which
 * shows that they are real; each gives 0 when it got what it wanted, else errno.
 * Threads   one, but for what an attempt itself starts */
#include <stddef.h>
#include <sys/types.h>

struct attempt {
    const char *name;
    int (*run)(void);
};
extern const struct attempt attempts[];
extern const size_t attempts_count;

/* The process to be attacked, found out before the walls are up. */
extern pid_t attempts_parent;
