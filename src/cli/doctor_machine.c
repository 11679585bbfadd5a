/* The machine: what there is of cores, memory, descriptors, room, and the port. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "http/listen.h"
#include "util/limits.h"

#define MIB (INT64_C(1) << 20)
#define MEMORY_LOW (1024 * MIB)
#define ROOM_LOW (1024 * MIB)
#define ROOM_NONE (64 * MIB)
#define FILES_LOW 1024

static void say_cores(struct ori_doctor *doctor)
{
    cpu_set_t set;
    int64_t workers = doctor->settings->vp_max_workers;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    ori_doctor_say(doctor, workers > 2 * (int64_t)cores ? ORI_DOCTOR_WARN : ORI_DOCTOR_OK, "cores",
                   "more videos at once than the cores can decode: lower VP_MAX_WORKERS",
                   "%d for this process; %lld videos at once (VP_MAX_WORKERS)", cores,
                   (long long)workers);
}

/* A file of the kernel's, which says nothing of its length: "NAME: 123 kB" in one of its lines, or
 * without a name one number of bytes. -1: none. */
static int64_t number_in(const char *path, const char *name)
{
    char line[256];
    int64_t number = -1;
    size_t length = name ? strlen(name) : 0;
    FILE *file = fopen(path, "re");
    while (file && number < 0 && fgets(line, sizeof line, file)) {
        if (!name)
            number = strtoll(line, NULL, 10); /* "max" gives 0 */
        else if (strncmp(line, name, length) == 0 && line[length] == ':')
            number = strtoll(line + length + 1, NULL, 10) * 1024;
    }
    if (file)
        fclose(file);
    return number;
}

static void say_memory(struct ori_doctor *doctor)
{
    int64_t all = number_in("/proc/meminfo", "MemTotal");
    int64_t free_now = number_in("/proc/meminfo", "MemAvailable");
    int64_t most = number_in("/sys/fs/cgroup/memory.max", NULL);
    if (most > 0 && most < all)
        all = most;
    if (free_now > all)
        free_now = all;
    if (all < 0)
        ori_doctor_say(doctor, ORI_DOCTOR_WARN, "memory", "is /proc there?", "cannot be told");
    else
        ori_doctor_say(doctor, free_now < MEMORY_LOW ? ORI_DOCTOR_WARN : ORI_DOCTOR_OK, "memory",
                       "a decode process takes 100 MiB and more, a model up to several GiB",
                       "%lld MiB free of %lld", (long long)(free_now / MIB),
                       (long long)(all / MIB));
}

static void say_descriptors(struct ori_doctor *doctor)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    ori_doctor_say(doctor, limit.rlim_max < FILES_LOW ? ORI_DOCTOR_WARN : ORI_DOCTOR_OK,
                   "descriptors", "raise the hard limit (ulimit -Hn, LimitNOFILE= of the unit)",
                   "%llu at most", (unsigned long long)limit.rlim_max);
}

/* The folder itself, or the nearest one above it that is there. */
static void nearest(const char *path, char ret_folder[ORI_LIMIT_MAX_PATH_BYTES])
{
    snprintf(ret_folder, ORI_LIMIT_MAX_PATH_BYTES, "%s", path);
    while (access(ret_folder, F_OK) != 0 && errno == ENOENT) {
        char *slash = strrchr(ret_folder, '/');
        if (!slash || slash == ret_folder) {
            snprintf(ret_folder, ORI_LIMIT_MAX_PATH_BYTES, "%s", slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

static void say_folder(struct ori_doctor *doctor, const char *name, const char *path)
{
    char folder[ORI_LIMIT_MAX_PATH_BYTES];
    struct statvfs room;
    nearest(path, folder);
    if (access(folder, W_OK | X_OK) != 0) {
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, name,
                       "give this user the right to write there, or set another folder",
                       "%.300s: %s", path, strerror(errno));
        return;
    }
    if (statvfs(folder, &room) != 0) {
        ori_doctor_say(doctor, ORI_DOCTOR_WARN, name, "is the file system mounted?", "%.300s: %s",
                       path, strerror(errno));
        return;
    }
    int64_t bytes = (int64_t)(room.f_bavail * room.f_frsize);
    ori_doctor_say(doctor,
                   bytes < ROOM_NONE  ? ORI_DOCTOR_FAIL
                   : bytes < ROOM_LOW ? ORI_DOCTOR_WARN
                                      : ORI_DOCTOR_OK,
                   name, "make room: a minute of video leaves some MiB of frames",
                   "%.300s: can be written to, %lld MiB free%s", path, (long long)(bytes / MIB),
                   strcmp(folder, path) == 0 ? "" : " (not made yet)");
}

static void say_database(struct ori_doctor *doctor, const char *name, const char *path)
{
    char folder[ORI_LIMIT_MAX_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, name, "it belongs to another user", "%.300s: %s",
                       path, strerror(errno));
    else
        say_folder(doctor, name, slash ? folder : ".");
}

static void say_input(struct ori_doctor *doctor)
{
    const char *path = doctor->settings->vp_input_dir;
    bool is_there = access(path, R_OK | X_OK) == 0;
    ori_doctor_say(doctor, is_there ? ORI_DOCTOR_OK : ORI_DOCTOR_WARN, "VP_INPUT_DIR",
                   "`oriane serve` looks for videos there; `oriane run` does not need it",
                   "%.300s: %s", path, is_there ? "can be read" : strerror(errno));
}

static void say_port(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    bool is_loopback = true;
    int fd = -1;
    int port = 0;
    if (ori_listen(doctor->settings, &fd, &port, &is_loopback, &err) != ORI_OK) {
        ori_doctor_say(doctor, ORI_DOCTOR_WARN, "port",
                       "fine when that is `oriane serve` itself; else set API_PORT", "%s",
                       err.text);
        return;
    }
    close(fd);
    bool has_key = ori_secret_is_set(doctor->settings->api_key);
    ori_doctor_say(doctor, is_loopback || has_key ? ORI_DOCTOR_OK : ORI_DOCTOR_WARN, "port",
                   "reachable from other machines without a key: set API_KEY", "%s:%d is free%s",
                   doctor->settings->api_host, port,
                   is_loopback ? ", this machine alone"
                   : has_key   ? ", asks for a key"
                               : "");
}

void ori_doctor_machine(struct ori_doctor *doctor)
{
    const struct ori_settings *settings = doctor->settings;
    say_cores(doctor);
    say_memory(doctor);
    say_descriptors(doctor);
    say_folder(doctor, "VP_OUTPUT_DIR", settings->vp_output_dir);
    say_folder(doctor, "VP_FRAMES_DIR", settings->vp_frames_dir);
    say_folder(doctor, "VP_TMP_DIR", settings->vp_tmp_dir);
    say_database(doctor, "JOB_DB", settings->job_db);
    if (settings->qdrant_url[0] == '\0' || settings->local_mode)
        say_database(doctor, "VECTOR_DB", settings->vector_db);
    say_input(doctor);
    say_port(doctor);
}
