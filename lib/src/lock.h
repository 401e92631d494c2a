/* The one lock of the engine, for what connections of several threads share (ticket keys, session cache): held for a
 * copy of a few bytes, never across a call of anybody else's. The engine starts no threads and waits for none. */
#ifndef HF_LOCK_H
#define HF_LOCK_H

#include <pthread.h>
#include <stdbool.h>

typedef struct hf_lock {
    pthread_mutex_t mutex;
} hf_lock;

static inline bool hf_lock_init(hf_lock *lock)
{
    return pthread_mutex_init(&lock->mutex, NULL) == 0;
}
static inline void hf_lock_cleanup(hf_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}
static inline void hf_lock_take(hf_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}
static inline void hf_lock_give(hf_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

#endif
