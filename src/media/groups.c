#include "media/groups_priv.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

#define STAND_INS_AT_ENDS 3
#define STAND_IN_GAP_US 80000
#define DRAIN_MAX 1000 /* pictures out of a decoder that never ends */

enum state { LOAD, FEED, DRAIN, STAND_IN, END };

struct ori_groups {
    struct ori_video *video;
    const struct ori_group_planner *planner;
    AVCodecContext *scout;
    AVFrame *picture; /* to receive into */
    enum state state;

    /* The group at hand; the key frame comes first. */
    AVPacket **packets;
    struct ori_coded *coded;
    size_t count;
    size_t room;
    int64_t bytes;
    int64_t latest_us; /* of their times */
    size_t sent;       /* of them, to the decoder or left out */
    size_t step_end;   /* the planner is asked again here */
    bool has_key;
    bool is_whole;         /* no plan */
    struct ori_frame *key; /* as the scout decoded it; NULL: it could not */

    AVPacket *next; /* first packet of the next group */
    bool is_next_key;
    struct ori_frame *next_key;
    bool has_ended;  /* no more packets */
    bool is_cold;    /* the decoder is empty: it must begin at a key frame, */
    bool was_cold;   /* as it did with this group */
    bool is_skipped; /* stand-ins follow what the decoder still holds */
    bool is_changed; /* new parameters came: those in skipped packets would be lost */

    struct ori_frame *newest; /* given last */
    int64_t *stand_ins;       /* times, in order; as much room as coded */
    size_t stand_in_count;
    size_t stand_ins_given;
    struct ori_video_groups tally;
};

static bool has_groups(const AVCodecParameters *parameters)
{
    static const enum AVCodecID ids[] = {
        AV_CODEC_ID_H264, AV_CODEC_ID_HEVC,  AV_CODEC_ID_VP8,        AV_CODEC_ID_VP9,
        AV_CODEC_ID_AV1,  AV_CODEC_ID_MPEG4, AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO};
    if (parameters->field_order > AV_FIELD_PROGRESSIVE)
        return false;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (parameters->codec_id == ids[i])
            return true;
    }
    return false;
}

ori_status ori_groups_create(struct ori_video *video, const struct ori_group_planner *planner,
                             struct ori_groups **ret_groups, struct ori_error *err)
{
    if (!has_groups(video->stream->codecpar))
        return ORI_OK;
    struct ori_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return ori_error_set(err, ORI_NOMEM, "groups of pictures");
    groups->video = video;
    groups->planner = planner;
    groups->is_cold = true;
    ori_status status = ori_video_open_decoder(video, &groups->scout, err);
    if (status == ORI_OK) {
        *ret_groups = groups;
        groups = NULL;
    }
    ori_groups_destroy(&groups);
    return status;
}

static void drop_group(struct ori_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        av_packet_free(&groups->packets[i]);
    groups->count = 0;
    groups->bytes = 0;
    groups->sent = 0;
    groups->step_end = 0;
    groups->has_key = false;
    groups->is_whole = false;
    groups->was_cold = false;
    ori_frame_unref(&groups->key);
}

void ori_groups_destroy(struct ori_groups **groups)
{
    struct ori_groups *gone = *groups;
    if (!gone)
        return;
    drop_group(gone);
    ori_frame_unref(&gone->next_key);
    ori_frame_unref(&gone->newest);
    av_packet_free(&gone->next);
    av_frame_free(&gone->picture);
    avcodec_free_context(&gone->scout);
    free(gone->packets);
    free(gone->coded);
    free(gone->stand_ins);
    free(gone);
    *groups = NULL;
}

struct ori_video_groups ori_groups_tally(const struct ori_groups *groups)
{
    return groups->tally;
}

/* ---- reading one group ---- */

static int64_t time_of(const struct ori_groups *groups, const AVPacket *packet)
{
    int64_t time_us = ori_video_to_us(packet->pts, groups->video->stream->time_base);
    if (time_us == ORI_TIME_UNKNOWN ||
        __builtin_sub_overflow(time_us, groups->video->origin_us, &time_us))
        return ORI_TIME_UNKNOWN;
    return time_us;
}

static bool make_room(struct ori_groups *groups)
{
    if (groups->count < groups->room)
        return true;
    size_t room = groups->room ? 2 * groups->room : 64;
    void *packets = reallocarray(groups->packets, room, sizeof *groups->packets);
    if (packets)
        groups->packets = packets;
    void *coded = reallocarray(groups->coded, room, sizeof *groups->coded);
    if (coded)
        groups->coded = coded;
    void *stand_ins = reallocarray(groups->stand_ins, room, sizeof *groups->stand_ins);
    if (stand_ins)
        groups->stand_ins = stand_ins;
    if (packets && coded && stand_ins)
        groups->room = room;
    return packets && coded && stand_ins;
}

