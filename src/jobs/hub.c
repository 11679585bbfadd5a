/* jobs/hub.c: the thread that reads the store's events, and the events in memory. */
#include "jobs/hub.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "jobs/hub_priv.h"

#define PAGE_EVENTS 512
#define RETRY_MS 500 /* after the store failed */

static const char *const kind_words[] = {[ORI_JOB_EVENT_STATE] = "state",
                                         [ORI_JOB_EVENT_ITEM] = "item",
                                         [ORI_JOB_EVENT_PROGRESS] = "progress",
                                         [ORI_JOB_EVENT_LOG] = "log"};

void ori_hub_format(struct ori_buf *buf, int64_t id, enum ori_job_event_kind kind, const char *data)
{
    ori_buf_printf(buf, "id: %lld\nevent: %s\ndata: ", (long long)id, kind_words[kind]);
    ori_buf_add_text(buf, data);
    ori_buf_add_text(buf, "\n\n");
}

bool ori_hub_is_final(enum ori_job_event_kind kind, const char *data)
{
    enum ori_job_state state = ORI_JOB_PENDING;
    if (kind != ORI_JOB_EVENT_STATE)
        return false;
    json_t *root = json_loads(data, 0, NULL);
    const char *word = json_string_value(json_object_get(root, "status"));
    bool is_final = word && ori_job_state_of(word, &state) && state != ORI_JOB_PENDING &&
                    state != ORI_JOB_RUNNING;
    json_decref(root);
    return is_final;
}

/* ---- topics ---- */

static struct ori_hub_topic **bucket_of(struct ori_hub *hub, int64_t job)
{
    return &hub->buckets[(uint64_t)job % ORI_HUB_BUCKETS];
}

struct ori_hub_topic *ori_hub_topic_find(struct ori_hub *hub, int64_t job)
{
    struct ori_hub_topic *topic = *bucket_of(hub, job);
    while (topic && topic->job != job)
        topic = topic->next;
    return topic;
}

struct ori_hub_topic *ori_hub_topic_make(struct ori_hub *hub, int64_t job)
{
    struct ori_hub_topic **bucket = bucket_of(hub, job);
    struct ori_hub_topic *topic = calloc(1, sizeof *topic);
    if (!topic)
        return NULL;
    topic->job = job;
    topic->next = *bucket;
    *bucket = topic;
    return topic;
}

/* Out of the line of all; the topic's own list is the caller's matter. */
static void unlink_event(struct ori_hub *hub, struct ori_hub_event *event)
{
    if (event->older)
        event->older->newer = event->newer;
    else
        hub->oldest = event->newer;
    if (event->newer)
        event->newer->older = event->older;
    else
        hub->newest = event->older;
    hub->bytes -= sizeof *event + event->bytes;
    free(event);
}

void ori_hub_topic_drop(struct ori_hub *hub, struct ori_hub_topic *topic)
{
    struct ori_hub_topic **link = bucket_of(hub, topic->job);
    ORI_ASSERT(!topic->listeners);
    while (*link != topic)
        link = &(*link)->next;
    *link = topic->next;
    while (topic->first) {
        struct ori_hub_event *next = topic->first->next_of_topic;
        unlink_event(hub, topic->first);
        topic->first = next;
    }
    free(topic);
}

/* The oldest of all is the first of its topic: both are in order of id. */
static void drop_oldest(struct ori_hub *hub)
{
    struct ori_hub_event *event = hub->oldest;
    struct ori_hub_topic *topic = event->topic;
    topic->first = event->next_of_topic;
    if (!topic->first)
        topic->last = NULL;
    for (struct ori_listener *it = topic->listeners; it; it = it->next) {
        if (it->upcoming != event)
            continue;
        it->upcoming = NULL;
        it->is_slow = true;
    }
    unlink_event(hub, event);
}

/* ---- publishing ---- */

