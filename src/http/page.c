#include "http/page.h"

#include "http/web.h"
#include "util/status.h"

/* Form-action 'self' is for Enter in a form while its script still loads: nothing leaves the origin. */
static const char POLICY[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self' blob:; connect-src 'self'; form-action 'self'; "
                             "base-uri 'none'; frame-ancestors 'none'";

void ori_http_page(const struct ori_http_request *request, struct ori_http_response *response,
                   const char *folder, const char *file)
{
    ORI_ASSERT(request && response && folder && file);
    const struct ori_web_file *found = ori_web_find(folder, file);
    if (!found) {
        ori_http_problem(request, response, 404, "not_found", "There is no such page");
        return;
    }
    ori_http_set_header(response, "Content-Security-Policy", POLICY);
    ori_http_set_header(response, "Referrer-Policy", "no-referrer");
    ori_http_set_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    if (ori_http_cached(request, response, found->etag, "no-cache"))
        return;
    ori_http_static(response, found->content_type, found->data, found->bytes);
}
