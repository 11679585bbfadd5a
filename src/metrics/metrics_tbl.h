/* metrics/metrics_tbl.h: every metric, one row each.
 * ORI_METRIC_ROW(ID, "name", KIND, SET, COST, "help")
 *   KIND  COUNTER GAUGE HISTOGRAM_SECONDS
 *   SET   the label and its values (metrics_labels.c): NONE; STAGE (stages of an item); STATUS
 *         (codes of util/status_tbl.h); ITEM_STATE, ENDED_STATE, JOB_STATE (words of the contract,
 *         in the order of stores/job_states_tbl.h); CLASS (HTTP status classes); QUEUE
 *   COST  CHEAP, or COSTLY: left out with ENABLE_PERFORMANCE_METRICS=0
 * The file is included more than once on purpose. */
ORI_METRIC_ROW(ITEMS_ENDED, "oriane_items_total", COUNTER, ENDED_STATE, CHEAP,
               "items that ended, by how")
ORI_METRIC_ROW(FAILURES, "oriane_failures_total", COUNTER, STATUS, CHEAP,
               "attempts at an item that failed, by code")
ORI_METRIC_ROW(STAGE_FAILURES, "oriane_stage_failures_total", COUNTER, STAGE, CHEAP,
               "attempts at an item that failed, by stage")
ORI_METRIC_ROW(RETRIES, "oriane_item_retries_total", COUNTER, NONE, CHEAP,
               "attempts at an item after the first")
ORI_METRIC_ROW(FRAMES, "oriane_frames_total", COUNTER, NONE, CHEAP, "frames kept")
ORI_METRIC_ROW(MEDIA_SECONDS, "oriane_media_seconds_total", COUNTER, NONE, CHEAP,
               "time of video worked through")
ORI_METRIC_ROW(MEDIA_BYTES, "oriane_media_bytes_total", COUNTER, NONE, CHEAP,
               "bytes of video files worked through")
ORI_METRIC_ROW(FETCHED_BYTES, "oriane_fetched_bytes_total", COUNTER, NONE, CHEAP,
               "bytes of videos that came from other machines")
ORI_METRIC_ROW(EMBEDDINGS, "oriane_embeddings_total", COUNTER, NONE, CHEAP, "vectors computed")
ORI_METRIC_ROW(EMBED_BATCHES, "oriane_embed_batches_total", COUNTER, NONE, CHEAP,
               "calls of the model")
ORI_METRIC_ROW(STORED_OBJECTS, "oriane_stored_objects_total", COUNTER, NONE, CHEAP,
               "stills and manifests written")
ORI_METRIC_ROW(STORED_POINTS, "oriane_stored_points_total", COUNTER, NONE, CHEAP,
               "points written to the vector store")
ORI_METRIC_ROW(VECTORS_UP, "oriane_vector_store_up", GAUGE, NONE, CHEAP,
               "1 while the vector store is open and can be reached")
ORI_METRIC_ROW(OBJECTS_UP, "oriane_object_store_up", GAUGE, NONE, CHEAP,
               "1 while the bucket that frames go to can be used, or they go to a folder")
ORI_METRIC_ROW(STAGE_SECONDS, "oriane_stage_duration_seconds", HISTOGRAM_SECONDS, STAGE, COSTLY,
               "time of a stage of one item")
ORI_METRIC_ROW(ITEM_SECONDS, "oriane_item_duration_seconds", HISTOGRAM_SECONDS, NONE, COSTLY,
               "time of one item that was extracted")
ORI_METRIC_ROW(QUEUE_DEPTH, "oriane_queue_depth", GAUGE, QUEUE, CHEAP, "what waits, by queue")
ORI_METRIC_ROW(JOBS, "oriane_jobs", GAUGE, JOB_STATE, CHEAP, "jobs in the store, by state")
ORI_METRIC_ROW(ITEMS, "oriane_items", GAUGE, ITEM_STATE, CHEAP, "items in the store, by state")
ORI_METRIC_ROW(WORKERS, "oriane_workers", GAUGE, NONE, CHEAP, "videos that may be decoded at once")
ORI_METRIC_ROW(WORKERS_BUSY, "oriane_workers_busy", GAUGE, NONE, CHEAP,
               "videos that are being decoded")
ORI_METRIC_ROW(HTTP_REQUESTS, "oriane_http_requests_total", COUNTER, CLASS, CHEAP,
               "requests answered, by class of status")
ORI_METRIC_ROW(HTTP_REFUSED, "oriane_http_refused_total", COUNTER, NONE, CHEAP,
               "requests refused before any handler saw them")
ORI_METRIC_ROW(HTTP_SECONDS, "oriane_http_request_duration_seconds", HISTOGRAM_SECONDS, NONE,
               COSTLY, "time from a request's headers to its answer")
ORI_METRIC_ROW(HTTP_CONNECTIONS, "oriane_http_connections", GAUGE, NONE, CHEAP,
               "connections that are open")
ORI_METRIC_ROW(HTTP_LISTENERS, "oriane_http_event_listeners", GAUGE, NONE, CHEAP,
               "connections that listen to events")
ORI_METRIC_ROW(WEBHOOKS_SENT, "oriane_webhooks_sent_total", COUNTER, NONE, CHEAP,
               "webhooks delivered")
ORI_METRIC_ROW(WEBHOOKS_FAILED, "oriane_webhook_failures_total", COUNTER, NONE, CHEAP,
               "attempts at a webhook that failed")
ORI_METRIC_ROW(WEBHOOKS_DEAD, "oriane_webhooks_dead", GAUGE, NONE, CHEAP,
               "webhooks that were given up")
ORI_METRIC_ROW(SEARCHES, "oriane_searches_total", COUNTER, NONE, CHEAP, "searches answered")
ORI_METRIC_ROW(SEARCH_SECONDS, "oriane_search_duration_seconds", HISTOGRAM_SECONDS, NONE, COSTLY,
               "time of one search, embedding and scan")
ORI_METRIC_ROW(CLAIM_SECONDS, "oriane_claim_duration_seconds", HISTOGRAM_SECONDS, NONE, COSTLY,
               "time to claim an item from the job store")
