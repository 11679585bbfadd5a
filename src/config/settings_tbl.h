/* config/settings_tbl.h: every setting, one row each; the one source of parsing, flags, help,
 * `oriane config`, docs/settings.md and .env.example.
 * ORI_SETTING_GROUP_ROW(GROUP, "title")
 * ORI_SETTING_ROW(VARIABLE, field, KIND, "default", min, max, "choices", "unit", GROUP, use, "doc")
 *   KIND     BOOL; INT, REAL, BYTES from min to max; STRING, SECRET of min to max bytes (0: may
 *            be empty); CHOICE of words, "alias=word" for another spelling; CROPDETECT
 *   default  read like any value; "{cores}", "{VP_OUTPUT_DIR}/...", "{HF_HOME}/...", "{cache}/..." and
 *            "{home}/..." are filled in
 *   use      USED, or LATER: read, checked, kept and shown, but nothing looks at it yet
 * ORI_SETTING_ALIAS_ROW(OTHER_NAME, VARIABLE): of one source VARIABLE wins, but a name that is the
 * same in lower case wins over it, as curl has it for proxies
 * VP_OUTPUT_DIR and HF_HOME stand before the rows that are made from them, and are shorter than
 * those may be.
 * The file is included more than once on purpose. */
#ifndef ORI_SETTING_GROUP_ROW
#define ORI_SETTING_GROUP_ROW(group, title)
#endif
#ifndef ORI_SETTING_ROW
#define ORI_SETTING_ROW(...)
#endif
#ifndef ORI_SETTING_ALIAS_ROW
#define ORI_SETTING_ALIAS_ROW(other, variable)
#endif

ORI_SETTING_GROUP_ROW(PLACES, "Where things go")
ORI_SETTING_GROUP_ROW(PIPELINE, "Pipeline")
ORI_SETTING_GROUP_ROW(CROP, "Borders")
ORI_SETTING_GROUP_ROW(SCENES, "Scenes and frames")
ORI_SETTING_GROUP_ROW(STILLS, "Stills")
ORI_SETTING_GROUP_ROW(MODEL, "Model")
ORI_SETTING_GROUP_ROW(VECTORS, "Vectors")
ORI_SETTING_GROUP_ROW(OBJECTS, "Objects (S3)")
ORI_SETTING_GROUP_ROW(NETWORK, "Network")
ORI_SETTING_GROUP_ROW(API, "API")
ORI_SETTING_GROUP_ROW(JOBS, "Jobs")
ORI_SETTING_GROUP_ROW(LOGS, "Log and measurements")

ORI_SETTING_ROW(VP_OUTPUT_DIR, vp_output_dir, STRING, ".output", 1, 3900, "", "", PLACES, USED,
                "folder for everything that is written, unless a setting below says otherwise")
ORI_SETTING_ROW(VP_TMP_DIR, vp_tmp_dir, STRING, "{VP_OUTPUT_DIR}/tmp", 1, 4000, "", "", PLACES,
                USED, "folder for files that do not outlive a run")
ORI_SETTING_ROW(VP_FRAMES_DIR, vp_frames_dir, STRING, "{VP_OUTPUT_DIR}/frames", 1, 4000, "", "",
                PLACES, USED, "folder for the kept frames and manifests: platform/code/file")
ORI_SETTING_ROW(VP_LOGS_DIR, vp_logs_dir, STRING, "{VP_OUTPUT_DIR}/logs", 1, 4000, "", "", PLACES,
                LATER, "folder for the logs of jobs")
ORI_SETTING_ROW(VP_REPORTS_DIR, vp_reports_dir, STRING, "{VP_OUTPUT_DIR}/reports", 1, 4000, "", "",
                PLACES, USED, "folder for the report pages of run --report: platform/code.html")
ORI_SETTING_ROW(VP_INPUT_DIR, vp_input_dir, STRING, "input", 1, 4000, "", "", PLACES, USED,
                "folder that a request's videos are looked for in: platform/code/video.mp4")
