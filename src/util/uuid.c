#include "util/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

void ori_uuid_of_key(const char *key, char ret_text[ORI_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_sha1(id, *uuid_get_template("url"), key, strlen(key));
    uuid_unparse_lower(id, ret_text);
}

bool ori_uuid_is(const char *text)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < ORI_UUID_TEXT_BYTES - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (text[i] == '\0' || (is_dash ? text[i] != '-' : !strchr(hex, text[i])))
            return false;
    }
    return text[ORI_UUID_TEXT_BYTES - 1] == '\0';
}

void ori_uuid_random(char ret_text[ORI_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ret_text);
}
