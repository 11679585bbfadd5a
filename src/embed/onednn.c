#include "embed/onednn_priv.h"

#if DNNL_VERSION_MAJOR >= 3
dnnl_status_t layout_init(struct layout *layout, int64_t rows, int64_t columns,
                          dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_dims_t dims = {rows, columns};
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&layout->desc, 2, dims, type, tag);
    layout->is_set = status == dnnl_success;
    return status;
}

dnnl_status_t layout_copy(struct layout *layout, layout_view from)
{
    dnnl_status_t status = dnnl_memory_desc_clone(&layout->desc, from);
    layout->is_set = status == dnnl_success;
    return status;
}

void layout_deinit(struct layout *layout)
{
    if (layout->is_set)
        dnnl_memory_desc_destroy(layout->desc);
    layout->is_set = false;
}

bool layout_is_same(const struct layout *layout, layout_view other)
{
    return dnnl_memory_desc_equal(layout->desc, other) != 0;
}

dnnl_status_t onednn_append_activation(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, kind, alpha, 0);
}

dnnl_status_t onednn_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}

dnnl_status_t onednn_describe_matmul(dnnl_primitive_desc_t *ret_form, dnnl_engine_t engine,
                                     const struct layout *x, const struct layout *weights,
                                     const struct layout *bias, const struct layout *y,
                                     const_dnnl_primitive_attr_t attributes)
{
    return dnnl_matmul_primitive_desc_create(ret_form, engine, x->desc, weights->desc,
                                             bias ? bias->desc : NULL, y->desc, attributes);
}
#else
dnnl_status_t layout_init(struct layout *layout, int64_t rows, int64_t columns,
                          dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_dims_t dims = {rows, columns};
    layout->is_set = true;
    return dnnl_memory_desc_init_by_tag(&layout->desc, 2, dims, type, tag);
}

dnnl_status_t layout_copy(struct layout *layout, layout_view from)
{
    layout->desc = *from;
    layout->is_set = true;
    return dnnl_success;
}

void layout_deinit(struct layout *layout)
{
    layout->is_set = false;
}

bool layout_is_same(const struct layout *layout, layout_view other)
{
    return dnnl_memory_desc_equal(&layout->desc, other) != 0;
}

dnnl_status_t onednn_append_activation(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, 0);
}

dnnl_status_t onednn_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}

dnnl_status_t onednn_describe_matmul(dnnl_primitive_desc_t *ret_form, dnnl_engine_t engine,
                                     const struct layout *x, const struct layout *weights,
                                     const struct layout *bias, const struct layout *y,
                                     const_dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, &x->desc, &weights->desc,
                                                 bias ? &bias->desc : NULL, &y->desc);
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(ret_form, &operation, attributes, engine, NULL);
}
#endif

size_t layout_bytes(layout_view view)
{
    return view ? dnnl_memory_desc_get_size(view) : 0;
}
