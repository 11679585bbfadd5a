/* The hub over the real job store: what listeners are told, in which order, and when it ends. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "jobs/hub.h"
#include "jobs_world.h"

enum { TEXT_MAX = 1 << 20 };

/* A listener with an eventfd, and all that it was given. */
struct ear {
    struct ori_listener *listener;
    int fd;
    atomic_int calls;
    char *text;
    size_t used;
};

static struct ori_hub *hub;

static int begin(void **state)
{
    (void)state;
    struct ori_error err = {0};
    begin_world(NULL, 0);
    assert_int_equal(ori_hub_create(world.store, &hub, &err), ORI_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(ori_hub_listeners(hub), 0);
    ori_hub_destroy(&hub);
    ori_hub_destroy(&hub);
    assert_null(hub);
    end_world();
    return 0;
}

static void on_more(void *self)
{
    struct ear *ear = self;
    uint64_t one = 1;
    atomic_fetch_add(&ear->calls, 1);
    assert_int_equal(write(ear->fd, &one, sizeof one), sizeof one);
}

static ori_status try_listen(struct ear *ear, const struct ori_job *job, int64_t last)
{
    struct ori_error err = {0};
    struct ori_listener_options options = {.job = job->seq,
                                           .job_id = job->job_id,
                                           .has_last = last >= 0,
                                           .last = last,
                                           .on_more = on_more,
                                           .on_more_self = ear};
    return ori_listener_open(hub, &options, &ear->listener, &err);
}

static struct ear *listen_to(const struct ori_job *job, int64_t last)
{
    struct ear *ear = calloc(1, sizeof *ear);
    assert_non_null(ear);
    ear->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ear->text = calloc(1, TEXT_MAX);
    assert_true(ear->fd >= 0 && ear->text != NULL);
    assert_int_equal(try_listen(ear, job, last), ORI_OK);
    return ear;
}

static void leave(struct ear **ear)
{
    ori_listener_close(&(*ear)->listener);
    ori_listener_close(&(*ear)->listener);
    close((*ear)->fd);
    free((*ear)->text);
    free(*ear);
    *ear = NULL;
}

/* All that can be read now, step bytes at a time; what the last read said. */
static ori_status hear(struct ear *ear, size_t step)
{
    for (;;) {
        size_t bytes = 0;
        assert_true(ear->used + step < TEXT_MAX);
        ori_status status = ori_listener_read(ear->listener, ear->text + ear->used, step, &bytes);
        if (status != ORI_OK)
            return status;
        assert_in_range(bytes, 1, step);
        ear->used += bytes;
        ear->text[ear->used] = '\0';
    }
}

/* Until the text has the words, or, with words NULL, the end. */
static void hear_until(struct ear *ear, const char *words, size_t step)
{
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    for (;;) {
        ori_status status = hear(ear, step);
        if (words ? strstr(ear->text, words) != NULL : status == ORI_EOF)
            return;
        if (status == ORI_EOF || ori_clock_us() > deadline_us)
            fail_msg("heard %s", ear->text);
        uint64_t count = 0;
        struct pollfd more = {.fd = ear->fd, .events = POLLIN};
        (void)poll(&more, 1, PATIENCE_MS);
        (void)!read(ear->fd, &count, sizeof count);
    }
}

static int times(const char *text, const char *words)
{
    int count = 0;
    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        count++;
    return count;
}

/* Ids in order, each once; the number of events. */
static int events_in_order(const char *text)
{
    int count = 0;
    long long last = -1;
    for (const char *at = text; *at; count++) {
        long long id = 0;
        assert_int_equal(sscanf(at, "id: %lld\nevent: ", &id), 1);
        assert_true(id > last);
        last = id;
        at = strstr(at, "\n\n");
        assert_non_null(at);
        at += 2;
    }
    return count;
}

static int64_t last_id(const char *text)
{
    long long id = 0;
    for (const char *at = strstr(text, "id: "); at; at = strstr(at + 1, "\nid: "))
        assert_int_equal(sscanf(at[0] == '\n' ? at + 1 : at, "id: %lld", &id), 1);
    return id;
}

static void say(const struct ori_job *job, const char *text)
{
    struct ori_error err = {0};
    assert_int_equal(
        ori_job_store_log(world.store, job->seq, "info", text, ori_clock_wall_us(), &err), ORI_OK);
}

static void say_many(const struct ori_job *job, int count)
{
    char text[32];
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "line %d.", i);
        say(job, text);
    }
}

