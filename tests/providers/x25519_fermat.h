/* 1 / x modulo 2^255 - 19 as x^(p - 2), by the field of providers/ifma in plain C: what the division steps are compared
 * with, in tests and by a fuzzer. To be compiled with HF_IFMA_PLAIN. */
#ifndef HF_TESTS_X25519_FERMAT_H
#define HF_TESTS_X25519_FERMAT_H

#define LANES 4
#include <string.h>

#include "field.h"
#include "x25519_invert.h"

/* Both are below p; in and out may be the same. */
static inline void x25519_fermat(uint64_t out[HF_X25519_WORDS], const uint64_t x[HF_X25519_WORDS])
{
    lanes words[HF_X25519_WORDS];

    for (size_t i = 0; i < HF_X25519_WORDS; i++)
        words[i] = LANES_ALL(x[i]);
    fe_to_words(fe_invert(fe_from_words(words)), words);
    for (size_t i = 0; i < HF_X25519_WORDS; i++)
        out[i] = words[i][0];
}

/* x without bit 255, from 0 to p - 1. */
static inline void x25519_reduce(uint64_t x[HF_X25519_WORDS])
{
    lanes words[HF_X25519_WORDS];

    for (size_t i = 0; i < HF_X25519_WORDS; i++)
        words[i] = LANES_ALL(x[i]);
    fe_to_words(fe_from_words(words), words);
    for (size_t i = 0; i < HF_X25519_WORDS; i++)
        x[i] = words[i][0];
}

#endif
