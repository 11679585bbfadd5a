#pragma once
/* http/streams.h: answers that go on: Server-Sent Events from a listener to a connection.
 * How        libmicrohttpd asks for bytes when the client can take some; with nothing to say the
 *            connection is suspended, and resumed by the hub's on_more, by a heartbeat, or at the end
 * Heartbeat  a comment after ORI_STREAMS_BEAT_US of silence: proxies keep the connection, and a client
 *            that is gone is noticed by the write
 * Call order init; open, then read by libmicrohttpd until close; end; deinit when none is left
 * Threads    open: any; read and close: the HTTP thread; beat and end: any
 * Locks      the list's before a stream's; neither is held while a listener is called */
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/hub.h"
#include "util/status.h"

#define ORI_STREAMS_BEAT_US INT64_C(15000000)

struct ori_stream;
struct ori_streams {
    pthread_mutex_t lock;
    struct ori_stream *first; /* lock, as is the next */
    bool is_ending;
};

void ori_streams_init(struct ori_streams *streams);
void ori_streams_deinit(struct ori_streams *streams);

/* options: as for ori_listener_open, without on_more. */
ori_status ori_stream_open(struct ori_streams *streams, struct MHD_Connection *connection,
                           struct ori_hub *hub, const struct ori_listener_options *options,
                           struct ori_stream **ret_stream, struct ori_error *err);
/* MHD_ContentReaderCallback and its free callback, over a stream. */
ssize_t ori_stream_read(void *stream, uint64_t position, char *buffer, size_t bytes_max);
void ori_stream_close(void *stream);

void ori_streams_beat(struct ori_streams *streams, int64_t now_us);
/* Every stream ends now, and those opened later at once. */
void ori_streams_end(struct ori_streams *streams);
