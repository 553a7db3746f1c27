/* Kernels as the native engine wants them: what is known of one before its shapes are (`code`), and for concrete shapes
   (`kernel`). Both are read from what vm.prepare and vm.plan made, and do not change afterwards, so that any number of
   threads may run them. */

#ifndef DVM_KERNEL_H
#define DVM_KERNEL_H

#include <Python.h>

#include "product.h"
#include "tile_functions.h"

enum { MAX_AXES = 16, MAX_SOURCES = 3 };

typedef struct frame frame;
typedef struct step step;

/* Runs a step on the tile of a frame; returns 0, or -1 where data do not fit, which the frame then describes. */
typedef int (*step_function)(frame *, const step *);

/* What a step reads or writes: a value of the kernel, one of its operands, or one of its scalar constants. */
typedef struct {
    enum { VALUE, OPERAND, SCALAR } kind;
    int number;
} reference;

struct step {
    step_function run;
    tile_function function;
    char mnemonic[12];
    int sources;
    reference result, source[MAX_SOURCES];
    element_type type;
    /* The axis of an iota in the kernel's own numbering. */
    int axis;
    /* What a reduction begins with, in its type: of `initial` its result over nothing, of `accumulate` what leaves any
     * element as it is. */
    char identity[8];
};

typedef struct {
    element_type type;
    int slot;
} value;

typedef struct {
    int streams, first, end;
} pass;

typedef struct {
    const tile_functions *functions;
    product_function product;
    int values, operands, scalars, passes, steps;
    value *value;
    element_type *memory_type, *scalar_type;
    pass *pass;
    step *step;
} code;

typedef struct {
    int axis;
    int64_t shift, extent;
} guard;

/* An operand over the axes of the domain, as vm.layout.View; of one with a free dim `step` and `extent` are by its own
 * dims. */
typedef struct {
    int root, dims, guards;
    int64_t offset;
    unsigned mask;
    int64_t step[MAX_AXES], extent[MAX_AXES];
    int dim_axis[MAX_AXES];
    guard guard[MAX_AXES];
} view;

typedef struct {
    PyObject *owner; /* of `code` */
    const code *code;
    int rank, chunks;
    unsigned reductions;
    int64_t extent[MAX_AXES], tile[MAX_AXES], count[MAX_AXES];
    int new_axis[MAX_AXES];
    int64_t parallel_tiles, reduction_tiles, work;
    size_t unified_buffer_bytes;
    view *view;
    unsigned *mask;       /* by value */
    int *home;            /* by value: the operand that it lives in, or -1 */
    int64_t *slot_offset; /* by slot */
    char (*scalar)[8];
    unsigned char *skipped; /* by step: there is nothing to do */
    unsigned char
        *hazard; /* by step: the sources, as bits, of which the result would overwrite what is still to be read */
} kernel;

extern const size_t element_bytes[TYPES];

/* What a reduction by this opcode has to begin with, where `first`: with what leaves any element as it is, -0 for a sum
 * of floats. */
void write_identity(char *target, const char *mnemonic, element_type type, int first);

/* The tile function that a tuple names: its kind, and what that takes. None names none. Returns -1 with an exception.
 */
int find_function(const tile_functions *, PyObject *named, step *found);

/* Capsules; NULL with an exception where there is no memory, or where an argument is not what vm.native_engine hands
 * over. */
PyObject *make_code(PyObject *module, PyObject *arguments);
PyObject *make_kernel(PyObject *module, PyObject *arguments);
const kernel *kernel_of(PyObject *capsule);

#endif
