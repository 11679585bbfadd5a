#pragma once
/* net/redirect.h: where a redirect leads. The client follows none itself: whoever asks decides, for
 * only he knows which headers may go along.
 * Source    RFC 3986 section 5 for relative references; RFC 9110 section 15.4
 * Threads   pure; any thread */
#include <stdbool.h>

#include "util/status.h"

/* 301, 302, 303, 307, 308: those that name another place in Location. */
bool ori_net_is_redirect(int http_status);

/* The URL that `location` means when it stands in an answer to `from`; malloc'ed, the caller frees.
 * ORI_URL_REFUSED: no location, not http or https, longer than ORI_LIMIT_MAX_NET_URL_BYTES, or from
 * https down to http. ORI_NOMEM. Whether its host is allowed is the client's guard's matter. */
ori_status ori_net_redirect(const char *from, const char *location, char **ret_url,
                            struct ori_error *err);

/* Same scheme, host and port, written differently or not (RFC 6454). False for what is no URL. */
bool ori_net_is_same_origin(const char *a, const char *b);
