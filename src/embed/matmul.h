#pragma once
/* embed/matmul.h: y = x W' (+ bias, activation, what y was), W [out][in], on packed weights.
 * Parts       a matmul is one shape and kind, for all layers that share it; packed weights are one
 *             layer's; a plan is one thread's compiled form of a matmul
 * Call order  create; pack each layer; a plan for each thread; run; destroy plans, then the matmul
 * Threads     matmul and packed are read-only after create; a plan stays on its own thread. One
 *             compute thread each: no pool
 * Whose       the kernels' own product where there is one (product.h), else oneDNN's
 * Promise     a row of y has the same bits whatever other rows ride along. Our own products sum in one
 *             order; the library chooses it by shape, so a compiled form for another number of rows is
 *             used only after it gave the same bits as the first
 * Numbers     F32: all f32. BF16: x and W bf16, sums f32. INT8: x bytes around a zero point with a
 *             scale for each row, W signed bytes with a scale for each output, sums exact
 * Layout      x one row behind the other, or in blocks (product.h) where ori_matmul_takes_blocks;
 *             ori_matmul_place says where a row lies
 * Memory      x and y: 64-byte aligned, with room for ori_matmul_rows_max rows whatever `rows` is;
 *             x of ori_matmul_x_bytes, zeros at first
 * Failure     ORI_NOMEM, ORI_BACKEND (the library's code in err), ORI_BAD_SETTING (this CPU cannot) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/kernels.h"
#include "embed/model.h"
#include "embed/slab.h"
#include "util/status.h"

/* What this CPU can do, as far as ONEDNN_MAX_CPU_ISA lets it. */
struct ori_matmul_machine {
    enum ori_kernel_set kernels;
    bool has_bf16;   /* avx512_core_bf16 or better: in hardware */
    bool has_vnni;   /* sums of byte products do not saturate */
    const char *isa; /* "avx512_core_amx", ... */
};
struct ori_matmul_machine ori_matmul_machine(void);
const char *ori_matmul_library(void); /* "oneDNN 2.6.3" */

struct ori_matmul_spec {
    int in;
    int out;
    enum ori_precision precision; /* F32, BF16, INT8 */
    bool gives_bf16;              /* y bf16; INT8 only where the kernels have their own product */
    bool gives_blocks;            /* y as the next product's x; where ori_matmul_takes_blocks */
    bool is_library; /* the library's product even where the kernels have their own: to compare */
    bool has_bias;
    bool adds;                      /* y += ...; y f32 */
    enum ori_activation activation; /* 0: none */
    int rows_usual;                 /* what a full chunk has */
    int rows_step;                  /* rows are computed in whole steps: fewer forms; 0: 1 */
    int rows_one;                   /* what one picture or text has; divides rows_usual */
};
struct ori_matmul;
ori_status ori_matmul_create(const struct ori_matmul_spec *spec, struct ori_matmul **ret_matmul,
                             struct ori_error *err);
void ori_matmul_destroy(struct ori_matmul **matmul); /* null-safe, nulls */
int ori_matmul_rows_max(const struct ori_matmul *matmul);
bool ori_matmul_has_bias(const struct ori_matmul *matmul);
/* "brg:avx512_core": what the library chose; "own:amx": the kernels' own. */
const char *ori_matmul_kind(const struct ori_matmul *matmul);
bool ori_matmul_takes_blocks(const struct ori_matmul *matmul);
size_t ori_matmul_x_bytes(const struct ori_matmul *matmul);
struct ori_matmul_place {
    void *first;            /* of the row's 64 byte pieces */
    ptrdiff_t piece_stride; /* from one piece to the next */
};
struct ori_matmul_place ori_matmul_place(const struct ori_matmul *matmul, void *x, int row);
void ori_matmul_put_floats(struct ori_matmul_place place, const float *row, size_t n);
/* Rows of f32, one behind the other, as F32's product takes them: themselves, or copied into room, of
 * ori_matmul_x_bytes. */
const void *ori_matmul_x(const struct ori_matmul *matmul, const float *rows, int count, void *room);

struct ori_packed { /* all of it in a slab */
    void *weights;  /* in the library's layout, or product.h's */
    float *bias;    /* [out], NULL: none */
    float *scales;  /* INT8: [out]; else NULL */
    int32_t *offsets;
    size_t bytes; /* of all */
};
/* weights: [out][in]; bias: [out], or NULL when there is none. Both borrowed for the call; what is packed
 * lives as long as the slab. */
ori_status ori_matmul_pack(const struct ori_matmul *matmul, const float *weights, const float *bias,
                           struct ori_slab *slab, struct ori_packed *ret_packed,
                           struct ori_error *err);
/* Zero point of INT8's x: 128 where sums cannot saturate, else 64. */
int ori_matmul_zero(const struct ori_matmul *matmul);

struct ori_matmul_plan;
ori_status ori_matmul_plan_create(const struct ori_matmul *matmul,
                                  struct ori_matmul_plan **ret_plan, struct ori_error *err);
void ori_matmul_plan_destroy(struct ori_matmul_plan **plan);
/* rows <= ori_matmul_rows_max. scales: [rows], of INT8's x; else NULL. Rows of y behind `rows` may be
 * written too. */
ori_status ori_matmul_run(struct ori_matmul_plan *plan, const struct ori_packed *packed,
                          const void *x, const float *scales, int rows, void *y,
                          struct ori_error *err);
