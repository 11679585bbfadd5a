#include "pipeline/medium_fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "media/child_proto.h"

#define BLOCK ORI_CHILD_NEED_BLOCK
#define PIECE_BLOCKS (ORI_MEDIUM_PIECE_BYTES / BLOCK)
#define NOWHERE INT64_C(-1)

struct ori_medium_fetch {
    struct ori_medium_fetch_options options; /* immutable */
    int64_t blocks;                          /* immutable */
    struct ori_cancel stop;                  /* of the threads */
    uint8_t *piece;                          /* of who asks */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* lock guards all below but the threads */
    uint8_t *has;           /* a bit a block: it is in the file */
    uint8_t *taken;         /* it is there, or somebody is fetching it */
    int64_t next;           /* the block behind what was asked for last */
    int64_t straight;       /* blocks that were asked for one behind the other */
    int64_t ahead_from;     /* what the threads may fetch */
    int64_t ahead_until;
    int64_t deadline_us; /* of who asks; 0: none */
    int64_t fetched;
    bool is_ahead_off; /* it failed; until something has come again */
    bool is_ending;
    int threads_count; /* owner thread */
    pthread_t threads[ORI_MEDIUM_FETCH_THREADS];
};

static bool is_set(const uint8_t *bits, int64_t block)
{
    return bits[block / 8] >> (block % 8) & 1;
}

static void set(uint8_t *bits, int64_t block, bool value)
{
    const uint8_t bit = (uint8_t)(1 << (block % 8));
    bits[block / 8] = (uint8_t)(value ? bits[block / 8] | bit : bits[block / 8] & ~bit);
}

/* ---- one piece ---- */

struct piece {
    int64_t first;
    int64_t end; /* blocks */
};

/* The first blocks in there that nobody has or fetches, so many that they make one request. The lock
 * is held. */
static bool take(struct ori_medium_fetch *fetch, int64_t from, int64_t until,
                 struct piece *ret_piece)
{
    while (from < until && is_set(fetch->taken, from))
        from++;
    if (from >= until)
        return false;
    *ret_piece = (struct piece){from, from};
    while (ret_piece->end < until && ret_piece->end - from < PIECE_BLOCKS &&
           !is_set(fetch->taken, ret_piece->end))
        set(fetch->taken, ret_piece->end++, true);
    return true;
}

ori_status ori_medium_write(int fd, int64_t offset, const void *data, size_t bytes,
                            struct ori_error *err)
{
    const uint8_t *at = data;
    while (bytes > 0) {
        const ssize_t written = pwrite(fd, at, bytes, offset);
        if (written < 0 && errno != EINTR)
            return ori_error_set_errno(err, errno, true, "a piece of the video in VP_TMP_DIR");
        if (written > 0) {
            at += written;
            bytes -= (size_t)written;
            offset += written;
        }
    }
    return ORI_OK;
}

/* The lock is held, and given back meanwhile. Whatever comes of it, nobody fetches the piece after. */
static ori_status fetch_piece(struct ori_medium_fetch *fetch, const struct piece *piece,
                              uint8_t *data, const struct ori_wait *wait, struct ori_error *err)
{
    const struct ori_medium_fetch_options *options = &fetch->options;
    const int64_t offset = piece->first * BLOCK;
    const int64_t end = piece->end * BLOCK;
    const int64_t until = end < options->facts.bytes ? end : options->facts.bytes;
    const size_t bytes = (size_t)(until - offset);
    pthread_mutex_unlock(&fetch->lock);
    ori_status status =
        options->ops->read(options->object, options->facts.etag, offset, data, bytes, wait, err);
    if (status == ORI_OK)
        status = ori_medium_write(options->fd, offset, data, bytes, err);
    pthread_mutex_lock(&fetch->lock);
    for (int64_t block = piece->first; block < piece->end; block++)
        set(status == ORI_OK ? fetch->has : fetch->taken, block, status == ORI_OK);
    fetch->is_ahead_off = status != ORI_OK;
    if (status == ORI_OK)
        fetch->fetched += (int64_t)bytes;
    pthread_cond_broadcast(&fetch->changed);
    return status;
}

/* ---- ahead ---- */

static void *fetch_thread(void *self)
{
    struct ori_medium_fetch *fetch = self;
    uint8_t *data = malloc((size_t)ORI_MEDIUM_PIECE_BYTES);
    pthread_mutex_lock(&fetch->lock);
    while (data && !fetch->is_ending) {
        struct piece piece;
        struct ori_error ignored = {0};
        if (fetch->is_ahead_off || !take(fetch, fetch->ahead_from, fetch->ahead_until, &piece)) {
            pthread_cond_wait(&fetch->changed, &fetch->lock);
            continue;
        }
        const struct ori_wait wait = {.cancel = &fetch->stop, .deadline_us = fetch->deadline_us};
        (void)!fetch_piece(fetch, &piece, data, &wait, &ignored);
    }
    pthread_mutex_unlock(&fetch->lock);
    free(data);
    return NULL;
}

/* The lock is held. */
static void wake_threads(struct ori_medium_fetch *fetch)
{
    pthread_cond_broadcast(&fetch->changed);
    for (; fetch->threads_count < ORI_MEDIUM_FETCH_THREADS; fetch->threads_count++) {
        pthread_t *thread = &fetch->threads[fetch->threads_count];
        if (pthread_create(thread, NULL, fetch_thread, fetch) != 0)
            return;
        pthread_setname_np(*thread, "fetch ahead");
    }
}

/* As far ahead as somebody has come who reads on where he was; the length of what he asks for always.
 * The lock is held. */
