#include "embed/matmul_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/aligned.h"

#define WORD_OF(x) #x
#define WORD(x) WORD_OF(x)

/* ---- the machine */

static bool covers(unsigned isa, unsigned wanted) /* a bit mask, not a number that grows */
{
    return (isa & wanted) == wanted;
}

struct ori_matmul_machine ori_matmul_machine(void)
{
    static const struct {
        unsigned isa;
        const char *name;
    } rows[] = {{dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
                {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
                {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
                {dnnl_cpu_isa_avx512_core, "avx512_core"},
                {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
                {dnnl_cpu_isa_avx2, "avx2"}};
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    struct ori_matmul_machine machine = {
        .kernels = covers(isa, dnnl_cpu_isa_avx512_core_amx) ? ORI_KERNELS_AMX
                   : covers(isa, dnnl_cpu_isa_avx512_core)   ? ORI_KERNELS_AVX512
                   : covers(isa, dnnl_cpu_isa_avx2)          ? ORI_KERNELS_AVX2
                                                             : ORI_KERNELS_C,
        .has_bf16 = covers(isa, dnnl_cpu_isa_avx512_core_bf16),
        .has_vnni = covers(isa, dnnl_cpu_isa_avx512_core_vnni),
        .isa = "baseline"};
    for (size_t i = sizeof rows / sizeof rows[0]; i-- > 0;) {
        if (covers(isa, rows[i].isa))
            machine.isa = rows[i].name;
    }
    return machine;
}

const char *ori_matmul_library(void)
{
    return "oneDNN " WORD(DNNL_VERSION_MAJOR) "." WORD(DNNL_VERSION_MINOR) "." WORD(
        DNNL_VERSION_PATCH);
}

/* ---- one matmul */

ori_status ori_matmul_failed(struct ori_error *err, dnnl_status_t status, const char *what)
{
    const ori_status cause =
        ori_error_set(err, status == dnnl_out_of_memory ? ORI_NOMEM : ORI_BACKEND,
                      "%s: oneDNN status %d", what, (int)status);
    if (err && err->native == 0)
        err->native = (int)status;
    return cause;
}

static dnnl_status_t set_operations(const struct ori_matmul_spec *spec, dnnl_post_ops_t ops)
{
    dnnl_status_t status = dnnl_success;
    if (spec->precision == ORI_PRECISION_INT8) /* our own kernels finish its sums */
        return status;
    if (spec->adds)
        status = onednn_append_sum(ops);
    if (status != dnnl_success)
        return status;
    switch (spec->activation) {
    case ORI_ACTIVATION_QUICK_GELU:
        return onednn_append_activation(ops, dnnl_eltwise_swish, 1.702F);
    case ORI_ACTIVATION_GELU:
        return onednn_append_activation(ops, dnnl_eltwise_gelu_erf, 0);
    case ORI_ACTIVATION_GELU_TANH:
        return onednn_append_activation(ops, dnnl_eltwise_gelu_tanh, 0);
    case ORI_ACTIVATION_SWIGLU: /* two matmuls: the caller's */
    default:
        return dnnl_success;
    }
}

bool ori_matmul_adds_bias(const struct ori_matmul_spec *spec)
{
    return spec->has_bias && spec->precision != ORI_PRECISION_INT8;
}

dnnl_status_t ori_matmul_describe(const struct ori_matmul *matmul, int rows,
                                  const struct layout *weights, dnnl_primitive_desc_t *ret_form)
{
    const struct ori_matmul_spec *spec = &matmul->spec;
    struct layout x = {0};
    struct layout bias = {0};
    struct layout y = {0};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = layout_init(&x, rows, spec->in, matmul->x_type, dnnl_ab);
    if (status == dnnl_success)
        status = layout_init(&y, rows, spec->out, matmul->y_type, dnnl_ab);
    if (status == dnnl_success && ori_matmul_adds_bias(spec))
        status = layout_init(&bias, 1, spec->out, dnnl_f32, dnnl_ab);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success)
        status = set_operations(spec, ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attributes, ops);
    if (status == dnnl_success)
        status = onednn_describe_matmul(ret_form, matmul->engine, &x, weights,
                                        ori_matmul_adds_bias(spec) ? &bias : NULL, &y, attributes);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    layout_deinit(&x);
    layout_deinit(&bias);
    layout_deinit(&y);
    return status;
}

static void set_types(struct ori_matmul *matmul)
{
    switch (matmul->spec.precision) {
    case ORI_PRECISION_BF16:
        matmul->x_type = dnnl_bf16;
        matmul->weights_type = dnnl_bf16;
        matmul->y_type = matmul->spec.gives_bf16 ? dnnl_bf16 : dnnl_f32;
        break;
    case ORI_PRECISION_INT8:
        matmul->x_type = dnnl_u8;
        matmul->weights_type = dnnl_s8;
        matmul->y_type = dnnl_s32;
        break;
    case ORI_PRECISION_AUTO:
    case ORI_PRECISION_F32:
    default:
        matmul->x_type = dnnl_f32;
        matmul->weights_type = dnnl_f32;
        matmul->y_type = dnnl_f32;
        break;
    }
}

static dnnl_status_t choose_layout(struct ori_matmul *matmul)
{
    struct layout any = {0};
    dnnl_primitive_desc_t form = NULL;
    const char *kind = "";
    dnnl_status_t status = layout_init(&any, matmul->spec.in, matmul->spec.out,
                                       matmul->weights_type, dnnl_format_tag_any);
    if (status == dnnl_success)
        status = ori_matmul_describe(matmul, matmul->rows_first, &any, &form);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_query(form, dnnl_query_impl_info_str, 0, (void *)&kind);
    if (status == dnnl_success)
        status = layout_copy(&matmul->packed,
                             dnnl_primitive_desc_query_md(form, dnnl_query_weights_md, 0));
    if (status == dnnl_success)
        snprintf(matmul->kind, sizeof matmul->kind, "%s", kind);
    if (form)
        dnnl_primitive_desc_destroy(form);
    layout_deinit(&any);
    return status;
}

ori_status ori_matmul_create(const struct ori_matmul_spec *spec, struct ori_matmul **ret_matmul,
                             struct ori_error *err)
{
    ORI_ASSERT(spec->in > 0 && spec->out > 0 && spec->rows_one > 0 &&
               spec->rows_usual % spec->rows_one == 0 &&
               (spec->rows_step <= 1 || spec->rows_usual % spec->rows_step == 0) &&
               !(spec->adds && (spec->gives_bf16 || spec->activation)));
    static const char *const words[] = {"f32", "f32", "bf16", "int8"};
    struct ori_matmul *matmul = calloc(1, sizeof *matmul);
    if (!matmul)
        return ori_error_set(err, ORI_NOMEM, "matrix product");
    omp_set_num_threads(1); /* of this thread: fixed where a form is described */
    matmul->spec = *spec;
    matmul->rows_first = spec->rows_usual;
    matmul->kernels = ori_kernels(ori_matmul_machine().kernels);
    set_types(matmul);
    matmul->is_own =
        !spec->is_library && ori_kernels_have_product(matmul->kernels, spec->precision);
    if (matmul->is_own) {
        matmul->steps = ori_product_steps((size_t)spec->in * ori_matmul_width(matmul->x_type));
        snprintf(matmul->kind, sizeof matmul->kind, "own:%s", matmul->kernels->name);
        *ret_matmul = matmul;
        return ORI_OK;
    }
    ORI_ASSERT(!spec->gives_blocks && !(spec->gives_bf16 && spec->precision == ORI_PRECISION_INT8));
    dnnl_status_t status = dnnl_engine_create(&matmul->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        status = choose_layout(matmul);
    if (status == dnnl_success && strncmp(matmul->kind, "brg", 3) != 0) {
        layout_deinit(&matmul->packed);
        matmul->rows_first = spec->rows_one;
        matmul->is_one_only = true;
        status = choose_layout(matmul);
    }
    if (status != dnnl_success) {
        ori_matmul_destroy(&matmul);
        return ori_matmul_failed(err, status, "matrix product");
    }
    if (strncmp(matmul->kind, "ref", 3) == 0) {
        ori_matmul_destroy(&matmul);
        return ori_error_set(err, ORI_BAD_SETTING, "this CPU (%s) has no fast matrix product in %s",
                             ori_matmul_machine().isa, words[spec->precision]);
    }
    *ret_matmul = matmul;
    return ORI_OK;
}

void ori_matmul_destroy(struct ori_matmul **matmul)
{
    if (!matmul || !*matmul)
        return;
    layout_deinit(&(*matmul)->packed);
    if ((*matmul)->engine)
        dnnl_engine_destroy((*matmul)->engine);
    free(*matmul);
    *matmul = NULL;
}

int ori_matmul_rows_max(const struct ori_matmul *matmul)
{
    return matmul->spec.rows_usual;
}

bool ori_matmul_has_bias(const struct ori_matmul *matmul)
{
    return matmul->spec.has_bias;
}

bool ori_matmul_takes_blocks(const struct ori_matmul *matmul)
{
    return matmul->is_own;
}

size_t ori_matmul_width(dnnl_data_type_t type)
{
    return type == dnnl_u8 ? 1 : type == dnnl_bf16 ? 2 : 4;
}

size_t ori_matmul_x_bytes(const struct ori_matmul *matmul)
{
    const struct ori_matmul_spec *spec = &matmul->spec;
    if (matmul->is_own)
        return ori_product_x_bytes(spec->rows_usual, matmul->steps);
    return (size_t)spec->rows_usual * (size_t)spec->in * ori_matmul_width(matmul->x_type);
}

struct ori_matmul_place ori_matmul_place(const struct ori_matmul *matmul, void *x, int row)
{
    if (matmul->is_own)
        return (struct ori_matmul_place){(char *)x + ori_product_place(row, matmul->steps, 0),
                                         ORI_PRODUCT_PIECE_STRIDE};
    size_t bytes = (size_t)matmul->spec.in * ori_matmul_width(matmul->x_type);
    return (struct ori_matmul_place){(char *)x + (size_t)row * bytes, ORI_PRODUCT_STEP_BYTES};
}

void ori_matmul_put_floats(struct ori_matmul_place place, const float *row, size_t n)
{
    const size_t piece = ORI_PRODUCT_STEP_BYTES / sizeof *row;
    char *to = place.first;
    size_t i = 0;
    for (; i + piece <= n; i += piece, to += place.piece_stride)
        memcpy(to, row + i, ORI_PRODUCT_STEP_BYTES);
    memcpy(to, row + i, (n - i) * sizeof *row);
}

const void *ori_matmul_x(const struct ori_matmul *matmul, const float *rows, int count, void *room)
{
    size_t in = (size_t)matmul->spec.in;
    ORI_ASSERT(matmul->spec.precision == ORI_PRECISION_F32);
    if (!matmul->is_own)
        return rows;
    for (int r = 0; r < count; r++)
        ori_matmul_put_floats(ori_matmul_place(matmul, room, r), rows + (size_t)r * in, in);
    return room;
}

const char *ori_matmul_kind(const struct ori_matmul *matmul)
{
    return matmul->kind;
}

int ori_matmul_zero(const struct ori_matmul *matmul)
{
    (void)matmul;
    return ori_matmul_machine().has_vnni ? 128 : 64;
}

/* ---- packing */

/* Symmetric, one scale for each output; offsets: what the zero point of x adds. */
static void quantize(const struct ori_matmul *matmul, const float *weights, int8_t *ret_weights,
                     struct ori_packed *packed)
{
    int zero = ori_matmul_zero(matmul);
    size_t in = (size_t)matmul->spec.in;
    for (size_t o = 0; o < (size_t)matmul->spec.out; o++) {
        const float *row = weights + o * in;
        float largest = 0;
        int32_t sum = 0;
        for (size_t i = 0; i < in; i++)
            largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
        float factor = largest > 0 ? 127.0F / largest : 0;
        for (size_t i = 0; i < in; i++) {
            ret_weights[o * in + i] = (int8_t)lrintf(row[i] * factor);
            sum += ret_weights[o * in + i];
        }
        packed->scales[o] = largest / 127.0F;
        packed->offsets[o] = zero * sum;
    }
}

static dnnl_status_t reorder(const struct ori_matmul *matmul, dnnl_data_type_t type,
                             const void *from, void *to)
{
    struct layout plain = {0};
    dnnl_memory_t source = NULL;
    dnnl_memory_t target = NULL;
    dnnl_primitive_desc_t form = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    /* [out][in] as it lies is the transpose of the [in][out] that the product wants: tag ba */
    dnnl_status_t status = layout_init(&plain, matmul->spec.in, matmul->spec.out, type, dnnl_ba);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream, matmul->engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = dnnl_memory_create(&source, layout_view_of(&plain), matmul->engine,
                                    (void *)(uintptr_t)from);
    if (status == dnnl_success)
        status = dnnl_memory_create(&target, layout_view_of(&matmul->packed), matmul->engine, to);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&form, layout_view_of(&plain), matmul->engine,
                                                    layout_view_of(&matmul->packed), matmul->engine,
                                                    NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, form);
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
        status = dnnl_primitive_execute(primitive, stream, 2, arguments);
    }
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (form)
        dnnl_primitive_desc_destroy(form);
    if (source)
        dnnl_memory_destroy(source);
    if (target)
        dnnl_memory_destroy(target);
    if (stream)
        dnnl_stream_destroy(stream);
    layout_deinit(&plain);
    return status;
}

static ori_status pack_int8(const struct ori_matmul *matmul, const float *weights,
                            struct ori_packed *packed, struct ori_error *err)
{
    size_t out = (size_t)matmul->spec.out;
    int8_t *bytes = malloc(out * (size_t)matmul->spec.in);
    dnnl_status_t native = dnnl_success;
    if (!bytes)
        return ori_error_set(err, ORI_NOMEM, "weights of a layer");
    quantize(matmul, weights, bytes, packed);
    if (matmul->is_own)
        ori_product_pack(bytes, (size_t)matmul->spec.in, matmul->spec.out, packed->weights);
    else
        native = reorder(matmul, dnnl_s8, bytes, packed->weights);
    free(bytes);
    return native == dnnl_success ? ORI_OK : ori_matmul_failed(err, native, "packing weights");
}

static ori_status pack_own_bf16(const struct ori_matmul *matmul, const float *weights,
                                struct ori_packed *packed, struct ori_error *err)
{
    size_t in = (size_t)matmul->spec.in;
    size_t out = (size_t)matmul->spec.out;
    uint16_t *halves = malloc(in * out * sizeof *halves);
    if (!halves)
        return ori_error_set(err, ORI_NOMEM, "weights of a layer");
    matmul->kernels->to_bf16(weights, in * out, halves, ORI_PRODUCT_STEP_BYTES);
    ori_product_pack(halves, in * sizeof *halves, matmul->spec.out, packed->weights);
    free(halves);
    return ORI_OK;
}

/* Room of a packed layer; what it has no use for stays NULL. */
static ori_status make_room(const struct ori_matmul *matmul, bool has_bias, struct ori_slab *slab,
                            struct ori_packed *packed, struct ori_error *err)
{
    bool is_int8 = matmul->spec.precision == ORI_PRECISION_INT8;
    size_t weights = !matmul->is_own ? layout_bytes(layout_view_of(&matmul->packed))
                     : matmul->spec.precision == ORI_PRECISION_F32
                         ? ori_product_packed_bytes_f32(matmul->steps, matmul->spec.out,
                                                        matmul->kernels->panel_f32)
                         : ori_product_packed_bytes(matmul->steps, matmul->spec.out);
    size_t numbers = (size_t)matmul->spec.out * sizeof(float);
    packed->weights = ori_slab_alloc(slab, weights);
    packed->bytes = weights;
    if (has_bias) {
        packed->bias = ori_slab_alloc(slab, numbers);
        packed->bytes += numbers;
    }
    if (is_int8) {
        packed->scales = ori_slab_alloc(slab, numbers);
        packed->offsets = ori_slab_alloc(slab, numbers);
        packed->bytes += 2 * numbers;
    }
    bool is_whole = packed->weights && (!has_bias || packed->bias) &&
                    (!is_int8 || (packed->scales && packed->offsets));
    return is_whole ? ORI_OK : ori_error_set(err, ORI_NOMEM, "weights of a layer");
}

ori_status ori_matmul_pack(const struct ori_matmul *matmul, const float *weights, const float *bias,
                           struct ori_slab *slab, struct ori_packed *ret_packed,
                           struct ori_error *err)
{
    struct ori_packed packed = {0};
    omp_set_num_threads(1);
    ori_status status = make_room(matmul, bias != NULL, slab, &packed, err);
    if (status != ORI_OK)
        return status;
    if (bias)
        memcpy(packed.bias, bias, (size_t)matmul->spec.out * sizeof *bias);
    if (matmul->spec.precision == ORI_PRECISION_INT8) {
        status = pack_int8(matmul, weights, &packed, err);
    } else if (matmul->is_own && matmul->spec.precision == ORI_PRECISION_F32) {
        ori_product_pack_f32(weights, (size_t)matmul->spec.in, matmul->spec.out,
                             matmul->kernels->panel_f32, packed.weights);
    } else if (matmul->is_own) {
        status = pack_own_bf16(matmul, weights, &packed, err);
    } else {
        dnnl_status_t native = reorder(matmul, dnnl_f32, weights, packed.weights);
        if (native != dnnl_success)
            status = ori_matmul_failed(err, native, "packing weights");
    }
    if (status == ORI_OK)
        *ret_packed = packed;
    return status;
}
