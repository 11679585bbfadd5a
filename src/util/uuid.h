#pragma once
/* util/uuid.h: names that are the same on every machine and in every run.
 * Source   RFC 4122 version 5 in the URL namespace, through libuuid; equals Python's
 *          uuid.uuid5(uuid.NAMESPACE_URL, key)
 * Threads  pure; any thread */
#define ORI_UUID_TEXT_BYTES 37

/* key: UTF-8, such as "platform/code/1_0.00.png". Lower case with dashes. */
void ori_uuid_of_key(const char *key, char ret_text[ORI_UUID_TEXT_BYTES]);