static void wake_listeners(struct ori_hub *hub, struct ori_hub_topic *topic)
{
    for (struct ori_listener *it = topic->listeners; it; it = it->next) {
        if (!it->is_waiting || it->is_woken)
            continue;
        it->is_waiting = false;
        it->is_woken = true;
        it->next_woken = hub->woken;
        hub->woken = it;
    }
}

static void append(struct ori_hub *hub, struct ori_hub_topic *topic, struct ori_hub_event *event)
{
    size_t size = sizeof *event + event->bytes;
    while (hub->oldest && hub->bytes + size > ORI_LIMIT_MAX_HUB_BYTES)
        drop_oldest(hub);
    event->topic = topic;
    event->older = hub->newest;
    if (hub->newest)
        hub->newest->newer = event;
    else
        hub->oldest = event;
    hub->newest = event;
    if (topic->last)
        topic->last->next_of_topic = event;
    else
        topic->first = event;
    topic->last = event;
    hub->bytes += size;
    for (struct ori_listener *it = topic->listeners; it; it = it->next) {
        if (!it->upcoming)
            it->upcoming = event;
    }
    wake_listeners(hub, topic);
}

static struct ori_hub_event *make_event(const struct ori_job_event *from)
{
    struct ori_buf text;
    struct ori_hub_event *event = NULL;
    ori_buf_init(&text, ORI_LIMIT_MAX_HUB_BYTES);
    ori_hub_format(&text, from->id, from->kind, from->data);
    if (text.status == ORI_OK)
        event = calloc(1, sizeof *event + text.used);
    if (event) {
        event->id = from->id;
        event->is_state = from->kind == ORI_JOB_EVENT_STATE;
        event->is_final = ori_hub_is_final(from->kind, from->data);
        event->bytes = text.used;
        memcpy(event->text, text.data, text.used);
    }
    ori_buf_deinit(&text);
    return event;
}

/* An event of a job with listeners is kept; whoever cannot be given it is too slow. */
static ori_status publish(void *self, const struct ori_job_event *from, struct ori_error *err)
{
    (void)err;
    struct ori_hub *hub = self;
    hub->read_id = from->id;
    pthread_mutex_lock(&hub->lock);
    struct ori_hub_topic *topic = ori_hub_topic_find(hub, from->job);
    if (topic) {
        struct ori_hub_event *event = make_event(from);
        if (event) {
            append(hub, topic, event);
        } else { /* no memory: a gap that a reconnect fills through the store */
            for (struct ori_listener *it = topic->listeners; it; it = it->next)
                it->is_slow = true;
            wake_listeners(hub, topic);
        }
    }
    pthread_mutex_unlock(&hub->lock);
    return ORI_OK;
}

/* Calls who has something to read, each without the lock; a close waits for the call to return. */
static void call_woken(struct ori_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    while (hub->woken) {
        struct ori_listener *listener = hub->woken;
        hub->woken = listener->next_woken;
        listener->is_woken = false;
        listener->is_called = true;
        pthread_mutex_unlock(&hub->lock);
        listener->on_more(listener->on_more_self);
        pthread_mutex_lock(&hub->lock);
        listener->is_called = false;
        pthread_cond_broadcast(&hub->called);
    }
    pthread_mutex_unlock(&hub->lock);
}

/* ---- the thread ---- */

/* Nobody listens: events are passed by without being read. False: somebody does by now. */
static bool skip(struct ori_hub *hub, ori_status *ret_status)
{
    int64_t last_id = 0;
    pthread_mutex_lock(&hub->lock);
    bool is_alone = hub->listeners == 0;
    pthread_mutex_unlock(&hub->lock);
    if (!is_alone)
        return false;
    struct ori_error ignored = {0};
    *ret_status = ori_job_store_last_event(hub->store, &last_id, &ignored);
    pthread_mutex_lock(&hub->lock);
    is_alone = hub->listeners == 0; /* who came meanwhile may need what is skipped */
    if (is_alone && *ret_status == ORI_OK)
        hub->read_id = last_id;
    pthread_mutex_unlock(&hub->lock);
    return is_alone;
}

