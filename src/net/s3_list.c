/* net/s3_list.c: keys of a bucket, page by page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/s3_priv.h"
#include "net/xml.h"
#include "util/limits.h"
#include "util/text.h"

#define PAGE_KEYS "1000" /* what S3 gives at most */

struct entry {
    char *key;
    int64_t bytes;
    bool is_folder; /* a common prefix, with its delimiter */
};
struct page {
    struct entry *entries;
    size_t count;
    size_t room;
    bool is_truncated;
    bool is_encoded;
    char token[2048];
};

static void page_clear(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        free(page->entries[i].key);
    page->count = 0;
    page->is_truncated = false;
    page->is_encoded = false;
    page->token[0] = '\0';
}

static ori_status add_entry(struct page *page, const char *key, bool is_folder,
                            struct ori_error *err)
{
    if (page->count == ORI_LIMIT_MAX_S3_PAGE_KEYS)
        return ori_error_set(err, ORI_LIMIT, "a page of more than %d keys (S3_PAGE_KEYS)",
                             ORI_LIMIT_MAX_S3_PAGE_KEYS);
    if (page->count == page->room) {
        const size_t room = page->room ? 2 * page->room : 64;
        struct entry *more = reallocarray(page->entries, room, sizeof *more);
        if (!more)
            return ori_error_set(err, ORI_NOMEM, "a list of objects");
        page->entries = more;
        page->room = room;
    }
    page->entries[page->count] = (struct entry){.key = strdup(key), .is_folder = is_folder};
    if (!page->entries[page->count].key)
        return ori_error_set(err, ORI_NOMEM, "a list of objects");
    page->count++;
    return ORI_OK;
}

static ori_status take_text(struct page *page, const struct ori_xml *xml, struct ori_error *err)
{
    static const char *const key[] = {"ListBucketResult", "Contents", "Key", NULL};
    static const char *const folder[] = {"ListBucketResult", "CommonPrefixes", "Prefix", NULL};
    static const char *const size[] = {"ListBucketResult", "Contents", "Size", NULL};
    static const char *const more[] = {"ListBucketResult", "IsTruncated", NULL};
    static const char *const token[] = {"ListBucketResult", "NextContinuationToken", NULL};
    static const char *const encoding[] = {"ListBucketResult", "EncodingType", NULL};
    const char *text = ori_buf_text(&xml->text);
    if (ori_xml_is_at(xml, key))
        return add_entry(page, text, false, err);
    if (ori_xml_is_at(xml, folder))
        return add_entry(page, text, true, err);
    if (ori_xml_is_at(xml, size) && page->count > 0) {
        if (!ori_text_to_int(text, &page->entries[page->count - 1].bytes))
            return ori_error_set(err, ORI_STORE, "a list with a size that is no number");
    } else if (ori_xml_is_at(xml, more)) {
        page->is_truncated = strcmp(text, "true") == 0;
    } else if (ori_xml_is_at(xml, encoding)) {
        page->is_encoded = strcmp(text, "url") == 0;
    } else if (ori_xml_is_at(xml, token)) {
        if (xml->text.used >= sizeof page->token)
            return ori_error_set(err, ORI_LIMIT, "a continuation token of more than %zu bytes",
                                 sizeof page->token - 1);
        memcpy(page->token, text, xml->text.used + 1);
    }
    return ORI_OK;
}

