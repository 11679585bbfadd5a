/* tests/inject/inject.c: a library for LD_PRELOAD that lets calls of the program fail on demand.
 * What it knows  a site: one place in the program's own code, or in SQLite's, that calls one of the functions
 *                below; told by the return address. Sites and their hits stand in a file that tests/e2e/inject.py
 *                maps too (its layout is struct control), under ORIANE_INJECT in the environment
 * Modes          record alone; a site fails on its n-th hit; the n-th write and all after it find the disk full;
 *                calls that may wait for long return EINTR twice before they work; files are read and written in small pieces;
 *                and, in any mode, a wall clock that is off by as much as the file says
 * Decode child   its environment is empty, so posix_spawn hands this library down here; the child then forgets
 *                the variables again. The map stays when its descriptor is closed, so it works behind the walls
 * Not here       calls of libraries other than SQLite: their failures are theirs; what cannot fail: wakeups by
 *                eventfd, flags of a descriptor, values bound to a statement without a copy, close */
#undef _FILE_OFFSET_BITS /* the names are the linker's: open64 is open64 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <zlib.h>

enum { SITES_MAX = 8192, NAME_BYTES = 32, PIECE_BYTES = 7 };
enum mode { RECORD, FAIL, DISK_FULL, INTERRUPT, SHORT };
enum place { PROGRAM, CHILD, SQLITE, NOWHERE };
enum trait {
    PLAIN = 0,
    INTERRUPTIBLE = 1,
    TAKES_SPACE = 2,
    OURS = 4 /* SQLite's own calls of it are no sites: memory, and SQLite itself */
};

struct site {
    _Atomic uint64_t key; /* place << 48 | offset of the return address in its file; 0: free */
    _Atomic uint64_t hits;
    char name[NAME_BYTES];
};

/* The file. What is not said to be the test's is written here. */
struct control {
    uint64_t mode;            /* the test's */
    uint64_t target;          /* the test's: index of the site */
    uint64_t first;           /* the test's: first hit that fails, from 1 */
    uint64_t times;           /* the test's: how many hits fail from there */
    _Atomic uint64_t count;   /* hits of the target, or writes, since the test put it to 0 */
    _Atomic uint64_t failed;  /* calls that were failed */
    _Atomic int64_t clock_ns; /* the test's: how far the wall clock is off */
    _Atomic uint64_t lost;    /* sites past SITES_MAX */
    struct site sites[SITES_MAX];
};

struct range {
    uintptr_t base, begin, end;
};

static struct control *control;
static bool is_child;
static struct range program, sqlite;

static bool is_within(const struct range *range, uintptr_t address)
{
    return address >= range->begin && address < range->end;
}

static int note_code(struct dl_phdr_info *info, size_t bytes, void *self)
{
    (void)bytes;
    (void)self;
    struct range *range = &sqlite;
    if (!info->dlpi_name[0] && !program.base)
        range = &program; /* the first one is the program */
    else if (!strstr(info->dlpi_name, "libsqlite3"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_LOAD && header->p_flags & PF_X)
            *range = (struct range){info->dlpi_addr, info->dlpi_addr + header->p_vaddr,
                                    info->dlpi_addr + header->p_vaddr + header->p_memsz};
    }
    return 0;
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    const char *path = getenv("ORIANE_INJECT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    dl_iterate_phdr(note_code, NULL);
    is_child = argc > 1 && strcmp(argv[1], "decode") == 0;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        abort();
    if (is_child)
        clearenv();
    control = map;
}

/* The caller's site, made new if need be; SITES_MAX: not ours. */
static uint64_t site_of(const char *name, uintptr_t address, int traits)
{
    enum place place = is_child ? CHILD : PROGRAM;
    const struct range *range = &program;
    if (!is_within(range, address)) {
        range = &sqlite;
        place = SQLITE;
        if (!is_within(range, address) || traits & OURS || is_child)
            return SITES_MAX;
    }
    const uint64_t key = (uint64_t)place << 48 | (address - range->base);
    for (uint64_t n = 0; n < SITES_MAX; n++) {
        uint64_t i = (key * 0x9e3779b97f4a7c15u + n) % SITES_MAX;
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&control->sites[i].key, &found, key))
            strncpy(control->sites[i].name, name, NAME_BYTES - 1);
        else if (found != key)
            continue;
        atomic_fetch_add(&control->sites[i].hits, 1);
        return i;
    }
    atomic_fetch_add(&control->lost, 1);
    return SITES_MAX;
}

