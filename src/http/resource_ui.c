#include "http/page.h"
#include "http/resource.h"

void ori_resource_ui(struct ori_http_request *request, struct ori_http_response *response)
{
    ori_http_page(request, response, "ui", "index.html");
}

void ori_resource_ui_file(struct ori_http_request *request, struct ori_http_response *response)
{
    ori_http_page(request, response, "ui", ori_http_param(request, "file"));
}
