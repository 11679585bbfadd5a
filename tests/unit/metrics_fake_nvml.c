/* A library that answers like the driver's NVML on a machine of three GPUs, the second of which
 * cannot be opened and the third of which does not tell its load. */
#include <stdint.h>

struct memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};
struct utilization {
    unsigned int gpu;
    unsigned int memory;
};

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned int *ret_count);
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **ret_device);
int nvmlDeviceGetMemoryInfo(void *device, struct memory *ret_memory);
int nvmlDeviceGetUtilizationRates(void *device, struct utilization *ret_utilization);

int nvmlInit_v2(void)
{
    return 0;
}

int nvmlShutdown(void)
{
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned int *ret_count)
{
    *ret_count = 3;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **ret_device)
{
    *ret_device = (void *)(uintptr_t)(index + 1);
    return index == 1 ? 4 : 0;
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *ret_memory)
{
    *ret_memory = (struct memory){
        .total = 1000, .free = 990 - (uintptr_t)device, .used = 10 + (uintptr_t)device};
    return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, struct utilization *ret_utilization)
{
    *ret_utilization = (struct utilization){.gpu = 25, .memory = 3};
    return (uintptr_t)device == 3 ? 3 : 0;
}
