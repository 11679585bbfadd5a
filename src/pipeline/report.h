#pragma once
/* pipeline/report.h: one self-contained HTML page for people about one video's result.
 * Shows       facts, the score of each frame with the threshold and the scenes, the kept frames, the
 *             box of the crop over a whole frame and where which box holds, what was dropped beside
 *             the frame that shows it, warnings, the settings that shaped it
 * Page        no script, no second file, nothing from elsewhere: pictures are data: URIs, and its own
 *             Content-Security-Policy allows nothing else. Every text from outside is escaped
 * Call order  create; add what the child tells; finish writes the page; or destroy
 * Bounds      pictures by ORI_LIMIT_MAX_CHILD_SHOTS_*; ORI_LIMIT_MAX_REPORT_POINTS of the curve, each
 *             the highest score of as many frames as one needs; ORI_LIMIT_MAX_REPORT_SCENES listed
 * Failure     what an add meets is told by finish: NOMEM, LIMIT, and those of util/fs.h. A page that
 *             stands there before stays then
 * Threads     one at a time */
#include "config/settings.h"
#include "media/child_proto.h"
#include "pipeline/manifest.h"
#include "util/status.h"

struct ori_report;

/* What the page says beside the manifest. */
struct ori_report_facts {
    const struct ori_settings *settings;
    const struct ori_manifest *manifest;
    const struct ori_msg_info *info;
    int64_t frames_decoded;
    double seconds; /* that the video took */
};

ori_status ori_report_create(struct ori_report **ret_report, struct ori_error *err);
void ori_report_destroy(struct ori_report **report); /* null-safe, nulls */

void ori_report_add_score(struct ori_report *report, const struct ori_msg_score *score);
void ori_report_add_shot(struct ori_report *report, const struct ori_msg_shot *shot);
/* path: made or replaced in one step, with its folder. */
ori_status ori_report_finish(const struct ori_report *report, const struct ori_report_facts *facts,
                             const char *path, struct ori_error *err);
