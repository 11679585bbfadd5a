#include "sandbox_attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t attempts_parent;

/* A descriptor or 0 is success. */
static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

/* The call itself is there when the kernel finds fault with its arguments. */
static int exists(long result)
{
    return result < 0 && errno == ENOSYS ? errno : 0;
}

/* ---- files ---- */

static int open_absolute(void)
{
    return outcome(open("/etc/passwd", O_RDONLY));
}
static int open_relative(void)
{
    return outcome(open(".", O_RDONLY));
}
static int open_root(void)
{
    return outcome(open("/", O_RDONLY | O_DIRECTORY));
}
static int open_old(void)
{
    return outcome(syscall(SYS_open, "/etc/passwd", O_RDONLY, 0));
}
static int open_new(void)
{
    uint64_t how[3] = {0};
    return outcome(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how));
}
static int open_own_memory(void)
{
    return outcome(open("/proc/self/mem", O_RDWR));
}
static int open_own_descriptor(void)
{
    return outcome(open("/proc/self/fd/3", O_RDONLY));
}
static int make_file(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    return outcome(fd);
}
static int look_at_file(void)
{
    char bytes[512];
    return outcome(syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", bytes, 0));
}
static int read_link(void)
{
    char text[64];
    return outcome(readlink("/proc/self/exe", text, sizeof text));
}
static int change_folder(void)
{
    return outcome(chdir("/"));
}
static int leave_root(void)
{
    return outcome(chroot("."));
}
static int read_medium_on(void) /* the descriptor is its, the call is not */
{
    char byte;
    return outcome(read(3, &byte, 1));
}
static int say_on_output(void)
{
    return outcome(write(1, "", 0));
}

/* ---- filling disk and memory ---- */

static int grow_slots(void)
{
    return outcome(write(5, "x", 1));
}
static int cut_slots(void)
{
    return exists(ftruncate(5, 0)); /* sealed as well */
}
static int reserve_slots(void)
{
    return exists(fallocate(5, 0, 0, INT64_C(1) << 40));
}
static int write_medium(void)
{
    return exists(write(3, "x", 1));
}
static int write_medium_at(void)
{
    return exists(pwrite(3, "x", 1, 0));
}
static int make_memory_file(void)
{
    return outcome(memfd_create("more", 0));
}
static int map_shared(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}
static int map_medium(void)
{
    void *memory = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 3, 0);
    return memory == MAP_FAILED ? errno : 0;
}
static int map_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}
static int turn_to_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}
static int duplicate(void)
{
    return outcome(dup(2));
}
static int duplicate_by_fcntl(void)
{
    return outcome(fcntl(2, F_DUPFD, 0));
}
static int make_pipe(void)
{
    int pair[2];
    return outcome(pipe(pair));
}
static int make_event(void)
{
    return outcome(syscall(SYS_eventfd2, 0, 0));
}
static int make_poll(void)
{
    return outcome(syscall(SYS_epoll_create1, 0));
}
static int make_shared_segment(void)
{
    return outcome(syscall(SYS_shmget, 0, 4096, 01600));
}
static int raise_limit(void)
{
    struct rlimit limit = {64, 64};
    return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}

/* ---- the network, and other ways out ---- */

static int socket_inet(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0));
}
static int socket_inet6(void)
{
    return outcome(socket(AF_INET6, SOCK_DGRAM, 0));
}
static int socket_unix(void)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int socket_netlink(void)
{
    return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}
static int socket_pair(void)
{
    int pair[2];
    return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}
static int connect_loopback(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM, 0); /* of a datagram: nothing is sent */
    if (fd < 0)
        fd = 4;
    return outcome(connect(fd, (const struct sockaddr *)&address, sizeof address));
}
static int connect_service(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};
    return exists(connect(4, (const struct sockaddr *)&address, sizeof address));
}
static int listen_for_others(void)
{
    return exists(listen(4, 1));
}
static int send_descriptor(void)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int pair[2] = {4, 4};
    int fd = 3;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair); /* to the parent where that fails */
    return outcome(sendmsg(pair[0], &message, MSG_NOSIGNAL));
}
static int receive_descriptor(void)
{
    struct msghdr message = {.msg_iovlen = 0};
    long got = recvmsg(4, &message, MSG_DONTWAIT);
    return got < 0 && errno != EAGAIN ? errno : 0;
}
static int talk_to_terminal(void)
{
    int bytes = 0;
    return outcome(ioctl(4, FIONREAD, &bytes));
}

