/* util/limits_tbl.h: every maximum of the program that is not a setting, one row each.
 * ORI_LIMIT_ROW(NAME, value, "unit", "what it bounds") gives the constant ORI_LIMIT_MAX_NAME
 * (util/limits.h). Past one comes a status that names it, never a silent cut. Each layer keeps its
 * rows together. The file is included more than once on purpose. */

/* util */
ORI_LIMIT_ROW(PATH_BYTES, 4096, "bytes", "a path, its end included")
ORI_LIMIT_ROW(CODE_CHARS, 128, "characters", "platform or code of a video")
ORI_LIMIT_ROW(NEAREST_CHARS, 63, "characters", "a word that a nearest known name is looked for")

ORI_LIMIT_ROW(QUEUE_ITEMS, 1048576, "items", "a queue between threads")

/* log */
ORI_LIMIT_ROW(LOG_LINE_BYTES, 8192, "bytes",
              "one line of the log; what is longer is cut and says so")
ORI_LIMIT_ROW(LOG_VALUE_BYTES, 1024, "bytes", "one value in a line of the log, cut likewise")
ORI_LIMIT_ROW(LOG_STATUS_BYTES, 1024, "bytes", "the progress line under the log")

/* metrics */
ORI_LIMIT_ROW(GPUS, 64, "GPUs", "looked at for figures")
ORI_LIMIT_ROW(METRICS_BYTES, 1048576, "bytes", "the page of figures")

/* config */
ORI_LIMIT_ROW(SETTING_BYTES, 4096, "bytes", "the value of one setting")
ORI_LIMIT_ROW(ENV_FILE_BYTES, 262144, "bytes", "the .env file")
ORI_LIMIT_ROW(ENV_LINE_BYTES, 8192, "bytes", "one line of the .env file")
ORI_LIMIT_ROW(ENV_FILE_ROWS, 1000, "variables", "the .env file")
ORI_LIMIT_ROW(SETTING_WARNINGS, 20, "warnings", "unknown names that are told one by one")
ORI_LIMIT_ROW(SETTINGS_PAGE_BYTES, 1048576, "bytes",
              "help and reference pages made from the tables")

/* net */
ORI_LIMIT_ROW(NETWORKS, 256, "networks", "URL_ALLOW_PRIVATE")
ORI_LIMIT_ROW(NET_CONNECTIONS, 1000, "connections", "one HTTP client")
ORI_LIMIT_ROW(NET_HEADERS, 64, "headers", "one request to another server")
ORI_LIMIT_ROW(NET_HEADER_BYTES, 65536, "bytes", "headers of another server's answer")
ORI_LIMIT_ROW(NET_URL_BYTES, 16384, "bytes", "a URL that another server redirects to")
ORI_LIMIT_ROW(SOURCE_REDIRECTS, 5, "redirects", "from the URL of a video, one after the other")
ORI_LIMIT_ROW(SOURCE_WAIT_MS, 3600000, "milliseconds",
              "a Retry-After of a web server that a video is not tried again before")
ORI_LIMIT_ROW(AWS_FILE_BYTES, 1048576, "bytes", "AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE")
ORI_LIMIT_ROW(AWS_KEY_BYTES, 1000, "bytes", "an access key of S3, either half")
ORI_LIMIT_ROW(AWS_TOKEN_BYTES, 16384, "bytes", "a session token, or what an endpoint wants to see")
ORI_LIMIT_ROW(AWS_ANSWER_BYTES, 65536, "bytes", "what an endpoint says of credentials")
ORI_LIMIT_ROW(XML_DEPTH, 16, "levels", "elements inside each other in an answer of S3")
ORI_LIMIT_ROW(XML_TEXT_BYTES, 16384, "bytes", "one text in an answer of S3")
ORI_LIMIT_ROW(S3_ANSWER_BYTES, 8388608, "bytes", "what S3 says in XML, or is told in it")
ORI_LIMIT_ROW(S3_PAGE_KEYS, 1000, "keys", "one page of a list of objects")
ORI_LIMIT_ROW(SIGNED_PAIRS, 32, "pairs", "headers or parameters of a signed request")
ORI_LIMIT_ROW(NET_REFUSAL_BYTES, 1048576, "bytes",
              "the body of an answer that is none of those asked for")

