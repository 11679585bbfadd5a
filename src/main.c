/* The process: what it inherits is put in order, then the command line takes over. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
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

/* No core dump, for keys and passwords lie in memory: of one byte, which the kernel takes for none
 * where dumps are files, and where they go to a program (fs/coredump.c), which 0 would not stop. */
static void keep_memory_out_of_dumps(void)
{
    struct rlimit limit = {0, 0};
    if (getrlimit(RLIMIT_CORE, &limit) != 0)
        return;
    limit.rlim_max = limit.rlim_max > 1 ? 1 : limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_CORE, &limit); /* lowering needs no right */
}

int main(int argc, char **argv)
{
    if (fill_standard_descriptors() != 0)
        return ORI_EXIT_FAILED;
    keep_memory_out_of_dumps();
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error of write, told and counted */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    return ori_cli_main(argc, argv, (const char *const *)environ);
}
