#pragma once
/* embed/onednn_priv.h: oneDNN 2.6 and 3.x as one: what differs between the two stands here and in
 * onednn.c; for src/embed/matmul*.c alone.
 * Layout      how a matrix lies in memory: a value in 2.6, a handle in 3.x; deinit what was init
 * Failure     oneDNN's own statuses, which matmul.c translates */
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of OpenMP, as its specification declares it: its header comes with one compiler, not with all. */
extern void omp_set_num_threads(int threads);

struct layout {
    dnnl_memory_desc_t desc;
    bool is_set;
};

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout_view;
#define layout_view_of(layout) ((layout)->desc)
#else
typedef const dnnl_memory_desc_t *layout_view;
#define layout_view_of(layout) (&(layout)->desc)
#endif

dnnl_status_t layout_init(struct layout *layout, int64_t rows, int64_t columns,
                          dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_status_t layout_copy(struct layout *layout, layout_view from);
void layout_deinit(struct layout *layout); /* idempotent */
bool layout_is_same(const struct layout *layout, layout_view other);
size_t layout_bytes(layout_view view); /* NULL: 0 */

dnnl_status_t onednn_append_activation(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha);
dnnl_status_t onednn_append_sum(dnnl_post_ops_t ops);
/* bias: NULL for none. */
dnnl_status_t onednn_describe_matmul(dnnl_primitive_desc_t *ret_form, dnnl_engine_t engine,
                                     const struct layout *x, const struct layout *weights,
                                     const struct layout *bias, const struct layout *y,
                                     const_dnnl_primitive_attr_t attributes);
