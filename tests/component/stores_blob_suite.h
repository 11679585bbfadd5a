#pragma once
/* What every object store promises (stores/blob.h). Whoever includes this gives open_store, which opens
 * the same empty store again and again, and add_what_is_no_object, which puts beside the objects of the
 * video p/v what its kind of store may hold and must not list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/blob.h"
#include "util/limits.h"

static struct ori_blob_store *open_store(void);
static void add_what_is_no_object(struct ori_blob_store *store);

static void put_text(struct ori_blob_store *store, const char *key, const char *text)
{
    struct ori_error err = {0};
    if (ori_blob_put(store, key, text, strlen(text), "text/plain", NULL, &err) != ORI_OK)
        fail_msg("%s", err.text);
}

static void expect_text(struct ori_blob_store *store, const char *key, const char *text)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    struct ori_error err = {0};
    if (ori_blob_get(store, key, 1000, &data, &bytes, NULL, &err) != ORI_OK)
        fail_msg("%s", err.text);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(data, text, bytes + 1); /* the NUL behind it too */
    free(data);
}

static void test_put_get_stat_delete(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    uint8_t *data = NULL;
    size_t bytes = 0;
    int64_t size = -1;
    assert_int_equal(ori_blob_get(store, "p/v/1.png", 10, &data, &bytes, NULL, NULL),
                     ORI_NOT_FOUND);
    assert_int_equal(ori_blob_stat(store, "p/v/1.png", &size, NULL, NULL), ORI_NOT_FOUND);
    assert_int_equal(ori_blob_delete(store, "p/v/1.png", NULL, NULL), ORI_OK);
    put_text(store, "p/v/1.png", "one");
    expect_text(store, "p/v/1.png", "one");
    put_text(store, "p/v/1.png", "another");
    expect_text(store, "p/v/1.png", "another");
    assert_int_equal(ori_blob_stat(store, "p/v/1.png", &size, NULL, NULL), ORI_OK);
    assert_int_equal(size, 7);
    assert_int_equal(ori_blob_get(store, "p/v/1.png", 7, &data, &bytes, NULL, NULL), ORI_OK);
    free(data);
    assert_int_equal(ori_blob_get(store, "p/v/1.png", 6, &data, &bytes, NULL, NULL), ORI_LIMIT);
    put_text(store, "p/v/empty", "");
    expect_text(store, "p/v/empty", "");
    put_text(store, "top", "a key of one segment");
    expect_text(store, "top", "a key of one segment");
    assert_int_equal(ori_blob_delete(store, "p/v/1.png", NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_stat(store, "p/v/1.png", &size, NULL, NULL), ORI_NOT_FOUND);
    ori_blob_close(&store);
    ori_blob_close(&store);
    store = open_store();
    expect_text(store, "top", "a key of one segment");
    ori_blob_close(&store);
}

static void expect_refused(struct ori_blob_store *store, const char *key)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    int64_t size = 0;
    assert_int_equal(ori_blob_put(store, key, "x", 1, NULL, NULL, NULL), ORI_USAGE);
    assert_int_equal(ori_blob_get(store, key, 10, &data, &bytes, NULL, NULL), ORI_USAGE);
    assert_int_equal(ori_blob_stat(store, key, &size, NULL, NULL), ORI_USAGE);
    assert_int_equal(ori_blob_delete(store, key, NULL, NULL), ORI_USAGE);
}

