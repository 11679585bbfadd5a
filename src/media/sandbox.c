#include "media/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "media/child_proto.h"

/* Sanitizers look at /proc, map terabytes and start a process to find leaks. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_WIDE 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_WIDE 1
#endif
#ifndef IS_WIDE
#define IS_WIDE 0
#endif

#define FD_LAST ORI_CHILD_FD_MEMORY
#define FD_LOOKED_AT 1024 /* where there is no /proc */
/* What is mapped beside memory that is written to: stacks and arenas that threads set aside. */
#define SPACE_BESIDE (INT64_C(1) << 30)
#define OOM_SCORE "500" /* of 1000: well before the parent, and before most of what else runs */

static ori_status refuse(struct ori_error *err, const char *what)
{
    return ori_error_set(err, ORI_SANDBOX, "%s: %s", what, strerror(errno));
}

/* ---- what was left open ---- */

static ori_status left_open(int fd, struct ori_error *err)
{
    return ori_error_set(err, ORI_SANDBOX, "descriptor %d was left open", fd);
}

/* What the driver of a GPU keeps: its devices, and what wakes its threads. */
static bool is_of_gpu(int fd)
{
    static const char *const kinds[] = {"/dev/nvidia", "anon_inode:", "pipe:"};
    char link[32];
    char target[64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, target, sizeof target - 1) < 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(target, kinds[i], strlen(kinds[i])) == 0)
            return true;
    }
    return false;
}

static ori_status check_by_number(struct ori_error *err)
{
    for (int fd = FD_LAST + 1; fd < FD_LOOKED_AT; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            return left_open(fd, err);
    }
    return ORI_OK;
}

static ori_status check_descriptors(bool has_gpu, struct ori_error *err)
{
    DIR *folder = opendir("/proc/self/fd");
    ori_status status = ORI_OK;
    if (!folder)
        return check_by_number(err);
    for (struct dirent *entry = readdir(folder); entry && status == ORI_OK;
         entry = readdir(folder)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (fd > FD_LAST && fd != dirfd(folder) && !(has_gpu && is_of_gpu(fd)))
            status = left_open(fd, err);
    }
    closedir(folder);
    return status;
}

/* Open for reading, or memory that is sealed against writing. */
static bool is_read_only(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
        return true;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE);
}

static ori_status check_inheritance(bool has_gpu, struct ori_error *err)
{
    if (!is_read_only(ORI_CHILD_FD_MEDIUM))
        return ori_error_set(err, ORI_SANDBOX, "the medium is not open for reading alone");
    if (environ && environ[0])
        return ori_error_set(err, ORI_SANDBOX, "the environment is not empty");
    return check_descriptors(has_gpu, err);
}

/* ---- what it is to the kernel ---- */

/* Whoever runs out of memory, the decoder of a stranger's video goes first. A kernel without that
 * file has other ideas, and may. */
static void offer_for_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, OOM_SCORE, sizeof OOM_SCORE - 1);
    close(fd);
}

/* A file system of its own, with nothing in it, becomes the root. /dev is a folder that is there.
 * What the machine unmounts goes here too; nothing of ours goes out. */
