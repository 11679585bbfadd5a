/* The process: what it inherits is put in order, then the command line takes over. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"

/* Started with 0, 1 or 2 closed, the next file opened would take that number, and what is printed
 * would go into it. A closed standard output stays one that cannot be written. */
static int fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (fill_standard_descriptors() != 0)
        return ORI_EXIT_FAILED;
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error of write, told and counted */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    return ori_cli_main(argc, argv, (const char *const *)environ);
}
