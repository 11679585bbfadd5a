/* jobs/hub_listener.c: one listener: how it begins, what it is given, how it ends. */
#include <stdlib.h>
#include <string.h>

#include "jobs/hub_priv.h"

/* ---- how it begins ---- */

static ori_status join(struct ori_listener *listener, int64_t job, struct ori_error *err)
{
    struct ori_hub *hub = listener->hub;
    ori_status status = ORI_OK;
    pthread_mutex_lock(&hub->lock);
    struct ori_hub_topic *topic = ori_hub_topic_find(hub, job);
    if (hub->listeners >= ORI_LIMIT_MAX_LISTENERS) {
        status = ori_error_set(err, ORI_OVERLOADED, "more than %d connections listen to events",
                               ORI_LIMIT_MAX_LISTENERS);
    } else if (!topic && !(topic = ori_hub_topic_make(hub, job))) {
        status = ori_error_set(err, ORI_NOMEM, "listener");
    } else {
        listener->topic = topic;
        listener->next = topic->listeners;
        topic->listeners = listener;
        hub->listeners++;
    }
    pthread_mutex_unlock(&hub->lock);
    return status;
}

static void add_state(struct ori_listener *listener, const struct ori_job *job, int64_t id)
{
    struct ori_buf data;
    ori_buf_init(&data, 1024);
    ori_job_put_state(&data, job);
    ori_hub_format(&listener->start, id, ORI_JOB_EVENT_STATE, ori_buf_text(&data));
    listener->is_final = ori_hub_is_final(ORI_JOB_EVENT_STATE, ori_buf_text(&data));
    ori_buf_deinit(&data);
}

struct replay {
    struct ori_listener *listener;
    size_t count;
    int64_t last_id;
};

static ori_status replay_one(void *self, const struct ori_job_event *event, struct ori_error *err)
{
    struct replay *replay = self;
    struct ori_listener *listener = replay->listener;
    ori_hub_format(&listener->start, event->id, event->kind, event->data);
    replay->count++;
    replay->last_id = event->id;
    if (event->kind == ORI_JOB_EVENT_STATE) /* a job may be started again after its end */
        listener->is_final = ori_hub_is_final(event->kind, event->data);
    return ori_buf_finish(&listener->start, "replay", err);
}

/* True: everything after last is in start, *ret_last is its end. False: some of it is gone, or it is
 * too much, and start is empty. */
static ori_status replay(struct ori_listener *listener, const struct ori_listener_options *options,
                         int64_t newest_id, bool *ret_is_whole, int64_t *ret_last,
                         struct ori_error *err)
{
    struct replay replay = {.listener = listener, .last_id = options->last};
    struct ori_error why = {0};
    *ret_is_whole = false;
    if (options->last < 0 || options->last > newest_id) /* an id of another store */
        return ORI_OK;
    ori_status status = ori_job_store_events(listener->hub->store, options->job, options->last,
                                             ORI_LIMIT_MAX_JOB_EVENTS, replay_one, &replay, &why);
    if (status != ORI_OK && status != ORI_LIMIT)
        return ori_error_set(err, status, "%s", why.text);
    /* As many as a job keeps: there may have been more. */
    if (status == ORI_LIMIT || replay.count >= ORI_LIMIT_MAX_JOB_EVENTS) {
        ori_buf_clear(&listener->start);
        listener->is_final = false;
        return ORI_OK;
    }
    *ret_is_whole = true;
    *ret_last = replay.last_id;
    return ORI_OK;
}

/* After join, so that what the hub reads from now on is kept for us. The job's state is asked after
 * the newest id: an event between the two is told twice rather than never. */
static ori_status begin(struct ori_listener *listener, const struct ori_listener_options *options,
                        struct ori_error *err)
{
    struct ori_job_store *store = listener->hub->store;
    struct ori_job job;
    int64_t newest_id = 0;
    int64_t last_id = 0;
    bool is_whole = false;
    ori_status status = ori_job_store_last_event(store, &newest_id, err);
    if (status == ORI_OK)
        status = ori_job_store_get(store, options->job_id, &job, err);
    if (status == ORI_OK && options->has_last)
        status = replay(listener, options, newest_id, &is_whole, &last_id, err);
    if (status != ORI_OK)
        return status;
    bool has_ended = job.state != ORI_JOB_PENDING && job.state != ORI_JOB_RUNNING;
    if (!is_whole || (has_ended && !listener->is_final)) {
        last_id = newest_id > last_id ? newest_id : last_id;
        add_state(listener, &job, last_id);
    }
    pthread_mutex_lock(&listener->hub->lock);
    listener->last_id = last_id;
    pthread_mutex_unlock(&listener->hub->lock);
    return ori_buf_finish(&listener->start, "first events", err);
}

