/* bench/bench_qdrant.c: how fast points reach a Qdrant server (bench_stores.py starts one and has the
 * same done by Python). Prints points a second.
 * bench_qdrant --url URL --key KEY [--points N] [--batch N] [--streams N] [--compression] */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/client.h"
#include "stores/vector.h"
#include "util/clock.h"

enum { DIM = 512 };

struct plan {
    struct ori_vector_qdrant_options store;
    size_t points;
};

static float next_float(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)(int32_t)(*seed >> 32) * 0x1p-31F;
}

static int fail(const struct ori_error *err)
{
    fprintf(stderr, "bench_qdrant: %s\n", err->text);
    return 1;
}

static struct plan read_plan(int argc, char **argv)
{
    static const struct option options[] = {{"url", required_argument, NULL, 'u'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"points", required_argument, NULL, 'n'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {"streams", required_argument, NULL, 's'},
                                            {"compression", no_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {.store = {.collection = "bench",
                                  .model = "bench",
                                  .dim = DIM,
                                  .distance = "cosine",
                                  .connections_max = 2,
                                  .batch_size = 256,
                                  .shards = 1,
                                  .replication = 1},
                        .points = 20480};
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'u':
            plan.store.url = optarg;
            break;
        case 'k':
            plan.store.key = optarg;
            break;
        case 'n':
            plan.points = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            plan.store.batch_size = strtoul(optarg, NULL, 10);
            break;
        case 's':
            plan.store.connections_max = (int)strtol(optarg, NULL, 10);
            break;
        case 'c':
            plan.store.has_compression = true;
            break;
        default:
            exit(2);
        }
    }
    return plan;
}

static void fill(struct ori_point *points, float *vectors, size_t n)
{
    uint64_t seed = 3;
    for (size_t i = 0; i < n * DIM; i++)
        vectors[i] = next_float(&seed);
    for (size_t i = 0; i < n; i++) {
        struct ori_point_payload *payload = &points[i].payload;
        points[i].vector = vectors + i * DIM;
        *payload = (struct ori_point_payload){.platform = "bench",
                                              .video_code = "video",
                                              .frame_number = (int)i + 1,
                                              .frame_second = (double)i,
                                              .path = "bench/video/1_0.00.png",
                                              .width = 1920,
                                              .height = 1080,
                                              .scene = 1,
                                              .model = "bench"};
        snprintf(payload->uuid, sizeof payload->uuid, "00000000-0000-5000-8000-%012x", (unsigned)i);
        snprintf(payload->created_at, sizeof payload->created_at, "2026-01-01T00:00:00.000Z");
        snprintf(payload->dhash, sizeof payload->dhash, "%016zx", i);
    }
}

int main(int argc, char **argv)
{
    struct plan plan = read_plan(argc, argv);
    struct ori_vector_store *store = NULL;
    struct ori_error err = {0};
    struct ori_point *points = calloc(plan.points, sizeof *points);
    float *vectors = calloc(plan.points * DIM, sizeof *vectors);
    ori_status status = ORI_OK;
    if (!plan.store.url || !points || !vectors)
        return 2;
    fill(points, vectors, plan.points);
    status = ori_net_global_init(&err);
    if (status == ORI_OK)
        status = ori_vector_open_qdrant(&plan.store, &store, &err);
    const int64_t begin_us = ori_clock_us();
    if (status == ORI_OK)
        status = ori_vector_upsert(store, points, plan.points, &err);
    const double seconds = (double)(ori_clock_us() - begin_us) / 1e6;
    ori_vector_close(&store);
    free(points);
    free(vectors);
    ori_net_global_deinit();
    if (status != ORI_OK)
        return fail(&err);
    printf("%.0f\n", (double)plan.points / seconds);
    return 0;
}
