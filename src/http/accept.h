#pragma once
/* http/accept.h: what a client would rather have.
 * Source   RFC 9110 sections 5.6.3, 12.4.2 and 12.5.1: of ranges that fit, the most exact one
 *          counts; a weight that is none makes its range count for nothing
 * Threads  pure; any thread */
#include <stdbool.h>

/* Whether an Accept header asks for text/html rather than for JSON. NULL or both alike: no. */
bool ori_accept_prefers_html(const char *accept);
