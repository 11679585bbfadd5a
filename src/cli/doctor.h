#pragma once
/* cli/doctor.h: what one look at this machine found, row by row; shared by the files of the verb.
 * Call order  the doctor_* functions in the order of the page; each adds rows
 * Ownership   the list is the verb's; texts are copied
 * Threads     sandbox first, as it forks; one thread */
#include <stddef.h>

#include "config/settings.h"
#include "util/cancel.h"

#define ORI_DOCTOR_ROWS_MAX 64
#define ORI_DOCTOR_TEXT_MAX 512

enum ori_doctor_verdict { ORI_DOCTOR_OK, ORI_DOCTOR_WARN, ORI_DOCTOR_FAIL };

struct ori_doctor_row {
    enum ori_doctor_verdict verdict;
    const char *group; /* static, as is the next */
    const char *name;
    const char *hint; /* static: what to do; NULL for ORI_DOCTOR_OK */
    char text[ORI_DOCTOR_TEXT_MAX];
};
struct ori_doctor {
    const struct ori_settings *settings;
    const struct ori_cancel *cancel;
    const char *group; /* of the rows that come next */
    struct ori_doctor_row rows[ORI_DOCTOR_ROWS_MAX];
    size_t count;
};

/* hint is dropped where all is well. A row too many is a mistake of ours. */
void ori_doctor_say(struct ori_doctor *doctor, enum ori_doctor_verdict verdict, const char *name,
                    const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void ori_doctor_sandbox(struct ori_doctor *doctor);
void ori_doctor_program(struct ori_doctor *doctor);  /* hardening, libraries */
void ori_doctor_machine(struct ori_doctor *doctor);  /* cores, memory, folders, port */
void ori_doctor_services(struct ori_doctor *doctor); /* model, S3, Qdrant */