/* Takes packet, also on failure. */
static ori_status append(struct ori_groups *groups, AVPacket *packet, struct ori_error *err)
{
    if (!packet || !make_room(groups)) {
        av_packet_free(&packet);
        return ori_error_set(err, ORI_NOMEM, "group of pictures");
    }
    int64_t pts_us = time_of(groups, packet);
    bool is_forward = !groups->count || pts_us > groups->latest_us;
    if (is_forward)
        groups->latest_us = pts_us;
    if (groups->video->first_dts == AV_NOPTS_VALUE)
        groups->video->first_dts = packet->dts;
    groups->coded[groups->count] = (struct ori_coded){pts_us, packet->size, is_forward};
    groups->packets[groups->count++] = packet;
    groups->bytes += packet->size;
    if (pts_us == ORI_TIME_UNKNOWN)
        groups->is_whole = true;
    if (av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, NULL))
        groups->is_changed = true;
    return ORI_OK;
}

static ori_status ready_picture(struct ori_groups *groups, struct ori_error *err)
{
    if (!groups->picture)
        groups->picture = av_frame_alloc();
    return groups->picture ? ORI_OK : ori_error_set(err, ORI_NOMEM, "frame");
}

static bool is_sound(const AVFrame *picture)
{
    return picture->width > 0 && picture->height > 0 && !picture->decode_error_flags &&
           !(picture->flags & AV_FRAME_FLAG_CORRUPT);
}

/* Decodes a key frame alone. *ret_frame stays NULL where it cannot be. */
static ori_status scout(struct ori_groups *groups, const AVPacket *packet,
                        struct ori_frame **ret_frame, struct ori_error *err)
{
    ori_status status = ready_picture(groups, err);
    if (status != ORI_OK)
        return status;
    int averror = avcodec_send_packet(groups->scout, packet);
    if (averror >= 0)
        averror = avcodec_send_packet(groups->scout, NULL);
    for (int n = 0; averror >= 0 && n < DRAIN_MAX; n++) {
        averror = avcodec_receive_frame(groups->scout, groups->picture);
        if (averror >= 0 && !*ret_frame && is_sound(groups->picture)) {
            *ret_frame = ori_frame_create(av_frame_clone(groups->picture));
            if (*ret_frame)
                (*ret_frame)->pts_us = time_of(groups, packet);
            averror = *ret_frame ? averror : AVERROR(ENOMEM);
        }
        av_frame_unref(groups->picture);
    }
    avcodec_flush_buffers(groups->scout);
    if (atomic_load(&groups->video->is_past_pixels))
        return ori_video_finish(groups->video, err);
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "decoding");
    return ORI_OK;
}

/* The packet that was read is the first of the next group. */
static ori_status begin_next(struct ori_groups *groups, AVPacket *packet, bool is_key,
                             struct ori_error *err)
{
    groups->next = packet;
    groups->is_next_key = is_key;
    if (!packet)
        return ori_error_set(err, ORI_NOMEM, "packet");
    return is_key ? scout(groups, packet, &groups->next_key, err) : ORI_OK;
}

/* The first packet of a group, which was read with the one before. */
static ori_status take_next(struct ori_groups *groups, struct ori_error *err)
{
    AVPacket *packet = groups->next;
    groups->next = NULL;
    groups->has_key = groups->is_next_key;
    groups->key = groups->next_key;
    groups->next_key = NULL;
    return append(groups, packet, err);
}

static ori_status end_stream(struct ori_groups *groups, struct ori_error *err)
{
    struct ori_video *video = groups->video;
    const ori_status status = ori_video_walk(video, err);
    groups->has_ended = true;
    if (status != ORI_OK || !groups->count)
        return status;
    bool has_others = groups->count > 1 || video->damage.frames_decoded > 0;
    if (!ori_video_is_torn_tail(video, groups->packets[groups->count - 1], has_others))
        return ORI_OK;
    av_packet_free(&groups->packets[--groups->count]);
    video->damage.packets_bad++;
    return ORI_OK;
}

static bool is_full(const struct ori_groups *groups, const AVPacket *packet)
{
    return groups->count >= ORI_LIMIT_MAX_GROUP_PICTURES ||
           groups->bytes + packet->size > ORI_LIMIT_MAX_GROUP_BYTES;
}

