#pragma once
/* http/listen.h: the socket that is listened on.
 * Failure  ORI_PORT_TAKEN; ORI_BAD_SETTING (no such address, not allowed to); IO */
#include <stdbool.h>

#include "config/settings.h"
#include "util/status.h"

/* Of API_HOST and API_PORT; the caller closes the descriptor. Port 0 takes a free one. */
ori_status ori_listen(const struct ori_settings *settings, int *ret_fd, int *ret_port,
                      bool *ret_is_loopback, struct ori_error *err);
/* Whether API_HOST is this machine alone, without listening; ORI_BAD_SETTING when it is nowhere. */
ori_status ori_listen_is_loopback(const struct ori_settings *settings, bool *ret_is_loopback,
                                  struct ori_error *err);
/* As many open files as the system lets this process have. Failing changes nothing. */
long ori_listen_raise_files(void);
