#include "media/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/utf8.h"

#define LOG_TAIL_BYTES 2048
#define FIRST_FREE_FD 16 /* above those of child_proto.h, so that no dup2 overwrites one */

struct ori_child {
    pid_t pid; /* 0: not started or reaped */
    int fd_socket;
    int fd_log;
    uint8_t *memory;
    size_t memory_bytes;
    struct ori_child_talk talk;
    struct ori_words words;
    ori_words_fn on_line; /* immutable, as is its self */
    void *on_line_self;
    size_t log_bytes; /* of log_tail in use */
    char log_tail[LOG_TAIL_BYTES];
};

/* The child's ends, which the parent closes right after the start. */
struct far_ends {
    int medium;
    int socket;
    int memory;
    int log;
    int null;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Moves a descriptor above the ones that the child is given; the old one is closed. */
static ori_status lift(int *fd, struct ori_error *err)
{
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (high < 0)
        return ori_error_set_errno(err, errno, false, "descriptors of the decode process");
    close(*fd);
    *fd = high;
    return ORI_OK;
}

static ori_status make_memory(struct ori_child *child, struct far_ends *far, struct ori_error *err)
{
    const struct ori_msg_start *start = &child->talk.start;
    size_t bytes = 0;
    ORI_ASSERT(start->slots >= ORI_CHILD_SLOTS_MIN && start->slots <= ORI_CHILD_SLOTS_MAX);
    if (__builtin_mul_overflow((size_t)start->slots, start->slot_bytes, &bytes) || bytes == 0 ||
        bytes > INT64_MAX)
        return ori_error_set(err, ORI_LIMIT, "slots of shared memory");
    far->memory = memfd_create("oriane-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (far->memory < 0)
        return ori_error_set_errno(err, errno, false, "shared memory");
    /* Sealed, the child cannot shrink it under our mapping, which would be a SIGBUS for us. */
    if (ftruncate(far->memory, (off_t)bytes) != 0 ||
        fcntl(far->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return ori_error_set_errno(err, errno, false, "shared memory of %zu bytes", bytes);
    void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, far->memory, 0);
    if (memory == MAP_FAILED)
        return ori_error_set_errno(err, errno, false, "mapping %zu bytes", bytes);
    child->memory = memory;
    child->memory_bytes = bytes;
    return lift(&far->memory, err);
}

static ori_status make_channels(struct ori_child *child, struct far_ends *far,
                                struct ori_error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ori_error_set_errno(err, errno, false, "socket of the decode process");
    child->fd_socket = pair[0];
    far->socket = pair[1];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return ori_error_set_errno(err, errno, false, "log pipe of the decode process");
    child->fd_log = pair[0];
    far->log = pair[1];
    /* Both ends: whoever talks more than we read loses words, not time. */
    if (fcntl(child->fd_log, F_SETFL, O_NONBLOCK) != 0 || fcntl(far->log, F_SETFL, O_NONBLOCK) != 0)
        return ori_error_set_errno(err, errno, false, "log pipe of the decode process");
    far->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (far->null < 0)
        return ori_error_set_errno(err, errno, false, "/dev/null");
    ori_status status = lift(&far->socket, err);
    if (status == ORI_OK)
        status = lift(&far->log, err);
    return status == ORI_OK ? lift(&far->null, err) : status;
}

/* The descriptors of child_proto.h, and not one more. */
static int set_actions(posix_spawn_file_actions_t *actions, const struct far_ends *far)
{
    int failed = posix_spawn_file_actions_adddup2(actions, far->null, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, far->null, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, far->log, STDERR_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, far->medium, ORI_CHILD_FD_MEDIUM);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, far->socket, ORI_CHILD_FD_SOCKET);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, far->memory, ORI_CHILD_FD_MEMORY);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, ORI_CHILD_FD_MEMORY + 1);
    return failed;
}

/* No signal blocked or ignored, and a process group of its own: Ctrl-C on the terminal reaches
 * the parent alone, which then ends its children. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    if (!failed)
        failed = posix_spawnattr_setpgroup(attributes, 0);
    if (!failed)
        failed = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return failed;
}

static ori_status start_process(struct ori_child *child, const struct far_ends *far,
                                const char *program, struct ori_error *err)
{
    char *const arguments[] = {"oriane", "decode", NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return ori_error_set_errno(err, failed, false, "decode process");
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = set_actions(&actions, far);
        if (!failed)
            failed = set_attributes(&attributes);
        if (!failed)
            failed = posix_spawn(&pid, program, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return ori_error_set_errno(err, failed, false, "starting the decode process");
    child->pid = pid;
    return ORI_OK;
}

static ori_status send_packet(struct ori_child *child, const void *message, size_t bytes,
                              struct ori_error *err)
{
    ssize_t sent = 0;
    do
        sent = send(child->fd_socket, message, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0 || errno == EPIPE || errno == ECONNRESET)
        return ORI_OK; /* an end that is gone shows as ORI_EOF in receive, after its last words */
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
        return ori_error_set(err, ORI_CHILD_PROTOCOL, "the decode process does not listen");
    return ori_error_set_errno(err, errno, false, "writing to the decode process");
}

