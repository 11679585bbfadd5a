/* stores/vector_embedded_list.c: points and videos of the embedded vector store one by one. Videos come in
 * pages, each read in a moment: no transaction stays open while somebody works on what it named. */
#include "stores/vector_embedded_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "util/cancel.h"

enum { PAGE_VIDEOS = 256 /* ORI_VS_NEXT_VIDEOS */ };

static void bind_video(sqlite3_stmt *statement, const char *platform, const char *video_code)
{
    sqlite3_bind_text(statement, 1, platform, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, video_code, -1, SQLITE_STATIC);
}

static ori_status visit_row(struct ori_vector_embedded *store, sqlite3_stmt *statement,
                            struct ori_hit_strings *strings, ori_vector_visit_fn visit, void *self,
                            struct ori_error *err)
{
    struct ori_point_payload payload = {0};
    struct ori_vector_seen seen = {
        .platform = strings->platform, .video_code = strings->video_code, .payload = &payload};
    const void *id = sqlite3_column_blob(statement, 11);
    if (!id || sqlite3_column_bytes(statement, 11) != 16)
        return ori_vector_db_damaged(&store->reader, "an id is not 16 bytes", err);
    uuid_unparse_lower(id, seen.id);
    memcpy(payload.uuid, seen.id, sizeof payload.uuid);
    if (!ori_vector_embedded_copy(statement, strings, &payload)) {
        seen.payload = NULL;
        seen.wrong = "text of its length";
    }
    return visit(self, &seen, err);
}

ori_status ori_vector_embedded_list_points(struct ori_vector_store *base, const char *platform,
                                           const char *video_code, ori_vector_visit_fn visit,
                                           void *self, const struct ori_cancel *cancel,
                                           struct ori_error *err)
{
    (void)cancel; /* of one video: a moment */
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    ori_status status = ORI_OK;
    struct ori_hit_strings *strings = calloc(1, sizeof *strings);
    if (!strings)
        return ori_error_set(err, ORI_NOMEM, "points of %s/%s", platform, video_code);
    pthread_mutex_lock(&store->read);
    sqlite3_stmt *statement =
        ori_vector_db_statement(&store->reader, ORI_VS_PAYLOADS, &status, err);
    if (statement) {
        bind_video(statement, platform, video_code);
        while ((status = ori_vector_db_step(&store->reader, statement, err)) == ORI_OK) {
            status = visit_row(store, statement, strings, visit, self, err);
            if (status != ORI_OK)
                break;
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    pthread_mutex_unlock(&store->read);
    free(strings);
    return status == ORI_EOF ? ORI_OK : status;
}

struct video {
    char platform[ORI_VECTOR_PLATFORM_BYTES];
    char code[ORI_VECTOR_PLATFORM_BYTES];
};

static bool copy_name(sqlite3_stmt *statement, int at, char ret_name[ORI_VECTOR_PLATFORM_BYTES])
{
    const char *name = (const char *)sqlite3_column_text(statement, at);
    return name && (size_t)snprintf(ret_name, ORI_VECTOR_PLATFORM_BYTES, "%s", name) <
                       ORI_VECTOR_PLATFORM_BYTES;
}

/* The videos behind `last`, in byte order. */
static ori_status read_page(struct ori_vector_embedded *store, const struct video *last,
                            struct video *page, size_t *ret_count, struct ori_error *err)
{
    size_t count = 0;
    ori_status status = ORI_OK;
    pthread_mutex_lock(&store->read);
    sqlite3_stmt *statement =
        ori_vector_db_statement(&store->reader, ORI_VS_NEXT_VIDEOS, &status, err);
    if (statement) {
        bind_video(statement, last->platform, last->code);
        while (count < PAGE_VIDEOS &&
               (status = ori_vector_db_step(&store->reader, statement, err)) == ORI_OK) {
            if (!copy_name(statement, 0, page[count].platform) ||
                !copy_name(statement, 1, page[count].code)) {
                status =
                    ori_vector_db_damaged(&store->reader, "a text is longer than allowed", err);
                break;
            }
            count++;
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    pthread_mutex_unlock(&store->read);
    *ret_count = count;
    return status == ORI_EOF ? ORI_OK : status;
}

static ori_status visit_page(const struct video *page, size_t count, ori_vector_visit_fn visit,
                             void *self, const struct ori_cancel *cancel, struct ori_error *err)
{
    ori_status status = ORI_OK;
    for (size_t i = 0; i < count && status == ORI_OK; i++) {
        const struct ori_vector_seen seen = {.platform = page[i].platform,
                                             .video_code = page[i].code};
        if (ori_cancel_is_set(cancel))
            return ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
        status = visit(self, &seen, err);
    }
    return status;
}

ori_status ori_vector_embedded_list_videos(struct ori_vector_store *base, ori_vector_visit_fn visit,
                                           void *self, const struct ori_cancel *cancel,
                                           struct ori_error *err)
{
    struct ori_vector_embedded *store = ori_vector_embedded_of(base);
    struct video last = {0};
    size_t count = 0;
    struct video *page = calloc(PAGE_VIDEOS, sizeof *page);
    if (!page)
        return ori_error_set(err, ORI_NOMEM, "list of videos");
    ori_status status = ORI_OK;
    do {
        status = read_page(store, &last, page, &count, err);
        if (status == ORI_OK)
            status = visit_page(page, count, visit, self, cancel, err);
        if (count > 0)
            last = page[count - 1];
    } while (status == ORI_OK && count == PAGE_VIDEOS);
    free(page);
    return status;
}
