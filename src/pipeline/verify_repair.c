/* pipeline/verify_repair.c: one video put right, after its look. Every step may be the last: what is stale
 * goes first, then points are made, and only what can then not be complete is marked so. Where all of a
 * video goes, its manifest goes last. */
#include "pipeline/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/picture.h"
#include "pipeline/stills.h"
#include "util/clock.h"
#include "util/size.h"

#define RUN_AGAIN "run the video again"
#define POINTS_ALONE                                                                               \
    "its points are all there is: are its frames in another bucket or folder? If they are to go: " \
    "--remove"
#define FOREIGN "the point is of another program: whoever wrote it must delete it"

static void set_repaired(struct verify_video *video, enum ori_verify_fault fault)
{
    video->result->faults[fault].repaired = video->result->faults[fault].found;
}

static bool has(const struct verify_video *video, enum ori_verify_fault fault)
{
    return video->result->faults[fault].found > 0;
}

static ori_status end_as(struct verify_video *video, enum ori_verify_end end, const char *advice)
{
    video->result->end = end;
    video->result->advice = advice;
    return ORI_OK;
}

/* ---- what goes ---- */

static ori_status delete_files(struct verify_video *video, bool is_all, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < video->files_count && status == ORI_OK; i++) {
        const struct verify_file *file = &video->files[i];
        char key[ORI_OBJECT_KEY_BYTES];
        if (!is_all && ori_manifest_has_file(&video->manifest, file->name))
            continue;
        ori_frame_name_key(video->platform, video->code, file->name, key);
        status = ori_blob_delete(file->blobs, key, &video->wait, err);
    }
    return status;
}

/* Those in one of the stores. */
static ori_status delete_points_in(struct verify_video *video, struct ori_vector_store *vectors,
                                   bool is_all, struct ori_error *err)
{
    size_t count = 0;
    char(*ids)[ORI_UUID_TEXT_BYTES] = calloc(video->points_count + 1, sizeof *ids);
    if (!ids)
        return ori_error_set(err, ORI_NOMEM, "ids of %zu points", video->points_count);
    for (size_t i = 0; i < video->points_count; i++) {
        const struct verify_point *point = &video->points[i];
        if (point->vectors == vectors && (is_all || !point->is_known))
            memcpy(ids[count++], point->id, sizeof point->id);
    }
    const ori_status status = ori_vector_delete_points(vectors, video->platform, video->code,
                                                       (const char(*)[ORI_UUID_TEXT_BYTES])ids,
                                                       count, video->wait.cancel, err);
    free(ids);
    return status;
}

static ori_status delete_points(struct verify_video *video, bool is_all, struct ori_error *err)
{
    const struct ori_engine *engine = video->options->engine;
    ori_status status = ORI_OK;
    if (engine->vectors)
        status = delete_points_in(video, engine->vectors, is_all, err);
    if (status == ORI_OK && engine->local_vectors)
        status = delete_points_in(video, engine->local_vectors, is_all, err);
    return status;
}

/* May a run on another machine be writing what lies here? Our lock says nothing of it; what it writes is
 * young. A manifest that is broken, or gone, was not touched by it; a still that it wrote was. */
static ori_status is_young(struct verify_video *video, bool *ret_is, struct ori_error *err)
{
    struct ori_blob_store *bucket = video->options->engine->objects.remote;
    const int64_t since_s =
        ori_clock_wall_us() / 1000000 - video->options->settings->vp_item_timeout;
    char key[ORI_OBJECT_KEY_BYTES];
    const bool has_manifest = video->state == ORI_MANIFEST_READ && video->blobs == bucket;
    *ret_is = false;
    if (!bucket)
        return ORI_OK;
    for (size_t i = 0; i < video->files_count + has_manifest && !*ret_is; i++) {
        int64_t modified_s = 0;
        struct ori_error why = {0};
        const bool is_file = i < video->files_count;
        if (is_file && video->files[i].blobs != bucket)
            continue;
        ori_frame_name_key(video->platform, video->code,
                           is_file ? video->files[i].name : ORI_MANIFEST_FILE, key);
        const ori_status status = ori_blob_modified(bucket, key, &modified_s, &video->wait, &why);
        if (status != ORI_OK && status != ORI_NOT_FOUND)
            return ori_error_set(err, status, "%s", why.text);
        *ret_is = modified_s == 0 || modified_s > since_s; /* gone again: somebody is at work */
    }
    return ORI_OK;
}

static ori_status remove_all(struct verify_video *video, struct ori_error *err)
{
    bool is_in_work = false;
    char key[ORI_OBJECT_KEY_BYTES];
    ori_status status = is_young(video, &is_in_work, err);
    if (status != ORI_OK)
        return status;
    if (is_in_work)
        return end_as(
            video, ORI_VERIFY_SKIPPED,
            "its files are younger than VP_ITEM_TIMEOUT, another machine may be at work on "
            "it: look again later");
    ori_frame_name_key(video->platform, video->code, ORI_MANIFEST_FILE, key);
    status = delete_points(video, true, err);
    if (status == ORI_OK)
        status = delete_files(video, true, err);
    if (status == ORI_OK && video->state != ORI_MANIFEST_MISSING)
        status = ori_blob_delete(video->blobs, key, &video->wait, err);
    if (status != ORI_OK)
        return status;
    for (int fault = 0; fault < ORI_VERIFY_FAULTS; fault++) {
        if (fault != ORI_VERIFY_POINT_FOREIGN)
            set_repaired(video, (enum ori_verify_fault)fault);
    }
    return end_as(video, ORI_VERIFY_REPAIRED, RUN_AGAIN " to have it back");
}

