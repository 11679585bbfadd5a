/* http/routes_tbl.h: every route, one row each.
 * ORI_ROUTE_ROW(METHOD, "/path", name, "tag", AUTH, WHERE, BODY, success, "query", "request",
 *               "answer", "summary"): the handler is ori_resource_<name>, in the file of its tag
 * The file is included more than once on purpose. */
ORI_ROUTE_ROW(POST, "/process", process, "jobs", KEY, DESK, JSON, 202, "", "NewJob", "JobAccepted",
              "Take a list of videos to be processed")
ORI_ROUTE_ROW(GET, "/status/{job_id}", status, "jobs", KEY, DESK, NO_BODY, 200, "tail", "",
              "JobStatus", "How far a job is, item by item, with the end of its log")
ORI_ROUTE_ROW(GET, "/jobs", list_jobs, "jobs", KEY, DESK, NO_BODY, 200,
              "page page_size order status_filter", "", "JobList", "Jobs, page by page")
ORI_ROUTE_ROW(POST, "/jobs", add_job, "jobs", KEY, DESK, JSON, 202, "", "NewJob", "Job",
              "The same as /process; answers with the job")
ORI_ROUTE_ROW(POST, "/jobs/", add_job_200, "jobs", KEY, DESK, JSON, 200, "", "NewJob", "Job",
              "The same as POST /jobs; answers 200, as older clients expect")
ORI_ROUTE_ROW(GET, "/jobs/{job_id}", get_job, "jobs", KEY, DESK, NO_BODY, 200, "", "", "Job",
              "One job")
ORI_ROUTE_ROW(DELETE, "/jobs/{job_id}", delete_job, "jobs", KEY, SLOW, NO_BODY, 200, "", "",
              "JobDeleted", "Forget a job; one that runs is stopped first")
ORI_ROUTE_ROW(POST, "/jobs/{job_id}/start", start_job, "jobs", KEY, DESK, OPTIONAL_JSON, 200, "",
              "", "JobMoved", "Run again what did not succeed")
ORI_ROUTE_ROW(POST, "/jobs/{job_id}/stop", stop_job, "jobs", KEY, SLOW, OPTIONAL_JSON, 200, "", "",
              "JobMoved", "Stop a job; running videos end within two seconds")
ORI_ROUTE_ROW(GET, "/jobs/{job_id}/logs", job_logs, "jobs", KEY, DESK, NO_BODY, 200, "log_tail", "",
              "JobLogs", "A job's log as text")
ORI_ROUTE_ROW(GET, "/jobs/{job_id}/progress", job_progress, "jobs", KEY, DESK, NO_BODY, 200, "", "",
              "JobProgress", "How many of a job's videos have ended")
ORI_ROUTE_ROW(GET, "/jobs/{job_id}/events", job_events, "jobs", KEY, DESK, NO_BODY, 200, "", "",
              "text/event-stream", "State, progress and log as they happen")
ORI_ROUTE_ROW(GET, "/concurrency/stats", concurrency, "system", KEY, DESK, NO_BODY, 200, "", "",
              "Concurrency", "What runs and what waits")
ORI_ROUTE_ROW(GET, "/config", config, "system", KEY, INLINE, NO_BODY, 200, "", "", "Config",
              "Every setting that is not secret")
ORI_ROUTE_ROW(GET, "/models/status", models, "system", KEY, DESK, NO_BODY, 200, "", "", "Models",
              "The model that embeds frames")
ORI_ROUTE_ROW(POST, "/search-by/text", search_text, "search", KEY, SLOW, JSON, 200, "limit",
              "TextSearch", "Hits", "Frames most like a text")
ORI_ROUTE_ROW(POST, "/search-by/image", search_image, "search", KEY, SLOW, UPLOAD, 200,
              "limit platform_filter video_code second_min second_max group_by", "ImageSearch",
              "Hits", "Frames most like a picture")
ORI_ROUTE_ROW(POST, "/search-by/frame", search_frame, "search", KEY, SLOW, JSON, 200, "limit",
              "FrameSearch", "Hits", "Frames most like a stored frame, found by its id")
ORI_ROUTE_ROW(GET, "/frames/{platform}/{code}", list_frames, "frames", KEY, SLOW, NO_BODY, 200, "",
              "", "Frames", "The kept frames of a video")
ORI_ROUTE_ROW(GET, "/frames/{platform}/{code}/{file}", get_frame, "frames", KEY, SLOW, NO_BODY, 200,
              "width", "", "image/png", "A kept frame; with width a small JPEG of it")
ORI_ROUTE_ROW(GET, "/", root, "system", OPEN, INLINE, NO_BODY, 200, "", "", "Root",
              "Name and version; a browser is sent to /ui/")
ORI_ROUTE_ROW(GET, "/health", health, "system", OPEN, INLINE, NO_BODY, 200, "", "", "Health",
              "Whether the process lives")
ORI_ROUTE_ROW(GET, "/ready", ready, "system", OPEN, DESK, NO_BODY, 200, "", "", "Ready",
              "Whether work can be done now, and if not, why")
ORI_ROUTE_ROW(GET, "/metrics", metrics, "system", METRICS, DESK, NO_BODY, 200, "", "", "text/plain",
              "Figures for Prometheus")
ORI_ROUTE_ROW(GET, "/api/docs", docs, "docs", BASIC, INLINE, NO_BODY, 200, "", "", "text/html",
              "The API's reference page")
ORI_ROUTE_ROW(GET, "/api/docs/{file}", docs_file, "docs", BASIC, INLINE, NO_BODY, 200, "", "",
              "text/plain", "A part of the reference page")
ORI_ROUTE_ROW(GET, "/api/openapi.json", openapi, "docs", BASIC, DESK, NO_BODY, 200, "", "",
              "OpenApi", "This description as OpenAPI 3.1")
ORI_ROUTE_ROW(GET, "/ui", ui, "ui", OPEN, INLINE, NO_BODY, 200, "", "", "text/html",
              "The console; it asks for the key itself")
ORI_ROUTE_ROW(GET, "/ui/{file}", ui_file, "ui", OPEN, INLINE, NO_BODY, 200, "", "", "text/plain",
              "A part of the console")