/* What waits to be read of all replays together. */
static ori_status account(struct ori_listener *listener, struct ori_error *err)
{
    struct ori_hub *hub = listener->hub;
    pthread_mutex_lock(&hub->lock);
    bool fits = hub->replay_bytes + listener->start.used <= ORI_LIMIT_MAX_HUB_REPLAY_BYTES;
    if (fits)
        hub->replay_bytes += listener->start.used;
    pthread_mutex_unlock(&hub->lock);
    if (fits)
        return ORI_OK;
    ori_buf_deinit(&listener->start);
    return ori_error_set(err, ORI_OVERLOADED, "more than %d bytes of events wait to be read",
                         ORI_LIMIT_MAX_HUB_REPLAY_BYTES);
}

ori_status ori_listener_open(struct ori_hub *hub, const struct ori_listener_options *options,
                             struct ori_listener **ret_listener, struct ori_error *err)
{
    ORI_ASSERT(options->on_more && options->job_id);
    struct ori_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return ori_error_set(err, ORI_NOMEM, "listener");
    listener->hub = hub;
    listener->on_more = options->on_more;
    listener->on_more_self = options->on_more_self;
    ori_buf_init(&listener->start, ORI_LIMIT_MAX_HUB_BYTES);
    ori_status status = join(listener, options->job, err);
    if (status != ORI_OK) {
        free(listener);
        return status;
    }
    status = begin(listener, options, err);
    if (status != ORI_OK)
        ori_buf_deinit(&listener->start);
    else
        status = account(listener, err);
    if (status != ORI_OK)
        ori_listener_close(&listener);
    else
        *ret_listener = listener;
    return status;
}

/* ---- how it ends ---- */

/* With the lock: nobody will call it any more. */
static void leave_woken(struct ori_listener *listener)
{
    struct ori_hub *hub = listener->hub;
    struct ori_listener **link = &hub->woken;
    listener->is_waiting = false;
    while (listener->is_woken && *link != listener)
        link = &(*link)->next_woken;
    if (listener->is_woken)
        *link = listener->next_woken;
    listener->is_woken = false;
    while (listener->is_called)
        pthread_cond_wait(&hub->called, &hub->lock);
}

void ori_listener_close(struct ori_listener **listener)
{
    if (!listener || !*listener)
        return;
    struct ori_listener *it = *listener;
    struct ori_hub *hub = it->hub;
    pthread_mutex_lock(&hub->lock);
    leave_woken(it);
    struct ori_listener **link = &it->topic->listeners;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    if (!it->topic->listeners)
        ori_hub_topic_drop(hub, it->topic);
    hub->listeners--;
    hub->replay_bytes -= it->start.used;
    pthread_mutex_unlock(&hub->lock);
    ori_buf_deinit(&it->start);
    free(it);
    *listener = NULL;
}

/* ---- what it is given ---- */

static size_t read_start(struct ori_listener *listener, char *buffer, size_t bytes_max)
{
    size_t bytes = listener->start.used - listener->start_used;
    if (bytes > bytes_max)
        bytes = bytes_max;
    memcpy(buffer, listener->start.data + listener->start_used, bytes);
    listener->start_used += bytes;
    if (listener->start_used < listener->start.used)
        return bytes;
    pthread_mutex_lock(&listener->hub->lock);
    listener->hub->replay_bytes -= listener->start.used;
    pthread_mutex_unlock(&listener->hub->lock);
    listener->start_used = 0;
    ori_buf_deinit(&listener->start);
    return bytes;
}

/* With the lock: copies what there is and what fits. What the first events told is passed over. */
static size_t read_topic(struct ori_listener *listener, char *buffer, size_t bytes_max)
{
    size_t copied = 0;
    for (struct ori_hub_event *event = listener->upcoming; event && copied < bytes_max;
         event = listener->upcoming) {
        bool is_new = event->id > listener->last_id;
        size_t bytes = is_new ? event->bytes - listener->upcoming_used : 0;
        if (bytes > bytes_max - copied) {
            bytes = bytes_max - copied;
            memcpy(buffer + copied, event->text + listener->upcoming_used, bytes);
            listener->upcoming_used += bytes;
            return bytes_max;
        }
        memcpy(buffer + copied, event->text + listener->upcoming_used, bytes);
        copied += bytes;
        listener->upcoming = event->next_of_topic;
        listener->upcoming_used = 0;
        if (is_new && event->is_state)
            listener->is_final = event->is_final;
    }
    return copied;
}

ori_status ori_listener_read(struct ori_listener *listener, char *buffer, size_t bytes_max,
                             size_t *ret_bytes)
{
    struct ori_hub *hub = listener->hub;
    ori_status status = ORI_OK;
    ORI_ASSERT(bytes_max > 0);
    *ret_bytes = 0;
    if (listener->start.used > 0) {
        *ret_bytes = read_start(listener, buffer, bytes_max);
        return ORI_OK;
    }
    pthread_mutex_lock(&hub->lock);
    const struct ori_hub_topic *topic = listener->topic;
    if (listener->is_slow)
        status = ORI_EOF;
    else
        *ret_bytes = read_topic(listener, buffer, bytes_max);
    if (status == ORI_OK && *ret_bytes == 0)
        status = listener->is_final || topic->is_deleted ? ORI_EOF : ORI_AGAIN;
    listener->is_waiting = status == ORI_AGAIN;
    pthread_mutex_unlock(&hub->lock);
    return status;
}
