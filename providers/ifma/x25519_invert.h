/* 1 / x modulo p = 2^255 - 19, of one secret number: for the end of the ladder. Internal to `providers`. */
#ifndef HANDFAST_IFMA_X25519_INVERT_H
#define HANDFAST_IFMA_X25519_INVERT_H

#include <stdint.h>

/* Only there where the compiler has 128-bit integers; elsewhere fe_invert (field.h) has to do. */
#if defined(__SIZEOF_INT128__)
#define HF_X25519_INVERTS

#define HF_X25519_WORDS 4 /* of 64 bits, least significant first */

/* out = 1 / x modulo p, below p, for x below p; of 0 it is 0. Constant time; any CPU, any thread. out may be x. */
void hf_x25519_invert(uint64_t out[HF_X25519_WORDS], const uint64_t x[HF_X25519_WORDS]);
#endif

#endif
