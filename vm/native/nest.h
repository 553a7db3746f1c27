/* Where results and sources of steps lie in the tile of a frame, and the loops that go through them. */

#ifndef DVM_NEST_H
#define DVM_NEST_H

#include "tile.h"

enum { LINE = 64 /* bytes of a line of the cache */ };

static inline int is_in_memory(const frame *f, reference r) {
    return r.kind == OPERAND || (r.kind == VALUE && f->kernel->home[r.number] >= 0);
}

static inline const view *view_of(const frame *f, reference r) {
    return &f->kernel->view[r.kind == OPERAND ? r.number : f->kernel->home[r.number]];
}

static inline unsigned mask_of(const frame *f, reference r) {
    return r.kind == SCALAR ? 0 : r.kind == OPERAND ? f->kernel->view[r.number].mask : f->kernel->mask[r.number];
}

static inline element_type type_of(const frame *f, reference r) {
    const code *c = f->kernel->code;
    return r.kind == SCALAR    ? c->scalar_type[r.number]
           : r.kind == OPERAND ? c->memory_type[r.number]
                               : c->value[r.number].type;
}

static inline char *base_of(const frame *f, reference r) {
    return r.kind == SCALAR    ? f->kernel->scalar[r.number]
           : r.kind == OPERAND ? f->operand_base[r.number]
                               : f->value_base[r.number];
}

static inline int number_of(const frame *f, const step *s) {
    return (int)(s - f->kernel->code->step);
}

/* Bytes from one element of the tile to the next along each axis, 0 where there is one for all. */
void steps_of(const frame *f, reference r, int64_t *steps);

/* Elements of a tile that spans the axes of a mask. */
int64_t tile_elements(const frame *f, unsigned mask);

/* The loops over the axes in `mask` of so many elements each, with the steps of the result and of the sources along
   each axis. Neighbours that all step through alike are one loop. A short inner loop changes places with a long one
   around it. */
void make_nest(nest *n, int rank, const int64_t *extents, unsigned mask, const int64_t *out, int sources,
               const int64_t in[][MAX_AXES]);

void run_nest(const nest *n, tile_function function, int sources, char *out, const char *const *in);

/* The nest of a step over the axes of its result, and those in `others`; kept while the extents are the same. */
const nest *nest_of(frame *f, const step *s, unsigned others);

#endif