static ori_status collect(struct ori_groups *groups, struct ori_error *err)
{
    ori_status status = ORI_OK;
    if (groups->next)
        status = take_next(groups, err);
    while (status == ORI_OK && !groups->next && !groups->has_ended) {
        status = ori_video_read(groups->video, err);
        if (status == ORI_EOF)
            return end_stream(groups, err);
        if (status != ORI_OK)
            return status;
        AVPacket *packet = av_packet_clone(groups->video->packet);
        bool is_key = packet && packet->flags & AV_PKT_FLAG_KEY;
        bool is_cut = packet && groups->count && is_full(groups, packet);
        if (is_cut && !is_key)
            groups->is_whole = true;
        if (groups->count && (is_key || is_cut))
            return begin_next(groups, packet, is_key, err);
        groups->has_key = groups->count ? groups->has_key : is_key;
        status = append(groups, packet, err);
        if (status == ORI_OK && is_key)
            status = scout(groups, packet, &groups->key, err);
    }
    return status;
}

static ori_status load(struct ori_groups *groups, struct ori_error *err)
{
    drop_group(groups);
    ori_status status = collect(groups, err);
    if (status != ORI_OK)
        return status;
    groups->is_whole = groups->is_whole || groups->is_changed || !groups->has_key || !groups->key ||
                       (groups->next && !groups->next_key);
    groups->tally.pictures += (int64_t)groups->count;
    if (groups->is_whole)
        groups->tally.unplanned += (int64_t)groups->count;
    groups->state = groups->count ? FEED : groups->is_cold ? END : DRAIN;
    if (groups->state == DRAIN)
        status = ori_video_send(groups->video, groups->video->decoder, NULL, err);
    return status == ORI_OK ? ORI_AGAIN : status;
}

/* ---- decoding what the planner wants ---- */

static bool is_leading(const struct ori_groups *groups, size_t i)
{
    return i > 0 && groups->has_key && groups->coded[i].pts_us < groups->coded[0].pts_us;
}

/* The decoder's next picture; ORI_AGAIN when it wants more, ORI_EOF when it is empty. */
static ori_status receive(struct ori_groups *groups, struct ori_frame **ret_frame,
                          struct ori_error *err)
{
    struct ori_video *video = groups->video;
    ori_status status = ready_picture(groups, err);
    if (status != ORI_OK)
        return status;
    int averror = avcodec_receive_frame(video->decoder, groups->picture);
    if (atomic_load(&video->is_past_pixels))
        return ori_video_finish(video, err);
    if (averror >= 0 && groups->picture->width > 0 && groups->picture->height > 0) {
        AVFrame *picture = groups->picture;
        groups->picture = NULL;
        return ori_video_wrap(video, picture, ret_frame, err);
    }
    if (averror == AVERROR_EOF)
        return ORI_EOF;
    if (averror == AVERROR(ENOMEM))
        return ori_error_set(err, ORI_NOMEM, "decoding");
    if (averror < 0 && averror != AVERROR(EAGAIN))
        video->damage.packets_bad++;
    return ORI_AGAIN;
}

/* One more of the group to the decoder. */
static ori_status send_one(struct ori_groups *groups, struct ori_error *err)
{
    size_t i = groups->sent++;
    if (i == 0)
        groups->was_cold = groups->is_cold;
    if (groups->was_cold && is_leading(groups, i))
        return ORI_OK;
    groups->is_cold = false;
    return ori_video_send(groups->video, groups->video->decoder, groups->packets[i], err);
}

static ori_status drain(struct ori_groups *groups, struct ori_error *err)
{
    groups->state = DRAIN;
    return ori_video_send(groups->video, groups->video->decoder, NULL, err);
}

/* The rest of the group is left out. Where the decoder holds the end of the group before, the key
 * frame and what is shown before it go through it; else the scout's key frame is given. */
static ori_status skip(struct ori_groups *groups, struct ori_frame **ret_frame,
                       struct ori_error *err)
{
    ori_status status = ORI_OK;
    groups->is_skipped = true;
    if (groups->sent == 0 && groups->is_cold) {
        AVFrame *picture = av_frame_clone(groups->key->impl->picture);
        groups->sent = 1;
        groups->state = STAND_IN;
        if (!picture)
            return ori_error_set(err, ORI_NOMEM, "frame");
        return ori_video_wrap(groups->video, picture, ret_frame, err);
    }
    if (groups->sent == 0) {
        do
            status = send_one(groups, err);
        while (status == ORI_OK && groups->sent < groups->count &&
               is_leading(groups, groups->sent));
    }
    if (status == ORI_OK)
        status = drain(groups, err);
    return status == ORI_OK ? ORI_AGAIN : status;
}

static ori_status ask(struct ori_groups *groups, enum ori_group_plan *ret_plan,
                      struct ori_error *err)
{
    bool is_begin = groups->sent == 0;
    const struct ori_group_rest rest = {
        .newest = is_begin ? groups->key : groups->newest,
        .next = groups->next_key,
        .next_bytes = groups->next ? groups->next->size : 0,
        .coded = groups->coded,
        .count = groups->count,
        .begin = is_begin ? 1 : groups->sent,
    };
    groups->step_end = groups->sent + ORI_GROUP_STEP;
    return groups->planner->plan(groups->planner->self, groups->video, &rest, ret_plan, err);
}

