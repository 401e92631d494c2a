/* A thread beside the loops. See helper.h. */
#include "helper.h"

#include <errno.h>
#include <time.h>

/* Its clock only goes forward: what it waits for does not depend on who sets the time of day. */
void hf_helper_init(hf_helper *helper)
{
    pthread_condattr_t monotonic;
    *helper = (hf_helper){.started = false};
    pthread_mutex_init(&helper->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&helper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool hf_helper_start(hf_helper *helper, void *(*run)(void *arg), void *arg)
{
    helper->started = pthread_create(&helper->thread, NULL, run, arg) == 0;
    return helper->started;
}

bool hf_helper_wait(hf_helper *helper, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    if (until_ms == HF_HELPER_NEVER)
        return pthread_cond_wait(&helper->wake, &helper->lock) == 0;
    return pthread_cond_timedwait(&helper->wake, &helper->lock, &until) != ETIMEDOUT;
}

void hf_helper_wake(hf_helper *helper)
{
    pthread_cond_signal(&helper->wake);
}

bool hf_helper_stop(hf_helper *helper, unsigned seconds)
{
    struct timespec until;
    if (!helper->started)
        return true;
    pthread_mutex_lock(&helper->lock);
    helper->stopping = true;
    hf_helper_wake(helper);
    pthread_mutex_unlock(&helper->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    helper->started = pthread_timedjoin_np(helper->thread, NULL, &until) != 0;
    return !helper->started;
}

void hf_helper_cleanup(hf_helper *helper)
{
    pthread_cond_destroy(&helper->wake);
    pthread_mutex_destroy(&helper->lock);
}