ori_status ori_child_spawn(const struct ori_child_options *options, struct ori_child **ret_child,
                           struct ori_error *err)
{
    ORI_ASSERT(options && ret_child && options->fd_medium >= 0);
    struct far_ends far = {-1, -1, -1, -1, -1};
    const char *program = options->program ? options->program : "/proc/self/exe";
    struct ori_msg_start start = options->start;
    start.type = ORI_MSG_START;

    ori_status status = ORI_OK;
    struct ori_child *child = calloc(1, sizeof *child);
    if (!child)
        return ori_error_set(err, ORI_NOMEM, "decode process");
    child->fd_socket = -1;
    child->fd_log = -1;
    child->on_line = options->on_line;
    child->on_line_self = options->on_line_self;
    ori_child_talk_begin(&child->talk, &start);
    far.medium = fcntl(options->fd_medium, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (far.medium < 0) {
        status = ori_error_set_errno(err, errno, false, "descriptors of the decode process");
        goto out;
    }
    status = make_memory(child, &far, err);
    if (status == ORI_OK)
        status = make_channels(child, &far, err);
    if (status == ORI_OK)
        status = start_process(child, &far, program, err);
    if (status == ORI_OK)
        status = send_packet(child, &start, sizeof start, err);
    if (status != ORI_OK)
        goto out;
    *ret_child = child;
    child = NULL;
out:
    close_fd(&far.medium);
    close_fd(&far.memory);
    close_fd(&far.socket);
    close_fd(&far.log);
    close_fd(&far.null);
    ori_child_destroy(&child);
    return status;
}

int ori_child_socket(const struct ori_child *child)
{
    return child->fd_socket;
}

int ori_child_log(const struct ori_child *child)
{
    return child->fd_log;
}

ori_status ori_child_receive(struct ori_child *child, union ori_child_message *ret_message,
                             struct ori_error *err)
{
    ssize_t got = 0;
    memset(ret_message, 0, sizeof *ret_message);
    do /* MSG_TRUNC: the true length of the packet, however long it is */
        got = recv(child->fd_socket, ret_message, sizeof *ret_message, MSG_DONTWAIT | MSG_TRUNC);
    /* ECONNRESET comes once, in front of packets that still wait, when the child ended without
     * having read all of ours: its last words come next. */
    while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got == 0)
        return ORI_EOF;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ORI_AGAIN;
    if (got < 0)
        return ori_error_set_errno(err, errno, false, "reading from the decode process");
    return ori_child_message_check(&child->talk, ret_message, (size_t)got, err);
}

/* The last LOG_TAIL_BYTES - 1 bytes stay. */
static void keep_tail(struct ori_child *child, const char *text, size_t bytes)
{
    size_t room = LOG_TAIL_BYTES - 1;
    if (bytes >= room) {
        text += bytes - room;
        bytes = room;
    }
    size_t kept = child->log_bytes < room - bytes ? child->log_bytes : room - bytes;
    memmove(child->log_tail, child->log_tail + child->log_bytes - kept, kept);
    memcpy(child->log_tail + kept, text, bytes);
    child->log_bytes = kept + bytes;
    child->log_tail[child->log_bytes] = '\0';
}

void ori_child_read_log(struct ori_child *child)
{
    char text[4096];
    /* A few rounds, not until it is empty: a child that never stops talking must not keep us. */
    for (int round = 0; round < 16 && child->fd_log >= 0; round++) {
        ssize_t got = read(child->fd_log, text, sizeof text);
        if (got > 0) {
            keep_tail(child, text, (size_t)got);
            ori_words_take(&child->words, text, (size_t)got, child->on_line, child->on_line_self);
        } else if (got == 0) {
            close_fd(&child->fd_log);
            ori_words_end(&child->words, child->on_line, child->on_line_self);
        } else if (errno != EINTR) {
            return;
        }
    }
}

uint64_t ori_child_untold(const struct ori_child *child)
{
    return ori_words_untold(&child->words);
}

const uint8_t *ori_child_slot(const struct ori_child *child, uint32_t slot)
{
    ORI_ASSERT(slot < child->talk.start.slots);
    return child->memory + slot * child->talk.start.slot_bytes;
}

ori_status ori_child_release(struct ori_child *child, uint32_t slot, struct ori_error *err)
{
    struct ori_msg_slot release = {.type = ORI_MSG_RELEASE, .slot = slot};
    ori_child_talk_released(&child->talk, slot);
    return send_packet(child, &release, sizeof release, err);
}

