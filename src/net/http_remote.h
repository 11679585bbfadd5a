#pragma once
/* net/http_remote.h: a file behind an http or https URL, as a net/remote.h.
 * Guard       public addresses and those of the client's list; by plain http those of the list alone
 *             (net/client.h). A redirect is judged as the first URL was, and leads down from https to
 *             http never; ORI_LIMIT_MAX_SOURCE_REDIRECTS one behind the other. Nothing goes along but
 *             which bytes are wanted
 * Ranges      wanted from the first request on. A server that answers with all of the file is read
 *             once, from start to end, into the sink
 * Same file   each piece is of the file that was opened, or none is taken: by If-Range where the
 *             server has named an ETag or a time, and always by its length
 * Again       what the net client tries again. What broke off goes on where it was as long as each
 *             request brings something; what cannot go on begins again, a few times
 * Not trusted Content-Type and the name's ending: what the file is the decoder sees
 * Secrets     texts for people name the URL without its query, which may be a signature
 * Call order  create; open and read by ori_http_remote_ops; destroy
 * Failure     NOT_FOUND (404, 410), NOT_READABLE (401, 403 and other refusals), URL_REFUSED,
 *             UNSUPPORTED_URL (an encoding that was not asked for), LIMIT: not to be tried again.
 *             NETWORK (not reached, silent, 429, 5xx, answers that contradict themselves),
 *             SOURCE_CHANGED: may pass. TIMEOUT: the deadline of wait. CANCELLED, NOMEM
 * Source      RFC 9110 sections 13 to 15 */
#include "log/log.h"
#include "net/client.h"
#include "net/remote.h"

struct ori_http_remote;

/* client, log (may be NULL): borrowed. ORI_URL_REFUSED for what the guard refuses by its text. */
ori_status ori_http_remote_create(struct ori_net_client *client, const char *url,
                                  const struct ori_log *log, struct ori_http_remote **ret_remote,
                                  struct ori_error *err);
void ori_http_remote_destroy(struct ori_http_remote **remote); /* null-safe, nulls */

/* The last segment of the URL's path, decoded; its host when there is none. */
const char *ori_http_remote_name(const struct ori_http_remote *remote);

extern const struct ori_remote_ops ori_http_remote_ops; /* self: a struct ori_http_remote */
