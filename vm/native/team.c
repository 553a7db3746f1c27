/* Threads that wait, first awake and then asleep, for launches and for the stages of a launch. */

#define _GNU_SOURCE

#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    MOST_WORKERS = 255,
    OPEN = 1 << 16,      /* in `inside`: threads may enter the stage */
    STAGE_WAIT = 300,    /* microseconds that a thread waits awake for the next stage of a launch, */
    IDLE_WAIT = 50,      /* for another launch, */
    FINISH_WAIT = 100,   /* and for threads that are to finish, before it offers its CPU to others */
    LOOKS_AT_A_TIME = 16 /* that are made between looks at the clock */
};

struct team {
    _Atomic int references; /* the launch, and each thread that has been given it */
    _Atomic int dismissed;
    _Atomic unsigned stage;  /* counts the stages, and the dismissal */
    _Atomic unsigned inside; /* threads at work on the stage, and OPEN */
    _Atomic int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t begins;
    team_work work;
    void *context;
    int records, members;
    struct worker *member[MOST_WORKERS];
};

typedef struct worker {
    _Atomic(team *) team;
    _Atomic int sleeps;
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    frame frame;
} worker;

static struct {
    pthread_mutex_t mutex;
    _Atomic int count;
    worker *workers[MOST_WORKERS];
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Whether to go on waiting awake: `looks` counts the looks so far, `end` is set at the first. */
static int stays_awake(unsigned *looks, double *end, int microseconds) {
    relax();
    if ((*looks)++ % LOOKS_AT_A_TIME)
        return 1;
    double now = seconds_now();
    if (*looks == 1)
        *end = now + microseconds * 1e-6;
    return now < *end;
}

static void release(team *t) {
    if (atomic_fetch_sub(&t->references, 1) == 1) {
        pthread_mutex_destroy(&t->mutex);
        pthread_cond_destroy(&t->begins);
        free(t);
    }
}

/* Workers */

static team *wait_for_team(worker *w) {
    unsigned looks = 0;
    double end = 0;
    do {
        if (atomic_load_explicit(&w->team, memory_order_acquire))
            return w->team;
    } while (stays_awake(&looks, &end, IDLE_WAIT));
    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->sleeps, 1);
    while (!atomic_load(&w->team))
        pthread_cond_wait(&w->wanted, &w->mutex);
    atomic_store(&w->sleeps, 0);
    pthread_mutex_unlock(&w->mutex);
    return w->team;
}

static void wait_for_stage(team *t, unsigned seen) {
    unsigned looks = 0;
    double end = 0;
    do {
        if (atomic_load_explicit(&t->stage, memory_order_acquire) != seen)
            return;
    } while (stays_awake(&looks, &end, STAGE_WAIT));
    pthread_mutex_lock(&t->mutex);
    atomic_fetch_add(&t->sleepers, 1);
    while (atomic_load(&t->stage) == seen)
        pthread_cond_wait(&t->begins, &t->mutex);
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->mutex);
}

static int enter(team *t) {
    unsigned inside = atomic_load(&t->inside);
    while (inside & OPEN)
        if (atomic_compare_exchange_weak(&t->inside, &inside, inside + 1))
            return 1;
    return 0;
}

static void serve(worker *w, team *t) {
    unsigned seen = 0;
    for (;;) {
        wait_for_stage(t, seen);
        seen = atomic_load(&t->stage);
        if (atomic_load(&t->dismissed))
            return;
        if (!enter(t))
            continue;
        w->frame.records = t->records;
        w->frame.kernel = NULL;
        t->work(&w->frame, t->context);
        atomic_fetch_sub(&t->inside, 1);
    }
}

static void *worker_main(void *argument) {
    worker *w = argument;
#ifdef __linux__
    pthread_setname_np(pthread_self(), "dvm-core");
#endif
    for (;;) {
        team *t = wait_for_team(w);
        serve(w, t);
        /* others may take this thread from here on */
        atomic_store(&w->team, NULL);
        release(t);
    }
    return NULL;
}

static worker *new_worker(int number) {
    worker *w = calloc(1, sizeof(worker));
    pthread_t thread;
    pthread_attr_t attributes;
    if (!w)
        return NULL;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wanted, NULL);
    w->frame.thread = number;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, worker_main, w);
    pthread_attr_destroy(&attributes);
    if (failed) {
        pthread_mutex_destroy(&w->mutex);
        pthread_cond_destroy(&w->wanted);
        free(w);
        return NULL;
    }
    return w;
}

