#include "metrics/gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_priv.h"
#include "util/limits.h"

/* NVML's interface as far as it is used; its own header is not there to build against. Return 0 is
 * success. These forms are as old as the driver 304 (2012), and stay. */
struct nvml_memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};
struct nvml_utilization {
    unsigned int gpu;    /* percent of the last moments in which a kernel ran */
    unsigned int memory; /* percent in which memory was read or written */
};
typedef void *nvml_device;

struct ori_gpu {
    void *library;
    int (*shutdown)(void);
    int (*memory)(nvml_device device, struct nvml_memory *ret_memory);
    int (*utilization)(nvml_device device, struct nvml_utilization *ret_utilization);
    nvml_device devices[ORI_LIMIT_MAX_GPUS];
    int count;
};

/* POSIX gives functions as object pointers. */
static bool find(void *library, const char *name, void *ret_function)
{
    void *symbol = dlsym(library, name);
    memcpy(ret_function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* After a good init of NVML. */
static void find_devices(struct ori_gpu *gpu)
{
    int (*count_devices)(unsigned int *ret_count) = NULL;
    int (*device_at)(unsigned int index, nvml_device *ret_device) = NULL;
    unsigned int count = 0;
    if (!find(gpu->library, "nvmlDeviceGetCount_v2", &count_devices) ||
        !find(gpu->library, "nvmlDeviceGetHandleByIndex_v2", &device_at) ||
        count_devices(&count) != 0)
        return;
    for (unsigned int i = 0; i < count && gpu->count < ORI_LIMIT_MAX_GPUS; i++) {
        if (device_at(i, &gpu->devices[gpu->count]) == 0)
            gpu->count++;
    }
}

void ori_gpu_open(const char *library, struct ori_gpu **ret_gpu)
{
    int (*init)(void) = NULL;
    *ret_gpu = NULL;
    struct ori_gpu *gpu = calloc(1, sizeof *gpu);
    if (!gpu)
        return;
    gpu->library = dlopen(library ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (gpu->library && find(gpu->library, "nvmlInit_v2", &init) &&
        find(gpu->library, "nvmlDeviceGetMemoryInfo", &gpu->memory) &&
        find(gpu->library, "nvmlDeviceGetUtilizationRates", &gpu->utilization) && init() == 0) {
        (void)find(gpu->library, "nvmlShutdown", &gpu->shutdown);
        find_devices(gpu);
    }
    if (gpu->count == 0)
        ori_gpu_close(&gpu);
    *ret_gpu = gpu;
}

void ori_gpu_close(struct ori_gpu **gpu)
{
    if (!gpu || !*gpu)
        return;
    if ((*gpu)->shutdown)
        (void)(*gpu)->shutdown();
    if ((*gpu)->library)
        dlclose((*gpu)->library);
    free(*gpu);
    *gpu = NULL;
}

enum figure { MEMORY_TOTAL, MEMORY_USED, UTILIZATION };

static bool read_figure(const struct ori_gpu *gpu, int i, enum figure figure, double *ret_value)
{
    struct nvml_memory memory = {0};
    struct nvml_utilization utilization = {0};
    if (figure == UTILIZATION) {
        bool is_known = gpu->utilization(gpu->devices[i], &utilization) == 0;
        *ret_value = (double)utilization.gpu / 100;
        return is_known;
    }
    bool is_known = gpu->memory(gpu->devices[i], &memory) == 0;
    *ret_value = (double)(figure == MEMORY_TOTAL ? memory.total : memory.used);
    return is_known;
}

static void render_figure(const struct ori_gpu *gpu, enum figure figure, const char *name,
                          const char *help, struct ori_buf *page)
{
    ori_metrics_write_head(page, name, "gauge", help);
    for (int i = 0; i < gpu->count; i++) {
        char labels[32];
        double value = 0;
        snprintf(labels, sizeof labels, "gpu=\"%d\"", i);
        if (read_figure(gpu, i, figure, &value))
            ori_metrics_write_value(page, name, labels, value);
    }
}

void ori_gpu_render(const struct ori_gpu *gpu, bool has_figures, struct ori_buf *page)
{
    ori_metrics_write_plain(page, "oriane_gpus", "gauge", "NVIDIA GPUs that the driver shows",
                            gpu ? gpu->count : 0);
    if (!gpu || !has_figures)
        return;
    render_figure(gpu, MEMORY_TOTAL, "oriane_gpu_memory_total_bytes", "memory of the GPU", page);
    render_figure(gpu, MEMORY_USED, "oriane_gpu_memory_used_bytes",
                  "memory of the GPU in use, by whomever", page);
    render_figure(gpu, UTILIZATION, "oriane_gpu_utilization_ratio",
                  "part of the last moments in which the GPU computed", page);
}
