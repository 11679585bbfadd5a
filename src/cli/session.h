#pragma once
/* cli/session.h: what a verb has around its work when that reaches other machines and Ctrl-C ends it.
 * Call order  begin before any other thread; work; end after threads were joined and clients of
 *             net/client.h destroyed
 * Failure     begin: nothing stays open
 * Layout      the token must not move after begin
 * Threads     the main thread; the token is anybody's */
#include "cli/interrupt.h"
#include "util/cancel.h"

struct ori_session {
    struct ori_cancel cancel; /* set by SIGINT, SIGTERM and SIGHUP */
    struct ori_interrupt *interrupt;
};

ori_status ori_session_begin(struct ori_session *session, struct ori_error *err);
void ori_session_end(struct ori_session *session);
