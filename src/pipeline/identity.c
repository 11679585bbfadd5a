#include "pipeline/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/text.h"

#define CODE_HASH_BYTES 4 /* 8 hex digits */
#define CODE_STEM_CHARS (ORI_LIMIT_MAX_CODE_CHARS - 1 - 2 * CODE_HASH_BYTES)
#define SAMPLE_BYTES 65536
#define FINGERPRINT_BYTES 4096

ori_status ori_identity_code_of_name(const char *name, const char *url,
                                     char ret_code[ORI_CODE_BYTES], struct ori_error *err)
{
    char stem[ORI_LIMIT_MAX_PATH_BYTES];
    const char *dot = strrchr(name, '.');
    size_t stem_bytes = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    if (stem_bytes >= sizeof stem)
        return ori_error_set(err, ORI_LIMIT, "a file name of more than %zu bytes", sizeof stem - 1);
    memcpy(stem, name, stem_bytes);
    stem[stem_bytes] = '\0';

    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_hash_of(ORI_HASH_SHA1, url, strlen(url), digest, err);
    if (status != ORI_OK)
        return status;
    char hex[2 * CODE_HASH_BYTES + 1];
    ori_hash_hex(digest, CODE_HASH_BYTES, hex);
    char legal[CODE_STEM_CHARS + 1];
    ori_text_make_code(stem, CODE_STEM_CHARS, legal);
    snprintf(ret_code, ORI_CODE_BYTES, "%s-%s", legal, hex);
    return ORI_OK;
}

ori_status ori_identity_code(const char *path, char ret_code[ORI_CODE_BYTES], struct ori_error *err)
{
    const char *name = path[0] == '/' ? strrchr(path, '/') + 1 : "";
    if (name[0] == '\0')
        return ori_error_set(err, ORI_USAGE, "not an absolute path of a file: %s", path);
    return ori_identity_code_of_name(name, path, ret_code, err);
}

/* Adds SAMPLE_BYTES from offset on, fewer at the end of the file. */
static ori_status add_sample(struct ori_hash *hash, int fd, int64_t offset, uint8_t *sample,
                             struct ori_error *err)
{
    size_t got = 0;
    ori_status status = ori_fs_read_at(fd, offset, sample, SAMPLE_BYTES, &got, err);
    if (status == ORI_OK)
        status = ori_hash_add(hash, sample, got, err);
    return status;
}

