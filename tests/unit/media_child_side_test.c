/* The decode child's end of the conversation against a parent of our own, over a socket pair. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/child_side.h"

enum { SLOT_BYTES = 8192 };
static const struct ori_input_spec good_input = {
    .side = 8, .fit = ORI_INPUT_SQUASH, .resize_side = 8};
#define MEDIUM_BYTES (INT64_C(3) * ORI_CHILD_NEED_BLOCK + 100)

struct world {
    int parent;
    int child;
    int memory;
    struct ori_child_side side;
};

static void open_held_world(struct world *world, uint32_t slots, uint32_t held, bool is_remote)
{
    int pair[2];
    struct ori_error err = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    world->parent = pair[0];
    world->child = pair[1];
    world->memory = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(ftruncate(world->memory, (off_t)slots * SLOT_BYTES), 0);
    struct ori_msg_start start = {.type = ORI_MSG_START,
                                  .bytes = MEDIUM_BYTES,
                                  .is_remote = is_remote,
                                  .slots = slots,
                                  .slots_held = held,
                                  .slot_bytes = SLOT_BYTES,
                                  .options = {.input = good_input}};
    assert_int_equal(send(world->parent, &start, sizeof start, 0), sizeof start);
    assert_int_equal(ori_child_side_open_at(0, world->child, world->memory, &world->side, &err),
                     ORI_OK);
}

static void open_world(struct world *world, uint32_t slots, bool is_remote)
{
    open_held_world(world, slots, 0, is_remote);
}

static void close_world(struct world *world)
{
    ori_child_side_close(&world->side);
    ori_child_side_close(&world->side); /* idempotent */
    close(world->parent);
    close(world->child);
    close(world->memory);
}

static void release(struct world *world, uint32_t slot)
{
    struct ori_msg_slot message = {.type = ORI_MSG_RELEASE, .slot = slot};
    assert_int_equal(send(world->parent, &message, sizeof message, 0), sizeof message);
}

static void slots_are_given_once(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    open_world(&world, 3, false);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
        assert_int_equal(slot, i);
        assert_ptr_equal(data, world.side.memory + i * SLOT_BYTES);
        memset(data, (int)i, SLOT_BYTES);
    }
    release(&world, 1);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(slot, 1);
    ori_child_side_slot_drop(&world.side, 1);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(slot, 1);
    close_world(&world);
}

static void sixty_four_slots(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    open_world(&world, ORI_CHILD_SLOTS_MAX, false);
    for (uint32_t i = 0; i < ORI_CHILD_SLOTS_MAX; i++) {
        assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
        assert_int_equal(slot, i);
    }
    release(&world, 63);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(slot, 63);
    close_world(&world);
}

/* The last ones are the parent's until it says otherwise. */
static void slots_that_are_held(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    open_held_world(&world, 4, 2, false);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
        assert_int_equal(slot, i);
    }
    for (uint32_t i = 3; i >= 2; i--) {
        release(&world, i);
        assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
        assert_int_equal(slot, i);
    }
    close_world(&world);
}

static void *release_later(void *self)
{
    release(self, 0);
    return NULL;
}

static void waits_for_release(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    pthread_t thread;
    open_world(&world, 2, false);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(world.side.wait_us, 0);
    assert_int_equal(pthread_create(&thread, NULL, release_later, &world), 0);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(slot, 0);
    pthread_join(thread, NULL);
    close_world(&world);
}

static void parent_gone(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    struct ori_msg_progress progress = {.type = ORI_MSG_PROGRESS};
    open_world(&world, 2, true);
    close(world.parent);
    assert_int_equal(ori_child_side_send(&world.side, &progress, sizeof progress, &err),
                     ORI_CANCELLED);
    memset(&err, 0, sizeof err);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_CANCELLED);
    memset(&err, 0, sizeof err);
    assert_int_equal(ori_child_side_ensure(&world.side, 0, 10, &err), ORI_CANCELLED);
    world.parent = dup(world.child);
    close_world(&world);
}

