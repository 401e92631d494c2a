/* What the CPU can do and the operating system lets it do, as words for people.
 *
 * Printed by `handfast providers` and written beside every measurement, so that a reader knows which paths were
 * possible; and what the providers `vaes` and `ifma` ask before they run. The other providers ask for themselves. */
#include "cpu.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "handfast/providers.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static char words[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static inline void add_if(bool present, const char *word)
{
    size_t used = strlen(words);
    size_t len = strlen(word);

    if (!present || used + len + 2 > sizeof words)
        return;
    if (used > 0)
        words[used++] = ' ';
    memcpy(words + used, word, len + 1);
}

#if defined(__x86_64__) || defined(__i386__)

/* XCR0, Intel SDM volume 1 section 13.3: which register states the operating system saves. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static unsigned read_xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void collect(void)
{
    unsigned a, b = 0, c = 0, d, b7 = 0, c7 = 0, d7;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return;
    (void)__get_cpuid_count(7, 0, &a, &b7, &c7, &d7);
    unsigned xcr0 = c & bit_OSXSAVE ? read_xcr0() : 0;
    bool ymm = (xcr0 & XCR0_AVX) == XCR0_AVX;
    bool zmm = (xcr0 & XCR0_AVX512) == XCR0_AVX512;

    add_if(c & bit_SSSE3, "ssse3");
    add_if(c & bit_SSE4_1, "sse4_1");
    add_if(c & bit_AES, "aes");
    add_if(c & bit_PCLMUL, "pclmulqdq");
    add_if(b7 & (1u << 29), "sha_ni");
    add_if(ymm && (c & bit_AVX), "avx");
    add_if(ymm && (b7 & (1u << 5)), "avx2");
    add_if(b7 & (1u << 8), "bmi2");
    add_if(b7 & (1u << 19), "adx");
    add_if(ymm && (c7 & (1u << 9)), "vaes");
    add_if(ymm && (c7 & (1u << 10)), "vpclmulqdq");
    add_if(c7 & (1u << 8), "gfni");
    add_if(zmm && (b7 & (1u << 16)), "avx512f");
    add_if(zmm && (b7 & (1u << 17)), "avx512dq");
    add_if(zmm && (b7 & (1u << 30)), "avx512bw");
    add_if(zmm && (b7 & (1u << 31)), "avx512vl");
    add_if(zmm && (b7 & (1u << 21)), "avx512ifma");
    add_if(zmm && (c7 & (1u << 1)), "avx512vbmi");
    add_if(zmm && (c7 & (1u << 6)), "avx512vbmi2");
}

#elif defined(__aarch64__) && defined(__linux__)

static void collect(void)
{
    unsigned long caps = getauxval(AT_HWCAP);
    add_if(caps & HWCAP_ASIMD, "asimd");
    add_if(caps & HWCAP_AES, "aes");
    add_if(caps & HWCAP_PMULL, "pmull");
    add_if(caps & HWCAP_SHA1, "sha1");
    add_if(caps & HWCAP_SHA2, "sha2");
    add_if(caps & HWCAP_SHA512, "sha512");
    add_if(caps & HWCAP_SVE, "sve");
}

#else

static void collect(void)
{
    add_if(false, "");
}

#endif

const char *hf_cpu_features(void)
{
    (void)pthread_once(&once, collect);
    return words;
}

bool hf_cpu_has(const char *word)
{
    size_t len = strlen(word);

    for (const char *at = hf_cpu_features(); (at = strstr(at, word)) != NULL; at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}
