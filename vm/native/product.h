/* Matrix products of the native engine. */

#ifndef DVM_PRODUCT_H
#define DVM_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "instruction_set.h"

/* c[m, n] := a[m, k] @ b[k, n], or c += that where `accumulate`. Steps are in elements, any at all, also 0 and negative
   for a and b; c does not overlap a or b and its elements do not overlap each other. `scratch` is 64-byte aligned
   memory of product_scratch_bytes() that nobody else uses meanwhile. Runs on the calling thread only; what it computes
   depends on nothing but its arguments. */
typedef void (*product_function)(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column,
                                 const float *b, int64_t b_row, int64_t b_column, float *c, int64_t c_row,
                                 int64_t c_column, int accumulate, void *scratch);

product_function product_of(instruction_set);
size_t product_scratch_bytes(void);

#endif
