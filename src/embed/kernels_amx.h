#pragma once
/* embed/kernels_amx.h: kernels that need AMX tiles; kernels.h is how they are reached.
 * Threads     pure; each call sets up the tiles of its thread and leaves them empty
 * Order       ori_amx_permit once in the process, before any other */
#include <stdbool.h>

#include "embed/kernels.h"

/* Asks the kernel for the tiles' registers; false: it has none for us. */
bool ori_amx_permit(void);
void ori_amx_product(const struct ori_product *product);
void ori_amx_attend(const struct ori_attention *attention); /* is_bf16 alone */