static void test_keys(void **state)
{
    static const char *const bad[] = {
        "",       "/",     "/a", "a/",   "a//b", ".",       "..",  "a/..", "../a",
        "a/../b", "a/./b", ".a", "a/.b", "a\nb", "a/b\x7f", "./a", "a/.",  ".a.1.2.part",
    };
    (void)state;
    struct ori_blob_store *store = open_store();
    char name[256];
    char key[2048] = "";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(store, bad[i]);
    memset(name, 'n', sizeof name);
    name[ORI_LIMIT_MAX_BLOB_NAME_BYTES] = '\0';
    put_text(store, name, "as long as a name may be");
    name[ORI_LIMIT_MAX_BLOB_NAME_BYTES] = 'n';
    name[ORI_LIMIT_MAX_BLOB_NAME_BYTES + 1] = '\0';
    expect_refused(store, name);
    for (size_t i = 0; i < ORI_LIMIT_MAX_BLOB_KEY_BYTES; i++)
        key[i] = i % 128 == 127 ? '/' : 'k';
    key[ORI_LIMIT_MAX_BLOB_KEY_BYTES - 1] = 'k';
    put_text(store, key, "as long as a key may be");
    expect_text(store, key, "as long as a key may be");
    key[ORI_LIMIT_MAX_BLOB_KEY_BYTES] = 'k';
    expect_refused(store, key);
    put_text(store, "p/v/\xC3\xA9 \\ * ?.png", "what is odd but legal");
    expect_text(store, "p/v/\xC3\xA9 \\ * ?.png", "what is odd but legal");
    ori_blob_close(&store);
}

struct listing {
    char text[512];
    int left; /* visits until it says stop; negative: never */
    int64_t bytes;
};

static ori_status note_name(void *self, const char *name, struct ori_error *err)
{
    struct listing *listing = self;
    const size_t used = strlen(listing->text);
    snprintf(listing->text + used, sizeof listing->text - used, "%s,", name);
    if (listing->left >= 0 && listing->left-- == 0)
        return ori_error_set(err, ORI_CANCELLED, "enough");
    return ORI_OK;
}

static ori_status note(void *self, const char *file, int64_t bytes, struct ori_error *err)
{
    struct listing *listing = self;
    listing->bytes += bytes;
    return note_name(self, file, err);
}

static void test_list_video_in_byte_order(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct listing listing = {.left = -1};
    assert_int_equal(ori_blob_list_video(store, "p", "v", note, &listing, NULL, NULL), ORI_OK);
    assert_string_equal(listing.text, "");
    put_text(store, "p/v/b", "1");
    put_text(store, "p/v/10", "0123456789");
    put_text(store, "p/v/9", "");
    put_text(store, "p/v/\xC3\xA9", "");
    put_text(store, "p/v/B", "");
    put_text(store, "p/v/below/x", "");
    put_text(store, "p/other/x", "");
    add_what_is_no_object(store);
    assert_int_equal(ori_blob_list_video(store, "p", "v", note, &listing, NULL, NULL), ORI_OK);
    assert_string_equal(listing.text, "10,9,B,b,\xC3\xA9,");
    assert_int_equal(listing.bytes, 11);
    listing = (struct listing){.left = 1};
    assert_int_equal(ori_blob_list_video(store, "p", "v", note, &listing, NULL, NULL),
                     ORI_CANCELLED);
    assert_string_equal(listing.text, "10,9,");
    assert_int_equal(ori_blob_list_video(store, "..", "v", note, &listing, NULL, NULL), ORI_USAGE);
    assert_int_equal(ori_blob_list_video(store, "p/v", "x", note, &listing, NULL, NULL), ORI_USAGE);
    ori_blob_close(&store);
}

static void test_check(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_error err = {0};
    if (ori_blob_check(store, NULL, &err) != ORI_OK)
        fail_msg("%s", err.text);
    ori_blob_close(&store);
}

static void test_a_lock_and_its_end(void **state)
{
    (void)state;
    struct ori_blob_store *store = open_store();
    struct ori_blob_lock *lock = NULL;
    struct ori_blob_lock *other = NULL;
    struct ori_cancel cancel;
    assert_int_equal(ori_cancel_init(&cancel, NULL, NULL), ORI_OK);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", &cancel, &lock, NULL), ORI_OK);
    assert_int_equal(ori_blob_lock_video(store, "p", "w", &cancel, &other, NULL), ORI_OK);
    ori_blob_unlock_video(&other);
    assert_null(other);
    ori_cancel_set(&cancel);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", &cancel, &other, NULL), ORI_CANCELLED);
    ori_blob_unlock_video(&lock);
    assert_int_equal(ori_blob_lock_video(store, "p", "v", NULL, &lock, NULL), ORI_OK);
    ori_blob_unlock_video(&lock);
    ori_cancel_deinit(&cancel);
    ori_blob_close(&store);
}
