/* What a video's item tells beside its result: the score track, written as it comes and placed when
 * the item is well, and the report page. Whatever goes wrong with them, the result stands. */
#include "pipeline/item_priv.h"

#include <string.h>

void ori_item_tell_begin(struct ori_item *item)
{
    const struct ori_item_request *request = item->request;
    struct ori_item_result *result = item->result;
    if (request->scores_path && !item->scores &&
        ori_scores_create(request->scores_path, item->environment->settings, &result->manifest,
                          &item->scores, &result->scores_error) == ORI_OK)
        item->tells |= ORI_TELL_SCORES | ORI_TELL_LOOKS;
    if (request->report_path && !item->report &&
        ori_report_create(&item->report, &result->report_error) == ORI_OK)
        item->tells |= ORI_TELL_SCORES | ORI_TELL_SHOTS;
}

void ori_item_tell_score(struct ori_item *item, const struct ori_msg_score *score)
{
    if (item->scores)
        ori_scores_add(item->scores, score);
    if (item->report)
        ori_report_add_score(item->report, score);
}

void ori_item_tell_look(struct ori_item *item, const struct ori_msg_look *look)
{
    if (item->scores)
        ori_scores_add_look(item->scores, look);
}

void ori_item_tell_shot(struct ori_item *item, const struct ori_msg_shot *shot)
{
    if (item->report)
        ori_report_add_shot(item->report, shot);
}

static void write_report(struct ori_item *item)
{
    struct ori_item_result *result = item->result;
    const struct ori_report_facts facts = {.settings = item->environment->settings,
                                           .manifest = &result->manifest,
                                           .info = &item->info,
                                           .frames_decoded = item->done.frames_decoded,
                                           .seconds = result->timings.total};
    ori_status status =
        ori_report_finish(item->report, &facts, item->request->report_path, &result->report_error);
    if (status == ORI_OK)
        result->report_path = strdup(item->request->report_path);
}

void ori_item_tell_end(struct ori_item *item, bool is_well)
{
    if (item->scores && is_well)
        (void)!ori_scores_finish(&item->scores, item->result->manifest.duration_us,
                                 &item->result->scores_error);
    ori_scores_discard(&item->scores);
    if (item->report && is_well)
        write_report(item);
    ori_report_destroy(&item->report);
}