ORI_SETTING_ROW(LOCAL_MODE, local_mode, BOOL, "0", 0, 1, "", "", PLACES, USED,
                "everything stays on this machine: no S3, no Qdrant, no external database")
ORI_SETTING_ROW(SKIP_UPLOAD, skip_upload, BOOL, "0", 0, 1, "", "", PLACES, USED,
                "frames stay in VP_FRAMES_DIR even where S3 is set up")

ORI_SETTING_ROW(VP_MAX_WORKERS, vp_max_workers, INT, "{cores}", 1, 256, "", "videos", PIPELINE,
                USED, "videos decoded at once, over all jobs")
ORI_SETTING_ROW(
    VP_BATCH_SIZE, vp_batch_size, INT, "8", 1, 256, "", "frames", PIPELINE, USED,
    "frames a call of the model, filled across videos; and videos of a job between its pauses")
ORI_SETTING_ROW(VP_SLEEP_BETWEEN_BATCHES, vp_sleep_between_batches, REAL, "0", 0, 3600, "",
                "seconds", PIPELINE, USED, "pause of a job after each batch of videos")
ORI_SETTING_ROW(VP_ITEM_TIMEOUT, vp_item_timeout, INT, "3600", 1, 604800, "", "seconds", PIPELINE,
                USED, "longest time one video may take; then it fails with the code timeout")
ORI_SETTING_ROW(VP_MAX_PIXELS, vp_max_pixels, INT, "67108864", 1024, 1073741824, "", "pixels",
                PIPELINE, USED, "largest picture: width times height; 8192 x 8192 by default")
ORI_SETTING_ROW(VP_MAX_DURATION, vp_max_duration, INT, "86400", 0, 31536000, "", "seconds",
                PIPELINE, USED, "longest video; 0 is any up to the most, which is a year")
ORI_SETTING_ROW(VP_MAX_BYTES, vp_max_bytes, BYTES, "68719476736", 0, 1125899906842624, "", "bytes",
                PIPELINE, USED, "largest video file; 0 is any")
ORI_SETTING_ROW(VP_DECODE_MEMORY, vp_decode_memory, BYTES, "4294967296", 0, 1125899906842624, "",
                "bytes", PIPELINE, USED,
                "memory one decode process may use, shared pictures left out; 0 is any")
ORI_SETTING_ROW(VP_SPEED, vp_speed, CHOICE, "exact", 0, 0, "exact fast turbo", "", PIPELINE, USED,
                "how much of a video is decoded: all; what key frames and sizes do not tell; or "
                "key frames alone")

ORI_SETTING_ROW(VP_ENABLE_CROP, vp_enable_crop, BOOL, "1", 0, 1, "", "", CROP, USED,
                "find and remove borders")
ORI_SETTING_ROW(
    VP_CROP_PROBES, vp_crop_probes, INT, "3", 1, 100, "", "places", CROP, USED,
    "places of a video looked at for borders, at least; all frames are, as all are decoded anyway")
ORI_SETTING_ROW(VP_CROP_CLIP_SECS, vp_crop_clip_secs, REAL, "2", 0.04, 600, "", "seconds", CROP,
                USED, "how long each place is looked at, at least; all frames are")
ORI_SETTING_ROW(VP_CROP_CROPDETECT, vp_crop_cropdetect, CROPDETECT, "24:16:0", 0, 0, "", "", CROP,
                USED,
                "limit:round:reset as ffmpeg's cropdetect has them; luma up to the limit is black, "
                "the other two change nothing: boxes are exact")
ORI_SETTING_ROW(VP_CROP_SAFE_MARGIN, vp_crop_safe_margin, INT, "4", 0, 256, "", "pixels", CROP,
                USED, "how far the box is widened on each side")
ORI_SETTING_ROW(
    VP_MIN_CROP_RATIO, vp_min_crop_ratio, REAL, "0.02", 0, 0.9, "", "", CROP, USED,
    "a box that removes less than this part of the width and of the height is left alone")