static bool empty_the_root(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
           mount("none", "/dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                 "size=4k,nr_inodes=1,mode=555") == 0 &&
           chroot("/dev") == 0 && chdir("/") == 0;
}

/* A process namespace would take one more fork, and what it hides cannot be reached anyway: no call
 * that names a process is on the list. Without a user namespace only root gets the others. */
static void leave_namespaces(struct ori_sandbox_facts *facts)
{
    const int others = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS;
    facts->has_namespaces = unshare(CLONE_NEWUSER | others) == 0 || unshare(others) == 0;
    if (facts->has_namespaces)
        facts->has_empty_root = empty_the_root();
}

static ori_status drop_privileges(struct ori_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0)
        return refuse(err, "capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse(err, "no new privileges");
    if (!IS_WIDE && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return refuse(err, "being traced");
    /* The kernel forgets it when credentials change. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return refuse(err, "dying with the parent");
    return ORI_OK;
}

/* ---- limits ---- */

static int64_t space_bytes(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 ? strtoll(text, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

struct limit {
    int what;
    const char *name;
    rlim_t most;
    rlim_t beside; /* how far the limit that cannot be undone lies above */
};

/* A limit that was lower before stays. */
static ori_status set_limits(const struct limit *limits, size_t count, struct ori_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct rlimit limit;
        if (getrlimit(limits[i].what, &limit) != 0)
            return refuse(err, limits[i].name);
        if (limit.rlim_max > limits[i].most + limits[i].beside)
            limit.rlim_max = limits[i].most + limits[i].beside;
        limit.rlim_cur = limit.rlim_max < limits[i].most ? limit.rlim_max : limits[i].most;
        if (setrlimit(limits[i].what, &limit) != 0)
            return refuse(err, limits[i].name);
    }
    return ORI_OK;
}

/* Not here: RLIMIT_NPROC, which counts threads of the same user in other programs. No process can be
 * made, and threads cost memory and processor time, which are bounded. */
static ori_status limit_resources(const struct ori_sandbox_options *options, int64_t space,
                                  struct ori_error *err)
{
    const struct limit always[] = {{RLIMIT_FSIZE, "size of files", 0, 0},
                                   {RLIMIT_CORE, "core dumps", 0, 0},
                                   {RLIMIT_MEMLOCK, "locked memory", 0, 0},
                                   {RLIMIT_MSGQUEUE, "message queues", 0, 0}};
    /* a sanitizer maps terabytes, and opens files */
    const struct limit plain[] = {{RLIMIT_NOFILE, "descriptors", FD_LAST + 1, 0}};
    ori_status status = set_limits(always, sizeof always / sizeof always[0], err);
    if (status == ORI_OK && options->cpu_seconds > 0) {
        /* SIGXCPU, which says why; and SIGKILL for who does not listen */
        const struct limit time = {RLIMIT_CPU, "processor time", (rlim_t)options->cpu_seconds, 2};
        status = set_limits(&time, 1, err);
    }
    if (status != ORI_OK || IS_WIDE || options->has_gpu)
        return status;
    status = set_limits(plain, sizeof plain / sizeof plain[0], err);
    if (status == ORI_OK && options->memory_bytes > 0) {
        const struct limit data = {RLIMIT_DATA, "memory", (rlim_t)options->memory_bytes, 0};
        status = set_limits(&data, 1, err);
    }
    if (status == ORI_OK && options->memory_bytes > 0 && space > 0) {
        const struct limit all = {RLIMIT_AS, "address space",
                                  (rlim_t)(space + options->memory_bytes + SPACE_BESIDE), 0};
        status = set_limits(&all, 1, err);
    }
    return status;
}

/* ---- the list of system calls ---- */

#define CALL(name) SCMP_SYS(name)

/* Whatever their arguments: they touch nothing but the process itself. */
static const int calls[] = {
    /* memory; mmap and mprotect have rules */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
    /* threads, and what they ask of the machine */
    CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(sched_yield), CALL(sched_getaffinity),
    CALL(getpid), CALL(gettid), CALL(getcpu), CALL(sysinfo),
    /* time, chance, sleep */
    CALL(clock_gettime), CALL(gettimeofday), CALL(time), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(restart_syscall), CALL(getrandom),
    /* the end, in order or by abort */
    CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(rt_sigreturn), CALL(sigaltstack), CALL(exit),
    CALL(exit_group)};

/* What a sanitizer needs beside: reading /proc, and the process that looks for leaks. */
static const int wide_calls[] = {
    CALL(openat),     CALL(open),           CALL(read),
    CALL(close),      CALL(fstat),          CALL(readlink),
    CALL(lseek),      CALL(newfstatat),     CALL(getdents64),
    CALL(mmap),       CALL(mprotect),       CALL(clone),
    CALL(ptrace),     CALL(wait4),          CALL(prctl),
    CALL(kill),       CALL(tgkill),         CALL(process_vm_readv),
    CALL(readlinkat), CALL(prlimit64),      CALL(getrlimit),
    CALL(getppid),    CALL(sched_getparam), CALL(pipe2),
    CALL(write),      CALL(getdents),       CALL(dup),
    CALL(ioctl),      CALL(uname),          CALL(stat),
};

/* A call that is allowed when (argument & mask) == value: the lower half of a register is what the
 * kernel looks at where it wants an int. */
struct rule {
    int call;
    unsigned argument;
    scmp_datum_t mask;
    scmp_datum_t value;
};

#define INT_MASK UINT32_MAX
/* As glibc's pthread_create has them: the same memory, files and process, no new namespace. */
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD |            \
     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static const struct rule rules[] = {
    {CALL(pread64), 0, INT_MASK, ORI_CHILD_FD_MEDIUM},
    {CALL(recvfrom), 0, INT_MASK, ORI_CHILD_FD_SOCKET}, /* not recvmsg: no descriptor comes in */
    {CALL(sendto), 0, INT_MASK, ORI_CHILD_FD_SOCKET},   /* not sendmsg: none goes out */
    {CALL(write), 0, INT_MASK, STDERR_FILENO},
    {CALL(writev), 0, INT_MASK, STDERR_FILENO},
    {CALL(mprotect), 2, PROT_EXEC, 0},
    {CALL(prctl), 0, INT_MASK, PR_SET_NAME}, /* decoders name their threads */
    {CALL(clone), 0, INT_MASK, THREAD_FLAGS},
};

static int allow(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    for (size_t i = 0; IS_WIDE && i < sizeof wide_calls / sizeof wide_calls[0] && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, wide_calls[i], 0);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && !failed; i++)
        failed = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, rules[i].call, 1,
            SCMP_CMP(rules[i].argument, SCMP_CMP_MASKED_EQ, rules[i].mask, rules[i].value));
    /* Memory of its own alone: shared memory would not count, a file would be a way to read. */
    if (!failed)
        failed = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, CALL(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS));
    /* abort says it to its own process */
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, (scmp_datum_t)getpid()));
    return failed;
}

