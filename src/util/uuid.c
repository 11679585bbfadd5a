#include "util/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

void ori_uuid_of_key(const char *key, char ret_text[ORI_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_sha1(id, *uuid_get_template("url"), key, strlen(key));
    uuid_unparse_lower(id, ret_text);
}

void ori_uuid_random(char ret_text[ORI_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ret_text);
}
