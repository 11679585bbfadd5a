#include "embed/matmul_priv.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

#define FORMS_MAX 16 /* compiled forms a plan keeps; the oldest goes */
#define PROOF_SEED 12345U

struct form { /* compiled for so many rows */
    int rows;
    dnnl_primitive_t primitive;
    dnnl_memory_t x;
    dnnl_memory_t weights;
    dnnl_memory_t bias;
    dnnl_memory_t y;
    dnnl_memory_t scratch;
    void *scratch_bytes;
};

struct route { /* how so many rows are computed */
    int rows;
    int form_rows; /* by the form of so many; 0: the entry is free */
};

struct ori_matmul_plan {
    const struct ori_matmul *matmul;
    void *work;    /* of the kernels' own product */
    int32_t *sums; /* of INT8 rows that are added to what is there; else they lie where y will */
    dnnl_stream_t stream;
    struct form forms[FORMS_MAX]; /* [0] is the first, of matmul->rows_first */
    size_t forms_count;
    size_t form_next; /* which one goes when all are taken */
    struct route routes[FORMS_MAX];
    size_t route_next;
};

static void form_deinit(struct form *form)
{
    if (form->primitive)
        dnnl_primitive_destroy(form->primitive);
    dnnl_memory_t memories[] = {form->x, form->weights, form->bias, form->y, form->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    }
    free(form->scratch_bytes);
    *form = (struct form){0};
}

static dnnl_status_t make_memory(const struct ori_matmul *matmul, int64_t rows, int64_t columns,
                                 dnnl_data_type_t type, dnnl_memory_t *ret_memory)
{
    struct layout layout = {0};
    dnnl_status_t status = layout_init(&layout, rows, columns, type, dnnl_ab);
    if (status == dnnl_success)
        status = dnnl_memory_create(ret_memory, layout_view_of(&layout), matmul->engine,
                                    DNNL_MEMORY_NONE);
    layout_deinit(&layout);
    return status;
}

static dnnl_status_t make_scratch(const struct ori_matmul *matmul, dnnl_primitive_desc_t described,
                                  struct form *form)
{
    size_t bytes =
        layout_bytes(dnnl_primitive_desc_query_md(described, dnnl_query_scratchpad_md, 0));
    form->scratch_bytes = ori_aligned_alloc(1, bytes > 0 ? bytes : 1);
    if (!form->scratch_bytes)
        return dnnl_out_of_memory;
    return dnnl_memory_create(&form->scratch,
                              dnnl_primitive_desc_query_md(described, dnnl_query_scratchpad_md, 0),
                              matmul->engine, form->scratch_bytes);
}

/* dnnl_unimplemented when the library would want other weights or another kind for these rows. */
static dnnl_status_t form_init(struct form *form, const struct ori_matmul *matmul, int rows)
{
    const struct ori_matmul_spec *spec = &matmul->spec;
    dnnl_primitive_desc_t described = NULL;
    const char *kind = "";
    form->rows = rows;
    dnnl_status_t status = ori_matmul_describe(matmul, rows, &matmul->packed, &described);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_query(described, dnnl_query_impl_info_str, 0, (void *)&kind);
    if (status == dnnl_success &&
        (strcmp(kind, matmul->kind) != 0 ||
         !layout_is_same(&matmul->packed,
                         dnnl_primitive_desc_query_md(described, dnnl_query_weights_md, 0))))
        status = dnnl_unimplemented;
    if (status == dnnl_success)
        status = dnnl_primitive_create(&form->primitive, described);
    if (status == dnnl_success)
        status = make_memory(matmul, rows, spec->in, matmul->x_type, &form->x);
    if (status == dnnl_success)
        status = make_memory(matmul, rows, spec->out, matmul->y_type, &form->y);
    if (status == dnnl_success && ori_matmul_adds_bias(spec))
        status = make_memory(matmul, 1, spec->out, dnnl_f32, &form->bias);
    if (status == dnnl_success)
        status = dnnl_memory_create(&form->weights, layout_view_of(&matmul->packed), matmul->engine,
                                    DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = make_scratch(matmul, described, form);
    if (described)
        dnnl_primitive_desc_destroy(described);
    if (status != dnnl_success)
        form_deinit(form);
    return status;
}

static dnnl_status_t form_run(struct form *form, dnnl_stream_t stream,
                              const struct ori_packed *packed, const void *x, void *y)
{
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, form->x},
                                   {DNNL_ARG_WEIGHTS, form->weights},
                                   {DNNL_ARG_DST, form->y},
                                   {DNNL_ARG_SCRATCHPAD, form->scratch},
                                   {DNNL_ARG_BIAS, form->bias}};
    int count = form->bias ? 5 : 4;
    dnnl_status_t status = dnnl_memory_set_data_handle(form->x, (void *)(uintptr_t)x);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(form->weights, packed->weights);
    if (status == dnnl_success && form->bias)
        status = dnnl_memory_set_data_handle(form->bias, packed->bias);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(form->y, y);
    if (status == dnnl_success)
        status = dnnl_primitive_execute(form->primitive, stream, count, arguments);
    return status;
}

