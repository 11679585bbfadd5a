/* What becomes of an item that failed: every row of status_tbl.h, and the edges of the counts. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/retry.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
enum { SECOND = 1000000 };

/* Rows that are worth another attempt; every other row is the video's own fault, or final. */
static const struct {
    ori_status status;
    enum ori_retry_class expected;
} passing[] = {
    {ORI_CHILD_CRASHED, ORI_RETRY_SOON}, {ORI_CHILD_PROTOCOL, ORI_RETRY_SOON},
    {ORI_TIMEOUT, ORI_RETRY_SOON},       {ORI_BACKEND, ORI_RETRY_SOON},
    {ORI_AGAIN, ORI_RETRY_LATER},        {ORI_NOMEM, ORI_RETRY_LATER},
    {ORI_IO, ORI_RETRY_LATER},           {ORI_DISK_FULL, ORI_RETRY_LATER},
    {ORI_STORE, ORI_RETRY_LATER},        {ORI_STORE_IN_USE, ORI_RETRY_LATER},
    {ORI_OVERLOADED, ORI_RETRY_LATER},   {ORI_NOT_READY, ORI_RETRY_LATER},
    {ORI_NETWORK, ORI_RETRY_LATER},      {ORI_SOURCE_CHANGED, ORI_RETRY_LATER},
    {ORI_CANCELLED, ORI_RETRY_LOST},     {ORI_LOST, ORI_RETRY_LOST},
    {ORI_STORE_DOWN, ORI_RETRY_OUTAGE},
};

static void every_status_has_its_class(void **state)
{
    (void)state;
    for (int row = 1; row < ORI_STATUS_COUNT; row++) {
        enum ori_retry_class expected = ORI_RETRY_NEVER;
        for (size_t i = 0; i < COUNT_OF(passing); i++) {
            if ((int)passing[i].status == row)
                expected = passing[i].expected;
        }
        print_message("%s\n", ori_status_code((ori_status)row));
        assert_int_equal(ori_retry_class_of((ori_status)row, NULL), expected);
        /* and what the API calls retryable is what is tried again */
        assert_int_equal(ori_status_is_retryable((ori_status)row), expected != ORI_RETRY_NEVER);
    }
}

static void a_child_killed_from_outside_is_lost(void **state)
{
    (void)state;
    static const struct {
        int signal;
        enum ori_retry_class expected;
    } rows[] = {{0, ORI_RETRY_SOON},
                {SIGSEGV, ORI_RETRY_SOON},
                {SIGABRT, ORI_RETRY_SOON},
                {SIGKILL, ORI_RETRY_LOST}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {.status = ORI_CHILD_CRASHED, .native = rows[i].signal};
        assert_int_equal(ori_retry_class_of(ORI_CHILD_CRASHED, &err), rows[i].expected);
        /* errno 9 is EBADF, no signal */
        assert_int_equal(ori_retry_class_of(ORI_IO, &err), ORI_RETRY_LATER);
    }
}

static void decides(void **state)
{
    (void)state;
    static const struct {
        ori_status status;
        int attempts;
        int losses;
        enum ori_job_outcome_kind kind;
        const char *code;
        int64_t least_us; /* after now */
        int64_t most_us;
    } rows[] = {
        {ORI_DECODE, 0, 0, ORI_JOB_OUTCOME_FAILED, "decode_failed", 0, 0},
        {ORI_CHILD_CRASHED, 0, 0, ORI_JOB_OUTCOME_RETRY, "decoder_crashed", SECOND / 2, SECOND},
        {ORI_CHILD_CRASHED, 1, 0, ORI_JOB_OUTCOME_RETRY, "decoder_crashed", SECOND, 2 * SECOND},
        {ORI_CHILD_CRASHED, 2, 0, ORI_JOB_OUTCOME_FAILED, "decoder_crashed", 0, 0},
        {ORI_CHILD_CRASHED, 99, 0, ORI_JOB_OUTCOME_FAILED, "decoder_crashed", 0, 0},
        {ORI_STORE, 0, 0, ORI_JOB_OUTCOME_RETRY, "store_failed", 5 * SECOND / 2, 5 * SECOND},
        {ORI_STORE, 1, 7, ORI_JOB_OUTCOME_RETRY, "store_failed", 5 * SECOND, 10 * SECOND},
        {ORI_STORE_DOWN, 2, 0, ORI_JOB_OUTCOME_LOST, "store_unavailable", SECOND / 2, SECOND},
        {ORI_STORE_DOWN, 0, ORI_LIMIT_MAX_ITEM_LOSSES - 1, ORI_JOB_OUTCOME_LOST,
         "store_unavailable", 30 * SECOND, 60 * SECOND},
        {ORI_STORE_DOWN, 0, ORI_LIMIT_MAX_ITEM_LOSSES, ORI_JOB_OUTCOME_FAILED, "store_unavailable",
         0, 0},
        {ORI_STORE_DENIED, 0, 0, ORI_JOB_OUTCOME_FAILED, "store_denied", 0, 0},
        {ORI_CANCELLED, 2, 0, ORI_JOB_OUTCOME_LOST, "cancelled", SECOND / 10, SECOND / 5},
        {ORI_CANCELLED, 0, ORI_LIMIT_MAX_ITEM_LOSSES - 1, ORI_JOB_OUTCOME_LOST, "cancelled",
         30 * SECOND, 60 * SECOND},
        {ORI_CANCELLED, 0, ORI_LIMIT_MAX_ITEM_LOSSES, ORI_JOB_OUTCOME_FAILED, "worker_lost", 0, 0},
    };
    static const uint32_t randoms[] = {0, 1, UINT32_MAX / 2, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(randoms); i++) {
        size_t row = i / COUNT_OF(randoms);
        struct ori_error err = {.status = rows[row].status, .stage = "decode", .text = "why"};
        struct ori_job_outcome outcome = {.message = "mine"};
        struct ori_retry_question question = {.status = rows[row].status,
                                              .err = &err,
                                              .attempts = rows[row].attempts,
                                              .losses = rows[row].losses,
                                              .attempts_max = 3,
                                              .now_us = 1000,
                                              .random = randoms[i % COUNT_OF(randoms)]};
        ori_retry_decide(&question, &outcome);
        assert_int_equal(outcome.kind, rows[row].kind);
        assert_string_equal(outcome.error.code, rows[row].code);
        assert_string_equal(outcome.error.stage, "decode");
        assert_non_null(strstr(outcome.error.message, "why"));
        assert_string_equal(outcome.message, "mine");
        if (rows[row].kind == ORI_JOB_OUTCOME_FAILED)
            continue;
        assert_in_range(outcome.not_before_us - 1000, rows[row].least_us, rows[row].most_us);
    }
}

