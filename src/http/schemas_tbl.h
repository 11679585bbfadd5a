/* http/schemas_tbl.h: every JSON object the API takes or gives, field by field: the one source of
 * what a request is checked by and of the schemas in /api/openapi.json.
 * ORI_SCHEMA_ROW(Name, "what it is")
 * ORI_SCHEMA_LIST_ROW(Name, "Element", "what it is"): an array
 * ORI_FIELD_ROW(Name, "field", KIND, "of", NEED, min, max, "doc"), the fields of one schema together
 *   KIND  TEXT of min to max characters; CODE, UUID, TIME, SOURCE (where a video lies), WEBHOOK;
 *         WHOLE and REAL from min to max; BOOL; CHOICE of the words in "of"; OBJECT and LIST (min
 *         to max of them) of the schema in "of"; TEXTS, a list of texts; MAP, an object of anything
 *   NEED  REQUIRED; NULLABLE: always there, null when there is nothing to say; OPTIONAL: may be left
 *         out or null; SOMETIMES: may be left out
 *   max   MANY: no bound; VIDEOS: MAX_VIDEOS_PER_REQUEST
 * ORI_EXAMPLE_ROW(Name, "one example as JSON")
 * The file is included more than once on purpose. */
#ifndef ORI_SCHEMA_ROW
#define ORI_SCHEMA_ROW(name, doc)
#endif
#ifndef ORI_SCHEMA_LIST_ROW
#define ORI_SCHEMA_LIST_ROW(name, element, doc)
#endif
#ifndef ORI_FIELD_ROW
#define ORI_FIELD_ROW(...)
#endif
#ifndef ORI_EXAMPLE_ROW
#define ORI_EXAMPLE_ROW(name, json)
#endif

ORI_SCHEMA_ROW(NewItem, "one video of a request, named by platform and code")
ORI_FIELD_ROW(NewItem, "platform", CODE, "", REQUIRED, 1, 128, "where the video is from")
ORI_FIELD_ROW(NewItem, "code", CODE, "", REQUIRED, 1, 128, "the video's name there")
ORI_FIELD_ROW(NewItem, "url", SOURCE, "", OPTIONAL, 1, 2048,
              "where the video lies, when not under platform and code: a path inside VP_INPUT_DIR, "
              "https://, http:// to an address in URL_ALLOW_PRIVATE, or s3://bucket/key")

ORI_SCHEMA_ROW(NewJob, "a list of videos, and how they are to be processed")
ORI_FIELD_ROW(NewJob, "items", LIST, "NewItem", REQUIRED, 1, VIDEOS, "the videos")
ORI_FIELD_ROW(NewJob, "batch_size", WHOLE, "", OPTIONAL, 1, 100000,
              "videos between two pauses of the job; VP_BATCH_SIZE when not given")
ORI_FIELD_ROW(NewJob, "sleep_between_batches", REAL, "", OPTIONAL, 0, 3600,
              "seconds of each pause; VP_SLEEP_BETWEEN_BATCHES when not given")
ORI_FIELD_ROW(NewJob, "local_mode", BOOL, "", OPTIONAL, 0, 0,
              "everything stays on the server's machine; false never loosens LOCAL_MODE")
ORI_FIELD_ROW(NewJob, "skip_upload", BOOL, "", OPTIONAL, 0, 0,
              "frames stay on the server's machine; false never loosens SKIP_UPLOAD")
ORI_FIELD_ROW(NewJob, "force", BOOL, "", OPTIONAL, 0, 0, "extract again what was extracted already")
ORI_FIELD_ROW(NewJob, "webhook_url", WEBHOOK, "", OPTIONAL, 1, 2048,
              "told by POST when the job has ended: http or https, a public address")
