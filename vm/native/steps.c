/* The steps of a kernel on one tile: tile functions in loops, matrix products, and what moves data by index. */

#include "steps.h"

#include <stdlib.h>
#include <string.h>

#include "nest.h"

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

void fill(frame *f, reference result, const char *element) {
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

int run_accumulate(frame *f, const step *s) {
    if (!f->follows)
        fill(f, s->result, s->identity);
    const char *in = base_of(f, s->source[0]);
    run_nest(nest_of(f, s, f->kernel->reductions), s->function, 1, base_of(f, s->result), &in);
    return 0;
}

static int run_iota(frame *f, const step *s) {
    int axis = f->kernel->new_axis[s->axis];
    int64_t steps[MAX_AXES];
    char *out = base_of(f, s->result);
    steps_of(f, s->result, steps);
    for (int64_t index = f->origin[axis], end = index + f->extent[axis]; index < end; index++, out += steps[axis]) {
        int32_t narrow = (int32_t)index;
        float real = (float)index;
        const void *element = s->type == F32 ? (void *)&real : s->type == I32 ? (void *)&narrow : (void *)&index;
        memcpy(out, element, element_bytes[s->type]);
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
    int32_t narrow = 0;
    int64_t wide = 0;
    memcpy(type == I32 ? (void *)&narrow : (void *)&wide, place, element_bytes[type]);
    return type == I32 ? narrow : wide;
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
        product(f, s->type, rows, f->extent[1], 0, a, a, c, 0);
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
