/* Frames found by likeness: to a text, to a picture, to a stored frame.
 * Grouping  by video: the search is widened until enough videos are found, or no more frames are, or
 *           ORI_LIMIT_MAX_SEARCH_HITS frames were looked at */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "http/params.h"
#include "http/resource.h"
#include "http/resources.h"
#include "http/schema.h"
#include "pipeline/picture.h"
#include "util/clock.h"
#include "util/json_out.h"

#define WIDER 4 /* times as many frames with each step of the widening */

struct search {
    const struct ori_http_request *request;
    const struct ori_engine *engine;
    json_t *query; /* of the URL, or of the form */
    json_t *body;  /* NULL: an upload */
    size_t limit;
    bool by_video;
    struct ori_vector_filter filter; /* borrows its texts from query or body */
    struct ori_model_scratch *scratch;
    bool is_kept;
    float *vector; /* dim */
    struct ori_hits hits;
    int64_t began_us;
};

static void release(struct search *search)
{
    ori_hits_deinit(&search->hits);
    if (!search->is_kept)
        ori_model_scratch_destroy(&search->scratch);
    free(search->vector);
    json_decref(search->query);
    json_decref(search->body);
}

static void read_options(struct search *search)
{
    const json_t *own = search->body ? search->body : search->query;
    const json_t *filter = search->body ? json_object_get(search->body, "filter") : search->query;
    search->limit = (size_t)ori_params_whole(own, "limit", 0);
    if (search->limit == 0)
        search->limit = (size_t)ori_params_whole(search->query, "limit", 0);
    search->by_video = ori_params_text(own, "group_by") != NULL;
    search->filter = (struct ori_vector_filter){
        .platform = ori_params_text(filter, "platform"),
        .video_code = ori_params_text(filter, "video_code"),
        .second_min = ori_params_real(filter, "second_min", -1),
        .second_max = ori_params_real(filter, "second_max", -1),
    };
}

/* The request read and found right, and the engine there: else an answer that says why not. */
static bool begin(struct search *search, struct ori_http_response *response)
{
    const struct ori_http_request *request = search->request;
    struct ori_http_faults faults;
    const struct ori_schema_rules rules = {.faults = &faults};
    enum ori_schema schema = ORI_SCHEMA_COUNT;
    bool has_schema = ori_schema_find(request->route->request, &schema);
    ORI_ASSERT(has_schema);
    if (request->route->body == ORI_ROUTE_JSON) {
        search->body = ori_http_json_body(request, response);
        if (!search->body)
            return false;
    }
    ori_http_faults_init(&faults);
    search->query = ori_params_query(request, &faults);
    if (search->body)
        ori_schema_check(schema, search->body, "body", &rules);
    bool is_faulty = ori_http_faulty(request, response, &faults);
    ori_http_faults_deinit(&faults);
    if (is_faulty)
        return false;
    search->engine = ori_service_engine(request->service);
    read_options(search);
    return true;
}

/* Room for the query's vector, and working memory of this thread. */
static ori_status prepare(struct search *search, struct ori_error *err)
{
    search->began_us = ori_clock_us();
    if (!search->query)
        return ori_error_set(err, ORI_NOMEM, "query");
    if (!search->engine) {
        struct ori_readiness readiness;
        ori_service_readiness(search->request->service, &readiness);
        const char *reason =
            readiness.model_reason[0] ? readiness.model_reason : readiness.vectors_reason;
        return ori_error_set(err, ORI_NOT_READY, "%s",
                             reason[0] ? reason : ori_status_text(ORI_NOT_READY));
    }
    search->vector = calloc((size_t)search->engine->model_info.dim, sizeof *search->vector);
    if (!search->vector)
        return ori_error_set(err, ORI_NOMEM, "vector");
    return ori_resources_scratch(search->request->resources, search->engine->model,
                                 &search->scratch, &search->is_kept, err);
}

static bool is_same_video(const struct ori_hit *a, const struct ori_hit *b)
{
    return strcmp(a->payload.video_code, b->payload.video_code) == 0 &&
           strcmp(a->payload.platform, b->payload.platform) == 0;
}

/* Keeps the best hit of each video, in their order, at most limit of them. */
static void keep_best(struct ori_hits *hits, size_t limit)
{
    size_t kept = 0;
    for (size_t i = 0; i < hits->count && kept < limit; i++) {
        size_t same = 0;
        while (same < kept && !is_same_video(&hits->hits[same], &hits->hits[i]))
            same++;
        if (same == kept)
            hits->hits[kept++] = hits->hits[i];
    }
    hits->count = kept;
}

static ori_status find_videos(struct search *search, struct ori_error *err)
{
    size_t wide = search->limit;
    for (;;) {
        wide = wide * WIDER < ORI_LIMIT_MAX_SEARCH_HITS ? wide * WIDER : ORI_LIMIT_MAX_SEARCH_HITS;
        ori_status status =
            ori_vector_search(search->engine->vectors, search->vector, wide, &search->filter,
                              search->request->cancel, &search->hits, err);
        if (status != ORI_OK)
            return status;
        size_t found = search->hits.count;
        keep_best(&search->hits, search->limit);
        if (search->hits.count == search->limit || found < wide ||
            wide == ORI_LIMIT_MAX_SEARCH_HITS)
            return ORI_OK;
        ori_hits_deinit(&search->hits);
    }
}

static ori_status find(struct search *search, struct ori_error *err)
{
    if (search->by_video)
        return find_videos(search, err);
    return ori_vector_search(search->engine->vectors, search->vector, search->limit,
                             &search->filter, search->request->cancel, &search->hits, err);
}

