#pragma once
/* http/params.h: the query of a request, read by the rows of params_tbl.h.
 * Forms     of an upload route, what the query does not say is taken from the form's text fields
 * Answer    an object with every parameter that was given or has a default, by its name, typed
 * Faults    "query.page": a value that is not what its row says; it is in the object all the same,
 *           so that the caller looks at the faults first
 * Threads   plain data; one thread at a time */
#include <jansson.h>

#include "http/request.h"

/* The parameters of the request's route. NULL: no memory. */
json_t *ori_params_query(const struct ori_http_request *request, struct ori_http_faults *faults);
/* One header of params_tbl.h, checked: NULL when it was not given. */
const char *ori_params_header(const struct ori_http_request *request, const char *word,
                              struct ori_http_faults *faults);

/* Members of an object that was checked: the otherwise value when absent or null. */
int64_t ori_params_whole(const json_t *object, const char *name, int64_t otherwise);
double ori_params_real(const json_t *object, const char *name, double otherwise);
bool ori_params_bool(const json_t *object, const char *name, bool otherwise);
const char *ori_params_text(const json_t *object, const char *name); /* NULL when absent */