/* Claims the next item and ends it well. */
static void work_one(void)
{
    struct ori_error err = {0};
    struct ori_job_claim claim;
    int64_t next_us = 0;
    struct ori_job_claim_rules rules = {.jobs_max = 9,
                                        .quantum = 9,
                                        .lease_us = 30000000,
                                        .now_us = ori_clock_wall_us(),
                                        .batch_size = 1};
    assert_int_equal(ori_job_store_claim(world.store, &rules, &claim, &next_us, &err), ORI_OK);
    struct ori_job_outcome outcome = {
        .kind = ORI_JOB_OUTCOME_SUCCESS, .frames = 2, .message = "2 frames"};
    assert_int_equal(ori_job_store_finish(world.store, &claim, &outcome, ori_clock_wall_us(), &err),
                     ORI_OK);
}

/* ---- tests ---- */

static void from_the_state_to_the_end(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 4096};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct ori_job job = submit("a", 2, plain_options);
        struct ear *ear = listen_to(&job, -1);
        assert_int_equal(hear(ear, steps[i]), ORI_AGAIN);
        assert_int_equal(events_in_order(ear->text), 1);
        assert_int_equal(times(ear->text, "event: state\ndata: {\"status\":\"pending\""), 1);
        assert_int_equal(times(ear->text, "\"waiting\":2"), 1);
        work_one();
        work_one();
        hear_until(ear, NULL, steps[i]);
        assert_true(events_in_order(ear->text) > 5);
        assert_int_equal(times(ear->text, "\"status\":\"completed\""), 1);
        assert_int_equal(times(ear->text, "event: log"), 2);
        assert_true(times(ear->text, "event: item") >= 4);
        assert_int_equal(hear(ear, steps[i]), ORI_EOF); /* and stays so */
        leave(&ear);
    }
}

static void a_job_that_has_ended(void **state)
{
    (void)state;
    struct ori_job job = submit("a", 1, plain_options);
    work_one();
    struct ear *ear = listen_to(&job, -1);
    assert_int_equal(hear(ear, 4096), ORI_EOF);
    assert_int_equal(events_in_order(ear->text), 1);
    assert_int_equal(times(ear->text, "{\"status\":\"completed\",\"progress\":100"), 1);
    /* whoever comes back after the end is told the end again, or would come back for ever */
    struct ear *again = listen_to(&job, last_id(ear->text));
    assert_int_equal(hear(again, 4096), ORI_EOF);
    assert_int_equal(times(again->text, "completed"), 1);
    leave(&again);
    leave(&ear);
}

static void comes_back_to_where_it_was(void **state)
{
    (void)state;
    struct ori_job job = submit("a", 2, plain_options);
    struct ori_job other = submit("b", 1, plain_options);
    say_many(&job, 5);
    say(&other, "not for you");
    struct ear *first = listen_to(&job, -1);
    assert_int_equal(hear(first, 4096), ORI_AGAIN);
    assert_int_equal(times(first->text, "line"), 0); /* the state alone */
    int64_t id = last_id(first->text);
    leave(&first);
    say_many(&job, 3);
    struct ear *second = listen_to(&job, id);
    say(&job, "the last");
    hear_until(second, "the last", 16);
    assert_int_equal(events_in_order(second->text), 4);
    assert_int_equal(times(second->text, "event: state"), 0);
    assert_int_equal(times(second->text, "not for you"), 0);
    leave(&second);
    struct ear *third = listen_to(&job, 0); /* from the beginning */
    assert_int_equal(hear(third, 4096), ORI_AGAIN);
    assert_int_equal(times(third->text, "line"), 8);
    leave(&third);
    struct ear *stranger = listen_to(&job, INT64_MAX); /* an id of another store */
    assert_int_equal(hear(stranger, 4096), ORI_AGAIN);
    assert_int_equal(times(stranger->text, "event: state"), 1);
    assert_int_equal(events_in_order(stranger->text), 1);
    leave(&stranger);
}

