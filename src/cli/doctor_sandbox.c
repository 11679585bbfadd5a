/* The walls around the decode process, tried by a process that goes inside; and the process itself,
 * with a picture made here. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "media/sandbox_probe.h"
#include "media/still.h"
#include "pipeline/picture.h"
#include "util/clock.h"

#define SIDE 32

static void say_refusals(struct ori_doctor *doctor, const struct ori_sandbox_findings *findings)
{
    bool is_well = !findings->has_opened_file && !findings->has_made_socket &&
                   !findings->has_made_process && !findings->has_signalled_parent;
    if (findings->facts.is_wide)
        ori_doctor_say(doctor, ORI_DOCTOR_WARN, "system calls",
                       "a build for tests: decode no video from outside with it",
                       "a wider list, and no limit of memory: built with a sanitizer");
    else
        ori_doctor_say(doctor, is_well ? ORI_DOCTOR_OK : ORI_DOCTOR_FAIL, "system calls",
                       "this kernel does not keep to the list: decode no video from outside here",
                       "%s; tried: to open a file, make a socket and a process, signal the parent",
                       is_well ? "a list, the rest is refused" : "NOT all is refused");
}

static void say_walls(struct ori_doctor *doctor, const struct ori_sandbox_findings *findings)
{
    const struct ori_sandbox_facts *facts = &findings->facts;
    say_refusals(doctor, findings);
    ori_doctor_say(doctor, ORI_DOCTOR_OK, "privileges", NULL,
                   "no capabilities, no new privileges, not traceable, ends with its parent");
    ori_doctor_say(doctor, facts->has_namespaces ? ORI_DOCTOR_OK : ORI_DOCTOR_WARN, "namespaces",
                   "a second wall is missing, the list of calls stands: allow unprivileged user "
                   "namespaces (sysctl, container, RestrictNamespaces= of the unit)",
                   "%s",
                   facts->has_namespaces ? "its own: network, IPC, mounts, host name"
                                         : "refused by the kernel or the container");
    ori_doctor_say(doctor, facts->has_empty_root ? ORI_DOCTOR_OK : ORI_DOCTOR_WARN, "root folder",
                   "comes with namespaces; no call that opens a file is on the list anyway", "%s",
                   facts->has_empty_root ? "empty and read-only" : "the machine's");
    ori_doctor_say(
        doctor, findings->has_all_memory && !facts->is_wide ? ORI_DOCTOR_FAIL : ORI_DOCTOR_OK,
        "limits", "this kernel does not keep to RLIMIT_DATA: a video may take all memory",
        "%lld MiB of memory (VP_DECODE_MEMORY), %lld s of processor time "
        "(VP_ITEM_TIMEOUT), no files, no descriptors, no core dumps",
        (long long)(doctor->settings->vp_decode_memory >> 20),
        (long long)doctor->settings->vp_item_timeout);
    ori_doctor_say(doctor, ORI_DOCTOR_OK, "cost", NULL, "%.1f ms a process for the walls",
                   (double)findings->enter_us / 1000);
}

static ori_status make_picture(int fd, int64_t *ret_bytes, struct ori_error *err)
{
    uint8_t samples[3 * SIDE * SIDE];
    uint8_t file[8 * SIDE * SIDE];
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof samples; i++)
        samples[i] = (uint8_t)(7 * i);
    const struct ori_rgb image = {
        .data = samples, .width = SIDE, .height = SIDE, .stride = (ptrdiff_t)3 * SIDE};
    ori_status status = ori_still_encode(&image, ORI_STILL_PNG, 90, file, sizeof file, &bytes, err);
    if (status == ORI_OK && write(fd, file, bytes) != (ssize_t)bytes)
        status = ori_error_set(err, ORI_IO, "a file in memory");
    *ret_bytes = (int64_t)bytes;
    return status;
}

/* Made here, so it is well formed, and read in the decode process all the same. */
static void say_decoding(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    struct ori_picture_request request = {.settings = doctor->settings};
    uint8_t *jpeg = NULL;
    size_t bytes = 0;
    int64_t begin_us = ori_clock_us();
    request.fd = memfd_create("oriane-doctor", MFD_CLOEXEC);
    ori_status status = request.fd < 0 ? ori_error_set(&err, ORI_IO, "no file in memory")
                                       : make_picture(request.fd, &request.bytes, &err);
    if (status == ORI_OK)
        status =
            ori_picture_thumb(&request, ORI_PICTURE_THUMB_MIN, doctor->cancel, &jpeg, &bytes, &err);
    if (request.fd >= 0)
        close(request.fd);
    free(jpeg);
    if (status == ORI_OK)
        ori_doctor_say(doctor, ORI_DOCTOR_OK, "decoding", NULL,
                       "a picture went through a process in %.0f ms",
                       (double)(ori_clock_us() - begin_us) / 1000);
    else
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "decoding",
                       "no video can be decoded before this works", "%s [%s]", err.text,
                       ori_status_code(status));
}

void ori_doctor_sandbox(struct ori_doctor *doctor)
{
    struct ori_error err = {0};
    struct ori_sandbox_findings findings;
    ori_status status = ori_sandbox_probe(&findings, &err);
    if (status == ORI_OK)
        say_walls(doctor, &findings);
    else
        ori_doctor_say(doctor, ORI_DOCTOR_FAIL, "walls",
                       "nothing is decoded without them: the kernel needs seccomp filters, and a "
                       "container must let a process make its own stricter",
                       "%s", err.text);
    say_decoding(doctor);
}