/* media: what a decode child may say (media/child_proto.h) */
ORI_LIMIT_ROW(CHILD_SLOTS, 64, "slots", "shared memory of one decode process")
ORI_LIMIT_ROW(CHILD_SIDE, 131072, "pixels", "a side of the picture a decode process tells of")
ORI_LIMIT_ROW(CHILD_FRAMES, 65536, "frames", "kept frames of one video")
ORI_LIMIT_ROW(CHILD_SCENES, 131072, "scenes", "scenes of one video")
ORI_LIMIT_ROW(CHILD_WARNINGS, 64, "warnings", "warnings of one decode process")
ORI_LIMIT_ROW(CHILD_MESSAGES, 16777216, "messages", "messages of one decode process")
ORI_LIMIT_ROW(CHILD_SCORES, 4194304, "scores", "one a frame; a score track ends there")
ORI_LIMIT_ROW(CHILD_SHOT_BYTES, 32768, "bytes", "a small picture for the report")
ORI_LIMIT_ROW(CHILD_SHOT_SIDE, 320, "pixels", "a side of such a picture")
ORI_LIMIT_ROW(CHILD_SHOTS_KEPT, 600, "pictures", "of kept frames in the report of one video")
ORI_LIMIT_ROW(CHILD_SHOTS_DROPPED, 200, "pictures", "of dropped duplicates in it")
ORI_LIMIT_ROW(CHILD_SHOTS_WHOLE, 24, "pictures", "with the box of a crop in it")
ORI_LIMIT_ROW(CHILD_LINES, 100, "lines", "of a decode process's own words that go into the log")
ORI_LIMIT_ROW(CHILD_LINE_BYTES, 512, "bytes", "such a line; what is longer is cut and says so")
ORI_LIMIT_ROW(CLIP_BYTES, 137438953472, "bytes", "the cropped clip of one video")
ORI_LIMIT_ROW(CHILD_NEED_BYTES, 16777216, "bytes", "one range of a remote medium")

/* media */
ORI_LIMIT_ROW(STREAMS, 64, "streams", "one video file")
ORI_LIMIT_ROW(DECODED_FRAMES, 268435456, "pictures",
              "decoded of one video: 25 days at 120 a second, whatever times they claim")
ORI_LIMIT_ROW(PROBE_BYTES, 1048576, "bytes", "what is read to recognise a container")
ORI_LIMIT_ROW(ANALYZE_BYTES, 5000000, "bytes", "what is read to learn the streams' parameters")
ORI_LIMIT_ROW(ANALYZE_MS, 5000, "milliseconds", "of the medium's time, for the same")
ORI_LIMIT_ROW(SILENT_PACKETS, 100000, "packets", "a stretch of packets that gives no frame")
ORI_LIMIT_ROW(SILENT_BYTES, 1073741824, "bytes", "a stretch of packets that gives no frame")
ORI_LIMIT_ROW(GROUP_PICTURES, 1500, "pictures",
              "coded ones of a group that wait for its plan; a longer group is decoded whole")
ORI_LIMIT_ROW(GROUP_BYTES, 33554432, "bytes", "the same")
ORI_LIMIT_ROW(CONTAINER_PARTS, 1000000, "parts", "looked at to see whether a file is cut off")
ORI_LIMIT_ROW(AUDIO_WAITING_BYTES, 67108864, "bytes",
              "sound that waits for the next picture of a clip; more is left out with a warning")
ORI_LIMIT_ROW(JPEG_SIDE, 65500, "pixels", "width or height of a JPEG still")
ORI_LIMIT_ROW(WEBP_SIDE, 16383, "pixels", "width or height of a WebP still")
ORI_LIMIT_ROW(PNG_SIDE, 1000000, "pixels", "width or height of a PNG still")
ORI_LIMIT_ROW(PICTURE_BYTES, 67108864, "bytes", "a picture file from outside")