static void waits_have_a_longest(void **state)
{
    (void)state;
    static const struct {
        ori_status status;
        int64_t longest_us;
    } rows[] = {{ORI_TIMEOUT, 30 * SECOND}, {ORI_NETWORK, 600 * (int64_t)SECOND}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_job_outcome outcome = {0};
        struct ori_retry_question question = {
            .status = rows[i].status, .attempts = 98, .attempts_max = 100, .random = UINT32_MAX};
        ori_retry_decide(&question, &outcome);
        assert_int_equal(outcome.kind, ORI_JOB_OUTCOME_RETRY);
        assert_int_equal(outcome.not_before_us, rows[i].longest_us);
    }
}

/* What a server asks for is waited for, from the backoff on up to the limit; by what may pass alone. */
static void patience_that_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        ori_status status;
        int64_t asked_ms;
        int64_t wait_us;
    } rows[] = {
        {ORI_NETWORK, 0, 5 * SECOND},
        {ORI_NETWORK, 4000, 5 * SECOND},
        {ORI_NETWORK, 60000, 60 * SECOND},
        {ORI_NETWORK, ORI_LIMIT_MAX_SOURCE_WAIT_MS, INT64_C(3600) * SECOND},
        {ORI_NETWORK, ORI_LIMIT_MAX_SOURCE_WAIT_MS + 1, INT64_C(3600) * SECOND},
        {ORI_NETWORK, INT64_MAX, INT64_C(3600) * SECOND},
        {ORI_TIMEOUT, 60000, SECOND},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ori_error err = {.status = rows[i].status, .retry_after_ms = rows[i].asked_ms};
        struct ori_job_outcome outcome = {0};
        struct ori_retry_question question = {
            .status = rows[i].status, .err = &err, .attempts_max = 3, .random = UINT32_MAX};
        ori_retry_decide(&question, &outcome);
        assert_int_equal(outcome.kind, ORI_JOB_OUTCOME_RETRY);
        assert_in_range(outcome.not_before_us, rows[i].wait_us - 1, rows[i].wait_us);
    }
}

static void texts_fit(void **state)
{
    (void)state;
    struct ori_error err = {.status = ORI_NETWORK};
    struct ori_job_outcome outcome = {0};
    struct ori_retry_question question = {
        .status = ORI_CANCELLED, .err = &err, .losses = ORI_LIMIT_MAX_ITEM_LOSSES};
    memset(err.text, 'x', sizeof err.text - 1);
    ori_retry_decide(&question, &outcome);
    assert_int_equal(strlen(outcome.error.message), ORI_ERROR_TEXT_MAX - 1);
    question.err = NULL; /* nothing known: the row's own words */
    question.losses = 0;
    ori_retry_decide(&question, &outcome);
    assert_string_equal(outcome.error.message, "stopped on request");
    assert_string_equal(outcome.error.stage, "");
    for (int row = 0; row < ORI_STATUS_COUNT; row++)
        assert_true(strlen(ori_status_code((ori_status)row)) < ORI_JOB_ERROR_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_class),
        cmocka_unit_test(a_child_killed_from_outside_is_lost),
        cmocka_unit_test(decides),
        cmocka_unit_test(waits_have_a_longest),
        cmocka_unit_test(patience_that_is_asked_for),
        cmocka_unit_test(texts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