ORI_SETTING_ROW(VP_CROP_OVER_TEXT, vp_crop_over_text, BOOL, "0", 0, 1, "", "", CROP, USED,
                "cut off subtitles and logos that stand inside a border; 0 keeps them")
ORI_SETTING_ROW(VP_CROP_BLURRED, vp_crop_blurred, BOOL, "0", 0, 1, "", "", CROP, USED,
                "cut off sides filled with a blurred copy of the picture; 0 keeps them")
ORI_SETTING_ROW(VP_TOLERANCE, vp_tolerance, REAL, "5", 0, 255, "", "levels", CROP, USED,
                "how far a border line's samples may stray from its median")
ORI_SETTING_ROW(VP_EDGE_THRESH, vp_edge_thresh, REAL, "10", 0, 255, "", "levels", CROP, USED,
                "least step between border and picture")
ORI_SETTING_ROW(VP_CROP_HWACCEL, vp_crop_hwaccel, CHOICE, "auto", 0, 0,
                "auto none =none cuda vaapi", "", CROP, LATER,
                "hardware that decodes; empty is none")
ORI_SETTING_ROW(VP_SAVE_CROPPED, vp_save_cropped, BOOL, "0", 0, 1, "", "", CROP, USED,
                "also write the cropped clip, in a second pass over a video that has borders")
ORI_SETTING_ROW(VP_CROP_ENCODER, vp_crop_encoder, CHOICE, "auto", 0, 0,
                "auto h264_nvenc hevc_nvenc libx264 libx265", "", CROP, USED,
                "encoder of the cropped clip; where it cannot be opened a software encoder")
ORI_SETTING_ROW(
    VP_CROP_PRESET, vp_crop_preset, CHOICE, "p5", 0, 0,
    "p1 p2 p3 p4 p5 p6 p7 ultrafast superfast veryfast faster fast medium slow slower veryslow", "",
    CROP, USED, "preset of that encoder; mapped to the nearest one the encoder in use has")
ORI_SETTING_ROW(
    VP_CROP_TUNE, vp_crop_tune, CHOICE, "hq", 0, 0,
    "hq ll ull lossless film animation grain stillimage fastdecode zerolatency psnr ssim", "", CROP,
    USED, "tune of that encoder; mapped likewise")
ORI_SETTING_ROW(VP_CROP_CQ, vp_crop_cq, INT, "23", 0, 51, "", "", CROP, USED,
                "constant quality of that encoder; lower is better")

ORI_SETTING_ROW(VP_DOWNSCALE, vp_downscale, REAL, "0.5", 0.05, 1, "", "", SCENES, USED,
                "scale of analysis, upper bound")
ORI_SETTING_ROW(
    VP_SCENE_THRESH, vp_scene_thresh, REAL, "0.22", 0, 1, "", "", SCENES, USED,
    "change between frames from which on a new scene begins, on the scale of ffmpeg's scene score")
ORI_SETTING_ROW(
    VP_SCENE_DETECTOR, vp_scene_detector, CHOICE, "auto", 0, 0, "auto classic", "", SCENES, USED,
    "auto sees fades, dissolves and flashes for what they are; classic is ffmpeg's scene score "
    "alone: a scene begins where it is over VP_SCENE_THRESH")
ORI_SETTING_ROW(VP_MIN_FRAMES, vp_min_frames, INT, "3", 0, 64, "", "frames", SCENES, USED,
                "with fewer frames than this before deduplication, evenly spread ones fill up")
ORI_SETTING_ROW(VP_SAMPLE_FPS, vp_sample_fps, REAL, "0.1", 0.001, 60, "", "frames a second", SCENES,
                USED, "least rate at which long scenes are looked at")
ORI_SETTING_ROW(VP_SOLID_STD, vp_solid_std, REAL, "5.0", 0, 255, "", "levels", SCENES, USED,
                "a frame whose samples deviate less than this shows a single colour and is dropped")
ORI_SETTING_ROW(VP_SOLID_MIN_DIM, vp_solid_min_dim, INT, "10", 0, 4096, "", "pixels", SCENES, USED,
                "a frame with a side shorter than this is dropped")
