/* The system's environment: libc's allocator, the kernel's generator, the wall clock. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "handfast/handfast.h"

static void *system_alloc(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void system_free(void *arg, void *p, size_t size)
{
    (void)arg;
    (void)size;
    free(p);
}

static hf_status system_random(void *arg, uint8_t *out, size_t len)
{
    (void)arg;
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return HF_ERR_RANDOM;
        out += n;
        len -= (size_t)n;
    }
    return HF_OK;
}

static int64_t system_time(void *arg)
{
    (void)arg;
    return (int64_t)time(NULL);
}

const hf_env *hf_env_system(void)
{
    static const hf_env env = {system_alloc, system_free, NULL, system_random, NULL, system_time, NULL};
    return &env;
}
