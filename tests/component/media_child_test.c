/* The parent's end against real processes: this program again, which plays a decode child of the
 * kind that START's crop_probes names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/child.h"
#include "media/child_side.h"
#include "util/clock.h"

enum { SLOTS = 2, SLOT_BYTES = 16384, SIDE = 8 };
#define MEDIUM "the bytes of the medium"
#define PATIENCE_MS 30000 /* longer than any machine needs; a failure, not a pause */

enum part {
    PART_WELL = 1, /* INFO, one frame, DONE */
    PART_ABORT,    /* SIGSEGV, last words on stderr */
    PART_EXIT_3,   /* exit status 3 */
    PART_EXIT_0,   /* ends without a word */
    PART_CHATTY,   /* megabytes on stderr, then DONE */
    PART_HANG,     /* says DONE and stays */
    PART_DEAF,     /* hangs up its socket and stays */
    PART_NONSENSE, /* a packet of no type */
    PART_LONG,     /* a packet longer than any message */
    PART_INHERIT,  /* looks at what it was given */
    PART_ROUND     /* fills slots again and again */
};

/* ---- the child ---- */

static void say(struct ori_child_side *side, const void *message, size_t bytes)
{
    struct ori_error err = {0};
    if (ori_child_side_send(side, message, bytes, &err) != ORI_OK)
        _exit(9);
}

static void say_info(struct ori_child_side *side)
{
    struct ori_msg_info info = {.type = ORI_MSG_INFO, .width = 64, .height = 48};
    say(side, &info, sizeof info);
}

static void say_frames(struct ori_child_side *side, uint32_t count)
{
    for (uint32_t n = 1; n <= count; n++) {
        struct ori_error err = {0};
        struct ori_msg_frame frame = {.type = ORI_MSG_FRAME,
                                      .n = n,
                                      .scene = 1,
                                      .pts_us = n,
                                      .still_bytes = 64,
                                      .input_offset = 64,
                                      .input_bytes = 3 * SIDE * SIDE,
                                      .width = 64,
                                      .height = 48};
        uint8_t *data = NULL;
        if (ori_child_side_slot(side, &frame.slot, &data, &err) != ORI_OK)
            _exit(9);
        memset(data, (int)n, 64 + 3 * SIDE * SIDE);
        say(side, &frame, sizeof frame);
    }
}

static void say_done(struct ori_child_side *side, uint32_t frames)
{
    struct ori_msg_scene scene = {.type = ORI_MSG_SCENE, .index = 1, .crop = {.w = 64, .h = 48}};
    struct ori_msg_done done = {.type = ORI_MSG_DONE, .scenes = 1, .frames = frames};
    say(side, &scene, sizeof scene);
    say(side, &done, sizeof done);
}

/* The descriptors 0 to 5 and no other, no environment, the medium readable, the memory sealed. */
static int look_around(struct ori_child_side *side)
{
    char text[64] = "";
    for (int fd = 0; fd < 1024; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;
        if (is_open != (fd <= ORI_CHILD_FD_MEMORY))
            return 10;
    }
    if (environ && environ[0])
        return 11;
    if (pread(ORI_CHILD_FD_MEDIUM, text, sizeof text - 1, 0) != sizeof MEDIUM - 1 ||
        strcmp(text, MEDIUM) != 0)
        return 12;
    if (ftruncate(ORI_CHILD_FD_MEMORY, 0) == 0 || ftruncate(ORI_CHILD_FD_MEMORY, 1 << 24) == 0)
        return 13;
    sigset_t mask;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0 || sigismember(&mask, SIGTERM))
        return 14;
    if (write(STDOUT_FILENO, "x", 1) != 1 || read(STDIN_FILENO, text, 1) != 0)
        return 15;
    if (getpgrp() != getpid())
        return 16;
    say_info(side);
    say_done(side, 0);
    return 0;
}

static int play(void)
{
    struct ori_child_side side;
    struct ori_error err = {0};
    char packet[8192] = {99};
    if (ori_child_side_open(&side, &err) != ORI_OK)
        return 8;
    switch ((enum part)side.start.options.crop_probes) {
    case PART_WELL:
    case PART_HANG:
        say_info(&side);
        say_frames(&side, 1);
        say_done(&side, 1);
        while (side.start.options.crop_probes == PART_HANG)
            pause();
        return 0;
    case PART_ABORT:
        fputs("first line\nsomething went \x1b[31mwrong\n", stderr);
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make it an exit */
        raise(SIGSEGV);
        return 7;
    case PART_EXIT_3:
        fputs("bad luck\n", stderr);
        return 3;
    case PART_EXIT_0:
        return 0;
    case PART_CHATTY:
        for (int i = 0; i < 100000; i++)
            fputs("a long line that nobody wanted to know about, again and again\n", stderr);
        say_info(&side);
        say_done(&side, 0);
        return 0;
    case PART_DEAF:
        close(ORI_CHILD_FD_SOCKET);
        for (;;)
            pause();
    case PART_NONSENSE:
        say(&side, packet, 4);
        return 0;
    case PART_LONG:
        packet[0] = ORI_MSG_INFO;
        say(&side, packet, sizeof packet);
        return 0;
    case PART_INHERIT:
        return look_around(&side);
    case PART_ROUND:
        say_info(&side);
        say_frames(&side, 500);
        say_done(&side, 500);
        return 0;
    }
    return 6;
}