static bool is_due(void)
{
    const uint64_t n = atomic_fetch_add(&control->count, 1) + 1;
    return n >= control->first && n - control->first < control->times;
}

/* Whether this call fails; *value is the errno, changed where a mode has one of its own. */
static bool is_failing(const char *name, void *address, int traits, int *value)
{
    static _Thread_local unsigned char tries[SITES_MAX];
    if (!control)
        return false;
    const uint64_t site = site_of(name, (uintptr_t)address, traits);
    bool failing = false;
    if (site == SITES_MAX)
        return false;
    if (control->mode == FAIL && site == control->target)
        failing = is_due();
    else if (control->mode == DISK_FULL && traits & TAKES_SPACE) {
        failing = is_due();
        *value = ENOSPC;
    } else if (control->mode == INTERRUPT && traits & INTERRUPTIBLE &&
               is_within(&program, (uintptr_t)address)) {
        failing = tries[site]++ % 3 != 2;
        *value = EINTR;
    }
    if (failing)
        atomic_fetch_add(&control->failed, 1);
    return failing;
}

/* A smaller number of bytes for a regular file, in that mode. */
static size_t piece(int fd, void *address, size_t bytes)
{
    struct stat64 facts;
    if (!control || control->mode != SHORT || bytes <= PIECE_BYTES ||
        !is_within(&program, (uintptr_t)address) || fstat64(fd, &facts) != 0 ||
        !S_ISREG(facts.st_mode))
        return bytes;
    atomic_fetch_add(&control->failed, 1);
    return bytes > 4096 ? bytes / 2 : PIECE_BYTES;
}