/* ---- points ---- */

struct making {
    char (*paths)[ORI_OBJECT_KEY_BYTES];
    struct ori_point *points; /* of those that are to be written */
    const char **keys;        /* of those of them that are embedded again: the first ones */
    float *vectors;           /* of the others */
    size_t embedded_count;
    size_t count;
};

static void making_deinit(struct making *making)
{
    free(making->paths);
    free(making->points);
    free(making->keys);
    free(making->vectors);
}

static void add_point(struct verify_video *video, const struct ori_manifest_frame *frame,
                      struct making *making)
{
    char *path = making->paths[making->count];
    ori_manifest_frame_key(&video->manifest, frame, path);
    ori_manifest_point(&video->manifest, frame, path, NULL, &making->points[making->count]);
    making->keys[making->count++] = path;
}

static bool is_written_again(const struct verify_point *point)
{
    return point && point->is_known && point->is_of_model && !point->is_right;
}

static bool is_embedded_again(const struct verify_point *point)
{
    return !point || !point->is_of_model;
}

static ori_status collect(struct verify_video *video, struct making *making, struct ori_error *err)
{
    const struct ori_manifest *manifest = &video->manifest;
    const size_t rows = manifest->frames_count + 1;
    const size_t dim = (size_t)manifest->dim;
    size_t floats = 0;
    char id[ORI_UUID_TEXT_BYTES];
    making->paths = calloc(rows, sizeof *making->paths);
    making->points = calloc(rows, sizeof *making->points);
    making->keys = calloc(rows, sizeof *making->keys);
    if (!making->paths || !making->points || !making->keys)
        return ori_error_set(err, ORI_NOMEM, "points of one video");
    for (size_t i = 0; i < manifest->frames_count; i++) {
        ori_manifest_frame_id(manifest, &manifest->frames[i], id);
        if (is_embedded_again(verify_find_point(video, id)))
            add_point(video, &manifest->frames[i], making);
    }
    making->embedded_count = making->count;
    for (size_t i = 0; i < manifest->frames_count; i++) {
        ori_manifest_frame_id(manifest, &manifest->frames[i], id);
        if (is_written_again(verify_find_point(video, id)))
            add_point(video, &manifest->frames[i], making);
    }
    if (!ori_size_mul(making->count + 1 - making->embedded_count, dim, &floats))
        return ori_error_set(err, ORI_LIMIT, "%zu vectors", making->count);
    making->vectors = calloc(floats, sizeof *making->vectors);
    return making->vectors ? ORI_OK : ori_error_set(err, ORI_NOMEM, "points of one video");
}

/* A still that cannot be embedded is a fault more, and no failure: *ret_vectors is then NULL. */
static ori_status embed(struct verify_video *video, const struct making *making,
                        float **ret_vectors, struct ori_error *err)
{
    const struct ori_verify_options *options = video->options;
    const struct ori_stills_options stills = {.settings = options->settings,
                                              .model = &options->engine->model_info,
                                              .batcher = options->engine->batcher,
                                              .blobs = video->blobs,
                                              .child_program = options->child_program,
                                              .cancel = video->wait.cancel};
    struct ori_error why = {0};
    size_t at = 0;
    const ori_status status =
        ori_stills_embed(&stills, making->keys, making->embedded_count, ret_vectors, &at, &why);
    if (status == ORI_OK)
        return ORI_OK;
    *ret_vectors = NULL;
    if (!ori_picture_is_at_fault(status, &why)) {
        *err = why;
        return status;
    }
    verify_note(video, ORI_VERIFY_FRAME_DAMAGED, making->keys[at]);
    return ORI_OK;
}

static ori_status write_points(struct verify_video *video, struct making *making,
                               struct ori_error *err)
{
    const size_t dim = (size_t)video->manifest.dim;
    float *embedded = NULL;
    ori_status status = ORI_OK;
    if (making->embedded_count > 0)
        status = embed(video, making, &embedded, err);
    for (size_t i = 0; i < making->embedded_count && embedded; i++)
        making->points[i].vector = embedded + i * dim;
    for (size_t i = making->embedded_count; i < making->count && status == ORI_OK; i++) {
        float *vector = making->vectors + (i - making->embedded_count) * dim;
        making->points[i].vector = vector;
        status = ori_vector_get(video->vectors, making->points[i].payload.uuid, vector, err);
    }
    if (status == ORI_OK && (embedded || making->embedded_count == 0))
        status = ori_vector_upsert(video->vectors, making->points, making->count, err);
    free(embedded);
    return status;
}

