/* Tile functions of the native engine, compiled for each instruction set that is worth it and chosen by the CPU.

   The functions themselves are in tile_functions.inc. GCC for x86-64 compiles them three times; elsewhere there is one
   plain set, for whatever the compiler's flags allow. */

#include "tile_functions.h"

#include <math.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Elements as they lie in memory. A slot of the unified buffer holds now this type, now that, so they may alias
   anything; and a tensor of the caller's may start at any address. */
#define ELEMENT __attribute__((may_alias, aligned(1)))
typedef uint8_t ELEMENT stored_i1;
typedef uint16_t ELEMENT stored_f16;
typedef uint16_t ELEMENT stored_bf16;
typedef float ELEMENT stored_f32;
typedef int32_t ELEMENT stored_i32;
typedef int64_t ELEMENT stored_i64;
typedef uint32_t ELEMENT stored_bits32;
typedef uint64_t ELEMENT stored_bits64;

/* And as they are worked on. */
typedef float f32;
typedef int32_t i32;
typedef int64_t i64;

/* A result lies just where a source lies, or apart from it: there is nothing to check at run time before elements go in
   vectors. */
#ifdef __clang__
/* Integer powers cannot go in vectors. */
#pragma clang diagnostic ignored "-Wpass-failed"
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define INLINE static inline __attribute__((always_inline))
#define ARGUMENTS int64_t count, char *out, int64_t out_step, const char *const *in, const int64_t *in_step

/* The functions of one mnemonic, by type. */
typedef struct {
    const char *mnemonic;
    tile_function functions[TYPES];
} table_row;

static tile_function find(const table_row *rows, size_t count, const char *mnemonic, element_type type) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].mnemonic, mnemonic) == 0)
            return rows[i].functions[type];
    return NULL;
}

#ifdef SETS_BY_CPU

#define SET avx512
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#include "tile_functions.inc"
#pragma GCC pop_options
#undef SET

#define SET avx2
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#include "tile_functions.inc"
#pragma GCC pop_options
#undef SET

#endif

#define SET plain
#include "tile_functions.inc"
#undef SET

const tile_functions *tile_functions_of(instruction_set set) {
#ifdef SETS_BY_CPU
    static const tile_functions *const sets[INSTRUCTION_SETS] = {&set_plain, &set_avx2, &set_avx512};
    return sets[set];
#else
    (void)set;
    return &set_plain;
#endif
}
