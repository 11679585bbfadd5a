#pragma once
/* pipeline/report_priv.h: what the files of the report page share. */
#include "pipeline/report.h"
#include "util/buf.h"

struct report_point {
    int64_t pts_us; /* of the first frame that it stands for */
    float score;    /* the highest of them */
};
struct report_shot {
    enum ori_child_shot kind;
    uint32_t n;
    uint32_t scene;
    int64_t pts_us;
    int width;
    int height;
    uint32_t distance;
    uint32_t bytes;
    uint8_t *jpeg;
};
struct ori_report {
    struct report_point points[ORI_LIMIT_MAX_REPORT_POINTS];
    size_t points_count;
    uint32_t frames_a_point;
    uint32_t frames_in_last;
    struct report_shot *shots; /* as they came */
    size_t shots_count;
    size_t shots_room;
    ori_status status; /* the first failure of an add */
};

#define REPORT_TIME_BYTES 32
/* "1:02:03.45", "2:03.45". */
void report_time(int64_t us, char ret_text[REPORT_TIME_BYTES]);
/* Text from outside: what means something to HTML is written as a reference. */
void report_add_text(struct ori_buf *page, const char *text);
/* src of an img or image: the JPEG as a data: URI. */
void report_add_jpeg(struct ori_buf *page, const struct report_shot *shot);

extern const char report_style[]; /* the page's style sheet */
/* The curve, its threshold and the scenes over time. */
void report_add_curve(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_report_facts *facts);
/* Each box over a whole frame, and when it holds. */
void report_add_crops(struct ori_buf *page, const struct ori_report *report,
                      const struct ori_report_facts *facts);
/* The whole page. */
void report_add_page(struct ori_buf *page, const struct ori_report *report,
                     const struct ori_report_facts *facts);