/* vision */
ORI_LIMIT_ROW(RESIZE_SIDE, 131072, "pixels", "a side of a picture that is made smaller")
ORI_LIMIT_ROW(INPUT_SIDE, 1024, "pixels", "a side of a model's input")
ORI_LIMIT_ROW(INPUT_RESIZE, 4096, "pixels", "what a side becomes before the crop to that")

/* pipeline */
ORI_LIMIT_ROW(KEPT_FRAMES, 8192, "frames", "kept of one video; the rest is left out with a warning")
ORI_LIMIT_ROW(SCENES, 65536, "scenes", "of one video; the last one takes the rest")
ORI_LIMIT_ROW(HELD_BYTES, 16777216, "bytes", "chosen frames that wait for the borders to be known")
ORI_LIMIT_ROW(SCORE_FRAMES, 4194304, "frames", "a file of scores")
ORI_LIMIT_ROW(SCORE_LINE_BYTES, 65536, "bytes", "a line of a file of scores")
ORI_LIMIT_ROW(RETURNS_BYTES, 67108864, "bytes",
              "frames of scenes that show an earlier one, held for the report")
ORI_LIMIT_ROW(REPORT_BYTES, 67108864, "bytes", "the report page of one video")
ORI_LIMIT_ROW(REPORT_SCENES, 5000, "scenes", "listed in the report of one video")
ORI_LIMIT_ROW(REPORT_POINTS, 4096, "points", "of the curve in it; neighbours share one")
ORI_LIMIT_ROW(MANIFEST_BYTES, 67108864, "bytes", "manifest.json of one video")
ORI_LIMIT_ROW(VERIFY_VIDEOS, 16777216, "videos",
              "one oriane verify; 16 to 32 bytes are kept of each")
ORI_LIMIT_ROW(EMBED_WAITING, 16384, "frames", "frames that wait for the model")

/* embed, stores */
ORI_LIMIT_ROW(VECTOR_DIM, 4096, "numbers", "one vector")
ORI_LIMIT_ROW(VECTOR_ROWS, 20000000, "points", "an embedded vector store")
ORI_LIMIT_ROW(VECTOR_CALL, 131072, "points", "one call that writes points")
ORI_LIMIT_ROW(VECTOR_THREADS, 256, "threads", "one search")
ORI_LIMIT_ROW(VECTOR_MODEL_BYTES, 255, "bytes", "name of a point's model")
ORI_LIMIT_ROW(QDRANT_BODY_BYTES, 33554432, "bytes",
              "a request to Qdrant, which is its own limit; a longer one is halved")
ORI_LIMIT_ROW(QDRANT_ANSWER_BYTES, 16777216, "bytes", "an answer of Qdrant")
ORI_LIMIT_ROW(QDRANT_DEPTH, 32, "levels", "arrays and objects inside each other in such an answer")
ORI_LIMIT_ROW(QDRANT_VALUES, 131072, "values", "such an answer, keys counted too")
ORI_LIMIT_ROW(QDRANT_STREAMS, 8, "streams", "requests at once of one call that writes points")
ORI_LIMIT_ROW(VECTOR_WALK, 1000000000, "points", "a walk over all points of a Qdrant collection")
ORI_LIMIT_ROW(SEARCH_HITS, 1000, "points", "answer to one search")
ORI_LIMIT_ROW(BLOB_KEY_BYTES, 1024, "bytes", "an object's key")
ORI_LIMIT_ROW(BLOB_NAME_BYTES, 200, "bytes",
              "one segment of a key; leaves room for the longer name of its part")
ORI_LIMIT_ROW(BLOB_LIST, 1048576, "objects", "files listed in one folder")
ORI_LIMIT_ROW(BLOB_VIDEOS, 16777216, "folders", "listed in a bucket, or in a platform of one")

