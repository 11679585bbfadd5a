#pragma once
/* A decode child that does what its medium tells it: for tests whose own program is the child. The
 * "video" is a script, a word and up to two numbers a line:
 *   info                      a picture of 64 x 48, nine seconds
 *   scene START_MS END_MS     the next scene
 *   frame PTS_MS VALUE        the next frame: a still of 100 bytes VALUE
 *   picture VALUE             the answer to a picture job
 *   thumb VALUE               the answer to a thumb job: 100 bytes VALUE
 *   say LEVEL COUNT           COUNT lines on standard error, marked as libav's of that level
 *   mutter                    a line without a mark
 *   warning | need | fail | done | crash | nonsense | quit | hang
 *   flood                     says PROGRESS for ever */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "media/child_side.h"
#include "media/words.h"

struct actor {
    struct ori_child_side side;
    uint32_t scenes;
    uint32_t frames;
};

static void actor_say(struct actor *actor, const void *message, size_t bytes)
{
    struct ori_error err = {0};
    if (ori_child_side_send(&actor->side, message, bytes, &err) != ORI_OK)
        _exit(9);
}

static void actor_frame(struct actor *actor, long pts_ms, int value)
{
    struct ori_error err = {0};
    size_t side = (size_t)actor->side.start.options.input.side;
    struct ori_msg_frame frame = {.type = ORI_MSG_FRAME,
                                  .n = ++actor->frames,
                                  .scene = 1,
                                  .pts_us = pts_ms * 1000,
                                  .still_bytes = 100,
                                  .input_offset = 128,
                                  .input_bytes = 3 * side * side,
                                  .width = 64,
                                  .height = 48,
                                  .dhash = (uint64_t)value};
    uint8_t *data = NULL;
    if (ori_child_side_slot(&actor->side, &frame.slot, &data, &err) != ORI_OK)
        _exit(9);
    memset(data, value, 100);
    for (size_t i = 0; i < frame.input_bytes; i++)
        data[128 + i] = (uint8_t)(i * (size_t)value / 16);
    actor_say(actor, &frame, sizeof frame);
}

static void actor_picture(struct actor *actor, int value)
{
    size_t side = (size_t)actor->side.start.options.input.side;
    struct ori_msg_picture picture = {
        .type = ORI_MSG_PICTURE, .width = 64, .height = 48, .input_bytes = 3 * side * side};
    memset(actor->side.memory, value, picture.input_bytes);
    actor_say(actor, &picture, sizeof picture);
}

static void actor_thumb(struct actor *actor, int value)
{
    struct ori_msg_thumb thumb = {
        .type = ORI_MSG_THUMB, .width = 16, .height = 9, .still_bytes = 100};
    memset(actor->side.memory, value, thumb.still_bytes);
    actor_say(actor, &thumb, sizeof thumb);
}

static void actor_done(struct actor *actor)
{
    struct ori_msg_done done = {.type = ORI_MSG_DONE,
                                .scenes = actor->scenes,
                                .frames = actor->frames,
                                .duration_us = 10000000,
                                .has_crop = actor->side.start.job == ORI_CHILD_JOB_VIDEO,
                                .crop = {.y = 6, .w = 64, .h = 36}};
    actor_say(actor, &done, sizeof done);
}

/* One line of the script: a word and up to two numbers. */
static void actor_line(struct actor *actor, const char *word, long a, long b)
{
    struct ori_msg_info info = {
        .type = ORI_MSG_INFO, .width = 64, .height = 48, .has_duration = 1, .duration_us = 9000000};
    struct ori_msg_scene scene = {.type = ORI_MSG_SCENE,
                                  .index = actor->scenes + 1,
                                  .start_us = a * 1000,
                                  .end_us = b * 1000,
                                  .crop = {.y = 6, .w = 64, .h = 36}};
    struct ori_msg_warning warning = {.type = ORI_MSG_WARNING, .code = "truncated", .text = "cut"};
    struct ori_msg_fail fail = {
        .type = ORI_MSG_FAIL, .code = "decode_failed", .stage = "decode", .text = "no luck"};
    struct ori_msg_range need = {.type = ORI_MSG_NEED, .bytes = 1};
    if (strcmp(word, "info") == 0)
        actor_say(actor, &info, sizeof info);
    if (strcmp(word, "scene") == 0) {
        actor->scenes++;
        actor_say(actor, &scene, sizeof scene);
    }
    if (strcmp(word, "frame") == 0)
        actor_frame(actor, a, (int)b);
    if (strcmp(word, "picture") == 0)
        actor_picture(actor, (int)a);
    if (strcmp(word, "thumb") == 0)
        actor_thumb(actor, (int)a);
    if (strcmp(word, "warning") == 0)
        actor_say(actor, &warning, sizeof warning);
    if (strcmp(word, "need") == 0)
        actor_say(actor, &need, sizeof need);
    if (strcmp(word, "fail") == 0)
        actor_say(actor, &fail, sizeof fail);
    if (strcmp(word, "done") == 0)
        actor_done(actor);
    for (long i = 0; i < b && strcmp(word, "say") == 0; i++)
        fprintf(stderr, "%c%ldlibav %ld\n", ORI_WORDS_MARK, a, i);
    if (strcmp(word, "mutter") == 0)
        fputs("not libav\n", stderr);
    if (strcmp(word, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make it an exit */
        raise(SIGSEGV);
    }
    if (strcmp(word, "nonsense") == 0)
        actor_say(actor, "nonsense", 8);
    if (strcmp(word, "quit") == 0)
        _exit(0);
    while (strcmp(word, "hang") == 0)
        pause();
    struct ori_msg_progress progress = {.type = ORI_MSG_PROGRESS};
    while (strcmp(word, "flood") == 0)
        actor_say(actor, &progress, sizeof progress);
}

static int actor_play(void)
{
    static struct actor actor;
    struct ori_error err = {0};
    if (ori_child_side_open(&actor.side, &err) != ORI_OK)
        return 8;
    FILE *script = fdopen(ORI_CHILD_FD_MEDIUM, "r");
    char line[128];
    while (script && fgets(line, sizeof line, script)) {
        char word[32] = "";
        long a = 0;
        long b = 0;
        if (sscanf(line, "%31s %ld %ld", word, &a, &b) >= 1)
            actor_line(&actor, word, a, b);
    }
    return 0;
}

static bool actor_is_called(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "decode") == 0;
}
