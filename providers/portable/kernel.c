/* Which vector kernel to use. No state: the CPU's features are asked each time, which costs a load. */
#include "kernel.h"

const hf_kernel *hf_kernel_at(size_t i)
{
    size_t seen = 0;

#if defined(__x86_64__)
    __builtin_cpu_init();
    /* The compiler's run-time support looks at XCR0 as well, so the operating system's consent is included. */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && seen++ == i)
        return &hf_kernel_avx512;
    if (__builtin_cpu_supports("avx2") && seen++ == i)
        return &hf_kernel_avx2;
#endif
    return seen == i ? &hf_kernel_base : NULL;
}

const hf_kernel *hf_kernel_best(void)
{
    return hf_kernel_at(0);
}