/* What the driver of a GPU does beside, with its own descriptors alone. All of ours lie below them, and
 * the rest of the register is looked at too: descriptors 6 and 7, then 8 to 15, 16 to 31, up to 1023. */
static int allow_gpu(scmp_filter_ctx filter)
{
    const int of_gpu[] = {CALL(ioctl), CALL(read), CALL(write), CALL(close)};
    const int waits[] = {CALL(poll), CALL(ppoll), CALL(getrusage)};
    int failed = 0;
    for (scmp_datum_t first = FD_LAST + 1; first < FD_LOOKED_AT && !failed;
         first = first < 8 ? 8 : 2 * first) {
        const scmp_datum_t mask = ~(first < 8 ? 1 : first - 1);
        for (size_t i = 0; i < sizeof of_gpu / sizeof of_gpu[0] && !failed; i++)
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, of_gpu[i], 1,
                                      SCMP_A0(SCMP_CMP_MASKED_EQ, mask, first));
        if (!failed) /* its devices' memory */
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 2,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                      SCMP_A4(SCMP_CMP_MASKED_EQ, mask, first));
    }
    for (size_t i = 0; i < sizeof waits / sizeof waits[0] && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, waits[i], 0);
    return failed;
}

/* What is asked for in good faith, and answered even where a breach kills. glibc asks for clone3, whose
 * flags a filter cannot see, before clone. It looks for a file of the time zone when a container tells
 * a date, and for code pages when a transport stream tells the name of its station: both do without. */
static int answer(scmp_filter_ctx filter)
{
    const int asked[] = {CALL(clone3), CALL(openat)};
    int failed = 0;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0] && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), asked[i], 0);
    return failed;
}

static int set_attributes(scmp_filter_ctx filter)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!failed) /* also the threads that a library may have started */
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* Older kernels slow a filtered process down against its own speculation; it keeps no secret
     * from itself. */
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return failed;
}

static ori_status filter_calls(const struct ori_sandbox_options *options, struct ori_error *err)
{
    const enum ori_sandbox_answer breach = options->answer;
    /* ENOSYS, not EPERM: libraries know what to do on a kernel that lacks a call. */
    scmp_filter_ctx filter =
        seccomp_init(breach == ORI_SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return ori_error_set(err, ORI_NOMEM, "list of system calls");
    int failed = set_attributes(filter);
    if (!failed)
        failed = allow(filter);
    if (!failed && options->has_gpu)
        failed = allow_gpu(filter);
    if (!failed && breach == ORI_SANDBOX_KILL && !IS_WIDE)
        failed = answer(filter);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed)
        return ori_error_set(err, ORI_SANDBOX, "list of system calls: %s", strerror(-failed));
    return ORI_OK;
}

ori_status ori_sandbox_enter(const struct ori_sandbox_options *options,
                             struct ori_sandbox_facts *ret_facts, struct ori_error *err)
{
    ORI_ASSERT(options);
    struct ori_sandbox_facts facts = {.is_wide = IS_WIDE};
    ori_status status = check_inheritance(options->has_gpu, err);
    if (status != ORI_OK)
        return status;
    int64_t space = space_bytes();
    offer_for_oom();
    if (!IS_WIDE)
        leave_namespaces(&facts);
    status = drop_privileges(err);
    if (status == ORI_OK)
        status = limit_resources(options, space, err);
    if (status == ORI_OK)
        status = filter_calls(options, err);
    if (status == ORI_OK && ret_facts)
        *ret_facts = facts;
    return status;
}