static ori_status feed(struct ori_groups *groups, struct ori_frame **ret_frame,
                       struct ori_error *err)
{
    enum ori_group_plan plan = ORI_GROUP_ALL;
    AVCodecContext *decoder = groups->video->decoder;
    ori_status status = receive(groups, ret_frame, err);
    if (status != ORI_AGAIN)
        return status == ORI_EOF ? ori_video_finish(groups->video, err) : status;
    if (groups->sent == groups->count) {
        groups->state = LOAD;
        return ORI_AGAIN;
    }
    if (groups->sent == groups->step_end) {
        status = groups->is_whole ? ORI_OK : ask(groups, &plan, err);
        if (status != ORI_OK)
            return status;
        if (plan == ORI_GROUP_SKIP)
            return skip(groups, ret_frame, err);
        decoder->skip_frame = plan == ORI_GROUP_REFERENCES ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
        if (groups->is_whole)
            groups->step_end = SIZE_MAX;
    }
    status = send_one(groups, err);
    return status == ORI_OK ? ORI_AGAIN : status;
}

static ori_status receive_rest(struct ori_groups *groups, struct ori_frame **ret_frame,
                               struct ori_error *err)
{
    ori_status status = ORI_AGAIN;
    for (int n = 0; status == ORI_AGAIN && n < DRAIN_MAX; n++)
        status = receive(groups, ret_frame, err);
    if (status != ORI_EOF && status != ORI_AGAIN)
        return status;
    avcodec_flush_buffers(groups->video->decoder);
    groups->is_cold = true;
    groups->state = groups->is_skipped ? STAND_IN : END;
    return ORI_AGAIN;
}

/* ---- in the place of what was left out ---- */

static int compare_times(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Pictures that are shown after all that were sent. */
static void list_stand_ins(struct ori_groups *groups)
{
    size_t n = 0;
    size_t kept = 0;
    int64_t *times = groups->stand_ins;
    int64_t shown_us = groups->coded[0].pts_us;
    for (size_t i = 0; i < groups->sent; i++)
        shown_us = groups->coded[i].pts_us > shown_us ? groups->coded[i].pts_us : shown_us;
    for (size_t i = groups->sent; i < groups->count; i++) {
        if (groups->coded[i].pts_us > shown_us)
            times[n++] = groups->coded[i].pts_us;
    }
    qsort(times, n, sizeof *times, compare_times);
    for (size_t i = 0; i < n; i++) {
        bool is_at_end = i < STAND_INS_AT_ENDS || i + STAND_INS_AT_ENDS >= n;
        if (is_at_end || times[i] - times[kept - 1] >= STAND_IN_GAP_US)
            times[kept++] = times[i];
    }
    groups->video->frames += (int64_t)(n - kept);
    groups->stand_in_count = kept;
    groups->stand_ins_given = 0;
    groups->is_skipped = false;
}

static ori_status stand_in(struct ori_groups *groups, struct ori_frame **ret_frame,
                           struct ori_error *err)
{
    if (groups->is_skipped)
        list_stand_ins(groups);
    if (groups->stand_ins_given == groups->stand_in_count || !groups->newest) {
        groups->state = LOAD;
        return ORI_AGAIN;
    }
    int64_t time_us = groups->stand_ins[groups->stand_ins_given++];
    struct ori_frame *frame = ori_frame_ref(groups->newest);
    if (!frame)
        return ori_error_set(err, ORI_NOMEM, "frame reference");
    frame->pts_us = ori_timeline_place(&groups->video->timeline, time_us, false, 0);
    frame->is_stand_in = true;
    *ret_frame = frame;
    return ORI_OK;
}

static ori_status advance(struct ori_groups *groups, struct ori_frame **ret_frame,
                          struct ori_error *err)
{
    switch (groups->state) {
    case LOAD:
        return load(groups, err);
    case FEED:
        return feed(groups, ret_frame, err);
    case DRAIN:
        return receive_rest(groups, ret_frame, err);
    case STAND_IN:
        return stand_in(groups, ret_frame, err);
    case END:
        break;
    }
    return ori_video_finish(groups->video, err);
}

ori_status ori_groups_next(struct ori_groups *groups, struct ori_frame **ret_frame,
                           struct ori_error *err)
{
    ori_status status = ORI_AGAIN;
    while (status == ORI_AGAIN)
        status = advance(groups, ret_frame, err);
    if (status != ORI_OK)
        return status;
    struct ori_frame *newest = ori_frame_ref(*ret_frame);
    if (!newest) {
        ori_frame_unref(ret_frame);
        return ori_error_set(err, ORI_NOMEM, "frame reference");
    }
    newest->is_stand_in = false;
    ori_frame_unref(&groups->newest);
    groups->newest = newest;
    return ORI_OK;
}
