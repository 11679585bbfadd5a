#pragma once
/* util/uuid.h: names: of a key, the same on every machine and in every run; or random.
 * Source   RFC 4122 through libuuid: version 5 in the URL namespace, which equals Python's
 *          uuid.uuid5(uuid.NAMESPACE_URL, key); version 4 from the kernel's random numbers
 * Threads  any */
#define ORI_UUID_TEXT_BYTES 37

#include <stdbool.h>

/* key: UTF-8, such as "platform/code/1_0.00.png". Lower case with dashes. */
void ori_uuid_of_key(const char *key, char ret_text[ORI_UUID_TEXT_BYTES]);
void ori_uuid_random(char ret_text[ORI_UUID_TEXT_BYTES]);
/* Hex digits of either case and the four dashes: RFC 4122's form. */
bool ori_uuid_is(const char *text);
