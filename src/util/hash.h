#pragma once
/* util/hash.h: SHA-1 and SHA-256 of bytes, and bytes as hex digits.
 * Call order  create; add at will; finish once; destroy. Or ori_hash_of for bytes at hand
 * Ownership   a hash belongs to its creator; data are borrowed for the call
 * Threads     one thread at a time
 * Failure     ORI_NOMEM, or ORI_INTERNAL when libcrypto refuses
 * Source      FIPS 180-4, through libcrypto. SHA-1 makes names here, it protects nothing */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define ORI_HASH_BYTES_MAX 32

enum ori_hash_kind { ORI_HASH_SHA1 = 1, ORI_HASH_SHA256 };
struct ori_hash;

size_t ori_hash_bytes(enum ori_hash_kind kind); /* 20 or 32 */

ori_status ori_hash_create(enum ori_hash_kind kind, struct ori_hash **ret_hash,
                           struct ori_error *err);
void ori_hash_destroy(struct ori_hash **hash); /* null-safe, nulls */
ori_status ori_hash_add(struct ori_hash *hash, const void *data, size_t bytes,
                        struct ori_error *err);
/* ret_digest: ori_hash_bytes(kind) bytes. The hash takes no more afterwards. */
ori_status ori_hash_finish(struct ori_hash *hash, uint8_t *ret_digest, struct ori_error *err);

ori_status ori_hash_of(enum ori_hash_kind kind, const void *data, size_t bytes, uint8_t *ret_digest,
                       struct ori_error *err);

/* Lower-case hex digits; ret_text: 2 * bytes + 1. */
void ori_hash_hex(const uint8_t *data, size_t bytes, char *ret_text);
