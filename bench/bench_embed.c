/* bench/bench_embed.c: the encoders' speed and memory.
 *   bench_embed FOLDER [--precision P] [--batch N] [--threads N] [--seconds S] [--text TEXT]
 * prints one line of JSON:
 *   load_ms           from the call to the first picture's vector, weights in the page cache or not
 *   resident_mib      of this process then, less what it was before the model was opened
 *   images_per_second best and median of the rounds, all threads together, batch pictures a call
 *   images_per_cpu_second  over all rounds, by the processor time of this process: what a busy machine
 *                     disturbs least
 *   gops              billions of operations a second that the matrix products of those pictures make
 *   peak_gops         what the same matrix products reach alone, the best of the tower's shapes, with
 *                     as many threads: the peak that gops is held against
 *   text_ms           one text, the best; 0 without --text */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "embed/aligned.h"
#include "embed/matmul.h"
#include "embed/model.h"
#include "embed/model_config.h"
#include "util/clock.h"

enum {
    THREADS_MAX = 64,
    ROUNDS_MAX = 4096,
    PICTURES = 16,
    SHAPES = 4,
    ROWS = 400,
    PEAK_ROUNDS = 12
};

struct plan {
    struct ori_model_options model;
    const char *folder;
    const char *text;
    int batch;
    int threads;
    double seconds;
};

struct worker {
    const struct plan *plan;
    const struct ori_model *model;
    struct ori_model_scratch *scratch;
    uint8_t *pictures[PICTURES];
    float *vectors;
    pthread_t thread;
    int64_t until_us;
    long embedded;
    int spec; /* of the peak */
    double gops;
};

