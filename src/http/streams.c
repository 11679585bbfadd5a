#include "http/streams.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

struct ori_stream {
    struct ori_streams *streams; /* immutable, as is connection */
    struct MHD_Connection *connection;
    struct ori_listener *listener; /* the HTTP thread, after open */
    struct ori_stream *next;       /* the list's lock, as is link */
    struct ori_stream **link;
    pthread_mutex_t lock;
    bool is_suspended; /* lock, as all below */
    bool has_more;     /* came since the last read began */
    bool is_ending;
    bool must_beat;
    int64_t spoke_us;
};

void ori_streams_init(struct ori_streams *streams)
{
    memset(streams, 0, sizeof *streams);
    pthread_mutex_init(&streams->lock, NULL);
}

void ori_streams_deinit(struct ori_streams *streams)
{
    ORI_ASSERT(!streams->first);
    pthread_mutex_destroy(&streams->lock);
}

/* The stream's lock is held. */
static void wake(struct ori_stream *stream)
{
    if (!stream->is_suspended)
        return;
    stream->is_suspended = false;
    MHD_resume_connection(stream->connection);
}

static void on_more(void *self)
{
    struct ori_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    stream->has_more = true;
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

static void enlist(struct ori_streams *streams, struct ori_stream *stream)
{
    pthread_mutex_lock(&streams->lock);
    stream->is_ending = streams->is_ending; /* nobody else knows the stream yet */
    stream->next = streams->first;
    stream->link = &streams->first;
    if (stream->next)
        stream->next->link = &stream->next;
    streams->first = stream;
    pthread_mutex_unlock(&streams->lock);
}

static void delist(struct ori_stream *stream)
{
    struct ori_streams *streams = stream->streams;
    pthread_mutex_lock(&streams->lock);
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    pthread_mutex_unlock(&streams->lock);
}

ori_status ori_stream_open(struct ori_streams *streams, struct MHD_Connection *connection,
                           struct ori_hub *hub, const struct ori_listener_options *options,
                           struct ori_stream **ret_stream, struct ori_error *err)
{
    struct ori_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return ori_error_set(err, ORI_NOMEM, "event stream");
    stream->streams = streams;
    stream->connection = connection;
    stream->spoke_us = ori_clock_us();
    pthread_mutex_init(&stream->lock, NULL);
    enlist(streams, stream);
    struct ori_listener_options own = *options;
    own.on_more = on_more;
    own.on_more_self = stream;
    ori_status status = ori_listener_open(hub, &own, &stream->listener, err);
    if (status != ORI_OK) {
        ori_stream_close(stream);
        return status;
    }
    *ret_stream = stream;
    return ORI_OK;
}

void ori_stream_close(void *self)
{
    struct ori_stream *stream = self;
    ori_listener_close(&stream->listener); /* on_more is over */
    delist(stream);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* Bytes said without the listener: 0, a heartbeat's, or MHD_CONTENT_READER_END_OF_STREAM. */
static ssize_t say_own(struct ori_stream *stream, char *buffer, size_t bytes_max)
{
    static const char beat[] = ":\n\n";
    ssize_t said = 0;
    pthread_mutex_lock(&stream->lock);
    stream->has_more = false;
    stream->spoke_us = ori_clock_us();
    if (stream->is_ending) {
        said = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (stream->must_beat && bytes_max >= sizeof beat - 1) {
        /* only after the listener had nothing: never inside an event */
        memcpy(buffer, beat, sizeof beat - 1);
        said = sizeof beat - 1;
    }
    stream->must_beat = false;
    pthread_mutex_unlock(&stream->lock);
    return said;
}

/* False: there is more, or the end came, since the read began. */
static bool suspend(struct ori_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool may_sleep = !stream->has_more && !stream->is_ending;
    if (may_sleep) {
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->lock);
    return may_sleep;
}

ssize_t ori_stream_read(void *self, uint64_t position, char *buffer, size_t bytes_max)
{
    (void)position;
    struct ori_stream *stream = self;
    for (;;) {
        ssize_t own = say_own(stream, buffer, bytes_max);
        if (own != 0)
            return own;
        size_t bytes = 0;
        ori_status status = ori_listener_read(stream->listener, buffer, bytes_max, &bytes);
        if (status == ORI_OK)
            return (ssize_t)bytes;
        if (status != ORI_AGAIN)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (suspend(stream))
            return 0;
    }
}

void ori_streams_beat(struct ori_streams *streams, int64_t now_us)
{
    pthread_mutex_lock(&streams->lock);
    for (struct ori_stream *stream = streams->first; stream; stream = stream->next) {
        pthread_mutex_lock(&stream->lock);
        if (stream->is_suspended && now_us - stream->spoke_us >= ORI_STREAMS_BEAT_US) {
            stream->must_beat = true;
            wake(stream);
        }
        pthread_mutex_unlock(&stream->lock);
    }
    pthread_mutex_unlock(&streams->lock);
}

void ori_streams_end(struct ori_streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->is_ending = true;
    for (struct ori_stream *stream = streams->first; stream; stream = stream->next) {
        pthread_mutex_lock(&stream->lock);
        stream->is_ending = true;
        wake(stream);
        pthread_mutex_unlock(&stream->lock);
    }
    pthread_mutex_unlock(&streams->lock);
}