/* Past the year 2262 the number wraps: it is compared, never read as a time. */
static int64_t change_ns(const struct stat *st)
{
    return (int64_t)((uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec);
}

ori_status ori_identity_source(int fd, struct ori_source_identity *ret_identity,
                               struct ori_error *err)
{
    ori_status status = ORI_OK;
    struct ori_hash *hash = NULL;
    uint8_t *sample = NULL;
    uint8_t digest[ORI_HASH_BYTES_MAX];
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ori_error_set_errno(err, errno, false, "looking at the file");

    sample = malloc(SAMPLE_BYTES);
    if (!sample) {
        status = ori_error_set(err, ORI_NOMEM, "hash of the file");
        goto out;
    }
    status = ori_hash_create(ORI_HASH_SHA256, &hash, err);
    if (status == ORI_OK)
        status = add_sample(hash, fd, 0, sample, err);
    if (status == ORI_OK && st.st_size > SAMPLE_BYTES)
        status = add_sample(hash, fd, st.st_size - SAMPLE_BYTES, sample, err);
    if (status == ORI_OK)
        status = ori_hash_finish(hash, digest, err);
    if (status != ORI_OK)
        goto out;
    ret_identity->bytes = st.st_size;
    ret_identity->mtime_ns = change_ns(&st);
    ori_hash_hex(digest, ori_hash_bytes(ORI_HASH_SHA256), ret_identity->digest);
out:
    ori_hash_destroy(&hash);
    free(sample);
    return status;
}

bool ori_identity_is_same(const struct ori_source_identity *a, const struct ori_source_identity *b)
{
    return a->bytes == b->bytes && a->mtime_ns == b->mtime_ns && strcmp(a->digest, b->digest) == 0;
}

/* One "name=value" a line; reals as hex floats, so that no two values look alike. */
static void describe_stills(struct ori_buf *text, const struct ori_extract_options *x)
{
    ori_buf_printf(text, "result=%d\n", ORI_RESULT_VERSION);
    /* crop_probes and crop_clip_secs change nothing: all frames are looked at. */
    ori_buf_printf(text, "crop=%d/%d/%d/%d/%d/%a\n", x->has_crop, x->crop_limit,
                   x->crop_safe_margin_px, x->crop_over_text, x->crop_blurred, x->min_crop_ratio);
    ori_buf_printf(text, "border=%a/%a\ndownscale=%a\n", x->tolerance, x->edge_thresh,
                   x->downscale);
    ori_buf_printf(text, "scene=%a/%a/%d\n", x->scene_thresh, x->sample_fps, x->min_frames);
    if (x->is_classic)
        ori_buf_add_text(text, "detector=classic\n");
    ori_buf_printf(text, "dedup=%d/%d/%d\n", x->has_dedup, x->dhash_size, x->dedup_distance);
    ori_buf_printf(text, "solid=%a/%d\n", x->solid_std, x->solid_min_dim);
    ori_buf_printf(text, "still=%d/%d\n", x->still_format, x->still_quality);
    ori_buf_printf(text, "duration=%" PRId64 "\n", x->duration_us_max);
    if (x->clip.is_wanted)
        ori_buf_printf(text, "clip=%d/%d/%d/%d\n", x->clip.encoder, x->clip.preset, x->clip.tune,
                       x->clip.cq);
    if (x->speed != ORI_SPEED_EXACT) /* results from before there was a choice are exact */
        ori_buf_printf(text, "speed=%d\n", x->speed);
}

static void describe_vectors(struct ori_buf *text, const struct ori_result_inputs *inputs)
{
    const struct ori_input_spec *input = &inputs->extract->input;
    ori_buf_printf(text, "model=%s\nweights=%s\nprecision=%s\ndim=%d\n", inputs->model,
                   inputs->digest, inputs->precision, inputs->dim);
    ori_buf_printf(text, "input=%d/%d/%d/%d/%d\n", input->side, input->fit, input->resize_side,
                   input->is_crop_rounded, input->is_bilinear);
}

/* Ends the text. */
static ori_status digest_of(struct ori_buf *text, char ret_digest[ORI_DIGEST_BYTES],
                            struct ori_error *err)
{
    uint8_t digest[ORI_HASH_BYTES_MAX];
    ori_status status = ori_buf_finish(text, "fingerprint of the settings", err);
    if (status == ORI_OK)
        status = ori_hash_of(ORI_HASH_SHA256, text->data, text->used, digest, err);
    if (status == ORI_OK)
        ori_hash_hex(digest, ori_hash_bytes(ORI_HASH_SHA256), ret_digest);
    ori_buf_deinit(text);
    return status;
}

ori_status ori_identity_settings(const struct ori_extract_options *extract,
                                 char ret_digest[ORI_DIGEST_BYTES], struct ori_error *err)
{
    struct ori_buf text;
    ori_buf_init(&text, FINGERPRINT_BYTES);
    describe_stills(&text, extract);
    return digest_of(&text, ret_digest, err);
}

ori_status ori_identity_fingerprint(const char *settings, const struct ori_result_inputs *inputs,
                                    char ret_digest[ORI_DIGEST_BYTES], struct ori_error *err)
{
    struct ori_buf text;
    ori_buf_init(&text, FINGERPRINT_BYTES);
    ori_buf_printf(&text, "settings=%s\n", settings);
    describe_vectors(&text, inputs);
    return digest_of(&text, ret_digest, err);
}
