/* The module vm._native: launches of kernels for vm.native_engine. */

#include "kernel.h"

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "team.h"

static const char PLAN[] = "vm._native.plan";

enum { TILES, CHUNKS, COMBINING };

/* A launch: stages of kernels, of which those that are worth it run on several cores. */
typedef struct {
    int kernels, stages, last_wide;
    int64_t work;
    PyObject *owners; /* of the kernels */
    const kernel **kernel;
    int *first; /* by stage the number of its first kernel; one more for the end */
    unsigned char *wide;
} plan;

static void free_pieces(plan *p) {
    Py_DECREF(p->owners);
    free(p->kernel);
    free(p->first);
    free(p->wide);
    free(p);
}

static void free_plan(PyObject *capsule) {
    free_pieces(PyCapsule_GetPointer(capsule, PLAN));
}

/* make_plan(kernels, stage sizes, whether each stage is for several cores) */
static PyObject *make_plan(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *kernels, *sizes, *wide;
    if (!PyArg_ParseTuple(arguments, "O!O!O!", &PyTuple_Type, &kernels, &PyTuple_Type, &sizes, &PyTuple_Type, &wide))
        return NULL;
    plan *p = calloc(1, sizeof(plan));
    if (!p)
        return PyErr_NoMemory();
    p->kernels = (int)PyTuple_GET_SIZE(kernels);
    p->stages = (int)PyTuple_GET_SIZE(sizes);
    p->last_wide = -1;
    p->kernel = calloc((size_t)p->kernels + 1, sizeof(kernel *));
    p->first = calloc((size_t)p->stages + 1, sizeof(int));
    p->wide = calloc((size_t)p->stages + 1, 1);
    p->owners = Py_NewRef(kernels);
    PyObject *capsule = p->kernel && p->first && p->wide ? PyCapsule_New(p, PLAN, free_plan) : PyErr_NoMemory();
    if (!capsule) {
        free_pieces(p);
        return NULL;
    }
    for (int i = 0; i < p->kernels; i++) {
        if (!(p->kernel[i] = kernel_of(PyTuple_GET_ITEM(kernels, i))))
            break;
        p->work += p->kernel[i]->work;
    }
    for (int i = 0; i < p->stages; i++) {
        p->first[i + 1] = p->first[i] + (int)PyLong_AsLong(PyTuple_GET_ITEM(sizes, i));
        p->wide[i] = (unsigned char)PyObject_IsTrue(PyTuple_GET_ITEM(wide, i));
        if (p->wide[i])
            p->last_wide = i;
    }
    if (PyErr_Occurred()) {
        Py_DECREF(capsule);
        return NULL;
    }
    return capsule;
}

/* Work items of one kernel, that any thread may do in any order. */
typedef struct {
    const kernel *kernel;
    int kind;
    int64_t items;
    char *partials;
} job;

typedef struct {
    job *jobs;
    int count;
    int64_t items;
    char *const *buffers;
    _Atomic int64_t next;
    _Atomic int failed;
    failure failure;
} stage;

static int run_item(frame *f, const job *j, int64_t item) {
    return j->kind == TILES    ? run_tile(f, item)
           : j->kind == CHUNKS ? run_chunk(f, item, j->partials)
                               : run_combine(f, item, j->partials);
}

/* Do what is left. One item at a time: cores that read far apart get less out of the memory than neighbours do. */
static void drain(frame *f, void *context) {
    stage *s = context;
    while (!atomic_load_explicit(&s->failed, memory_order_relaxed)) {
        int64_t item = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
        if (item >= s->items)
            return;
        const job *j = s->jobs;
        while (item >= j->items)
            item -= j++->items;
        double start = f->records ? seconds_now() : 0;
        f->failure = (failure){.kernel = j->kernel};
        if (frame_begin(f, j->kernel, s->buffers) || run_item(f, j, item)) {
            if (!atomic_exchange(&s->failed, 1))
                s->failure = f->failure;
            return;
        }
        if (f->records)
            record(f, NULL, j->kind, item, 0, start);
    }
}

static int longer(const void *a, const void *b) {
    const job *x = a, *y = b;
    double one = (double)x->kernel->work / (double)x->items, other = (double)y->kernel->work / (double)y->items;
    return (one < other) - (one > other);
}

