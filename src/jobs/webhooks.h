#pragma once
/* jobs/webhooks.h: tells other servers that a job has ended.
 * Body       {"type":"job.completed","timestamp":"...","data":{"job_id","status","counts"}}; signed
 *            (net/webhook.h) when WEBHOOK_SECRET is set, else sent without a signature
 * Id         the job's and the delivery's: no other server ever says the same, and every attempt of
 *            one delivery does, so that a receiver can tell a repetition
 * Order      between jobs is not promised
 * Attempts   2xx is success; 410 ends it at once; all else is tried again ORI_LIMIT_MAX_WEBHOOK_TRIES times
 *            over about a day, then it is dead: kept, counted, shown in the job
 * Guard      addresses as URL_ALLOW_PRIVATE allows (net/client.h); redirects are failures
 * Threads    one of its own; the outbox is the job store's, so a restart loses nothing */
#include "config/live.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/client.h"
#include "stores/jobs.h"
#include "util/cancel.h"

struct ori_webhooks;

struct ori_webhooks_options {
    struct ori_live *live;
    struct ori_job_store *store;
    struct ori_net_client *client;
    struct ori_metrics *metrics;
    const struct ori_log *log;
    struct ori_cancel *cancel;
};
ori_status ori_webhooks_create(const struct ori_webhooks_options *options,
                               struct ori_webhooks **ret_webhooks, struct ori_error *err);
void ori_webhooks_wake(struct ori_webhooks *webhooks);
void ori_webhooks_destroy(struct ori_webhooks **webhooks); /* joins; null-safe, nulls */
