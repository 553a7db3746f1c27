/* What the steps of a kernel do. */

#ifndef DVM_STEPS_H
#define DVM_STEPS_H

#include "tile.h"

/* The step functions by name; NULL where there is none. */
step_function step_of_kind(const char *name);

int run_initial(frame *, const step *);
int run_accumulate(frame *, const step *);

/* One element over all of a tile that a value has. */
void fill(frame *f, reference result, const char *element);

#endif
