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
ORI_LIMIT_ROW(LOG_LINE_BYTES, 8192, "bytes", "one line of the log; what is longer is cut and says so")
ORI_LIMIT_ROW(LOG_VALUE_BYTES, 1024, "bytes", "one value in a line of the log, cut likewise")
ORI_LIMIT_ROW(LOG_STATUS_BYTES, 1024, "bytes", "the progress line under the log")

/* config */
ORI_LIMIT_ROW(SETTING_BYTES, 4096, "bytes", "the value of one setting")
ORI_LIMIT_ROW(ENV_FILE_BYTES, 262144, "bytes", "the .env file")
ORI_LIMIT_ROW(ENV_LINE_BYTES, 8192, "bytes", "one line of the .env file")
ORI_LIMIT_ROW(ENV_FILE_ROWS, 1000, "variables", "the .env file")
ORI_LIMIT_ROW(SETTING_WARNINGS, 20, "warnings", "unknown names that are told one by one")
ORI_LIMIT_ROW(SETTINGS_PAGE_BYTES, 1048576, "bytes", "help and reference pages made from the tables")

/* media: what a decode child may say (media/child_proto.h) */
ORI_LIMIT_ROW(CHILD_SLOTS, 64, "slots", "shared memory of one decode process")
ORI_LIMIT_ROW(CHILD_SIDE, 131072, "pixels", "a side of the picture a decode process tells of")
ORI_LIMIT_ROW(CHILD_FRAMES, 65536, "frames", "kept frames of one video")
ORI_LIMIT_ROW(CHILD_SCENES, 131072, "scenes", "scenes of one video")
ORI_LIMIT_ROW(CHILD_WARNINGS, 64, "warnings", "warnings of one decode process")
ORI_LIMIT_ROW(CHILD_MESSAGES, 16777216, "messages", "messages of one decode process")
ORI_LIMIT_ROW(CHILD_NEED_BYTES, 16777216, "bytes", "one range of a remote medium")
