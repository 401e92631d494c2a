/* Room `pool`: the one lock, conditions with a clock that only goes forward, and threads. */
#include <signal.h>
#include <stdatomic.h>
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

typedef struct start {
    void *(*run)(void *);
    void *arg;
} start;

static atomic_uint running; /* threads of ours, until their last line here */

static void *begin(void *arg)
{
    start s = *(start *)arg;

    free(arg);
    ours = true;
    void *result = s.run(s.arg);
    atomic_fetch_sub(&running, 1);
    return result;
}

unsigned hf_hsm_threads_running(void)
{
    return atomic_load(&running);
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

/* Signals are the program's business: our threads take none. */
bool hf_thread_start(pthread_t *out, bool detached, void *(*run)(void *), void *arg)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    start *s = malloc(sizeof *s);

    if (!s)
        return false;
    *s = (start){run, arg};
    sigfillset(&all);
    bool started = pthread_sigmask(SIG_SETMASK, &all, &before) == 0;
    if (started) {
        atomic_fetch_add(&running, 1);
        started = pthread_create(&thread, NULL, begin, s) == 0;
        if (!started)
            atomic_fetch_sub(&running, 1);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!started) {
        free(s);
        return false;
    }
    if (detached)
        (void)pthread_detach(thread);
    if (out)
        *out = thread;
    return true;
}