ORI_FIELD_ROW(NewJob, "priority", WHOLE, "", OPTIONAL, -100, 100, "higher is first; 0 by default")
ORI_EXAMPLE_ROW(NewJob, "{\"items\":[{\"platform\":\"instagram\",\"code\":\"DLtUrB-pQl2\"},"
                        "{\"platform\":\"local\",\"code\":\"holiday-01\","
                        "\"url\":\"uploads/holiday.mp4\"}],\"priority\":10}")

ORI_SCHEMA_ROW(JobAccepted, "the job is on disk and will be run")
ORI_FIELD_ROW(JobAccepted, "jobId", UUID, "", REQUIRED, 0, 0, "the job's id")
ORI_FIELD_ROW(JobAccepted, "job_id", UUID, "", REQUIRED, 0, 0, "the same")
ORI_EXAMPLE_ROW(JobAccepted, "{\"jobId\":\"5b0f1d9e-6a0e-4b51-9a3c-0d7c3d0c8f11\","
                             "\"job_id\":\"5b0f1d9e-6a0e-4b51-9a3c-0d7c3d0c8f11\"}")

ORI_SCHEMA_ROW(ItemError, "why a video failed")
ORI_FIELD_ROW(ItemError, "code", TEXT, "", REQUIRED, 1, MANY, "a stable word, such as not_found")
ORI_FIELD_ROW(ItemError, "message", TEXT, "", REQUIRED, 0, MANY, "the same for a person")
ORI_FIELD_ROW(ItemError, "stage", TEXT, "", REQUIRED, 0, MANY, "the stage that failed")
ORI_FIELD_ROW(ItemError, "retryable", BOOL, "", REQUIRED, 0, 0,
              "whether another attempt could do better")
ORI_FIELD_ROW(ItemError, "attempts", WHOLE, "", REQUIRED, 0, MANY, "attempts so far")

ORI_SCHEMA_ROW(Item, "one video of a job")
ORI_FIELD_ROW(Item, "platform", CODE, "", REQUIRED, 1, 128, "where the video is from")
ORI_FIELD_ROW(Item, "code", CODE, "", REQUIRED, 1, 128, "the video's name there")
ORI_FIELD_ROW(Item, "url", TEXT, "", SOMETIMES, 1, 2048, "as the request had it")
ORI_FIELD_ROW(Item, "status", CHOICE, "waiting processing success failed stopped", REQUIRED, 0, 0,
              "its state")
ORI_FIELD_ROW(Item, "progress", WHOLE, "", REQUIRED, 0, 100, "percent; 100 only at the end")
ORI_FIELD_ROW(Item, "stage", TEXT, "", REQUIRED, 0, MANY,
              "the stage it is in; empty while it is not processed")
ORI_FIELD_ROW(Item, "frames", WHOLE, "", REQUIRED, 0, MANY, "kept frames, once it has succeeded")
ORI_FIELD_ROW(Item, "attempts", WHOLE, "", REQUIRED, 0, MANY, "attempts that counted")
ORI_FIELD_ROW(Item, "error", OBJECT, "ItemError", NULLABLE, 0, 0, "of the last failure")

ORI_SCHEMA_ROW(Counts, "a job's videos by state")
ORI_FIELD_ROW(Counts, "total", WHOLE, "", REQUIRED, 0, MANY, "all of them")
ORI_FIELD_ROW(Counts, "waiting", WHOLE, "", REQUIRED, 0, MANY, "not begun, or to be tried again")
ORI_FIELD_ROW(Counts, "processing", WHOLE, "", REQUIRED, 0, MANY, "being worked on")
ORI_FIELD_ROW(Counts, "success", WHOLE, "", REQUIRED, 0, MANY, "done")
ORI_FIELD_ROW(Counts, "failed", WHOLE, "", REQUIRED, 0, MANY, "given up")
ORI_FIELD_ROW(Counts, "stopped", WHOLE, "", REQUIRED, 0, MANY, "stopped by a client")

