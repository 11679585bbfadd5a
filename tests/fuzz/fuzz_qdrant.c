/* An answer of Qdrant: its "points" as those of a search, its "vector" as one. Whatever is taken
 * must be what a client of ours can be shown. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stores/vector_qdrant_priv.h"
#include "util/json_bounds.h"
#include "util/limits.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

enum { DIM = 3, LIMIT = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_hits(const struct ori_qdrant *store, const json_t *points)
{
    struct ori_hits hits = {0};
    struct ori_error err = {0};
    MUST(ori_hits_init(&hits, LIMIT, NULL) == ORI_OK);
    const ori_status status = ori_qdrant_read_hits(store, points, LIMIT, &hits, &err);
    MUST(status == err.status && (status == ORI_OK || hits.count == 0));
    for (size_t i = 0; i < hits.count; i++) {
        const struct ori_hit *hit = &hits.hits[i];
        const struct ori_point_payload *payload = &hit->payload;
        MUST(isfinite(hit->score) && fabs(hit->score) <= 1.0 && isfinite(payload->frame_second));
        MUST(i == 0 || hit->score <= hits.hits[i - 1].score);
        MUST(strlen(payload->uuid) == 36 && strcmp(payload->model, store->model) == 0);
        MUST(payload->platform[0] && strlen(payload->platform) <= ORI_LIMIT_MAX_CODE_CHARS);
        MUST(payload->video_code[0] && strlen(payload->video_code) <= ORI_LIMIT_MAX_CODE_CHARS);
        MUST(payload->path[0] && strlen(payload->path) <= ORI_LIMIT_MAX_BLOB_KEY_BYTES);
        MUST(strlen(payload->created_at) < sizeof payload->created_at);
        MUST(strlen(payload->dhash) < sizeof payload->dhash);
    }
    ori_hits_deinit(&hits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char place[] = "http://127.0.0.1";
    static char collection[] = "c";
    static char model[] = "m";
    const struct ori_qdrant store = {.base = {.dim = DIM},
                                     .place = place,
                                     .collection = collection,
                                     .model = model,
                                     .is_cosine = true};
    float vector[DIM];
    if (ori_json_bounds_check("answer", (const char *)data, bytes, ORI_LIMIT_MAX_QDRANT_DEPTH,
                              ORI_LIMIT_MAX_QDRANT_VALUES, NULL) != ORI_OK)
        return 0;
    json_t *root = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return 0;
    check_hits(&store, json_object_get(root, "points"));
    if (ori_qdrant_read_vector(&store, json_object_get(root, "vector"), vector, NULL) == ORI_OK)
        MUST(isfinite(vector[0]) && isfinite(vector[1]) && isfinite(vector[2]));
    json_decref(root);
    return 0;
}