static void bad_starts(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        uint32_t slots;
        uint64_t slot_bytes;
        size_t bytes;
        ori_status expected;
        uint32_t held;
    } rows[] = {
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start), ORI_OK, 0},
        {ORI_MSG_START, 1, 4096, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_START, 64, 4096, sizeof(struct ori_msg_start), ORI_OK, 0},
        {ORI_MSG_START, 65, 4096, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start), ORI_OK, 1},
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, 2},
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, UINT32_MAX},
        {ORI_MSG_START, 2, 0, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_START, 64, 4097, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL,
         0}, /* too little */
        {ORI_MSG_START, 64, UINT64_MAX / 32, sizeof(struct ori_msg_start), ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start) - 1, ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_START, 2, 4096, sizeof(struct ori_msg_start) + 1, ORI_CHILD_PROTOCOL, 0},
        {ORI_MSG_RELEASE, 2, 4096, sizeof(struct ori_msg_slot), ORI_CHILD_PROTOCOL, 0},
        {77, 2, 4096, 4, ORI_CHILD_PROTOCOL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int pair[2];
        struct ori_error err = {0};
        struct ori_child_side side;
        uint8_t packet[sizeof(struct ori_msg_start) + 16] = {0};
        struct ori_msg_start start = {.type = rows[i].type,
                                      .slots = rows[i].slots,
                                      .slots_held = rows[i].held,
                                      .slot_bytes = rows[i].slot_bytes,
                                      .options = {.input = good_input}};
        memcpy(packet, &start, sizeof start);
        int memory = memfd_create("test", MFD_CLOEXEC);
        assert_int_equal(ftruncate(memory, 64 * 4096), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        assert_int_equal(send(pair[0], packet, rows[i].bytes, 0), rows[i].bytes);
        print_message("row %zu\n", i);
        assert_int_equal(ori_child_side_open_at(0, pair[1], memory, &side, &err), rows[i].expected);
        ori_child_side_close(&side);
        close(pair[0]);
        close(pair[1]);
        close(memory);
    }
}

/* Each number of the input at its limits, and one past them. */
static void bad_inputs(void **state)
{
    (void)state;
    static const struct {
        struct ori_input_spec input;
        ori_status expected;
    } rows[] = {
        {{1, ORI_INPUT_SQUASH, 1, 0, 0}, ORI_OK},
        {{ORI_LIMIT_MAX_INPUT_SIDE, ORI_INPUT_SHORTER_CROP, ORI_LIMIT_MAX_INPUT_RESIZE, 1, 1},
         ORI_OK},
        {{0, ORI_INPUT_SQUASH, 8, 0, 0}, ORI_CHILD_PROTOCOL},
        {{ORI_LIMIT_MAX_INPUT_SIDE + 1, ORI_INPUT_SQUASH, 8, 0, 0}, ORI_CHILD_PROTOCOL},
        {{INT32_MIN, ORI_INPUT_SQUASH, 8, 0, 0}, ORI_CHILD_PROTOCOL},
        {{8, 0, 8, 0, 0}, ORI_CHILD_PROTOCOL},
        {{8, 3, 8, 0, 0}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, 0, 0, 0}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, ORI_LIMIT_MAX_INPUT_RESIZE + 1, 0, 0}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, 8, 2, 0}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, 8, -1, 0}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, 8, 0, 2}, ORI_CHILD_PROTOCOL},
        {{8, ORI_INPUT_SQUASH, 8, 0, -1}, ORI_CHILD_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int pair[2];
        struct ori_error err = {0};
        struct ori_child_side side;
        struct ori_msg_start start = {.type = ORI_MSG_START,
                                      .slots = 2,
                                      .slot_bytes = SLOT_BYTES,
                                      .options = {.input = rows[i].input}};
        int memory = memfd_create("test", MFD_CLOEXEC);
        assert_int_equal(ftruncate(memory, 2 * SLOT_BYTES), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        assert_int_equal(send(pair[0], &start, sizeof start, 0), sizeof start);
        print_message("row %zu\n", i);
        assert_int_equal(ori_child_side_open_at(0, pair[1], memory, &side, &err), rows[i].expected);
        ori_child_side_close(&side);
        close(pair[0]);
        close(pair[1]);
        close(memory);
    }
}

/* Answers so many NEEDs, notes what was asked, and releases slots in between. */
struct answerer {
    int fd;
    int count;
    bool is_failing;
    bool has_release;
    int64_t offsets[16];
    int64_t bytes[16];
};