ORI_SCHEMA_ROW(Done, "how many of a job's videos have ended")
ORI_FIELD_ROW(Done, "completed", WHOLE, "", REQUIRED, 0, MANY, "ended, in whichever way")
ORI_FIELD_ROW(Done, "total", WHOLE, "", REQUIRED, 0, MANY, "all of them")

ORI_SCHEMA_ROW(Results, "what came of a job that has ended")
ORI_FIELD_ROW(Results, "success", WHOLE, "", REQUIRED, 0, MANY, "videos done")
ORI_FIELD_ROW(Results, "failed", WHOLE, "", REQUIRED, 0, MANY, "videos given up")
ORI_FIELD_ROW(Results, "stopped", WHOLE, "", REQUIRED, 0, MANY, "videos stopped")
ORI_FIELD_ROW(Results, "frames", WHOLE, "", NULLABLE, 0, MANY,
              "kept frames of all its videos; null in a list that does not show all of them")

ORI_SCHEMA_ROW(Webhook, "a job's webhook")
ORI_FIELD_ROW(Webhook, "url", TEXT, "", REQUIRED, 1, 2048, "who is told")
ORI_FIELD_ROW(Webhook, "status", CHOICE, "pending delivered dead", REQUIRED, 0, 0,
              "pending until it was delivered or given up")
ORI_FIELD_ROW(Webhook, "attempts", WHOLE, "", REQUIRED, 0, MANY, "attempts so far")

ORI_SCHEMA_ROW(Job, "a job")
ORI_FIELD_ROW(Job, "job_id", UUID, "", REQUIRED, 0, 0, "its id")
ORI_FIELD_ROW(Job, "jobId", UUID, "", REQUIRED, 0, 0, "the same")
ORI_FIELD_ROW(Job, "status", CHOICE, "pending running completed failed stopped", REQUIRED, 0, 0,
              "its state: completed when at least one video succeeded, failed when none did")
ORI_FIELD_ROW(Job, "created_at", TIME, "", REQUIRED, 0, 0, "when it was taken")
ORI_FIELD_ROW(Job, "updated_at", TIME, "", REQUIRED, 0, 0, "when it changed last")
ORI_FIELD_ROW(Job, "priority", WHOLE, "", REQUIRED, -100, 100, "higher is first")
ORI_FIELD_ROW(Job, "force", BOOL, "", REQUIRED, 0, 0, "whether it extracts again what is done")
ORI_FIELD_ROW(Job, "items", LIST, "Item", REQUIRED, 0, MANY,
              "its videos in the order of the request; at most 20 in a list of jobs")
ORI_FIELD_ROW(Job, "progress", OBJECT, "Done", REQUIRED, 0, 0, "videos that have ended")
ORI_FIELD_ROW(Job, "percentage", WHOLE, "", REQUIRED, 0, 100,
              "progress over all stages of all videos; 100 only at the end")
ORI_FIELD_ROW(Job, "counts", OBJECT, "Counts", REQUIRED, 0, 0, "its videos by state")
ORI_FIELD_ROW(Job, "results", OBJECT, "Results", NULLABLE, 0, 0, "null until it has ended")
ORI_FIELD_ROW(Job, "error", TEXT, "", NULLABLE, 1, MANY, "one sentence when it failed")
ORI_FIELD_ROW(Job, "webhook", OBJECT, "Webhook", NULLABLE, 0, 0, "null when it has none")

ORI_SCHEMA_ROW(LogLine, "one line of a job's log")
ORI_FIELD_ROW(LogLine, "ts", TIME, "", REQUIRED, 0, 0, "when")
ORI_FIELD_ROW(LogLine, "level", CHOICE, "error warn info debug", REQUIRED, 0, 0, "how bad")
ORI_FIELD_ROW(LogLine, "msg", TEXT, "", REQUIRED, 0, MANY, "what")

