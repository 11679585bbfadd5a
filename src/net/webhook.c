#include "net/webhook.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/buf.h"

#define PREFIX "whsec_"
#define PREFIX_BYTES (sizeof PREFIX - 1)
#define KEY_BYTES_MIN 16
#define KEY_BYTES_MAX 64
#define KEY_TEXT_MAX ((KEY_BYTES_MAX + 2) / 3 * 4)
#define DIGEST_BYTES 32
#define HEAD_BYTES_MAX 512 /* the id and the time, in front of the payload */

struct key {
    uint8_t own[KEY_TEXT_MAX / 4 * 3];
    const void *data;
    size_t bytes;
};

/* Only what RFC 4648 section 4 would have written: EVP_DecodeBlock takes blanks and torn ends. */
static bool is_base64(const char *text, size_t length)
{
    size_t letters =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return length % 4 == 0 && letters <= length && length - letters <= 2 &&
           strspn(text + letters, "=") == length - letters;
}

static ori_status read_key(const char *secret, struct key *ret_key, struct ori_error *err)
{
    static const char rule[] =
        "WEBHOOK_SECRET: behind whsec_ expected base64 of 16 to 64 bytes, with its padding";
    if (secret[0] == '\0')
        return ori_error_set(err, ORI_BAD_SETTING, "WEBHOOK_SECRET is empty");
    if (strncmp(secret, PREFIX, PREFIX_BYTES) != 0) {
        ret_key->data = secret;
        ret_key->bytes = strlen(secret);
        return ORI_OK;
    }
    const char *text = secret + PREFIX_BYTES;
    size_t length = strlen(text);
    if (length < 4 || length > KEY_TEXT_MAX || !is_base64(text, length))
        return ori_error_set(err, ORI_BAD_SETTING, "%s", rule);
    int bytes = EVP_DecodeBlock(ret_key->own, (const unsigned char *)text, (int)length);
    bytes -= (text[length - 1] == '=') + (text[length - 2] == '=');
    if (bytes < KEY_BYTES_MIN || bytes > KEY_BYTES_MAX)
        return ori_error_set(err, ORI_BAD_SETTING, "%s", rule);
    ret_key->data = ret_key->own;
    ret_key->bytes = (size_t)bytes;
    return ORI_OK;
}

ori_status ori_webhook_check_secret(const char *secret, struct ori_error *err)
{
    struct key key = {0};
    ori_status status = read_key(secret, &key, err);
    OPENSSL_cleanse(key.own, sizeof key.own);
    return status;
}

static ori_status digest_of(const struct key *key, const struct ori_buf *text,
                            uint8_t ret_digest[DIGEST_BYTES], struct ori_error *err)
{
    unsigned int bytes = 0;
    if (!HMAC(EVP_sha256(), key->data, (int)key->bytes, (const unsigned char *)ori_buf_text(text),
              text->used, ret_digest, &bytes) ||
        bytes != DIGEST_BYTES)
        return ori_error_set(err, ORI_INTERNAL, "signature of a webhook: libcrypto refused");
    return ORI_OK;
}

ori_status ori_webhook_sign(const char *secret, const char *id, int64_t timestamp_s,
                            const void *payload, size_t bytes,
                            char ret_signature[ORI_WEBHOOK_SIGNATURE_BYTES], struct ori_error *err)
{
    struct key key = {0};
    struct ori_buf text;
    uint8_t digest[DIGEST_BYTES];
    char coded[(DIGEST_BYTES + 2) / 3 * 4 + 1];
    if (strlen(id) > HEAD_BYTES_MAX - 32)
        return ori_error_set(err, ORI_LIMIT, "webhook-id: longer than %d bytes",
                             HEAD_BYTES_MAX - 32);
    ori_buf_init(&text, HEAD_BYTES_MAX + bytes);
    ori_status status = read_key(secret, &key, err);
    if (status != ORI_OK)
        goto out;
    ori_buf_printf(&text, "%s.%lld.", id, (long long)timestamp_s);
    ori_buf_add(&text, payload, bytes);
    status = ori_buf_finish(&text, "webhook", err);
    if (status == ORI_OK)
        status = digest_of(&key, &text, digest, err);
    if (status != ORI_OK)
        goto out;
    EVP_EncodeBlock((unsigned char *)coded, digest, DIGEST_BYTES);
    snprintf(ret_signature, ORI_WEBHOOK_SIGNATURE_BYTES, "v1,%s", coded);
out:
    OPENSSL_cleanse(key.own, sizeof key.own);
    ori_buf_deinit(&text);
    return status;
}
