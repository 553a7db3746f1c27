/* Which of the instruction sets that code is compiled for runs on this CPU. */

#ifndef DVM_INSTRUCTION_SET_H
#define DVM_INSTRUCTION_SET_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
/* Code is compiled for each set, and chosen when it runs. Elsewhere it is compiled once, as the compiler's flags say.
 */
#define SETS_BY_CPU
#endif

/* Each runs what those before it run. */
typedef enum { PLAIN, AVX2, AVX512, INSTRUCTION_SETS } instruction_set;

extern const char *const instruction_set_names[INSTRUCTION_SETS];

/* The best that this CPU has. */
instruction_set best_instruction_set(void);

#endif