ori_status ori_child_answer(struct ori_child *child, const struct ori_msg_range *need,
                            bool is_failed, struct ori_error *err)
{
    struct ori_msg_range have = {
        .type = ORI_MSG_HAVE, .is_failed = is_failed, .offset = need->offset, .bytes = need->bytes};
    return send_packet(child, &have, sizeof have, err);
}

/* Until the other end of the socket is closed, which only the end of the process does. Messages
 * that still come are thrown away; the log is read, lest the child waits for us. */
static void wait_for_hangup(struct ori_child *child, int64_t deadline_us)
{
    for (;;) {
        char ignored[8];
        ssize_t got = recv(child->fd_socket, ignored, sizeof ignored, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR &&
                         errno != ECONNRESET))
            return;
        int left_ms = ori_clock_poll_ms(deadline_us);
        if (left_ms == 0)
            return;
        struct pollfd fds[2] = {{.fd = child->fd_socket, .events = POLLIN},
                                {.fd = child->fd_log, .events = POLLIN}};
        (void)poll(fds, 2, left_ms);
        ori_child_read_log(child);
    }
}

/* Whether the process ended by the deadline, which comes a moment after the socket was closed. What
 * ended it is then its own matter or an outsider's, never our SIGKILL. It is not reaped. */
static bool has_ended(const struct ori_child *child, int64_t deadline_us)
{
    struct pollfd ended = {.fd = pidfd_open(child->pid, 0), .events = POLLIN};
    siginfo_t info = {.si_pid = 0};
    for (;;) {
        bool is_told = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
        int left_ms = ori_clock_poll_ms(deadline_us);
        if ((is_told && info.si_pid != 0) || left_ms == 0)
            break;
        (void)poll(&ended, 1, ended.fd < 0 && left_ms > 10 ? 10 : left_ms);
    }
    close_fd(&ended.fd);
    return info.si_pid != 0;
}

/* The one place that reaps. SIGKILL first: it does nothing to a process that is ending already,
 * and whoever closed the socket without ending gets no further. */
static int kill_and_wait(struct ori_child *child)
{
    int wait_status = 0;
    pid_t got = 0;
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL);
    do
        got = waitpid(child->pid, &wait_status, 0);
    while (got < 0 && errno == EINTR);
    ORI_ASSERT(got == child->pid);
    child->pid = 0;
    return wait_status;
}

/* The last line of the log that says something and is not libav's, for the text of an error. */
static const char *last_words(struct ori_child *child)
{
    char *text = child->log_tail;
    size_t end = child->log_bytes;
    for (;;) {
        while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r' || text[end - 1] == ' '))
            text[--end] = '\0';
        char *newline = memrchr(text, '\n', end);
        char *line = newline ? newline + 1 : text;
        if (line[0] != ORI_WORDS_MARK) {
            ori_utf8_clean(line);
            return line;
        }
        end = (size_t)(line - text);
        text[end] = '\0';
    }
}

ori_status ori_child_reap(struct ori_child *child, int grace_ms, struct ori_error *err)
{
    ORI_ASSERT(child->pid > 0);
    int64_t deadline_us = ori_clock_us() + (int64_t)grace_ms * 1000;
    wait_for_hangup(child, deadline_us);
    ori_child_read_log(child);
    bool is_by_itself = has_ended(child, deadline_us);
    int wait_status = kill_and_wait(child);
    ori_child_read_log(child);
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return ORI_OK;
    const char *words = last_words(child);
    const char *colon = words[0] ? ": " : "";
    if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        if (is_by_itself && err && err->status == ORI_OK)
            err->native = WTERMSIG(wait_status);
        if (WTERMSIG(wait_status) == SIGXCPU)
            return ori_error_set(err, ORI_TIMEOUT, "the decode process used up its processor time");
        return ori_error_set(err, ORI_CHILD_CRASHED,
                             "the decode process was ended by signal %d (SIG%s)%s%.200s",
                             WTERMSIG(wait_status), name ? name : "?", colon, words);
    }
    return ori_error_set(err, ORI_CHILD_CRASHED,
                         "the decode process ended with exit status %d%s%.200s",
                         WEXITSTATUS(wait_status), colon, words);
}

void ori_child_kill(struct ori_child *child)
{
    if (child->pid > 0)
        (void)kill_and_wait(child);
}

void ori_child_destroy(struct ori_child **child)
{
    if (!child || !*child)
        return;
    ori_child_kill(*child);
    close_fd(&(*child)->fd_socket);
    close_fd(&(*child)->fd_log);
    if ((*child)->memory)
        munmap((*child)->memory, (*child)->memory_bytes);
    free(*child);
    *child = NULL;
}
