/* Reads codes and kernels from the tuples of vm.native_engine. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

const size_t element_bytes[TYPES] = {1, 2, 2, 4, 4, 8};

static const char CODE[] = "vm._native.code", KERNEL[] = "vm._native.kernel";

void write_identity(char *target, const char *mnemonic, element_type type, int first) {
    char operation = mnemonic[2]; /* of rsum, rmax, rmin, rprod: u, a, i, r */
    if (type == F32) {
        float found = operation == 'u'   ? (first ? -0.0f : 0.0f)
                      : operation == 'r' ? 1.0f
                      : operation == 'a' ? -INFINITY
                                         : INFINITY;
        memcpy(target, &found, sizeof found);
    } else if (type == I32) {
        int32_t found = operation == 'u' ? 0 : operation == 'r' ? 1 : operation == 'a' ? INT32_MIN : INT32_MAX;
        memcpy(target, &found, sizeof found);
    } else {
        int64_t found = operation == 'u' ? 0 : operation == 'r' ? 1 : operation == 'a' ? INT64_MIN : INT64_MAX;
        memcpy(target, &found, sizeof found);
    }
}

/* A piece of a block that is allocated at once; the size of the block where that is not there yet. */
static void *piece(char *block, size_t *used, size_t bytes) {
    void *found = block ? block + *used : NULL;
    *used += (bytes + 15) & ~(size_t)15;
    return found;
}

static void free_code(PyObject *capsule) {
    free(PyCapsule_GetPointer(capsule, CODE));
}

static code *lay_out_code(char *block, size_t *used, int values, int operands, int scalars, int passes, int steps) {
    code *made = piece(block, used, sizeof(code));
    code pieces = {.values = values, .operands = operands, .scalars = scalars, .passes = passes, .steps = steps};
    pieces.value = piece(block, used, (size_t)values * sizeof(value));
    pieces.memory_type = piece(block, used, (size_t)operands * sizeof(element_type));
    pieces.scalar_type = piece(block, used, (size_t)scalars * sizeof(element_type));
    pieces.pass = piece(block, used, (size_t)passes * sizeof(pass));
    pieces.step = piece(block, used, (size_t)steps * sizeof(step));
    if (made)
        *made = pieces;
    return made;
}

static int read_types(PyObject *tuple, element_type *types) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        types[i] = (element_type)PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
    return PyErr_Occurred() ? -1 : 0;
}

static int read_reference(PyObject *pair, reference *found) {
    int kind, number;
    if (!PyArg_ParseTuple(pair, "ii", &kind, &number))
        return -1;
    *found = (reference){kind, number};
    return 0;
}

int find_function(const tile_functions *all, PyObject *named, step *found) {
    const char *kind, *mnemonic;
    int from, to;
    double exponent;
    if (named == Py_None)
        return 0;
    if (!PyTuple_Check(named) || !(kind = PyUnicode_AsUTF8(PyTuple_GetItem(named, 0))))
        return -1;
    if (!strcmp(kind, "elementwise") || !strcmp(kind, "accumulate")) {
        if (!PyArg_ParseTuple(named, "ssi", &kind, &mnemonic, &to))
            return -1;
        found->function = *kind == 'e' ? all->elementwise(mnemonic, to) : all->accumulate(mnemonic, to);
        if (*kind == 'a')
            write_identity(found->identity, mnemonic, to, 1);
    } else if (!strcmp(kind, "conversion")) {
        if (!PyArg_ParseTuple(named, "sii", &kind, &from, &to))
            return -1;
        found->function = all->conversion(from, to);
    } else if (!strcmp(kind, "rounding")) {
        if (!PyArg_ParseTuple(named, "sii", &kind, &from, &to))
            return -1;
        found->function = all->rounding(from, to);
    } else {
        if (!PyArg_ParseTuple(named, "sd", &kind, &exponent))
            return -1;
        found->function = all->constant_power(exponent);
    }
    if (!found->function)
        PyErr_Format(PyExc_ValueError, "no tile function %R", named);
    return found->function ? 0 : -1;
}