ORI_SETTING_ROW(VP_ENABLE_DEDUP, vp_enable_dedup, BOOL, "1", 0, 1, "", "", SCENES, USED,
                "drop frames that show what a kept one shows")
ORI_SETTING_ROW(VP_DHASH_SIZE, vp_dhash_size, INT, "8", 4, 16, "", "", SCENES, USED,
                "rows and columns of the difference hash")
ORI_SETTING_ROW(VP_DEDUP_DISTANCE, vp_dedup_distance, INT, "4", 0, 64, "", "bits", SCENES, USED,
                "hashes that differ in no more bits nominate a frame as a duplicate")

ORI_SETTING_ROW(VP_FRAME_FORMAT, vp_frame_format, CHOICE, "png", 0, 0, "png jpeg webp jpg=jpeg", "",
                STILLS, USED, "file format of the kept frames")
ORI_SETTING_ROW(VP_FRAME_QUALITY, vp_frame_quality, INT, "90", 1, 100, "", "", STILLS, USED,
                "quality of jpeg and webp")

ORI_SETTING_ROW(
    CLIP_MODEL, clip_model, STRING, "openai/clip-vit-base-patch32", 1, 1024, "", "", MODEL, USED,
    "a Hugging Face name, with @revision or without, a local directory, or builtin/visual-512, "
    "which needs no weights")
ORI_SETTING_ROW(
    HF_HOME, hf_home, STRING, "{cache}/huggingface", 1, 3900, "", "", MODEL, USED,
    "folder of Hugging Face's tools; a token stored by them is read from its file token")
ORI_SETTING_ROW(HF_HUB_CACHE, hf_hub_cache, STRING, "{HF_HOME}/hub", 1, 4000, "", "", MODEL, USED,
                "folder of pulled models, laid out as huggingface_hub does: what either has pulled "
                "the other finds")
ORI_SETTING_ROW(HF_ENDPOINT, hf_endpoint, STRING, "https://huggingface.co", 1, 1024, "", "", MODEL,
                USED, "the hub that models are pulled from")
ORI_SETTING_ROW(HF_TOKEN, hf_token, SECRET, "", 0, 1024, "", "", MODEL, USED,
                "token for gated and private models")
ORI_SETTING_ROW(HF_HUB_DOWNLOAD_TIMEOUT, hf_hub_download_timeout, INT, "10", 1, 3600, "", "seconds",
                MODEL, USED, "how long a hub may be silent before its answer is asked for again")
ORI_SETTING_ROW(VP_PRECISION, vp_precision, CHOICE, "auto", 0, 0, "auto f32 bf16 int8", "", MODEL,
                USED, "numbers the model computes with; auto is the fastest that keeps its results")
ORI_SETTING_ROW(FORCE_CPU, force_cpu, BOOL, "0", 0, 1, "", "", MODEL, USED, "leave a GPU alone")
ORI_SETTING_ROW(CUDA_MEMORY_FRACTION, cuda_memory_fraction, REAL, "0.8", 0.01, 1, "", "", MODEL,
                LATER, "part of the GPU's memory that may be used")
ORI_SETTING_ROW(CUDA_MEMORY_GROWTH, cuda_memory_growth, BOOL, "1", 0, 1, "", "", MODEL, LATER,
                "take GPU memory as it is needed, not all at the start")

ORI_SETTING_ROW(VECTOR_DB, vector_db, STRING, "{VP_OUTPUT_DIR}/vectors.db", 1, 4000, "", "",
                VECTORS, USED, "file of the embedded vector store")
ORI_SETTING_ROW(
    QDRANT_URL, qdrant_url, STRING, "", 0, 2048, "", "", VECTORS, USED,
    "a Qdrant server for the vectors; oriane run uses it with --upload and for inputs in S3 alone; "
    "empty uses the embedded store")
ORI_SETTING_ROW(QDRANT_KEY, qdrant_key, SECRET, "", 0, 2048, "", "", VECTORS, USED,
                "key of that server")
