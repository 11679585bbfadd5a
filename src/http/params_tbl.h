/* http/params_tbl.h: every parameter of a route, one row each.
 * ORI_PARAM_ROW(word, "name", PLACE, KIND, "of", min, max, "default", "doc")
 *   word   as a route's row names it (query), or as it stands in the path; headers belong to the
 *          routes that openapi.c says
 *   PLACE  QUERY PATH HEADER
 *   KIND, of, min, max: as in schemas_tbl.h
 *   default "" for none
 * The file is included more than once on purpose. */
ORI_PARAM_ROW(job_id, "job_id", PATH, UUID, "", 0, 0, "", "id of a job")
ORI_PARAM_ROW(platform, "platform", PATH, CODE, "", 1, 128, "", "where the video is from")
ORI_PARAM_ROW(code, "code", PATH, CODE, "", 1, 128, "", "the video's name there")
ORI_PARAM_ROW(file, "file", PATH, TEXT, "", 1, 255, "", "name of a file")

ORI_PARAM_ROW(tail, "tail", QUERY, WHOLE, "", 0, ORI_LIMIT_MAX_TAIL_LINES, "50",
              "lines of the log, from its end")
ORI_PARAM_ROW(log_tail, "tail", QUERY, WHOLE, "", 0, ORI_LIMIT_MAX_TAIL_LINES, "1000",
              "lines of the log, from its end")
ORI_PARAM_ROW(page, "page", QUERY, WHOLE, "", 1, 1000000, "1", "which page")
ORI_PARAM_ROW(page_size, "page_size", QUERY, WHOLE, "", 1, 100, "10", "jobs a page")
ORI_PARAM_ROW(order, "order", QUERY, CHOICE, "asc desc", 0, 0, "asc",
              "asc: oldest first; desc: newest first")
ORI_PARAM_ROW(status_filter, "status", QUERY, CHOICE, "pending running completed failed stopped", 0,
              0, "", "jobs in this state alone")
ORI_PARAM_ROW(limit, "limit", QUERY, WHOLE, "", 1, ORI_LIMIT_MAX_SEARCH_HITS, "5", "hits, at most")
ORI_PARAM_ROW(video_code, "video_code", QUERY, CODE, "", 1, 128, "", "of this video alone")
ORI_PARAM_ROW(platform_filter, "platform", QUERY, CODE, "", 1, 128, "", "of this platform alone")
ORI_PARAM_ROW(second_min, "second_min", QUERY, REAL, "", 0, 31536000, "",
              "from this second of their video on")
ORI_PARAM_ROW(second_max, "second_max", QUERY, REAL, "", 0, 31536000, "",
              "up to this second of their video")
ORI_PARAM_ROW(group_by, "group_by", QUERY, CHOICE, "video", 0, 0, "",
              "video: the best frame of each video alone")
ORI_PARAM_ROW(width, "width", QUERY, WHOLE, "", 16, 1024, "",
              "largest side of a small JPEG; without it the frame as it is stored")

ORI_PARAM_ROW(idempotency_key, "Idempotency-Key", HEADER, VISIBLE, "", 1,
              ORI_LIMIT_MAX_IDEMPOTENCY_KEY_BYTES, "",
              "the same key and body give the same job back; with another body: 422")
ORI_PARAM_ROW(last_event_id, "Last-Event-ID", HEADER, WHOLE, "", 0, MANY, "",
              "the last event seen: those after it follow")
ORI_PARAM_ROW(if_none_match, "If-None-Match", HEADER, TEXT, "", 1, 1024, "",
              "entity tag of the copy at hand: 304 when it is still right")
