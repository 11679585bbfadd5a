/* Points one by one, by scrolling: Qdrant gives them in the order of their ids, page by page, from an id on.
 * Each page is asked for, read whole, and then visited: nothing is held meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "stores/vector_qdrant_priv.h"
#include "util/cancel.h"
#include "util/json_out.h"
#include "util/limits.h"

#define PAGE_POINTS 1000 /* with payloads some 30,000 values and 500 kB */
#define BODY_BYTES 8192

struct scroll {
    struct ori_qdrant *store;
    const char *platform; /* NULL: all points, without payloads */
    const char *video_code;
    size_t points_max;
    const char *limit; /* its name */
    ori_vector_visit_fn visit;
    void *self;
    const struct ori_cancel *cancel;
    struct ori_hit_strings strings;
};

static void put_scroll(const struct scroll *scroll, const json_t *offset, struct ori_buf *body)
{
    const struct ori_vector_filter filter = {.platform = scroll->platform,
                                             .video_code = scroll->video_code,
                                             .second_min = -1,
                                             .second_max = -1};
    ori_json_begin_object(body, NULL);
    ori_json_put_whole(body, "limit", PAGE_POINTS);
    ori_json_put_bool(body, "with_vector", false);
    if (scroll->platform) {
        ori_json_put_bool(body, "with_payload", true);
    } else {
        ori_json_begin_array(body, "with_payload");
        ori_json_put_text(body, NULL, "platform");
        ori_json_put_text(body, NULL, "video_code");
        ori_json_end_array(body);
    }
    if (json_is_integer(offset))
        ori_json_put_whole(body, "offset", json_integer_value(offset));
    else if (offset)
        ori_json_put_text(body, "offset", json_string_value(offset));
    ori_qdrant_put_filter(body, &filter);
    ori_json_end_object(body);
}

static ori_status ask(const struct scroll *scroll, const json_t *offset, json_t **ret_page,
                      struct ori_error *err)
{
    struct ori_qdrant *store = scroll->store;
    struct ori_buf body;
    ori_buf_init(&body, BODY_BYTES);
    put_scroll(scroll, offset, &body);
    const struct ori_qdrant_call call = {.method = "POST",
                                         .path = "/points/scroll",
                                         .body = &body,
                                         .deadline_us = ori_qdrant_deadline(store->limits.read_ms),
                                         .retries = store->limits.retries,
                                         .cancel = scroll->cancel};
    ori_status status = ori_buf_finish(&body, "question", err);
    if (status == ORI_OK)
        status = ori_qdrant_call(store, &call, ret_page, NULL, err);
    if (status == ORI_OK && (!json_is_array(json_object_get(*ret_page, "points")) ||
                             json_array_size(json_object_get(*ret_page, "points")) > PAGE_POINTS))
        status = ori_qdrant_nonsense(store, err, "no page of points");
    ori_buf_deinit(&body);
    return status;
}

static bool is_id(const json_t *id)
{
    return json_is_integer(id) || json_string_length(id) == ORI_UUID_TEXT_BYTES - 1;
}

/* A text of the payload that may be a platform or a code; NULL: it is none. */
static const char *name_of(const json_t *payload, const char *key)
{
    const json_t *value = json_object_get(payload, key);
    const size_t bytes = json_string_length(value);
    return bytes >= 1 && bytes <= ORI_LIMIT_MAX_CODE_CHARS ? json_string_value(value) : NULL;
}

