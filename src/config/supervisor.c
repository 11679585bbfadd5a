#include "config/supervisor.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/text.h"

ori_status ori_supervisor_read(struct ori_supervisor *ret_supervisor, struct ori_error *err)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    int64_t watchdog_us = 0;
    int64_t watched = 0;
    if (usec && usec[0] && (!ori_text_to_int(usec, &watchdog_us) || watchdog_us <= 0))
        return ori_error_set(err, ORI_BAD_SETTING,
                             "WATCHDOG_USEC=%.40s: expected a number of microseconds", usec);
    /* Left over from a process above us, it is not meant for us. */
    if (pid && pid[0] && (!ori_text_to_int(pid, &watched) || watched != getpid()))
        watchdog_us = 0;
    *ret_supervisor = (struct ori_supervisor){.notify_socket = socket && socket[0] ? socket : NULL,
                                              .watchdog_us = watchdog_us};
    return ORI_OK;
}