ori_status ori_matmul_plan_create(const struct ori_matmul *matmul,
                                  struct ori_matmul_plan **ret_plan, struct ori_error *err)
{
    struct ori_matmul_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return ori_error_set(err, ORI_NOMEM, "plan of a matrix product");
    omp_set_num_threads(1);
    plan->matmul = matmul;
    if (matmul->is_own) {
        plan->work = ori_aligned_zeroed(ori_product_work_bytes(matmul->spec.rows_usual), 1);
        if (!plan->work) {
            ori_matmul_plan_destroy(&plan);
            return ori_error_set(err, ORI_NOMEM, "plan of a matrix product");
        }
        *ret_plan = plan;
        return ORI_OK;
    }
    if (matmul->spec.precision == ORI_PRECISION_INT8 && matmul->spec.adds) {
        plan->sums = ori_aligned_zeroed((size_t)matmul->spec.rows_usual * (size_t)matmul->spec.out,
                                        sizeof *plan->sums);
        if (!plan->sums) {
            ori_matmul_plan_destroy(&plan);
            return ori_error_set(err, ORI_NOMEM, "plan of a matrix product");
        }
    }
    dnnl_status_t status =
        dnnl_stream_create(&plan->stream, matmul->engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = form_init(&plan->forms[0], matmul, matmul->rows_first);
    if (status != dnnl_success) {
        ori_matmul_plan_destroy(&plan);
        return ori_matmul_failed(err, status, "plan of a matrix product");
    }
    plan->forms_count = 1;
    plan->form_next = 1;
    plan->routes[0] = (struct route){matmul->rows_first, matmul->rows_first};
    plan->route_next = 1;
    *ret_plan = plan;
    return ORI_OK;
}

void ori_matmul_plan_destroy(struct ori_matmul_plan **plan)
{
    if (!plan || !*plan)
        return;
    for (size_t i = 0; i < FORMS_MAX; i++)
        form_deinit(&(*plan)->forms[i]);
    if ((*plan)->stream)
        dnnl_stream_destroy((*plan)->stream);
    free((*plan)->work);
    free((*plan)->sums);
    free(*plan);
    *plan = NULL;
}

/* Made-up rows that any type can hold: f32 in -1..1, bf16 the same, bytes as they come. */
static void make_up(const struct ori_matmul *matmul, void *x, size_t count)
{
    uint32_t state = PROOF_SEED;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        float value = (float)(int32_t)state / 2147483648.0F;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (matmul->x_type == dnnl_u8)
            ((uint8_t *)x)[i] =
                (uint8_t)(state >> 24) & (ori_matmul_zero(matmul) == 128 ? 255 : 127);
        else if (matmul->x_type == dnnl_bf16)
            ((uint16_t *)x)[i] = (uint16_t)(bits >> 16);
        else
            ((float *)x)[i] = value;
    }
}

