/* A bell: a counter, and the kernel's futex to wait for its change. See bell.h, futex(2). */
#include "bell.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where long has 32 bits and time has 64, the call has another number. */
static long futex(hf_bell *bell, int what, unsigned value, const struct timespec *until)
{
#if defined SYS_futex_time64 && defined SYS_futex
    long call = sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;
#elif defined SYS_futex_time64
    long call = SYS_futex_time64;
#else
    long call = SYS_futex;
#endif
    return syscall(call, &bell->rung, what | FUTEX_PRIVATE_FLAG, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void hf_bell_ring(hf_bell *bell)
{
    atomic_fetch_add(&bell->rung, 1);
    (void)futex(bell, FUTEX_WAKE, 1, NULL);
}

void hf_bell_ring_all(hf_bell *bell)
{
    atomic_fetch_add(&bell->rung, 1);
    (void)futex(bell, FUTEX_WAKE, INT_MAX, NULL);
}

unsigned hf_bell_look(const hf_bell *bell)
{
    return atomic_load(&bell->rung);
}

void hf_bell_wait(hf_bell *bell, unsigned look, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};

    (void)futex(bell, FUTEX_WAIT_BITSET, look, &until);
}