/* ---- the parent ---- */

static struct ori_child *start(enum part part)
{
    struct ori_child *child = NULL;
    struct ori_error err = {0};
    FILE *medium = tmpfile();
    assert_non_null(medium);
    fputs(MEDIUM, medium);
    fflush(medium);
    struct ori_child_options options = {.fd_medium = fileno(medium),
                                        .start = {.job = ORI_CHILD_JOB_VIDEO,
                                                  .bytes = sizeof MEDIUM - 1,
                                                  .slots = SLOTS,
                                                  .slot_bytes = SLOT_BYTES}};
    options.start.options.crop_probes = (int32_t)part;
    options.start.options.input =
        (struct ori_input_spec){.side = SIDE, .fit = ORI_INPUT_SQUASH, .resize_side = SIDE};
    assert_int_equal(ori_child_spawn(&options, &child, &err), ORI_OK);
    fclose(medium); /* borrowed for spawn alone */
    return child;
}

/* The next message that is not ORI_AGAIN. */
static ori_status hear(struct ori_child *child, union ori_child_message *message,
                       struct ori_error *err)
{
    for (;;) {
        ori_status status = ori_child_receive(child, message, err);
        if (status != ORI_AGAIN)
            return status;
        struct pollfd fds[2] = {{.fd = ori_child_socket(child), .events = POLLIN},
                                {.fd = ori_child_log(child), .events = POLLIN}};
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        ori_child_read_log(child);
    }
}

