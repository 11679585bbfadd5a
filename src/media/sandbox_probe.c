#include "media/sandbox_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/child_proto.h"
#include "util/clock.h"

#define PROBE_MS 10000
#define MEMORY_BYTES (INT64_C(256) << 20)

struct answer {
    ori_status status;
    struct ori_error error;
    struct ori_sandbox_findings findings;
};

/* What a decode process holds, and nothing else. Numbers are moved up first, so that none is in the
 * way. */
static bool put_descriptors(int socket_fd)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int high_null = fcntl(null, F_DUPFD, 64);
    int high_socket = fcntl(socket_fd, F_DUPFD, 64);
    if (null < 0 || high_null < 0 || high_socket < 0)
        return false;
    for (int fd = STDIN_FILENO; fd <= ORI_CHILD_FD_MEMORY; fd++) {
        if (dup2(fd == ORI_CHILD_FD_SOCKET ? high_socket : high_null, fd) < 0)
            return false;
    }
    return close_range(ORI_CHILD_FD_MEMORY + 1, ~0U, 0) == 0;
}

static bool has_made_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool has_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED;
}

static void try_all(pid_t parent, struct ori_sandbox_findings *findings)
{
    findings->has_opened_file = open("/", O_RDONLY | O_CLOEXEC) >= 0;
    findings->has_made_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
    findings->has_made_process = has_made_process();
    findings->has_signalled_parent = kill(parent, 0) == 0;
    findings->has_all_memory = has_memory((size_t)MEMORY_BYTES + 1);
}

static _Noreturn void be_probe(pid_t parent, int socket_fd)
{
    static struct answer answer; /* zero, padding too: it leaves the process as bytes */
    const struct ori_sandbox_options options = {.memory_bytes = MEMORY_BYTES, .cpu_seconds = 5};
    if (clearenv() != 0 || !put_descriptors(socket_fd))
        _exit(2);
    int64_t begin_us = ori_clock_us();
    answer.status = ori_sandbox_enter(&options, &answer.findings.facts, &answer.error);
    answer.findings.enter_us = ori_clock_us() - begin_us;
    answer.error.stage = NULL;
    if (answer.status == ORI_OK)
        try_all(parent, &answer.findings);
    _exit(send(ORI_CHILD_FD_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL) == sizeof answer ? 0 : 3);
}

static ori_status hear(int fd, struct answer *ret_answer, struct ori_error *err)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int count = 0;
    do
        count = poll(&ready, 1, PROBE_MS);
    while (count < 0 && errno == EINTR);
    ssize_t got = count > 0 ? recv(fd, ret_answer, sizeof *ret_answer, MSG_DONTWAIT) : -1;
    if (got != sizeof *ret_answer)
        return ori_error_set(err, ORI_SANDBOX, "the process that tries it did not answer");
    return ORI_OK;
}

ori_status ori_sandbox_probe(struct ori_sandbox_findings *ret_findings, struct ori_error *err)
{
    struct answer answer = {0};
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ori_error_set_errno(err, errno, false, "socket of a process");
    pid_t pid = fork();
    if (pid == 0)
        be_probe(parent, pair[1]);
    int failed = pid < 0 ? errno : 0;
    close(pair[1]);
    ori_status status = failed ? ori_error_set_errno(err, failed, false, "starting a process")
                               : hear(pair[0], &answer, err);
    close(pair[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (status == ORI_OK)
        status = answer.status;
    if (status == ORI_OK)
        *ret_findings = answer.findings;
    else if (err && err->status == ORI_OK)
        *err = answer.error;
    return status;
}
