#pragma once
/* embed/transformer_priv.h: what transformer_load.c and transformer.c share. */
#include "embed/transformer.h"

/* Columns of what `up` gives for one slice: gate and up side by side, when there is a gate. */
static inline int ori_transformer_up_out(const struct ori_transformer *it)
{
    return it->has_gate ? 2 * it->slice : it->slice;
}
