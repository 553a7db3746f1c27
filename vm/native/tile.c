/* The steps of a kernel on one tile: loop nests around tile functions, matrix products, and what moves data by index.
 */

#define _POSIX_C_SOURCE 200809L

#include "tile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nest.h"
#include "steps.h"

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void record(frame *f, const step *s, int kind, int64_t item, int64_t elements, double start) {
    if (f->event_count == f->event_room) {
        size_t room = f->event_room ? 2 * f->event_room : 1024;
        event *larger = realloc(f->events, room * sizeof(event));
        if (!larger)
            return; /* a profile with less in it */
        f->events = larger;
        f->event_room = room;
    }
    f->events[f->event_count++] = (event){f->kernel, s, kind, f->thread, item, elements, start, seconds_now() - start};
}

/* Frames */

static char *aligned(size_t bytes) {
    void *found = NULL;
    return posix_memalign(&found, LINE, bytes + LINE) ? NULL : found;
}

static int reserve(void **memory, size_t *room, size_t wanted, size_t bytes) {
    if (*room >= wanted && *memory)
        return 0;
    void *larger = realloc(*memory, (wanted + 1) * bytes);
    if (!larger)
        return -1;
    *memory = larger;
    *room = wanted;
    return 0;
}

int frame_begin(frame *f, const kernel *k, char *const *buffers) {
    if (f->kernel == k && f->buffers == buffers)
        return 0;
    f->kernel = NULL; /* until all is there */
    const code *c = k->code;
    size_t has_nest = f->steps;
    if (reserve((void **)&f->value_base, &f->values, (size_t)c->values, sizeof(char *)) ||
        reserve((void **)&f->operand_base, &f->operands, (size_t)c->operands, sizeof(char *)) ||
        reserve((void **)&f->has_nest, &has_nest, (size_t)c->steps, 1) ||
        reserve((void **)&f->nests, &f->steps, (size_t)c->steps, sizeof(nest)))
        return -1;
    if (!f->unified_buffer || f->unified_buffer_bytes < k->unified_buffer_bytes) {
        free(f->unified_buffer);
        free(f->copies);
        f->unified_buffer = aligned(k->unified_buffer_bytes);
        f->copies = aligned(MAX_SOURCES * (k->unified_buffer_bytes + LINE));
        f->unified_buffer_bytes = k->unified_buffer_bytes;
    }
    if (!f->product_scratch)
        f->product_scratch = aligned(product_scratch_bytes());
    if (!f->unified_buffer || !f->copies || !f->product_scratch) {
        frame_free(f);
        return -1;
    }
    f->buffers = buffers;
    for (int i = 0; i < c->values; i++)
        if (k->home[i] < 0)
            f->value_base[i] = f->unified_buffer + k->slot_offset[c->value[i].slot];
    memset(f->has_nest, 0, (size_t)c->steps);
    f->item = f->step = -1;
    f->kernel = k;
    return 0;
}

void frame_free(frame *f) {
    free(f->value_base);
    free(f->operand_base);
    free(f->nests);
    free(f->has_nest);
    free(f->unified_buffer);
    free(f->copies);
    free(f->product_scratch);
    free(f->events);
    memset(f, 0, sizeof *f);
}

/* Tiles */

/* Put the frame on tile number `item` of the parallel axes and tile number `step` of the reduction axes, both in
 * row-major order. */
static void place(frame *f, int64_t item, int64_t step) {
    const kernel *k = f->kernel;
    int differs = 0;
    if (f->item == item && f->step == step)
        return;
    f->item = item;
    f->step = step;
    for (int axis = k->rank - 1; axis >= 0; axis--) {
        int64_t *number = k->reductions >> axis & 1 ? &step : &item, origin = 0;
        if (k->count[axis] > 1) {
            origin = *number % k->count[axis] * k->tile[axis];
            *number /= k->count[axis];
        }
        int64_t extent = k->extent[axis] - origin;
        if (extent > k->tile[axis])
            extent = k->tile[axis];
        differs |= f->extent[axis] != extent;
        f->origin[axis] = origin;
        f->extent[axis] = extent;
    }
    if (differs)
        memset(f->has_nest, 0, (size_t)k->code->steps);
    for (int i = 0; i < k->code->operands; i++) {
        const view *v = &k->view[i];
        char *base = f->buffers[v->root] + v->offset;
        if (v->dims) {
            for (int dim = 0; dim < v->dims; dim++)
                if (v->dim_axis[dim] >= 0)
                    base += f->origin[v->dim_axis[dim]] * v->step[dim];
        } else if (!v->guards) {
            for (int axis = 0; axis < k->rank; axis++)
                if (v->mask >> axis & 1)
                    base += f->origin[axis] * v->step[axis];
        }
        f->operand_base[i] = base;
    }
    for (int i = 0; i < k->code->values; i++)
        if (k->home[i] >= 0)
            f->value_base[i] = f->operand_base[k->home[i]];
}