/* Neither a file nor a socket nor a pipe: an eventfd, a signalfd. */
static bool is_anonymous(int fd)
{
    struct stat64 facts;
    return control && fstat64(fd, &facts) == 0 && (facts.st_mode & S_IFMT) == 0;
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    real = next(#name)

/* A function that returns `failure`, with errno set. */
#define CALL(type, name, parameters, arguments, failure, value, traits)                            \
    type name parameters                                                                           \
    {                                                                                              \
        int number = value;                                                                        \
        if (is_failing(#name, __builtin_return_address(0), traits, &number)) {                     \
            errno = number;                                                                        \
            return failure;                                                                        \
        }                                                                                          \
        REAL(name);                                                                                \
        return real arguments;                                                                     \
    }

/* One whose result is the number of the error. */
#define CODE(name, parameters, arguments, code)                                                    \
    int name parameters                                                                            \
    {                                                                                              \
        int number = code;                                                                         \
        if (is_failing(#name, __builtin_return_address(0), OURS, &number))                         \
            return number;                                                                         \
        REAL(name);                                                                                \
        return real arguments;                                                                     \
    }

/* Memory. glibc's own names for the first three: dlsym allocates. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *data, size_t bytes);

#define ALLOCATE(name, real, parameters, arguments)                                                \
    void *name parameters                                                                          \
    {                                                                                              \
        int number = ENOMEM;                                                                       \
        if (is_failing(#name, __builtin_return_address(0), OURS, &number)) {                       \
            errno = number;                                                                        \
            return NULL;                                                                           \
        }                                                                                          \
        return real arguments;                                                                     \
    }
ALLOCATE(malloc, __libc_malloc, (size_t bytes), (bytes))
ALLOCATE(calloc, __libc_calloc, (size_t count, size_t bytes), (count, bytes))
ALLOCATE(realloc, __libc_realloc, (void *data, size_t bytes), (data, bytes))
CALL(void *, reallocarray, (void *data, size_t count, size_t bytes), (data, count, bytes), NULL,
     ENOMEM, OURS)
CALL(void *, aligned_alloc, (size_t edge, size_t bytes), (edge, bytes), NULL, ENOMEM, OURS)
CALL(char *, strdup, (const char *text), (text), NULL, ENOMEM, OURS)
CALL(char *, strndup, (const char *text, size_t bytes), (text, bytes), NULL, ENOMEM, OURS)
CODE(posix_memalign, (void **data, size_t edge, size_t bytes), (data, edge, bytes), ENOMEM)

int __asprintf_chk(char **ret_text, int flag, const char *format, ...);
int __asprintf_chk(char **ret_text, int flag, const char *format, ...)
{
    int number = ENOMEM;
    (void)flag;
    if (is_failing("asprintf", __builtin_return_address(0), OURS, &number)) {
        errno = number;
        return -1;
    }
    va_list list;
    va_start(list, format);
    int bytes = vasprintf(ret_text, format, list);
    va_end(list);
    return bytes;
}

/* Files. */
int open64(const char *path, int flags, ...)
{
    int number = EMFILE;
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (is_failing("open", __builtin_return_address(0), PLAIN, &number)) {
        errno = number;
        return -1;
    }
    REAL(open64);
    return real(path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    int number = EMFILE;
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (is_failing("openat", __builtin_return_address(0), PLAIN, &number)) {
        errno = number;
        return -1;
    }
    REAL(openat64);
    return real(folder, path, flags, mode);
}

int fcntl64(int fd, int command, ...)
{
    int number = EMFILE;
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    if (command != F_GETFD && command != F_GETFL &&
        is_failing("fcntl", __builtin_return_address(0), PLAIN, &number)) {
        errno = number;
        return -1;
    }
    REAL(fcntl64);
    return real(fd, command, argument);
}

/* write, pwrite and read, pread: with small pieces. */
#define PIECEWISE(name, parameters, arguments, value, traits)                                      \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        int number = value;                                                                        \
        if (!is_anonymous(fd) &&                                                                   \
            is_failing(#name, __builtin_return_address(0), traits, &number)) {                     \
            errno = number;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        bytes = piece(fd, __builtin_return_address(0), bytes);                                     \
        REAL(name);                                                                                \
        return real arguments;                                                                     \
    }
PIECEWISE(read, (int fd, void *data, size_t bytes), (fd, data, bytes), EIO, INTERRUPTIBLE)
PIECEWISE(pread64, (int fd, void *data, size_t bytes, off64_t offset), (fd, data, bytes, offset),
          EIO, INTERRUPTIBLE)
PIECEWISE(write, (int fd, const void *data, size_t bytes), (fd, data, bytes), ENOSPC,
          INTERRUPTIBLE | (fd > STDERR_FILENO ? TAKES_SPACE : 0))
PIECEWISE(pwrite64, (int fd, const void *data, size_t bytes, off64_t offset),
          (fd, data, bytes, offset), ENOSPC, INTERRUPTIBLE | TAKES_SPACE)

CALL(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, EMFILE, PLAIN)
CALL(int, fsync, (int fd), (fd), -1, EIO, INTERRUPTIBLE | TAKES_SPACE)
CALL(int, fdatasync, (int fd), (fd), -1, EIO, INTERRUPTIBLE | TAKES_SPACE)
CALL(int, ftruncate64, (int fd, off64_t bytes), (fd, bytes), -1, ENOSPC,
     bytes ? TAKES_SPACE : PLAIN)
CALL(int, rename, (const char *from, const char *to), (from, to), -1, EIO, PLAIN)
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, ENOSPC,
     PLAIN)
CALL(int, unlink, (const char *path), (path), -1, EIO, PLAIN)
CALL(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), -1, EIO,
     PLAIN)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC, TAKES_SPACE)
CALL(int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), -1, ENOSPC,
     TAKES_SPACE)
CALL(int, symlink, (const char *to, const char *path), (to, path), -1, ENOSPC, TAKES_SPACE)
CALL(int, fstat64, (int fd, struct stat64 *facts), (fd, facts), -1, EIO, PLAIN)
CALL(int, fstatat64, (int folder, const char *path, struct stat64 *facts, int flags),
     (folder, path, facts, flags), -1, EIO, PLAIN)
CALL(int, stat64, (const char *path, struct stat64 *facts), (path, facts), -1, EIO, PLAIN)
CALL(int, statvfs64, (const char *path, struct statvfs64 *facts), (path, facts), -1, EIO, PLAIN)
CALL(int, futimens, (int fd, const struct timespec times[2]), (fd, times), -1, EIO, PLAIN)
CALL(int, access, (const char *path, int mode), (path, mode), -1, EIO, PLAIN)
CALL(ssize_t, readlink, (const char *path, char *to, size_t bytes), (path, to, bytes), -1, EIO,
     PLAIN)
CALL(char *, realpath, (const char *path, char *to), (path, to), NULL, ENOMEM, PLAIN)
CALL(DIR *, opendir, (const char *path), (path), NULL, EMFILE, PLAIN)
CALL(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM, PLAIN)
CALL(struct dirent64 *, readdir64, (DIR * folder), (folder), NULL, EIO, PLAIN)
CALL(int, flock, (int fd, int operation), (fd, operation), -1, ENOLCK,
     operation &LOCK_NB ? PLAIN : INTERRUPTIBLE)
CALL(int, mkostemp64, (char *path, int flags), (path, flags), -1, EMFILE, PLAIN)
CALL(void *, mmap64, (void *at, size_t bytes, int protection, int flags, int fd, off64_t offset),
     (at, bytes, protection, flags, fd, offset), MAP_FAILED, ENOMEM, PLAIN)
CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE, PLAIN)

/* Sockets, waiting, other descriptors. */
CALL(int, socket, (int family, int type, int protocol), (family, type, protocol), -1, EMFILE, PLAIN)
CALL(int, socketpair, (int family, int type, int protocol, int pair[2]),
     (family, type, protocol, pair), -1, EMFILE, PLAIN)
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t bytes), (fd, address, bytes), -1,
     EADDRINUSE, PLAIN)