static ori_status read_events(struct ori_hub *hub)
{
    ori_status status = ORI_OK;
    if (skip(hub, &status))
        return status;
    for (;;) {
        struct ori_error ignored = {0}; /* tried again; the store's users tell of its failures */
        int64_t before_id = hub->read_id;
        status =
            ori_job_store_events(hub->store, 0, before_id, PAGE_EVENTS, publish, hub, &ignored);
        call_woken(hub);
        if (status != ORI_OK || hub->read_id == before_id)
            return status;
    }
}

static void drain_fd(int fd)
{
    uint64_t count = 0;
    (void)!read(fd, &count, sizeof count);
}

static void *hub_thread(void *self)
{
    struct ori_hub *hub = self;
    ori_status status = ORI_OK;
    for (;;) {
        struct pollfd fds[2] = {{.fd = hub->fd, .events = POLLIN},
                                {.fd = ori_job_store_fd(hub->store), .events = POLLIN}};
        (void)poll(fds, 2, status == ORI_OK ? -1 : RETRY_MS);
        drain_fd(hub->fd);
        pthread_mutex_lock(&hub->lock);
        bool is_ending = hub->is_ending;
        pthread_mutex_unlock(&hub->lock);
        if (is_ending)
            return NULL;
        if (fds[1].revents & POLLIN)
            drain_fd(fds[1].fd);
        status = read_events(hub);
        call_woken(hub);
    }
}

/* ---- the owner's side ---- */

static void wake_thread(struct ori_hub *hub)
{
    uint64_t one = 1;
    ssize_t written = write(hub->fd, &one, sizeof one);
    ORI_ASSERT(written == (ssize_t)sizeof one);
}

ori_status ori_hub_create(struct ori_job_store *store, struct ori_hub **ret_hub,
                          struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return ori_error_set(err, ORI_NOMEM, "hub");
    hub->store = store;
    hub->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hub->fd < 0) {
        status = ori_error_set_errno(err, errno, false, "hub");
        goto out;
    }
    status = ori_job_store_last_event(store, &hub->read_id, err);
    if (status != ORI_OK)
        goto out;
    pthread_mutex_init(&hub->lock, NULL); /* these do not fail on Linux */
    pthread_cond_init(&hub->called, NULL);
    int failed = pthread_create(&hub->thread, NULL, hub_thread, hub);
    if (failed) {
        pthread_cond_destroy(&hub->called);
        pthread_mutex_destroy(&hub->lock);
        status = ori_error_set_errno(err, failed, false, "starting the hub's thread");
        goto out;
    }
    pthread_setname_np(hub->thread, "hub");
    *ret_hub = hub;
    return ORI_OK;
out:
    if (hub->fd >= 0)
        close(hub->fd);
    free(hub);
    return status;
}

void ori_hub_destroy(struct ori_hub **hub)
{
    if (!hub || !*hub)
        return;
    struct ori_hub *it = *hub;
    pthread_mutex_lock(&it->lock);
    ORI_ASSERT(it->listeners == 0);
    it->is_ending = true;
    pthread_mutex_unlock(&it->lock);
    wake_thread(it);
    pthread_join(it->thread, NULL);
    pthread_cond_destroy(&it->called);
    pthread_mutex_destroy(&it->lock);
    close(it->fd);
    free(it);
    *hub = NULL;
}

size_t ori_hub_listeners(struct ori_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    size_t listeners = hub->listeners;
    pthread_mutex_unlock(&hub->lock);
    return listeners;
}

void ori_hub_forget(struct ori_hub *hub, int64_t job)
{
    pthread_mutex_lock(&hub->lock);
    struct ori_hub_topic *topic = ori_hub_topic_find(hub, job);
    if (topic) {
        topic->is_deleted = true;
        wake_listeners(hub, topic);
    }
    pthread_mutex_unlock(&hub->lock);
    wake_thread(hub); /* on_more is called on its thread */
}
