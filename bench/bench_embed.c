/* bench/bench_embed.c: the encoders' speed and memory.
 *   bench_embed FOLDER [--precision P] [--batch N] [--threads N] [--seconds S] [--text TEXT] [--ask]
 * prints one line of JSON, and with --ask one more for each line "BATCH THREADS SECONDS" that it reads:
 *   load_ms           from the call to the first picture's vector, weights in the page cache or not
 *   load_cpu_ms       the same by the processor time of this process
 *   resident_mib      of this process then, less what it was before the model was opened
 *   text_ms           one text, the best; 0 without --text
 *   text_mib          what the first text added to the memory
 *   images_per_second best and median of the rounds, all threads together, batch pictures a call
 *   images_per_cpu_second  best of the calls, by the processor time of their thread, and mean of all:
 *                     what a busy machine disturbs least
 *   gops              billions of operations a second and thread that the matrix products of those
 *                     pictures make, in the best call
 *   peak_gops         what oneDNN's matrix products reach alone, the best of the tower's shapes, in as
 *                     many threads at once; also by processor time, and measured between the rounds, so
 *                     that both meet the same minutes
 *   own_gops          the same of the products that the tower uses: the kernels' own where there are
 *   share_of_peak     gops by peak_gops */
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
    ROUND_US = 250000,
    BATCH_MAX = 256,
    PICTURES = 16,
    SHAPES = 4,            /* of the tower's products */
    PRODUCTS = 2 * SHAPES, /* the library's, then the tower's */
    ROWS = 400,
    PEAK_RUNS = 8
};

struct plan {
    struct ori_model_options model;
    const char *folder;
    const char *text;
    int batch;
    int threads;
    double seconds;
    bool is_asking;
};

struct shape { /* one of the tower's matrix products, alone */
    struct ori_matmul_spec spec;
    struct ori_matmul *matmul;
    struct ori_packed packed;
};

struct worker {
    const struct ori_model *model;
    struct ori_model_scratch *scratch;
    uint8_t *pictures[PICTURES];
    float *vectors;
    pthread_t thread;
    int batch;
    int64_t until_us;
    long embedded;
    double call_s; /* the shortest call, by the thread's processor time */
    const struct shape *shapes;
    int shape; /* which of them runs */
    struct ori_matmul_plan *plans[PRODUCTS];
    float *scales;
    float *x; /* of the largest shape */
    float *y;
    double run_s; /* the shortest product */
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

static double cpu_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void worker_init(struct worker *worker, const struct ori_model *model)
{
    struct ori_error err = {0};
    struct ori_model_info info = ori_model_info(model);
    size_t bytes = 3 * (size_t)info.side * (size_t)info.side;
    uint32_t state = 1;
    *worker = (struct worker){.model = model};
    if (ori_model_scratch_create(model, &worker->scratch, &err) != ORI_OK)
        die("working memory", &err);
    worker->vectors = calloc((size_t)BATCH_MAX * (size_t)info.dim, sizeof(float));
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
    const uint8_t *pictures[BATCH_MAX];
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
        double begin_s = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
        embed_once(worker, worker->batch);
        double call_s = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - begin_s;
        worker->call_s = call_s < worker->call_s ? call_s : worker->call_s;
        worker->embedded += worker->batch;
    } while (ori_clock_us() < worker->until_us);
    return NULL;
}

