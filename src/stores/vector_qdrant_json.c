/* Points to text, answers to hits. The text of vectors is written by hand: 512 floats by printf take
 * ten times as long, and are most of what an upsert costs this side. Of an answer nothing is
 * believed: types, ranges and lengths are those of what we write, or the answer is refused. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "stores/vector_qdrant_priv.h"
#include "util/json_out.h"
#include "util/limits.h"

#define DIGITS 9    /* FLT_DECIMAL_DIG */
#define ZEROS_MAX 4 /* behind the point, written plainly */
#define FLOAT_BYTES 32
#define SCORE_SLACK 1e-4 /* what f32 sums may go past 1 */

/* ---- to text ---- */

/* A float of 0.0001 to 1 as nine digits behind its zeros. The product is off by some 1e-16 of itself,
 * half of the ninth digit by 5e-9, and the next float by 6e-8: so it reads back as the same. */
static size_t write_fraction(double value, char *text)
{
    static const double powers[ZEROS_MAX + 1] = {1e9, 1e10, 1e11, 1e12, 1e13};
    size_t zeros = 0;
    while (zeros < ZEROS_MAX && value * powers[zeros] < 1e8)
        zeros++;
    uint32_t digits = (uint32_t)(value * powers[zeros] + 0.5);
    size_t at = 2;
    if (digits >= 1000000000) {
        if (zeros == 0) {
            text[0] = '1';
            return 1;
        }
        digits /= 10;
        zeros--;
    }
    memcpy(text, "0.", 2);
    memset(text + at, '0', zeros);
    at += zeros;
    for (size_t i = DIGITS; i > 0; i--) {
        text[at + i - 1] = (char)('0' + digits % 10);
        digits /= 10;
    }
    at += DIGITS;
    while (text[at - 1] == '0')
        at--;
    return at;
}

void ori_qdrant_put_float(struct ori_buf *buf, float value)
{
    char text[FLOAT_BYTES];
    const double size = fabs((double)value);
    if (!(size >= 1e-4 && size < 1.0)) {
        ori_buf_printf(buf, "%.9g", (double)value);
        return;
    }
    const size_t sign = value < 0 ? 1 : 0;
    text[0] = '-';
    ori_buf_add(buf, text, sign + write_fraction(size, text + sign));
}

/* Qdrant would divide by the length too, in f32: the squares of very small and very large numbers
 * are lost there. */
static double scale_of(const struct ori_qdrant *store, const float *vector)
{
    double energy = 0.0;
    if (!store->is_cosine)
        return 1.0;
    for (int i = 0; i < store->base.dim; i++)
        energy += (double)vector[i] * vector[i];
    return 1.0 / sqrt(energy);
}

