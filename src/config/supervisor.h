#pragma once
/* config/supervisor.h: what the supervisor that started the program says in its environment.
 * Source   sd_notify(3), sd_watchdog_enabled(3)
 * Threads  call it before there are others: the texts are the environment's own */
#include <stdint.h>

#include "util/status.h"

struct ori_supervisor {
    const char *notify_socket; /* a path, "@name" for an abstract one; NULL: nobody listens */
    int64_t watchdog_us;       /* 0: no watchdog, or one of another process */
};

/* ORI_BAD_SETTING when WATCHDOG_USEC is no number. */
ori_status ori_supervisor_read(struct ori_supervisor *ret_supervisor, struct ori_error *err);
