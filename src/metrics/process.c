/* The process and its machine, read from the kernel at each look: names and meanings as Prometheus'
 * own client libraries have them. What cannot be read is left out of the page. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "metrics/metrics_priv.h"
#include "util/clock.h"
#include "util/fs.h"

#define STAT_BYTES_MAX 4096
#define NET_BYTES_MAX 65536 /* some five hundred interfaces; what is behind is not counted */

/* Fields of /proc/self/stat behind the name in parentheses: proc(5) numbers them from 3. */
#define STAT_THREADS (20 - 3)
#define STAT_START (22 - 3)

/* The text of a file of the kernel, NUL-terminated. */
static bool read_text(const char *path, char *text, size_t size)
{
    size_t bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_read = ori_fs_read_at(fd, 0, text, size - 1, &bytes, NULL) == ORI_OK;
    close(fd);
    text[is_read ? bytes : 0] = '\0';
    return is_read;
}

/* The number in that field, counted from 0 by blanks; -1: there is none. */
static double field_of(const char *text, int field)
{
    for (; field > 0; field--) {
        text += strspn(text, " ");
        text += strcspn(text, " \n");
    }
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    return end == text ? -1 : (double)value;
}

static double stat_field(int field)
{
    char text[STAT_BYTES_MAX];
    if (!read_text("/proc/self/stat", text, sizeof text))
        return -1;
    char *name_end = strrchr(text, ')');
    return name_end ? field_of(name_end + 1, field) : -1;
}

double ori_process_start_seconds(void)
{
    struct timespec boot = {0};
    double ticks = stat_field(STAT_START);
    long hertz = sysconf(_SC_CLK_TCK);
    if (ticks < 0 || hertz <= 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    double age = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - ticks / (double)hertz;
    return (double)ori_clock_wall_us() / 1e6 - age;
}

static double cpu_seconds(int who)
{
    struct rusage usage = {0};
    getrusage(who, &usage); /* fails for unknown values of who alone */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double open_descriptors(void)
{
    double count = -1; /* the one of the listing itself */
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return -1;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void render_memory(struct ori_buf *page)
{
    char text[STAT_BYTES_MAX];
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (!read_text("/proc/self/statm", text, sizeof text) || page_bytes <= 0)
        return;
    double all = field_of(text, 0);
    double resident = field_of(text, 1);
    if (resident < 0)
        return;
    ori_metrics_write_plain(page, "process_virtual_memory_bytes", "gauge",
                            "address space of the server process", all * (double)page_bytes);
    ori_metrics_write_plain(page, "process_resident_memory_bytes", "gauge",
                            "memory of the server process; its decode processes have their own",
                            resident * (double)page_bytes);
}

static void render_descriptors(struct ori_buf *page)
{
    struct rlimit limit;
    double count = open_descriptors();
    if (count >= 0)
        ori_metrics_write_plain(page, "process_open_fds", "gauge", "open file descriptors", count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ori_metrics_write_plain(page, "process_max_fds", "gauge",
                                "most file descriptors that may be open", (double)limit.rlim_cur);
}

/* All interfaces together: an interface's name is no label of ours. Loopback is left out. */
static void render_network(struct ori_buf *page)
{
    double received = 0;
    double sent = 0;
    char *text = malloc(NET_BYTES_MAX);
    bool is_read = text && read_text("/proc/self/net/dev", text, NET_BYTES_MAX);
    for (char *line = is_read ? text : NULL; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        char *colon = strchr(line, ':'); /* the two lines of the head have none */
        line += strspn(line, " ");
        if (colon && strncmp(line, "lo:", 3) != 0 && field_of(colon + 1, 8) >= 0) {
            received += field_of(colon + 1, 0);
            sent += field_of(colon + 1, 8);
        }
        line = end ? end + 1 : NULL;
    }
    free(text);
    if (!is_read)
        return;
    ori_metrics_write_plain(page, "oriane_network_receive_bytes_total", "counter",
                            "bytes received by the interfaces that this process sees", received);
    ori_metrics_write_plain(page, "oriane_network_transmit_bytes_total", "counter",
                            "bytes sent by the interfaces that this process sees", sent);
}

void ori_process_render(const struct ori_metrics *metrics, struct ori_buf *page)
{
    double threads = stat_field(STAT_THREADS);
    ori_metrics_write_plain(page, "process_cpu_seconds_total", "counter",
                            "CPU time of the server process", cpu_seconds(RUSAGE_SELF));
    ori_metrics_write_plain(page, "oriane_children_cpu_seconds_total", "counter",
                            "CPU time of decode processes that have ended",
                            cpu_seconds(RUSAGE_CHILDREN));
    if (metrics->start_seconds > 0)
        ori_metrics_write_plain(page, "process_start_time_seconds", "gauge",
                                "when the process began, since 1970", metrics->start_seconds);
    render_memory(page);
    render_descriptors(page);
    if (threads >= 0)
        ori_metrics_write_plain(page, "process_threads", "gauge", "threads of the server process",
                                threads);
    ori_metrics_write_plain(page, "oriane_cpu_cores", "gauge", "cores that the machine has",
                            (double)sysconf(_SC_NPROCESSORS_ONLN));
    render_network(page);
}
