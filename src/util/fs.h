#pragma once
/* util/fs.h: files and folders, whole or not at all.
 * Descriptors  dir_fd is an open folder or AT_FDCWD; paths are relative to it
 * Failure      a status and its cause in err: NOT_FOUND, NOT_READABLE, NOT_WRITABLE, NOT_A_FILE,
 *              DISK_FULL, DIRECTORY_LOOP, LIMIT, NOMEM, IO; nothing half-made stays
 * Threads      any; two writers of the same file at once: one of them wins whole */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/limits.h"
#include "util/status.h"

/* "folder/name"; name alone when folder is empty, no double slash. malloc'ed, the caller frees. */
ori_status ori_fs_join(const char *folder, const char *name, char **ret_path,
                       struct ori_error *err);

/* Makes the folder and those above it; there already is fine. Mode 0777 less the umask. */
ori_status ori_fs_make_folders(const char *path, struct ori_error *err);
/* The same for the folder that a file of this path would be in; a bare name has none. */
ori_status ori_fs_make_folder_of(const char *path, struct ori_error *err);

/* A regular file of at most bytes_max bytes, else ORI_NOT_A_FILE or ORI_LIMIT; never blocks on a
 * FIFO. *ret_data is malloc'ed with a NUL behind its bytes; the caller frees. */
ori_status ori_fs_read_file(int dir_fd, const char *path, size_t bytes_max, char **ret_data,
                            size_t *ret_bytes, struct ori_error *err);

/* Bytes from offset until ret_bytes is bytes_max or the end is reached; fd keeps its position. */
ori_status ori_fs_read_at(int fd, int64_t offset, void *data, size_t bytes_max, size_t *ret_bytes,
                          struct ori_error *err);
/* Makes a new name in path's folder durable; file systems that cannot are no failure. */
ori_status ori_fs_sync_folder_of(int dir_fd, const char *path, struct ori_error *err);
/* A file without a name, open for reading and writing, in a folder that is made where missing: it goes
 * with its descriptor, however the process ends. The caller closes. */
ori_status ori_fs_open_nameless(const char *folder, int *ret_fd, struct ori_error *err);
ori_status ori_fs_write_all(int fd, const void *data, size_t bytes, struct ori_error *err);
/* What was written is on disk, with the size that makes it readable. */
ori_status ori_fs_sync(int fd, struct ori_error *err);

/* The same in three steps, for a file that is written as its parts come: open the part beside path
 * (*ret_fd is for writing), write, place; or drop it instead. place takes fd whatever it returns, and
 * leaves no part. */
ori_status ori_fs_part_open(int dir_fd, const char *path, char ret_part[ORI_LIMIT_MAX_PATH_BYTES],
                            int *ret_fd, struct ori_error *err);
ori_status ori_fs_part_place(int dir_fd, const char *part, int fd, const char *path,
                             struct ori_error *err);
void ori_fs_part_drop(int dir_fd, const char *part, int fd);

/* Replaces path in one step: a reader sees the old bytes or the new, and after ORI_OK the new ones
 * are on disk. Written as ".NAME.RANDOM.part" beside it first; a failure leaves path as it was and
 * takes the part away (a kill leaves it: ".*.part" is safe to sweep). Mode 0666 less the umask. */
ori_status ori_fs_write_file(int dir_fd, const char *path, const void *data, size_t bytes,
                             struct ori_error *err);
