#pragma once
/* http/page.h: a file of a page as an answer, with the headers that keep the page to itself.
 * Policy     scripts, styles and requests of this origin alone, nothing inline, no frame around it.
 *            Pictures may be blobs: the console fetches frames with its key and shows them so
 * Caching    no-cache with a strong etag: asked for every time, sent only when the program changed
 * Threads    any; never blocks */
#include "http/request.h"

/* Answers with the file of the folder (http/web.h), 304 when the client has it, else 404. */
void ori_http_page(const struct ori_http_request *request, struct ori_http_response *response,
                   const char *folder, const char *file);
