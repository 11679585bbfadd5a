/* A list of videos in any form, from anybody: every row that comes out is one a server takes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/list.h"
#include "util/text.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_list(int fd, enum ori_list_format format, size_t bytes)
{
    struct ori_list *list = NULL;
    struct ori_list_row row;
    struct ori_error err = {0};
    ori_status status = ORI_OK;
    int64_t line = 1;
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    MUST(ori_list_open_fd(fd, format, NULL, &list, &err) == ORI_OK);
    for (size_t entries = 0; status == ORI_OK || status == ORI_USAGE; entries++) {
        MUST(entries <= bytes); /* each takes a byte at least */
        err = (struct ori_error){0};
        status = ori_list_next(list, &row, &err);
        MUST(status == ORI_OK || status == ORI_EOF || (err.status == status && err.text[0]));
        if (status != ORI_OK)
            continue;
        MUST(ori_text_is_code(row.platform) && ori_text_is_code(row.code));
        MUST(ori_text_is_utf8(row.url, strlen(row.url)) && !ori_text_has_control(row.url));
        MUST(row.line >= line);
        line = row.line;
    }
    MUST(status == ORI_EOF || status == ORI_BAD_LIST);
    ori_list_close(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    int fd = memfd_create("list", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    for (enum ori_list_format format = ORI_LIST_ANY; format <= ORI_LIST_JSON; format++)
        read_list(fd, format, bytes);
    close(fd);
    return 0;
}
