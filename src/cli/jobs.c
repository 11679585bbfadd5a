/* oriane jobs: look at the jobs of a running server, run them again, stop them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/jobs_client.h"
#include "cli/jobs_view.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "util/limits.h"

#define PAGE_SIZE 20
#define ITEMS 50
#define TAIL 10
#define RETRIES 2
#define FOLLOW_RETRIES 8 /* a server that is being restarted comes back */
#define FOLLOW_MS 500
#define PATH_BYTES 256

struct jobs {
    struct ori_cli *cli;
    struct ori_session session;
    struct ori_jobs_client client;
    bool has_failed; /* the job that was followed */
};

/* ---- list ---- */

static ori_status list(struct jobs *jobs, const char *id, struct ori_error *err)
{
    struct ori_cli *cli = jobs->cli;
    const char *wanted = ori_cli_text(cli, "status");
    const char *order = ori_cli_text(cli, "order");
    char path[PATH_BYTES];
    struct ori_buf page;
    json_t *answer = NULL;
    (void)id;
    snprintf(path, sizeof path, "/jobs?page=%lld&page_size=%lld&order=%s%s%s",
             (long long)ori_cli_whole(cli, "page", 1),
             (long long)ori_cli_whole(cli, "page-size", PAGE_SIZE), order ? order : "desc",
             wanted ? "&status=" : "", wanted ? wanted : "");
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    ori_status status = ori_jobs_call(&jobs->client, "GET", path, RETRIES, &answer, err);
    if (status == ORI_OK && ori_cli_has(cli, "json")) {
        status = ori_output_json(json_incref(answer), &jobs->session.cancel, err);
    } else if (status == ORI_OK) {
        status = ori_jobs_view_list(answer, ori_table_terminal_width(STDOUT_FILENO), &page, err);
        if (status == ORI_OK)
            status = ori_output_page(&page, &jobs->session.cancel, err);
    }
    ori_buf_deinit(&page);
    json_decref(answer);
    return status;
}

/* ---- show ---- */

/* Until the job has ended, with a line that says how far it is. */
static ori_status follow(struct jobs *jobs, const char *id, struct ori_error *err)
{
    char path[PATH_BYTES];
    bool has_ended = false;
    ori_status status = ORI_OK;
    snprintf(path, sizeof path, "/status/%s?tail=0", id);
    while (status == ORI_OK && !has_ended) {
        json_t *answer = NULL;
        char line[ORI_JOBS_LINE_BYTES];
        bool is_well = false;
        status = ori_jobs_call(&jobs->client, "GET", path, FOLLOW_RETRIES, &answer, err);
        if (status == ORI_OK) {
            has_ended = ori_jobs_view_has_ended(answer, &is_well);
            jobs->has_failed = !is_well;
            ori_jobs_view_line(answer, ori_table_terminal_width(STDERR_FILENO), line);
            ori_log_status(&jobs->cli->log, line);
        }
        json_decref(answer);
        if (status == ORI_OK && !has_ended &&
            ori_cancel_wait(&jobs->session.cancel, FOLLOW_MS) == ORI_CANCELLED)
            status = ori_error_set(err, ORI_CANCELLED, "%s", ori_status_text(ORI_CANCELLED));
    }
    ori_log_status(&jobs->cli->log, NULL);
    return status;
}

static ori_status print_job(struct jobs *jobs, json_t *job, const json_t *logs,
                            struct ori_error *err)
{
    struct ori_buf page;
    size_t items = (size_t)ori_cli_whole(jobs->cli, "items", ITEMS);
    if (ori_cli_has(jobs->cli, "json")) {
        if (logs && json_object_set(job, "logs", (json_t *)logs) != 0)
            return ori_error_set(err, ORI_NOMEM, "answer as JSON");
        return ori_output_json(json_incref(job), &jobs->session.cancel, err);
    }
    ori_buf_init(&page, ORI_LIMIT_MAX_TABLE_BYTES);
    ori_status status =
        ori_jobs_view_job(job, logs, items, ori_table_terminal_width(STDOUT_FILENO), &page, err);
    if (status == ORI_OK)
        status = ori_output_page(&page, &jobs->session.cancel, err);
    ori_buf_deinit(&page);
    return status;
}

static ori_status show(struct jobs *jobs, const char *id, struct ori_error *err)
{
    char path[PATH_BYTES];
    json_t *job = NULL;
    json_t *log = NULL;
    int64_t tail = ori_cli_whole(jobs->cli, "tail", TAIL);
    ori_status status = ORI_OK;
    if (ori_cli_has(jobs->cli, "follow"))
        status = follow(jobs, id, err);
    snprintf(path, sizeof path, "/jobs/%s", id);
    if (status == ORI_OK)
        status = ori_jobs_call(&jobs->client, "GET", path, RETRIES, &job, err);
    snprintf(path, sizeof path, "/status/%s?tail=%lld", id, (long long)tail);
    if (status == ORI_OK && tail > 0)
        status = ori_jobs_call(&jobs->client, "GET", path, RETRIES, &log, err);
    if (status == ORI_OK)
        status = print_job(jobs, job, json_object_get(log, "logs"), err);
    json_decref(job);
    json_decref(log);
    return status;
}

/* ---- retry, stop ---- */