/* embed: the files of a model folder */
ORI_LIMIT_ROW(MODEL_CONFIG_BYTES, 1048576, "bytes", "config.json and its like of a model")
ORI_LIMIT_ROW(MODEL_CONFIG_VALUES, 65536, "values", "config.json and its like of a model")
ORI_LIMIT_ROW(MODEL_INDEX_BYTES, 16777216, "bytes", "the list of a model's weight files")
ORI_LIMIT_ROW(MODEL_SHARDS, 256, "files", "the weights of one model")
ORI_LIMIT_ROW(MODEL_TENSORS, 65536, "tensors", "the weights of one model")
ORI_LIMIT_ROW(TENSOR_NAME_BYTES, 512, "bytes", "the name of a tensor")
ORI_LIMIT_ROW(SAFETENSORS_HEADER_BYTES, 100000000, "bytes",
              "header of a safetensors file, as in the reference")
ORI_LIMIT_ROW(SAFETENSORS_VALUES, 2097152, "values", "header of a safetensors file")
ORI_LIMIT_ROW(MODEL_WIDTH, 16384, "numbers", "one token inside a model")
ORI_LIMIT_ROW(MODEL_LAYERS, 256, "layers", "one tower of a model")
ORI_LIMIT_ROW(MODEL_MLP, 65536, "numbers", "the feed-forward half of a layer")
ORI_LIMIT_ROW(MODEL_SIDE, 1024, "pixels", "a side of a model's input")
ORI_LIMIT_ROW(MODEL_POSITIONS, 8192, "tokens", "a text or a picture inside a model")
ORI_LIMIT_ROW(MODEL_VOCABULARY, 2000000, "tokens", "the vocabulary of a model")
/* embed: models from a hub */
ORI_LIMIT_ROW(HUB_NAME_CHARS, 96, "characters", "each half of a model's name on a hub")
ORI_LIMIT_ROW(HUB_REVISION_CHARS, 128, "characters", "a revision of a model: branch, tag or commit")
ORI_LIMIT_ROW(HUB_ANSWER_BYTES, 16777216, "bytes", "what a hub says about one model")
ORI_LIMIT_ROW(HUB_SIBLINGS, 100000, "files", "one model on a hub")
ORI_LIMIT_ROW(HUB_FILE_NAME_BYTES, 200, "bytes", "name of a file of a model")
ORI_LIMIT_ROW(HUB_CONFIG_BYTES, 1048576, "bytes", "a config.json that is looked at for its family")
ORI_LIMIT_ROW(HUB_SMALL_FILE_BYTES, 134217728, "bytes", "a file of a model that is not its weights")
ORI_LIMIT_ROW(HUB_WEIGHTS_BYTES, 137438953472, "bytes", "one file of weights")
ORI_LIMIT_ROW(HUB_REDIRECTS, 8, "redirects", "of one request to a hub, one after the other")
ORI_LIMIT_ROW(HUB_BREAKS, 1000, "breaks", "of one file's download, however far each one came")
ORI_LIMIT_ROW(HUB_WAIT_MS, 120000, "milliseconds", "a Retry-After of a hub that is waited for")
ORI_LIMIT_ROW(HUB_MODELS, 1000, "snapshots", "of models that oriane model list shows")

/* embed: tokenizers */
ORI_LIMIT_ROW(TOKENIZER_FILE_BYTES, 67108864, "bytes",
              "tokenizer.json, or one of the files beside it; Gemma's has 34 million")
ORI_LIMIT_ROW(TOKENIZER_TOKENS, 2097152, "tokens", "a vocabulary; ids are below it")
ORI_LIMIT_ROW(TOKENIZER_MERGES, 4194304, "merges", "a BPE model")
ORI_LIMIT_ROW(TOKENIZER_TOKEN_BYTES, 1024, "bytes",
              "one token, or a text that a tokenizer's step puts in")
ORI_LIMIT_ROW(TOKENIZER_ADDED, 65536, "tokens", "added to a vocabulary")
ORI_LIMIT_ROW(TOKENIZER_STEPS, 64, "steps",
              "normalizers, pre-tokenizers or post-processors of a tokenizer")
