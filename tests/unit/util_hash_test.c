#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/hash.h"
#include "util/uuid.h"

/* Published: FIPS 180-4's examples ("abc" and the 448-bit message) and the empty message. */
static const struct {
    enum ori_hash_kind kind;
    const char *text;
    const char *expected;
} vectors[] = {
    {ORI_HASH_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {ORI_HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {ORI_HASH_SHA1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {ORI_HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {ORI_HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {ORI_HASH_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void equals_the_published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t digest[ORI_HASH_BYTES_MAX];
        char hex[2 * ORI_HASH_BYTES_MAX + 1];
        assert_int_equal(
            ori_hash_of(vectors[i].kind, vectors[i].text, strlen(vectors[i].text), digest, NULL),
            ORI_OK);
        ori_hash_hex(digest, ori_hash_bytes(vectors[i].kind), hex);
        assert_string_equal(hex, vectors[i].expected);
    }
}

static void pieces_hash_like_the_whole(void **state)
{
    (void)state;
    const char *text = vectors[5].text;
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct ori_hash *hash = NULL;
        uint8_t digest[ORI_HASH_BYTES_MAX];
        char hex[2 * ORI_HASH_BYTES_MAX + 1];
        assert_int_equal(ori_hash_create(ORI_HASH_SHA256, &hash, NULL), ORI_OK);
        assert_int_equal(ori_hash_add(hash, text, cut, NULL), ORI_OK);
        assert_int_equal(ori_hash_add(hash, text + cut, strlen(text) - cut, NULL), ORI_OK);
        assert_int_equal(ori_hash_finish(hash, digest, NULL), ORI_OK);
        ori_hash_destroy(&hash);
        assert_null(hash);
        ori_hash_hex(digest, 32, hex);
        assert_string_equal(hex, vectors[5].expected);
    }
}

/* Worked out with Python: str(uuid.uuid5(uuid.NAMESPACE_URL, key)). */
static void names_are_uuid5_of_url(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *expected;
    } rows[] = {
        {"", "1b4db7eb-4057-5ddf-91e0-36dec72071f5"},
        {"local/clip-1a2b3c4d/1_0.00.png", "05d5d4f8-3f14-5c62-a46b-8db9d94411df"},
        {"instagram/C0de_.-9/12_3600.50.webp", "3fa6d1e5-2da0-57d0-a1a2-6aafecfdadfb"},
        {"local/\xC3\xA4/1_0.00.png", "1a5fd76a-8ded-5459-812e-ae1dd1e1d527"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ORI_UUID_TEXT_BYTES];
        ori_uuid_of_key(rows[i].key, text);
        assert_string_equal(text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_published_vectors),
        cmocka_unit_test(pieces_hash_like_the_whole),
        cmocka_unit_test(names_are_uuid5_of_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