ORI_SETTING_ROW(QDRANT_COLLECTION, qdrant_collection, STRING, "watched_frames", 1, 255, "", "",
                VECTORS, USED, "collection the points go to")
ORI_SETTING_ROW(QDRANT_DIM, qdrant_dim, INT, "512", 1, 4096, "", "dimensions", VECTORS, USED,
                "length of the vectors; models trained for it are cut to it")
ORI_SETTING_ROW(QDRANT_DISTANCE, qdrant_distance, CHOICE, "cosine", 0, 0,
                "cosine dot euclid manhattan", "", VECTORS, USED,
                "measure of likeness of the collection")
ORI_SETTING_ROW(QDRANT_CONNECTION_POOL_SIZE, qdrant_connection_pool_size, INT, "10", 1, 1000, "",
                "connections", VECTORS, USED, "connections to the server, at most")
ORI_SETTING_ROW(QDRANT_BATCH_SIZE, qdrant_batch_size, INT, "100", 1, 10000, "", "points", VECTORS,
                USED, "points a request")
ORI_SETTING_ROW(
    QDRANT_COMPRESSION, qdrant_compression, BOOL, "true", 0, 1, "", "", VECTORS, USED,
    "quantize the collection, originals kept on disk for rescoring, and compress transfers")
ORI_SETTING_ROW(QDRANT_SHARDS, qdrant_shards, INT, "1", 1, 1024, "", "shards", VECTORS, USED,
                "shards of a collection that is made new")
ORI_SETTING_ROW(QDRANT_REPLICATION, qdrant_replication, INT, "1", 1, 64, "", "copies", VECTORS,
                USED, "copies of each shard of a collection that is made new")

ORI_SETTING_ROW(AWS_REGION, aws_region, STRING, "us-east-1", 1, 64, "", "", OBJECTS, USED,
                "region of the buckets")
ORI_SETTING_ROW(AWS_ACCESS_KEY_ID, aws_access_key_id, SECRET, "", 0, 256, "", "", OBJECTS, USED,
                "credentials; without them the profile under ~/.aws is looked for")
ORI_SETTING_ROW(AWS_SECRET_ACCESS_KEY, aws_secret_access_key, SECRET, "", 0, 256, "", "", OBJECTS,
                USED, "the secret half of the credentials")
ORI_SETTING_ROW(AWS_SESSION_TOKEN, aws_session_token, SECRET, "", 0, 4096, "", "", OBJECTS, USED,
                "token of temporary credentials")
ORI_SETTING_ROW(AWS_PROFILE, aws_profile, STRING, "default", 1, 255, "", "", OBJECTS, USED,
                "section of the two files below that is looked for")
ORI_SETTING_ROW(AWS_SHARED_CREDENTIALS_FILE, aws_shared_credentials_file, STRING,
                "{home}/.aws/credentials", 0, 4000, "", "", OBJECTS, USED,
                "file with the keys of profiles")
ORI_SETTING_ROW(AWS_CONFIG_FILE, aws_config_file, STRING, "{home}/.aws/config", 0, 4000, "", "",
                OBJECTS, USED, "file with the regions, or the keys, of profiles")
ORI_SETTING_ROW(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, aws_container_credentials_relative_uri,
                STRING, "", 0, 2048, "", "", OBJECTS, USED,
                "path of a container's credentials; its platform sets it")
ORI_SETTING_ROW(AWS_CONTAINER_CREDENTIALS_FULL_URI, aws_container_credentials_full_uri, STRING, "",
                0, 2048, "", "", OBJECTS, USED,
                "URL of a container's credentials; its platform sets it")
ORI_SETTING_ROW(AWS_CONTAINER_AUTHORIZATION_TOKEN, aws_container_authorization_token, SECRET, "", 0,
                4096, "", "", OBJECTS, USED, "what that URL wants to see; its platform sets it")
ORI_SETTING_ROW(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, aws_container_authorization_token_file,
                STRING, "", 0, 4000, "", "", OBJECTS, USED, "file with the same, read each time")
