#pragma once
/* cli/notify.h: tells the supervisor that started the program how it is (systemd, or what speaks
 * like it).
 * Call order  create before other threads; then any of the others; destroy
 * Without     a supervisor that listens create gives NULL, and all functions take it and do nothing
 * Threads     one at a time
 * Failure     after create none: what cannot be told is lost, and the supervisor's own deadlines
 *             notice
 * Source      sd_notify(3): datagrams of NAME=value lines to the socket in NOTIFY_SOCKET */
#include "util/status.h"

struct ori_notify;

/* ORI_BAD_SETTING: NOTIFY_SOCKET or WATCHDOG_USEC is there and makes no sense. ORI_NOMEM, ORI_IO. */
ori_status ori_notify_create(struct ori_notify **ret_notify, struct ori_error *err);
void ori_notify_destroy(struct ori_notify **notify); /* null-safe, nulls */

void ori_notify_ready(struct ori_notify *notify); /* after the start, and after each reload */
void ori_notify_reloading(struct ori_notify *notify);
void ori_notify_stopping(struct ori_notify *notify);
/* What `systemctl status` shows: one line. */
void ori_notify_status(struct ori_notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How long may pass between two calls of alive: half of what the watchdog allows, in milliseconds
 * as poll takes them; -1 without a watchdog. alive may be called more often: it tells only when a
 * quarter of that time has passed. */
int ori_notify_interval_ms(const struct ori_notify *notify);
void ori_notify_alive(struct ori_notify *notify);