void ori_qdrant_put_vector(struct ori_buf *buf, const char *key, const struct ori_qdrant *store,
                           const float *vector)
{
    const double scale = scale_of(store, vector);
    ori_json_begin_array(buf, key);
    for (int i = 0; i < store->base.dim; i++) {
        if (i > 0)
            ori_buf_add(buf, ",", 1);
        ori_qdrant_put_float(buf, (float)(vector[i] * scale));
    }
    ori_json_end_array(buf);
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

void ori_qdrant_put_points(struct ori_buf *buf, const struct ori_qdrant *store,
                           const struct ori_point *points, size_t n)
{
    ori_json_begin_object(buf, NULL);
    ori_json_begin_array(buf, "points");
    for (size_t i = 0; i < n && buf->status == ORI_OK; i++) {
        ori_json_begin_object(buf, NULL);
        ori_json_put_text(buf, "id", points[i].payload.uuid);
        ori_qdrant_put_vector(buf, "vector", store, points[i].vector);
        put_payload(buf, &points[i].payload);
        ori_json_end_object(buf);
    }
    ori_json_end_array(buf);
    ori_json_end_object(buf);
}

void ori_qdrant_put_match(struct ori_buf *buf, const char *key, const char *value)
{
    ori_json_begin_object(buf, NULL);
    ori_json_put_text(buf, "key", key);
    ori_json_begin_object(buf, "match");
    ori_json_put_text(buf, "value", value);
    ori_json_end_object(buf);
    ori_json_end_object(buf);
}

void ori_qdrant_put_filter(struct ori_buf *buf, const struct ori_vector_filter *filter)
{
    if (!filter || (!filter->platform && !filter->video_code && !(filter->second_min >= 0) &&
                    !(filter->second_max >= 0)))
        return;
    ori_json_begin_object(buf, "filter");
    ori_json_begin_array(buf, "must");
    if (filter->platform)
        ori_qdrant_put_match(buf, "platform", filter->platform);
    if (filter->video_code)
        ori_qdrant_put_match(buf, "video_code", filter->video_code);
    if (filter->second_min >= 0 || filter->second_max >= 0) {
        ori_json_begin_object(buf, NULL);
        ori_json_put_text(buf, "key", "frame_second");
        ori_json_begin_object(buf, "range");
        if (filter->second_min >= 0)
            ori_json_put_real(buf, "gte", filter->second_min);
        if (filter->second_max >= 0)
            ori_json_put_real(buf, "lte", filter->second_max);
        ori_json_end_object(buf);
        ori_json_end_object(buf);
    }
    ori_json_end_array(buf);
    ori_json_end_object(buf);
}

/* ---- from answers ---- */

struct reader { /* the first field that is wrong is remembered */
    const json_t *payload;
    const char *wrong;
};

static void read_text(struct reader *reader, const char *key, size_t bytes_min, size_t bytes_max,
                      char *ret_text)
{
    const json_t *value = json_object_get(reader->payload, key);
    const size_t bytes = json_string_length(value);
    if (!json_is_string(value) || bytes < bytes_min || bytes > bytes_max) {
        reader->wrong = reader->wrong ? reader->wrong : key;
        return;
    }
    memcpy(ret_text, json_string_value(value), bytes + 1);
}

static int read_whole(struct reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->payload, key);
    const json_int_t whole = json_integer_value(value);
    if (json_is_integer(value) && whole >= INT_MIN && whole <= INT_MAX)
        return (int)whole;
    reader->wrong = reader->wrong ? reader->wrong : key;
    return 0;
}

/* A number that is finite; jansson refuses others before. */
static bool is_number(const json_t *value)
{
    return json_is_number(value) && isfinite(json_number_value(value));
}

static double read_real(struct reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->payload, key);
    if (is_number(value))
        return json_number_value(value);
    reader->wrong = reader->wrong ? reader->wrong : key;
    return 0.0;
}

const char *ori_qdrant_read_payload(const json_t *payload, struct ori_hit_strings *strings,
                                    struct ori_point_payload *ret_payload)
{
    struct reader reader = {.payload = payload};
    read_text(&reader, "platform", 1, sizeof strings->platform - 1, strings->platform);
    read_text(&reader, "video_code", 1, sizeof strings->video_code - 1, strings->video_code);
    read_text(&reader, "path", 1, sizeof strings->path - 1, strings->path);
    read_text(&reader, "model", 1, sizeof strings->model - 1, strings->model);
    read_text(&reader, "created_at", 0, sizeof ret_payload->created_at - 1,
              ret_payload->created_at);
    read_text(&reader, "dhash", 0, sizeof ret_payload->dhash - 1, ret_payload->dhash);
    ret_payload->frame_number = read_whole(&reader, "frame_number");
    ret_payload->frame_second = read_real(&reader, "frame_second");
    ret_payload->width = read_whole(&reader, "width");
    ret_payload->height = read_whole(&reader, "height");
    ret_payload->scene = read_whole(&reader, "scene");
    return reader.wrong;
}