static void put_payload(struct ori_buf *buf, const struct ori_point_payload *payload)
{
    ori_json_begin_object(buf, "payload");
    ori_json_put_text(buf, "uuid", payload->uuid);
    ori_json_put_text(buf, "platform", payload->platform);
    ori_json_put_text(buf, "video_code", payload->video_code);
    ori_json_put_whole(buf, "frame_number", payload->frame_number);
    ori_json_put_real(buf, "frame_second", payload->frame_second);
    ori_json_put_text(buf, "path", payload->path);
    ori_json_put_text(buf, "created_at", payload->created_at);
    ori_json_put_whole(buf, "width", payload->width);
    ori_json_put_whole(buf, "height", payload->height);
    ori_json_put_whole(buf, "scene", payload->scene);
    ori_json_put_text(buf, "dhash", payload->dhash);
    ori_json_put_text(buf, "model", payload->model);
    ori_json_end_object(buf);
}

static void put_hits(struct ori_http_response *response, const struct ori_hits *hits)
{
    struct ori_buf *buf = ori_http_body(response, "application/json");
    ori_json_begin_array(buf, NULL);
    for (size_t i = 0; i < hits->count; i++) {
        ori_json_begin_object(buf, NULL);
        ori_json_put_text(buf, "id", hits->hits[i].payload.uuid);
        ori_json_put_real(buf, "score", hits->hits[i].score);
        put_payload(buf, &hits->hits[i].payload);
        ori_json_end_object(buf);
    }
    ori_json_end_array(buf);
}

/* The vector is there, or status says why not. */
static void finish(struct search *search, struct ori_http_response *response, ori_status status,
                   struct ori_error *err)
{
    struct ori_metrics *metrics = search->request->service->metrics;
    if (status == ORI_OK)
        status = find(search, err);
    if (status != ORI_OK) {
        ori_http_fail(search->request, response, err);
        return;
    }
    put_hits(response, &search->hits);
    ori_metrics_add(metrics, ORI_METRIC_SEARCHES, 0, 1);
    ori_metrics_observe(metrics, ORI_METRIC_SEARCH_SECONDS, 0,
                        (double)(ori_clock_us() - search->began_us) / 1e6);
}

void ori_resource_search_text(struct ori_http_request *request, struct ori_http_response *response)
{
    struct search search = {.request = request};
    struct ori_error err = {0};
    if (begin(&search, response)) {
        ori_status status = prepare(&search, &err);
        if (status == ORI_OK)
            status = ori_model_embed_text(search.scratch, ori_params_text(search.body, "prompt"),
                                          request->cancel, search.vector, &err);
        finish(&search, response, status, &err);
    }
    release(&search);
}

static ori_status embed_upload(struct search *search, const struct ori_http_part *part,
                               struct ori_error *err)
{
    const struct ori_picture_request picture = {.fd = search->request->body_fd,
                                                .offset = part->offset,
                                                .bytes = part->bytes,
                                                .settings = search->request->settings,
                                                .model = &search->engine->model_info};
    uint8_t *input = NULL;
    ori_status status = ori_picture_load(&picture, search->request->cancel, &input, err);
    if (status == ORI_OK) {
        const uint8_t *pictures[] = {input};
        status = ori_model_embed_pictures(search->scratch, pictures, 1, search->request->cancel,
                                          search->vector, err);
    }
    free(input);
    return status;
}

/* The form's file; a form without one is a fault like a missing field of JSON. */
static bool find_file(const struct ori_http_request *request, struct ori_http_response *response,
                      struct ori_http_part *ret_part)
{
    struct ori_error err = {0};
    struct ori_http_faults faults;
    ori_status status = ori_http_part(request, "file", ret_part, &err);
    if (status == ORI_OK)
        return true;
    if (status != ORI_USAGE) {
        ori_http_fail(request, response, &err);
        return false;
    }
    ori_http_faults_init(&faults);
    ori_http_fault(&faults, "body.file", "missing", "%s", err.text);
    if (!ori_http_faulty(request, response, &faults))
        ori_http_fail(request, response, &err);
    ori_http_faults_deinit(&faults);
    return false;
}

void ori_resource_search_image(struct ori_http_request *request, struct ori_http_response *response)
{
    struct search search = {.request = request};
    struct ori_error err = {0};
    struct ori_http_part part;
    if (begin(&search, response) && find_file(request, response, &part)) {
        ori_status status = prepare(&search, &err);
        if (status == ORI_OK)
            status = embed_upload(&search, &part, &err);
        finish(&search, response, status, &err);
    }
    release(&search);
}

static ori_status fetch_vector(struct search *search, struct ori_error *err)
{
    const char *wanted = ori_params_text(search->body, "id");
    char id[sizeof((struct ori_point_payload *)0)->uuid] = "";
    for (size_t i = 0; wanted[i] && i + 1 < sizeof id; i++)
        id[i] = (char)tolower((unsigned char)wanted[i]);
    struct ori_error why = {0};
    ori_status status = ori_vector_get(search->engine->vectors, id, search->vector, &why);
    if (status == ORI_NOT_FOUND)
        return ori_error_set(err, status, "no frame has the id %s", id);
    return status == ORI_OK ? status : ori_error_set(err, status, "%s", why.text);
}

void ori_resource_search_frame(struct ori_http_request *request, struct ori_http_response *response)
{
    struct search search = {.request = request};
    struct ori_error err = {0};
    if (begin(&search, response)) {
        ori_status status = prepare(&search, &err);
        if (status == ORI_OK)
            status = fetch_vector(&search, &err);
        finish(&search, response, status, &err);
    }
    release(&search);
}