ORI_SCHEMA_ROW(JobStatus, "how far a job is")
ORI_FIELD_ROW(JobStatus, "jobId", UUID, "", REQUIRED, 0, 0, "its id")
ORI_FIELD_ROW(JobStatus, "job_id", UUID, "", REQUIRED, 0, 0, "the same")
ORI_FIELD_ROW(JobStatus, "status", CHOICE, "pending running completed failed stopped", REQUIRED, 0,
              0, "its state")
ORI_FIELD_ROW(JobStatus, "progress", WHOLE, "", REQUIRED, 0, 100, "percent; 100 only at the end")
ORI_FIELD_ROW(JobStatus, "createdAt", TIME, "", REQUIRED, 0, 0, "when it was taken")
ORI_FIELD_ROW(JobStatus, "updatedAt", TIME, "", REQUIRED, 0, 0, "when it changed last")
ORI_FIELD_ROW(JobStatus, "items", LIST, "Item", REQUIRED, 0, MANY, "its videos")
ORI_FIELD_ROW(JobStatus, "counts", OBJECT, "Counts", REQUIRED, 0, 0, "its videos by state")
ORI_FIELD_ROW(JobStatus, "logs", LIST, "LogLine", REQUIRED, 0, 1000,
              "the end of its log, oldest line first")
ORI_FIELD_ROW(JobStatus, "log_tail", TEXTS, "", REQUIRED, 0, 1000, "the same lines as text")

ORI_SCHEMA_ROW(JobList, "one page of jobs")
ORI_FIELD_ROW(JobList, "jobs", LIST, "Job", REQUIRED, 0, 100, "the jobs of this page")
ORI_FIELD_ROW(JobList, "total", WHOLE, "", REQUIRED, 0, MANY, "jobs on all pages")
ORI_FIELD_ROW(JobList, "page", WHOLE, "", REQUIRED, 1, 1000000, "this page")
ORI_FIELD_ROW(JobList, "page_size", WHOLE, "", REQUIRED, 1, 100, "jobs a page")

ORI_SCHEMA_ROW(JobDeleted, "a job is forgotten")
ORI_FIELD_ROW(JobDeleted, "status", CHOICE, "success", REQUIRED, 0, 0, "how it went")
ORI_FIELD_ROW(JobDeleted, "message", TEXT, "", REQUIRED, 1, MANY, "the same for a person")
ORI_FIELD_ROW(JobDeleted, "job_id", UUID, "", REQUIRED, 0, 0, "the job's id")

ORI_SCHEMA_ROW(JobMoved, "a job was started or stopped")
ORI_FIELD_ROW(JobMoved, "job_id", UUID, "", REQUIRED, 0, 0, "the job's id")
ORI_FIELD_ROW(JobMoved, "job_status", CHOICE, "pending running completed failed stopped", REQUIRED,
              0, 0, "its state now")
ORI_FIELD_ROW(JobMoved, "message", TEXT, "", REQUIRED, 1, MANY, "the same for a person")

ORI_SCHEMA_ROW(JobLogs, "a job's log")
ORI_FIELD_ROW(JobLogs, "job_id", UUID, "", REQUIRED, 0, 0, "the job's id")
ORI_FIELD_ROW(JobLogs, "logs", TEXT, "", REQUIRED, 0, MANY, "its lines")
ORI_FIELD_ROW(JobLogs, "error_logs", TEXT, "", REQUIRED, 0, MANY, "errors and warnings alone")

ORI_SCHEMA_ROW(JobProgress, "how many of a job's videos have ended")
ORI_FIELD_ROW(JobProgress, "job_id", UUID, "", REQUIRED, 0, 0, "the job's id")
ORI_FIELD_ROW(JobProgress, "progress", OBJECT, "Done", REQUIRED, 0, 0, "videos that have ended")
ORI_FIELD_ROW(JobProgress, "percentage", WHOLE, "", REQUIRED, 0, 100,
              "progress over all stages of all videos")
