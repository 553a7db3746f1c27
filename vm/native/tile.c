/* The steps of a kernel on one tile: loop nests around tile functions, matrix products, and what moves data by index.
 */

#define _POSIX_C_SOURCE 200809L

#include "tile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 64, SHORT_RUN = 8 };

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

/* Where things lie */

static int is_in_memory(const frame *f, reference r) {
    return r.kind == OPERAND || (r.kind == VALUE && f->kernel->home[r.number] >= 0);
}

static const view *view_of(const frame *f, reference r) {
    return &f->kernel->view[r.kind == OPERAND ? r.number : f->kernel->home[r.number]];
}

static unsigned mask_of(const frame *f, reference r) {
    return r.kind == SCALAR ? 0 : r.kind == OPERAND ? f->kernel->view[r.number].mask : f->kernel->mask[r.number];
}

static element_type type_of(const frame *f, reference r) {
    const code *c = f->kernel->code;
    return r.kind == SCALAR    ? c->scalar_type[r.number]
           : r.kind == OPERAND ? c->memory_type[r.number]
                               : c->value[r.number].type;
}

static char *base_of(const frame *f, reference r) {
    return r.kind == SCALAR    ? f->kernel->scalar[r.number]
           : r.kind == OPERAND ? f->operand_base[r.number]
                               : f->value_base[r.number];
}

