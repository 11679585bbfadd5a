/* What a video's item tells beside its result: the score track. It is written as it comes and placed
 * when the item is well; whatever goes wrong with it, the result stands. */
#include "pipeline/item_priv.h"

void ori_item_tell_begin(struct ori_item *item)
{
    const char *path = item->request->scores_path;
    struct ori_error *err = &item->result->scores_error;
    if (!path || item->scores)
        return;
    if (ori_scores_create(path, item->environment->settings, &item->result->manifest, &item->scores,
                          err) == ORI_OK)
        item->tells |= ORI_TELL_SCORES | ORI_TELL_LOOKS;
}

void ori_item_tell_score(struct ori_item *item, const struct ori_msg_score *score)
{
    if (item->scores)
        ori_scores_add(item->scores, score);
}

void ori_item_tell_look(struct ori_item *item, const struct ori_msg_look *look)
{
    if (item->scores)
        ori_scores_add_look(item->scores, look);
}

void ori_item_tell_end(struct ori_item *item, bool is_well)
{
    if (item->scores && is_well)
        (void)!ori_scores_finish(&item->scores, item->result->manifest.duration_us,
                                 &item->result->scores_error);
    ori_scores_discard(&item->scores);
}