ORI_FIELD_ROW(JobProgress, "job_status", CHOICE, "pending running completed failed stopped",
              REQUIRED, 0, 0, "its state")

ORI_SCHEMA_ROW(Concurrency, "what runs and what waits")
ORI_FIELD_ROW(Concurrency, "active_jobs", WHOLE, "", REQUIRED, 0, MANY, "jobs that have a turn now")
ORI_FIELD_ROW(Concurrency, "max_parallel_jobs", WHOLE, "", REQUIRED, 1, MANY,
              "PIPELINE_MAX_PARALLEL_JOBS")
ORI_FIELD_ROW(Concurrency, "pending_jobs", WHOLE, "", REQUIRED, 0, MANY, "jobs not begun")
ORI_FIELD_ROW(Concurrency, "completed_jobs", WHOLE, "", REQUIRED, 0, MANY, "jobs done")
ORI_FIELD_ROW(Concurrency, "failed_jobs", WHOLE, "", REQUIRED, 0, MANY, "jobs that failed")
ORI_FIELD_ROW(Concurrency, "stopped_jobs", WHOLE, "", REQUIRED, 0, MANY, "jobs that were stopped")
ORI_FIELD_ROW(Concurrency, "queue_size", WHOLE, "", REQUIRED, 0, MANY, "videos that wait")
ORI_FIELD_ROW(Concurrency, "active_workers", WHOLE, "", REQUIRED, 0, MANY,
              "videos that are being decoded")
ORI_FIELD_ROW(Concurrency, "max_workers", WHOLE, "", REQUIRED, 0, MANY, "VP_MAX_WORKERS")

ORI_SCHEMA_ROW(Config,
               "every setting that is not secret, by its variable in lower case, and some by "
               "the names older clients know")
ORI_FIELD_ROW(Config, "output_root", TEXT, "", REQUIRED, 0, MANY, "VP_OUTPUT_DIR")
ORI_FIELD_ROW(Config, "max_workers", WHOLE, "", REQUIRED, 1, MANY, "VP_MAX_WORKERS")
ORI_FIELD_ROW(Config, "batch_size", WHOLE, "", REQUIRED, 1, MANY, "VP_BATCH_SIZE")
ORI_FIELD_ROW(Config, "sample_fps", REAL, "", REQUIRED, 0, MANY, "VP_SAMPLE_FPS")
ORI_FIELD_ROW(Config, "crop_enabled", BOOL, "", REQUIRED, 0, 0, "VP_ENABLE_CROP")
ORI_FIELD_ROW(Config, "dedup_enabled", BOOL, "", REQUIRED, 0, 0, "VP_ENABLE_DEDUP")
ORI_FIELD_ROW(Config, "collection", TEXT, "", REQUIRED, 0, MANY, "QDRANT_COLLECTION")
ORI_FIELD_ROW(Config, "dim", WHOLE, "", REQUIRED, 1, MANY, "QDRANT_DIM")

ORI_SCHEMA_ROW(Models, "the model that embeds frames")
ORI_FIELD_ROW(Models, "clip_model_loaded", BOOL, "", REQUIRED, 0, 0, "whether it is there")
ORI_FIELD_ROW(Models, "clip_model_name", TEXT, "", REQUIRED, 1, MANY, "CLIP_MODEL")
ORI_FIELD_ROW(Models, "dim", WHOLE, "", REQUIRED, 1, MANY, "length of its vectors")
ORI_FIELD_ROW(Models, "backend", TEXT, "", NULLABLE, 1, MANY, "what computes; null until loaded")
ORI_FIELD_ROW(Models, "precision", TEXT, "", NULLABLE, 1, MANY, "of its numbers, likewise")
ORI_FIELD_ROW(Models, "device", TEXT, "", NULLABLE, 1, MANY, "where it computes, likewise")
ORI_FIELD_ROW(Models, "reason", TEXT, "", NULLABLE, 1, MANY, "why it is not loaded, and what to do")