/* More than a job keeps: what is gone cannot be told, the state can. */
static void what_is_gone_is_the_state(void **state)
{
    (void)state;
    struct ori_job job = submit("a", 1, plain_options);
    ori_hub_destroy(&hub);
    ori_job_store_close(&world.store);
    struct ori_error err = {0};
    struct ori_job_store_options options = {.path = "jobs.db", .readers = 1};
    struct ori_job_store_limits limits = {.events_max = ORI_LIMIT_MAX_JOB_EVENTS,
                                          .logs_max = ORI_LIMIT_MAX_JOB_EVENTS,
                                          .busy_ms = 10000};
    assert_int_equal(ori_job_store_open_sqlite(&options, &limits, &world.store, &err), ORI_OK);
    assert_int_equal(ori_hub_create(world.store, &hub, &err), ORI_OK);
    say_many(&job, ORI_LIMIT_MAX_JOB_EVENTS + 10);
    struct ear *ear = listen_to(&job, 0);
    assert_int_equal(hear(ear, 4096), ORI_AGAIN);
    assert_int_equal(events_in_order(ear->text), 1);
    assert_int_equal(times(ear->text, "event: state"), 1);
    leave(&ear);
}

static void a_deleted_job(void **state)
{
    (void)state;
    struct ori_error err = {0};
    struct ori_job job = submit("a", 1, plain_options);
    struct ear *ear = listen_to(&job, -1);
    assert_int_equal(hear(ear, 4096), ORI_AGAIN);
    assert_int_equal(ori_job_store_delete(world.store, job.job_id, &err), ORI_OK);
    ori_hub_forget(hub, job.seq);
    ori_hub_forget(hub, job.seq + 1);
    hear_until(ear, NULL, 4096);
    struct ear late = {.fd = -1};
    assert_int_equal(try_listen(&late, &job, -1), ORI_NOT_FOUND);
    assert_null(late.listener);
    assert_int_equal(ori_hub_listeners(hub), 1);
    leave(&ear);
}

/* Events of others do not make a quiet listener too slow; its own that it does not read do. */
static void too_slow(void **state)
{
    (void)state;
    enum { LINE = 1000, LINES = ORI_LIMIT_MAX_HUB_BYTES / LINE + 100 };
    char text[LINE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct ori_job quiet_job = submit("quiet", 1, plain_options);
    struct ori_job loud_job = submit("loud", 1, plain_options);
    struct ear *quiet = listen_to(&quiet_job, -1);
    struct ear *slow = listen_to(&loud_job, -1);
    struct ear *quick = listen_to(&loud_job, -1);
    assert_int_equal(hear(quiet, 4096), ORI_AGAIN);
    assert_int_equal(hear(slow, 4096), ORI_AGAIN);
    for (int i = 0; i < LINES; i++) {
        say(&loud_job, text);
        if (i % 100 != 99)
            continue;
        say(&loud_job, "mark");
        quick->used = 0;
        quick->text[0] = '\0';
        hear_until(quick, "mark", 65536);
    }
    assert_int_equal(hear(slow, 4096), ORI_EOF);
    say(&quiet_job, "still here");
    hear_until(quiet, "still here", 4096);
    leave(&quick);
    leave(&slow);
    leave(&quiet);
}

static void as_many_as_may_listen(void **state)
{
    (void)state;
    struct ori_job job = submit("a", 1, plain_options);
    static struct ear quiet = {.fd = -1};
    struct ori_listener **listeners = calloc(ORI_LIMIT_MAX_LISTENERS, sizeof *listeners);
    assert_non_null(listeners);
    for (int i = 0; i < ORI_LIMIT_MAX_LISTENERS; i++) {
        assert_int_equal(try_listen(&quiet, &job, -1), ORI_OK);
        listeners[i] = quiet.listener;
    }
    assert_int_equal(try_listen(&quiet, &job, -1), ORI_OVERLOADED);
    ori_listener_close(&listeners[7]);
    assert_int_equal(try_listen(&quiet, &job, -1), ORI_OK);
    listeners[7] = quiet.listener;
    for (int i = 0; i < ORI_LIMIT_MAX_LISTENERS; i++)
        ori_listener_close(&listeners[i]);
    free(listeners);
}

/* Many listeners on one job, opened, read and closed on several threads while it talks. */
enum { CROWD = 4, ROUNDS = 25, SAID = 200 };
static struct ori_job crowd_job;

static void *crowd_thread(void *self)
{
    (void)self;
    for (int i = 0; i < ROUNDS; i++) {
        struct ear *ear = listen_to(&crowd_job, i % 2 ? 0 : -1);
        if (i == ROUNDS - 1)
            hear_until(ear, "that was all", 512);
        else
            (void)hear(ear, 512);
        (void)events_in_order(ear->text);
        leave(&ear);
    }
    return NULL;
}

static void a_crowd(void **state)
{
    (void)state;
    pthread_t threads[CROWD];
    crowd_job = submit("crowd", 1, plain_options);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, NULL), 0);
    say_many(&crowd_job, SAID);
    struct ear *ear = listen_to(&crowd_job, 0);
    say(&crowd_job, "that was all");
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    work_one();
    hear_until(ear, NULL, 4096);
    leave(&ear);
}