static ori_status make_points(struct verify_video *video, struct ori_error *err)
{
    struct making making = {0};
    ori_status status = collect(video, &making, err);
    if (status == ORI_OK && making.count > 0)
        status = write_points(video, &making, err);
    making_deinit(&making);
    if (status == ORI_OK && !has(video, ORI_VERIFY_FRAME_DAMAGED)) {
        set_repaired(video, ORI_VERIFY_POINT_MISSING);
        set_repaired(video, ORI_VERIFY_POINT_WRONG);
    }
    return status;
}

/* ---- one video ---- */

static bool is_to_run_again(const struct verify_video *video)
{
    return has(video, ORI_VERIFY_FRAME_MISSING) || has(video, ORI_VERIFY_FRAME_DAMAGED) ||
           has(video, ORI_VERIFY_CLIP_MISSING) || has(video, ORI_VERIFY_CLIP_DAMAGED) ||
           (has(video, ORI_VERIFY_POINT_MISSING) && video->is_homeless);
}

static ori_status repair_result(struct verify_video *video, struct ori_error *err)
{
    ori_status status = delete_files(video, false, err);
    if (status == ORI_OK) {
        set_repaired(video, ORI_VERIFY_FRAME_STALE);
        set_repaired(video, ORI_VERIFY_CLIP_STALE);
    }
    if (status == ORI_OK)
        status = delete_points(video, false, err);
    if (status == ORI_OK)
        set_repaired(video, ORI_VERIFY_POINT_STALE);
    if (status == ORI_OK && !is_to_run_again(video))
        status = make_points(video, err); /* and may find a still that is no picture */
    if (status == ORI_OK && is_to_run_again(video) && video->options->is_removing)
        return remove_all(video, err);
    if (status == ORI_OK && is_to_run_again(video)) {
        status = ori_manifest_save(video->blobs, &video->manifest, false, &video->wait, err);
        (void)end_as(video, ORI_VERIFY_DIFFERS, RUN_AGAIN);
    }
    return status;
}

/* Whether nothing is wrong but points of another program. */
static bool is_foreign_alone(const struct verify_video *video)
{
    for (int fault = 0; fault < ORI_VERIFY_FAULTS; fault++) {
        if (fault != ORI_VERIFY_POINT_FOREIGN && has(video, (enum ori_verify_fault)fault))
            return false;
    }
    return true;
}

/* One who named a video may have misspelt it. */
static const char *advice_when_well(const struct verify_video *video)
{
    const bool is_stored =
        video->state != ORI_MANIFEST_MISSING || video->files_count + video->points_count > 0;
    return video->options->names && !is_stored ? "nothing is stored of it" : NULL;
}

/* Whoever named the video may have named another bucket than the one its frames are in. */
static bool is_points_alone(const struct verify_video *video)
{
    return video->options->names && video->state == ORI_MANIFEST_MISSING &&
           video->files_count == 0 && video->points_count > 0;
}

static ori_status look_only(struct verify_video *video)
{
    const char *advice = "without --dry-run it is repaired";
    if (has(video, ORI_VERIFY_MANIFEST_UNFINISHED) || is_to_run_again(video))
        advice = RUN_AGAIN;
    else if (is_foreign_alone(video))
        advice = FOREIGN;
    else if (is_points_alone(video))
        advice = POINTS_ALONE;
    return end_as(video, ORI_VERIFY_DIFFERS, advice);
}

ori_status verify_repair(struct verify_video *video, struct ori_error *err)
{
    const bool is_removing = video->options->is_removing;
    size_t found = 0;
    ori_status status = ORI_OK;
    for (int fault = 0; fault < ORI_VERIFY_FAULTS; fault++)
        found += video->result->faults[fault].found;
    if (found == 0)
        return end_as(video, ORI_VERIFY_OK, advice_when_well(video));
    if (has(video, ORI_VERIFY_MANIFEST_MODEL))
        return end_as(video, ORI_VERIFY_DIFFERS,
                      RUN_AGAIN ", or set CLIP_MODEL and QDRANT_DIM to what made it");
    if (video->options->is_dry)
        return look_only(video);
    if (has(video, ORI_VERIFY_MANIFEST_UNFINISHED) && !is_removing)
        return end_as(video, ORI_VERIFY_DIFFERS, RUN_AGAIN);
    if (is_points_alone(video) && !is_removing)
        return end_as(video, ORI_VERIFY_DIFFERS, POINTS_ALONE);
    (void)end_as(video, ORI_VERIFY_REPAIRED, NULL);
    if (video->state == ORI_MANIFEST_READ && video->manifest.is_complete)
        status = repair_result(video, err);
    else if (!(video->state == ORI_MANIFEST_MISSING &&
               video->files_count + video->points_count == 0))
        status = remove_all(video, err);
    if (status == ORI_OK && has(video, ORI_VERIFY_POINT_FOREIGN) &&
        video->result->end == ORI_VERIFY_REPAIRED)
        (void)end_as(video, ORI_VERIFY_DIFFERS, FOREIGN);
    return status;
}