static int read_step(const tile_functions *all, PyObject *tuple, step *found) {
    const char *kind, *mnemonic;
    PyObject *function, *result, *sources;
    int type;
    if (!PyArg_ParseTuple(tuple, "ssOiiOO!", &kind, &mnemonic, &function, &type, &found->axis, &result, &PyTuple_Type,
                          &sources))
        return -1;
    found->run = step_of_kind(kind);
    snprintf(found->mnemonic, sizeof found->mnemonic, "%s", mnemonic);
    found->type = (element_type)type;
    found->sources = (int)PyTuple_GET_SIZE(sources);
    if (!found->run || found->sources > MAX_SOURCES) {
        PyErr_Format(PyExc_ValueError, "no step %R", tuple);
        return -1;
    }
    for (int i = 0; i < found->sources; i++)
        if (read_reference(PyTuple_GET_ITEM(sources, i), &found->source[i]))
            return -1;
    if (found->run == run_initial)
        write_identity(found->identity, mnemonic, found->type, 0);
    return read_reference(result, &found->result) || find_function(all, function, found) ? -1 : 0;
}

static int read_code(code *made, PyObject *values, PyObject *memory_types, PyObject *scalar_types, PyObject *passes) {
    for (int i = 0; i < made->values; i++) {
        int type;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(values, i), "ii", &type, &made->value[i].slot))
            return -1;
        made->value[i].type = (element_type)type;
    }
    if (read_types(memory_types, made->memory_type) || read_types(scalar_types, made->scalar_type))
        return -1;
    int number = 0;
    for (int i = 0; i < made->passes; i++) {
        PyObject *steps;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(passes, i), "pO!", &made->pass[i].streams, &PyTuple_Type, &steps))
            return -1;
        made->pass[i].first = number;
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(steps); j++)
            if (read_step(made->functions, PyTuple_GET_ITEM(steps, j), &made->step[number++]))
                return -1;
        made->pass[i].end = number;
    }
    return 0;
}

PyObject *make_code(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *values, *memory_types, *scalar_types, *passes;
    int set;
    if (!PyArg_ParseTuple(arguments, "iO!O!O!O!", &set, &PyTuple_Type, &values, &PyTuple_Type, &memory_types,
                          &PyTuple_Type, &scalar_types, &PyTuple_Type, &passes))
        return NULL;
    if (set < 0 || set > (int)best_instruction_set())
        return PyErr_Format(PyExc_ValueError, "no instruction set %i", set);
    int steps = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(passes); i++) {
        Py_ssize_t of_pass = PyObject_Size(PyTuple_GetItem(PyTuple_GET_ITEM(passes, i), 1));
        if (of_pass < 0)
            return NULL;
        steps += (int)of_pass;
    }
    int sizes[] = {(int)PyTuple_GET_SIZE(values), (int)PyTuple_GET_SIZE(memory_types),
                   (int)PyTuple_GET_SIZE(scalar_types), (int)PyTuple_GET_SIZE(passes)};
    size_t bytes = 0, used = 0;
    lay_out_code(NULL, &bytes, sizes[0], sizes[1], sizes[2], sizes[3], steps);
    char *block = calloc(1, bytes);
    if (!block)
        return PyErr_NoMemory();
    code *made = lay_out_code(block, &used, sizes[0], sizes[1], sizes[2], sizes[3], steps);
    made->functions = tile_functions_of((instruction_set)set);
    made->product = product_of((instruction_set)set);
    PyObject *capsule =
        read_code(made, values, memory_types, scalar_types, passes) ? NULL : PyCapsule_New(made, CODE, free_code);
    if (!capsule)
        free(block);
    return capsule;
}

static void free_kernel(PyObject *capsule) {
    kernel *made = PyCapsule_GetPointer(capsule, KERNEL);
    Py_DECREF(made->owner);
    free(made);
}

const kernel *kernel_of(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, KERNEL);
}