CALL(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE, PLAIN)
CALL(int, getsockname, (int fd, struct sockaddr *address, socklen_t *bytes), (fd, address, bytes),
     -1, ENOBUFS, PLAIN)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t bytes),
     (fd, level, name, value, bytes), -1, ENOBUFS, PLAIN)
CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *bytes),
     (fd, level, name, value, bytes), -1, ENOBUFS, PLAIN)
CALL(ssize_t, recv, (int fd, void *data, size_t bytes, int flags), (fd, data, bytes, flags), -1,
     ENOMEM, INTERRUPTIBLE)
CALL(ssize_t, send, (int fd, const void *data, size_t bytes, int flags), (fd, data, bytes, flags),
     -1, ENOBUFS, INTERRUPTIBLE)
CALL(ssize_t, sendto,
     (int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to,
      socklen_t length),
     (fd, data, bytes, flags, to, length), -1, ENOBUFS, INTERRUPTIBLE)
CALL(ssize_t, sendfile64, (int to, int from, off64_t *offset, size_t bytes),
     (to, from, offset, bytes), -1, EIO, PLAIN)
CALL(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms), -1,
     ENOMEM, INTERRUPTIBLE)
CALL(int, eventfd, (unsigned value, int flags), (value, flags), -1, EMFILE, PLAIN)
CALL(int, pipe2, (int pair[2], int flags), (pair, flags), -1, EMFILE, PLAIN)
CALL(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags), -1, EMFILE, PLAIN)
CALL(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags), -1, EMFILE, PLAIN)
CALL(int, dup2, (int from, int to), (from, to), -1, EMFILE, PLAIN)
CODE(getaddrinfo,
     (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found),
     (host, service, hints, found), EAI_MEMORY)

/* Threads and processes; waiting for one never fails but by a signal. */
CODE(pthread_create,
     (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *self),
     (thread, how, run, self), EAGAIN)
