#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/notify.h"
#include "util/clock.h"

/* A supervisor: a datagram socket with a name, which NOTIFY_SOCKET tells. */
struct supervisor {
    int fd;
    char folder[64];
    char name[128];
    struct ori_notify *notify;
};

static void listen_on(struct supervisor *supervisor, bool is_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(supervisor, 0, sizeof *supervisor);
    snprintf(supervisor->folder, sizeof supervisor->folder, "/tmp/oriane-notify-XXXXXX");
    assert_non_null(mkdtemp(supervisor->folder));
    snprintf(supervisor->name, sizeof supervisor->name, "%s%s/socket", is_abstract ? "@" : "",
             supervisor->folder);
    size_t bytes = strlen(supervisor->name);
    memcpy(address.sun_path, supervisor->name, bytes);
    if (is_abstract)
        address.sun_path[0] = '\0';
    supervisor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + !is_abstract);
    assert_int_equal(bind(supervisor->fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", supervisor->name, 1), 0);
}

static void stop_listening(struct supervisor *supervisor)
{
    ori_notify_destroy(&supervisor->notify);
    assert_null(supervisor->notify);
    if (supervisor->fd >= 0)
        close(supervisor->fd);
    if (supervisor->name[0] == '/')
        unlink(supervisor->name);
    rmdir(supervisor->folder);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

/* The next datagram; "" when there is none. */
static const char *next(struct supervisor *supervisor)
{
    static char text[1024];
    ssize_t got = recv(supervisor->fd, text, sizeof text - 1, 0);
    assert_true(got > 0 || errno == EAGAIN);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static void create(struct supervisor *supervisor)
{
    struct ori_error err = {0};
    assert_int_equal(ori_notify_create(&supervisor->notify, &err), ORI_OK);
    assert_non_null(supervisor->notify);
}

static void tells_a_socket_of_either_kind(void **state)
{
    (void)state;
    for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
        struct supervisor supervisor;
        listen_on(&supervisor, is_abstract);
        create(&supervisor);
        ori_notify_ready(supervisor.notify);
        assert_string_equal(next(&supervisor), "READY=1");
        int64_t before_us = ori_clock_us();
        ori_notify_reloading(supervisor.notify);
        int64_t told_us = 0;
        assert_int_equal(
            sscanf(next(&supervisor), "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &told_us), 1);
        assert_true(told_us >= before_us && told_us <= ori_clock_us());
        ori_notify_status(supervisor.notify, "%d videos\nREADY=0", 3);
        assert_string_equal(next(&supervisor), "STATUS=3 videos?READY=0");
        ori_notify_stopping(supervisor.notify);
        assert_string_equal(next(&supervisor), "STOPPING=1");
        assert_string_equal(next(&supervisor), "");
        stop_listening(&supervisor);
    }
}

static void long_status_is_cut_to_a_line(void **state)
{
    (void)state;
    struct supervisor supervisor;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    listen_on(&supervisor, false);
    create(&supervisor);
    ori_notify_status(supervisor.notify, "%s", text);
    const char *told = next(&supervisor);
    assert_int_equal(strncmp(told, "STATUS=xxx", 10), 0);
    assert_true(strlen(told) < 512);
    stop_listening(&supervisor);
}

static void feeds_the_watchdog(void **state)
{
    (void)state;
    struct supervisor supervisor;
    char pid[32];
    listen_on(&supervisor, false);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    create(&supervisor);
    assert_int_equal(ori_notify_interval_ms(supervisor.notify), 30000);
    ori_notify_alive(supervisor.notify);
    assert_string_equal(next(&supervisor), "WATCHDOG=1");
    ori_notify_alive(supervisor.notify); /* so soon again it need not be told */
    assert_string_equal(next(&supervisor), "");
    stop_listening(&supervisor);
}

static void leaves_the_watchdog_of_others_alone(void **state)
{
    (void)state;
    struct supervisor supervisor;
    listen_on(&supervisor, false);
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    create(&supervisor);
    assert_int_equal(ori_notify_interval_ms(supervisor.notify), -1);
    ori_notify_alive(supervisor.notify);
    assert_string_equal(next(&supervisor), "");
    stop_listening(&supervisor);
}

static void without_a_supervisor_nothing_happens(void **state)
{
    (void)state;
    struct ori_notify *notify = NULL;
    struct ori_error err = {0};
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(ori_notify_create(&notify, &err), ORI_OK);
    assert_null(notify);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(ori_notify_create(&notify, &err), ORI_OK);
    assert_null(notify);
    unsetenv("NOTIFY_SOCKET");
    ori_notify_ready(notify);
    ori_notify_reloading(notify);
    ori_notify_stopping(notify);
    ori_notify_status(notify, "x");
    ori_notify_alive(notify);
    assert_int_equal(ori_notify_interval_ms(notify), -1);
    ori_notify_destroy(&notify);
}

static void a_supervisor_that_is_gone_holds_nobody_up(void **state)
{
    (void)state;
    struct supervisor supervisor;
    listen_on(&supervisor, false);
    create(&supervisor);
    close(supervisor.fd);
    ori_notify_ready(supervisor.notify);
    supervisor.fd = -1;
    stop_listening(&supervisor);
    /* Nor does one that does not read. */
    listen_on(&supervisor, false);
    create(&supervisor);
    for (int i = 0; i < 5000; i++)
        ori_notify_ready(supervisor.notify);
    assert_string_equal(next(&supervisor), "READY=1");
    stop_listening(&supervisor);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    char longest[109] = "/"; /* sun_path holds 108 bytes with the NUL */
    char path[110] = "/";
    memset(path + 1, 'x', 107);
    memset(longest + 1, 'x', 106);
    static const char *const usecs[] = {"0", "-1", "x", "1.5", "99999999999999999999"};
    const char *const sockets[] = {"relative", "@", "/", "vsock:2:1234", path};
    struct ori_notify *notify = NULL;
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        struct ori_error err = {0};
        setenv("NOTIFY_SOCKET", sockets[i], 1);
        assert_int_equal(ori_notify_create(&notify, &err), ORI_BAD_SETTING);
        assert_int_equal(strncmp(err.text, "NOTIFY_SOCKET=", 14), 0);
        assert_null(notify);
    }
    setenv("NOTIFY_SOCKET", longest, 1);
    assert_int_equal(ori_notify_create(&notify, NULL), ORI_OK);
    ori_notify_destroy(&notify);
    for (size_t i = 0; i < sizeof usecs / sizeof usecs[0]; i++) {
        struct ori_error err = {0};
        setenv("WATCHDOG_USEC", usecs[i], 1);
        assert_int_equal(ori_notify_create(&notify, &err), ORI_BAD_SETTING);
        assert_int_equal(strncmp(err.text, "WATCHDOG_USEC=", 14), 0);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_socket_of_either_kind),
        cmocka_unit_test(long_status_is_cut_to_a_line),
        cmocka_unit_test(feeds_the_watchdog),
        cmocka_unit_test(leaves_the_watchdog_of_others_alone),
        cmocka_unit_test(without_a_supervisor_nothing_happens),
        cmocka_unit_test(a_supervisor_that_is_gone_holds_nobody_up),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
