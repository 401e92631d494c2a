/* Room `pool`: the one lock, conditions with a clock that only goes forward, and threads. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "handfast/hsm.h"
#include "pool.h"

static pthread_mutex_t hub = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool ours;

void hf_hub_lock(void)
{
    pthread_mutex_lock(&hub);
}

bool hf_hub_try_lock(void)
{
    return pthread_mutex_trylock(&hub) == 0;
}

void hf_hub_unlock(void)
{
    pthread_mutex_unlock(&hub);
}

void hf_hub_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

void hf_hub_wait(pthread_cond_t *cond, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};

    if (until_us == 0)
        pthread_cond_wait(cond, &hub);
    else
        (void)pthread_cond_timedwait(cond, &hub, &until);
}

/* Threads that nobody waits for, once they have done their work: each joins those before it, and
 * hf_hsm_threads_running the last ones. A thread that was let go would go on to run what the libraries below it do at a
 * thread's end, while the program's own end takes away what that needs. */
typedef struct loose_thread {
    pthread_t thread;
    struct loose_thread *next;
} loose_thread;

typedef struct start {
    void *(*run)(void *);
    void *arg;
    loose_thread *loose; /* so that the end needs no memory */
} start;

static pthread_mutex_t ends = PTHREAD_MUTEX_INITIALIZER;
static unsigned running;      /* guarded by ends: threads of ours, until their last line here */
static loose_thread *to_join; /* guarded by ends */
static _Thread_local bool alone;

static void join_all(loose_thread *list)
{
    while (list) {
        loose_thread *next = list->next;
        (void)pthread_join(list->thread, NULL);
        free(list);
        list = next;
    }
}

static void *begin(void *arg)
{
    start s = *(start *)arg;

    free(arg);
    ours = true;
    void *result = s.run(s.arg);
    if (!alone) {
        free(s.loose);
        s.loose = NULL;
    }
    loose_thread *before = NULL;
    pthread_mutex_lock(&ends);
    if (s.loose) {
        before = to_join;
        *s.loose = (loose_thread){.thread = pthread_self()};
        to_join = s.loose;
    }
    running--;
    pthread_mutex_unlock(&ends);
    join_all(before);
    return result;
}

unsigned hf_hsm_threads_running(void)
{
    pthread_mutex_lock(&ends);
    loose_thread *list = to_join;
    unsigned n = running;
    to_join = NULL;
    pthread_mutex_unlock(&ends);
    join_all(list);
    return n;
}

bool hf_thread_is_ours(void)
{
    return ours;
}

bool hf_thread_mark(bool mark)
{
    bool before = ours;

    ours = mark;
    return before;
}

void hf_thread_alone(void)
{
    alone = true;
}

static void count(int change)
{
    pthread_mutex_lock(&ends);
    running += (unsigned)change;
    pthread_mutex_unlock(&ends);
}

/* Signals are the program's business: our threads take none. */
bool hf_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
    sigset_t all;
    sigset_t before;
    start *s = malloc(sizeof *s);
    loose_thread *loose = malloc(sizeof *loose);
    bool started = false;

    if (s && loose) {
        *s = (start){run, arg, loose};
        sigfillset(&all);
        started = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    }
    if (started) {
        count(1);
        started = pthread_create(out, NULL, begin, s) == 0;
        if (!started)
            count(-1);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!started) {
        free(s);
        free(loose);
    }
    return started;
}