/* Listens to the end, releasing every slot; what receive said last. */
static ori_status hear_out(struct ori_child *child, uint32_t *ret_frames, struct ori_error *err)
{
    union ori_child_message message;
    ori_status status = ORI_OK;
    *ret_frames = 0;
    while ((status = hear(child, &message, err)) == ORI_OK && message.type != ORI_MSG_DONE &&
           message.type != ORI_MSG_FAIL) {
        if (message.type != ORI_MSG_FRAME)
            continue;
        ++*ret_frames;
        const uint8_t *data = ori_child_slot(child, message.frame.slot);
        assert_int_equal(data[0], (uint8_t)message.frame.n);
        assert_int_equal(data[message.frame.input_offset + message.frame.input_bytes - 1],
                         (uint8_t)message.frame.n);
        assert_int_equal(ori_child_release(child, message.frame.slot, err), ORI_OK);
    }
    return status;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void no_child_is_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Every way a child can end: what receive says last, and what reap says then. */
static void ends(void **state)
{
    (void)state;
    static const struct {
        enum part part;
        ori_status heard;
        ori_status reaped;
        const char *words;
        uint32_t frames;
    } rows[] = {
        {PART_WELL, ORI_OK, ORI_OK, "", 1},
        {PART_ABORT, ORI_EOF, ORI_CHILD_CRASHED, "signal 11 (SIGSEGV): something went", 0},
        {PART_EXIT_3, ORI_EOF, ORI_CHILD_CRASHED, "exit status 3: bad luck", 0},
        {PART_EXIT_0, ORI_EOF, ORI_OK, "", 0},
        {PART_CHATTY, ORI_OK, ORI_OK, "", 0},
        {PART_HANG, ORI_OK, ORI_CHILD_CRASHED, "signal 9 (SIGKILL)", 1},
        {PART_DEAF, ORI_EOF, ORI_CHILD_CRASHED, "signal 9 (SIGKILL)", 0},
        {PART_NONSENSE, ORI_CHILD_PROTOCOL, ORI_OK, "", 0},
        {PART_LONG, ORI_CHILD_PROTOCOL, ORI_OK, "", 0},
        {PART_INHERIT, ORI_OK, ORI_OK, "", 0},
        {PART_ROUND, ORI_OK, ORI_OK, "", 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error err = {0};
        struct ori_error end = {0};
        uint32_t frames = 0;
        size_t descriptors = open_descriptors();
        struct ori_child *child = start(rows[i].part);
        print_message("part %d\n", (int)rows[i].part);
        assert_int_equal(hear_out(child, &frames, &err), rows[i].heard);
        assert_int_equal(frames, rows[i].frames);
        int grace_ms = rows[i].reaped == ORI_OK ? PATIENCE_MS : 50;
        assert_int_equal(ori_child_reap(child, grace_ms, &end), rows[i].reaped);
        if (!strstr(end.text, rows[i].words))
            fail_msg("said: %s", end.text);
        assert_null(strchr(end.text, '\x1b'));
        ori_child_destroy(&child);
        ori_child_destroy(&child);
        assert_null(child);
        no_child_is_left();
        assert_int_equal(open_descriptors(), descriptors);
    }
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    static const enum part parts[] = {PART_ROUND, PART_HANG, PART_DEAF, PART_CHATTY};
    for (int i = 0; i < 40; i++) {
        struct ori_error err = {0};
        union ori_child_message message;
        struct ori_child *child = start(parts[i % 4]);
        for (int heard = 0; heard < i / 4 && parts[i % 4] == PART_ROUND; heard++) {
            assert_int_equal(hear(child, &message, &err), ORI_OK);
            if (message.type == ORI_MSG_FRAME)
                assert_int_equal(ori_child_release(child, message.frame.slot, &err), ORI_OK);
        }
        int64_t begin_us = ori_clock_us();
        ori_child_kill(child);
        ori_child_kill(child);
        (void)ori_child_slot(child, 0)[0]; /* the memory stays */
        ori_child_destroy(&child);
        assert_true(ori_clock_us() - begin_us < 5000000);
        no_child_is_left();
    }
}

/* A signal from outside to the one child there is. */
static void kill_only_child(int number)
{
    long pid = 0;
    FILE *children = fopen("/proc/thread-self/children", "re");
    assert_non_null(children);
    assert_int_equal(fscanf(children, "%ld", &pid), 1);
    fclose(children);
    assert_int_equal(kill((pid_t)pid, number), 0);
}

/* Killed from outside, by the signal's number; killed by us for hanging, by none. */
static void tells_who_killed(void **state)
{
    (void)state;
    static const struct {
        enum part part;
        int signal; /* from outside; 0: none comes */
        int native;
    } rows[] = {{PART_HANG, SIGKILL, SIGKILL},
                {PART_HANG, SIGTERM, SIGTERM},
                {PART_ABORT, 0, SIGSEGV},
                {PART_EXIT_3, 0, 0},
                {PART_HANG, 0, 0},
                {PART_DEAF, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ori_error ignored = {0};
        struct ori_error err = {0};
        uint32_t frames = 0;
        struct ori_child *child = start(rows[i].part);
        (void)!hear_out(child, &frames, &ignored);
        if (rows[i].signal)
            kill_only_child(rows[i].signal);
        int grace_ms = rows[i].native ? PATIENCE_MS : 50;
        assert_int_equal(ori_child_reap(child, grace_ms, &err), ORI_CHILD_CRASHED);
        assert_int_equal(err.native, rows[i].native);
        ori_child_destroy(&child);
    }
}

/* Messages that were said before the end are heard, also when the child is gone by then. */
static void last_words_are_heard(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_child *child = start(PART_WELL);
    union ori_child_message message;
    uint32_t frames = 0;
    assert_int_equal(hear(child, &message, &err), ORI_OK);
    assert_int_equal(message.type, ORI_MSG_INFO);
    struct pollfd gone = {.fd = ori_child_socket(child), .events = POLLHUP};
    while (!(gone.revents & POLLHUP))
        assert_true(poll(&gone, 1, PATIENCE_MS) > 0);
    assert_int_equal(hear_out(child, &frames, &err), ORI_OK);
    assert_int_equal(frames, 1); /* and its release, to nobody, is no failure */
    assert_int_equal(ori_child_reap(child, PATIENCE_MS, &err), ORI_OK);
    ori_child_destroy(&child);
}

static void a_program_that_is_not_there(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_child *child = NULL;
    size_t descriptors = open_descriptors();
    struct ori_child_options options = {.program = "/no/such/program",
                                        .fd_medium = 0,
                                        .start = {.slots = SLOTS, .slot_bytes = SLOT_BYTES}};
    assert_int_equal(ori_child_spawn(&options, &child, &err), ORI_NOT_FOUND);
    assert_null(child);
    assert_int_equal(open_descriptors(), descriptors);
    no_child_is_left();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "decode") == 0)
        return play();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(tells_who_killed),
        cmocka_unit_test(last_words_are_heard),
        cmocka_unit_test(a_program_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
