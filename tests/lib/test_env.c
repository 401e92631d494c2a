/* The system's environment: its generator fills what it is asked for, and says so when it cannot. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handfast/handfast.h"

/* ---- What the environment calls ---- */

static unsigned calls, interrupted; /* so far; how many of them a signal interrupts at first */
static size_t most = 256;           /* bytes of one answer */
static bool broken, silent;

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    cr_assert_eq(flags, 0, "only when the kernel's generator is seeded");
    calls++;
    if (broken || calls <= interrupted) {
        errno = broken ? ENOSYS : EINTR;
        return -1;
    }
    return silent ? 0 : syscall(SYS_getrandom, out, len < most ? len : most, flags);
}

/* ---- Tests ---- */

static hf_status fill(uint8_t *out, size_t len)
{
    const hf_env *env = hf_env_system();
    return env->random(env->random_arg, out, len);
}

Test(env, random_fills_and_never_repeats)
{
    uint8_t a[1000] = {0}, b[1000] = {0};

    cr_assert_eq(fill(a, sizeof a - 1), HF_OK);
    cr_assert_eq(fill(b, sizeof b - 1), HF_OK);
    for (size_t i = 0; i + 20 < sizeof a; i += 20) {
        static const uint8_t zeros[20];
        cr_assert_neq(memcmp(a + i, b + i, 20), 0, "%zu", i);
        cr_assert_neq(memcmp(a + i, zeros, 20), 0, "%zu", i);
    }
    cr_assert_eq(a[sizeof a - 1], 0, "no more than that");
    cr_assert_eq(fill(NULL, 0), HF_OK);
}

Test(env, random_goes_on_after_signals_and_short_answers)
{
    static const uint8_t zeros[20];
    uint8_t a[100] = {0};

    interrupted = 3;
    most = 7;
    cr_assert_eq(fill(a, sizeof a), HF_OK);
    cr_assert_eq(calls, 3 + 15);
    for (size_t i = 0; i < sizeof a; i += 20)
        cr_assert_neq(memcmp(a + i, zeros, 20), 0, "%zu", i);
}

Test(env, random_that_fails_is_told, .timeout = 60)
{
    uint8_t a[32] = {0};

    broken = true;
    cr_assert_eq(fill(a, sizeof a), HF_ERR_RANDOM);
    broken = false;
    silent = true;
    cr_assert_eq(fill(a, sizeof a), HF_ERR_RANDOM);
}
