#include "util/hash.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct ori_hash {
    EVP_MD_CTX *context;
};

static const EVP_MD *digest_of(enum ori_hash_kind kind)
{
    return kind == ORI_HASH_SHA1 ? EVP_sha1() : EVP_sha256();
}

size_t ori_hash_bytes(enum ori_hash_kind kind)
{
    return kind == ORI_HASH_SHA1 ? 20 : 32;
}

ori_status ori_hash_create(enum ori_hash_kind kind, struct ori_hash **ret_hash,
                           struct ori_error *err)
{
    ORI_ASSERT(kind == ORI_HASH_SHA1 || kind == ORI_HASH_SHA256);
    ori_status status = ORI_OK;
    struct ori_hash *hash = calloc(1, sizeof *hash);
    if (!hash) {
        status = ori_error_set(err, ORI_NOMEM, "hash");
        goto out;
    }
    hash->context = EVP_MD_CTX_new();
    if (!hash->context) {
        status = ori_error_set(err, ORI_NOMEM, "hash");
        goto out;
    }
    if (EVP_DigestInit_ex(hash->context, digest_of(kind), NULL) != 1) {
        status = ori_error_set(err, ORI_INTERNAL, "libcrypto refuses to hash");
        goto out;
    }
    *ret_hash = hash;
    hash = NULL;
out:
    ori_hash_destroy(&hash);
    return status;
}

void ori_hash_destroy(struct ori_hash **hash)
{
    if (!hash || !*hash)
        return;
    EVP_MD_CTX_free((*hash)->context);
    free(*hash);
    *hash = NULL;
}

ori_status ori_hash_add(struct ori_hash *hash, const void *data, size_t bytes,
                        struct ori_error *err)
{
    if (bytes > 0 && EVP_DigestUpdate(hash->context, data, bytes) != 1)
        return ori_error_set(err, ORI_INTERNAL, "libcrypto refuses to hash");
    return ORI_OK;
}

ori_status ori_hash_finish(struct ori_hash *hash, uint8_t *ret_digest, struct ori_error *err)
{
    if (EVP_DigestFinal_ex(hash->context, ret_digest, NULL) != 1)
        return ori_error_set(err, ORI_INTERNAL, "libcrypto refuses to hash");
    return ORI_OK;
}

ori_status ori_hash_of(enum ori_hash_kind kind, const void *data, size_t bytes, uint8_t *ret_digest,
                       struct ori_error *err)
{
    struct ori_hash *hash = NULL;
    ori_status status = ori_hash_create(kind, &hash, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, data, bytes, err);
    if (status == ORI_OK)
        status = ori_hash_finish(hash, ret_digest, err);
    ori_hash_destroy(&hash);
    return status;
}

void ori_hash_hex(const uint8_t *data, size_t bytes, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        ret_text[2 * i] = digits[data[i] >> 4];
        ret_text[2 * i + 1] = digits[data[i] & 15];
    }
    ret_text[2 * bytes] = '\0';
}