ORI_SETTING_ROW(AWS_USE_INSTANCE_CREDENTIALS, aws_use_instance_credentials, BOOL, "0", 0, 1, "", "",
                OBJECTS, USED, "ask the container's or instance's endpoint for credentials")
ORI_SETTING_ROW(AWS_ENDPOINT_URL, aws_endpoint_url, STRING, "", 0, 2048, "", "", OBJECTS, USED,
                "another server that speaks S3; empty is Amazon's")
ORI_SETTING_ROW(AWS_CA_BUNDLE, aws_ca_bundle, STRING, "", 0, 4000, "", "", OBJECTS, USED,
                "file of certificates (PEM) that S3 is believed by; empty is SSL_CERT_FILE")
ORI_SETTING_ROW(AWS_MAX_POOL_CONNECTIONS, aws_max_pool_connections, INT, "20", 1, 1000, "",
                "connections", OBJECTS, USED, "connections to S3, at most")
ORI_SETTING_ROW(AWS_MULTIPART_THRESHOLD, aws_multipart_threshold, BYTES, "8388608", 5242880,
                5368709120, "", "bytes", OBJECTS, USED,
                "objects from this size on are sent in parts")
ORI_SETTING_ROW(S3_VIDEOS_BUCKET, s3_videos_bucket, STRING, "oriane-contents", 1, 255, "", "",
                OBJECTS, USED, "bucket the videos come from; S3_BUCKET_NAME is another name for it")
ORI_SETTING_ROW(S3_FRAMES_BUCKET, s3_frames_bucket, STRING, "oriane-frames", 1, 255, "", "",
                OBJECTS, USED, "bucket the frames go to")
ORI_SETTING_ROW(S3_UNSIGNED, s3_unsigned, BOOL, "0", 0, 1, "", "", OBJECTS, USED,
                "use S3 without credentials: public buckets")

ORI_SETTING_ROW(HTTP_PROXY, http_proxy, STRING, "", 0, 2048, "", "", NETWORK, USED,
                "proxy for http; this machine itself is always reached without one")
ORI_SETTING_ROW(HTTPS_PROXY, https_proxy, STRING, "", 0, 2048, "", "", NETWORK, USED,
                "proxy for https: the connection is tunnelled, the proxy reads nothing")
ORI_SETTING_ROW(ALL_PROXY, all_proxy, STRING, "", 0, 2048, "", "", NETWORK, USED,
                "proxy where the one of the two above is empty")
ORI_SETTING_ROW(NO_PROXY, no_proxy, STRING, "", 0, 4096, "", "", NETWORK, USED,
                "hosts, domains and networks reached without a proxy, split by commas; * is all")
ORI_SETTING_ROW(SSL_CERT_FILE, ssl_cert_file, STRING, "", 0, 4000, "", "", NETWORK, USED,
                "file of certificates (PEM) that servers are believed by, instead of the system's")

ORI_SETTING_ROW(API_NAME, api_name, STRING, "Oriane Extraction Pipeline API", 1, 200, "", "", API,
                USED, "name the API gives itself")
ORI_SETTING_ROW(API_HOST, api_host, STRING, "127.0.0.1", 1, 255, "", "", API, USED,
                "address to listen on; others than loopback need API_KEY")
ORI_SETTING_ROW(API_PORT, api_port, INT, "8000", 0, 65535, "", "", API, USED,
                "port to listen on; 0 takes a free one")
ORI_SETTING_ROW(API_KEY, api_key, SECRET, "", 0, 1024, "", "", API, USED,
                "key that clients send as X-API-Key")
ORI_SETTING_ROW(API_USERNAME, api_username, STRING, "", 0, 256, "", "", API, USED,
                "user of the API's reference page; empty leaves it open")
ORI_SETTING_ROW(API_PASSWORD, api_password, SECRET, "", 0, 1024, "", "", API, USED,
                "password of that user")
ORI_SETTING_ROW(CORS_ORIGINS, cors_origins, STRING, "", 0, 4096, "", "", API, USED,
                "origins of browsers that may call, split by commas; empty is none")