/* Seconds that all workers together took. */
static double run_round(struct worker *workers, int threads, void *(*run)(void *))
{
    int64_t begin_us = ori_clock_us();
    for (int i = 0; i < threads; i++) {
        workers[i].until_us = begin_us + ROUND_US;
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
            die("no thread", NULL);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    return (double)(ori_clock_us() - begin_us) * 1e-6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- the peak */

static struct ori_matmul_spec spec_of(const struct ori_tower_config *tower, int product,
                                      enum ori_precision precision)
{
    int shape = product % SHAPES;
    bool is_gated = tower->activation == ORI_ACTIVATION_SWIGLU;
    int in[SHAPES] = {tower->width, tower->width, tower->width, tower->mlp};
    int out[SHAPES] = {3 * tower->width, tower->width, is_gated ? 2 * tower->mlp : tower->mlp,
                       tower->width};
    return (struct ori_matmul_spec){.in = in[shape],
                                    .out = out[shape],
                                    .precision = precision,
                                    .has_bias = true,
                                    .is_library = product < SHAPES,
                                    .rows_usual = ROWS,
                                    .rows_one = ROWS};
}

static void shapes_init(struct shape *shapes, const struct ori_model_config *config,
                        enum ori_precision precision)
{
    struct ori_error err = {0};
    for (int s = 0; s < PRODUCTS; s++) {
        struct shape *shape = &shapes[s];
        shape->spec = spec_of(&config->vision.tower, s, precision);
        size_t count = (size_t)shape->spec.in * (size_t)shape->spec.out;
        float *weights = ori_aligned_zeroed(count, sizeof *weights);
        float *bias = ori_aligned_zeroed((size_t)shape->spec.out, sizeof *bias);
        if (!weights || !bias)
            die("no memory", NULL);
        for (size_t i = 0; i < count; i++)
            weights[i] = (float)(i % 17) / 17 - 0.5F;
        if (ori_matmul_create(&shape->spec, &shape->matmul, &err) != ORI_OK ||
            ori_matmul_pack(shape->matmul, weights, bias, &shape->packed, &err) != ORI_OK)
            die("matrix product", &err);
        free(weights);
        free(bias);
    }
}

static void shapes_deinit(struct shape *shapes)
{
    for (int s = 0; s < PRODUCTS; s++) {
        ori_packed_deinit(&shapes[s].packed);
        ori_matmul_destroy(&shapes[s].matmul);
    }
}

static void plans_init(struct worker *worker, const struct shape *shapes)
{
    struct ori_error err = {0};
    size_t widest = 0;
    for (int s = 0; s < PRODUCTS; s++) {
        size_t in = (size_t)shapes[s].spec.in;
        size_t out = (size_t)shapes[s].spec.out;
        widest = in > widest ? in : widest;
        widest = out > widest ? out : widest;
        if (ori_matmul_plan_create(shapes[s].matmul, &worker->plans[s], &err) != ORI_OK)
            die("matrix product", &err);
    }
    worker->scales = ori_aligned_zeroed(ROWS, sizeof *worker->scales);
    worker->x = ori_aligned_zeroed((ROWS + ORI_PRODUCT_BLOCK) * widest, sizeof *worker->x);
    worker->y = ori_aligned_zeroed(ROWS * widest, sizeof *worker->y);
    if (!worker->scales || !worker->x || !worker->y)
        die("no memory", NULL);
}

static void *peak_round(void *self)
{
    struct worker *worker = self;
    const struct shape *shape = &worker->shapes[worker->shape];
    struct ori_matmul_plan *plan = worker->plans[worker->shape];
    const float *scales = shape->spec.precision == ORI_PRECISION_INT8 ? worker->scales : NULL;
    struct ori_error err = {0};
    for (int i = 0; i < PEAK_RUNS; i++) {
        double begin_s = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
        if (ori_matmul_run(plan, &shape->packed, worker->x, scales, ROWS, worker->y, &err) !=
            ORI_OK)
            die("matrix product", &err);
        double run_s = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - begin_s;
        worker->run_s = run_s < worker->run_s ? run_s : worker->run_s;
    }
    return NULL;
}

/* Billions of operations a second of one thread, while as many as asked for do the same. */
static double peak_of(struct worker *workers, int threads, const struct shape *shapes, int s)
{
    double slowest_s = 0;
    for (int i = 0; i < threads; i++) {
        workers[i].shapes = shapes;
        workers[i].shape = s;
        workers[i].run_s = 1e9;
    }
    run_round(workers, threads, peak_round);
    for (int i = 0; i < threads; i++)
        slowest_s = workers[i].run_s > slowest_s ? workers[i].run_s : slowest_s;
    return 2e-9 * ROWS * (double)shapes[s].spec.in * (double)shapes[s].spec.out / slowest_s;
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

/* ---- one measurement */

struct bench {
    struct worker workers[THREADS_MAX];
    int workers_count;
    struct shape shapes[PRODUCTS];
    struct ori_model_config config;
    const struct ori_model *model;
};

static void want_workers(struct bench *bench, int threads)
{
    for (; bench->workers_count < threads; bench->workers_count++) {
        struct worker *worker = &bench->workers[bench->workers_count];
        if (bench->workers_count > 0)
            worker_init(worker, bench->model);
        plans_init(worker, bench->shapes);
    }
}

static void measure(struct bench *bench, int batch, int threads, double seconds)
{
    static double rounds[ROUNDS_MAX];
    struct worker *workers = bench->workers;
    int count = 0;
    double embedded = 0;
    double cpu_s = 0;
    double peak = 0;
    double own = 0;
    double call_s = 0;
    int64_t end_us = ori_clock_us() + (int64_t)(seconds * 1e6);
    want_workers(bench, threads);
    for (int i = 0; i < threads; i++) {
        workers[i].batch = batch;
        workers[i].call_s = 1e9;
    }
    do {
        long pictures = 0;
        double begin_s = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
        double wall_s = run_round(workers, threads, embed_round);
        cpu_s += cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin_s;
        for (int i = 0; i < threads; i++)
            pictures += workers[i].embedded;
        embedded += (double)pictures;
        int product = count % PRODUCTS;
        double gops = peak_of(workers, threads, bench->shapes, product);
        double *best = product < SHAPES ? &peak : &own;
        *best = gops > *best ? gops : *best;
        rounds[count++] = (double)pictures / wall_s;
    } while ((ori_clock_us() < end_us || count < PRODUCTS) && count < ROUNDS_MAX);
    for (int i = 0; i < threads; i++)
        call_s += workers[i].call_s / threads;
    qsort(rounds, (size_t)count, sizeof rounds[0], by_size);
    double gops = batch / call_s * operations(&bench->config) * 1e-9;
    printf("\"batch\":%d,\"threads\":%d,\"images_per_second\":{\"best\":%.2f,\"median\":%.2f},"
           "\"images_per_cpu_second\":{\"best\":%.2f,\"mean\":%.2f},\"gops\":%.1f,"
           "\"peak_gops\":%.1f,\"own_gops\":%.1f,\"share_of_peak\":%.3f}\n",
           batch, threads, rounds[count - 1], rounds[count / 2], batch / call_s, embedded / cpu_s,
           gops, peak, own, gops / peak);
    fflush(stdout);
}

static enum ori_precision precision_of(const char *word)
{
    return strcmp(word, "f32") == 0    ? ORI_PRECISION_F32
           : strcmp(word, "bf16") == 0 ? ORI_PRECISION_BF16
           : strcmp(word, "int8") == 0 ? ORI_PRECISION_INT8
                                       : ORI_PRECISION_AUTO;
}

static bool is_possible(int batch, int threads)
{
    return batch >= 1 && batch <= BATCH_MAX && threads >= 1 && threads <= THREADS_MAX;
}

static struct plan read_arguments(int argc, char **argv)
{
    struct plan plan = {.batch = 8, .threads = 1, .seconds = 3};
    static const struct option options[] = {{"precision", required_argument, NULL, 'p'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"text", required_argument, NULL, 'x'},
                                            {"ask", no_argument, NULL, 'a'},
                                            {0}};
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
        else if (c == 'a')
            plan.is_asking = true;
        else
            exit(2);
    }
    if (optind + 1 != argc || !is_possible(plan.batch, plan.threads))
        die("usage: bench_embed FOLDER [--precision P] [--batch 1..256] [--threads 1..64] "
            "[--seconds S] [--text TEXT] [--ask]",
            NULL);
    plan.folder = argv[optind];
    plan.model.name = plan.folder;
    return plan;
}

static void answer_all(struct bench *bench)
{
    char line[256];
    int batch = 0;
    int threads = 0;
    double seconds = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%d %d %lf", &batch, &threads, &seconds) != 3 ||
            !is_possible(batch, threads))
            die("asked for something else than BATCH THREADS SECONDS", NULL);
        printf("{");
        measure(bench, batch, threads, seconds);
    }
}