ORI_LIMIT_ROW(TOKENIZER_DEPTH, 16, "levels", "Sequences inside each other")
ORI_LIMIT_ROW(TOKENIZER_PATTERN_BYTES, 4096, "bytes", "a pattern of a tokenizer")
ORI_LIMIT_ROW(TOKENIZER_CHARSMAP_BYTES, 4194304, "bytes", "precompiled_charsmap, in base64")
ORI_LIMIT_ROW(TOKENIZER_SPECIALS, 64, "tokens", "that go around the tokens of each text")
ORI_LIMIT_ROW(TOKENIZER_TEXT_BYTES, 2097152, "bytes", "what a text becomes on its way to tokens")

/* stores: jobs */
ORI_LIMIT_ROW(URL_BYTES, 2048, "bytes", "a URL of a video or of a webhook")
ORI_LIMIT_ROW(JOB_ITEMS, 1048576, "items", "one job")
ORI_LIMIT_ROW(JOB_EVENTS, 4096, "events", "kept of one job; of more the oldest go")
ORI_LIMIT_ROW(JOB_LOGS, 1000, "lines", "log of one job; of more the oldest go")
ORI_LIMIT_ROW(JOB_LOG_BYTES, 4096, "bytes",
              "one line of a job's log; what is longer is cut and says so")
ORI_LIMIT_ROW(JOB_STORE_LOG_PAGES, 16384, "pages",
              "the job store's write-ahead log; past it readers wait until it is empty")
ORI_LIMIT_ROW(ITEM_LOSSES, 100, "losses",
              "how often an item is begun again after the process that ran it was killed")
ORI_LIMIT_ROW(IDEMPOTENCY_KEY_BYTES, 255, "bytes", "header Idempotency-Key")

/* jobs */
ORI_LIMIT_ROW(HUB_BYTES, 4194304, "bytes", "events in memory for all listeners")
ORI_LIMIT_ROW(HUB_REPLAY_BYTES, 67108864, "bytes",
              "replayed events that listeners have not read yet")
ORI_LIMIT_ROW(LISTENERS, 4096, "listeners", "connections that listen to events")
ORI_LIMIT_ROW(WEBHOOK_TRIES, 12, "attempts", "of one webhook, before it is dead")
ORI_LIMIT_ROW(WEBHOOK_ANSWER_BYTES, 65536, "bytes", "answer to a webhook that is read")

/* http */
ORI_LIMIT_ROW(CONNECTIONS, 16384, "connections", "open at once")
ORI_LIMIT_ROW(HEADER_BYTES, 16384, "bytes", "request line and headers of one request")
ORI_LIMIT_ROW(REQUEST_URL_BYTES, 4096, "bytes", "path and query of a request")
ORI_LIMIT_ROW(HEADERS, 64, "headers", "one request")
ORI_LIMIT_ROW(HEADERS_MS, 10000, "milliseconds", "from a request's first byte to its last header")
ORI_LIMIT_ROW(BODY_MS, 60000, "milliseconds", "for the body of a request")
ORI_LIMIT_ROW(IDLE_MS, 60000, "milliseconds", "a connection without a request")
ORI_LIMIT_ROW(JSON_BYTES, 33554432, "bytes", "a JSON body; 100,000 videos with room to spare")
ORI_LIMIT_ROW(JSON_DEPTH, 32, "levels", "arrays and objects inside each other in a JSON body")
ORI_LIMIT_ROW(UPLOAD_BYTES, 67108864, "bytes", "an uploaded picture with its multipart frame")
ORI_LIMIT_ROW(UPLOADS, 8, "uploads", "received at once")
ORI_LIMIT_ROW(BODIES_BYTES, 268435456, "bytes", "bodies of all requests together")
ORI_LIMIT_ROW(DESK_WAITING, 16384, "requests", "that wait for a thread of a desk")
ORI_LIMIT_ROW(FAULTS, 100, "faults", "of one request that are told one by one")
ORI_LIMIT_ROW(QUERY_PARAMETERS, 32, "parameters", "the query of a URL")
ORI_LIMIT_ROW(ANSWER_BYTES, 134217728, "bytes", "one answer")
ORI_LIMIT_ROW(ANSWERS_BYTES, 536870912, "bytes",
              "answers of all requests together that their clients have not taken")