/* Whether the form gives the same bits as the first one, row by row. */
static dnnl_status_t prove(struct ori_matmul_plan *plan, struct form *form,
                           const struct ori_packed *packed, bool *ret_is_same)
{
    const struct ori_matmul *matmul = plan->matmul;
    struct form *first = &plan->forms[0];
    size_t rows = (size_t)first->rows; /* forms tried are no bigger */
    size_t x_bytes = rows * (size_t)matmul->spec.in * ori_matmul_width(matmul->x_type);
    size_t y_bytes = rows * (size_t)matmul->spec.out * ori_matmul_width(matmul->y_type);
    void *x = ori_aligned_alloc(1, x_bytes);
    void *y = ori_aligned_alloc(1, y_bytes);
    void *y_first = ori_aligned_alloc(1, y_bytes);
    dnnl_status_t status = x && y && y_first ? dnnl_success : dnnl_out_of_memory;
    if (status == dnnl_success) {
        make_up(matmul, x, rows * (size_t)matmul->spec.in);
        memset(y, 0, y_bytes);
        memset(y_first, 0, y_bytes);
        status = form_run(first, plan->stream, packed, x, y_first);
    }
    if (status == dnnl_success)
        status = form_run(form, plan->stream, packed, x, y);
    if (status == dnnl_success)
        *ret_is_same = memcmp(y, y_first,
                              (size_t)form->rows * (size_t)matmul->spec.out *
                                  ori_matmul_width(matmul->y_type)) == 0;
    free(x);
    free(y);
    free(y_first);
#ifdef __GLIBC__
    malloc_trim(0); /* seldom, and megabytes */
#endif
    return status;
}

static struct form *form_of(struct ori_matmul_plan *plan, int rows)
{
    for (size_t i = 0; i < plan->forms_count; i++) {
        if (plan->forms[i].rows == rows)
            return &plan->forms[i];
    }
    return NULL;
}

/* A proven form of these rows; *ret_form stays NULL when there is none. */
static dnnl_status_t try_form(struct ori_matmul_plan *plan, int rows,
                              const struct ori_packed *packed, struct form **ret_form)
{
    struct form form = {0};
    bool is_same = false;
    *ret_form = form_of(plan, rows);
    if (*ret_form)
        return dnnl_success;
    dnnl_status_t status = form_init(&form, plan->matmul, rows);
    if (status == dnnl_unimplemented)
        return dnnl_success;
    if (status == dnnl_success)
        status = prove(plan, &form, packed, &is_same);
    if (status != dnnl_success || !is_same) {
        form_deinit(&form);
        return status;
    }
    size_t index = plan->forms_count < FORMS_MAX ? plan->forms_count++ : plan->form_next;
    plan->form_next = index + 1 < FORMS_MAX ? index + 1 : 1; /* never the first */
    form_deinit(&plan->forms[index]);
    plan->forms[index] = form;
    *ret_form = &plan->forms[index];
    return dnnl_success;
}

/* The smallest of rows, 2 rows, 4 rows ... that proves itself; the first one at the end. */
static dnnl_status_t find_form(struct ori_matmul_plan *plan, int rows,
                               const struct ori_packed *packed, struct form **ret_form)
{
    const int rows_first = plan->matmul->rows_first;
    for (size_t i = 0; i < FORMS_MAX; i++) {
        if (plan->routes[i].rows == rows && plan->routes[i].form_rows > 0) {
            *ret_form = form_of(plan, plan->routes[i].form_rows);
            if (*ret_form)
                return dnnl_success;
        }
    }
    *ret_form = NULL;
    for (int64_t size = rows; size < rows_first && !*ret_form && !plan->matmul->is_one_only;
         size *= 2) {
        dnnl_status_t status = try_form(plan, (int)size, packed, ret_form);
        if (status != dnnl_success)
            return status;
    }
    if (!*ret_form)
        *ret_form = &plan->forms[0];
    plan->routes[plan->route_next] = (struct route){rows, (*ret_form)->rows};
    plan->route_next = (plan->route_next + 1) % FORMS_MAX;
    return dnnl_success;
}

