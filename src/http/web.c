#include "http/web.h"

#include <string.h>

#include "http/web_priv.h"
#include "util/status.h"

size_t ori_web_count(void)
{
    return ori_web_files_count;
}

const struct ori_web_file *ori_web_at(size_t i)
{
    ORI_ASSERT(i < ori_web_files_count);
    return &ori_web_files[i];
}

const struct ori_web_file *ori_web_find(const char *folder, const char *file)
{
    ORI_ASSERT(folder && file);
    for (size_t i = 0; i < ori_web_files_count; i++) {
        const struct ori_web_file *found = &ori_web_files[i];
        if (strcmp(found->folder, folder) == 0 && strcmp(found->name, file) == 0)
            return found;
    }
    return NULL;
}