ORI_LIMIT_ROW(TAIL_LINES, 1000, "lines", "of a log in one answer")
ORI_LIMIT_ROW(ADDRESS_CONNECTIONS, 1024, "connections",
              "open at once from one address that is not this machine")
ORI_LIMIT_ROW(ANSWER_MS, 300000, "milliseconds", "for a client to take an answer, events left out")
ORI_LIMIT_ROW(IGNORED_BYTES, 65536, "bytes",
              "a body where none is expected; it is read and dropped")
ORI_LIMIT_ROW(DROPPED_BYTES, 67108864, "bytes",
              "of a refused body, read so that the client sees the refusal")
ORI_LIMIT_ROW(JSON_VALUES, 1000000, "values", "a JSON body")
ORI_LIMIT_ROW(FORM_PARTS, 64, "parts", "a multipart form")
ORI_LIMIT_ROW(FORM_HEADER_BYTES, 4096, "bytes", "headers of one part of a form")
ORI_LIMIT_ROW(FORM_TEXT_BYTES, 4096, "bytes", "a plain field of a form")
ORI_LIMIT_ROW(ANSWER_HEADER_BYTES, 8192, "bytes", "headers a handler gives to an answer")
ORI_LIMIT_ROW(WRONG_KEYS, 30, "requests",
              "with a wrong key or password from one address in a minute; the next get 429")
ORI_LIMIT_ROW(LINGERING, 64, "connections", "refused ones whose client is still sending")
ORI_LIMIT_ROW(PROMPT_CHARS, 16384, "characters", "the prompt of a search by text")
ORI_LIMIT_ROW(THUMB_CACHE_BYTES, 16777216, "bytes", "thumbnails that are kept in memory")
ORI_LIMIT_ROW(KEPT_SCRATCHES, 64, "threads", "whose working memory for searches is kept")

/* cli */
ORI_LIMIT_ROW(CLI_OPTIONS, 32, "options", "what one verb has of its own")
ORI_LIMIT_ROW(INPUTS, 4194304, "videos", "one run")
ORI_LIMIT_ROW(FOLDER_DEPTH, 64, "folders", "folders inside each other that are searched for videos")
ORI_LIMIT_ROW(FOLDER_ENTRIES, 4194304, "entries", "one folder that is searched for videos")
ORI_LIMIT_ROW(CLI_ANSWER_BYTES, 134217728, "bytes", "what a server answers to oriane jobs")
ORI_LIMIT_ROW(LIST_BYTES, 1073741824, "bytes", "a list of videos that is submitted")
ORI_LIMIT_ROW(LIST_ENTRY_BYTES, 65536, "bytes", "a line, record or element of such a list")
ORI_LIMIT_ROW(SUBMIT_VIDEOS, 4194304, "videos", "one list that is submitted")
ORI_LIMIT_ROW(SUBMIT_BODY_BYTES, 8388608, "bytes",
              "one request of a list that is submitted; then the next one begins")
ORI_LIMIT_ROW(SUBMIT_JOBS, 1048576, "jobs", "one list that is submitted")
ORI_LIMIT_ROW(SUBMIT_ITEMS, 100000, "videos",
              "one request of such a list, whatever the server takes")
ORI_LIMIT_ROW(TABLE_ROWS, 10000, "rows", "a table on the terminal; the rest is counted")
ORI_LIMIT_ROW(SEARCH_TEXT_BYTES, 65536, "bytes", "text of one search")
ORI_LIMIT_ROW(TABLE_BYTES, 67108864, "bytes", "a table on the terminal")