static int run_pass(frame *f, const pass *p, int follows) {
    f->follows = follows;
    for (int i = p->first; i < p->end; i++) {
        const step *s = &f->kernel->code->step[i];
        if (f->kernel->skipped[i])
            continue;
        double start = f->records ? seconds_now() : 0;
        if (s->run(f, s))
            return -1;
        if (f->records)
            record(f, s, 0, 0,
                   tile_elements(f, mask_of(f, s->result) | (s->run == run_accumulate ? f->kernel->reductions : 0)),
                   start);
    }
    return 0;
}

/* A pass on the tiles first ... end - 1 of the reduction axes if it streams, else once. */
static int run_tiles(frame *f, const pass *p, int64_t item, int64_t first, int64_t end) {
    if (!p->streams)
        end = first + 1;
    for (int64_t step = first; step < end; step++) {
        place(f, item, step);
        if (run_pass(f, p, step > first))
            return -1;
    }
    return 0;
}

int run_tile(frame *f, int64_t item) {
    const code *c = f->kernel->code;
    for (int i = 0; i < c->passes; i++)
        if (run_tiles(f, &c->pass[i], item, 0, f->kernel->reduction_tiles))
            return -1;
    return 0;
}

/* Calls `visit`, if there is one, for each accumulator of a reduction that is cut into chunks, with its step, and where
   it lies in those of a chunk; returns the bytes of all of them. */
static size_t each_partial(frame *f, void (*visit)(frame *, const step *, size_t, void *), void *context) {
    const kernel *k = f->kernel;
    size_t offset = 0;
    for (int i = 0; i < k->code->steps; i++) {
        const step *s = &k->code->step[i];
        if (s->run != run_accumulate)
            continue;
        if (visit)
            visit(f, s, offset, context);
        size_t bytes = element_bytes[s->type];
        for (int axis = 0; axis < k->rank; axis++)
            if (mask_of(f, s->result) >> axis & 1)
                bytes *= (size_t)k->extent[axis];
        offset += (bytes + LINE - 1) / LINE * LINE;
    }
    return offset;
}

size_t partial_bytes(const kernel *k) {
    frame only = {.kernel = k};
    return each_partial(&only, NULL, NULL);
}

/* Where the tile of an accumulator lies in that of the whole domain, and its steps there. */
static char *whole_steps(const frame *f, const step *s, char *whole, int64_t *steps) {
    int64_t dense = (int64_t)element_bytes[s->type];
    unsigned mask = mask_of(f, s->result);
    for (int axis = f->kernel->rank - 1; axis >= 0; axis--) {
        steps[axis] = mask >> axis & 1 ? dense : 0;
        whole += f->origin[axis] * steps[axis];
        if (mask >> axis & 1)
            dense *= f->kernel->extent[axis];
    }
    return whole;
}

static void copy_partial(frame *f, const step *s, size_t offset, void *partials) {
    int64_t out[MAX_AXES], in[1][MAX_AXES];
    nest n;
    char *target = whole_steps(f, s, (char *)partials + offset, out);
    const char *source = base_of(f, s->result);
    steps_of(f, s->result, in[0]);
    make_nest(&n, f->kernel->rank, f->extent, mask_of(f, s->result), out, 1, (const int64_t (*)[MAX_AXES])in);
    run_nest(&n, f->kernel->code->functions->conversion(s->type, s->type), 1, target, &source);
}

static void combine_partial(frame *f, const step *s, size_t offset, void *partials) {
    int64_t out[MAX_AXES], in[1][MAX_AXES];
    nest n;
    char *source = whole_steps(f, s, (char *)partials + offset, in[0]);
    size_t bytes = partial_bytes(f->kernel);
    steps_of(f, s->result, out);
    make_nest(&n, f->kernel->rank, f->extent, mask_of(f, s->result), out, 1, (const int64_t (*)[MAX_AXES])in);
    fill(f, s->result, s->identity);
    for (int chunk = 0; chunk < f->kernel->chunks; chunk++, source += bytes) {
        const char *at = source;
        run_nest(&n, s->function, 1, base_of(f, s->result), &at);
    }
}

int run_chunk(frame *f, int64_t number, char *partials) {
    const kernel *k = f->kernel;
    int64_t item = number / k->chunks, chunk = number % k->chunks;
    int64_t first = k->reduction_tiles * chunk / k->chunks, end = k->reduction_tiles * (chunk + 1) / k->chunks;
    for (int i = 0; i < k->code->passes; i++) {
        const pass *p = &k->code->pass[i];
        if (run_tiles(f, p, item, first, end))
            return -1;
        if (p->streams)
            break;
    }
    each_partial(f, copy_partial, partials + (size_t)chunk * partial_bytes(k));
    return 0;
}

int run_combine(frame *f, int64_t item, const char *partials) {
    const code *c = f->kernel->code;
    place(f, item, 0);
    each_partial(f, combine_partial, (void *)partials);
    int after = 0;
    for (int i = 0; i < c->passes; i++) {
        if (after && run_tiles(f, &c->pass[i], item, 0, 1))
            return -1;
        after |= c->pass[i].streams;
    }
    return 0;
}