/* All items of the jobs, the longest first, on so many cores. */
static void run_jobs(stage *s, int cores, team **t, frame *own) {
    s->items = 0;
    for (int i = 0; i < s->count; i++)
        s->items += s->jobs[i].items;
    atomic_store_explicit(&s->next, 0, memory_order_relaxed);
    if (cores > 1 && s->items > 1) {
        if (s->count > 1)
            qsort(s->jobs, (size_t)s->count, sizeof(job), longer);
        if (!own->records && !*t && team_run_openmp(cores, drain, s))
            return;
        if (!*t && (*t = team_gather(cores)))
            team_set_recording(*t, own->records);
        if (*t) {
            team_run(*t, drain, s, own);
            return;
        }
    }
    drain(own, s);
}

static void run_stage(stage *s, const kernel *const *kernels, int count, int cores, team **t, frame *own) {
    s->count = 0;
    int split = 0;
    for (int i = 0; i < count; i++) {
        const kernel *k = kernels[i];
        job j = {k, TILES, k->parallel_tiles, NULL};
        if (k->chunks > 1) {
            j = (job){k, CHUNKS, k->parallel_tiles * k->chunks, malloc((size_t)k->chunks * partial_bytes(k) + 1)};
            split = 1;
            if (!j.partials) {
                s->failure = (failure){.kernel = k};
                atomic_store(&s->failed, 1);
            }
        }
        if (j.items)
            s->jobs[s->count++] = j;
    }
    run_jobs(s, cores, t, own);
    if (!split)
        return;
    job *all = s->jobs;
    int of_all = s->count;
    job *combining = malloc((size_t)(of_all + 1) * sizeof(job));
    s->count = 0;
    for (int i = 0; combining && i < of_all; i++)
        if (all[i].partials)
            combining[s->count++] = (job){all[i].kernel, COMBINING, all[i].kernel->parallel_tiles, all[i].partials};
    s->jobs = combining;
    if (!combining)
        atomic_store(&s->failed, 1);
    else if (!s->failed)
        run_jobs(s, cores, t, own);
    for (int i = 0; i < of_all; i++)
        free(all[i].partials);
    free(combining);
    s->jobs = all;
}

typedef struct {
    const plan *plan;
    PyObject *events; /* a list, or NULL */
} taking;

static void take_events(const event *events, size_t count, void *context) {
    taking *t = context;
    for (size_t i = 0; i < count && t->events; i++) {
        int kernel = 0;
        while (kernel < t->plan->kernels && t->plan->kernel[kernel] != events[i].kernel)
            kernel++;
        PyObject *one = Py_BuildValue("isiiLLdd", kernel, events[i].step ? events[i].step->mnemonic : NULL,
                                      events[i].kind, events[i].thread, (long long)events[i].item,
                                      (long long)events[i].elements, events[i].start, events[i].seconds);
        if (!one || PyList_Append(t->events, one))
            Py_CLEAR(t->events);
        Py_XDECREF(one);
    }
}

/* A list of what all threads of a launch have recorded; NULL with an exception where there is no memory. */
static PyObject *recorded(const plan *p, frame *own, team *gathered) {
    /* making objects may run anything, also a launch that records */
    event *events = own->events;
    size_t count = own->event_count;
    own->events = NULL;
    own->event_count = own->event_room = 0;
    taking t = {p, PyList_New(0)};
    take_events(events, count, &t);
    free(events);
    if (gathered)
        team_take_events(gathered, take_events, &t);
    return t.events;
}

/* What of the data does not fit, as `run` returns it. */
static PyObject *described(const plan *p, const failure *f) {
    int kernel = 0;
    while (p->kernel[kernel] != f->kernel)
        kernel++;
    return Py_BuildValue("iiLLL", f->kind, kernel, (long long)f->culprit, (long long)f->previous, (long long)f->limit);
}

static int run_plan(const plan *p, char *const *buffers, int cores, frame *own, team **gathered, stage *s) {
    s->jobs = malloc((size_t)(p->kernels + 1) * sizeof(job));
    if (!s->jobs)
        return -1;
    s->buffers = buffers;
    own->kernel = NULL;
    for (int i = 0; i < p->stages && !s->failed; i++) {
        run_stage(s, p->kernel + p->first[i], p->first[i + 1] - p->first[i], p->wide[i] ? cores : 1, gathered, own);
        if (*gathered && i == p->last_wide && !own->records) {
            team_dismiss(*gathered);
            *gathered = NULL;
        }
    }
    free(s->jobs);
    return 0;
}

enum { KEPT_BUFFERS = 256, SHORT_WORK = 1 << 14 };

/* run(plan, arrays or None by tensor, cores, records): None, or a list of events where it records; a tuple (kind,
   kernel, culprit, previous, limit) where data do not fit. */