ORI_SCHEMA_ROW(SearchFilter, "which frames are looked at")
ORI_FIELD_ROW(SearchFilter, "platform", CODE, "", OPTIONAL, 1, 128, "of this platform alone")
ORI_FIELD_ROW(SearchFilter, "video_code", CODE, "", OPTIONAL, 1, 128, "of this video alone")
ORI_FIELD_ROW(SearchFilter, "second_min", REAL, "", OPTIONAL, 0, 31536000,
              "from this second of their video on")
ORI_FIELD_ROW(SearchFilter, "second_max", REAL, "", OPTIONAL, 0, 31536000,
              "up to this second of their video")

ORI_SCHEMA_ROW(TextSearch, "a search by text")
ORI_FIELD_ROW(TextSearch, "prompt", TEXT, "", REQUIRED, 1, ORI_LIMIT_MAX_PROMPT_CHARS,
              "what is to be seen")
ORI_FIELD_ROW(TextSearch, "limit", WHOLE, "", OPTIONAL, 1, 1000,
              "hits, at most; 5 by default; wins over the query's")
ORI_FIELD_ROW(TextSearch, "filter", OBJECT, "SearchFilter", OPTIONAL, 0, 0, "which frames count")
ORI_FIELD_ROW(TextSearch, "group_by", CHOICE, "video", OPTIONAL, 0, 0,
              "video: the best frame of each video alone")
ORI_EXAMPLE_ROW(TextSearch, "{\"prompt\":\"a red car in the rain\",\"limit\":10,"
                            "\"filter\":{\"platform\":\"instagram\"},\"group_by\":\"video\"}")

ORI_SCHEMA_ROW(FrameSearch, "a search by a frame that is stored")
ORI_FIELD_ROW(FrameSearch, "id", UUID, "", REQUIRED, 0, 0, "the frame's id")
ORI_FIELD_ROW(FrameSearch, "limit", WHOLE, "", OPTIONAL, 1, 1000,
              "hits, at most; 5 by default; wins over the query's")
ORI_FIELD_ROW(FrameSearch, "filter", OBJECT, "SearchFilter", OPTIONAL, 0, 0, "which frames count")
ORI_FIELD_ROW(FrameSearch, "group_by", CHOICE, "video", OPTIONAL, 0, 0,
              "video: the best frame of each video alone")
ORI_EXAMPLE_ROW(FrameSearch, "{\"id\":\"9a5dd0bc-6f0a-5c39-8f55-3fd0b8c24cf4\",\"limit\":10}")

ORI_SCHEMA_ROW(ImageSearch, "a search by a picture: multipart/form-data")
ORI_FIELD_ROW(ImageSearch, "file", FILE, "", REQUIRED, 0, 0, "the picture: PNG, JPEG or WebP")

ORI_SCHEMA_ROW(Payload, "what is known of a stored frame")
ORI_FIELD_ROW(Payload, "uuid", UUID, "", REQUIRED, 0, 0, "its id")
ORI_FIELD_ROW(Payload, "platform", CODE, "", REQUIRED, 1, 128, "of its video")
ORI_FIELD_ROW(Payload, "video_code", CODE, "", REQUIRED, 1, 128, "of its video")
ORI_FIELD_ROW(Payload, "frame_number", WHOLE, "", REQUIRED, 1, MANY, "from 1, over kept frames")
ORI_FIELD_ROW(Payload, "frame_second", REAL, "", REQUIRED, 0, MANY, "its time in the video")
ORI_FIELD_ROW(Payload, "path", TEXT, "", REQUIRED, 1, 1024, "its object's key")
ORI_FIELD_ROW(Payload, "created_at", TIME, "", REQUIRED, 0, 0, "when it was stored")
ORI_FIELD_ROW(Payload, "width", WHOLE, "", REQUIRED, 1, MANY, "pixels")
ORI_FIELD_ROW(Payload, "height", WHOLE, "", REQUIRED, 1, MANY, "pixels")
ORI_FIELD_ROW(Payload, "scene", WHOLE, "", REQUIRED, 1, MANY, "its scene, from 1")
ORI_FIELD_ROW(Payload, "dhash", TEXT, "", REQUIRED, 16, 16, "its difference hash, hex digits")
ORI_FIELD_ROW(Payload, "model", TEXT, "", REQUIRED, 1, MANY, "that embedded it")

