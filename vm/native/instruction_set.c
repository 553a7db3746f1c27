/* The levels of the x86-64 psABI, whose names test all that they let a compiler use. */

#include "instruction_set.h"

const char *const instruction_set_names[INSTRUCTION_SETS] = {"plain", "avx2", "avx512"};

instruction_set best_instruction_set(void) {
#ifdef SETS_BY_CPU
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4"))
        return AVX512;
    if (__builtin_cpu_supports("x86-64-v3"))
        return AVX2;
#endif
    return PLAIN;
}