/* ---- processes ---- */

static int end_child(pid_t pid)
{
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return outcome(pid);
}
static int fork_process(void)
{
    return end_child(fork());
}
static int fork_by_call(void)
{
    return end_child((pid_t)syscall(SYS_fork));
}
static int fork_by_vfork(void)
{
    pid_t pid = vfork();
    if (pid == 0)
        _exit(0);
    return end_child(pid);
}
static int clone_process(void)
{
    return end_child((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}
static int clone_namespace(void)
{
    return end_child((pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}
static int clone_new(void)
{
    uint64_t arguments[8] = {0, 0, 0, 0, SIGCHLD};
    return end_child((pid_t)syscall(SYS_clone3, arguments, sizeof arguments));
}
static int execute(void)
{
    char *const arguments[] = {"no", NULL};
    execve("/nonexistent", arguments, environ);
    return errno == ENOENT ? 0 : errno; /* it was looked for: the call is there */
}
static int execute_medium(void)
{
    char *const arguments[] = {"no", NULL};
    syscall(SYS_execveat, 3, "", arguments, environ, AT_EMPTY_PATH);
    return errno == EACCES || errno == ENOEXEC ? 0 : errno;
}
static int trace_parent(void)
{
    long result = ptrace(PTRACE_SEIZE, attempts_parent, NULL, NULL);
    return result < 0 && errno != EPERM ? errno : 0;
}
static int signal_parent(void)
{
    return outcome(kill(attempts_parent, 0));
}
static int signal_thread_of_parent(void)
{
    return outcome(syscall(SYS_tgkill, attempts_parent, attempts_parent, 0));
}
static int signal_all(void)
{
    return outcome(kill(-1, 0));
}
static int hold_parent(void)
{
    return outcome(syscall(SYS_pidfd_open, attempts_parent, 0));
}
static int limit_parent(void)
{
    struct rlimit limit;
    return outcome(prlimit(attempts_parent, RLIMIT_NOFILE, NULL, &limit));
}
static int read_parent(void)
{
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)attempts, 1};
    long got = process_vm_readv(attempts_parent, &here, 1, &there, 1, 0);
    return got < 0 && errno != EFAULT && errno != EPERM ? errno : 0;
}
static int write_parent(void)
{
    char byte = 0;
    struct iovec here = {&byte, 1};
    struct iovec there = {NULL, 1};
    long got = process_vm_writev(attempts_parent, &here, 1, &there, 1, 0);
    return got < 0 && errno != EFAULT && errno != EPERM ? errno : 0;
}
static int who_is_parent(void)
{
    return outcome(syscall(SYS_getppid));
}

/* ---- the kernel ---- */

static int ring(void)
{
    return exists(syscall(SYS_io_uring_setup, 0, NULL));
}
static int bpf(void)
{
    return exists(syscall(SYS_bpf, -1, NULL, 0));
}
static int key(void)
{
    return exists(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -1, 0));
}
static int perf(void)
{
    return exists(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}
static int fault(void)
{
    return exists(syscall(SYS_userfaultfd, -1));
}
static int mount_something(void)
{
    return exists(mount("none", "/nonexistent", "tmpfs", 0, NULL));
}
static int unmount(void)
{
    return exists(umount2("/nonexistent", 0));
}
static int new_namespaces(void)
{
    return exists(unshare(CLONE_NEWUSER));
}
static int other_namespace(void)
{
    return exists(setns(3, 0));
}
static int become_root(void)
{
    return exists(syscall(SYS_setuid, 0));
}
static int take_capabilities(void)
{
    return exists(syscall(SYS_capget, NULL, NULL));
}
static int be_traceable(void)
{
    return exists(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int outlive_parent(void)
{
    return exists(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
}
static int other_filter(void)
{
    return exists(syscall(SYS_seccomp, 99, 0, NULL));
}
static int other_personality(void)
{
    return exists(syscall(SYS_personality, 0xffffffff));
}
static int open_by_handle(void)
{
    return exists(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}
static int splice_pages(void)
{
    return exists(syscall(SYS_vmsplice, -1, NULL, 0, 0));
}
static int lock_memory(void)
{
    return exists(mlock(NULL, 0));
}
static int load_module(void)
{
    return exists(syscall(SYS_init_module, NULL, 0, NULL));
}
static int compare_processes(void)
{
    return exists(syscall(SYS_kcmp, attempts_parent, attempts_parent, 99, 0, 0));
}
static int be_first(void)
{
    return exists(syscall(SYS_sched_setscheduler, 0, -1, NULL));
}
static int watch_files(void)
{
    return exists(syscall(SYS_inotify_init1, -1));
}
static int unknown_call(void)
{
    return syscall(SYS_getpid) > 0 ? exists(syscall(100000)) : 0;
}

#define ATTEMPT(name)                                                                              \
    {                                                                                              \
#name, name                                                                                \
    }
const struct attempt attempts[] = {
    ATTEMPT(open_absolute),
    ATTEMPT(open_relative),
    ATTEMPT(open_root),
    ATTEMPT(open_old),
    ATTEMPT(open_new),
    ATTEMPT(open_own_memory),
    ATTEMPT(open_own_descriptor),
    ATTEMPT(make_file),
    ATTEMPT(look_at_file),
    ATTEMPT(read_link),
    ATTEMPT(change_folder),
    ATTEMPT(leave_root),
    ATTEMPT(read_medium_on),
    ATTEMPT(say_on_output),
    ATTEMPT(grow_slots),
    ATTEMPT(make_memory_file),
    ATTEMPT(cut_slots),
    ATTEMPT(reserve_slots),
    ATTEMPT(write_medium),
    ATTEMPT(write_medium_at),
    ATTEMPT(map_shared),
    ATTEMPT(map_medium),
    ATTEMPT(map_code),
    ATTEMPT(turn_to_code),
    ATTEMPT(duplicate),
    ATTEMPT(duplicate_by_fcntl),
    ATTEMPT(make_pipe),
    ATTEMPT(make_event),
    ATTEMPT(make_poll),
    ATTEMPT(make_shared_segment),
    ATTEMPT(raise_limit),
    ATTEMPT(socket_inet),
    ATTEMPT(socket_inet6),
    ATTEMPT(socket_unix),
    ATTEMPT(socket_netlink),
    ATTEMPT(socket_pair),
    ATTEMPT(connect_loopback),
    ATTEMPT(connect_service),
    ATTEMPT(listen_for_others),
    ATTEMPT(send_descriptor),
    ATTEMPT(receive_descriptor),
    ATTEMPT(talk_to_terminal),
    ATTEMPT(fork_process),
    ATTEMPT(fork_by_call),
    ATTEMPT(fork_by_vfork),
    ATTEMPT(clone_process),
    ATTEMPT(clone_namespace),
    ATTEMPT(clone_new),
    ATTEMPT(execute),
    ATTEMPT(execute_medium),
    ATTEMPT(trace_parent),
    ATTEMPT(signal_parent),
    ATTEMPT(signal_thread_of_parent),
    ATTEMPT(signal_all),
    ATTEMPT(hold_parent),
    ATTEMPT(limit_parent),
    ATTEMPT(read_parent),
    ATTEMPT(write_parent),
    ATTEMPT(who_is_parent),
    ATTEMPT(ring),
    ATTEMPT(bpf),
    ATTEMPT(key),
    ATTEMPT(perf),
    ATTEMPT(fault),
    ATTEMPT(mount_something),
    ATTEMPT(unmount),
    ATTEMPT(new_namespaces),
    ATTEMPT(other_namespace),
    ATTEMPT(become_root),
    ATTEMPT(take_capabilities),
    ATTEMPT(be_traceable),
    ATTEMPT(outlive_parent),
    ATTEMPT(other_filter),
    ATTEMPT(other_personality),
    ATTEMPT(open_by_handle),
    ATTEMPT(splice_pages),
    ATTEMPT(lock_memory),
    ATTEMPT(load_module),
    ATTEMPT(compare_processes),
    ATTEMPT(be_first),
    ATTEMPT(watch_files),
    ATTEMPT(unknown_call),
};
const size_t attempts_count = sizeof attempts / sizeof attempts[0];
