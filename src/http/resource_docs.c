#include "http/page.h"
#include "http/resource.h"

void ori_resource_docs(struct ori_http_request *request, struct ori_http_response *response)
{
    ori_http_page(request, response, "docs", "index.html");
}

void ori_resource_docs_file(struct ori_http_request *request, struct ori_http_response *response)
{
    ori_http_page(request, response, "docs", ori_http_param(request, "file"));
}
