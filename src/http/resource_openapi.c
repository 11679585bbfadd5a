/* GET /api/openapi.json */
#include <stdlib.h>
#include <string.h>

#include "http/openapi.h"
#include "http/resource.h"
#include "util/hash.h"

#define ETAG_DIGITS 32 /* of the SHA-256 of the bytes */

void ori_resource_openapi(struct ori_http_request *request, struct ori_http_response *response)
{
    struct ori_error err = {0};
    uint8_t hash[ORI_HASH_BYTES_MAX];
    char etag[ETAG_DIGITS + 1];
    json_t *document = ori_openapi_create(request->settings);
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    ori_status status = text ? ORI_OK : ori_error_set(&err, ORI_NOMEM, "the API's description");
    if (status == ORI_OK)
        status = ori_hash_of(ORI_HASH_SHA256, text, strlen(text), hash, &err);
    if (status != ORI_OK) {
        ori_http_fail(request, response, &err);
        goto out;
    }
    ori_hash_hex(hash, ETAG_DIGITS / 2, etag);
    if (ori_http_cached(request, response, etag, "no-cache"))
        goto out;
    ori_http_give(response, "application/json", text, strlen(text));
    text = NULL;
out:
    free(text);
}
