/* Key pairs made ahead: eight are made side by side, one is given out, seven wait for the thread's next handshakes.
 *
 * A pair does not depend on the peer, so it may be made before there is one; it must still be used once, and be gone
 * when it was. So the pairs of a thread stand in a page of their own, which no other thread sees, which a fork leaves
 * zeroed to the child, which stays out of core dumps and, as far as the system lets us, out of the swap. A pair is
 * wiped when it is taken, all of them are when they are too old (HF_LIMIT_PAIRS_AHEAD_MS) and when the thread ends.
 * Where the kernel cannot wipe for a fork, no pair waits. */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "handfast/providers.h"
#include "handfast/secret.h"
#include "x25519.h"

_Static_assert(HF_X25519_SIDE_BY_SIDE == HF_LIMIT_PAIRS_AHEAD + 1, "eight are made, one is given out");

typedef struct pool {
    volatile uint8_t whole; /* 1 while a pair is being taken: 0 then says that a fork wiped the page meanwhile */
    size_t ready;           /* how many pairs wait: the first ones */
    int64_t made_ms;
    uint8_t scalar[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE];
    uint8_t public[HF_X25519_SIDE_BY_SIDE][HF_X25519_SIZE];
} pool;

static pthread_key_t of_thread;
static bool have_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pool_free(void *p)
{
    hf_wipe(p, sizeof(pool));
    (void)munmap(p, sizeof(pool));
}

static void make_key(void)
{
    have_key = pthread_key_create(&of_thread, pool_free) == 0;
}

/* Whole pages of the kernel's, zeroed. NULL where a fork would copy them. */
static pool *pool_new(void)
{
    void *p = mmap(NULL, sizeof(pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (madvise(p, sizeof(pool), MADV_WIPEONFORK) != 0 || pthread_setspecific(of_thread, p) != 0) {
        (void)munmap(p, sizeof(pool));
        return NULL;
    }
    (void)madvise(p, sizeof(pool), MADV_DONTDUMP);
    (void)mlock(p, sizeof(pool));
    return p;
}

static pool *pool_of_thread(void)
{
    if (pthread_once(&once, make_key) != 0 || !have_key)
        return NULL;
    pool *p = pthread_getspecific(of_thread);
    return p ? p : pool_new();
}

/* Time that passes while the machine sleeps, too; -1: there is no such clock. */
static int64_t now_ms(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 : -1;
}

static bool too_old(const pool *p, int64_t now)
{
    return now < 0 || now < p->made_ms || now - p->made_ms > HF_LIMIT_PAIRS_AHEAD_MS;
}

static bool fill(pool *p, int64_t now)
{
    hf_wipe(p->scalar, sizeof p->scalar);
    p->ready = 0;
    if (getrandom(p->scalar, sizeof p->scalar, 0) != (ssize_t)sizeof p->scalar)
        return false; /* up to 256 bytes come whole, or not at all */
    hf_x25519_public8(p->scalar, p->public);
    p->made_ms = now;
    p->ready = HF_X25519_SIDE_BY_SIDE;
    return true;
}

/* False when there is no randomness. */
static bool take(pool *p, uint8_t *out_scalar, uint8_t *out_public)
{
    int64_t now = now_ms();

    if ((p->ready == 0 || too_old(p, now)) && !fill(p, now)) {
        hf_wipe(p->scalar, sizeof p->scalar);
        return false;
    }
    size_t i = p->ready - 1;
    p->ready = i;
    memcpy(out_scalar, p->scalar[i], HF_X25519_SIZE);
    memcpy(out_public, p->public[i], HF_X25519_SIZE);
    hf_wipe(p->scalar[i], HF_X25519_SIZE);
    hf_wipe(p->public[i], HF_X25519_SIZE);
    return true;
}

hf_status hf_x25519_take(uint8_t out_scalar[HF_X25519_SIZE], uint8_t out_public[HF_X25519_SIZE])
{
    pool alone = {0};
    pool *p = pool_of_thread();
    bool kept = p != NULL, good;

    if (!kept)
        p = &alone;
    for (;;) { /* again only when a signal handler forked meanwhile, and this is the child */
        p->whole = 1;
        good = take(p, out_scalar, out_public);
        if (!good || p->whole)
            break;
        hf_wipe(p, sizeof *p);
    }
    p->whole = 0;
    if (!kept)
        hf_wipe(&alone, sizeof alone);
    if (good)
        return HF_OK;
    hf_wipe(out_scalar, HF_X25519_SIZE);
    memset(out_public, 0, HF_X25519_SIZE);
    return HF_ERR_RANDOM;
}