/* Bytes from one element of the tile to the next along each axis, 0 where there is one for all. */
static void steps_of(const frame *f, reference r, int64_t *steps) {
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

static int64_t tile_elements(const frame *f, unsigned mask) {
    int64_t elements = 1;
    for (int axis = 0; axis < f->kernel->rank; axis++)
        if (mask >> axis & 1)
            elements *= f->extent[axis];
    return elements;
}

/* Loop nests */

/* The loops over the axes in `mask` of so many elements each, with the steps of the result and of the sources along
   each axis. Neighbours that all step through alike are one loop. A short inner loop changes places with a long one
   around it. */
static void make_nest(nest *n, int rank, const int64_t *extents, unsigned mask, const int64_t *out, int sources,
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

static void run_nest(const nest *n, tile_function function, int sources, char *out, const char *const *in) {
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

static int number_of(const frame *f, const step *s) {
    return (int)(s - f->kernel->code->step);
}

/* The nest of a step over the axes of its result, and those in `others`; kept while the extents are the same. */
static const nest *nest_of(frame *f, const step *s, unsigned others) {
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

/* Steps */

static int run_map(frame *f, const step *s) {
    const nest *n = nest_of(f, s, 0);
    const char *in[MAX_SOURCES];
    unsigned hazard = f->kernel->hazard[number_of(f, s)];
    char *copies = f->copies;
    for (int i = 0; i < s->sources; i++) {
        in[i] = base_of(f, s->source[i]);
        if (hazard >> i & 1) {
            size_t bytes = (size_t)tile_elements(f, mask_of(f, s->source[i])) * element_bytes[type_of(f, s->source[i])];
            in[i] = memcpy(copies, in[i], bytes);
            copies += (bytes + LINE - 1) / LINE * LINE;
        }
    }
    run_nest(n, s->function, s->sources, base_of(f, s->result), in);
    return 0;
}

/* One element over all of a tile that a value has. */
static void fill(frame *f, reference result, const char *element) {
    nest n;
    int64_t out[MAX_AXES], in[1][MAX_AXES] = {{0}};
    element_type type = type_of(f, result);
    if (!is_in_memory(f, result)) {
        f->kernel->code->functions->conversion(type, type)(tile_elements(f, mask_of(f, result)), base_of(f, result),
                                                           (int64_t)element_bytes[type], &element, in[0]);
        return;
    }
    steps_of(f, result, out);
    make_nest(&n, f->kernel->rank, f->extent, mask_of(f, result), out, 1, (const int64_t (*)[MAX_AXES])in);
    run_nest(&n, f->kernel->code->functions->conversion(type, type), 1, base_of(f, result), &element);
}

int run_initial(frame *f, const step *s) {
    fill(f, s->result, s->identity);
    return 0;
}

static int run_accumulate(frame *f, const step *s) {
    if (!f->follows)
        fill(f, s->result, s->identity);
    const char *in = base_of(f, s->source[0]);
    run_nest(nest_of(f, s, f->kernel->reductions), s->function, 1, base_of(f, s->result), &in);
    return 0;
}

static int run_iota(frame *f, const step *s) {
    int axis = f->kernel->new_axis[s->axis];
    int64_t steps[MAX_AXES], first = axis < 0 ? 0 : f->origin[axis], count = axis < 0 ? 1 : f->extent[axis];
    steps_of(f, s->result, steps);
    int64_t step = axis < 0 ? 0 : steps[axis];
    char *out = base_of(f, s->result);
    for (int64_t i = 0; i < count; i++, out += step) {
        if (s->type == F32)
            *(float *)out = (float)(first + i);
        else if (s->type == I32)
            *(int32_t *)out = (int32_t)(first + i);
        else
            *(int64_t *)out = first + i;
    }
    return 0;
}

/* The part of the tile that falls inside of a guarded operand. */
static int run_guarded(frame *f, const step *s) {
    const view *v = &f->kernel->view[s->source[0].number];
    int64_t extents[MAX_AXES], out_steps[MAX_AXES], in_steps[1][MAX_AXES];
    char *out = base_of(f, s->result);
    const char *in = base_of(f, s->source[0]);
    nest n;
    steps_of(f, s->result, out_steps);
    steps_of(f, s->source[0], in_steps[0]);
    memcpy(extents, f->extent, sizeof extents);
    for (int i = 0; i < v->guards; i++) {
        int axis = v->guard[i].axis;
        int64_t start = f->origin[axis] + v->guard[i].shift;
        int64_t low = start > 0 ? start : 0, high = start + extents[axis];
        if (high > v->guard[i].extent)
            high = v->guard[i].extent;
        if (high <= low)
            return 0;
        out += (low - start) * out_steps[axis];
        in += low * in_steps[0][axis];
        extents[axis] = high - low;
    }
    make_nest(&n, f->kernel->rank, extents, mask_of(f, s->result), out_steps, 1, (const int64_t (*)[MAX_AXES])in_steps);
    run_nest(&n, s->function, 1, out, &in);
    return 0;
}

static int64_t integer_at(const char *place, element_type type) {
    return type == I32 ? *(const int32_t *)place : *(const int64_t *)place;
}

static int misfits(frame *f, misfit kind, int64_t culprit, int64_t previous, int64_t limit) {
    f->failure = (failure){kind, f->kernel, culprit, previous, limit};
    return -1;
}

/* A nest as loops one of which is inside of another, from the innermost. */
typedef struct {
    int loops;
    int64_t extent[MAX_AXES + 1], step[MAX_AXES + 1][3], position[MAX_AXES + 1];
} walk;

static walk walk_of(const nest *n) {
    walk w = {.loops = n->outer + 1, .extent = {n->count}, .step = {{n->out_step, n->in_step[0], n->in_step[1]}}};
    for (int i = 0; i < n->outer; i++) {
        w.extent[i + 1] = n->outer_extent[i];
        w.step[i + 1][0] = n->outer_out[i];
        w.step[i + 1][1] = n->outer_in[i][0];
        w.step[i + 1][2] = n->outer_in[i][1];
    }
    return w;
}

/* On to the next point, by the bytes that each of the three places goes forward. */
static void advance(walk *w, int64_t *places) {
    for (int i = 0; i < w->loops; i++) {
        int last = ++w->position[i] == w->extent[i];
        for (int j = 0; j < 3; j++)
            places[j] += w->step[i][j] - (last ? w->step[i][j] * w->extent[i] : 0);
        if (!last)
            return;
        w->position[i] = 0;
    }
}

/* The least index of a tile where that is out of range, else the greatest. */
static int64_t worst_index(const nest *each, const char *index, element_type type, int64_t extent) {
    int64_t places[3] = {0}, low = INT64_MAX, high = INT64_MIN;
    walk w = walk_of(each);
    for (int64_t left = each->elements; left > 0; left--, advance(&w, places)) {
        int64_t wanted = integer_at(index + places[2], type);
        low = wanted < low ? wanted : low;
        high = wanted > high ? wanted : high;
    }
    return low < -extent ? low : high;
}

/* A table with a free dim, indexed by a tile: for each index the elements along the axes that follow the free dim. */
static int run_gather(frame *f, const step *s) {
    const kernel *k = f->kernel;
    const view *table = &k->view[s->source[0].number];
    element_type index_type = type_of(f, s->source[1]);
    unsigned result_mask = mask_of(f, s->result), after = 0;
    int64_t out[MAX_AXES], in[2][MAX_AXES] = {{0}}, free_step = 0, extent = 0;
    int seen_free = 0;
    for (int dim = 0; dim < table->dims; dim++) {
        int axis = table->dim_axis[dim];
        if (axis < 0) {
            free_step = table->step[dim];
            extent = table->extent[dim];
            seen_free = 1;
        } else {
            in[0][axis] = table->step[dim];
            after |= (unsigned)seen_free << axis;
        }
    }
    steps_of(f, s->result, out);
    steps_of(f, s->source[1], in[1]);
    nest each, run;
    make_nest(&run, k->rank, f->extent, result_mask & after, out, 1, (const int64_t (*)[MAX_AXES])in);
    make_nest(&each, k->rank, f->extent, result_mask & ~after, out, 2, (const int64_t (*)[MAX_AXES])in);
    char *target = base_of(f, s->result);
    const char *row = base_of(f, s->source[0]), *index = base_of(f, s->source[1]);
    int64_t places[3] = {0};
    walk w = walk_of(&each);
    for (int64_t left = each.elements; left > 0; left--, advance(&w, places)) {
        int64_t wanted = integer_at(index + places[2], index_type);
        if (wanted < -extent || wanted >= extent)
            return misfits(f, INDEX_OUT_OF_RANGE, worst_index(&each, index, index_type, extent), 0, extent);
        const char *source = row + places[1] + (wanted < 0 ? wanted + extent : wanted) * free_step;
        run_nest(&run, s->function, 1, target + places[0], &source);
    }
    return 0;
}

/* Matrix products */

/* A matrix: where it begins, and the bytes from row to row and from column to column. */
typedef struct {
    char *base;
    int64_t row, column;
} matrix;

/* The product as it is defined, for what has no better one: integers, and floats that are not whole steps apart. */
#define PLAIN_PRODUCT(name, type, sum_type)                                                                            \
    typedef type __attribute__((may_alias, aligned(1))) name##_element;                                                \
    static void name(int64_t m, int64_t n, int64_t k, matrix a, matrix b, matrix c, int adds) {                        \
        for (int64_t i = 0; i < m; i++)                                                                                \
            for (int64_t j = 0; j < n; j++) {                                                                          \
                name##_element *out = (name##_element *)(c.base + i * c.row + j * c.column);                           \
                sum_type sum = adds ? (sum_type) * out : 0;                                                            \
                for (int64_t l = 0; l < k; l++)                                                                        \
                    sum += (sum_type) * (name##_element *)(a.base + i * a.row + l * a.column) * (sum_type) *           \
                           (name##_element *)(b.base + l * b.row + j * b.column);                                      \
                *out = (type)sum;                                                                                      \
            }                                                                                                          \
    }

PLAIN_PRODUCT(product_i32, int32_t, uint32_t)
PLAIN_PRODUCT(product_i64, int64_t, uint64_t)
PLAIN_PRODUCT(product_f32, float, double)

static int is_whole(matrix m) {
    return (m.row | m.column) % (int64_t)sizeof(float) == 0;
}

static void product(frame *f, element_type type, int64_t m, int64_t n, int64_t k, matrix a, matrix b, matrix c,
                    int adds) {
    if (type == I32) {
        product_i32(m, n, k, a, b, c, adds);
    } else if (type == I64) {
        product_i64(m, n, k, a, b, c, adds);
    } else if (!is_whole(a) || !is_whole(b)) {
        product_f32(m, n, k, a, b, c, adds);
    } else {
        const int64_t size = sizeof(float);
        f->kernel->code->product(m, n, k, (const float *)a.base, a.row / size, a.column / size, (const float *)b.base,
                                 b.row / size, b.column / size, (float *)c.base, c.row / size, c.column / size, adds,
                                 f->product_scratch);
    }
}

static int run_product(frame *f, const step *s) {
    int rank = f->kernel->rank, m = rank - 3, n = rank - 2, k = rank - 1;
    int64_t left[MAX_AXES], right[MAX_AXES], out[MAX_AXES], index[MAX_AXES] = {0};
    steps_of(f, s->source[0], left);
    steps_of(f, s->source[1], right);
    steps_of(f, s->result, out);
    matrix a = {base_of(f, s->source[0]), left[m], left[k]}, b = {base_of(f, s->source[1]), right[k], right[n]},
           c = {base_of(f, s->result), out[m], out[n]};
    for (;;) {
        product(f, s->type, f->extent[m], f->extent[n], f->extent[k], a, b, c, f->follows);
        int axis = m - 1;
        for (; axis >= 0; axis--) {
            a.base += left[axis];
            b.base += right[axis];
            c.base += out[axis];
            if (++index[axis] < f->extent[axis])
                break;
            a.base -= left[axis] * f->extent[axis];
            b.base -= right[axis] * f->extent[axis];
            c.base -= out[axis] * f->extent[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return 0;
    }
}

/* The end of group number `group`, given that of the one before it, in `*end`; -1 if they descend or pass the limit. */
static int next_end(frame *f, reference ends, int64_t group, int64_t limit, int64_t *end) {
    const view *v = view_of(f, ends);
    const char *base = f->buffers[v->root] + v->offset;
    int64_t found = integer_at(base + group * v->step[0], type_of(f, ends)), previous = *end;
    if (found < previous || found > limit)
        return misfits(f, GROUPS_DESCEND, found, previous, limit);
    *end = found;
    return 0;
}

/* A matrix in the compute type: as it is, or converted into memory of its own, which the caller frees (`*owned`). */
static int computable(frame *f, reference r, matrix *found, int64_t rows, int64_t columns, char **owned) {
    element_type type = type_of(f, r), target = type == F16 || type == BF16 ? F32 : type;
    *owned = NULL;
    if (type == target)
        return 0;
    int64_t bytes = (int64_t)element_bytes[target];
    char *copy = *owned = malloc((size_t)(rows * columns * bytes) + 1);
    if (!copy)
        return -1;
    tile_function convert = f->kernel->code->functions->conversion(type, target);
    for (int64_t row = 0; row < rows; row++) {
        const char *in = found->base + row * found->row;
        convert(columns, copy + row * columns * bytes, bytes, &in, &found->column);
    }
    *found = (matrix){copy, columns * bytes, bytes};
    return 0;
}

static matrix part(matrix whole, int64_t row, int64_t column) {
    return (matrix){whole.base + row * whole.row + column * whole.column, whole.row, whole.column};
}

/* Rows in groups, each times the matrix of its group: the domain is (rows, n, k), the weights have a free dim for the
 * groups. */
static int run_grouped(frame *f, const step *s) {
    const view *weights = view_of(f, s->source[1]);
    int64_t left[MAX_AXES], out[MAX_AXES], step_of_axis[4] = {0}, group_step = 0;
    for (int dim = 0; dim < weights->dims; dim++)
        *(weights->dim_axis[dim] < 0 ? &group_step : &step_of_axis[weights->dim_axis[dim]]) = weights->step[dim];
    steps_of(f, s->source[0], left);
    steps_of(f, s->result, out);
    matrix a = {base_of(f, s->source[0]), left[0], left[2]}, c = {base_of(f, s->result), out[0], out[1]};
    int64_t groups = view_of(f, s->source[2])->extent[0], first = f->origin[0], rows = f->extent[0], end = 0;
    if (!f->follows)
        for (int64_t row = 0; row < rows; row++)
            product(f, s->type, 1, f->extent[1], 0, part(a, row, 0), a, part(c, row, 0), 0);
    for (int64_t group = 0; group < groups; group++) {
        int64_t start = end;
        if (next_end(f, s->source[2], group, f->kernel->extent[0], &end))
            return -1;
        int64_t low = start > first ? start - first : 0, high = end - first < rows ? end - first : rows;
        if (high <= low)
            continue;
        matrix b = {base_of(f, s->source[1]) + group * group_step, step_of_axis[2], step_of_axis[1]};
        char *owned;
        if (computable(f, s->source[1], &b, f->extent[2], f->extent[1], &owned))
            return misfits(f, FITS, 0, 0, 0);
        product(f, s->type, high - low, f->extent[1], f->extent[2], part(a, low, 0), b, part(c, low, 0), 1);
        free(owned);
    }
    return 0;
}

/* A product for each group, over the part of k that is the group's: the domain is (group, m, n, k). */
static int run_grouped_k(frame *f, const step *s) {
    int64_t left[MAX_AXES], right[MAX_AXES], out[MAX_AXES];
    steps_of(f, s->source[0], left);
    steps_of(f, s->source[1], right);
    steps_of(f, s->result, out);
    matrix a = {base_of(f, s->source[0]), left[1], left[3]}, b = {base_of(f, s->source[1]), right[3], right[2]},
           c = {base_of(f, s->result), out[1], out[2]};
    int64_t groups = view_of(f, s->source[2])->extent[0], first = f->origin[3], depth = f->extent[3], end = 0;
    for (int64_t group = 0; group < groups; group++) {
        int64_t start = end, row = group - f->origin[0];
        if (next_end(f, s->source[2], group, f->kernel->extent[3], &end))
            return -1;
        if (row < 0 || row >= f->extent[0])
            continue;
        int64_t low = start > first ? start - first : 0, high = end - first < depth ? end - first : depth;
        matrix into = {c.base + row * out[0], c.row, c.column};
        if (!f->follows || high > low)
            product(f, s->type, f->extent[1], f->extent[2], high > low ? high - low : 0, part(a, 0, low),
                    part(b, low, 0), into, f->follows);
    }
    return 0;
}

step_function step_of_kind(const char *name) {
    static const struct {
        const char *name;
        step_function run;
    } kinds[] = {{"map", run_map},         {"initial", run_initial}, {"accumulate", run_accumulate},
                 {"iota", run_iota},       {"guarded", run_guarded}, {"gather", run_gather},
                 {"product", run_product}, {"grouped", run_grouped}, {"grouped_k", run_grouped_k}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name))
            return kinds[i].run;
    return NULL;
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

/* Calls `visit` for each accumulator of a reduction that is cut into chunks, with its step, and where it lies in those
 * of a chunk. */
static void each_partial(frame *f, void (*visit)(frame *, const step *, size_t, void *), void *context) {
    const kernel *k = f->kernel;
    size_t offset = 0;
    for (int i = 0; i < k->code->steps; i++) {
        const step *s = &k->code->step[i];
        if (s->run != run_accumulate)
            continue;
        visit(f, s, offset, context);
        int64_t elements = 1;
        for (int axis = 0; axis < k->rank; axis++)
            if (mask_of(f, s->result) >> axis & 1)
                elements *= k->extent[axis];
        offset += ((size_t)elements * element_bytes[s->type] + LINE - 1) / LINE * LINE;
    }
}

static void add_bytes(frame *f, const step *s, size_t offset, void *context) {
    int64_t elements = 1;
    for (int axis = 0; axis < f->kernel->rank; axis++)
        if (mask_of(f, s->result) >> axis & 1)
            elements *= f->kernel->extent[axis];
    *(size_t *)context = offset + ((size_t)elements * element_bytes[s->type] + LINE - 1) / LINE * LINE;
}

size_t partial_bytes(const kernel *k) {
    frame only = {.kernel = k};
    size_t bytes = 0;
    each_partial(&only, add_bytes, &bytes);
    return bytes;
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
