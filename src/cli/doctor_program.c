/* The program itself: how it was built, read off its own image in memory, and what it runs on. */
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "media/video.h"
#include "metrics/built_from.h"

struct image {
    bool is_by_chance; /* loaded at an address that is not fixed */
    bool has_relro;
    bool has_plain_stack;
    bool is_bound_now;
};

/* The first object is the program. */
static int look(struct dl_phdr_info *info, size_t bytes, void *self)
{
    (void)bytes;
    struct image *image = self;
    image->is_by_chance = info->dlpi_addr != 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_GNU_RELRO)
            image->has_relro = true;
        if (part->p_type == PT_GNU_STACK)
            image->has_plain_stack = !(part->p_flags & PF_X);
        if (part->p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *row = (const ElfW(Dyn) *)(info->dlpi_addr + part->p_vaddr);
        for (; row->d_tag != DT_NULL; row++) {
            if ((row->d_tag == DT_FLAGS && (row->d_un.d_val & DF_BIND_NOW)) ||
                (row->d_tag == DT_FLAGS_1 && (row->d_un.d_val & DF_1_NOW)))
                image->is_bound_now = true;
        }
    }
    return 1;
}

#if defined(__SSP_STRONG__) || defined(__SSP_ALL__)
#define STACK_WORDS "stack protector"
#else
#define STACK_WORDS "NO stack protector"
#endif
#if defined(_FORTIFY_SOURCE) && _FORTIFY_SOURCE > 0
#define FORTIFY_WORDS "fortified C library calls"
#else
#define FORTIFY_WORDS "NO fortified C library calls"
#endif
#ifdef __CET__
#define JUMP_WORDS ", marks for jumps (CET)"
#else
#define JUMP_WORDS ""
#endif

static void say_hardening(struct ori_doctor *doctor)
{
    struct image image = {0};
    dl_iterate_phdr(look, &image);
    bool is_well = image.is_by_chance && image.has_relro && image.has_plain_stack &&
                   image.is_bound_now && strstr(STACK_WORDS FORTIFY_WORDS, "NO ") == NULL;
    ori_doctor_say(doctor, is_well ? ORI_DOCTOR_OK : ORI_DOCTOR_WARN, "hardening",
                   "build it by `make build`, whose flags have all of this",
                   "%s, %s, %s, %s, " STACK_WORDS ", " FORTIFY_WORDS JUMP_WORDS,
                   image.is_by_chance ? "PIE" : "NO PIE", image.has_relro ? "RELRO" : "NO RELRO",
                   image.is_bound_now ? "bound at start" : "NOT bound at start",
                   image.has_plain_stack ? "stack not run" : "stack CAN be run");
}

static void say_libraries(struct ori_doctor *doctor)
{
    char text[ORI_DOCTOR_TEXT_MAX] = "";
    size_t used = 0;
    for (size_t i = 0; ori_built_from[i][0] && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.100s", i ? ", " : "",
                                 ori_built_from[i][0], ori_built_from[i][1]);
    ori_doctor_say(doctor, ORI_DOCTOR_OK, "built from", NULL, "%s", text);
    ori_doctor_say(doctor, ORI_DOCTOR_OK, "runs on", NULL, "FFmpeg %s", ori_video_library());
}

void ori_doctor_program(struct ori_doctor *doctor)
{
    say_hardening(doctor);
    say_libraries(doctor);
}