/* A thousand listeners on one job: each is called, and the store is read for all of them at once. */
static void a_thousand_listeners(void **state)
{
    (void)state;
    enum { LISTENERS = 1000, EVENTS = 20 };
    static struct ear ears[LISTENERS];
    static char buffer[65536];
    struct ori_job job = submit("a", 1, plain_options);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (int i = 0; i < LISTENERS; i++) {
        size_t bytes = 0;
        ears[i].fd = fd;
        assert_int_equal(try_listen(&ears[i], &job, -1), ORI_OK);
        assert_int_equal(ori_listener_read(ears[i].listener, buffer, sizeof buffer, &bytes),
                         ORI_OK);
        assert_int_equal(ori_listener_read(ears[i].listener, buffer, sizeof buffer, &bytes),
                         ORI_AGAIN);
    }
    say_many(&job, EVENTS);
    int64_t deadline_us = ori_clock_us() + PATIENCE_MS * INT64_C(1000);
    for (int i = 0; i < LISTENERS; i++) {
        int heard = 0;
        while (heard < EVENTS) {
            size_t bytes = 0;
            ori_status status =
                ori_listener_read(ears[i].listener, buffer, sizeof buffer - 1, &bytes);
            buffer[bytes] = '\0';
            heard += times(buffer, "event: log");
            assert_true(status == ORI_OK || status == ORI_AGAIN);
            assert_true(ori_clock_us() < deadline_us);
            uint64_t count = 0;
            struct pollfd more = {.fd = fd, .events = POLLIN};
            if (status == ORI_AGAIN && poll(&more, 1, 20) > 0)
                (void)!read(fd, &count, sizeof count);
        }
        assert_int_equal(heard, EVENTS);
    }
    for (int i = 0; i < LISTENERS; i++)
        ori_listener_close(&ears[i].listener);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_the_state_to_the_end, begin, end),
        cmocka_unit_test_setup_teardown(a_job_that_has_ended, begin, end),
        cmocka_unit_test_setup_teardown(comes_back_to_where_it_was, begin, end),
        cmocka_unit_test_setup_teardown(what_is_gone_is_the_state, begin, end),
        cmocka_unit_test_setup_teardown(a_deleted_job, begin, end),
        cmocka_unit_test_setup_teardown(too_slow, begin, end),
        cmocka_unit_test_setup_teardown(as_many_as_may_listen, begin, end),
        cmocka_unit_test_setup_teardown(a_crowd, begin, end),
        cmocka_unit_test_setup_teardown(a_thousand_listeners, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