ORI_SETTING_ROW(MAX_VIDEOS_PER_REQUEST, max_videos_per_request, INT, "1000", 1, 100000, "",
                "videos", API, USED, "videos a request, at most")
ORI_SETTING_ROW(METRICS_AUTH, metrics_auth, BOOL, "0", 0, 1, "", "", API, USED,
                "ask for the key on /metrics too")
ORI_SETTING_ROW(
    URL_ALLOW_PRIVATE, url_allow_private, STRING, "", 0, 4096, "", "", API, USED,
    "private networks that webhooks and URLs of videos may lead to, as a list of CIDR blocks split "
    "by commas; plain http to a video is for these alone")
ORI_SETTING_ROW(
    URL_ALLOW_PROXY, url_allow_proxy, BOOL, "0", 0, 1, "", "", API, USED,
    "webhooks and videos by URL go through the proxy too, which then judges where names "
    "may lead; 0: they go without one")
ORI_SETTING_ROW(WEBHOOK_SECRET, webhook_secret, SECRET, "", 0, 1024, "", "", API, USED,
                "secret that webhooks are signed with")
ORI_SETTING_ROW(DRAIN_TIMEOUT, drain_timeout, INT, "30", 0, 86400, "", "seconds", API, USED,
                "how long a stopping server waits for running videos")

ORI_SETTING_ROW(JOB_DB, job_db, STRING, "{VP_OUTPUT_DIR}/jobs.db", 1, 4000, "", "", JOBS, USED,
                "the job store: an SQLite file; PostgreSQL is not taken yet")
ORI_SETTING_ROW(PIPELINE_MAX_PARALLEL_JOBS, pipeline_max_parallel_jobs, INT, "2", 1, 256, "",
                "jobs", JOBS, USED, "jobs at once")
ORI_SETTING_ROW(JOB_MAX_ATTEMPTS, job_max_attempts, INT, "3", 1, 100, "", "attempts", JOBS, USED,
                "how often a video is tried when its failure may pass")
ORI_SETTING_ROW(JOB_RETENTION_DAYS, job_retention_days, INT, "30", 0, 36500, "", "days", JOBS, USED,
                "how long finished jobs are remembered; 0 is for ever")

ORI_SETTING_ROW(LOG_LEVEL, log_level, CHOICE, "info", 0, 0,
                "error warn info debug trace warning=warn", "", LOGS, USED,
                "what is logged: this and what is worse")
ORI_SETTING_ROW(ENABLE_PERFORMANCE_METRICS, enable_performance_metrics, BOOL, "true", 0, 1, "", "",
                LOGS, USED,
                "measure latencies for /metrics too; 0 leaves them, and the figures of a GPU, out")

ORI_SETTING_ALIAS_ROW(S3_BUCKET_NAME, S3_VIDEOS_BUCKET)
ORI_SETTING_ALIAS_ROW(AWS_DEFAULT_REGION, AWS_REGION)
ORI_SETTING_ALIAS_ROW(HUGGINGFACE_HUB_CACHE, HF_HUB_CACHE)
ORI_SETTING_ALIAS_ROW(HUGGING_FACE_HUB_TOKEN, HF_TOKEN)
ORI_SETTING_ALIAS_ROW(http_proxy, HTTP_PROXY)
ORI_SETTING_ALIAS_ROW(https_proxy, HTTPS_PROXY)
ORI_SETTING_ALIAS_ROW(all_proxy, ALL_PROXY)
ORI_SETTING_ALIAS_ROW(no_proxy, NO_PROXY)
ORI_SETTING_ALIAS_ROW(CURL_CA_BUNDLE, SSL_CERT_FILE)
ORI_SETTING_ALIAS_ROW(REQUESTS_CA_BUNDLE, SSL_CERT_FILE)

#undef ORI_SETTING_GROUP_ROW
#undef ORI_SETTING_ROW
#undef ORI_SETTING_ALIAS_ROW
