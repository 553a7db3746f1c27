/* Tile functions of the native engine: what each opcode does to a run of elements.

   A run is `count` elements; steps are in bytes and may be 0 (one element for all) or negative. Elementwise functions
   may be given a result that lies where a source lies, with the same step and elements no larger than the source's;
   otherwise the two are apart. Elements may lie at any address. f16 and bf16 exist in memory only: what computes takes
   f32 for them. i1 is a byte, any but 0 is true; results are 0 or 1. */

#ifndef DVM_TILE_FUNCTIONS_H
#define DVM_TILE_FUNCTIONS_H

#include <stdint.h>

#include "instruction_set.h"

/* The element types, numbered as in vm/isa.py. */
typedef enum { I1, F16, BF16, F32, I32, I64, TYPES } element_type;

/* `in` and `in_step` have as many entries as the opcode has sources (at most 3). */
typedef void (*tile_function)(int64_t count, char *out, int64_t out_step, const char *const *in,
                              const int64_t *in_step);

/* One set of tile functions for each instruction set of the CPU they are compiled for. Each returns NULL for what there
 * is not. */
typedef struct {
    /* Unary and binary opcodes, `copy` and `select` (condition, then, otherwise), by mnemonic, for compute types. */
    tile_function (*elementwise)(const char *mnemonic, element_type type);
    /* Copy with conversion between any two types, as NumPy converts; floats round to nearest even, truth is "not zero".
     */
    tile_function (*conversion)(element_type from, element_type to);
    /* A compute type to f32, rounded once to F16 or BF16 on the way. */
    tile_function (*rounding)(element_type from, element_type to);
    /* f32 to f32: source ** exponent for the exponents that are cheaper than pow: -1, 0.5, 1, 2, 3. */
    tile_function (*constant_power)(double exponent);
    /* out := out combined with in[0], from which it is apart, for rsum, rmax, rmin, rprod; with out_step 0 the whole
       run goes into one element, which is read and written even where the run is empty. */
    tile_function (*accumulate)(const char *mnemonic, element_type type);
} tile_functions;

const tile_functions *tile_functions_of(instruction_set);

#endif