static _Noreturn void die(const char *what, const struct ori_error *err)
{
    fprintf(stderr, "bench_embed: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(1);
}

static double resident_mib(void)
{
    long size = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
        die("no /proc/self/statm", NULL);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void worker_init(struct worker *worker, const struct plan *plan,
                        const struct ori_model *model)
{
    struct ori_error err = {0};
    struct ori_model_info info = ori_model_info(model);
    size_t bytes = 3 * (size_t)info.side * (size_t)info.side;
    uint32_t state = 1;
    *worker = (struct worker){.plan = plan, .model = model};
    if (ori_model_scratch_create(model, &worker->scratch, &err) != ORI_OK)
        die("working memory", &err);
    worker->vectors = calloc((size_t)plan->batch * (size_t)info.dim, sizeof(float));
    for (size_t i = 0; i < PICTURES; i++) {
        worker->pictures[i] = malloc(bytes);
        if (!worker->pictures[i] || !worker->vectors)
            die("no memory", NULL);
        for (size_t j = 0; j < bytes; j++) {
            state = state * 1664525U + 1013904223U;
            worker->pictures[i][j] = (uint8_t)(state >> 24);
        }
    }
}

static void embed_once(struct worker *worker, int n)
{
    const uint8_t *pictures[256];
    struct ori_error err = {0};
    for (int i = 0; i < n; i++)
        pictures[i] = worker->pictures[i % PICTURES];
    if (ori_model_embed_pictures(worker->scratch, pictures, (size_t)n, NULL, worker->vectors,
                                 &err) != ORI_OK)
        die("embedding", &err);
}

static void *embed_round(void *self)
{
    struct worker *worker = self;
    worker->embedded = 0;
    do {
        embed_once(worker, worker->plan->batch);
        worker->embedded += worker->plan->batch;
    } while (ori_clock_us() < worker->until_us);
    return NULL;
}

static double run_round(struct worker *workers, int threads, int64_t round_us, void *(*run)(void *))
{
    int64_t begin_us = ori_clock_us();
    long embedded = 0;
    for (int i = 0; i < threads; i++) {
        workers[i].until_us = begin_us + round_us;
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
            die("no thread", NULL);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    int64_t end_us = ori_clock_us();
    for (int i = 0; i < threads; i++)
        embedded += workers[i].embedded;
    return (double)embedded * 1e6 / (double)(end_us - begin_us);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- the peak */

static struct ori_matmul_spec spec_of(const struct ori_tower_config *tower, int shape,
                                      enum ori_precision precision)
{
    bool is_gated = tower->activation == ORI_ACTIVATION_SWIGLU;
    int in[SHAPES] = {tower->width, tower->width, tower->width, tower->mlp};
    int out[SHAPES] = {3 * tower->width, tower->width, is_gated ? 2 * tower->mlp : tower->mlp,
                       tower->width};
    return (struct ori_matmul_spec){.in = in[shape],
                                    .out = out[shape],
                                    .precision = precision,
                                    .has_bias = precision != ORI_PRECISION_INT8,
                                    .rows_usual = ROWS,
                                    .rows_one = ROWS};
}

static void *peak_round(void *self)
{
    struct worker *worker = self;
    const struct plan *plan = worker->plan;
    struct ori_model_config config;
    struct ori_matmul *matmul = NULL;
    struct ori_matmul_plan *compiled = NULL;
    struct ori_packed packed = {0};
    struct ori_error err = {0};
    if (ori_model_config_load(plan->folder, &config, &err) != ORI_OK)
        die("configuration", &err);
    struct ori_matmul_spec spec =
        spec_of(&config.vision.tower, worker->spec, plan->model.precision);
    size_t in = (size_t)spec.in;
    size_t out = (size_t)spec.out;
    float *weights = ori_aligned_zeroed(in * out, sizeof *weights);
    float *bias = ori_aligned_zeroed(out, sizeof *bias);
    float *x = ori_aligned_zeroed(ROWS * in, sizeof *x);
    float *y = ori_aligned_zeroed(ROWS * out, sizeof *y);
    if (!weights || !bias || !x || !y)
        die("no memory", NULL);
    for (size_t i = 0; i < in * out; i++)
        weights[i] = (float)(i % 17) / 17 - 0.5F;
    if (ori_matmul_create(&spec, &matmul, &err) != ORI_OK ||
        ori_matmul_pack(matmul, weights, bias, &packed, &err) != ORI_OK ||
        ori_matmul_plan_create(matmul, &compiled, &err) != ORI_OK)
        die("matrix product", &err);
    worker->gops = 0;
    for (int i = 0; i < PEAK_ROUNDS; i++) {
        int64_t begin_us = ori_clock_us();
        for (int j = 0; j < 8; j++) {
            if (ori_matmul_run(compiled, &packed, x, ROWS, y, &err) != ORI_OK)
                die("matrix product", &err);
        }
        double gops =
            8 * 2e-3 * ROWS * (double)in * (double)out / (double)(ori_clock_us() - begin_us);
        worker->gops = gops > worker->gops ? gops : worker->gops;
    }
    ori_matmul_plan_destroy(&compiled);
    ori_packed_deinit(&packed);
    ori_matmul_destroy(&matmul);
    free(weights);
    free(bias);
    free(x);
    free(y);
    return NULL;
}

static double peak(struct worker *workers, int threads)
{
    double best = 0;
    for (int shape = 0; shape < SHAPES; shape++) {
        double sum = 0;
        for (int i = 0; i < threads; i++)
            workers[i].spec = shape;
        run_round(workers, threads, 0, peak_round);
        for (int i = 0; i < threads; i++)
            sum += workers[i].gops;
        best = sum > best ? sum : best;
    }
    return best;
}

/* Operations of the tower's matrix products for one picture, as they are computed: the last block
 * only for the token that is asked for. */
static double operations(const struct ori_model_config *config)
{
    const struct ori_tower_config *tower = &config->vision.tower;
    double width = tower->width;
    double across = config->vision.side / config->vision.patch;
    double patches = across * across;
    double tokens = patches + (config->family == ORI_FAMILY_SIGLIP ? 0 : 1);
    double ups = tower->activation == ORI_ACTIVATION_SWIGLU ? 3 : 2;
    double rest = width * width + ups * width * tower->mlp; /* of a block, beside q, k, v */
    double last = config->family == ORI_FAMILY_SIGLIP ? tokens : 1;
    double blocks =
        tower->layers * tokens * 3 * width * width + ((tower->layers - 1) * tokens + last) * rest;
    double attention =
        ((tower->layers - 1) * tokens + last) * 2 * tokens * width; /* scores and mixing */
    double patch = patches * 3 * config->vision.patch * config->vision.patch * width;
    double pooling = config->family == ORI_FAMILY_SIGLIP ? tokens * 2 * width * width : 0;
    return 2 * (blocks + attention + patch + pooling);
}

static double text_ms(struct worker *worker, const char *text)
{
    double best = 1e12;
    struct ori_error err = {0};
    for (int i = 0; text && i < 20; i++) {
        int64_t begin_us = ori_clock_us();
        if (ori_model_embed_text(worker->scratch, text, NULL, worker->vectors, &err) != ORI_OK)
            die("text", &err);
        double ms = (double)(ori_clock_us() - begin_us) / 1000;
        best = ms < best ? ms : best;
    }
    return text ? best : 0;
}

static enum ori_precision precision_of(const char *word)
{
    return strcmp(word, "f32") == 0    ? ORI_PRECISION_F32
           : strcmp(word, "bf16") == 0 ? ORI_PRECISION_BF16
           : strcmp(word, "int8") == 0 ? ORI_PRECISION_INT8
                                       : ORI_PRECISION_AUTO;
}

static struct plan read_arguments(int argc, char **argv)
{
    struct plan plan = {.batch = 8, .threads = 1, .seconds = 3};
    static const struct option options[] = {
        {"precision", required_argument, NULL, 'p'}, {"batch", required_argument, NULL, 'b'},
        {"threads", required_argument, NULL, 't'},   {"seconds", required_argument, NULL, 's'},
        {"text", required_argument, NULL, 'x'},      {0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'p')
            plan.model.precision = precision_of(optarg);
        else if (c == 'b')
            plan.batch = (int)strtol(optarg, NULL, 10);
        else if (c == 't')
            plan.threads = (int)strtol(optarg, NULL, 10);
        else if (c == 's')
            plan.seconds = strtod(optarg, NULL);
        else if (c == 'x')
            plan.text = optarg;
        else
            exit(2);
    }
    if (optind + 1 != argc || plan.batch < 1 || plan.batch > 256 || plan.threads < 1 ||
        plan.threads > THREADS_MAX)
        die("usage: bench_embed FOLDER [--precision P] [--batch 1..256] [--threads 1..64] "
            "[--seconds S] [--text TEXT]",
            NULL);
    plan.folder = argv[optind];
    plan.model.name = plan.folder;
    return plan;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    static double rounds[ROUNDS_MAX];
    struct plan plan = read_arguments(argc, argv);
    struct ori_model *model = NULL;
    struct ori_error err = {0};
    double before_mib = resident_mib();
    int64_t begin_us = ori_clock_us();
    if (ori_model_open(&plan.model, &model, &err) != ORI_OK)
        die("model", &err);
    struct ori_model_info info = ori_model_info(model);
    plan.model.precision = precision_of(info.precision);
    worker_init(&workers[0], &plan, model);
    embed_once(&workers[0], 1);
    double load_ms = (double)(ori_clock_us() - begin_us) / 1000;
    embed_once(&workers[0], plan.batch);
    double after_mib = resident_mib();
    for (int i = 1; i < plan.threads; i++)
        worker_init(&workers[i], &plan, model);
    int count = 0;
    int64_t end_us = ori_clock_us() + (int64_t)(plan.seconds * 1e6);
    double cpu_begin = cpu_seconds();
    double embedded = 0;
    do {
        rounds[count++] = run_round(workers, plan.threads, 250000, embed_round);
        for (int i = 0; i < plan.threads; i++)
            embedded += (double)workers[i].embedded;
    } while (ori_clock_us() < end_us && count < ROUNDS_MAX);
    double by_cpu = embedded / (cpu_seconds() - cpu_begin);
    qsort(rounds, (size_t)count, sizeof rounds[0], by_size);
    struct ori_model_config config;
    if (ori_model_config_load(plan.folder, &config, &err) != ORI_OK)
        die("configuration", &err);
    double best = rounds[count - 1];
    printf("{\"precision\":\"%s\",\"isa\":\"%s\",\"library\":\"%s\",\"batch\":%d,\"threads\":%d,"
           "\"load_ms\":%.1f,\"resident_mib\":%.1f,\"counted_mib\":%.1f,"
           "\"images_per_second\":{\"best\":%.2f,\"median\":%.2f},\"images_per_cpu_second\":%.2f,"
           "\"gops\":%.1f,",
           info.precision, ori_matmul_machine().isa, ori_matmul_library(), plan.batch, plan.threads,
           load_ms, after_mib - before_mib, (double)info.resident_bytes / 1048576.0, best,
           rounds[count / 2], by_cpu, best * operations(&config) * 1e-9);
    printf("\"peak_gops\":%.1f,\"text_ms\":%.2f}\n", peak(workers, plan.threads),
           text_ms(&workers[0], plan.text));
    for (int i = 0; i < plan.threads; i++) {
        ori_model_scratch_destroy(&workers[i].scratch);
        free(workers[i].vectors);
        for (int j = 0; j < PICTURES; j++)
            free(workers[i].pictures[j]);
    }
    ori_model_close(&model);
    return 0;
}