static ori_status read_payload(const struct ori_qdrant *store, const json_t *point,
                               struct ori_hits *hits, size_t i, struct ori_error *err)
{
    struct ori_hit_strings *strings = ori_hits_strings(hits, i);
    struct ori_point_payload *payload = &hits->hits[i].payload;
    const char *wrong =
        ori_qdrant_read_payload(json_object_get(point, "payload"), strings, payload);
    if (wrong)
        return ori_error_set(err, ORI_STORE,
                             "%s: point %s of collection %s has no %s as this program writes it: "
                             "`oriane verify` puts it right",
                             store->place, payload->uuid, store->collection, wrong);
    if (strcmp(strings->model, store->model) != 0)
        return ori_qdrant_model_mismatch(store, strings->model, err);
    return ORI_OK;
}

static ori_status read_hit(const struct ori_qdrant *store, const json_t *point,
                           struct ori_hits *hits, size_t i, struct ori_error *err)
{
    struct ori_hit *hit = &hits->hits[i];
    const json_t *id = json_object_get(point, "id");
    const json_t *score = json_object_get(point, "score");
    uuid_t parsed;
    if (json_string_length(id) != sizeof hit->payload.uuid - 1 ||
        uuid_parse(json_string_value(id), parsed) != 0)
        return ori_qdrant_nonsense(store, err, "a point whose id is no UUID");
    uuid_unparse_lower(parsed, hit->payload.uuid);
    /* null is what a point with a number past the range of f32 gets, and it comes first */
    if (!is_number(score))
        return ori_qdrant_nonsense(store, err, "a score that is no number");
    hit->score = json_number_value(score);
    if (store->is_cosine && fabs(hit->score) > 1.0 + SCORE_SLACK)
        return ori_qdrant_nonsense(store, err, "a cosine beyond 1");
    if (store->is_cosine)
        hit->score = fmax(-1.0, fmin(1.0, hit->score));
    return read_payload(store, point, hits, i, err);
}

static int compare_larger_first(const void *a, const void *b)
{
    const struct ori_hit *left = a;
    const struct ori_hit *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return strcmp(left->payload.uuid, right->payload.uuid);
}

static int compare_smaller_first(const void *a, const void *b)
{
    const struct ori_hit *left = a;
    const struct ori_hit *right = b;
    if (left->score != right->score)
        return left->score < right->score ? -1 : 1;
    return strcmp(left->payload.uuid, right->payload.uuid);
}

ori_status ori_qdrant_read_hits(const struct ori_qdrant *store, const json_t *points, size_t limit,
                                struct ori_hits *hits, struct ori_error *err)
{
    const size_t count = json_array_size(points);
    if (!json_is_array(points))
        return ori_qdrant_nonsense(store, err, "no list of points");
    if (count > limit)
        return ori_qdrant_nonsense(store, err, "more points than were asked for");
    for (size_t i = 0; i < count; i++) {
        struct ori_point_payload *payload = &hits->hits[i].payload;
        struct ori_hit_strings *strings = ori_hits_strings(hits, i);
        payload->platform = strings->platform;
        payload->video_code = strings->video_code;
        payload->path = strings->path;
        payload->model = strings->model;
        const ori_status status = read_hit(store, json_array_get(points, i), hits, i, err);
        if (status != ORI_OK)
            return status;
    }
    hits->count = count;
    qsort(hits->hits, count, sizeof *hits->hits,
          store->is_nearer_smaller ? compare_smaller_first : compare_larger_first);
    return ORI_OK;
}

ori_status ori_qdrant_read_vector(const struct ori_qdrant *store, const json_t *vector,
                                  float *ret_vector, struct ori_error *err)
{
    if (json_array_size(vector) != (size_t)store->base.dim)
        return ori_qdrant_nonsense(store, err, "a vector of another size");
    for (int i = 0; i < store->base.dim; i++) {
        const json_t *value = json_array_get(vector, (size_t)i);
        if (!is_number(value) || fabs(json_number_value(value)) > (double)FLT_MAX)
            return ori_qdrant_nonsense(store, err, "a vector with what is no number");
        ret_vector[i] = (float)json_number_value(value);
    }
    return ORI_OK;
}