static int read_integers(PyObject *tuple, int64_t *found, int limit) {
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) > limit) {
        PyErr_SetString(PyExc_ValueError, "too many axes");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        found[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i));
    return PyErr_Occurred() ? -1 : (int)PyTuple_GET_SIZE(tuple);
}

static int read_view(PyObject *tuple, view *found) {
    PyObject *shape, *strides, *guards, *dim_axes;
    int64_t axes[MAX_AXES];
    long long offset;
    if (!PyArg_ParseTuple(tuple, "iLOOIO!O", &found->root, &offset, &shape, &strides, &found->mask, &PyTuple_Type,
                          &guards, &dim_axes) ||
        read_integers(shape, found->extent, MAX_AXES) < 0 || read_integers(strides, found->step, MAX_AXES) < 0 ||
        (found->dims = read_integers(dim_axes, axes, MAX_AXES)) < 0)
        return -1;
    found->offset = offset;
    for (int i = 0; i < found->dims; i++)
        found->dim_axis[i] = (int)axes[i];
    found->guards = (int)PyTuple_GET_SIZE(guards);
    for (int i = 0; i < found->guards && i < MAX_AXES; i++) {
        long long shift, extent;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(guards, i), "iLL", &found->guard[i].axis, &shift, &extent))
            return -1;
        found->guard[i].shift = shift;
        found->guard[i].extent = extent;
    }
    return 0;
}