CALL(pid_t, fork, (void), (), -1, EAGAIN, PLAIN)
pid_t waitpid(pid_t pid, int *status, int options)
{
    int number = EINTR;
    if (control && control->mode == INTERRUPT &&
        is_failing("waitpid", __builtin_return_address(0), INTERRUPTIBLE, &number)) {
        errno = number;
        return -1;
    }
    REAL(waitpid);
    return real(pid, status, options);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[],
                char *const environment[])
{
    static char preload[4096], file[4096];
    char *const handed[] = {preload, file, NULL};
    int number = EAGAIN;
    if (is_failing("posix_spawn", __builtin_return_address(0), PLAIN, &number))
        return number;
    if (control && !environment[0]) {
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
        snprintf(file, sizeof file, "ORIANE_INJECT=%s", getenv("ORIANE_INJECT"));
        environment = handed;
    }
    REAL(posix_spawn);
    return real(pid, path, actions, attributes, arguments, environment);
}
CODE(posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions), (actions), ENOMEM)
CODE(posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t * actions, int from, int to),
     (actions, from, to), ENOMEM)
CODE(posix_spawn_file_actions_addclosefrom_np, (posix_spawn_file_actions_t * actions, int from),
     (actions, from), ENOMEM)
CODE(posix_spawnattr_init, (posix_spawnattr_t * attributes), (attributes), ENOMEM)

/* The child's walls. */
CALL(int, setrlimit64, (__rlimit_resource_t what, const struct rlimit64 *limit), (what, limit), -1,
     EPERM, PLAIN)
CALL(int, unshare, (int flags), (flags), -1, EPERM, PLAIN)
CALL(int, chroot, (const char *path), (path), -1, EPERM, PLAIN)
CALL(int, chdir, (const char *path), (path), -1, EACCES, PLAIN)
CALL(int, nice, (int step), (step), -1, EPERM, PLAIN)
int close_range(unsigned first, unsigned last, int flags);
CALL(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags), -1, ENOSYS,
     PLAIN)
CALL(ssize_t, getrandom, (void *data, size_t bytes, unsigned flags), (data, bytes, flags), -1,
     ENOSYS, PLAIN)
CALL(void *, dlopen, (const char *path, int mode), (path, mode), NULL, 0, PLAIN)

/* SQLite, from the program. A handle that could not be opened is given all the same. */
int sqlite3_open_v2(const char *path, sqlite3 **ret_base, int flags, const char *system)
{
    int number = SQLITE_CANTOPEN;
    bool failing = is_failing("sqlite3_open_v2", __builtin_return_address(0), OURS, &number);
    REAL(sqlite3_open_v2);
    int code = real(path, ret_base, flags, system);
    return failing ? number : code;
}
CODE(sqlite3_exec,
     (sqlite3 * base, const char *text, int (*each)(void *, int, char **, char **), void *self,
      char **ret_error),
     (base, text, each, self, ret_error), SQLITE_IOERR)
CODE(sqlite3_prepare_v2,
     (sqlite3 * base, const char *text, int bytes, sqlite3_stmt **ret, const char **rest),
     (base, text, bytes, ret, rest), SQLITE_NOMEM)
CODE(sqlite3_prepare_v3,
     (sqlite3 * base, const char *text, int bytes, unsigned flags, sqlite3_stmt **ret,
      const char **rest),
     (base, text, bytes, flags, ret, rest), SQLITE_NOMEM)
CODE(sqlite3_step, (sqlite3_stmt * statement), (statement), SQLITE_IOERR)
CODE(sqlite3_wal_checkpoint_v2,
     (sqlite3 * base, const char *name, int how, int *ret_log, int *ret_done),
     (base, name, how, ret_log, ret_done), SQLITE_IOERR)
CODE(deflateInit2_,
     (z_streamp stream, int level, int method, int bits, int memory, int strategy,
      const char *version, int bytes),
     (stream, level, method, bits, memory, strategy, version, bytes), Z_MEM_ERROR)

/* The wall clock, for everybody in the process. */
int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    REAL(clock_gettime);
    const int code = real(clock, ret_now);
    if (code == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret_now->tv_sec += control->clock_ns / 1000000000;
    return code;
}

time_t time(time_t *ret_now)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}
