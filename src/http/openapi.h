#pragma once
/* http/openapi.h: the API described by its own tables: routes, parameters, schemas.
 * Source    OpenAPI Specification 3.1.0; schemas are JSON Schema 2020-12
 * Threads   static memory; any thread */
#include <jansson.h>

#include "config/settings.h"

/* The document. NULL: no memory. */
json_t *ori_openapi_create(const struct ori_settings *settings);
