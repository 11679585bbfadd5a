/* oriane doctor: what protects this program here, and what would keep it from working. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/ending.h"
#include "util/buf.h"
#include "util/json_out.h"
#include "util/utf8.h"

#define PAGE_BYTES_MAX 262144

static const char *const verdicts[] = {
    [ORI_DOCTOR_OK] = "ok", [ORI_DOCTOR_WARN] = "warn", [ORI_DOCTOR_FAIL] = "fail"};

void ori_doctor_say(struct ori_doctor *doctor, enum ori_doctor_verdict verdict, const char *name,
                    const char *hint, const char *format, ...)
{
    ORI_ASSERT(doctor->count < ORI_DOCTOR_ROWS_MAX);
    struct ori_doctor_row *row = &doctor->rows[doctor->count++];
    va_list arguments;
    *row = (struct ori_doctor_row){.verdict = verdict,
                                   .group = doctor->group,
                                   .name = name,
                                   .hint = verdict == ORI_DOCTOR_OK ? NULL : hint};
    va_start(arguments, format);
    vsnprintf(row->text, sizeof row->text, format, arguments);
    va_end(arguments);
    ori_utf8_clean(row->text);
}

static size_t count_of(const struct ori_doctor *doctor, enum ori_doctor_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < doctor->count; i++)
        count += doctor->rows[i].verdict == verdict;
    return count;
}

static void make_json(const struct ori_doctor *doctor, struct ori_buf *page)
{
    ori_json_begin_object(page, NULL);
    ori_json_put_bool(page, "ok", count_of(doctor, ORI_DOCTOR_FAIL) == 0);
    ori_json_put_whole(page, "warnings", (int64_t)count_of(doctor, ORI_DOCTOR_WARN));
    ori_json_put_whole(page, "failures", (int64_t)count_of(doctor, ORI_DOCTOR_FAIL));
    ori_json_begin_array(page, "checks");
    for (size_t i = 0; i < doctor->count; i++) {
        const struct ori_doctor_row *row = &doctor->rows[i];
        ori_json_begin_object(page, NULL);
        ori_json_put_text(page, "group", row->group);
        ori_json_put_text(page, "name", row->name);
        ori_json_put_text(page, "verdict", verdicts[row->verdict]);
        ori_json_put_text(page, "text", row->text);
        ori_json_put_text(page, "hint", row->hint);
        ori_json_end_object(page);
    }
    ori_json_end_array(page);
    ori_json_end_object(page);
    ori_buf_printf(page, "\n");
}

static void make_page(const struct ori_doctor *doctor, struct ori_buf *page)
{
    const char *group = "";
    for (size_t i = 0; i < doctor->count; i++) {
        const struct ori_doctor_row *row = &doctor->rows[i];
        if (row->group != group)
            ori_buf_printf(page, "%s%s\n", i ? "\n" : "", row->group);
        group = row->group;
        ori_buf_printf(page, "  %-5s %-16s %s\n", verdicts[row->verdict], row->name, row->text);
        if (row->hint)
            ori_buf_printf(page, "  %-5s %-16s   %s\n", "", "", row->hint);
    }
    ori_buf_printf(page, "\n%zu checks, %zu warnings, %zu failures\n", doctor->count,
                   count_of(doctor, ORI_DOCTOR_WARN), count_of(doctor, ORI_DOCTOR_FAIL));
}

static enum ori_exit run_doctor(struct ori_cli *cli)
{
    static struct ori_doctor doctor; /* one process, one look; too large for a stack */
    struct ori_error err = {0};
    struct ori_buf page;
    doctor.settings = cli->settings;
    doctor.group = "decode process";
    ori_doctor_sandbox(&doctor);
    doctor.group = "program";
    ori_doctor_program(&doctor);
    doctor.group = "machine";
    ori_doctor_machine(&doctor);
    doctor.group = "model and stores";
    ori_doctor_services(&doctor);
    ori_buf_init(&page, PAGE_BYTES_MAX);
    if (ori_cli_has(cli, "json"))
        make_json(&doctor, &page);
    else
        make_page(&doctor, &page);
    ori_status status = ori_buf_finish(&page, "the findings", &err);
    if (status == ORI_OK)
        fputs(ori_buf_text(&page), stdout);
    ori_buf_deinit(&page);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    return count_of(&doctor, ORI_DOCTOR_FAIL) ? ORI_EXIT_FAILED : ORI_EXIT_OK;
}

static const struct ori_cli_option options[] = {
    {.name = "json",
     .kind = ORI_CLI_SWITCH,
     .doc = "one JSON object: {\"ok\": true, \"checks\": [{\"group\", \"name\", \"verdict\", "
            "\"text\", \"hint\"}]}"},
};

const struct ori_verb ori_verb_doctor = {
    .name = "doctor",
    .summary = "what protects this program here, and what would keep it from working",
    .usage = "[options]",
    .description =
        "Tries the walls around the decode process, looks at the program, the machine, the "
        "folders,\n"
        "the model, and at S3 and Qdrant where they are set. Each line says ok, warn or fail, and "
        "the\n"
        "line below it what to do. Nothing is changed. Exit code 1 when something failed.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .run = run_doctor,
};