static ori_status change(struct jobs *jobs, const char *id, const char *what, const char *done,
                         struct ori_error *err)
{
    char path[PATH_BYTES];
    char text[PATH_BYTES];
    json_t *answer = NULL;
    snprintf(path, sizeof path, "/jobs/%s/%s", id, what);
    ori_status status = ori_jobs_call(&jobs->client, "POST", path, 0, &answer, err);
    if (status == ORI_OK && ori_cli_has(jobs->cli, "json"))
        status = ori_output_json(json_incref(answer), &jobs->session.cancel, err);
    else if (status == ORI_OK)
        status =
            ori_output_write(text, (size_t)snprintf(text, sizeof text, "job %s %s\n", id, done),
                             &jobs->session.cancel, err);
    json_decref(answer);
    return status;
}

static ori_status retry(struct jobs *jobs, const char *id, struct ori_error *err)
{
    return change(jobs, id, "start", "runs again what did not succeed", err);
}

static ori_status stop(struct jobs *jobs, const char *id, struct ori_error *err)
{
    return change(jobs, id, "stop", "is stopped", err);
}

/* ---- the verb ---- */

static const struct action {
    const char *name;
    bool has_id;
    ori_status (*run)(struct jobs *jobs, const char *id, struct ori_error *err);
} actions[] = {
    {"list", false, list}, {"show", true, show}, {"retry", true, retry}, {"stop", true, stop}};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    return NULL;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(*words, word) == 0)
            return true;
    }
    return false;
}

/* Everything that is wrong with the words themselves, before anybody is called. */
static enum ori_exit check_words(struct ori_cli *cli, const struct action **ret_action)
{
    static const char *const states[] = {"pending", "running", "completed",
                                         "failed",  "stopped", NULL};
    static const char *const orders[] = {"asc", "desc", NULL};
    const char *status = ori_cli_text(cli, "status");
    const char *order = ori_cli_text(cli, "order");
    if (cli->operands_count == 0)
        return ori_cli_usage(cli, "say what to do: list, show, retry or stop");
    *ret_action = find_action(cli->operands[0]);
    if (!*ret_action)
        return ori_cli_usage(cli, "%s: expected list, show, retry or stop", cli->operands[0]);
    if (cli->operands_count != ((*ret_action)->has_id ? 2 : 1))
        return ori_cli_usage(
            cli, (*ret_action)->has_id ? "%s: give the id of one job" : "%s takes no operand",
            cli->operands[0]);
    if ((*ret_action)->has_id && !ori_jobs_is_id(cli->operands[1]))
        return ori_cli_usage(cli, "%s: not the id of a job (oriane jobs list shows them)",
                             cli->operands[1]);
    if (status && !is_one_of(status, states))
        return ori_cli_usage(
            cli, "--status=%s: expected pending, running, completed, failed or stopped", status);
    if (order && !is_one_of(order, orders))
        return ori_cli_usage(cli, "--order=%s: expected asc or desc", order);
    return ORI_EXIT_OK;
}

static enum ori_exit run_jobs(struct ori_cli *cli)
{
    struct jobs jobs = {.cli = cli};
    struct ori_error err = {0};
    const struct action *action = NULL;
    enum ori_exit code = check_words(cli, &action);
    if (code != ORI_EXIT_OK)
        return code;
    ori_status status = ori_session_begin(&jobs.session, &err);
    if (status != ORI_OK)
        return ori_cli_fail(cli, &err);
    status = ori_jobs_open(cli, &jobs.session.cancel, &jobs.client, &err);
    if (status == ORI_OK)
        status = action->run(&jobs, action->has_id ? cli->operands[1] : NULL, &err);
    ori_jobs_close(&jobs.client);
    ori_session_end(&jobs.session);
    code = ori_jobs_ending(cli, &jobs.client, status, &err);
    return code == ORI_EXIT_OK && jobs.has_failed ? ORI_EXIT_FAILED : code;
}

static const struct ori_cli_option options[] = {
    ORI_JOBS_OPTION_SERVER,
    ORI_JOBS_OPTION_KEY,
    {.name = "status",
     .kind = ORI_CLI_TEXT,
     .argument = "WORD",
     .doc = "list: pending, running, completed, failed or stopped ones alone"},
    {.name = "order",
     .kind = ORI_CLI_TEXT,
     .argument = "WORD",
     .doc = "list: desc, the newest first (so when not given), or asc"},
    {.name = "page",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = 1,
     .max = 1000000,
     .doc = "list: which page"},
    {.name = "page-size",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = 1,
     .max = 100,
     .doc = "list: jobs a page; 20 when not given"},
    {.name = "items",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = 0,
     .max = ORI_LIMIT_MAX_TABLE_ROWS,
     .doc = "show: videos of the table, at most; 50 when not given"},
    {.name = "tail",
     .kind = ORI_CLI_WHOLE,
     .argument = "N",
     .min = 0,
     .max = ORI_LIMIT_MAX_TAIL_LINES,
     .doc = "show: last lines of the log; 10 when not given"},
    {.name = "follow",
     .kind = ORI_CLI_SWITCH,
     .doc = "show: wait until the job has ended; exit code 1 unless it is completed"},
    ORI_JOBS_OPTION_TIMEOUT,
    {.name = "json", .kind = ORI_CLI_SWITCH, .doc = "the server's answer as JSON"},
};

const struct ori_verb ori_verb_jobs = {
    .name = "jobs",
    .summary = "the jobs of a running server: look, run again, stop",
    .usage = "[options] list | show ID | retry ID | stop ID",
    .description = "list shows the newest jobs, show one of them with its videos, the failed ones "
                   "first. retry runs again the videos of a job that did not succeed; stop ends a "
                   "job.",
    .options = options,
    .options_count = sizeof options / sizeof options[0],
    .operands_max = 2,
    .run = run_jobs,
};
