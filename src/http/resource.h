#pragma once
/* http/resource.h: the handler of every row of routes_tbl.h: ori_resource_<name>.
 * Where     each in the resource_*.c of its tag; route.c alone takes their addresses
 * Contract  reads the request, fills the response, returns: see http/request.h */
#include "http/request.h"

#define ORI_ROUTE_ROW(method, path, name, ...)                                                     \
    void ori_resource_##name(struct ori_http_request *request, struct ori_http_response *response);
#include "http/routes_tbl.h"
#undef ORI_ROUTE_ROW
