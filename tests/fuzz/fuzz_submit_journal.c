/* The journal of `oriane submit`, that anybody may have written over. What is taken is taken again, and
 * goes on: a request put behind it is there when it is opened next. */
#include <stdio.h>
#include <unistd.h>

#include "cli/jobs_client.h"
#include "cli/submit_journal.h"
#include "fuzz_folder.h"
#include "fuzz_input.h"
#include "util/limits.h"

#define PURPOSE "http://127.0.0.1:1 list.csv"
#define BODY "{\"items\":[{\"platform\":\"fuzz\",\"code\":\"after\"}]}"
#define JOB "0b0e7a52-0d5c-4b57-9c3e-2f6f1f0a9a11"

static char path[160];

static void drop(void)
{
    unlink(path);
}

/* Where it lies, which the program alone decides. */
static void find_path(void)
{
    struct ori_submit_journal journal;
    if (path[0])
        return;
    (void)fuzz_folder_fd();
    MUST(ori_submit_journal_open(fuzz_folder, PURPOSE, true, &journal, NULL) == ORI_OK);
    MUST((size_t)snprintf(path, sizeof path, "%s", journal.path) < sizeof path);
    ori_submit_journal_close(&journal);
    atexit(drop);
}

static void put(const uint8_t *data, size_t bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0 && ori_fs_write_all(fd, data, bytes, NULL) == ORI_OK);
    close(fd);
}

static void check_taken(const struct ori_submit_journal *journal)
{
    MUST(!journal->body || (journal->is_left_over && journal->body_items >= 1 &&
                            strlen(journal->key) == ORI_SUBMIT_KEY_BYTES - 1 &&
                            strlen(journal->body) == journal->body_bytes));
    for (size_t i = 0; i < journal->jobs_count; i++)
        MUST(ori_jobs_is_id(journal->jobs[i].id) && journal->jobs[i].items >= 1);
}

/* One more request and its job, then opened again: both are there, and all that was before. */
static void go_on(void)
{
    struct ori_submit_journal journal;
    struct ori_error err = {0};
    MUST(ori_submit_journal_open(fuzz_folder, PURPOSE, false, &journal, &err) == ORI_OK);
    check_taken(&journal);
    const size_t jobs = journal.jobs_count;
    const bool has_body = journal.body != NULL;
    if (has_body)
        MUST(ori_submit_journal_drop(&journal, &err) == ORI_OK);
    MUST(ori_submit_journal_begin(&journal, strdup(BODY), strlen(BODY), 1, &err) == ORI_OK);
    ori_submit_journal_close(&journal);
    MUST(ori_submit_journal_open(fuzz_folder, PURPOSE, false, &journal, &err) == ORI_OK);
    MUST(journal.jobs_count == jobs && journal.body && strcmp(journal.body, BODY) == 0);
    MUST(ori_submit_journal_end(&journal, JOB, &err) == ORI_OK);
    ori_submit_journal_close(&journal);
    MUST(ori_submit_journal_open(fuzz_folder, PURPOSE, false, &journal, &err) == ORI_OK);
    MUST(journal.jobs_count == jobs + 1 && !journal.body);
    MUST(strcmp(journal.jobs[jobs].id, JOB) == 0);
    ori_submit_journal_close(&journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct ori_submit_journal journal;
    struct ori_error err = {0};
    find_path();
    put(data, bytes);
    const ori_status status = ori_submit_journal_open(fuzz_folder, PURPOSE, false, &journal, &err);
    if (status == ORI_OK) {
        check_taken(&journal);
        ori_submit_journal_close(&journal);
        go_on();
    } else {
        MUST(err.status == status && err.text[0] != '\0');
        MUST(status == ORI_STORE || status == ORI_STORE_VERSION || status == ORI_LIMIT);
        MUST(journal.fd == -1 && !journal.path && !journal.body);
    }
    return 0;
}