static PyObject *run(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 4 || !PyList_Check(arguments[1]))
        return PyErr_Format(PyExc_TypeError,
                            "run takes a plan, a list of arrays, the number of cores and whether to record");
    const plan *p = PyCapsule_GetPointer(arguments[0], PLAN);
    int cores = (int)PyLong_AsLong(arguments[2]), records = PyObject_IsTrue(arguments[3]);
    if (PyErr_Occurred())
        return NULL;
    Py_ssize_t tensors = PyList_GET_SIZE(arguments[1]);
    char *some[KEPT_BUFFERS], **buffers = some;
    frame *own = frame_of_thread();
    if (!own || (tensors > KEPT_BUFFERS && !(buffers = malloc((size_t)tensors * sizeof(char *)))))
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < tensors; i++) {
        PyObject *array = PyList_GET_ITEM(arguments[1], i);
        buffers[i] = PyArray_Check(array) ? PyArray_BYTES((PyArrayObject *)array) : NULL;
    }
    stage s = {0};
    team *gathered = NULL;
    int failed;
    own->records = records;
    if (p->work < SHORT_WORK) {
        failed = run_plan(p, buffers, cores, own, &gathered, &s);
    } else {
        Py_BEGIN_ALLOW_THREADS
        failed = run_plan(p, buffers, cores, own, &gathered, &s);
        Py_END_ALLOW_THREADS
    }
    if (buffers != some)
        free(buffers);
    PyObject *result = records ? recorded(p, own, gathered) : Py_NewRef(Py_None);
    if (gathered)
        team_dismiss(gathered);
    if (failed || s.failed)
        Py_CLEAR(result);
    if (failed || (s.failed && s.failure.kind == FITS))
        return PyErr_NoMemory();
    return s.failed ? described(p, &s.failure) : result;
}

/* apply(instruction set, tile function, count, result, sources): run one tile function along the first axis of arrays.
 */
static PyObject *apply(PyObject *module, PyObject *arguments) {
    (void)module;
    int set;
    long long count;
    PyObject *function, *result, *sources;
    step found = {0};
    if (!PyArg_ParseTuple(arguments, "iOLO!O!", &set, &function, &count, &PyArray_Type, &result, &PyTuple_Type,
                          &sources) ||
        find_function(tile_functions_of((instruction_set)set), function, &found))
        return NULL;
    const char *in[MAX_SOURCES] = {0};
    int64_t steps[MAX_SOURCES] = {0};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sources) && i < MAX_SOURCES; i++) {
        PyArrayObject *source = (PyArrayObject *)PyTuple_GET_ITEM(sources, i);
        in[i] = PyArray_BYTES(source);
        steps[i] = PyArray_NDIM(source) ? PyArray_STRIDE(source, 0) : 0;
    }
    PyArrayObject *out = (PyArrayObject *)result;
    found.function(count, PyArray_BYTES(out), PyArray_NDIM(out) ? PyArray_STRIDE(out, 0) : 0, in, steps);
    Py_RETURN_NONE;
}

/* use_openmp(the address of GOMP_parallel, or 0) */
static PyObject *use_openmp(PyObject *module, PyObject *address) {
    (void)module;
    void *parallel = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred())
        return NULL;
    team_use_openmp((openmp_parallel)parallel);
    Py_RETURN_NONE;
}

static PyObject *instruction_sets(PyObject *module, PyObject *nothing) {
    (void)module;
    (void)nothing;
    PyObject *names = PyTuple_New((Py_ssize_t)best_instruction_set() + 1);
    for (Py_ssize_t i = 0; names && i <= (Py_ssize_t)best_instruction_set(); i++) {
        PyObject *name = PyUnicode_FromString(instruction_set_names[i]);
        if (!name)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

static PyMethodDef methods[] = {
    {"make_code", make_code, METH_VARARGS, "A kernel before its shapes are known."},
    {"make_kernel", make_kernel, METH_VARARGS, "A kernel for concrete shapes."},
    {"make_plan", make_plan, METH_VARARGS, "A launch."},
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL, "Run a launch."},
    {"apply", apply, METH_VARARGS, "Run one tile function, for tests of it."},
    {"use_openmp", use_openmp, METH_O, "Run launches for several cores on the threads of an OpenMP library."},
    {"instruction_sets", instruction_sets, METH_NOARGS, "The names of those that this CPU has, the best last."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "vm._native", "Launches of kernels in machine code.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    import_array();
    return team_initialise() ? PyErr_NoMemory() : PyModule_Create(&definition);
}
