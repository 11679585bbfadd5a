/* oriane decode: the decode child (media/child_proto.h). Started by the program itself with its
 * three descriptors in place; a person who types it is told so. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "media/child_proto.h"
#include "pipeline/extract.h"

/* Decoding takes what the machine has left: whoever asks the API something, or searches, waits less
 * than a video. Beside nothing else it is as fast. */
#define DECODE_NICE 5

static enum ori_exit run_decode(struct ori_cli *cli)
{
    if (fcntl(ORI_CHILD_FD_SOCKET, F_GETFD) < 0 || fcntl(ORI_CHILD_FD_MEDIUM, F_GETFD) < 0)
        return ori_cli_usage(cli, "is started by oriane itself, not by hand");
    (void)!nice(DECODE_NICE); /* all of its threads inherit it */
    return ori_extract_main() == 0 ? ORI_EXIT_OK : ORI_EXIT_FAILED;
}

const struct ori_verb ori_verb_decode = {
    .name = "decode",
    .summary = "(internal) the decode process of one video",
    .usage = "",
    .is_hidden = true,
    .is_bare = true,
    .run = run_decode,
};