static void look_ahead(struct ori_medium_fetch *fetch, int64_t first, int64_t end)
{
    const bool is_straight = first == fetch->next || first + 1 == fetch->next;
    const int64_t probed = ORI_LIMIT_MAX_PROBE_BYTES / BLOCK;
    int64_t ahead = 0;
    fetch->straight = is_straight ? fetch->straight + end - fetch->next : 0;
    fetch->next = end;
    if (fetch->straight > probed)
        ahead = fetch->straight < ORI_MEDIUM_AHEAD_MAX / BLOCK ? fetch->straight
                                                               : ORI_MEDIUM_AHEAD_MAX / BLOCK;
    fetch->ahead_from = first;
    fetch->ahead_until = end + ahead;
    if (fetch->ahead_until >= fetch->blocks)
        fetch->ahead_until = fetch->blocks;
    else if (ahead > 0) /* whole pieces: no request for a block each time one was asked for */
        fetch->ahead_until -= fetch->ahead_until % PIECE_BLOCKS;
    if (fetch->ahead_until < end)
        fetch->ahead_until = end;
    int64_t block = first;
    while (block < fetch->ahead_until && is_set(fetch->taken, block))
        block++;
    /* what one piece can hold is fetched by who asks for it */
    if (block < fetch->ahead_until && (ahead > 0 || end - block > PIECE_BLOCKS))
        wake_threads(fetch);
}

static bool has_all(const struct ori_medium_fetch *fetch, int64_t first, int64_t end)
{
    for (int64_t block = first; block < end; block++) {
        if (!is_set(fetch->has, block))
            return false;
    }
    return true;
}

ori_status ori_medium_fetch_ensure(struct ori_medium_fetch *fetch, int64_t offset, int64_t bytes,
                                   const struct ori_wait *wait, struct ori_error *err)
{
    ORI_ASSERT(offset >= 0 && bytes > 0 && offset <= fetch->options.facts.bytes - bytes);
    const int64_t first = offset / BLOCK;
    const int64_t end = (offset + bytes - 1) / BLOCK + 1;
    ori_status status = ORI_OK;
    pthread_mutex_lock(&fetch->lock);
    fetch->deadline_us = wait ? wait->deadline_us : 0;
    look_ahead(fetch, first, end);
    while (status == ORI_OK && !has_all(fetch, first, end)) {
        struct piece piece;
        if (take(fetch, first, end, &piece))
            status = fetch_piece(fetch, &piece, fetch->piece, wait, err);
        else /* by threads, which notice a cancel and the deadline */
            pthread_cond_wait(&fetch->changed, &fetch->lock);
    }
    pthread_mutex_unlock(&fetch->lock);
    return status;
}

void ori_medium_fetch_jump(struct ori_medium_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    fetch->next = NOWHERE;
    fetch->straight = 0;
    pthread_mutex_unlock(&fetch->lock);
}

int64_t ori_medium_fetch_bytes(struct ori_medium_fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    const int64_t fetched = fetch->fetched;
    pthread_mutex_unlock(&fetch->lock);
    return fetched;
}

/* ---- life ---- */

/* What came with the facts: whole blocks, and the last one when that was all. */
static void note_head(struct ori_medium_fetch *fetch)
{
    const struct ori_remote_facts *facts = &fetch->options.facts;
    const int64_t end =
        facts->head_bytes < facts->bytes ? facts->head_bytes / BLOCK : fetch->blocks;
    for (int64_t block = 0; block < end; block++) {
        set(fetch->has, block, true);
        set(fetch->taken, block, true);
    }
    fetch->fetched = facts->head_bytes;
}

ori_status ori_medium_fetch_create(const struct ori_medium_fetch_options *options,
                                   struct ori_medium_fetch **ret_fetch, struct ori_error *err)
{
    struct ori_cancel *parent = (struct ori_cancel *)options->cancel; /* its list grows */
    const int64_t blocks = (options->facts.bytes + BLOCK - 1) / BLOCK;
    const size_t bits = (size_t)(blocks + 7) / 8;
    struct ori_medium_fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return ori_error_set(err, ORI_NOMEM, "a video far away");
    ori_status status = ori_cancel_init(&fetch->stop, parent, err);
    if (status != ORI_OK) {
        free(fetch);
        return status;
    }
    pthread_mutex_init(&fetch->lock, NULL); /* these do not fail on Linux */
    pthread_cond_init(&fetch->changed, NULL);
    fetch->options = *options;
    fetch->blocks = blocks;
    fetch->next = NOWHERE;
    fetch->has = calloc(bits, 1);
    fetch->taken = calloc(bits, 1);
    fetch->piece = malloc((size_t)ORI_MEDIUM_PIECE_BYTES);
    if (!fetch->has || !fetch->taken || !fetch->piece) {
        ori_medium_fetch_destroy(&fetch);
        return ori_error_set(err, ORI_NOMEM, "a video far away");
    }
    note_head(fetch);
    *ret_fetch = fetch;
    return ORI_OK;
}

void ori_medium_fetch_destroy(struct ori_medium_fetch **fetch)
{
    if (!fetch || !*fetch)
        return;
    struct ori_medium_fetch *it = *fetch;
    pthread_mutex_lock(&it->lock);
    it->is_ending = true;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
    ori_cancel_set(&it->stop);
    for (int i = 0; i < it->threads_count; i++)
        pthread_join(it->threads[i], NULL);
    ori_cancel_deinit(&it->stop);
    pthread_cond_destroy(&it->changed);
    pthread_mutex_destroy(&it->lock);
    free(it->has);
    free(it->taken);
    free(it->piece);
    free(it);
    *fetch = NULL;
}
