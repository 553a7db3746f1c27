/* How one thread runs one tile of a kernel. */

#ifndef DVM_TILE_H
#define DVM_TILE_H

#include "kernel.h"

/* A loop nest of one tile function: an inner run, and outer axes from the innermost to the outermost. */
typedef struct {
    int64_t elements, count, out_step, in_step[MAX_SOURCES];
    int outer;
    int64_t outer_extent[MAX_AXES], outer_out[MAX_AXES], outer_in[MAX_AXES][MAX_SOURCES];
} nest;

/* What happened when, for a profile: an instruction where `step` is not NULL, else a work item. Times in seconds of the
 * monotonic clock. */
typedef struct {
    const kernel *kernel;
    const step *step;
    int kind, thread;
    int64_t item, elements;
    double start, seconds;
} event;

typedef enum { FITS, INDEX_OUT_OF_RANGE, GROUPS_DESCEND } misfit;

/* What does not fit: an index and the extent it should be below, or the end of a group, what it follows, and their
 * limit. */
typedef struct {
    misfit kind;
    const kernel *kernel;
    int64_t culprit, previous, limit;
} failure;

/* The state of a thread that runs tiles; its memory is kept from launch to launch. */
struct frame {
    const kernel *kernel;
    char *const *buffers; /* by tensor */
    int follows;          /* whether an earlier tile of this reduction has been run */
    int64_t item, step;   /* the current tile, by number */
    int64_t origin[MAX_AXES], extent[MAX_AXES];
    char **value_base, **operand_base; /* of the current tile */
    nest *nests;                       /* by step, of the current extents */
    unsigned char *has_nest;
    char *unified_buffer, *copies, *product_scratch;
    size_t values, operands, steps, unified_buffer_bytes;
    failure failure;
    int records, thread;
    event *events;
    size_t event_count, event_room;
};

/* Have the frame hold tiles of this kernel; returns -1 where there is no memory. `buffers` has an address for every
 * tensor that owns memory. */
int frame_begin(frame *, const kernel *, char *const *buffers);
void frame_free(frame *);

/* All passes on one tile of the parallel axes. Both return -1 where data do not fit. */
int run_tile(frame *, int64_t item);

/* The passes up to the stream pass for one chunk of a reduction, whose accumulators go to `partials` (partial_bytes of
 * them a chunk). */
int run_chunk(frame *, int64_t number, char *partials);

/* Combine the chunks of one tile, then run the passes after the stream pass. */
int run_combine(frame *, int64_t item, const char *partials);

/* Bytes of all accumulators of one chunk. */
size_t partial_bytes(const kernel *);

double seconds_now(void);
void record(frame *, const step *, int kind, int64_t item, int64_t elements, double start);

#endif
