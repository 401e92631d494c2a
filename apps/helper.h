/* A thread beside the loops that waits for work and may hang in a token: reloads, ticket secrets. What it does is its
 * own; here is how it sleeps, is woken, and is stopped within a limit. */
#ifndef HANDFAST_APPS_HELPER_H
#define HANDFAST_APPS_HELPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define HF_HELPER_NEVER UINT64_MAX

typedef struct hf_helper {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards what follows, and whatever its user says */
    pthread_cond_t wake;
    bool stopping;
} hf_helper;

void hf_helper_init(hf_helper *helper);
/* False: out of memory or threads. */
bool hf_helper_start(hf_helper *helper, void *(*run)(void *arg), void *arg);
/* With the lock held, on the helper's thread: until it is woken, or false when it is that late (hf_time_ms). It may be
 * woken for nothing. */
bool hf_helper_wait(hf_helper *helper, uint64_t until_ms);
/* With the lock held. */
void hf_helper_wake(hf_helper *helper);
/* Without the lock. False: it does not end within so many seconds, being inside of a token that does not answer; then
 * nothing that it may touch can be freed. One that was never started has ended. */
bool hf_helper_stop(hf_helper *helper, unsigned seconds);
/* After it has ended. */
void hf_helper_cleanup(hf_helper *helper);

#endif
