#include "cli/session.h"

#include "net/client.h"

ori_status ori_session_begin(struct ori_session *session, struct ori_error *err)
{
    ori_status status = ori_net_global_init(err);
    if (status != ORI_OK)
        return status;
    status = ori_cancel_init(&session->cancel, NULL, err);
    if (status != ORI_OK) {
        ori_net_global_deinit();
        return status;
    }
    status = ori_interrupt_start(&session->cancel, &session->interrupt, err);
    if (status != ORI_OK) {
        ori_cancel_deinit(&session->cancel);
        ori_net_global_deinit();
    }
    return status;
}

void ori_session_end(struct ori_session *session)
{
    ori_interrupt_stop(&session->interrupt);
    ori_cancel_deinit(&session->cancel);
    ori_net_global_deinit();
}
