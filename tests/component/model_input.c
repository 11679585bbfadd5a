/* No test of its own: what the program makes of picture files, for tests in Python that compare it
 * with Pillow. Reads commands, one a line:
 *   pixels PATH                                        the decoded picture
 *   square SIDE RESIZE squash|crop floor|rounded bicubic|bilinear
 *                                                      model input of the last one
 *   input  (as square, and then) PATH                  model input, made by a decode child
 *   thumb SIDE PATH                                    a JPEG, made by a decode child
 * and answers each with a line, "ok WIDTH HEIGHT BYTES" (0 0 when the bytes say it themselves) and
 * so many bytes, or "CODE TEXT". This program is its own decode child. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/still.h"
#include "pipeline/extract.h"
#include "pipeline/picture.h"
#include "vision/resize.h"

static const struct ori_settings *settings;
static struct ori_rgb last; /* of the command pixels */

static void answer(ori_status status, const struct ori_error *err, int width, int height,
                   const uint8_t *data, size_t bytes)
{
    if (status == ORI_OK) {
        printf("ok %d %d %zu\n", width, height, bytes);
        fwrite(data, 1, bytes, stdout);
    } else {
        printf("%s %s\n", ori_status_code(status), err->text);
    }
    fflush(stdout);
}

static void pixels(const char *path)
{
    struct ori_error err = {0};
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        exit(3);
    struct ori_source source = {.fd = fd, .size = st.st_size};
    free(last.data);
    last = (struct ori_rgb){0};
    ori_status status = ori_still_decode(&source, settings->vp_max_pixels, &last, &err);
    close(fd);
    answer(status, &err, last.width, last.height, last.data,
           (size_t)last.stride * (size_t)last.height);
}

static void square(const struct ori_model_info *model)
{
    struct ori_error err = {0};
    const struct ori_resize_rule rule = {.side = model->side,
                                         .resize_side = model->resize_side,
                                         .is_squash = model->fit == ORI_MODEL_FIT_SQUASH,
                                         .is_crop_rounded = model->is_crop_rounded,
                                         .is_bilinear = model->is_bilinear};
    size_t bytes = 3 * (size_t)model->side * (size_t)model->side;
    uint8_t *planes = malloc(bytes);
    if (!planes || !last.data)
        exit(4);
    ori_status status = ori_resize_square(&last, &rule, planes, &err);
    answer(status, &err, model->side, model->side, planes, bytes);
    free(planes);
}

static void input(const struct ori_model_info *model, const char *path)
{
    struct ori_error err = {0};
    struct ori_picture_request request = {.path = path, .settings = settings, .model = model};
    uint8_t *planes = NULL;
    ori_status status = ori_picture_load(&request, NULL, &planes, &err);
    answer(status, &err, model->side, model->side, planes,
           3 * (size_t)model->side * (size_t)model->side);
    free(planes);
}

static void thumb(int side, const char *path)
{
    struct ori_error err = {0};
    struct ori_picture_request request = {.path = path, .settings = settings};
    uint8_t *jpeg = NULL;
    size_t bytes = 0;
    ori_status status = ori_picture_thumb(&request, side, NULL, &jpeg, &bytes, &err);
    answer(status, &err, 0, 0, jpeg, bytes);
    free(jpeg);
}

static void obey(const char *line)
{
    struct ori_model_info model = {0};
    char word[16] = "";
    char fit[16] = "";
    char rounding[16] = "";
    char filter[16] = "";
    int begin = 0;
    if (sscanf(line, "pixels %n", &begin) == 0 && begin > 0) {
        pixels(line + begin);
        return;
    }
    if (sscanf(line, "thumb %d %n", &model.side, &begin) == 1 && begin > 0) {
        thumb(model.side, line + begin);
        return;
    }
    if (sscanf(line, "%15s %d %d %15s %15s %15s %n", word, &model.side, &model.resize_side, fit,
               rounding, filter, &begin) != 6) {
        fprintf(stderr, "model_input: %s\n", line);
        exit(2);
    }
    model.fit = strcmp(fit, "squash") == 0 ? ORI_MODEL_FIT_SQUASH : ORI_MODEL_FIT_SHORTER_CROP;
    model.is_crop_rounded = strcmp(rounding, "rounded") == 0;
    model.is_bilinear = strcmp(filter, "bilinear") == 0;
    if (strcmp(word, "square") == 0)
        square(&model);
    else
        input(&model, line + begin);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "decode") == 0)
        return ori_extract_main();
    struct ori_settings_sources sources = {0};
    struct ori_error err = {0};
    char line[4096];
    if (ori_settings_load(&sources, &settings, &err) != ORI_OK)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    free(last.data);
    ori_settings_destroy(&settings);
    return 0;
}