ORI_SCHEMA_ROW(Hit, "a frame that was found")
ORI_FIELD_ROW(Hit, "id", UUID, "", REQUIRED, 0, 0, "the frame's id")
ORI_FIELD_ROW(Hit, "score", REAL, "", REQUIRED, -1.001, 1.001, "cosine; 1 is the same")
ORI_FIELD_ROW(Hit, "payload", OBJECT, "Payload", REQUIRED, 0, 0, "what is known of it")
ORI_SCHEMA_LIST_ROW(Hits, "Hit", "frames, most alike first")

ORI_SCHEMA_ROW(Frame, "a kept frame of a video")
ORI_FIELD_ROW(Frame, "n", WHOLE, "", REQUIRED, 1, MANY, "from 1")
ORI_FIELD_ROW(Frame, "second", REAL, "", REQUIRED, 0, MANY, "its time in the video")
ORI_FIELD_ROW(Frame, "scene", WHOLE, "", REQUIRED, 1, MANY, "its scene, from 1")
ORI_FIELD_ROW(Frame, "width", WHOLE, "", REQUIRED, 1, MANY, "pixels")
ORI_FIELD_ROW(Frame, "height", WHOLE, "", REQUIRED, 1, MANY, "pixels")
ORI_FIELD_ROW(Frame, "dhash", TEXT, "", REQUIRED, 16, 16, "its difference hash, hex digits")
ORI_FIELD_ROW(Frame, "file", TEXT, "", REQUIRED, 1, MANY, "its file's name")
ORI_FIELD_ROW(Frame, "path", TEXT, "", REQUIRED, 1, 1024, "its object's key")
ORI_FIELD_ROW(Frame, "id", UUID, "", REQUIRED, 0, 0, "of its point in the vector store")
ORI_FIELD_ROW(Frame, "url", TEXT, "", REQUIRED, 1, MANY, "of the picture, on this server")
ORI_FIELD_ROW(Frame, "thumbnail", TEXT, "", REQUIRED, 1, MANY, "of a small JPEG of it")
ORI_SCHEMA_LIST_ROW(Frames, "Frame", "a video's frames in the order of time")

ORI_SCHEMA_ROW(Root, "who answers")
ORI_FIELD_ROW(Root, "status", CHOICE, "ok", REQUIRED, 0, 0, "that it answers")
ORI_FIELD_ROW(Root, "message", TEXT, "", REQUIRED, 1, MANY, "a greeting")
ORI_FIELD_ROW(Root, "version", TEXT, "", REQUIRED, 1, MANY, "of the program")
ORI_FIELD_ROW(Root, "api_name", TEXT, "", REQUIRED, 1, MANY, "API_NAME")

ORI_SCHEMA_ROW(Health, "the process lives")
ORI_FIELD_ROW(Health, "status", CHOICE, "ok", REQUIRED, 0, 0, "that it answers")
ORI_FIELD_ROW(Health, "version", TEXT, "", REQUIRED, 1, MANY, "of the program")
ORI_FIELD_ROW(Health, "uptime_seconds", REAL, "", REQUIRED, 0, MANY, "since its start")

ORI_SCHEMA_ROW(Check, "one thing that work needs")
ORI_FIELD_ROW(Check, "ok", BOOL, "", REQUIRED, 0, 0, "whether it is there")
ORI_FIELD_ROW(Check, "reason", TEXT, "", NULLABLE, 1, MANY, "why it is not, and what to do")