static ori_status visit_point(struct scroll *scroll, const json_t *point, struct ori_error *err)
{
    struct ori_point_payload payload = {0};
    struct ori_vector_seen seen = {0};
    const json_t *id = json_object_get(point, "id");
    const json_t *json = json_object_get(point, "payload");
    uuid_t parsed;
    if (!is_id(id))
        return ori_qdrant_nonsense(scroll->store, err, "a point without an id");
    if (json_is_integer(id))
        snprintf(seen.id, sizeof seen.id, "%" PRId64, (int64_t)json_integer_value(id));
    else if (uuid_parse(json_string_value(id), parsed) == 0)
        uuid_unparse_lower(parsed, seen.id);
    else
        return ori_qdrant_nonsense(scroll->store, err, "a point whose id is no UUID");
    seen.platform = name_of(json, "platform");
    seen.video_code = name_of(json, "video_code");
    if (scroll->platform) {
        const char *uuid = json_string_value(json_object_get(json, "uuid"));
        payload.platform = scroll->strings.platform;
        payload.video_code = scroll->strings.video_code;
        payload.path = scroll->strings.path;
        payload.model = scroll->strings.model;
        memcpy(payload.uuid, seen.id, sizeof payload.uuid);
        seen.wrong = ori_qdrant_read_payload(json, &scroll->strings, &payload);
        if (!seen.wrong && (!uuid || strcmp(uuid, seen.id) != 0))
            seen.wrong = "uuid";
        seen.payload = seen.wrong ? NULL : &payload;
    }
    return scroll->visit(scroll->self, &seen, err);
}

/* *ret_next: from where the next page goes, a reference; NULL: that was the last. */
static ori_status read_next(const struct scroll *scroll, const json_t *page, const json_t *offset,
                            size_t total, json_t **ret_next, struct ori_error *err)
{
    json_t *next = json_object_get(page, "next_page_offset");
    *ret_next = NULL;
    if (!next || json_is_null(next))
        return ORI_OK;
    if (!is_id(next) || (offset && json_equal(next, offset)) ||
        json_array_size(json_object_get(page, "points")) == 0)
        return ori_qdrant_nonsense(scroll->store, err, "a page that leads nowhere");
    if (total >= scroll->points_max)
        return ori_error_set(err, ORI_LIMIT, "more than %zu points in one list (%s)",
                             scroll->points_max, scroll->limit);
    *ret_next = json_incref(next);
    return ORI_OK;
}

static ori_status run(struct scroll *scroll, struct ori_error *err)
{
    json_t *offset = NULL;
    size_t total = 0;
    ori_status status = ORI_OK;
    do {
        json_t *page = NULL;
        json_t *next = NULL;
        status = ask(scroll, offset, &page, err);
        const json_t *points = json_object_get(page, "points");
        total += json_array_size(points);
        for (size_t i = 0; i < json_array_size(points) && status == ORI_OK; i++)
            status = visit_point(scroll, json_array_get(points, i), err);
        if (status == ORI_OK)
            status = read_next(scroll, page, offset, total, &next, err);
        json_decref(offset);
        json_decref(page);
        offset = next;
    } while (status == ORI_OK && offset);
    json_decref(offset);
    return status;
}

ori_status ori_qdrant_list_points(struct ori_vector_store *base, const char *platform,
                                  const char *video_code, ori_vector_visit_fn visit, void *self,
                                  const struct ori_cancel *cancel, struct ori_error *err)
{
    struct scroll scroll = {.store = ori_qdrant_of(base),
                            .platform = platform,
                            .video_code = video_code,
                            .points_max = ORI_LIMIT_MAX_VECTOR_CALL,
                            .limit = "VECTOR_CALL",
                            .visit = visit,
                            .self = self,
                            .cancel = cancel ? cancel : ori_qdrant_of(base)->cancel};
    return run(&scroll, err);
}

ori_status ori_qdrant_list_videos(struct ori_vector_store *base, ori_vector_visit_fn visit,
                                  void *self, const struct ori_cancel *cancel,
                                  struct ori_error *err)
{
    struct scroll scroll = {.store = ori_qdrant_of(base),
                            .points_max = ORI_LIMIT_MAX_VECTOR_WALK,
                            .limit = "VECTOR_WALK",
                            .visit = visit,
                            .self = self,
                            .cancel = cancel ? cancel : ori_qdrant_of(base)->cancel};
    return run(&scroll, err);
}
