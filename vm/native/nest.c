/* Where results and sources of steps lie, and the loops that go through them. */

#include "nest.h"

#include <string.h>

enum { SHORT_RUN = 8 };

void steps_of(const frame *f, reference r, int64_t *steps) {
    const kernel *k = f->kernel;
    unsigned mask = mask_of(f, r);
    const int64_t *in_memory = is_in_memory(f, r) ? view_of(f, r)->step : NULL;
    int64_t dense = (int64_t)element_bytes[type_of(f, r)];
    for (int axis = k->rank - 1; axis >= 0; axis--) {
        steps[axis] = 0;
        if (mask >> axis & 1) {
            steps[axis] = in_memory ? in_memory[axis] : dense;
            dense *= f->extent[axis];
        }
    }
}

int64_t tile_elements(const frame *f, unsigned mask) {
    int64_t elements = 1;
    for (int axis = 0; axis < f->kernel->rank; axis++)
        if (mask >> axis & 1)
            elements *= f->extent[axis];
    return elements;
}

void make_nest(nest *n, int rank, const int64_t *extents, unsigned mask, const int64_t *out, int sources,
               const int64_t in[][MAX_AXES]) {
    int64_t extent[MAX_AXES], steps[MAX_AXES][MAX_SOURCES + 1];
    int loops = 0;
    n->elements = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
        int64_t size = mask >> axis & 1 ? extents[axis] : 1;
        if (size == 1)
            continue;
        n->elements *= size;
        int64_t here[MAX_SOURCES + 1] = {out[axis]};
        for (int i = 0; i < sources; i++)
            here[i + 1] = in[i][axis];
        int alike = loops > 0;
        for (int i = 0; alike && i <= sources; i++)
            alike = here[i] == steps[loops - 1][i] * extent[loops - 1];
        if (alike) {
            extent[loops - 1] *= size;
        } else {
            memcpy(steps[loops], here, sizeof here);
            extent[loops++] = size;
        }
    }
    if (!loops) {
        extent[loops] = 1;
        memset(steps[loops++], 0, sizeof steps[0]);
    }
    int inner = 0;
    if (extent[0] < SHORT_RUN)
        for (int i = 1; i < loops; i++)
            if (extent[i] >= 4 * extent[inner])
                inner = i;
    n->count = n->elements ? extent[inner] : 0;
    n->out_step = steps[inner][0];
    for (int i = 0; i < sources; i++)
        n->in_step[i] = steps[inner][i + 1];
    n->outer = 0;
    for (int i = 0; i < loops; i++) {
        if (i == inner)
            continue;
        n->outer_extent[n->outer] = extent[i];
        n->outer_out[n->outer] = steps[i][0];
        for (int j = 0; j < sources; j++)
            n->outer_in[n->outer][j] = steps[i][j + 1];
        n->outer++;
    }
}

void run_nest(const nest *n, tile_function function, int sources, char *out, const char *const *in) {
    if (!n->count)
        return;
    if (!n->outer) {
        function(n->count, out, n->out_step, in, n->in_step);
        return;
    }
    const char *at[MAX_SOURCES] = {0};
    int64_t index[MAX_AXES] = {0};
    for (int i = 0; i < sources; i++)
        at[i] = in[i];
    for (;;) {
        function(n->count, out, n->out_step, at, n->in_step);
        int loop = 0;
        for (;;) {
            out += n->outer_out[loop];
            for (int i = 0; i < sources; i++)
                at[i] += n->outer_in[loop][i];
            if (++index[loop] < n->outer_extent[loop])
                break;
            out -= n->outer_out[loop] * n->outer_extent[loop];
            for (int i = 0; i < sources; i++)
                at[i] -= n->outer_in[loop][i] * n->outer_extent[loop];
            index[loop] = 0;
            if (++loop == n->outer)
                return;
        }
    }
}

const nest *nest_of(frame *f, const step *s, unsigned others) {
    int number = number_of(f, s);
    nest *n = &f->nests[number];
    if (!f->has_nest[number]) {
        int64_t out[MAX_AXES], in[MAX_SOURCES][MAX_AXES];
        steps_of(f, s->result, out);
        for (int i = 0; i < s->sources; i++)
            steps_of(f, s->source[i], in[i]);
        make_nest(n, f->kernel->rank, f->extent, mask_of(f, s->result) | others, out, s->sources,
                  (const int64_t (*)[MAX_AXES])in);
        f->has_nest[number] = 1;
    }
    return n;
}