ORI_SCHEMA_ROW(Checks, "what work needs")
ORI_FIELD_ROW(Checks, "model", OBJECT, "Check", REQUIRED, 0, 0, "the model")
ORI_FIELD_ROW(Checks, "vectors", OBJECT, "Check", REQUIRED, 0, 0, "the vector store")
ORI_FIELD_ROW(Checks, "frames", OBJECT, "Check", REQUIRED, 0, 0, "the place of the frames")
ORI_FIELD_ROW(Checks, "jobs", OBJECT, "Check", REQUIRED, 0, 0, "the job store")

ORI_SCHEMA_ROW(Ready, "work can be done")
ORI_FIELD_ROW(Ready, "status", CHOICE, "ready", REQUIRED, 0, 0, "that it can")
ORI_FIELD_ROW(Ready, "checks", OBJECT, "Checks", REQUIRED, 0, 0, "one by one")

ORI_SCHEMA_ROW(Fault, "one thing that is wrong with a request")
ORI_FIELD_ROW(Fault, "loc", TEXT, "", REQUIRED, 1, MANY, "where: body.items.3.code, query.page")
ORI_FIELD_ROW(Fault, "type", TEXT, "", REQUIRED, 1, MANY, "a stable word: missing, string_type")
ORI_FIELD_ROW(Fault, "msg", TEXT, "", REQUIRED, 1, MANY, "the same for a person")

ORI_SCHEMA_ROW(Problem, "why a request was not answered as hoped (RFC 9457)")
ORI_FIELD_ROW(Problem, "type", TEXT, "", REQUIRED, 1, MANY, "about:blank: the status says it all")
ORI_FIELD_ROW(Problem, "title", TEXT, "", REQUIRED, 1, MANY, "the status in words")
ORI_FIELD_ROW(Problem, "status", WHOLE, "", REQUIRED, 400, 599, "the HTTP status")
ORI_FIELD_ROW(Problem, "detail", TEXT, "", REQUIRED, 1, MANY, "what is wrong, for a person")
ORI_FIELD_ROW(Problem, "code", TEXT, "", REQUIRED, 1, MANY, "a stable word: not_found")
ORI_FIELD_ROW(Problem, "instance", TEXT, "", REQUIRED, 0, MANY,
              "the path asked for; empty when the URL was refused")
ORI_FIELD_ROW(Problem, "request_id", TEXT, "", REQUIRED, 1, 64, "as in X-Request-Id and the log")
ORI_FIELD_ROW(Problem, "errors", LIST, "Fault", SOMETIMES, 1, 100, "every field that is wrong")
ORI_FIELD_ROW(Problem, "checks", OBJECT, "Checks", SOMETIMES, 0, 0, "of /ready alone")

ORI_SCHEMA_ROW(OpenApi, "an OpenAPI 3.1 document")
ORI_FIELD_ROW(OpenApi, "openapi", TEXT, "", REQUIRED, 1, MANY, "3.1.0")
ORI_FIELD_ROW(OpenApi, "info", MAP, "", REQUIRED, 0, 0, "name and version")
ORI_FIELD_ROW(OpenApi, "servers", LIST_OF_MAPS, "", REQUIRED, 1, MANY, "where it is served")
ORI_FIELD_ROW(OpenApi, "tags", LIST_OF_MAPS, "", REQUIRED, 1, MANY, "groups of operations")
ORI_FIELD_ROW(OpenApi, "paths", MAP, "", REQUIRED, 0, 0, "every route")
ORI_FIELD_ROW(OpenApi, "components", MAP, "", REQUIRED, 0, 0, "schemas and the like")

#undef ORI_SCHEMA_ROW
#undef ORI_SCHEMA_LIST_ROW
#undef ORI_FIELD_ROW
#undef ORI_EXAMPLE_ROW
