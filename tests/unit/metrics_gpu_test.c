/* argv[1]: the library of metrics_fake_nvml.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/gpu.h"

static const char *library;

static void expect_page(const struct ori_gpu *gpu, bool has_figures, const char *expected)
{
    struct ori_buf page;
    ori_buf_init(&page, 8192);
    ori_gpu_render(gpu, has_figures, &page);
    assert_int_equal(page.status, ORI_OK);
    assert_string_equal(ori_buf_text(&page), expected);
    ori_buf_deinit(&page);
}

#define HEAD "# HELP oriane_gpus NVIDIA GPUs that the driver shows\n# TYPE oriane_gpus gauge\n"

static void shows_what_the_driver_tells(void **state)
{
    (void)state;
    struct ori_gpu *gpu = NULL;
    ori_gpu_open(library, &gpu);
    assert_non_null(gpu);
    expect_page(gpu, true,
                HEAD "oriane_gpus 2\n"
                     "# HELP oriane_gpu_memory_total_bytes memory of the GPU\n"
                     "# TYPE oriane_gpu_memory_total_bytes gauge\n"
                     "oriane_gpu_memory_total_bytes{gpu=\"0\"} 1000\n"
                     "oriane_gpu_memory_total_bytes{gpu=\"1\"} 1000\n"
                     "# HELP oriane_gpu_memory_used_bytes memory of the GPU in use, by whomever\n"
                     "# TYPE oriane_gpu_memory_used_bytes gauge\n"
                     "oriane_gpu_memory_used_bytes{gpu=\"0\"} 11\n"
                     "oriane_gpu_memory_used_bytes{gpu=\"1\"} 13\n"
                     "# HELP oriane_gpu_utilization_ratio part of the last moments in which the "
                     "GPU computed\n"
                     "# TYPE oriane_gpu_utilization_ratio gauge\n"
                     "oriane_gpu_utilization_ratio{gpu=\"0\"} 0.25\n");
    expect_page(gpu, false, HEAD "oriane_gpus 2\n");
    ori_gpu_close(&gpu);
    assert_null(gpu);
    ori_gpu_close(&gpu);
}

static void no_driver_is_no_gpu(void **state)
{
    (void)state;
    static const char *const nothing[] = {"/nonexistent/libnvidia-ml.so.1", "libm.so.6"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        struct ori_gpu *gpu = NULL;
        ori_gpu_open(nothing[i], &gpu);
        assert_null(gpu);
        expect_page(gpu, true, HEAD "oriane_gpus 0\n");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_the_driver_tells),
        cmocka_unit_test(no_driver_is_no_gpu),
    };
    if (argc != 2)
        return 2;
    library = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
