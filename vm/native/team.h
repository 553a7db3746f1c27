/* The threads of the native engine. A launch takes those that are idle when its first stage for several cores begins,
   keeps them until its last, and in between they wait for the next stage without going to sleep at once. */

#ifndef DVM_TEAM_H
#define DVM_TEAM_H

#include "tile.h"

typedef struct team team;

/* Runs work until there is no more; called on several threads at once. */
typedef void (*team_work)(frame *, void *context);

/* A team of the calling thread and up to `cores` - 1 others; NULL where there are none or no memory, which is no error.
 */
team *team_gather(int cores);

/* Have all that come in time work together with the calling thread, whose frame is given, and wait until all are done.
 */
void team_run(team *, team_work, void *context, frame *own);

/* Let the threads go; the team may not be used any more. */
void team_dismiss(team *);

/* The frame of the calling thread, NULL where there is no memory. It is the thread's for as long as it lives. */
frame *frame_of_thread(void);

/* Whether the threads record events. */
void team_set_recording(team *, int records);

/* The events of all threads since the last call, one array after another, handed to `take`. Only while nothing else is
 * recorded. */
void team_take_events(team *, void (*take)(const event *, size_t, void *), void *context);

/* Where the process has OpenMP threads, which wait awake for a while after each of their parallel regions, threads of
   one's own had to share the CPUs with them: launches had better use those. Takes libgomp's GOMP_parallel, or NULL. */
typedef void (*openmp_parallel)(void (*)(void *), void *, unsigned threads, unsigned flags);
void team_use_openmp(openmp_parallel);

/* Have up to `cores` of them work together, the calling thread among them; returns 0 where there are none. */
int team_run_openmp(int cores, team_work, void *context);

/* To be called once; returns -1 where the system has no more room for what it needs. */
int team_initialise(void);

#endif
