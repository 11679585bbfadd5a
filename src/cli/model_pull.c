/* oriane model pull. */
#include <jansson.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/model_actions.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "embed/hub.h"
#include "net/egress.h"
#include "util/clock.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/text.h"

#define REDRAW_US 100000
#define SAY_US 30000000 /* where no terminal shows a line that changes */
#define TOKEN_BYTES_MAX 1024
#define PAGE_BYTES_MAX 65536

struct pull {
    struct ori_cli *cli;
    int64_t begin_us;
    int64_t drawn_us;
    bool has_begun; /* bytes have come */
};

static void on_progress(void *self, const struct ori_hub_progress *progress)
{
    struct pull *pull = self;
    const struct ori_log *log = &pull->cli->log;
    int64_t now_us = ori_clock_us();
    char line[ORI_PROGRESS_BYTES];
    bool is_terminal = ori_log_sink_is_terminal(log->sink);
    pull->has_begun = pull->has_begun || progress->bytes_loaded > 0;
    if (now_us - pull->drawn_us < (is_terminal ? REDRAW_US : SAY_US))
        return;
    struct ori_progress_load load = {.file = progress->file,
                                     .bytes = progress->bytes,
                                     .bytes_total = progress->bytes_total,
                                     .bytes_loaded = progress->bytes_loaded,
                                     .elapsed_us = now_us - pull->begin_us};
    /* One column less than there are: a full line would make the terminal wrap. */
    ori_progress_render_load(&load, ori_table_line_width(STDERR_FILENO), line);
    if (is_terminal)
        ori_log_status(log, line);
    else
        ori_log_say(log, "%s", line);
    pull->drawn_us = now_us;
}

static void on_file(void *self, const char *name, int64_t bytes, bool was_here)
{
    struct pull *pull = self;
    char size[ORI_PROGRESS_SIZE_BYTES];
    ori_progress_size(bytes, size);
    ori_log_say(&pull->cli->log, "%s  %s%s", name, size, was_here ? "  (was here)" : "");
}

static void on_note(void *self, const char *text)
{
    struct pull *pull = self;
    ori_log_say(&pull->cli->log, "%s", text);
}

/* The token that Hugging Face's own tools keep in HF_HOME; *ret_token stays NULL when there is none.
 * One that cannot be read is none: most models need none. */
static ori_status read_token(const struct ori_settings *settings, char **ret_token,
                             struct ori_error *err)
{
    char *path = NULL;
    char *data = NULL;
    size_t bytes = 0;
    ori_status status = ori_fs_join(settings->hf_home, "token", &path, err);
    if (status == ORI_OK &&
        ori_fs_read_file(AT_FDCWD, path, TOKEN_BYTES_MAX, &data, &bytes, NULL) == ORI_OK) {
        while (bytes > 0 && strchr(" \t\r\n", data[bytes - 1]))
            data[--bytes] = '\0';
        if (bytes > 0 && strlen(data) == bytes && !ori_text_has_control(data)) {
            *ret_token = data;
            data = NULL;
        }
    }
    free(data);
    free(path);
    return status;
}

static ori_status print_page(struct ori_model_verb *verb, const char *repo,
                             const struct ori_hub_pulled *pulled, struct ori_error *err)
{
    struct ori_buf page;
    char size[ORI_PROGRESS_SIZE_BYTES];
    char loaded[ORI_PROGRESS_SIZE_BYTES];
    ori_buf_init(&page, PAGE_BYTES_MAX);
    ori_progress_size(pulled->bytes, size);
    ori_progress_size(pulled->bytes_loaded, loaded);
    ori_buf_printf(&page, "model    %s@%s\n", repo, pulled->revision);
    ori_buf_printf(&page, "commit   %s\n", pulled->commit);
    ori_buf_printf(&page, "folder   %s\n", pulled->folder);
    ori_buf_printf(&page, "size     %s in %lld files; %s loaded now\n", size,
                   (long long)pulled->files, loaded);
    ori_buf_printf(&page, "licence  %s\n", pulled->licence[0] ? pulled->licence : "not said");
    ori_status status = ori_output_page(&page, &verb->session.cancel, err);
    ori_buf_deinit(&page);
    return status;
}

static ori_status print_json(struct ori_model_verb *verb, const char *repo,
                             const struct ori_hub_pulled *pulled, struct ori_error *err)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:I}", "name", repo, "revision",
                             pulled->revision, "commit", pulled->commit, "folder", pulled->folder,
                             "licence", pulled->licence[0] ? pulled->licence : NULL, "files",
                             (json_int_t)pulled->files, "bytes", (json_int_t)pulled->bytes,
                             "bytes_loaded", (json_int_t)pulled->bytes_loaded);
    return ori_output_json(json, &verb->session.cancel, err);
}

ori_status ori_model_verb_pull(struct ori_model_verb *verb, const char *operand,
                               struct ori_error *err)
{
    struct ori_cli *cli = verb->cli;
    const struct ori_settings *settings = cli->settings;
    struct pull pull = {.cli = cli, .begin_us = ori_clock_us()};
    pull.drawn_us = pull.begin_us;
    struct ori_hub_name name;
    struct ori_hub_pulled pulled = {0};
    char *token = NULL;
    ori_status status = ORI_OK;
    if (!ori_hub_name_parse(operand, &name) || strncmp(operand, "builtin/", 8) == 0)
        return ori_error_set(err, ORI_USAGE,
                             "model pull %.200s: not the name of a model on a hub, which reads "
                             "org/name or org/name@revision",
                             operand);
    if (!ori_secret_is_set(settings->hf_token))
        status = read_token(settings, &token, err);
    struct ori_net_egress egress = ori_net_egress_of(settings);
    egress.proxies_guarded = true; /* whoever pulls has named the hub and the proxy */
    struct ori_hub_options options = {
        .endpoint = settings->hf_endpoint,
        .cache = settings->hf_hub_cache,
        .token = token ? token : ori_secret_reveal(settings->hf_token),
        .allow_private = settings->url_allow_private,
        .stall_s = (int)settings->hf_hub_download_timeout,
        .egress = &egress,
        .log = &cli->log,
        .watch = {&pull, on_progress, on_file, on_note},
    };
    if (status == ORI_OK)
        status = ori_hub_pull(&options, &name, &verb->session.cancel, &pulled, err);
    ori_log_status(&cli->log, NULL);
    if (status == ORI_OK && ori_cli_has(cli, "json"))
        status = print_json(verb, name.repo, &pulled, err);
    else if (status == ORI_OK)
        status = print_page(verb, name.repo, &pulled, err);
    else if (pull.has_begun && ori_status_is_retryable(status))
        ori_log_say(&cli->log, "what has come is kept: the same command goes on from there");
    ori_hub_pulled_deinit(&pulled);
    free(token);
    return status;
}