/* "a%2Fb+c" in its own place. False: a bad escape, or a NUL. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        unsigned value = (unsigned char)*from;
        if (*from == '+') {
            value = ' ';
        } else if (*from == '%') {
            char hex[3] = {from[1], from[1] ? from[2] : '\0', '\0'};
            char *end = NULL;
            if (strspn(hex, "0123456789abcdefABCDEF") != 2)
                return false;
            value = (unsigned)strtoul(hex, &end, 16);
            from += 2;
        }
        if (value == 0)
            return false;
        *to++ = (char)value;
    }
    *to = '\0';
    return true;
}

static ori_status read_page(const struct ori_net_answer *answer, struct page *page,
                            struct ori_error *err)
{
    struct ori_xml xml;
    ori_status status = ORI_OK;
    ori_xml_init(&xml, ori_buf_text(&answer->body), answer->body.used);
    while (status == ORI_OK) {
        status = ori_xml_next(&xml, err);
        if (status == ORI_OK && xml.depth == 1 && strcmp(xml.names[0], "ListBucketResult") != 0)
            status = ori_error_set(err, ORI_STORE, "an answer that is no list");
        if (status == ORI_OK && xml.kind == ORI_XML_TEXT)
            status = take_text(page, &xml, err);
    }
    ori_xml_deinit(&xml);
    if (status != ORI_EOF)
        return status;
    for (size_t i = 0; i < page->count && page->is_encoded; i++) {
        if (!decode(page->entries[i].key))
            return ori_error_set(err, ORI_STORE, "a list with a key that is badly encoded");
    }
    if (page->is_truncated && page->token[0] == '\0')
        return ori_error_set(err, ORI_STORE, "a list that goes on nowhere");
    return ORI_OK;
}

static ori_status fetch_page(struct ori_s3 *s3, const char *bucket, const char *prefix,
                             const char *delimiter, const char *max_keys, struct page *page,
                             const struct ori_wait *wait, struct ori_error *err)
{
    char token[sizeof page->token];
    memcpy(token, page->token, sizeof token);
    const struct ori_sigv4_pair query[] = {
        {"list-type", "2"}, {"max-keys", max_keys},   {"encoding-type", "url"},
        {"prefix", prefix}, {"delimiter", delimiter}, {"continuation-token", token},
    };
    const struct ori_s3_call call = {.method = "GET",
                                     .name = {.bucket = bucket},
                                     .query = query,
                                     .query_count = token[0] ? 6 : 5,
                                     .answer_bytes_max = ORI_LIMIT_MAX_S3_ANSWER_BYTES};
    struct ori_net_answer answer;
    ori_net_answer_init(&answer);
    page_clear(page);
    ori_status status = ori_s3_send(s3, &call, wait, &answer, err);
    if (status == ORI_OK) {
        status = read_page(&answer, page, err);
        if (status != ORI_OK)
            ori_error_context(err, "S3 list of s3://%s/%s", bucket, prefix);
    }
    ori_net_answer_deinit(&answer);
    return status;
}

/* What a listing wants. */
struct listing {
    const char *bucket;
    const char *prefix;
    const char *delimiter;
    bool wants_folders; /* else objects */
    size_t total_max;
    const char *limit; /* its name */
    ori_s3_visit_fn visit;
    void *self;
};

static ori_status list(struct ori_s3 *s3, const struct listing *listing,
                       const struct ori_wait *wait, struct ori_error *err)
{
    struct page page = {.count = 0};
    size_t total = 0;
    ori_status status = ORI_OK;
    do {
        status = fetch_page(s3, listing->bucket, listing->prefix, listing->delimiter, PAGE_KEYS,
                            &page, wait, err);
        for (size_t i = 0; i < page.count && status == ORI_OK; i++) {
            const struct entry *entry = &page.entries[i];
            if (entry->is_folder == listing->wants_folders)
                status = listing->visit(listing->self, entry->key, entry->bytes, err);
        }
        /* A page without keys counts as well: so no server can list for ever. */
        total += page.count + 1;
        if (status == ORI_OK && page.is_truncated && total > listing->total_max)
            status =
                ori_error_set(err, ORI_LIMIT, "s3://%s/%s: more than %zu keys (%s)",
                              listing->bucket, listing->prefix, listing->total_max, listing->limit);
    } while (status == ORI_OK && page.is_truncated);
    page_clear(&page);
    free(page.entries);
    return status;
}

ori_status ori_s3_list(struct ori_s3 *s3, const char *bucket, const char *prefix,
                       const char *delimiter, ori_s3_visit_fn visit, void *self,
                       const struct ori_wait *wait, struct ori_error *err)
{
    const struct listing listing = {.bucket = bucket,
                                    .prefix = prefix,
                                    .delimiter = delimiter ? delimiter : "",
                                    .total_max = ORI_LIMIT_MAX_BLOB_LIST,
                                    .limit = "BLOB_LIST",
                                    .visit = visit,
                                    .self = self};
    return list(s3, &listing, wait, err);
}

ori_status ori_s3_list_folders(struct ori_s3 *s3, const char *bucket, const char *prefix,
                               ori_s3_visit_fn visit, void *self, const struct ori_wait *wait,
                               struct ori_error *err)
{
    const struct listing listing = {.bucket = bucket,
                                    .prefix = prefix,
                                    .delimiter = "/",
                                    .wants_folders = true,
                                    .total_max = ORI_LIMIT_MAX_BLOB_VIDEOS,
                                    .limit = "BLOB_VIDEOS",
                                    .visit = visit,
                                    .self = self};
    return list(s3, &listing, wait, err);
}

ori_status ori_s3_check(struct ori_s3 *s3, const char *bucket, const struct ori_wait *wait,
                        struct ori_error *err)
{
    struct page page = {.count = 0};
    /* A list and not a HEAD, whose refusal would say no reason. */
    ori_status status = fetch_page(s3, bucket, "", "", "1", &page, wait, err);
    page_clear(&page);
    free(page.entries);
    return status;
}
