#pragma once
/* net/webhook.h: the signature of a webhook.
 * Source   Standard Webhooks specification: headers webhook-id, webhook-timestamp and
 *          webhook-signature "v1," + base64(HMAC-SHA256(secret, id.timestamp.payload)); a secret
 *          "whsec_..." is base64 of the key, any other text is the key itself
 * Threads  pure; any thread */
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define ORI_WEBHOOK_SIGNATURE_BYTES 64

/* ORI_BAD_SETTING when the secret starts with whsec_ and the rest is not base64 of 16 to 64 bytes,
 * or when it is empty. */
ori_status ori_webhook_check_secret(const char *secret, struct ori_error *err);
ori_status ori_webhook_sign(const char *secret, const char *id, int64_t timestamp_s,
                            const void *payload, size_t bytes,
                            char ret_signature[ORI_WEBHOOK_SIGNATURE_BYTES], struct ori_error *err);