static int read_scalar(PyObject *number, element_type type, char *found) {
    if (type == F32) {
        float single = (float)PyFloat_AsDouble(number);
        memcpy(found, &single, sizeof single);
    } else if (type == I1) {
        *found = (char)PyObject_IsTrue(number);
    } else {
        int64_t integer = PyLong_AsLongLong(number);
        int32_t narrow = (int32_t)integer;
        memcpy(found, type == I32 ? (void *)&narrow : (void *)&integer, element_bytes[type]);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static kernel *lay_out_kernel(char *block, size_t *used, const code *code, int slots) {
    kernel *made = piece(block, used, sizeof(kernel));
    view *views = piece(block, used, (size_t)code->operands * sizeof(view));
    unsigned *mask = piece(block, used, (size_t)code->values * sizeof(unsigned));
    int *home = piece(block, used, (size_t)code->values * sizeof(int));
    int64_t *slot_offset = piece(block, used, (size_t)slots * sizeof(int64_t));
    char (*scalar)[8] = piece(block, used, (size_t)code->scalars * 8);
    unsigned char *skipped = piece(block, used, (size_t)code->steps);
    unsigned char *hazard = piece(block, used, (size_t)code->steps);
    if (made) {
        made->code = code;
        made->view = views;
        made->mask = mask;
        made->home = home;
        made->slot_offset = slot_offset;
        made->scalar = scalar;
        made->skipped = skipped;
        made->hazard = hazard;
    }
    return made;
}

/* The axes along which something is more than one element. */
static unsigned long_axes(const kernel *k, unsigned mask) {
    unsigned found = 0;
    for (int axis = 0; axis < k->rank; axis++)
        if (mask >> axis & 1 && k->extent[axis] != 1)
            found |= 1u << axis;
    return found;
}

/* The sources in the slot of the result that must be copied before it is written: of other elements, or of other axes.
 */
static unsigned char hazards_of(const kernel *k, const step *s) {
    unsigned char found = 0;
    if (s->result.kind != VALUE || k->home[s->result.number] >= 0)
        return 0;
    const value *result = &k->code->value[s->result.number];
    for (int i = 0; i < s->sources; i++) {
        int source = s->source[i].number;
        if (s->source[i].kind != VALUE || source == s->result.number || k->home[source] >= 0 ||
            k->code->value[source].slot != result->slot)
            continue;
        if (element_bytes[k->code->value[source].type] != element_bytes[result->type] ||
            long_axes(k, k->mask[source]) != long_axes(k, k->mask[s->result.number]))
            found |= (unsigned char)(1 << i);
    }
    return found;
}

static void find_hazards_and_skipped(kernel *k) {
    for (int i = 0; i < k->code->steps; i++) {
        const step *s = &k->code->step[i];
        k->hazard[i] = hazards_of(k, s);
        int is_store = s->result.kind == OPERAND, is_initial = s->run == run_initial;
        k->skipped[i] =
            (is_store && k->home[s->source[0].number] == s->result.number) || (is_initial && k->reduction_tiles > 0);
    }
}

static int read_masks(kernel *k, PyObject *masks, PyObject *homes) {
    for (int i = 0; i < k->code->values; i++) {
        k->mask[i] = (unsigned)PyLong_AsLong(PyTuple_GET_ITEM(masks, i));
        k->home[i] = (int)PyLong_AsLong(PyTuple_GET_ITEM(homes, i));
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int read_domain(kernel *k, PyObject *domain, PyObject *tile, PyObject *counts) {
    PyObject *extents, *new_axis;
    int64_t axes[MAX_AXES];
    if (!PyArg_ParseTuple(domain, "OIO", &extents, &k->reductions, &new_axis) ||
        (k->rank = read_integers(extents, k->extent, MAX_AXES)) < 0 || read_integers(tile, k->tile, MAX_AXES) < 0 ||
        read_integers(counts, k->count, MAX_AXES) < 0)
        return -1;
    int original = read_integers(new_axis, axes, MAX_AXES);
    for (int i = 0; i < original; i++)
        k->new_axis[i] = (int)axes[i];
    k->parallel_tiles = k->reduction_tiles = 1;
    for (int axis = 0; axis < k->rank; axis++)
        *(k->reductions >> axis & 1 ? &k->reduction_tiles : &k->parallel_tiles) *= k->count[axis];
    return original < 0 ? -1 : 0;
}

PyObject *make_kernel(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *owner, *domain, *views, *masks, *homes, *tile, *slot_offsets, *scalars, *counts;
    int chunks;
    long long unified_buffer_bytes, work;
    if (!PyArg_ParseTuple(arguments, "OO!O!O!O!OiOLO!OL", &owner, &PyTuple_Type, &domain, &PyTuple_Type, &views,
                          &PyTuple_Type, &masks, &PyTuple_Type, &homes, &tile, &chunks, &slot_offsets,
                          &unified_buffer_bytes, &PyTuple_Type, &scalars, &counts, &work))
        return NULL;
    const code *of = PyCapsule_GetPointer(owner, CODE);
    if (!of)
        return NULL;
    if (PyTuple_GET_SIZE(views) != of->operands || PyTuple_GET_SIZE(masks) != of->values ||
        PyTuple_GET_SIZE(homes) != of->values || PyTuple_GET_SIZE(scalars) != of->scalars)
        return PyErr_Format(PyExc_ValueError, "a plan of another kernel");
    int slots = (int)PyTuple_Size(slot_offsets);
    size_t bytes = 0, used = 0;
    lay_out_kernel(NULL, &bytes, of, slots);
    char *block = calloc(1, bytes);
    if (!block)
        return PyErr_NoMemory();
    kernel *made = lay_out_kernel(block, &used, of, slots);
    made->chunks = chunks;
    made->work = work;
    made->unified_buffer_bytes = (size_t)unified_buffer_bytes;
    int failed = read_domain(made, domain, tile, counts) || read_masks(made, masks, homes) ||
                 read_integers(slot_offsets, made->slot_offset, slots) < 0;
    for (int i = 0; i < of->operands && !failed; i++)
        failed = read_view(PyTuple_GET_ITEM(views, i), &made->view[i]);
    for (int i = 0; i < of->scalars && !failed; i++)
        failed = read_scalar(PyTuple_GET_ITEM(scalars, i), of->scalar_type[i], made->scalar[i]);
    PyObject *capsule = failed ? NULL : PyCapsule_New(made, KERNEL, free_kernel);
    if (!capsule) {
        free(block);
        return NULL;
    }
    find_hazards_and_skipped(made);
    made->owner = Py_NewRef(owner);
    return capsule;
}
