/* Chains of carries over limbs of 64 bits, the inner parts of field.h and scalar.c. For public data only (see p256.h).
 *
 * In C a carry is the upper half of a sum of 128 bits, and clang makes add-with-carry of it. GCC 12 moves each carry
 * through a register, which takes about as long again as all the multiplications; so for GCC on x86-64 the chains, and
 * nothing else, are written as instructions. */
#ifndef HANDFAST_P256_CHAIN_H
#define HANDFAST_P256_CHAIN_H

#include <stdint.h>

__extension__ typedef unsigned __int128 hf_u128;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(HF_P256_PORTABLE)
#define HF_P256_CHAIN_ASM 1
#else
#define HF_P256_CHAIN_ASM 0
#endif

static inline uint64_t hf_low(hf_u128 x)
{
    return (uint64_t)x;
}

static inline uint64_t hf_high(hf_u128 x)
{
    return (uint64_t)(x >> 64);
}

/* a + b + *carry (0 or 1), which becomes the carry out of it. */
static inline uint64_t hf_add_carry(uint64_t a, uint64_t b, uint64_t *carry)
{
    hf_u128 sum = (hf_u128)a + b + *carry;
    *carry = hf_high(sum);
    return hf_low(sum);
}

/* a - b - *borrow (0 or 1), which becomes the borrow out of it. */
static inline uint64_t hf_sub_borrow(uint64_t a, uint64_t b, uint64_t *borrow)
{
    hf_u128 difference = (hf_u128)a - b - *borrow;
    *borrow = hf_high(difference) & 1;
    return hf_low(difference);
}

/* t3..t0 += x3..x0. The carry out is lost: callers know that there is none. */
static inline void hf_chain_add4(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3, uint64_t x0, uint64_t x1,
                                 uint64_t x2, uint64_t x3)
{
#if HF_P256_CHAIN_ASM
    __asm__("addq %4, %0\n\t"
            "adcq %5, %1\n\t"
            "adcq %6, %2\n\t"
            "adcq %7, %3"
            : "+&r"(*t0), "+&r"(*t1), "+&r"(*t2), "+&r"(*t3)
            : "rm"(x0), "rm"(x1), "rm"(x2), "rm"(x3)
            : "cc");
#else
    uint64_t carry = 0;
    *t0 = hf_add_carry(*t0, x0, &carry);
    *t1 = hf_add_carry(*t1, x1, &carry);
    *t2 = hf_add_carry(*t2, x2, &carry);
    *t3 = hf_add_carry(*t3, x3, &carry);
#endif
}

/* t4..t0 += x3..x0. Out of t4 there is no carry, or it is not wanted. */
static inline void hf_chain_add5(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3, uint64_t *t4, uint64_t x0,
                                 uint64_t x1, uint64_t x2, uint64_t x3)
{
#if HF_P256_CHAIN_ASM
    __asm__("addq %5, %0\n\t"
            "adcq %6, %1\n\t"
            "adcq %7, %2\n\t"
            "adcq %8, %3\n\t"
            "adcq $0, %4"
            : "+&r"(*t0), "+&r"(*t1), "+&r"(*t2), "+&r"(*t3), "+&r"(*t4)
            : "rm"(x0), "rm"(x1), "rm"(x2), "rm"(x3)
            : "cc");
#else
    uint64_t carry = 0;
    *t0 = hf_add_carry(*t0, x0, &carry);
    *t1 = hf_add_carry(*t1, x1, &carry);
    *t2 = hf_add_carry(*t2, x2, &carry);
    *t3 = hf_add_carry(*t3, x3, &carry);
    *t4 += carry;
#endif
}

/* t4..t0 -= x3..x0: t4, 0 or 1 before, is all-ones where it borrows. */
static inline void hf_chain_sub5(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3, uint64_t *t4, uint64_t x0,
                                 uint64_t x1, uint64_t x2, uint64_t x3)
{
#if HF_P256_CHAIN_ASM
    __asm__("subq %5, %0\n\t"
            "sbbq %6, %1\n\t"
            "sbbq %7, %2\n\t"
            "sbbq %8, %3\n\t"
            "sbbq $0, %4"
            : "+&r"(*t0), "+&r"(*t1), "+&r"(*t2), "+&r"(*t3), "+&r"(*t4)
            : "rm"(x0), "rm"(x1), "rm"(x2), "rm"(x3)
            : "cc");
#else
    uint64_t borrow = 0;
    *t0 = hf_sub_borrow(*t0, x0, &borrow);
    *t1 = hf_sub_borrow(*t1, x1, &borrow);
    *t2 = hf_sub_borrow(*t2, x2, &borrow);
    *t3 = hf_sub_borrow(*t3, x3, &borrow);
    *t4 -= borrow;
#endif
}

#define HF_CHAIN_LIMBS 4

#if HF_P256_CHAIN_ASM
/* t, five limbs, += a * b: a chain of the lower halves of the products and one of the upper ones. */
static inline void hf_chain_mul_limb(uint64_t t[5], const uint64_t a[HF_CHAIN_LIMBS], uint64_t b)
{
    hf_u128 p0 = (hf_u128)a[0] * b, p1 = (hf_u128)a[1] * b, p2 = (hf_u128)a[2] * b, p3 = (hf_u128)a[3] * b;

    hf_chain_add5(&t[0], &t[1], &t[2], &t[3], &t[4], hf_low(p0), hf_low(p1), hf_low(p2), hf_low(p3));
    hf_chain_add4(&t[1], &t[2], &t[3], &t[4], hf_high(p0), hf_high(p1), hf_high(p2), hf_high(p3));
}
#else
/* The low limb of a * b + c + *carry; the high one becomes *carry. It cannot overflow. */
static inline uint64_t hf_mul_carry(uint64_t a, uint64_t b, uint64_t c, uint64_t *carry)
{
    hf_u128 sum = (hf_u128)a * b + c + *carry;
    *carry = hf_high(sum);
    return hf_low(sum);
}

static inline void hf_chain_mul_limb(uint64_t t[5], const uint64_t a[HF_CHAIN_LIMBS], uint64_t b)
{
    uint64_t carry = 0;

    t[0] = hf_mul_carry(a[0], b, t[0], &carry);
    t[1] = hf_mul_carry(a[1], b, t[1], &carry);
    t[2] = hf_mul_carry(a[2], b, t[2], &carry);
    t[3] = hf_mul_carry(a[3], b, t[3], &carry);
    t[4] += carry;
}
#endif

/* The product of two numbers of four limbs, eight limbs. */
static inline void hf_chain_mul(uint64_t t[8], const uint64_t a[HF_CHAIN_LIMBS], const uint64_t b[HF_CHAIN_LIMBS])
{
    for (int i = 0; i < 8; i++)
        t[i] = 0;
    hf_chain_mul_limb(t, a, b[0]);
    hf_chain_mul_limb(t + 1, a, b[1]);
    hf_chain_mul_limb(t + 2, a, b[2]);
    hf_chain_mul_limb(t + 3, a, b[3]);
}

#endif