static void *answer(void *self)
{
    struct answerer *answerer = self;
    for (int i = 0; i < answerer->count; i++) {
        struct ori_msg_range need;
        if (recv(answerer->fd, &need, sizeof need, 0) != sizeof need || need.type != ORI_MSG_NEED)
            return NULL;
        answerer->offsets[i] = need.offset;
        answerer->bytes[i] = need.bytes;
        if (answerer->has_release) {
            struct ori_msg_slot release_one = {.type = ORI_MSG_RELEASE, .slot = 1};
            (void)!send(answerer->fd, &release_one, sizeof release_one, 0);
        }
        struct ori_msg_range have = need;
        have.type = ORI_MSG_HAVE;
        have.is_failed = answerer->is_failing;
        (void)!send(answerer->fd, &have, sizeof have, 0);
    }
    return NULL;
}

static void asks_for_blocks_once(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    uint32_t slot = 0;
    uint8_t *data = NULL;
    pthread_t thread;
    open_world(&world, 2, true);
    assert_non_null(world.side.source.ensure);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    struct answerer answerer = {.fd = world.parent, .count = 3, .has_release = true};
    assert_int_equal(pthread_create(&thread, NULL, answer, &answerer), 0);

    assert_int_equal(ori_child_side_ensure(&world.side, 10, 100, &err), ORI_OK);
    assert_int_equal(ori_child_side_ensure(&world.side, 0, 50, &err), ORI_OK); /* there already */
    assert_int_equal(ori_child_side_ensure(&world.side, ORI_CHILD_NEED_BLOCK - 1, 2, &err), ORI_OK);
    assert_int_equal(ori_child_side_ensure(&world.side, MEDIUM_BYTES - 1, 1 << 20, &err), ORI_OK);
    assert_int_equal(ori_child_side_ensure(&world.side, MEDIUM_BYTES, 1, &err), ORI_OK);
    assert_int_equal(ori_child_side_ensure(&world.side, MEDIUM_BYTES + 5, SIZE_MAX, &err), ORI_OK);
    pthread_join(thread, NULL);
    static const int64_t offsets[] = {0, ORI_CHILD_NEED_BLOCK, 3 * ORI_CHILD_NEED_BLOCK};
    static const int64_t bytes[] = {ORI_CHILD_NEED_BLOCK, ORI_CHILD_NEED_BLOCK, 100};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(answerer.offsets[i], offsets[i]);
        assert_int_equal(answerer.bytes[i], bytes[i]);
    }
    /* The RELEASE between NEED and HAVE was not lost. */
    assert_int_equal(ori_child_side_slot(&world.side, &slot, &data, &err), ORI_OK);
    assert_int_equal(slot, 1);
    close_world(&world);
}

static void a_range_that_cannot_be_had(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    pthread_t thread;
    open_world(&world, 2, true);
    struct answerer answerer = {.fd = world.parent, .count = 1, .is_failing = true};
    assert_int_equal(pthread_create(&thread, NULL, answer, &answerer), 0);
    assert_int_equal(ori_child_side_ensure(&world.side, 0, 1, &err), ORI_IO);
    pthread_join(thread, NULL);
    close_world(&world);
}

static void fail_carries_the_cause(void **state)
{
    (void)state;
    struct world world;
    struct ori_error err = {0};
    struct ori_msg_fail fail;
    open_world(&world, 2, false);
    (void)ori_error_set(&err, ORI_DECODE, "no picture in %d packets", 7);
    ori_child_side_fail(&world.side, "decode", &err);
    assert_int_equal(recv(world.parent, &fail, sizeof fail, 0), sizeof fail);
    assert_string_equal(fail.code, "decode_failed");
    assert_string_equal(fail.stage, "decode");
    assert_string_equal(fail.text, "no picture in 7 packets");
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_given_once),
        cmocka_unit_test(sixty_four_slots),
        cmocka_unit_test(slots_that_are_held),
        cmocka_unit_test(waits_for_release),
        cmocka_unit_test(parent_gone),
        cmocka_unit_test(bad_starts),
        cmocka_unit_test(bad_inputs),
        cmocka_unit_test(asks_for_blocks_once),
        cmocka_unit_test(a_range_that_cannot_be_had),
        cmocka_unit_test(fail_carries_the_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
