/* What lanes.c asks of the CPU; apart from it, since this must run on any. See lanes.h. */
#include "lanes.h"

#if defined(HF_IFMA_PLAIN)

bool hf_p256_lanes_can(void)
{
    return true;
}

#elif defined(HF_P256_LANES)
#include "cpu.h"

bool hf_p256_lanes_can(void)
{
    return hf_cpu_has("avx512f") && hf_cpu_has("avx512dq") && hf_cpu_has("avx512bw") && hf_cpu_has("avx512vl") &&
           hf_cpu_has("avx512ifma") && hf_cpu_has("bmi2") && hf_cpu_has("avx2");
}

#else

bool hf_p256_lanes_can(void)
{
    return false;
}

#endif