static void bench_deinit(struct bench *bench)
{
    for (int i = 0; i < bench->workers_count; i++) {
        struct worker *worker = &bench->workers[i];
        ori_model_scratch_destroy(&worker->scratch);
        free(worker->vectors);
        free(worker->scales);
        free(worker->x);
        free(worker->y);
        for (int j = 0; j < PICTURES; j++)
            free(worker->pictures[j]);
        for (int s = 0; s < PRODUCTS; s++)
            ori_matmul_plan_destroy(&worker->plans[s]);
    }
    shapes_deinit(bench->shapes);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct plan plan = read_arguments(argc, argv);
    struct ori_model *model = NULL;
    struct ori_error err = {0};
    double before_mib = resident_mib();
    double before_s = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    int64_t begin_us = ori_clock_us();
    if (ori_model_open(&plan.model, &model, &err) != ORI_OK)
        die("model", &err);
    bench.model = model;
    struct ori_model_info info = ori_model_info(model);
    worker_init(&bench.workers[0], model);
    embed_once(&bench.workers[0], 1);
    double load_ms = (double)(ori_clock_us() - begin_us) / 1000;
    double load_cpu_ms = (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - before_s) * 1000;
    embed_once(&bench.workers[0], plan.batch);
    double after_mib = resident_mib();
    printf("{\"precision\":\"%s\",\"isa\":\"%s\",\"library\":\"%s\",\"load_ms\":%.1f,"
           "\"load_cpu_ms\":%.1f,\"resident_mib\":%.1f,\"counted_mib\":%.1f,",
           info.precision, ori_matmul_machine().isa, ori_matmul_library(), load_ms, load_cpu_ms,
           after_mib - before_mib, (double)info.resident_bytes / 1048576.0);
    printf("\"text_ms\":%.2f,", text_ms(&bench.workers[0], plan.text));
    printf("\"text_mib\":%.1f,", plan.text ? resident_mib() - after_mib : 0);
    if (ori_model_config_load(plan.folder, &bench.config, &err) != ORI_OK)
        die("configuration", &err);
    shapes_init(bench.shapes, &bench.config, precision_of(info.precision));
    measure(&bench, plan.batch, plan.threads, plan.seconds);
    if (plan.is_asking)
        answer_all(&bench);
    bench_deinit(&bench);
    ori_model_close(&model);
    return 0;
}