static void run_own(struct ori_matmul_plan *plan, const struct ori_packed *packed, const void *x,
                    const float *scales, int rows, void *y)
{
    const struct ori_matmul *matmul = plan->matmul;
    const struct ori_matmul_spec *spec = &matmul->spec;
    bool is_f32 = spec->precision == ORI_PRECISION_F32;
    struct ori_product product = {.x = x,
                                  .rows = rows,
                                  .weights = packed->weights,
                                  .steps = matmul->steps,
                                  .out = spec->out,
                                  .bias = packed->bias,
                                  .row_scales = scales,
                                  .scales = packed->scales,
                                  .offsets = packed->offsets,
                                  .activation = spec->activation,
                                  .adds = spec->adds,
                                  .gives_bf16 = spec->gives_bf16 || (spec->gives_blocks && !is_f32),
                                  .gives_blocks = spec->gives_blocks,
                                  .y = y,
                                  .work = plan->work};
    if (is_f32)
        matmul->kernels->product_f32(&product);
    else
        matmul->kernels->product(&product);
}

static void finish_rows(const struct ori_matmul *matmul, const struct ori_packed *packed,
                        const int32_t *sums, const float *scales, int rows, float *y)
{
    size_t out = (size_t)matmul->spec.out;
    for (size_t i = 0; i < (size_t)rows; i++) {
        struct ori_finish how = {.row_scale = scales[i],
                                 .scales = packed->scales,
                                 .offsets = packed->offsets,
                                 .bias = packed->bias,
                                 .activation = matmul->spec.activation,
                                 .adds = matmul->spec.adds};
        matmul->kernels->finish(sums + i * out, out, &how, y + i * out);
    }
}

static dnnl_status_t run_library(struct ori_matmul_plan *plan, const struct ori_packed *packed,
                                 const void *x, int rows, void *y)
{
    const struct ori_matmul *matmul = plan->matmul;
    size_t x_row = (size_t)matmul->spec.in * ori_matmul_width(matmul->x_type);
    size_t y_row = (size_t)matmul->spec.out * ori_matmul_width(matmul->y_type);
    int step = matmul->spec.rows_step;
    dnnl_status_t status = dnnl_success;
    omp_set_num_threads(1);
    if (step > 1)
        rows = (rows + step - 1) / step * step;
    for (int done = 0; done < rows && status == dnnl_success;) {
        int part = rows - done < matmul->rows_first ? rows - done : matmul->rows_first;
        struct form *form = NULL;
        status = find_form(plan, part, packed, &form);
        if (status == dnnl_success)
            status = form_run(form, plan->stream, packed, (const char *)x + (size_t)done * x_row,
                              (char *)y + (size_t)done * y_row);
        done += part;
    }
    return status;
}

ori_status ori_matmul_run(struct ori_matmul_plan *plan, const struct ori_packed *packed,
                          const void *x, const float *scales, int rows, void *y,
                          struct ori_error *err)
{
    const struct ori_matmul *matmul = plan->matmul;
    ORI_ASSERT(rows > 0 && rows <= matmul->spec.rows_usual &&
               (scales != NULL) == (matmul->spec.precision == ORI_PRECISION_INT8));
    if (matmul->is_own) {
        run_own(plan, packed, x, scales, rows, y);
        return ORI_OK;
    }
    dnnl_status_t status = run_library(plan, packed, x, rows, plan->sums ? (void *)plan->sums : y);
    if (status != dnnl_success)
        return ori_matmul_failed(err, status, "matrix product");
    if (scales)
        finish_rows(matmul, packed, plan->sums ? plan->sums : y, scales, rows, y);
    return ORI_OK;
}
