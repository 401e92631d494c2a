/* What this CPU has of what the kernels here need. Asked once: CPUID traps in a virtual machine and takes microseconds
 * there. */
#include "x86.h"

#include <cpuid.h>
#include <pthread.h>

/* Intel SDM volume 2, CPUID leaf 7, EBX. The compilers' __builtin_cpu_supports does not know it everywhere. */
#define LEAF7_EBX_SHA (1u << 29)

static bool sha;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void ask(void)
{
    unsigned a, b1, c1, d, b7, c7;

    if (!__get_cpuid(1, &a, &b1, &c1, &d) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d))
        return;
    sha = (c1 & bit_SSSE3) && (c1 & bit_SSE4_1) && (b7 & LEAF7_EBX_SHA);
}

bool hf_x86_has_sha(void)
{
    (void)pthread_once(&once, ask);
    return sha;
}