/* Teams */

static int claim(team *t, worker *w) {
    team *nobody = NULL;
    atomic_fetch_add(&t->references, 1);
    if (!atomic_compare_exchange_strong(&w->team, &nobody, t)) {
        atomic_fetch_sub(&t->references, 1);
        return 0;
    }
    if (atomic_load(&w->sleeps)) {
        pthread_mutex_lock(&w->mutex);
        pthread_cond_signal(&w->wanted);
        pthread_mutex_unlock(&w->mutex);
    }
    t->member[t->members++] = w;
    return 1;
}

static void have_workers(int wanted) {
    if (atomic_load(&pool.count) >= wanted)
        return;
    pthread_mutex_lock(&pool.mutex);
    while (atomic_load(&pool.count) < wanted) {
        worker *w = new_worker(atomic_load(&pool.count) + 1);
        if (!w)
            break;
        pool.workers[atomic_load(&pool.count)] = w;
        atomic_fetch_add(&pool.count, 1);
    }
    pthread_mutex_unlock(&pool.mutex);
}

team *team_gather(int cores) {
    int wanted = cores - 1 < MOST_WORKERS ? cores - 1 : MOST_WORKERS;
    team *t = wanted > 0 ? calloc(1, sizeof(team)) : NULL;
    if (!t)
        return NULL;
    atomic_store(&t->references, 1);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->begins, NULL);
    have_workers(wanted);
    int count = atomic_load(&pool.count);
    for (int i = 0; i < count && t->members < wanted; i++)
        claim(t, pool.workers[i]);
    if (!t->members) {
        release(t);
        return NULL;
    }
    return t;
}

static void next_stage(team *t) {
    atomic_fetch_add(&t->stage, 1);
    if (atomic_load(&t->sleepers)) {
        pthread_mutex_lock(&t->mutex);
        pthread_cond_broadcast(&t->begins);
        pthread_mutex_unlock(&t->mutex);
    }
}

void team_run(team *t, team_work work, void *context, frame *own) {
    t->work = work;
    t->context = context;
    atomic_store(&t->inside, OPEN);
    next_stage(t);
    work(own, context);
    atomic_fetch_and(&t->inside, ~(unsigned)OPEN);
    unsigned looks = 0;
    double end = 0;
    while (atomic_load_explicit(&t->inside, memory_order_acquire))
        if (!stays_awake(&looks, &end, FINISH_WAIT))
            sched_yield();
}

void team_dismiss(team *t) {
    atomic_store(&t->dismissed, 1);
    next_stage(t);
    release(t);
}

void team_set_recording(team *t, int records) {
    t->records = records;
}

void team_take_events(team *t, void (*take)(const event *, size_t, void *), void *context) {
    for (int i = 0; i < t->members; i++) {
        frame *f = &t->member[i]->frame;
        take(f->events, f->event_count, context);
        f->event_count = 0;
    }
}

/* Threads of OpenMP */

static _Atomic(openmp_parallel) openmp;

void team_use_openmp(openmp_parallel parallel) {
    atomic_store(&openmp, parallel);
}

typedef struct {
    team_work work;
    void *context;
} task;

static void run_task(void *argument) {
    const task *t = argument;
    frame *f = frame_of_thread();
    if (f) {
        f->records = 0;
        f->kernel = NULL;
        t->work(f, t->context);
    }
}

int team_run_openmp(int cores, team_work work, void *context) {
    openmp_parallel parallel = atomic_load(&openmp);
    task t = {work, context};
    if (!parallel)
        return 0;
    /* always as many: libgomp lets threads go that a region does not use, and makes them again for the next */
    parallel(run_task, &t, (unsigned)(cores < MOST_WORKERS ? cores : MOST_WORKERS), 0);
    return 1;
}

/* Threads of the caller */

static pthread_key_t own_frame;

static void free_own(void *f) {
    frame_free(f);
    free(f);
}

frame *frame_of_thread(void) {
    frame *f = pthread_getspecific(own_frame);
    if (!f && (f = calloc(1, sizeof(frame))) && pthread_setspecific(own_frame, f)) {
        free(f);
        f = NULL;
    }
    return f;
}

/* A process that was forked has none of the threads of its parent; libgomp would wait for them for ever. */
static void forget(void) {
    atomic_store(&openmp, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    atomic_store(&pool.count, 0);
}

int team_initialise(void) {
    return pthread_key_create(&own_frame, free_own) || pthread_atfork(NULL, NULL, forget) ? -1 : 0;
}
